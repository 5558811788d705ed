/* Finding a value in JSON: see json.h.
 *
 * One pass over the text, from left to right: what lies on the path is entered, all else is skipped, each by the grammar of
 * RFC 8259.  No memory is taken; nesting is bounded, since text of clients is walked by recursion.
 */
#include "json.h"

#include <string.h>

#include "ballast/base/arena.h"
#include "private.h"

enum { DEPTH_MAX = 64, STEPS_MAX = 32, KEY_MAX = 256 };

struct step {
	struct slice key; /* ptr NULL: index */
	uint32_t index;
};

struct json_path {
	unsigned count;
	struct step step[STEPS_MAX];
};

/* ---- paths ---- */

static const char bad_path[] = "expects a path such as $.name, $.list[0] or $['a name']";

/* A name up to one of `ends`, with backslashes taken away. */
static struct slice read_name(struct slice *rest, const char *ends, struct arena *a)
{
	char *name = arena_alloc(a, rest->len + 1);
	size_t n = 0;

	if (!name)
		return slice_of(NULL, 0);
	while (rest->len && !strchr(ends, rest->ptr[0])) {
		if (rest->ptr[0] == '\\' && rest->len > 1)
			*rest = slice_skip(*rest, 1);
		name[n++] = rest->ptr[0];
		*rest = slice_skip(*rest, 1);
	}
	return slice_of(name, n);
}

static bool take(struct slice *rest, char c)
{
	if (!rest->len || rest->ptr[0] != c)
		return false;
	*rest = slice_skip(*rest, 1);
	return true;
}

static bool read_index(struct slice *rest, uint32_t *index)
{
	uint64_t n = 0;
	size_t digits = 0;

	while (rest->len && (unsigned char)(rest->ptr[0] - '0') < 10 && digits++ < 9) {
		n = n * 10 + (unsigned)(rest->ptr[0] - '0');
		*rest = slice_skip(*rest, 1);
	}
	*index = (uint32_t)n;
	return digits && take(rest, ']');
}

static bool read_step(struct slice *rest, struct step *s, struct arena *a)
{
	if (take(rest, '.')) {
		s->key = read_name(rest, ".[", a);
		return s->key.len && !slice_eq(s->key, SLICE("*"));
	}
	if (!take(rest, '['))
		return false;
	char quote = rest->len ? rest->ptr[0] : 0;
	if (quote != '\'' && quote != '"')
		return read_index(rest, &s->index);
	take(rest, quote);
	s->key = read_name(rest, quote == '"' ? "\"" : "'", a);
	return s->key.ptr && take(rest, quote) && take(rest, ']');
}

const char *json_path_parse(struct slice text, struct arena *a, struct json_path **out)
{
	struct json_path *p = arena_zalloc(a, sizeof *p);

	if (!p)
		return "is out of memory";
	*out = p;
	if (!take(&text, '$'))
		return bad_path;
	while (text.len) {
		if (p->count == STEPS_MAX)
			return "has a path that is too long";
		if (!read_step(&text, &p->step[p->count++], a))
			return bad_path;
	}
	return NULL;
}

/* ---- text ---- */

struct reading {
	const char *at, *end;
};

