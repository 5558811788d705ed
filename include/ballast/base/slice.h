/* slice: a run of bytes that somebody else owns.
 *
 * Nothing here allocates or frees; a slice is valid as long as the memory it points into.
 * Bytes may be any value, NUL included; there is no terminator.  Comparisons named `_icase`
 * fold ASCII letters only, as HTTP field names want (RFC 9110 section 5.1).
 */
#ifndef BALLAST_BASE_SLICE_H
#define BALLAST_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len; /* bytes */
};

/* SLICE("literal"): a slice of a string literal, without its terminator. */
#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })

static inline struct slice slice_of(const char *ptr, size_t len)
{
	return (struct slice){ ptr, len };
}

static inline struct slice slice_from_str(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII lower case of one byte; others unchanged. */
static inline unsigned char ascii_lower(unsigned char c)
{
	return (unsigned char)(c - 'A') < 26 ? (unsigned char)(c | 0x20) : c;
}

static inline bool slice_eq_icase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower((unsigned char)a.ptr[i]) != ascii_lower((unsigned char)b.ptr[i]))
			return false;
	return true;
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_ends_with(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* Index of the first `c` in `s`, or -1. */
static inline ptrdiff_t slice_find_byte(struct slice s, char c)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
	return at ? at - s.ptr : -1;
}

/* `s` without its first `n` bytes (all of them where it is shorter). */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	if (n > s.len)
		n = s.len;
	/* Nothing may be added to NULL, not even 0. */
	return (struct slice){ n ? s.ptr + n : s.ptr, s.len - n };
}

/* `s` without optional white space (SP, HTAB) on either side (RFC 9110 section 5.6.3). */
static inline struct slice slice_trim_ows(struct slice s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s.ptr++, s.len--;
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Next member of a comma-separated list, OWS trimmed; false at the end.  `rest` moves on and has a NULL
 * ptr once the last member was returned.  Commas inside quoted strings do not separate.  Empty members
 * are returned as such: "a," has two members, "" has one (a slice with a NULL ptr has none). */
bool slice_next_member(struct slice *rest, struct slice *member);

/* Decimal digits only, the whole slice, at least one: 0, or -EINVAL (other bytes, empty) or -ERANGE. */
int slice_to_u64(struct slice s, uint64_t *out);

#endif
