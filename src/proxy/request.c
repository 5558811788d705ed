/* From a request's head to the choice of a backend: monitor page, rules, use_backend; and the edits that every
 * forwarded request gets (RFC 9110 section 7.6). */
#include <string.h>

#include "ballast/base/hazard.h"
#include "ballast/base/strmap.h"
#include "ballast/server/retry_budget.h"
#include "body.h"
#include "internal.h"

enum rule_stage { STAGE_FRONTEND, STAGE_BACKEND_CHOICE, STAGE_BACKEND, STAGE_SERVER };

/* Of one proxy, in this order. */
static const uint8_t request_sets[] = { RULES_TCP_CONTENT, RULES_HTTP_REQUEST, RULES_REDIRECT };
enum { REQUEST_SETS = sizeof request_sets };

/* ---- log and counters ---- */

static void count_request(struct counters *c)
{
	count_add(c, COUNT_REQ, 1);
	rate_count(&c->req_rate, (uint32_t)(loop_self->wall_us / 1000000));
}

static void note_request(struct exchange *x)
{
	struct counters *c = frontend_counters(x->frontend);
	struct msg *m = &x->request;

	x->t_head = loop_self->now_ns;
	x->log_request = m->start_line;
	x->log_method = m->method_name;
	x->log_target = m->target;
	x->bytes_in = x->head_end;
	count_request(c);
	x->sample.req = m;
	x->sample.now_ms = loop_self->now_ms;
	x->sample.wall_us = loop_self->wall_us;
	x->sample.phase = PHASE_REQUEST;
	track_count(x->sample.tracking, DATA_HTTP_REQ_CNT, DATA_HTTP_REQ_RATE, 1, x->sample.now_ms);
}

static bool is_monitor(const struct exchange *x)
{
	return x->frontend->set.monitor_uri.len && slice_eq(x->request.target, x->frontend->set.monitor_uri);
}

static void answer_monitor(struct exchange *x)
{
	static const struct answer up = {
		.status = 200,
		.content_type = { "text/html", 9 },
		.body = { "<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n", 58 },
	};
	x->flags |= XF_NO_LOG;
	exchange_answer(x, &up);
}

void exchange_request_head(struct exchange *x)
{
	const struct msg *m = &x->request;

	note_request(x);
	h1_body_init(&x->request_body, m, &exchange_h1_limits);
	if (!(m->flags & MSG_KEEP_ALIVE) || x->frontend->set.connection == CONNECTION_CLOSE ||
		frontend_is_leaving(x->client->frontend))
		x->flags |= XF_CLOSE_CLIENT;
	if (BL_UNLIKELY(x->frontend->captures != NULL))
		log_capture_request(x);
	x->state = X_RULES;
	if (BL_UNLIKELY(is_monitor(x))) {
		answer_monitor(x);
		return;
	}
	exchange_run_rules(x);
}

/* ---- stages ---- */

/* True where the exchange goes on to the next stage now. */
static bool rules_passed(struct exchange *x, enum rule_result r)
{
	switch (r) {
	case RULE_CONTINUE:
	case RULE_STOP: x->rule_at = 0; return true;
	case RULE_ANSWER: return false;
	case RULE_SUSPEND:
	case RULE_SUSPEND_AGAIN: x->flags |= XF_SUSPENDED; return false;
	case RULE_ERROR:
	case RULE_MORE: break;
	}
	exchange_fail(x, 500, CAUSE_INTERNAL, 'R');
	return false;
}

/* The backend whose name the format comes to; NULL: there is none. */
static struct backend *backend_by_format(struct exchange *x, const struct use_backend *u)
{
	char text[256];
	struct strbuf name;

	strbuf_init_fixed(&name, text, sizeof text);
	format_render(u->format, &x->sample, &name);
	return name.incomplete || !u->all ? NULL : strmap_get(u->all, strbuf_slice(&name));
}

static struct backend *choose_backend(struct exchange *x)
{
	const struct frontend *f = x->frontend;
	for (uint32_t i = 0; i < f->use_backend_count; i++) {
		const struct use_backend *u = &f->use_backends[i];
		if (u->cond && !cond_eval(u->cond, &x->sample))
			continue;
		if (!u->format)
			return u->backend;
		struct backend *named = backend_by_format(x, u);
		return named ? named : f->default_backend;
	}
	return f->default_backend;
}

