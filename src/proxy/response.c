/* From a response's head to the client; answers of our own; failures. */
#include <stdio.h>
#include <string.h>

#include "ballast/proxy/log.h"
#include "internal.h"
#include "persist.h"

/* ---- counters ---- */

static enum counter status_counter(unsigned status)
{
	static const enum counter by_class[] = { COUNT_HTTP_1XX, COUNT_HTTP_2XX, COUNT_HTTP_3XX, COUNT_HTTP_4XX,
		COUNT_HTTP_5XX };
	unsigned class = status / 100;
	return class >= 1 && class <= 5 ? by_class[class - 1] : COUNT_HTTP_OTHER;
}

static void count_response(struct exchange *x, unsigned status)
{
	enum counter which = status_counter(status);

	count_add(frontend_counters(x->frontend), which, 1);
	if (!x->backend)
		return;
	count_add(backend_counters(x->backend), which, 1);
	if (x->server && !(x->flags & XF_LOCAL))
		count_add(server_counters(x->server), which, 1);
}

/* ---- from the server ---- */

static int interim(struct exchange *x)
{
	struct msg *m = &x->response;

	if (x->request.flags & MSG_HTTP10) /* never to an HTTP/1.0 client: RFC 9110 section 15.2 */
		return FLOW_OK;
	int rc = x->client->ops->head(x, m);
	return rc < 0 ? rc : FLOW_OK;
}

static struct slice protocol_name(struct slice protocol)
{
	ptrdiff_t slash = slice_find_byte(protocol, '/');
	return slash < 0 ? protocol : slice_of(protocol.ptr, (size_t)slash);
}

static bool offers_protocol(const struct msg *request, struct slice name)
{
	for (int i = msg_find_id(request, FIELD_UPGRADE, 0); i >= 0; i = msg_find_id(request, FIELD_UPGRADE, i + 1)) {
		struct slice list = field_value(&request->fields[i]), member;
		while (slice_next_member(&list, &member))
			if (member.len && slice_eq_icase(protocol_name(member), name))
				return true;
	}
	return false;
}

/* A server may only switch to what the client offered (RFC 9110 section 7.8). */
static bool switches_to_an_offer(const struct exchange *x)
{
	const struct msg *m = &x->response;
	int i = msg_find_id(m, FIELD_UPGRADE, 0);

	if (i < 0)
		return false;
	for (; i >= 0; i = msg_find_id(m, FIELD_UPGRADE, i + 1)) {
		struct slice list = field_value(&m->fields[i]), member;
		while (slice_next_member(&list, &member))
			if (!offers_protocol(&x->request, protocol_name(member)))
				return false;
	}
	return true;
}

static int switch_protocols(struct exchange *x)
{
	bool asked = x->flags & XF_EXPECTS_UPGRADE && x->flags & XF_REQUEST_DONE;
	if (!asked || !switches_to_an_offer(x)) {
		exchange_bad_response(x, H1_ERR_STATUS, 0, x->response.start_line.ptr, x->response.start_line.len);
		return -EPROTO;
	}
	x->response.flags |= MSG_UPGRADE;
	return FLOW_OK;
}

enum { STAGE_CONTENT, STAGE_BACKEND, STAGE_FRONTEND, STAGES };

static enum rule_result run_stage(struct exchange *x)
{
	const struct rule_lists *back = x->backend->rules, *front = x->frontend->rules;

	if (x->rule_stage == STAGE_CONTENT)
		return rules_of(back, RULES_TCP_RESPONSE) ? content_response_rules(x, back) : RULE_CONTINUE;
	if (x->rule_stage == STAGE_BACKEND)
		return rules_run(rules_of(back, RULES_HTTP_RESPONSE), x, &x->rule_at);
	if (front == back) /* a `listen` is both: once */
		return RULE_CONTINUE;
	return rules_run(rules_of(front, RULES_HTTP_RESPONSE), x, &x->rule_at);
}

/* Runs the backend's rules, then the frontend's, from where they stopped. FLOW_OK: all passed; FLOW_BLOCKED: suspended;
 * negative: answered or failed. */
static int response_rules(struct exchange *x)
{
	for (; x->rule_stage < STAGES; x->rule_stage++, x->rule_at = 0) {
		switch (run_stage(x)) {
		case RULE_CONTINUE:
		case RULE_STOP: break;
		case RULE_SUSPEND:
		case RULE_SUSPEND_AGAIN: x->flags |= XF_SUSPENDED; return FLOW_BLOCKED;
		case RULE_ERROR:
		case RULE_MORE: exchange_fail(x, 500, CAUSE_INTERNAL, 'H'); return -EPROTO;
		case RULE_ANSWER: return -EPROTO;
		}
	}
	return FLOW_OK;
}