static void skip_space(struct reading *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* The next byte that is no space, or 0. */
static char peek(struct reading *r)
{
	skip_space(r);
	return r->at < r->end ? *r->at : 0;
}

static bool expect(struct reading *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

/* At a quote; *text is what stands between. */
static bool read_string(struct reading *r, struct slice *text)
{
	const char *from = ++r->at;

	for (; r->at < r->end && *r->at != '"'; r->at++) {
		if ((unsigned char)*r->at < 0x20)
			return false;
		if (*r->at == '\\' && ++r->at == r->end)
			return false;
	}
	*text = slice_of(from, (size_t)(r->at - from));
	return r->at++ < r->end;
}

static size_t skip_digits(struct reading *r)
{
	const char *from = r->at;
	while (r->at < r->end && (unsigned char)(*r->at - '0') < 10)
		r->at++;
	return (size_t)(r->at - from);
}

static bool read_number(struct reading *r)
{
	if (*r->at == '-')
		r->at++;
	if (!skip_digits(r))
		return false;
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		if (!skip_digits(r))
			return false;
	}
	if (r->at < r->end && (*r->at | 0x20) == 'e') {
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		return skip_digits(r) > 0;
	}
	return true;
}

static bool read_word(struct reading *r, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return false;
	r->at += len;
	return true;
}

static bool read_value(struct reading *r, unsigned depth, struct json_value *out);

/* `"name":` of an object. */
static bool read_key(struct reading *r, struct slice *key)
{
	return peek(r) == '"' && read_string(r, key) && expect(r, ':');
}

/* Behind an element: true where another follows; *end where it was the last. */
static bool next_element(struct reading *r, char closing, bool *end)
{
	if (expect(r, ','))
		return true;
	*end = expect(r, closing);
	return false;
}

static bool skip_elements(struct reading *r, char closing, unsigned depth)
{
	struct json_value ignored;
	struct slice key;
	bool end = false;

	r->at++;
	if (expect(r, closing))
		return true;
	do {
		if ((closing == '}' && !read_key(r, &key)) || !read_value(r, depth + 1, &ignored))
			return false;
	} while (next_element(r, closing, &end));
	return end;
}

/* The value that begins here, to its end. */
static bool read_value(struct reading *r, unsigned depth, struct json_value *out)
{
	char c = peek(r);
	const char *from = r->at;
	bool ok;

	if (depth > DEPTH_MAX)
		return false;
	switch (c) {
	case '"': out->kind = JSON_STRING; return read_string(r, &out->text);
	case '{':
		out->kind = JSON_OBJECT;
		ok = skip_elements(r, '}', depth);
		break;
	case '[':
		out->kind = JSON_ARRAY;
		ok = skip_elements(r, ']', depth);
		break;
	case 't':
		out->kind = JSON_TRUE;
		ok = read_word(r, "true");
		break;
	case 'f':
		out->kind = JSON_FALSE;
		ok = read_word(r, "false");
		break;
	case 'n':
		out->kind = JSON_NULL;
		ok = read_word(r, "null");
		break;
	default:
		out->kind = JSON_NUMBER;
		ok = (c == '-' || (unsigned char)(c - '0') < 10) && read_number(r);
		break;
	}
	out->text = slice_of(from, (size_t)(r->at - from));
	return ok;
}

static bool key_is(struct slice raw, struct slice key)
{
	char text[KEY_MAX];

	if (!memchr(raw.ptr, '\\', raw.len))
		return slice_eq(raw, key);
	if (raw.len > sizeof text)
		return false;
	long len = json_unescape(raw, text);
	return len >= 0 && slice_eq(slice_of(text, (size_t)len), key);
}

/* Goes to where the value of `key` begins. */
static bool enter_object(struct reading *r, struct slice key)
{
	struct json_value ignored;
	struct slice raw;
	bool end;

	if (!expect(r, '{'))
		return false;
	do {
		if (!read_key(r, &raw))
			return false;
		if (key_is(raw, key))
			return true;
		if (!read_value(r, 1, &ignored))
			return false;
	} while (next_element(r, '}', &end));
	return false;
}

static bool enter_array(struct reading *r, uint32_t index)
{
	struct json_value ignored;
	bool end;

	if (!expect(r, '['))
		return false;
	for (uint32_t i = 0; i < index; i++)
		if (!read_value(r, 1, &ignored) || !next_element(r, ']', &end))
			return false;
	return true;
}

bool json_find(struct slice doc, const struct json_path *path, struct json_value *out)
{
	struct reading r = { doc.ptr, doc.ptr + doc.len };

	for (unsigned i = 0; i < path->count; i++) {
		const struct step *s = &path->step[i];
		if (!(s->key.ptr ? enter_object(&r, s->key) : enter_array(&r, s->index)))
			return false;
	}
	return doc.len && read_value(&r, 1, out);
}

/* ---- strings ---- */

static long read_hex4(const char *at, const char *end)
{
	long value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(at[i]);
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

static char *put_utf8(char *out, unsigned long c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c >= 0x10000) {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 63));
	} else if (c >= 0x800) {
		*out++ = (char)(0xe0 | c >> 12);
	} else {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 63));
		return out;
	}
	*out++ = (char)(0x80 | (c >> 6 & 63));
	*out++ = (char)(0x80 | (c & 63));
	return out;
}

/* The character of "uXXXX" at *at, or of two such halves. -1: none. */
static long read_unicode(const char **at, const char *end)
{
	long c = read_hex4(*at + 1, end), low;

	*at += 5;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c >= 0xdc00 || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return -1;
	low = read_hex4(*at + 2, end);
	*at += 6;
	return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static char plain_escape(char c)
{
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case '"':
	case '\\':
	case '/': return c;
	default: return 0;
	}
}

long json_unescape(struct slice text, char *out)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	char *from = out;

	while (at < end) {
		if (*at != '\\') {
			*out++ = *at++;
			continue;
		}
		if (++at == end)
			return -1;
		if (*at == 'u') {
			long c = read_unicode(&at, end);
			if (c < 0)
				return -1;
			out = put_utf8(out, (unsigned long)c);
			continue;
		}
		char c = plain_escape(*at++);
		if (!c)
			return -1;
		*out++ = c;
	}
	return out - from;
}
