/* token: one configuration line cut into words, as the lexer gives it to the rooms.
 *
 * Every room parses its own arguments from this.  Words are NUL-terminated and unescaped; each knows
 * its place for a message.  All memory lives in the arena of the graph that is being built.
 */
#ifndef BALLAST_BASE_TOKEN_H
#define BALLAST_BASE_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "ballast/base/diag.h"
#include "ballast/base/slice.h"

struct token {
	const char *text; /* NUL-terminated; never NULL */
	size_t len;
	struct place at;
};

struct line {
	struct token *words; /* words[0] is the directive; words[count] is an empty token at the line's end */
	size_t count;        /* at least 1 */
};

static inline struct slice token_slice(const struct token *t)
{
	return slice_of(t->text, t->len);
}

static inline bool token_is(const struct token *t, const char *word)
{
	return strcmp(t->text, word) == 0;
}

/* Parsers of single words.  Each returns 0, or -EINVAL after adding an error at the token's place
 * that names what was expected (`what` names the thing: "weight", "timeout connect"). */

/* Whole number in [min, max]. */
int token_int(const struct token *t, const char *what, int64_t min, int64_t max, int64_t *out, struct diag *d);
/* Time with unit us, ms, s, m, h or d; without one, `default_unit` ("ms", "s", ...).  In milliseconds,
 * rounded up; error above 2^31-1 ms, as HAProxy. */
int token_time_ms(const struct token *t, const char *what, const char *default_unit, uint32_t *out_ms, struct diag *d);
/* Size in bytes with optional unit k, m, g (powers of 1024, either case). */
int token_size(const struct token *t, const char *what, uint64_t max, uint64_t *out_bytes, struct diag *d);
/* One of `words` (NULL-terminated): its index in *out; the error lists them and the nearest. */
int token_choice(const struct token *t, const char *what, const char *const *words, unsigned *out, struct diag *d);
/* Error unless line->count - 1 is in [min, max]; the place is the first word too many, or the line's end. */
int line_args(const struct line *l, size_t min, size_t max, struct diag *d);

#endif
