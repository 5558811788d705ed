/* Converters of text that has a form of its own: parameters, hosts, languages, JSON strings, control characters (HAProxy's
 * manual, section 7.3.1).
 */
#include <stdlib.h>

#include "private.h"

/* ---- ltrim, rtrim, cut_crlf ---- */

static int run_ltrim(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	while (s->str.len && slice_find_byte(args->v[0].str, s->str.ptr[0]) >= 0)
		s->str = slice_skip(s->str, 1);
	return 0;
}

static int run_rtrim(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	while (s->str.len && slice_find_byte(args->v[0].str, s->str.ptr[s->str.len - 1]) >= 0)
		s->str.len--;
	return 0;
}

static int run_cut_crlf(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	for (size_t i = 0; i < s->str.len; i++)
		if (s->str.ptr[i] == '\r' || s->str.ptr[i] == '\n')
			s->str.len = i;
	return 0;
}

/* ---- url_enc: all but the unreserved of RFC 3986 section 2.3 ---- */

static bool is_unreserved(unsigned char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10 || (c && strchr("-._~", c));
}

static int run_url_enc(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(ctx->arena, s->str.len * 3 + 1), *at = out;
	(void)args;
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < s->str.len; i++) {
		unsigned char c = (unsigned char)s->str.ptr[i];
		if (is_unreserved(c)) {
			*at++ = (char)c;
			continue;
		}
		*at++ = '%';
		*at++ = digits[c >> 4];
		*at++ = digits[c & 15];
	}
	s->str = slice_of(out, (size_t)(at - out));
	return 0;
}

static const char *prepare_url_enc(struct args *args, struct arena *a)
{
	(void)a;
	return args->v[0].str.len && !slice_eq(args->v[0].str, SLICE("query")) ? "knows the type 'query' only" : NULL;
}

/* ---- param ---- */

static const char *prepare_param(struct args *args, struct arena *a)
{
	(void)a;
	return args->v[1].str.len > 1 ? "expects one character as delimiter" : NULL;
}

static int run_param(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	char delim = args->v[1].str.len ? args->v[1].str.ptr[0] : '&';
	struct slice rest = s->str;
	(void)ctx;
	for (;;) {
		ptrdiff_t end = slice_find_byte(rest, delim);
		struct slice part = end < 0 ? rest : slice_of(rest.ptr, (size_t)end);
		ptrdiff_t equals = slice_find_byte(part, '=');
		struct slice name = equals < 0 ? part : slice_of(part.ptr, (size_t)equals);
		if (slice_eq(name, args->v[0].str)) {
			s->str = equals < 0 ? SLICE("") : slice_skip(part, (size_t)equals + 1);
			return 0;
		}
		if (end < 0)
			return -ENOENT;
		rest = slice_skip(rest, (size_t)end + 1);
	}
}

/* ---- host_only, port_only ---- */

/* Where the port's colon stands, or the end: none inside brackets or an address without them. */
static size_t host_end(struct slice s)
{
	size_t i = s.len;
	while (i && (unsigned char)(s.ptr[i - 1] - '0') < 10)
		i--;
	if (!i || s.ptr[i - 1] != ':' || memchr(s.ptr, ':', i - 1) == NULL)
		return i && s.ptr[i - 1] == ':' ? i - 1 : s.len;
	return i > 1 && s.ptr[i - 2] == ']' ? i - 1 : s.len;
}

static int run_host_only(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	char *copy;
	(void)args;
	s->str.len = host_end(s->str);
	copy = arena_alloc(ctx->arena, s->str.len + 1);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < s->str.len; i++)
		copy[i] = (char)ascii_lower((unsigned char)s->str.ptr[i]);
	s->str.ptr = copy;
	return 0;
}

static int run_port_only(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	size_t end = host_end(s->str);
	(void)ctx, (void)args;
	return sample_set_int(s, end < s->str.len ? text_to_int(slice_skip(s->str, end + 1)) : 0);
}

/* ---- hex2i, htonl ---- */

static int run_hex2i(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	uint64_t value = 0;
	(void)ctx, (void)args;
	for (size_t i = 0; i < s->str.len; i++) {
		int digit = hex_digit(s->str.ptr[i]);
		if (digit < 0)
			return -ENOENT;
		value = value << 4 | (unsigned)digit;
	}
	return sample_set_int(s, (int64_t)value);
}

static int run_htonl(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	uint32_t value = htonl((uint32_t)s->num);
	struct slice copy = arena_copy(ctx->arena, slice_of((const char *)&value, sizeof value));
	(void)args;
	if (!copy.ptr)
		return -ENOMEM;
	s->type = SAMPLE_BIN;
	s->str = copy;
	return 0;
}

/* ---- has_ctl ---- */

#define CTL_DEFAULT INT64_C(0x1fffffdff) /* all but tab */

