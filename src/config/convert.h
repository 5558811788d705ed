/* convert: what both directions share. */
#ifndef SRC_CONFIG_CONVERT_H
#define SRC_CONFIG_CONVERT_H

#include <stdio.h>

#include "ballast/base/arena.h"
#include "ballast/base/diag.h"

struct convert {
	const char *file;
	struct slice text;
	struct arena *arena;
	struct diag *diag;
	FILE *to;
};

/* 0, or negative: -EINVAL after errors were added, -ENOMEM. */
int convert_from_cfg(const struct convert *c);
int convert_from_yaml(const struct convert *c);

/* Whether a line that begins with this word begins a section, even one that Ballast has not. */
bool convert_is_section(const char *word);

#endif
