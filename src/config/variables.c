/* variables: `set-var` and `set-var-fmt` of the section global, evaluated at once. */
#include "ballast/sample/var.h"

#include <errno.h>

#include "ballast/base/clock.h"
#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"
#include "directive.h"

static int read_name(struct cfg_context *c, const struct line *l, const struct var_name **name)
{
	const char *of = l->words[0].text;

	if (need_word(c, l, 1, of, "the name of a variable") || need_word(c, l, 2, of, "a value") ||
		no_more_words(c, l, 2))
		return -EINVAL;
	const char *wrong = var_intern(token_slice(&l->words[1]), name);
	if (!wrong && var_scope(*name) != VAR_PROC)
		wrong = "expects a variable of scope proc here";
	if (!wrong)
		return 0;
	diag_error(c->diag, &l->words[1].at, "proc.name", "'%s' %s", of, wrong);
	return -EINVAL;
}

static struct sample_ctx context(struct cfg_context *c)
{
	uint64_t wall_us = clock_wall_us();
	return (struct sample_ctx){ .arena = c->arena, .wall_us = wall_us, .phase = PHASE_CONNECTION };
}

/* Only what needs no client can be had now: everything else is not there when checks run either. */
static int parse_set_var(struct cfg_context *c, const struct line *l)
{
	struct sample_ctx ctx = context(c);
	const struct var_name *name;
	struct sample s;

	if (read_name(c, l, &name))
		return -EINVAL;
	struct expr *e = expr_parse_token(&l->words[2], PHASE_CONNECTION | PHASE_CHECK, c->arena, c->diag);
	if (!e)
		return -EINVAL;
	return expr_eval(e, &ctx, SAMPLE_ANY, &s) ? var_set(&ctx, name, 0, &s) : 0;
}

static int parse_set_var_fmt(struct cfg_context *c, const struct line *l)
{
	struct sample_ctx ctx = context(c);
	const struct var_name *name;
	struct strbuf out;

	if (read_name(c, l, &name))
		return -EINVAL;
	struct format *f = format_parse(l->words[2].text, &l->words[2].at, FORMAT_VALUE, PHASE_CONNECTION | PHASE_CHECK,
		c->arena, c->diag);
	if (!f)
		return -EINVAL;
	strbuf_init(&out);
	format_render(f, &ctx, &out);
	struct sample s = { .type = SAMPLE_STR, .str = strbuf_slice(&out) };
	int err = out.incomplete ? -ENOMEM : var_set(&ctx, name, 0, &s);
	strbuf_free(&out);
	return err;
}

const struct directive variable_directives[] = {
	{ "set-var", SECTION_GLOBAL, "<proc.name> <expr>", "a variable of the whole process", parse_set_var, false,
		false },
	{ "set-var-fmt", SECTION_GLOBAL, "<proc.name> <fmt>", "the same, from a format", parse_set_var_fmt, false,
		false },
	{ 0 },
};
