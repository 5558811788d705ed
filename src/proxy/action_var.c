/* Actions on variables: set-var, set-var-fmt, unset-var (HAProxy's manual, section 4.3). */
#include "ballast/sample/var.h"

#include "action.h"
#include "ballast/sample/expr.h"
#include "internal.h"

struct var_edit {
	const struct var_name *name;
	unsigned conditions;
	const struct expr *expr;   /* set-var */
	struct action_value value; /* set-var-fmt */
};

/* "txn.x" and, where `conditions` is not NULL, ",ifset,ifnotempty". */
static int parse_name(const struct line *l, struct slice text, const struct var_name **name, unsigned *conditions,
	struct diag *d)
{
	const struct token *t = &l->words[1];
	ptrdiff_t comma = slice_find_byte(text, ',');
	struct slice rest = comma < 0 ? slice_of(NULL, 0) : slice_skip(text, (size_t)comma);
	const char *wrong = var_intern(comma < 0 ? text : slice_of(text.ptr, (size_t)comma), name);

	if (wrong) {
		diag_error(d, &t->at, NULL, "'%s' %s", t->text, wrong);
		return -EINVAL;
	}
	while (rest.len) {
		rest = slice_skip(rest, 1);
		comma = slice_find_byte(rest, ',');
		struct slice word = comma < 0 ? rest : slice_of(rest.ptr, (size_t)comma);
		rest = slice_skip(rest, word.len);
		if (conditions && var_condition_parse(word, conditions))
			continue;
		diag_error(d, &t->at, conditions ? "ifexists, ifempty, ifset, ifnot..., ifgt, iflt" : NULL,
			"'%.*s' is not expected behind the name of a variable", (int)word.len, word.ptr);
		return -EINVAL;
	}
	return 0;
}

/* A connection has no request yet that a variable could live as long as. */
static int check_scope(const struct rule *r, const struct var_name *name, const struct token *t, struct diag *d)
{
	enum var_scope scope = var_scope(name);

	if ((r->set != RULES_TCP_CONNECTION && r->set != RULES_TCP_SESSION) || scope == VAR_PROC || scope == VAR_SESS)
		return 0;
	diag_error(d, &t->at, NULL, "%s rules can set variables of scope 'sess' and 'proc' only",
		rule_set_rows[r->set].name);
	return -EINVAL;
}

static int parse_edit(struct rule *r, const struct line *l, struct var_edit **out, bool sets, struct arena *a,
	struct diag *d)
{
	struct var_edit *e = arena_zalloc(a, sizeof *e);
	struct slice inside;
	int rc = action_parens(l, "a variable", &inside, a, d);

	if (!e)
		return -ENOMEM;
	r->arg = *out = e;
	if (!rc)
		rc = parse_name(l, inside, &e->name, sets ? &e->conditions : NULL, d);
	return rc ? rc : check_scope(r, e->name, &l->words[1], d);
}

static int parse_set(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct var_edit *e;
	int rc = parse_edit(r, l, &e, true, a, d);
	const struct token *t = rc ? NULL : action_arg(l, at, "an expression", d);

	if (!t)
		return rc ? rc : -EINVAL;
	e->expr = expr_parse_token(t, rule_phases(r->set), a, d);
	return e->expr ? 0 : -EINVAL;
}

static int parse_set_format(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct var_edit *e;
	int rc = parse_edit(r, l, &e, true, a, d);
	const struct token *t = rc ? NULL : action_arg(l, at, "a format", d);

	if (!t)
		return rc ? rc : -EINVAL;
	return action_value_parse(&e->value, t, VALUE_BODY, r->set, a, d);
}

static int parse_unset(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct var_edit *e;
	(void)at;
	return parse_edit(r, l, &e, false, a, d);
}

/* An expression without a value leaves the variable as it is, as HAProxy does. */
static enum rule_result run_set(struct exchange *x, const struct rule *r)
{
	const struct var_edit *e = r->arg;
	struct sample s;

	if (expr_eval(e->expr, &x->sample, SAMPLE_ANY, &s) &&
		var_set(&x->sample, e->name, e->conditions, &s) == -ENOMEM)
		return RULE_ERROR;
	return RULE_CONTINUE;
}

static enum rule_result run_set_format(struct exchange *x, const struct rule *r)
{
	const struct var_edit *e = r->arg;
	struct sample s = { .type = SAMPLE_STR };

	if (!action_value_render(&e->value, x, VALUE_BODY, &s.str))
		return RULE_CONTINUE;
	return var_set(&x->sample, e->name, e->conditions, &s) == -ENOMEM ? RULE_ERROR : RULE_CONTINUE;
}

static enum rule_result run_unset(struct exchange *x, const struct rule *r)
{
	const struct var_edit *e = r->arg;
	var_unset(&x->sample, e->name);
	return RULE_CONTINUE;
}

const struct action_row var_action_rows[] = {
	{ "set-var", RULES_TCP | RULES_HTTP | ACTION_PARENS, "<expr>",
		"keeps a value in the variable: set-var(<scope.name>[,<condition>...])", parse_set, run_set, false },
	{ "set-var-fmt", RULES_TCP | RULES_HTTP | ACTION_PARENS, "<fmt>",
		"keeps a text in the variable: set-var-fmt(<scope.name>[,<condition>...])", parse_set_format,
		run_set_format, false },
	{ "unset-var", RULES_TCP | RULES_HTTP | ACTION_PARENS, "", "unsets the variable: unset-var(<scope.name>)",
		parse_unset, run_unset, false },
};
const size_t var_action_count = sizeof var_action_rows / sizeof var_action_rows[0];
