/* The converter regsub (HAProxy's manual, section 7.3.1). */
#include "ballast/sample/regex.h"

#include "private.h"

enum { REGSUB_BYTES = 16384 };

struct regsub {
	struct regex *regex;
	bool all;
};

static const char *prepare_regsub(struct args *args, struct arena *a)
{
	struct regsub *r = arena_zalloc(a, sizeof *r);
	char error[REGEX_ERROR_TEXT];
	struct slice flags = args->v[2].str;
	bool fold = false;

	if (!r)
		return "is out of memory";
	for (size_t i = 0; i < flags.len; i++) {
		if (flags.ptr[i] != 'g' && flags.ptr[i] != 'i')
			return "knows the flags 'g' and 'i' only";
		r->all |= flags.ptr[i] == 'g';
		fold |= flags.ptr[i] == 'i';
	}
	r->regex = regex_new_in(a, args->v[0].str, fold, error);
	args->data = r;
	if (r->regex)
		return NULL;
	const char *text = arena_printf(a, "has a regular expression that cannot be used: %s", error).ptr;
	return text ? text : "is out of memory";
}

static int run_regsub(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	const struct regsub *r = args->data;
	char text[REGSUB_BYTES];
	struct strbuf out;

	strbuf_init_fixed(&out, text, sizeof text);
	if (!regex_replace(r->regex, s->str, args->v[1].str, r->all, &out))
		return 0;
	if (out.incomplete)
		return -ENOENT;
	s->str = arena_copy(ctx->arena, strbuf_slice(&out));
	return s->str.ptr ? 0 : -ENOMEM;
}

const struct converter_row converter_regex_rows[] = {
	{ "regsub", { "<regex>,<subst>[,<flags>]", 2, 3, { ARG_STR, ARG_STR, ARG_STR } }, SAMPLE_STR, SAMPLE_STR,
		run_regsub, prepare_regsub, "replaces the first match, or all with the flag g" },
	{ 0 },
};
