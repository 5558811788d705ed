/* expr: compiled sample expressions, `fetch(args),converter(args),...` (HAProxy's manual, section 7.3).
 *
 * Compiled once at load into a short program: row, arguments, and casts between the types, all checked there.
 * Evaluation allocates nothing but what converters make, in the exchange's arena.  A compiled expression is
 * immutable and may be evaluated by many threads at once.
 */
#ifndef BALLAST_SAMPLE_EXPR_H
#define BALLAST_SAMPLE_EXPR_H

#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/sample/sample.h"

struct expr;

/* A word of the configuration that is read from left to right; errors name the column inside it. */
struct reader {
	const char *start;         /* the word, NUL-terminated */
	const char *at;            /* next byte */
	const struct place *place; /* of the whole word; may be NULL */
};

static inline struct reader reader_of(const struct token *t)
{
	return (struct reader){ t->text, t->text, &t->at };
}
/* Place of `len` bytes at `from` inside the reader's word, quotes and escapes of the line taken into account; the
 * whole word where they cannot be told apart (environment variables in it). */
struct place reader_place(const struct reader *r, const char *from, size_t len);

/* Compiles the expression at r->at and stops at the first byte that cannot belong to it (NUL, ']', space).
 * `phases`: every phase in which it will be evaluated; an error where the fetch is not there in one of them.
 * NULL after a diagnosis. Memory from `a`. */
struct expr *expr_parse(struct reader *r, unsigned phases, struct arena *a, struct diag *d);
/* The same for a whole word: an error where something follows. */
struct expr *expr_parse_token(const struct token *t, unsigned phases, struct arena *a, struct diag *d);

/* For a row's `prepare`: where its arguments stand. */
const struct place *args_place(void);

/* Evaluates to one value of type `wanted` (SAMPLE_ANY: as it comes; SAMPLE_ADDR).  False: there is none. */
bool expr_eval(const struct expr *e, struct sample_ctx *ctx, unsigned wanted, struct sample *out);
/* Goes through all values, as ACLs do: zero the cursor, call until false. A value that a converter or cast drops is
 * passed over. */
bool expr_eval_next(const struct expr *e, struct sample_ctx *ctx, unsigned wanted, struct sample *out,
	struct sample_cursor *cursor);

/* Type of the result as far as the chain tells: enum sample_type, or SAMPLE_ADDR. */
unsigned expr_type(const struct expr *e);
/* Phases in which its fetch is there. */
unsigned expr_phases(const struct expr *e);
/* Name of its fetch, for messages. */
const char *expr_fetch_name(const struct expr *e);

#endif
