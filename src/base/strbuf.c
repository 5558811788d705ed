/* strbuf: building text piece by piece (what is not inline).
 *
 * An empty growing buffer points at a static empty string, so that `ptr` can always be read; `cap` 0 tells that it
 * must not be written.
 */
#include "ballast/base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/assert.h"

#define GROW_MIN 256

static char empty[1];

void strbuf_init(struct strbuf *b)
{
	*b = (struct strbuf){ .ptr = empty };
}

void strbuf_init_fixed(struct strbuf *b, char *array, size_t bytes)
{
	BL_ASSERT(bytes > 0);
	array[0] = '\0';
	*b = (struct strbuf){ .ptr = array, .cap = bytes - 1, .fixed = true };
}

void strbuf_free(struct strbuf *b)
{
	if (b->cap && !b->fixed) /* an array may be gone by now: it is not touched */
		free(b->ptr);
	strbuf_init(b);
}

void strbuf_clear(struct strbuf *b)
{
	strbuf_truncate(b, 0);
	b->incomplete = false;
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->ptr[len] = '\0';
}

/* Room for `bytes` more, or false and incomplete. */
static bool grow(struct strbuf *b, size_t bytes)
{
	size_t need, want = b->cap < GROW_MIN ? GROW_MIN : b->cap;

	if (b->fixed || __builtin_add_overflow(b->len, bytes, &need) || need >= PTRDIFF_MAX / 2) {
		b->incomplete = true;
		return false;
	}
	while (want < need)
		want *= 2;
	char *ptr = realloc(b->cap ? b->ptr : NULL, want + 1);
	if (!ptr) {
		b->incomplete = true;
		return false;
	}
	b->ptr = ptr;
	b->cap = want;
	b->ptr[b->len] = '\0';
	return true;
}

char *strbuf_detach(struct strbuf *b)
{
	char *text = NULL;

	BL_ASSERT(!b->fixed);
	if (!b->incomplete && (b->cap || grow(b, 1))) {
		text = b->ptr;
		strbuf_init(b);
	}
	strbuf_free(b);
	return text;
}

char *strbuf_reserve(struct strbuf *b, size_t bytes)
{
	if (bytes > b->cap - b->len && !grow(b, bytes))
		return NULL;
	return b->ptr + b->len;
}

void strbuf_commit(struct strbuf *b, size_t bytes)
{
	BL_ASSERT(bytes <= b->cap - b->len);
	b->len += bytes;
	if (b->cap)
		b->ptr[b->len] = '\0';
}

void strbuf_add_slow(struct strbuf *b, struct slice s)
{
	size_t room = b->cap - b->len;

	if (s.len > room && !grow(b, s.len))
		s.len = b->fixed ? room : 0;
	strbuf_add(b, s);
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
	size_t room = b->cap - b->len;
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(b->cap ? b->ptr + b->len : NULL, b->cap ? room + 1 : 0, fmt, ap);
	if (len < 0) {
		b->incomplete = true;
		if (b->cap)
			b->ptr[b->len] = '\0';
	} else if ((size_t)len <= room) {
		b->len += (size_t)len;
	} else if (grow(b, (size_t)len)) {
		vsnprintf(b->ptr + b->len, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	} else if (b->fixed) {
		b->len += room;
	} else if (b->cap) {
		b->ptr[b->len] = '\0';
	}
	va_end(again);
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(b, fmt, ap);
	va_end(ap);
}

void strbuf_u64(struct strbuf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	strbuf_add(b, slice_of(digits + at, sizeof(digits) - at));
}

void strbuf_i64(struct strbuf *b, int64_t n)
{
	if (n < 0)
		strbuf_byte(b, '-');
	strbuf_u64(b, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

/* Bytes of the UTF-8 character at the start (RFC 3629: no overlong forms, no surrogates), 0 where it is none. */
static size_t utf8_len(struct slice s)
{
	const unsigned char *c = (const unsigned char *)s.ptr;
	size_t len = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;

	if (len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
		(c[0] == 0xf4 && c[1] > 0x8f))
		return 0;
	return len;
}

static void json_escape(struct strbuf *b, unsigned char c)
{
	static const char short_for[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i < sizeof(short_for) - 1; i += 2) {
		if ((unsigned char)short_for[i] != c)
			continue;
		char text[2] = { '\\', short_for[i + 1] };
		strbuf_add(b, slice_of(text, 2));
		return;
	}
	strbuf_printf(b, "\\u%04x", c);
}

void strbuf_json(struct strbuf *b, struct slice s)
{
	strbuf_byte(b, '"');
	while (s.len) {
		size_t plain = 0, len;
		while (plain < s.len && (len = utf8_len(slice_skip(s, plain))) > 0) {
			unsigned char c = (unsigned char)s.ptr[plain];
			if (c < ' ' || c == '"' || c == '\\' || c == 0x7f)
				break;
			plain += len;
		}
		strbuf_add(b, slice_of(s.ptr, plain));
		s = slice_skip(s, plain);
		if (!s.len)
			break;
		if ((unsigned char)s.ptr[0] < 0x80)
			json_escape(b, (unsigned char)s.ptr[0]);
		else
			strbuf_str(b, "\\ufffd");
		s = slice_skip(s, 1);
	}
	strbuf_byte(b, '"');
}

void strbuf_csv(struct strbuf *b, struct slice s)
{
	bool quote = false;

	for (size_t i = 0; i < s.len && !quote; i++)
		quote = s.ptr[i] == ',' || s.ptr[i] == '"' || s.ptr[i] == '\r' || s.ptr[i] == '\n';
	if (!quote) {
		strbuf_add(b, s);
		return;
	}
	strbuf_byte(b, '"');
	for (ptrdiff_t at; (at = slice_find_byte(s, '"')) >= 0; s = slice_skip(s, (size_t)at + 1)) {
		strbuf_add(b, slice_of(s.ptr, (size_t)at + 1));
		strbuf_byte(b, '"');
	}
	strbuf_add(b, s);
	strbuf_byte(b, '"');
}
