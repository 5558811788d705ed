/* Converters of strings (HAProxy's manual, section 7.3.1).  What changes bytes makes a copy in the exchange's arena. */
#include "ballast/sample/var.h"
#include "private.h"

/* A copy that may be written to. */
static char *copy_of(struct sample_ctx *ctx, struct sample *s)
{
	char *copy = arena_alloc(ctx->arena, s->str.len + 1);
	if (copy && s->str.len)
		memcpy(copy, s->str.ptr, s->str.len);
	return copy;
}

static int run_lower(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	char *copy = copy_of(ctx, s);
	(void)args;
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < s->str.len; i++)
		copy[i] = (char)ascii_lower((unsigned char)copy[i]);
	s->str.ptr = copy;
	return 0;
}

static int run_upper(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	char *copy = copy_of(ctx, s);
	(void)args;
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < s->str.len; i++)
		if ((unsigned char)(copy[i] - 'a') < 26)
			copy[i] = (char)(copy[i] - 'a' + 'A');
	s->str.ptr = copy;
	return 0;
}

static int run_length(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	return sample_set_int(s, (int64_t)s->str.len);
}

/* The text of a variable; empty where it is not set. */
static int text_of_var(struct sample_ctx *ctx, const struct arg *arg, struct slice *out)
{
	struct sample v;
	*out = SLICE("");
	if (arg->type != ARG_VAR || !var_get(ctx, arg->var, &v))
		return 0;
	if (sample_cast(&v, SAMPLE_STR, ctx->arena))
		return -ENOMEM;
	*out = v.str;
	return 0;
}

static int join(struct sample_ctx *ctx, struct sample *s, const struct slice *part, unsigned count)
{
	size_t len = s->str.len;
	for (unsigned i = 0; i < count; i++)
		len += part[i].len;
	char *text = arena_alloc(ctx->arena, len + 1), *at = text;
	if (!text)
		return -ENOMEM;
	if (s->str.len)
		at = mempcpy(at, s->str.ptr, s->str.len);
	for (unsigned i = 0; i < count; i++)
		at = part[i].len ? mempcpy(at, part[i].ptr, part[i].len) : at;
	s->str = slice_of(text, len);
	return 0;
}

static int run_concat(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct slice part[] = { args->v[0].str, SLICE(""), args->v[2].str };
	int err = text_of_var(ctx, &args->v[1], &part[1]);
	return err ? err : join(ctx, s, part, 3);
}

static const char *prepare_add_item(struct args *args, struct arena *a)
{
	(void)a;
	return args->count < 2 || (args->v[1].type == ARG_NONE && !args->v[2].str.len)
	               ? "needs a variable or a suffix behind the delimiter"
	               : NULL;
}

/* The delimiter stands between items only. */
static int run_add_item(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct slice part[] = { args->v[0].str, SLICE(""), args->v[2].str };
	int err = text_of_var(ctx, &args->v[1], &part[1]);
	if (!s->str.len || (!part[1].len && !part[2].len))
		part[0] = SLICE("");
	return err ? err : join(ctx, s, part, 3);
}

/* Below, equal or above 0 as the text sorts before, with or behind the variable's. */
static int run_strcmp(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct sample v;
	if (!var_get(ctx, args->v[0].var, &v) || sample_cast(&v, SAMPLE_STR, ctx->arena))
		return -ENOENT;
	size_t common = s->str.len < v.str.len ? s->str.len : v.str.len;
	int order = common ? memcmp(s->str.ptr, v.str.ptr, common) : 0;
	return sample_set_int(s, order ? order : (int64_t)s->str.len - (int64_t)v.str.len);
}

/* Takes as long for any two texts of one length. */
static int run_secure_memcmp(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct sample v;
	uint8_t differs = 0;
	if (!var_get(ctx, args->v[0].var, &v) || sample_cast(&v, SAMPLE_BIN, ctx->arena))
		return -ENOENT;
	if (s->str.len != v.str.len)
		return sample_set_bool(s, false);
	for (size_t i = 0; i < v.str.len; i++)
		differs |= (uint8_t)(s->str.ptr[i] ^ v.str.ptr[i]);
	return sample_set_bool(s, !differs);
}

/* ---- field and word: pieces between delimiters, counted from either end ---- */

struct pieces {
	struct slice text;
	struct slice delims;
	bool backward;   /* positions count from the end */
	bool skip_empty; /* word */
};

static bool is_delim(const struct pieces *p, size_t at)
{
	char c = p->text.ptr[p->backward ? p->text.len - 1 - at : at];
	return memchr(p->delims.ptr, c, p->delims.len) != NULL;
}

/* The next delimiter at or behind `at`, or the end. */
static size_t piece_end(const struct pieces *p, size_t at)
{
	while (at < p->text.len && !is_delim(p, at))
		at++;
	return at;
}

