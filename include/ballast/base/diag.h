/* diag: what a person must read: errors, warnings and notes, each with its place.
 *
 * Rooms that parse take a `struct diag *` and add to it; nobody prints on the way.  At the end the
 * caller renders all of it: `file:line:column: error: text`, the line itself, a caret, a hint.
 * One diag belongs to one thread at a time.
 */
#ifndef BALLAST_BASE_DIAG_H
#define BALLAST_BASE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ballast/base/arena.h"

enum diag_level { DIAG_NOTE, DIAG_WARNING, DIAG_ALERT /* an error */, DIAG_LEVEL_COUNT };

/* A place in a text.  All strings outlive the diag. */
struct place {
	const char *file;      /* NULL: no place (a command line, the system) */
	const char *line_text; /* the whole line, without its end; may be NULL */
	unsigned line;         /* from 1 */
	unsigned column;       /* from 1, in bytes; 0: the whole line */
	unsigned width;        /* bytes to underline from the column, at least 1 */
};

struct diag_entry {
	struct diag_entry *next;
	enum diag_level level;
	struct place at;
	const char *text; /* one sentence, no full stop at its end */
	const char *hint; /* what would be right; may be NULL */
};

struct diag {
	struct arena arena;
	struct diag_entry *first, **last;
	unsigned count[DIAG_LEVEL_COUNT];
};

void diag_init(struct diag *d);
void diag_free(struct diag *d);

/* Adds an entry.  `at` may be NULL; `hint` may be NULL and is copied. */
void diag_add(struct diag *d, enum diag_level level, const struct place *at, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void diag_vadd(struct diag *d, enum diag_level level, const struct place *at, const char *hint, const char *fmt,
	va_list ap);

#define diag_error(d, at, hint, ...) diag_add(d, DIAG_ALERT, at, hint, __VA_ARGS__)
#define diag_warn(d, at, hint, ...) diag_add(d, DIAG_WARNING, at, hint, __VA_ARGS__)

/* Writes all entries in the order of file and line, each as
 *     lb.cfg:12:9: error: unknown directive 'blance'
 *         blance roundrobin
 *         ^~~~~~
 *         did you mean 'balance'?
 * `min` leaves out what is below that level. */
void diag_print(const struct diag *d, FILE *to, enum diag_level min);
/* The same into one string of the diag's arena. */
struct slice diag_render(struct diag *d, enum diag_level min);

/* 'did you mean': the nearest of `count` candidates to `word`, by Damerau-Levenshtein distance; NULL
 * where none is near (distance over a third of the word's length, at least 1, at most 3). */
const char *diag_nearest(struct slice word, const char *const *candidates, size_t count);

#endif
