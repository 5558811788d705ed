/* strbuf: building text piece by piece.
 *
 * It either grows (strbuf_init(): malloc, freed by strbuf_free()) or fills an array of the caller's and cuts off
 * what does not fit (strbuf_init_fixed()).  The text always has a NUL behind it that does not count.  Failure is
 * remembered, not returned: what could not be added is lost, `incomplete` says so, and a writer of many pieces
 * asks once at the end.  Not thread-safe.
 */
#ifndef BALLAST_BASE_STRBUF_H
#define BALLAST_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ballast/base/slice.h"

struct strbuf {
	char *ptr;       /* never NULL; NUL-terminated */
	size_t len;      /* bytes of text */
	size_t cap;      /* bytes of text that fit without growing */
	bool fixed;      /* over the caller's array */
	bool incomplete; /* something did not fit, or memory was out */
};

/* An empty one that grows; owns nothing yet. */
void strbuf_init(struct strbuf *b);
/* An empty one over `array` of `bytes`, at least 1, which holds the terminator too. */
void strbuf_init_fixed(struct strbuf *b, char *array, size_t bytes);
/* Frees what it owns and forgets an array, without touching it; what remains is an empty one that grows. */
void strbuf_free(struct strbuf *b);
/* Empties it and keeps its memory; `incomplete` is false again. */
void strbuf_clear(struct strbuf *b);
/* Keeps the first `len` bytes, where it is longer. */
void strbuf_truncate(struct strbuf *b, size_t len);
/* The text as the caller's own malloc'ed string, and the buffer is empty again; NULL where memory is out or was (then
 * the text is lost).  Only for one that grows. */
char *strbuf_detach(struct strbuf *b);

/* Room for `bytes` more: a pointer to where they belong, to be made part of the text by strbuf_commit(); NULL (and
 * incomplete) where there is none. */
char *strbuf_reserve(struct strbuf *b, size_t bytes);
void strbuf_commit(struct strbuf *b, size_t bytes);

static inline struct slice strbuf_slice(const struct strbuf *b)
{
	return slice_of(b->ptr, b->len);
}

/* Slow path of strbuf_add() and strbuf_byte(). */
void strbuf_add_slow(struct strbuf *b, struct slice s);

/* Adds bytes; they must not lie in the buffer itself. */
static inline void strbuf_add(struct strbuf *b, struct slice s)
{
	if (s.len > b->cap - b->len) {
		strbuf_add_slow(b, s);
		return;
	}
	if (s.len)
		memcpy(b->ptr + b->len, s.ptr, s.len);
	b->len += s.len;
	if (b->cap)
		b->ptr[b->len] = '\0';
}

static inline void strbuf_str(struct strbuf *b, const char *text)
{
	strbuf_add(b, slice_from_str(text));
}

static inline void strbuf_byte(struct strbuf *b, char c)
{
	strbuf_add(b, slice_of(&c, 1));
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap);
/* Decimal. */
void strbuf_u64(struct strbuf *b, uint64_t n);
void strbuf_i64(struct strbuf *b, int64_t n);

/* A JSON string with its quotes (RFC 8259 section 7).  Bytes that are not UTF-8 become U+FFFD. */
void strbuf_json(struct strbuf *b, struct slice s);
/* A CSV field (RFC 4180): quoted, quotes doubled, where it holds a comma, a quote, CR or LF; else as it is. */
void strbuf_csv(struct strbuf *b, struct slice s);

#endif