bool exchange_enter_backend(struct exchange *x)
{
	struct counters *c;

	x->backend = choose_backend(x);
	if (!x->backend) {
		exchange_fail(x, 503, CAUSE_SERVER_ABORT, 'C');
		return false;
	}
	c = backend_counters(x->backend);
	x->flags |= XF_COUNTED;
	count_session(c, (uint32_t)(loop_self->wall_us / 1000000));
	count_current(c, 1);
	count_add(c, COUNT_REQ, 1);
	retry_budget_request(x->backend);
	return true;
}

/* `option http-buffer-request` of the frontend or backend `owner`: within the time that a request has. */
static bool body_passed(struct exchange *x, const void *owner)
{
	const struct frontend_settings *set = &x->frontend->set;
	uint32_t ms = set->has_timeout_http_request ? set->timeout_http_request_ms : set->timeout_client_ms;
	uint64_t spent = (loop_self->now_ns - x->t_first) / 1000000;
	struct body_wait w = { .waiter = owner, .ms = ms && ms <= spent ? 1 : ms ? ms - (uint32_t)spent : 0 };
	uint32_t at = x->rule_at; /* it is no rule: which one is next stays */

	if (!rules_passed(x, body_wait_request(x, &w)))
		return false;
	x->rule_at = at;
	return true;
}

static enum rule_result run_set(struct exchange *x, const struct rule_lists *lists, enum rule_set set)
{
	return set == RULES_TCP_CONTENT ? content_request_rules(x, lists) : rules_run(lists->of[set], x, &x->rule_at);
}

/* All sets of one side.  False: suspended, or over. */
static bool run_sets(struct exchange *x, const struct rule_lists *lists, bool buffer_request, const void *owner)
{
	for (; x->rule_set < REQUEST_SETS; x->rule_set++) {
		enum rule_set set = request_sets[x->rule_set];
		if (BL_UNLIKELY(buffer_request) && set == RULES_HTTP_REQUEST && !body_passed(x, owner))
			return false;
		if (lists && lists->of[set] && !rules_passed(x, run_set(x, lists, set)))
			return false;
	}
	x->rule_set = 0;
	return true;
}

static void run_stages(struct exchange *x)
{
	if (x->rule_stage == STAGE_FRONTEND) {
		bool buffer_request = x->frontend->set.buffer_request;
		if ((x->frontend->rules || buffer_request) &&
			!run_sets(x, x->frontend->rules, buffer_request, x->frontend))
			return;
		x->rule_stage = STAGE_BACKEND_CHOICE;
	}
	if (x->rule_stage == STAGE_BACKEND_CHOICE) {
		if (!exchange_enter_backend(x))
			return;
		x->rule_stage = STAGE_BACKEND;
	}
	if (x->rule_stage == STAGE_BACKEND) {
		/* a `listen` is both: its rules run once */
		const struct rule_lists *rules = x->backend->rules == x->frontend->rules ? NULL : x->backend->rules;
		bool buffer_request = x->backend->set.buffer_request;
		if ((rules || buffer_request) && !run_sets(x, rules, buffer_request, x->backend))
			return;
		x->rule_stage = STAGE_SERVER;
	}
	bool counts_hops =
		(x->request.method == METHOD_OPTIONS || x->request.method == METHOD_TRACE) && !(x->flags & XF_TCP);
	if (BL_UNLIKELY(counts_hops) && !exchange_may_forward(x))
		return;
	x->t_queue = loop_self->now_ns;
	exchange_choose(x);
}

void exchange_run_rules(struct exchange *x)
{
	x->state = X_RULES;
	x->rule_stage = STAGE_FRONTEND;
	run_stages(x);
}

void exchange_go_on(struct exchange *x)
{
	if (!(x->flags & XF_SUSPENDED))
		return;
	x->flags &= ~(uint32_t)(XF_SUSPENDED | XF_WAITS_BODY);
	loop_timer_clear(&x->timer);
	x->sample.now_ms = loop_self->now_ms;
	x->sample.wall_us = loop_self->wall_us;
	if (x->state == X_RULES)
		run_stages(x);
	else if (x->state == X_ANSWERING)
		x->server_ops->resume(x);
	else if (x->state == X_TUNNEL)
		tunnel_pump(x);
}

