/* Actions on how it ends: set-status, auth (HAProxy's manual, section 4.4). */
#include <string.h>

#include "action.h"
#include "internal.h"

/* ---- set-status <status> [reason <text>] ---- */

struct status_edit {
	unsigned status;
	struct slice reason;
};

static int parse_status(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct status_edit *e = arena_zalloc(a, sizeof *e);
	const struct token *t = action_arg(l, at, "a status", d);
	int64_t n;

	if (!t || token_int(t, "status", 200, 999, &n, d))
		return -EINVAL;
	if (!e)
		return -ENOMEM;
	r->arg = e;
	e->status = (unsigned)n;
	e->reason = slice_from_str(status_reason(e->status));
	if (action_args_end(l, *at) || !token_is(&l->words[*at], "reason"))
		return 0;
	++*at;
	t = action_arg(l, at, "a text behind 'reason'", d);
	if (!t)
		return -EINVAL;
	e->reason = token_slice(t);
	if (field_value_valid(e->reason))
		return 0;
	diag_error(d, &t->at, NULL, "a reason cannot hold control characters");
	return -EINVAL;
}

/* What has no body, or begins a tunnel, stays such, and so does what has one: framing is not up to rules. */
static bool may_become(unsigned from, unsigned to)
{
	return from >= 200 && (from == 204 || from == 304) == (to == 204 || to == 304);
}

static enum rule_result run_status(struct exchange *x, const struct rule *r)
{
	const struct status_edit *e = r->arg;

	if (!may_become(x->response.status, e->status))
		return action_rewrite_failed(x, r);
	msg_set_status(&x->response, e->status, e->reason);
	return RULE_CONTINUE;
}

/* ---- auth [realm <text>] ---- */

static int parse_auth(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct answer_field *f = arena_zalloc(a, sizeof *f);
	const struct token *t;
	struct slice realm = SLICE("Protected");

	if (!f)
		return -ENOMEM;
	r->arg = f;
	if (!action_args_end(l, *at) && token_is(&l->words[*at], "realm")) {
		++*at;
		t = action_arg(l, at, "a text behind 'realm'", d);
		if (!t)
			return -EINVAL;
		realm = token_slice(t);
		if (!field_value_valid(realm) || slice_find_byte(realm, '"') >= 0 ||
			slice_find_byte(realm, '\\') >= 0) {
			diag_error(d, &t->at, NULL, "a realm cannot hold quotes, backslashes or control characters");
			return -EINVAL;
		}
	}
	f->name = SLICE("WWW-Authenticate");
	f->value = arena_printf(a, "Basic realm=\"%.*s\"", (int)realm.len, realm.ptr);
	return f->value.ptr ? 0 : -ENOMEM;
}

/* The page of 401, with its challenge. */
static enum rule_result run_auth(struct exchange *x, const struct rule *r)
{
	struct answer *a = arena_alloc(&x->arena, sizeof *a);
	unsigned kept = 0;

	if (!a)
		return RULE_ERROR;
	*a = *exchange_error_page(x, 401);
	for (unsigned i = 0; i < a->field_count; i++)
		if (!slice_eq_icase(a->field[i].name, SLICE("WWW-Authenticate")))
			a->field[kept++] = a->field[i];
	if (kept == ANSWER_FIELDS_MAX)
		kept--;
	a->field[kept++] = *(const struct answer_field *)r->arg;
	a->field_count = kept;
	return action_answer(x, r, a);
}

const struct action_row status_action_rows[] = {
	{ "auth", RULES_REQUEST, "[realm <realm>]", "asks for a name and a password: 401", parse_auth, run_auth, true },
	{ "set-status", RULES_RESPONSE | RULES_AFTER, "<status> [reason <text>]", "another status of the response",
		parse_status, run_status, false },
};
const size_t status_action_count = sizeof status_action_rows / sizeof status_action_rows[0];
