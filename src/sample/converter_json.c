/* Converters to and from JSON, and to the parts of JSON Web Tokens (HAProxy's manual, section 7.3.1; RFC 7519). */
#include "json.h"
#include "private.h"

enum { ARG_PATH, ARG_OUTPUT };

/* ---- json_query ---- */

struct query {
	struct json_path *path;
	bool wants_int;
};

static const char *prepare_query(struct args *args, struct arena *a)
{
	struct query *q = arena_zalloc(a, sizeof *q);
	if (!q)
		return "is out of memory";
	args->data = q;
	q->wants_int = args->v[ARG_OUTPUT].str.len > 0;
	if (q->wants_int && !slice_eq(args->v[ARG_OUTPUT].str, SLICE("int")))
		return "knows the output type 'int' only";
	return json_path_parse(args->v[ARG_PATH].str, a, &q->path);
}

static int set_string(struct sample_ctx *ctx, struct slice raw, struct sample *s)
{
	char *text;
	long len;
	if (!raw.len || !memchr(raw.ptr, '\\', raw.len))
		return sample_set_str(s, raw);
	text = arena_alloc(ctx->arena, raw.len);
	if (!text)
		return -ENOMEM;
	len = json_unescape(raw, text);
	if (len < 0 || memchr(text, 0, (size_t)len))
		return -ENOENT;
	return sample_set_str(s, slice_of(text, (size_t)len));
}

static bool is_integer(struct slice text)
{
	for (size_t i = text.ptr[0] == '-'; i < text.len; i++)
		if ((unsigned char)(text.ptr[i] - '0') > 9)
			return false;
	return true;
}

/* Whole numbers that fit are integers; others stay as they are written. */
static int set_number(struct slice text, bool wants_int, struct sample *s)
{
	int64_t value = text_to_int(text);
	bool fits = value != INT64_MAX && value != INT64_MIN;
	if (wants_int || (is_integer(text) && fits))
		return sample_set_int(s, value);
	return sample_set_str(s, text);
}

static int query(struct sample_ctx *ctx, const struct query *q, struct slice doc, struct sample *s)
{
	struct json_value v;
	if (!json_find(doc, q->path, &v))
		return -ENOENT;
	switch (v.kind) {
	case JSON_STRING: return set_string(ctx, v.text, s);
	case JSON_NUMBER: return set_number(v.text, q->wants_int, s);
	case JSON_ARRAY: return sample_set_str(s, v.text);
	case JSON_TRUE:
	case JSON_FALSE: return sample_set_bool(s, v.kind == JSON_TRUE);
	default: return -ENOENT;
	}
}

static int run_query(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return query(ctx, args->data, s->str, s);
}

/* ---- jwt_header_query, jwt_payload_query ---- */

static const char *prepare_jwt_query(struct args *args, struct arena *a)
{
	return args->v[ARG_PATH].type == ARG_NONE ? NULL : prepare_query(args, a);
}

/* The n-th of at most three parts between dots. */
static bool jwt_part(struct slice token, unsigned n, struct slice *part)
{
	for (unsigned i = 0;; i++) {
		ptrdiff_t dot = slice_find_byte(token, '.');
		if (i == n)
			*part = dot < 0 ? token : slice_of(token.ptr, (size_t)dot);
		if (dot < 0)
			return i >= n;
		if (i == 2)
			return false;
		token = slice_skip(token, (size_t)dot + 1);
	}
}

static int run_jwt_part(struct sample_ctx *ctx, const struct args *args, struct sample *s, unsigned n)
{
	struct slice part;
	if (!jwt_part(s->str, n, &part))
		return -ENOENT;
	s->str = part;
	int err = base64url_decode(ctx->arena, s);
	if (err || memchr(s->str.ptr, 0, s->str.len))
		return err ? err : -ENOENT;
	s->type = SAMPLE_STR;
	return args->data ? query(ctx, args->data, s->str, s) : 0;
}

static int run_jwt_header(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return run_jwt_part(ctx, args, s, 0);
}

