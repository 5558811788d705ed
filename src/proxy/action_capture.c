/* capture <expr> { len <length> | id <number> }: keeps a value for the log line (HAProxy's manual, section 4.4).
 *
 * With `len` the rule has a slot of its own, in the frontend that it stands in, and does nothing for requests of another.
 * With `id` it fills a slot that the frontend of the request has declared.
 */
#include "action.h"
#include "ballast/proxy/log_capture.h"
#include "ballast/sample/expr.h"
#include "internal.h"

struct capture {
	const struct expr *expr;
	const struct log_captures *of; /* NULL: whatever frontend the request came by */
	uint32_t number;
};

static int parse_length(struct capture *c, const struct rule *r, const struct token *word, const struct token *t,
	struct arena *a, struct diag *d)
{
	struct log_captures *captures = r->lists->captures;
	int64_t len;
	int number;

	if (!rule_set_rows[r->set].in_request) {
		diag_error(d, &word->at, "declare capture response len 20, and 'id' here",
			"'len' is for rules on requests only");
		return -EINVAL;
	}
	if (!captures) {
		diag_error(d, &word->at, "declare it in the frontend, and name it with 'id'",
			"only a frontend has slots for captures");
		return -EINVAL;
	}
	if (token_int(t, "length", 1, 65535, &len, d))
		return -EINVAL;
	number = capture_slot_add(&captures->request, (struct slice){ 0 }, (uint32_t)len, a);
	c->of = captures;
	c->number = (uint32_t)number;
	return number < 0 ? number : 0;
}

static int parse_id(struct capture *c, const struct rule *r, const struct token *t, struct diag *d)
{
	bool response = !rule_set_rows[r->set].in_request;
	const struct log_captures *captures = r->lists->captures;
	int64_t id;

	if (token_int(t, "slot", 0, 65535, &id, d))
		return -EINVAL;
	c->number = (uint32_t)id;
	if (!captures || id < (response ? captures->response : captures->request).count)
		return 0;
	diag_error(d, &t->at, response ? "declare capture response len 20" : "declare capture request len 20",
		"no slot %s was declared before", t->text);
	return -EINVAL;
}

static int parse_capture(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	static const char *const words[] = { "len", "id", NULL };
	const struct token *t = action_arg(l, at, "an expression", d), *word;
	struct capture *c = arena_zalloc(a, sizeof *c);
	unsigned choice;

	if (!t)
		return -EINVAL;
	if (!c)
		return -ENOMEM;
	r->arg = c;
	c->expr = expr_parse_token(t, rule_phases(r->set), a, d);
	if (!c->expr)
		return -EINVAL;
	word = action_arg(l, at, "'len' or 'id' behind its expression", d);
	if (!word || token_choice(word, "argument", words, &choice, d) < 0)
		return -EINVAL;
	t = action_arg(l, at, choice ? "the number of a slot" : "a length", d);
	if (!t)
		return -EINVAL;
	return choice ? parse_id(c, r, t, d) : parse_length(c, r, word, t, a, d);
}

static enum rule_result run_capture(struct exchange *x, const struct rule *r)
{
	const struct capture *c = r->arg;
	struct sample s;

	if ((c->of && c->of != x->frontend->captures) || !expr_eval(c->expr, &x->sample, SAMPLE_STR, &s))
		return RULE_CONTINUE;
	log_capture_store(x, !rule_set_rows[r->set].in_request, c->number, s.str);
	return RULE_CONTINUE;
}

const struct action_row capture_action_rows[] = {
	{ "capture", RULES_CONTENT | RULES_HTTP, "<expr> { len <length> | id <number> }",
		"keeps a text for the log line, in a slot of its own or a declared one", parse_capture, run_capture,
		false },
};
const size_t capture_action_count = sizeof capture_action_rows / sizeof capture_action_rows[0];