static bool has_response_rules(const struct rule_lists *lists)
{
	return lists && (lists->of[RULES_HTTP_RESPONSE] || lists->of[RULES_TCP_RESPONSE]);
}

static void track_response(struct exchange *x, unsigned status)
{
	if (status_is_client_error(status))
		exchange_count_client_error(x);
	else if (status_is_failure(status))
		exchange_count_failure(x);
}

static void note_response(struct exchange *x)
{
	struct msg *m = &x->response;

	x->t_response = loop_self->now_ns;
	x->flags |= XF_RESPONSE_HEAD;
	x->state = X_ANSWERING;
	x->sample.res = m;
	x->sample.now_ms = loop_self->now_ms;
	x->sample.phase = PHASE_RESPONSE;
	if (!(m->flags & MSG_KEEP_ALIVE))
		x->flags |= XF_CLOSE_SERVER;
	if (frontend_is_leaving(x->client->frontend))
		x->flags |= XF_CLOSE_CLIENT;
	count_response(x, m->status);
	if (BL_UNLIKELY(x->sample.tracking != NULL))
		track_response(x, m->status);
	if (BL_UNLIKELY(x->frontend->captures != NULL))
		log_capture_response(x);
	if (BL_UNLIKELY(x->backend->latency != NULL))
		exchange_note_latency(x, false);
}

/* `http-after-response`: the backend's, then the frontend's, once for each request.  A fault of one ends in a 500 that
 * they do not see.  False: it was answered so. */
static bool after_rules(struct exchange *x)
{
	const struct rule_lists *back = x->backend ? x->backend->rules : NULL, *front = x->frontend->rules;
	const struct rules *lists[] = { rules_of(back, RULES_HTTP_AFTER),
		front == back ? NULL : rules_of(front, RULES_HTTP_AFTER) };

	if (BL_LIKELY(!lists[0] && !lists[1]) || x->after_rules_ran)
		return true;
	x->after_rules_ran = true;
	x->sample.res = &x->response;
	x->sample.phase = PHASE_RESPONSE;
	for (int i = 0; i < 2; i++) {
		uint32_t at = 0;
		enum rule_result result = rules_run(lists[i], x, &at);
		if (result == RULE_CONTINUE || result == RULE_STOP)
			continue;
		if (result != RULE_ANSWER)
			exchange_fail(x, 500, CAUSE_INTERNAL, 'H');
		return false;
	}
	return true;
}

static bool becomes_tunnel(const struct exchange *x)
{
	unsigned status = x->response.status;
	return status == 101 || (x->request.method == METHOD_CONNECT && status / 100 == 2);
}

int exchange_response_head(struct exchange *x)
{
	int rc;

	if (x->response.status < 200 && x->response.status != 101)
		return interim(x);
	if (x->response.status == 101 && (rc = switch_protocols(x)) < 0)
		return rc;
	exchange_report(x, OUTCOME_ANSWERED);
	if (BL_UNLIKELY(x->backend->set.retry_on > RETRY_CONN_FAILURE) && exchange_retry_status(x))
		return -EPROTO;
	note_response(x);
	x->rule_stage = 0;
	x->rule_at = 0;
	return exchange_response_go_on(x);
}

int exchange_response_go_on(struct exchange *x)
{
	int rc;

	if (has_response_rules(x->backend->rules) || has_response_rules(x->frontend->rules)) {
		loop_timer_clear(&x->timer); /* it may be a pause's now */
		rc = response_rules(x);
		if (rc != FLOW_OK)
			return rc;
	}
	if (BL_UNLIKELY(x->backend->stick != NULL))
		stick_store(x, true);
	rc = BL_UNLIKELY(x->persist != NULL) ? persist_response(x) : 0;
	if (rc == 0)
		rc = exchange_add_via(x, &x->response);
	if (rc == 0 && !after_rules(x))
		return -EPROTO;
	if (rc == 0)
		rc = x->client->ops->head(x, &x->response);
	if (rc < 0) {
		exchange_fail(x, 502, CAUSE_PROXY, 'H');
		return -EPROTO;
	}
	exchange_log_early(x);
	if (BL_UNLIKELY(becomes_tunnel(x)))
		tunnel_start(x);
	return FLOW_OK;
}