void exchange_resume(struct exchange *x)
{
	struct client *c = x->client;

	exchange_go_on(x);
	client_settle(c);
}

/* ---- what every forwarded request gets ---- */

static int add_forwardfor(struct exchange *x, const struct forwardfor *f)
{
	char text[ADDR_TEXT_MAX];
	struct slice name, value;
	const union addr *src = x->sample.src;

	if (!f->on || src->family == AF_UNSPEC)
		return 0;
	if (f->has_except && net_prefix_match(&f->except, src))
		return 0;
	name = slice_from_str(f->header);
	if (f->if_none && msg_find(&x->request, name, 0) >= 0)
		return 0;
	value = arena_copy(&x->arena, addr_ip_text(src, text));
	return value.ptr ? msg_add(&x->request, name, value) : -ENOMEM;
}

static int add_via(struct exchange *x, struct msg *m, const char *name)
{
	struct slice value;
	if (!name)
		return 0;
	value = arena_printf(&x->arena, "%s %s", m->flags & MSG_HTTP10 ? "1.0" : "1.1", name);
	return value.ptr ? msg_add(m, SLICE("Via"), value) : -ENOMEM;
}

int exchange_add_via(struct exchange *x, struct msg *m)
{
	const char *name = x->backend && x->backend->set.via ? x->backend->set.via : x->frontend->set.via;
	return add_via(x, m, name);
}

/* A request without Host (HTTP/1.0) becomes an HTTP/1.1 request, which needs one (RFC 9112 section 3.2). */
static int add_host(struct exchange *x)
{
	const struct server_target *t;
	struct slice value;

	if (!(x->request.flags & MSG_HTTP10) || msg_find_id(&x->request, FIELD_HOST, 0) >= 0)
		return 0;
	t = hazard_protect(hazard_own(), (_Atomic(void *) *)&x->server->target);
	value = t->at.sa.sa_family == AF_UNIX ? SLICE("localhost") : arena_copy(&x->arena, slice_from_str(t->text));
	hazard_clear(hazard_own());
	return value.ptr ? msg_add(&x->request, SLICE("Host"), value) : -ENOMEM;
}

static bool closes_server(const struct exchange *x)
{
	return x->backend->set.connection != CONNECTION_KEEP_ALIVE ||
	       x->frontend->set.connection == CONNECTION_SERVER_CLOSE;
}

int exchange_prepare_request(struct exchange *x)
{
	struct msg *m = &x->request;
	int rc;

	if (x->flags & XF_PREPARED)
		return 0;
	x->flags |= XF_PREPARED;
	if (m->flags & MSG_HTTP10) {
		m->flags &= ~(uint32_t)MSG_UPGRADE;
		int at = msg_find_id(m, FIELD_EXPECT, 0); /* to be ignored: RFC 9110 section 10.1.1 */
		if (at >= 0)
			msg_delete_at(m, at);
	}
	if (m->flags & MSG_UPGRADE)
		x->flags |= XF_EXPECTS_UPGRADE;
	msg_remove_hop_by_hop(m);
	if (closes_server(x) && !(m->flags & MSG_UPGRADE))
		x->flags |= XF_CLOSE_SERVER;
	rc = add_host(x);
	if (rc == 0)
		rc = add_forwardfor(x,
			x->backend->set.forwardfor.on ? &x->backend->set.forwardfor : &x->frontend->set.forwardfor);
	if (rc == 0 && BL_UNLIKELY(x->frontend->set.unique_id_header != NULL))
		rc = exchange_add_unique_id(x);
	return rc ? rc : exchange_add_via(x, m);
}

/* ---- refused ---- */

void exchange_bad_request(struct exchange *x, enum h1_error e, uint32_t at, const char *bytes, size_t len)
{
	count_add(frontend_counters(x->frontend), COUNT_ERR_REQ, 1);
	exchange_count_client_error(x);
	capture_error(x, false, e, at, bytes, len);
	x->flags |= XF_CLOSE_CLIENT;
	if (x->state == X_HEAD) {
		count_request(frontend_counters(x->frontend));
		x->t_head = loop_self->now_ns;
		x->bytes_in = x->head_end;
	}
	exchange_fail(x, h1_error_status(e), CAUSE_PROXY,
		x->state == X_HEAD            ? 'R'
		: x->flags & XF_RESPONSE_HEAD ? 'D'
					      : 'H');
}
