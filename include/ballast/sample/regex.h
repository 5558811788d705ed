/* regex: regular expressions of PCRE2, compiled at load with its JIT, run by any thread.
 *
 * A pattern that backtracks without end is stopped at a limit and then matches nothing: no client can stall a loop with a
 * text made for it.  What matching needs (offsets, a stack for the compiled code) each thread has once.
 * Built without PCRE2, each use is an error of the configuration.
 */
#ifndef BALLAST_SAMPLE_REGEX_H
#define BALLAST_SAMPLE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "ballast/base/slice.h"
#include "ballast/base/strbuf.h"

struct arena;
struct regex;

enum { REGEX_GROUPS = 10, REGEX_ERROR_TEXT = 256 };

/* NULL: it cannot be compiled, why is in error[REGEX_ERROR_TEXT].  Freed by regex_free(), on any thread. */
struct regex *regex_new(struct slice pattern, bool ignore_case, char *error);
void regex_free(struct regex *r);
/* The same, freed with the arena of a configuration (sample_release). */
struct regex *regex_new_in(struct arena *a, struct slice pattern, bool ignore_case, char *error);

bool regex_match(const struct regex *r, struct slice text);
/* The leftmost match at or behind `from`. group[0] is all of it; groups that took no part have ptr NULL. */
bool regex_find(const struct regex *r, struct slice text, size_t from, struct slice group[REGEX_GROUPS]);
/* Appends `format` with \0 to \9 replaced by groups, and \ before any other byte taken away. */
void regex_expand(struct slice format, const struct slice group[REGEX_GROUPS], struct strbuf *out);
/* Appends `text` with the first match, or all, replaced by `format`.  False: there was none; then nothing was added. */
bool regex_replace(const struct regex *r, struct slice text, struct slice format, bool all, struct strbuf *out);
/* Whether this program has regular expressions. */
bool regex_available(void);

#endif