void exchange_response_end(struct exchange *x)
{
	if (x->sc) {
		bool keep = !(x->flags & XF_CLOSE_SERVER);
		if (x->flags & XF_REQUEST_SENT || !keep)
			exchange_release_server(x, keep && x->flags & XF_REQUEST_SENT);
	}
	exchange_check_done(x);
}

void exchange_bad_response(struct exchange *x, enum h1_error e, uint32_t at, const char *bytes, size_t len)
{
	capture_error(x, true, e, at, bytes, len);
	exchange_report(x, OUTCOME_JUNK);
	if (!(x->flags & XF_RESPONSE_HEAD) && exchange_send_again(x, RETRY_JUNK_RESPONSE))
		return;
	exchange_count_failed_response(x);
	exchange_fail(x, 502, CAUSE_PROXY, x->flags & XF_HEAD_SENT ? 'D' : 'H');
}

/* ---- our own ---- */

static struct slice length_text(struct exchange *x, size_t n)
{
	int len = snprintf(x->length_text, sizeof x->length_text, "%zu", n);
	return slice_of(x->length_text, (size_t)len);
}

static void build_message(struct exchange *x, const struct answer *a)
{
	struct msg *m = &x->response;
	bool no_body = a->status == 204 || a->status == 304;

	msg_reset(m);
	m->flags = MSG_RESPONSE | MSG_KEEP_ALIVE | (no_body ? MSG_NO_BODY : MSG_LENGTH);
	msg_set_status(m, a->status, a->reason.len ? a->reason : slice_from_str(status_reason(a->status)));
	m->content_length = a->body.len;
	if (!no_body)
		msg_add(m, SLICE("Content-Length"), length_text(x, a->body.len));
	if (a->content_type.len && !no_body)
		msg_add(m, SLICE("Content-Type"), a->content_type);
	for (unsigned i = 0; i < a->field_count; i++)
		msg_add(m, a->field[i].name, a->field[i].value);
}

/* What of the request's body lies behind its head is thrown away; where more would follow, the connection ends. */
static void drop_request_body(struct exchange *x)
{
	if (x->flags & XF_REQUEST_DONE)
		return;
	while (!h1_body_done(&x->request_body) && x->body_at < x->head_end) {
		struct slice data;
		size_t used = 0;
		enum h1_result r = h1_body_next(&x->request_body, x->head + x->body_at, x->head_end - x->body_at, &data,
			&used, NULL);
		x->body_at += (uint32_t)used;
		if (r == H1_ERROR || (r == H1_MORE && !used))
			break;
	}
	if (h1_body_done(&x->request_body))
		x->flags |= XF_REQUEST_DONE;
	else
		x->flags |= XF_CLOSE_CLIENT;
}

void exchange_answer(struct exchange *x, const struct answer *a)
{
	const struct client_ops *ops = x->client->ops;
	int rc;

	exchange_stop_waiting(x);
	exchange_release_server(x, false);
	x->flags |= XF_LOCAL | XF_RESPONSE_HEAD;
	if (x->cause == CAUSE_NONE) {
		x->cause = CAUSE_LOCAL;
		x->phase_letter = 'R';
		count_add(frontend_counters(x->frontend), COUNT_INTERCEPTED, 1);
	}
	if (!x->head_len)
		x->flags |= XF_CLOSE_CLIENT; /* where the request ends is not known */
	else
		drop_request_body(x);
	if (a->close)
		x->flags |= XF_CLOSE_CLIENT;
	if (!a->status) { /* an empty errorfile: the connection ends without an answer */
		exchange_end(x, true);
		return;
	}
	x->state = X_ANSWERING;
	build_message(x, a);
	if (x->log_request.ptr && !after_rules(x)) /* a request that could not be read meets no rules */
		return;
	count_response(x, x->response.status);
	rc = ops->head(x, &x->response);
	if (rc == 0 && x->request.method != METHOD_HEAD && x->response.flags & MSG_LENGTH)
		rc = ops->data(x, a->body);
	x->flags |= XF_RESPONSE_DONE;
	if (rc >= 0)
		rc = ops->flush(x, false);
	if (rc < 0)
		exchange_client_gone(x);
	else
		exchange_check_done(x);
}

void exchange_fail(struct exchange *x, unsigned status, enum exchange_cause cause, char phase)
{
	const struct answer *page;

	if (x->state == X_DONE)
		return;
	x->cause = cause;
	x->phase_letter = phase;
	if (x->flags & (XF_HEAD_SENT | XF_TCP)) {
		exchange_end(x, true);
		return;
	}
	page = exchange_error_page(x, status);
	if (!page->status)
		x->status = (uint16_t)status; /* for the log */
	exchange_answer(x, page);
}