/* Where the piece begins that `at` stands before. */
static size_t piece_start(const struct pieces *p, size_t at)
{
	while (p->skip_empty && at < p->text.len && is_delim(p, at))
		at++;
	return at;
}

/* Start of the n-th piece (1 is the first); false where there are fewer. */
static bool piece_find(const struct pieces *p, uint64_t n, size_t *start)
{
	size_t at = 0;
	for (;; n--) {
		at = piece_start(p, at);
		if (p->skip_empty && at == p->text.len)
			return false;
		if (n == 1)
			break;
		at = piece_end(p, at);
		if (at == p->text.len)
			return false;
		at++;
	}
	*start = at;
	return true;
}

/* End of `count` pieces from `at`; the end of the text where there are fewer. */
static size_t piece_run_end(const struct pieces *p, size_t at, int64_t count)
{
	if (count <= 0)
		return p->text.len;
	for (;; count--) {
		at = piece_end(p, at);
		if (count == 1 || at == p->text.len)
			return at;
		at = piece_start(p, at + 1);
		if (at == p->text.len)
			return at;
	}
}

static int run_pieces(const struct args *args, struct sample *s, bool skip_empty)
{
	int64_t index = args->v[0].num;
	struct pieces p = { s->str, args->v[1].str, index < 0, skip_empty };
	size_t start, end;
	if (!piece_find(&p, index < 0 ? -(uint64_t)index : (uint64_t)index, &start))
		return -ENOENT;
	end = piece_run_end(&p, start, args->v[2].type == ARG_NONE ? 1 : args->v[2].num);
	s->str = slice_of(s->str.ptr + (p.backward ? s->str.len - end : start), end - start);
	return 0;
}

static const char *prepare_pieces(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[0].num == 0)
		return "expects an index that is not 0";
	return args->v[2].type != ARG_NONE && args->v[2].num < 0 ? "expects a count that is not negative" : NULL;
}

static int run_field(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return run_pieces(args, s, false);
}

static int run_word(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return run_pieces(args, s, true);
}

/* ---- url_dec ---- */

static int run_url_dec(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	bool form = args->v[0].num != 0;
	struct slice in = s->str;
	char *out = arena_alloc(ctx->arena, in.len + 1);
	size_t n = 0;
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];
		if (c == '%') {
			int high = i + 2 < in.len ? hex_digit(in.ptr[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(in.ptr[i + 2]) : -1;
			if (low < 0 || !(high | low))
				return -ENOENT;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '?') {
			form = true;
		} else if (c == '+' && form) {
			c = ' ';
		}
		out[n++] = c;
	}
	s->str = slice_of(out, n);
	return 0;
}

static const char *prepare_url_dec(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[0].type == ARG_NONE)
		args->v[0].num = 0;
	return NULL;
}

#define PIECES(name, run, help) \
	{ \
		name, { "<index>,<delimiters>[,<count>]", 2, 3, { ARG_INT, ARG_STR, ARG_INT } }, SAMPLE_STR, \
			SAMPLE_STR, run, prepare_pieces, help \
	}

const struct converter_row converter_string_rows[] = {
	{ "add_item", { "<delim>[,<var>[,<suffix>]]", 1, 3, { ARG_STR, ARG_VAR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR,
		run_add_item, prepare_add_item, "appends an item to a list" },
	{ "concat", { "[<start>[,<var>[,<end>]]]", 0, 3, { ARG_STR, ARG_VAR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR,
		run_concat, NULL, "appends a string, a variable, a string" },
	PIECES("field", run_field, "field between delimiters, counted from the start or, below 0, from the end"),
	{ "length", { 0 }, SAMPLE_STR, SAMPLE_INT, run_length, NULL, "length in bytes" },
	{ "lower", { 0 }, SAMPLE_STR, SAMPLE_STR, run_lower, NULL, "lower case" },
	{ "secure_memcmp", { "<var>", 1, 1, { ARG_VAR } }, SAMPLE_BIN, SAMPLE_BOOL, run_secure_memcmp, NULL,
		"whether it equals the variable, in a time that tells nothing" },
	{ "strcmp", { "<var>", 1, 1, { ARG_VAR } }, SAMPLE_STR, SAMPLE_INT, run_strcmp, NULL,
		"below, equal or above 0 as it sorts before, with or behind the variable" },
	{ "upper", { 0 }, SAMPLE_STR, SAMPLE_STR, run_upper, NULL, "upper case" },
	{ "url_dec", { "[<in_form>]", 0, 1, { ARG_INT } }, SAMPLE_STR, SAMPLE_STR, run_url_dec, prepare_url_dec,
		"decodes %XX, and '+' behind a '?' or with 1" },
	PIECES("word", run_word, "as field, but empty ones do not count"),
	{ 0 },
};
