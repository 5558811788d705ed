/* Actions on whole connections: accept, reject, close, silent-drop, expect-proxy (HAProxy's manual, section 4.4).
 *
 * Rules on a connection alone only say whether it is refused: client_rules() closes it.  Later there is an exchange,
 * which ends without an answer.
 */
#include <netinet/in.h>
#include <string.h>

#include "action.h"
#include "internal.h"

/* ---- accept ---- */

static enum rule_result run_accept(struct exchange *x, const struct rule *r)
{
	(void)x, (void)r;
	return RULE_STOP;
}

/* ---- reject ---- */

static bool is_early(const struct rule *r)
{
	return r->set == RULES_TCP_CONNECTION || r->set == RULES_TCP_SESSION;
}

static void count_denied(struct exchange *x, const struct rule *r)
{
	static const enum counter counters[RULES_SET_COUNT] = {
		[RULES_TCP_CONNECTION] = COUNT_DENIED_CONN,
		[RULES_TCP_SESSION] = COUNT_DENIED_SESS,
		[RULES_TCP_CONTENT] = COUNT_DENIED_REQ,
		[RULES_TCP_RESPONSE] = COUNT_DENIED_RESP,
		[RULES_HTTP_REQUEST] = COUNT_DENIED_REQ,
	};
	enum counter which = counters[r->set];

	count_add(frontend_counters(x->frontend), which, 1);
	if (x->backend)
		count_add(backend_counters(x->backend), which, 1);
	if (x->server)
		count_add(server_counters(x->server), which, 1);
}

/* As if nobody had ever been here. */
static enum rule_result end_silently(struct exchange *x, const struct rule *r)
{
	static const struct answer nothing = { .status = 0, .close = true };

	return is_early(r) ? RULE_ANSWER : action_answer(x, r, &nothing);
}

static enum rule_result run_reject(struct exchange *x, const struct rule *r)
{
	bool in_request = rule_set_rows[r->set].in_request;

	count_denied(x, r);
	x->cause = CAUSE_PROXY;
	x->phase_letter = in_request ? 'R' : x->flags & XF_TCP ? 'D' : 'H';
	if (in_request && !is_early(r))
		exchange_count_client_error(x);
	return end_silently(x, r);
}

/* ---- close ---- */

static enum rule_result run_close(struct exchange *x, const struct rule *r)
{
	(void)r;
	x->flags |= XF_CLOSE_SERVER;
	return RULE_STOP;
}

/* ---- silent-drop [ rst-ttl <ttl> ] ---- */

struct drop {
	int ttl; /* 0: not even a reset, where that can be had */
};

static int parse_drop(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct drop *drop = arena_zalloc(a, sizeof *drop);
	const struct token *t;
	int64_t ttl;

	if (!drop)
		return -ENOMEM;
	r->arg = drop;
	if (action_args_end(l, *at) || !token_is(&l->words[*at], "rst-ttl"))
		return 0;
	++*at;
	t = action_arg(l, at, "a number of hops behind 'rst-ttl'", d);
	if (!t || token_int(t, "rst-ttl", 1, 255, &ttl, d))
		return -EINVAL;
	drop->ttl = (int)ttl;
	return 0;
}

static enum rule_result run_drop(struct exchange *x, const struct rule *r)
{
	const struct drop *drop = r->arg;

	client_forget(x->client, drop->ttl);
	return end_silently(x, r);
}

/* ---- expect-proxy layer4 ---- */

static int parse_expect_proxy(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	static const char *const words[] = { "layer4", NULL };
	const struct token *t = action_arg(l, at, "'layer4'", d);
	unsigned choice;

	(void)r, (void)a;
	return t ? token_choice(t, "layer", words, &choice, d) : -EINVAL;
}

static enum rule_result run_expect_proxy(struct exchange *x, const struct rule *r)
{
	(void)r;
	x->client->flags |= CLIENT_WAITS_FOR_PROXY;
	return RULE_CONTINUE;
}

const struct action_row connection_action_rows[] = {
	{ "accept", RULES_TCP, "", "ends this list of rules; the connection or its bytes go on", NULL, run_accept,
		true },
	{ "close", RULES_CONTENT_RESPONSE, "", "ends the connection to the server", NULL, run_close, true },
	{ "expect-proxy", RULES_CONNECTION, "layer4", "a PROXY header is to come first, as with 'accept-proxy'",
		parse_expect_proxy, run_expect_proxy, false },
	{ "reject", RULES_TCP | RULES_REQUEST, "", "the connection ends without an answer", NULL, run_reject, true },
	{ "silent-drop", RULES_TCP | RULES_BOTH, "[rst-ttl <hops>]",
		"the connection ends without a word: the client is not told", parse_drop, run_drop, true },
};
const size_t connection_action_count = sizeof connection_action_rows / sizeof connection_action_rows[0];
