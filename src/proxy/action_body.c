/* wait-for-body time <time> [at-least <bytes>] (HAProxy's manual, section 4.4). */
#include "action.h"
#include "body.h"

static int parse_wait(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct body_wait *w = arena_zalloc(a, sizeof *w);
	const struct token *t = action_arg(l, at, "'time'", d);

	if (!t)
		return -EINVAL;
	if (!w)
		return -ENOMEM;
	r->arg = w;
	w->waiter = w;
	if (!token_is(t, "time")) {
		diag_error(d, &t->at, NULL, "'wait-for-body' expects 'time', not '%s'", t->text);
		return -EINVAL;
	}
	t = action_arg(l, at, "a time behind 'time'", d);
	if (!t || token_time_ms(t, "time", "ms", &w->ms, d))
		return -EINVAL;
	if (!w->ms) {
		diag_error(d, &t->at, NULL, "the time must be above 0");
		return -EINVAL;
	}
	if (action_args_end(l, *at) || !token_is(&l->words[*at], "at-least"))
		return 0;
	++*at;
	t = action_arg(l, at, "a size behind 'at-least'", d);
	return t ? token_size(t, "at-least", UINT32_MAX, &w->at_least, d) : -EINVAL;
}

static enum rule_result run_wait(struct exchange *x, const struct rule *r)
{
	return r->set == RULES_HTTP_REQUEST ? body_wait_request(x, r->arg) : body_wait_response(x, r->arg);
}

const struct action_row body_action_rows[] = {
	{ "wait-for-body", RULES_BOTH, "time <time> [at-least <bytes>]",
		"waits for the body, or as much of it as has room; 408 or 504 where it does not come in time",
		parse_wait, run_wait, false },
};
const size_t body_action_count = sizeof body_action_rows / sizeof body_action_rows[0];
