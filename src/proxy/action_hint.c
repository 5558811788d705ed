/* early-hint <name> <fmt>: an interim response 103 with a field, before the request is sent on (RFC 8297; HAProxy's manual,
 * section 4.4).
 *
 * Rules that follow each other fill one response, which leaves with the last of them that applies.
 */
#include "action.h"
#include "internal.h"

enum { STATUS = 103, FIELDS_MAX = ANSWER_FIELDS_MAX };

struct hint {
	struct slice name;
	struct action_value value;
};

/* In the arena of the exchange, while fields are gathered. */
struct hints {
	struct msg msg;
	struct field field[FIELDS_MAX];
};

static int parse_hint(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct hint *h = arena_zalloc(a, sizeof *h);
	const struct token *t;

	if (!h)
		return -ENOMEM;
	r->arg = h;
	if (action_edit_name(l, at, &h->name, d) < 0)
		return -EINVAL;
	t = action_arg(l, at, "a format", d);
	return t ? action_value_parse(&h->value, t, VALUE_FIELD, r->set, a, d) : -EINVAL;
}

static struct hints *begin(struct exchange *x)
{
	struct hints *h = arena_alloc(&x->arena, sizeof *h);

	if (!h)
		return NULL;
	h->msg = (struct msg){ .fields = h->field, .field_max = FIELDS_MAX };
	msg_reset(&h->msg);
	h->msg.flags = MSG_RESPONSE | MSG_KEEP_ALIVE | MSG_NO_BODY;
	msg_set_status(&h->msg, STATUS, slice_from_str(status_reason(STATUS)));
	return h;
}

static bool next_adds(const struct exchange *x, const struct rule *r)
{
	const struct rule *next = r + 1; /* there always is one (struct rules) */
	return next->action == r->action && (!next->cond || cond_eval(next->cond, (struct sample_ctx *)&x->sample));
}

static int send_hints(struct exchange *x)
{
	struct hints *h = x->hints;
	int rc = x->client->ops->head(x, &h->msg);

	x->hints = NULL;
	return rc < 0 ? rc : x->client->ops->flush(x, false);
}

static enum rule_result run_hint(struct exchange *x, const struct rule *r)
{
	const struct hint *h = r->arg;
	struct slice value;

	if (x->request.flags & MSG_HTTP10) /* which knows no interim responses: RFC 9110 section 15.2 */
		return RULE_CONTINUE;
	if (!x->hints)
		x->hints = begin(x);
	if (!x->hints || !action_value_render(&h->value, x, VALUE_FIELD, &value) ||
		msg_add(&x->hints->msg, h->name, value) < 0)
		return RULE_ERROR;
	if (next_adds(x, r) || send_hints(x) >= 0)
		return RULE_CONTINUE;
	exchange_client_gone(x);
	return RULE_ANSWER;
}

const struct action_row hint_action_rows[] = {
	{ "early-hint", RULES_REQUEST, "<name> <fmt>", "a field of an interim response 103, sent at once", parse_hint,
		run_hint, false },
};
const size_t hint_action_count = sizeof hint_action_rows / sizeof hint_action_rows[0];