static const char *prepare_has_ctl(struct args *args, struct arena *a)
{
	struct slice word = args->v[0].str;
	char *end;
	(void)a;
	if (args->v[0].type == ARG_NONE)
		args->v[0].num = CTL_DEFAULT;
	else if (slice_eq(word, SLICE("any")))
		args->v[0].num = INT64_C(0x1ffffffff);
	else if (slice_eq(word, SLICE("http")))
		args->v[0].num = 0x2401;
	else {
		args->v[0].num = strtoll(word.ptr, &end, 0);
		if (*end || end == word.ptr || args->v[0].num < 0 || args->v[0].num > INT64_C(0x1ffffffff))
			return "expects 'any', 'http' or a mask of 33 bits";
	}
	return NULL;
}

static int run_has_ctl(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t mask = args->v[0].num;
	(void)ctx;
	for (size_t i = 0; i < s->str.len; i++) {
		unsigned char c = (unsigned char)s->str.ptr[i];
		if ((c < 0x20 && mask >> c & 1) || (c == 0x7f && mask >> 32 & 1))
			return sample_set_bool(s, true);
	}
	return sample_set_bool(s, false);
}

/* ---- language ---- */

static struct slice until(struct slice *rest, char delim)
{
	ptrdiff_t at = slice_find_byte(*rest, delim);
	struct slice part = at < 0 ? *rest : slice_of(rest->ptr, (size_t)at);
	*rest = at < 0 ? slice_of(NULL, 0) : slice_skip(*rest, (size_t)at + 1);
	return slice_trim_ows(part);
}

/* The weight of RFC 9110 section 12.4.2 in thousandths; 1000 where there is none. */
static int weight_of(struct slice params)
{
	while (params.ptr) {
		struct slice p = until(&params, ';');
		int value = 0, unit = 1000;
		if (p.len < 2 || ascii_lower((unsigned char)p.ptr[0]) != 'q' || p.ptr[1] != '=')
			continue;
		for (p = slice_skip(p, 2); p.len && unit; p = slice_skip(p, 1)) {
			if ((unsigned char)(p.ptr[0] - '0') < 10) {
				value += (p.ptr[0] - '0') * unit;
				unit /= 10;
			} else if (p.ptr[0] != '.') {
				return 0;
			}
		}
		return value > 1000 ? 1000 : value;
	}
	return 1000;
}

static bool listed(struct slice list, struct slice tag, struct slice *out)
{
	while (list.ptr) {
		*out = until(&list, ';');
		if (out->len && slice_eq(*out, tag))
			return true;
	}
	return false;
}

/* The tag itself, else its language without the variant. */
static bool find_language(struct slice list, struct slice tag, struct slice *out)
{
	ptrdiff_t dash = slice_find_byte(tag, '-');
	return listed(list, tag, out) || (dash > 0 && listed(list, slice_of(tag.ptr, (size_t)dash), out));
}

static int run_language(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct slice rest = s->str, best = { NULL, 0 }, found;
	int best_weight = 0;
	(void)ctx;
	while (rest.ptr) {
		struct slice item = until(&rest, ','), tag = until(&item, ';');
		int weight = weight_of(item);
		if (weight > best_weight && tag.len && find_language(args->v[0].str, tag, &found)) {
			best = found;
			best_weight = weight;
		}
	}
	if (!best.ptr && args->v[1].type == ARG_NONE)
		return -ENOENT;
	s->str = best.ptr ? best : args->v[1].str;
	return 0;
}

const struct converter_row converter_text_rows[] = {
	{ "cut_crlf", { 0 }, SAMPLE_STR, SAMPLE_STR, run_cut_crlf, NULL, "what stands before the first line end" },
	{ "has_ctl", { "[<mask>]", 0, 1, { ARG_STR } }, SAMPLE_BIN, SAMPLE_BOOL, run_has_ctl, prepare_has_ctl,
		"whether it holds control characters: those of the mask, 'http' or 'any', else all but tab" },
	{ "hex2i", { 0 }, SAMPLE_STR, SAMPLE_INT, run_hex2i, NULL, "integer of hexadecimal digits" },
	{ "host_only", { 0 }, SAMPLE_STR, SAMPLE_STR, run_host_only, NULL, "host of a Host field, in lower case" },
	{ "htonl", { 0 }, SAMPLE_INT, SAMPLE_BIN, run_htonl, NULL, "its low 32 bits in network byte order" },
	{ "language", { "<language>[;<language>...][,<default>]", 1, 2, { ARG_STR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR,
		run_language, NULL, "of the listed languages the one that an Accept-Language field likes best" },
	{ "ltrim", { "<chars>", 1, 1, { ARG_STR } }, SAMPLE_STR, SAMPLE_STR, run_ltrim, NULL,
		"without these characters at its start" },
	{ "param", { "<name>[,<delim>]", 1, 2, { ARG_STR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR, run_param, prepare_param,
		"parameter between delimiters ('&')" },
	{ "port_only", { 0 }, SAMPLE_STR, SAMPLE_INT, run_port_only, NULL,
		"port of a Host field; 0 where it has none" },
	{ "rtrim", { "<chars>", 1, 1, { ARG_STR } }, SAMPLE_STR, SAMPLE_STR, run_rtrim, NULL,
		"without these characters at its end" },
	{ "url_enc", { "[<type>]", 0, 1, { ARG_STR } }, SAMPLE_STR, SAMPLE_STR, run_url_enc, prepare_url_enc,
		"percent-encodes all but letters, digits and -._~" },
	{ 0 },
};
