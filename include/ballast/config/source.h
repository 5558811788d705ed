/* source: the files of a configuration, read line by line.
 *
 * What -f and -- name is kept as it was written; each config_read() looks anew into directories and files, so that a
 * reload sees what has come and gone.  A section ends with its file.
 */
#ifndef BALLAST_CONFIG_SOURCE_H
#define BALLAST_CONFIG_SOURCE_H

#include "ballast/base/arena.h"
#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/config/env.h"

#define CONFIG_FILE_MAX (64u << 20) /* bytes of one file */

struct config_named {
	const char *path;
	struct slice text; /* ptr NULL: it is read from `path` */
};

struct config_source {
	/* Set by the caller. */
	struct config_env *env;               /* that lines are expanded from; on_line may change it */
	bool (*is_section)(const char *word); /* whether a line's first word begins a section; for .SECTION */
	bool diagnostics;                     /* .diag speaks (-dD) */
	bool again;                           /* a configuration runs: what it set, the process keeps */

	/* Read by the caller: the files of the last config_read(), in order, NULL-terminated; for watching them.
	 * Those that could not be read are among them; standard input is "<stdin>".  In that call's arena. */
	const char **files;

	/* Private. */
	struct arena arena;
	struct config_named *named; /* by config_source_add() and config_source_add_text() */
	size_t count, room;
	struct slice input; /* standard input, which can be read once only */
	bool input_read;
};

void config_source_init(struct config_source *src, struct config_env *env);
/* Not before everything that was read from it is gone: places point into it. */
void config_source_free(struct config_source *src);

/* Adds a file, "-" for standard input, or a directory, whose regular files that end in ".cfg", ".yaml" or ".yml" and
 * are not hidden are read in the order of their bytes (management manual, section 3, -f).  0 or -ENOMEM. */
int config_source_add(struct config_source *src, const char *path);

/* Adds a text that is no file, called `name` in messages ("<command line>").  Both are copied.  0 or -ENOMEM. */
int config_source_add_text(struct config_source *src, const char *name, struct slice text);

/* The whole text of one file, in `a`, with a NUL behind it.  0 or a negative errno, -EFBIG above CONFIG_FILE_MAX. */
int config_file_text(const char *path, struct arena *a, struct slice *out);

/* Reads all files and calls on_line for each line that has words and that no condition keeps out, in order.  Lines of
 * one file have the same pointer as words[0].at.file, those of different files never have: where it changes, the
 * section has ended.  A line that could not be cut into words is an error and is not given to on_line, unless it
 * begins a section: then it is given as well as it could be read.
 * Sets HAPROXY_CFGFILES.  Words, places and src->files live in `arena`, which must outlive `d`.
 * 0; -EINVAL where an error was added on the way, by whomever; or what on_line returned, where that is negative:
 * reading stops at once then. */
int config_read(struct config_source *src, struct arena *arena, struct diag *d,
	int (*on_line)(void *arg, struct line *line), void *arg);

#endif
