/* content: `tcp-request content` and `tcp-response content`: rules that look at what a side sent before it is let go on
 * (HAProxy's manual, section 4.2).
 *
 * In mode tcp the first bytes of either side are withheld in one pooled buffer (exchange.head, exchange.server_in), and
 * the rules are run again with each piece that comes, until they are decided or nothing more is to be waited for: the
 * inspection's time is over, the side ended, or the buffer is full.  The bytes may turn out to be an HTTP message, which
 * is parsed as it comes, by the parser that mode http uses.  In mode http the message is there already, and only time is
 * waited for.
 */
#include <string.h>

#include "internal.h"

/* ---- waiting ---- */

static bool is_over(const struct exchange *x, uint32_t delay_ms)
{
	return !delay_ms || (x->inspect_until_ms && loop_self->now_ms >= x->inspect_until_ms);
}

/* The present inspection goes on for the rest of its time at most. */
static void wait_for_more(struct exchange *x, struct timer *t, uint32_t delay_ms)
{
	uint64_t now_ms = loop_self->now_ms;

	if (!x->inspect_until_ms)
		x->inspect_until_ms = now_ms + delay_ms;
	loop_timer_set(t, (uint32_t)(x->inspect_until_ms - now_ms));
}

/* ---- what came ---- */

/* Takes what the connection has, as far as the buffer has room.  0, or negative errno where it broke. */
static int withhold(struct conn *c, char **buffer, uint32_t *end)
{
	while (c->flags & CONN_READABLE && *end < buffer_class_bytes(BUFFER_16K)) {
		size_t room = buffer_class_bytes(BUFFER_16K) - *end;
		char *at = *buffer ? *buffer + *end : conn_scratch(); /* nothing is taken for who says nothing */
		ssize_t n = conn_recv(c, at, room);
		if (n == -EAGAIN || n == 0)
			return 0;
		if (n < 0)
			return (int)n;
		if (!*buffer) {
			*buffer = buffer_take(BUFFER_16K);
			if (!*buffer)
				return -ENOMEM;
			memcpy(*buffer, at, (size_t)n);
		}
		*end += (uint32_t)n;
	}
	return 0;
}

static bool cannot_grow(const struct conn *c, uint32_t end)
{
	return c->flags & (CONN_EOF_READ | CONN_ERROR) || end == buffer_class_bytes(BUFFER_16K);
}

static struct slice bytes_of(const char *buffer, uint32_t end)
{
	return buffer ? slice_of(buffer, end) : SLICE("");
}

/* Is it, or may it still become, a head of HTTP? */
static void look_for_http(struct exchange *x, struct msg *m, struct msg **known, struct slice bytes)
{
	enum h1_result r;

	if (x->parser.msg != m) {
		msg_reset(m);
		if (m == &x->request)
			h1_request_init(&x->parser, m, &exchange_h1_limits);
		else
			h1_response_init(&x->parser, m, METHOD_GET, &exchange_h1_limits);
		x->sample.http_pending = true;
	}
	if (!x->sample.http_pending || !bytes.len)
		return;
	r = h1_parse_head(&x->parser, bytes.ptr, bytes.len);
	if (r == H1_MORE)
		return;
	x->sample.http_pending = false;
	if (r == H1_DONE)
		*known = m;
}

/* ---- requests ---- */

static int look_at_request(struct exchange *x, uint32_t delay_ms)
{
	struct client *c = x->client;
	struct sample_ctx *s = &x->sample;
	int rc;

	s->final = is_over(x, delay_ms) || x->flags & XF_CLIENT_ENDED;
	if (!(x->flags & XF_TCP))
		return 0;
	rc = withhold(&c->conn, &x->head, &x->head_end);
	if (rc < 0)
		return rc;
	s->final = s->final || cannot_grow(&c->conn, x->head_end);
	s->req_bytes = bytes_of(x->head, x->head_end);
	x->bytes_in = x->head_end;
	look_for_http(x, &x->request, &s->req, s->req_bytes);
	return 0;
}

static enum rule_result wait_for_request(struct exchange *x, uint32_t delay_ms)
{
	wait_for_more(x, &x->timer, delay_ms);
	x->flags |= XF_AWAITS_BYTES;
	if (x->flags & XF_TCP) {
		client_timer(x->client, x->frontend->set.timeout_client_ms);
		client_watch(x->client);
	}
	return RULE_SUSPEND_AGAIN;
}

enum rule_result content_request_rules(struct exchange *x, const struct rule_lists *lists)
{
	enum rule_result result;

	x->flags &= ~(uint32_t)XF_AWAITS_BYTES;
	if (look_at_request(x, lists->request_delay_ms) < 0) {
		exchange_client_gone(x);
		return RULE_ANSWER;
	}
	result = rules_decide(lists->of[RULES_TCP_CONTENT], x, &x->rule_at);
	if (result == RULE_MORE)
		return x->state == X_DONE ? RULE_ANSWER : wait_for_request(x, lists->request_delay_ms);
	if (result == RULE_SUSPEND || result == RULE_SUSPEND_AGAIN)
		return result;
	x->inspect_until_ms = 0;
	x->sample.final = true;
	if (x->flags & XF_TCP)
		client_timer(x->client, 0);
	return result;
}

void content_request_event(struct exchange *x)
{
	if (x->flags & XF_AWAITS_BYTES && x->flags & XF_SUSPENDED)
		exchange_go_on(x);
}

/* ---- responses ---- */

/* In mode http: the message is there, only its rules may want to wait. */
enum rule_result content_response_rules(struct exchange *x, const struct rule_lists *lists)
{
	enum rule_result result;

	x->sample.final = is_over(x, lists->response_delay_ms);
	result = rules_decide(lists->of[RULES_TCP_RESPONSE], x, &x->rule_at);
	if (result == RULE_MORE) {
		wait_for_more(x, &x->timer, lists->response_delay_ms);
		return RULE_SUSPEND_AGAIN;
	}
	x->inspect_until_ms = 0;
	x->sample.final = true;
	return result;
}

/* In mode tcp. */
enum content_state content_session_rules(struct exchange *x, struct timer *wait)
{
	const struct rule_lists *lists = x->backend->rules;
	struct sample_ctx *s = &x->sample;
	struct conn *c = &x->sc->conn;

	if (withhold(c, &x->server_in, &x->server_in_end) < 0)
		return CONTENT_BROKE;
	s->phase = PHASE_RESPONSE;
	s->now_ms = loop_self->now_ms;
	s->res_bytes = bytes_of(x->server_in, x->server_in_end);
	s->final = is_over(x, lists->response_delay_ms) || cannot_grow(c, x->server_in_end);
	look_for_http(x, &x->response, &s->res, s->res_bytes);
	switch (rules_decide(lists->of[RULES_TCP_RESPONSE], x, &x->rule_at)) {
	case RULE_MORE: wait_for_more(x, wait, lists->response_delay_ms); return CONTENT_WAITS;
	case RULE_SUSPEND:
	case RULE_SUSPEND_AGAIN: x->flags |= XF_SUSPENDED; return CONTENT_WAITS;
	case RULE_ANSWER: return CONTENT_REFUSED;
	case RULE_ERROR: exchange_fail(x, 500, CAUSE_INTERNAL, 'D'); return CONTENT_REFUSED;
	case RULE_CONTINUE:
	case RULE_STOP: break;
	}
	s->final = true;
	s->res_bytes = (struct slice){ 0 };
	s->res = NULL;
	loop_timer_clear(wait);
	return CONTENT_PASSED;
}