static int run_jwt_payload(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return run_jwt_part(ctx, args, s, 1);
}

/* ---- json ---- */

enum { CODE_UTF8 = 1, CODE_SILENT = 2, CODE_PERMISSIVE = 4 };

static const char *prepare_json(struct args *args, struct arena *a)
{
	static const struct {
		const char *name;
		unsigned code;
	} codes[] = { { "ascii", 0 }, { "utf8", CODE_UTF8 }, { "utf8s", CODE_UTF8 | CODE_SILENT },
		{ "utf8p", CODE_UTF8 | CODE_PERMISSIVE }, { "utf8ps", CODE_UTF8 | CODE_PERMISSIVE | CODE_SILENT } };
	(void)a;
	if (args->v[0].type == ARG_NONE) {
		args->v[0].num = 0;
		return NULL;
	}
	for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
		if (slice_eq(args->v[0].str, slice_from_str(codes[i].name))) {
			args->v[0].num = codes[i].code;
			return NULL;
		}
	return "knows the codes ascii, utf8, utf8s, utf8p and utf8ps";
}

/* The character at *at, which moves on behind it; -1: it is none, or cannot be written with four digits. */
static long read_utf8(const unsigned char **at, const unsigned char *end, bool permissive)
{
	static const long least[] = { 0, 0x80, 0x800, 0x10000 };
	unsigned char first = *(*at)++;
	unsigned more = first < 0x80   ? 0
	                : first < 0xc0 ? 4
	                : first < 0xe0 ? 1
	                : first < 0xf0 ? 2
	                : first < 0xf8 ? 3
	                               : 4;
	long c = more ? first & (0x3f >> more) : first;

	if (more == 4)
		return -1;
	for (unsigned i = 0; i < more; i++) {
		if (*at == end || (**at & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (*(*at)++ & 0x3f);
	}
	if (c < least[more] && !permissive)
		return -1;
	return c > 0xffff || (c >= 0xd800 && c <= 0xdfff) ? -1 : c;
}

static char *put_escaped(char *out, long c)
{
	static const char names[] = "\"\"\\\\//\bb\ff\nn\rr\tt";
	for (size_t i = 0; i < sizeof names - 1; i += 2)
		if (c == names[i]) {
			*out++ = '\\';
			*out++ = names[i + 1];
			return out;
		}
	if (c >= 0x20 && c < 0x7f) {
		*out++ = (char)c;
		return out;
	}
	return out + sprintf(out, "\\u%04lx", (unsigned long)c);
}

static int run_json(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	const unsigned char *at = (const unsigned char *)s->str.ptr, *end = at + s->str.len;
	unsigned code = (unsigned)args->v[0].num;
	char *text = arena_alloc(ctx->arena, s->str.len * 6 + 1), *out = text;
	if (!text)
		return -ENOMEM;
	while (at < end) {
		long c = code & CODE_UTF8 ? read_utf8(&at, end, code & CODE_PERMISSIVE) : *at++;
		if (c >= 0)
			out = put_escaped(out, c);
		else if (!(code & CODE_SILENT))
			return -ENOENT;
	}
	return sample_set_str(s, slice_of(text, (size_t)(out - text)));
}

const struct converter_row converter_json_rows[] = {
	{ "json", { "[<input-code>]", 0, 1, { ARG_STR } }, SAMPLE_STR, SAMPLE_STR, run_json, prepare_json,
		"as it may stand between the quotes of a JSON string" },
	{ "json_query", { "<json_path>[,<output_type>]", 1, 2, { ARG_STR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR,
		run_query, prepare_query, "value at a path of JSON text" },
	{ "jwt_header_query", { "[<json_path>[,<output_type>]]", 0, 2, { ARG_STR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR,
		run_jwt_header, prepare_jwt_query, "header of a JSON Web Token, or a value at a path of it" },
	{ "jwt_payload_query", { "[<json_path>[,<output_type>]]", 0, 2, { ARG_STR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR,
		run_jwt_payload, prepare_jwt_query, "payload of a JSON Web Token, or a value at a path of it" },
	{ 0 },
};
