/* features: which of HAProxy's build features and switches Ballast has, for feature(), enabled() and -vv. */
#ifndef BALLAST_CONFIG_FEATURES_H
#define BALLAST_CONFIG_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "ballast/base/slice.h"

struct feature {
	const char *name;
	bool present;
};

/* All names of HAProxy's feature list, and YAML, sorted; -vv prints them with '+' or '-'. */
const struct feature *features_all(size_t *count);
/* feature(NAME): case counts, as in HAProxy; what is unknown is not there. */
bool feature_present(struct slice name);
/* enabled(OPT): the same for the switches of section 2.4. */
bool option_enabled(struct slice name);

#endif
