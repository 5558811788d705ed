/* Trying again: what a failed attempt on a server leads to.
 *
 * A connection that cannot be made is tried again: with `option redispatch` at once on another server, where one is left
 * that did not fail this request and the algorithm does not bind the request to its server; else on the same one after
 * at most a second, and elsewhere at the try that the option names.  A request that failed on a kept connection before
 * any byte of an answer is sent again on a new one, where that is safe (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
 * What else is sent again is for `retry-on` to say; for this a request is held whole as long as it fits into its buffer.
 */
#include "ballast/proxy/log.h"
#include "ballast/server/retry_budget.h"
#include "connect.h"
#include "internal.h"
#include "persist.h"

static bool is_our_fault(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -EADDRNOTAVAIL || error == -ENOMEM;
}

/* A failure that is the server's, and none of our own. */
static void report_failed_connect(const struct exchange *x, int error)
{
	if (error == -ETIMEDOUT)
		exchange_report(x, OUTCOME_CONNECT_TIMEOUT);
	else if (!is_our_fault(error))
		exchange_report(x, OUTCOME_UNREACHABLE);
}

/* ---- where to ---- */

static bool redispatches(const struct exchange *x)
{
	const struct backend_settings *set = &x->backend->set;
	int64_t interval = set->redispatch_interval;

	if (!server_takes(x->server) && !persist_holds(x))
		return true;
	if (!set->redispatch || (persist_bound(x) && x->persist->forced))
		return false;
	if (x->backend->hash_key == HASH_NONE && !persist_bound(x) && exchange_has_alternative(x))
		return true;
	if (interval > 0)
		return x->retries % interval == 0;
	return (int64_t)x->retries == set->retries + 1 + interval;
}

static void go_elsewhere(struct exchange *x)
{
	struct server *old = x->server;

	exchange_release_server(x, false);
	x->flags |= XF_REDISPATCHED;
	count_add(server_counters(old), COUNT_REDISPATCHES, 1);
	count_add(backend_counters(x->backend), COUNT_REDISPATCHES, 1);
	if (exchange_shun(x, old) < 0) {
		exchange_fail(x, 503, CAUSE_RESOURCE, 'C');
		return;
	}
	exchange_choose(x);
}

static void count_retry(struct exchange *x)
{
	x->retries++;
	count_add(server_counters(x->server), COUNT_RETRIES, 1);
	count_add(backend_counters(x->backend), COUNT_RETRIES, 1);
}

static bool within_budget(const struct exchange *x)
{
	return retry_budget_take(x->backend, loop_self->index, loop_self->now_ms);
}

/* ---- a connection could not be made ---- */

static void connect_failed(struct exchange *x, int error)
{
	enum exchange_cause cause = error == -ETIMEDOUT   ? CAUSE_SERVER_TIMEOUT
	                            : is_our_fault(error) ? CAUSE_RESOURCE
	                                                  : CAUSE_SERVER_ABORT;

	count_add(backend_counters(x->backend), COUNT_ERR_CONN, 1);
	exchange_fail(x, 503, cause, 'C');
}

void exchange_retry(struct exchange *x, int error)
{
	const struct backend_settings *set = &x->backend->set;

	report_failed_connect(x, error);
	exchange_note_latency(x, true);
	if (x->sc) {
		server_conn_drop(x->sc, false);
		x->sc = NULL;
	}
	loop_timer_clear(&x->timer);
	if (x->retries >= set->retries || !(set->retry_on & RETRY_CONN_FAILURE) || !within_budget(x)) {
		count_add(server_counters(x->server), COUNT_ERR_CONN, 1);
		connect_failed(x, error);
		return;
	}
	count_retry(x);
	if (redispatches(x)) {
		count_add(server_counters(x->server), COUNT_ERR_CONN, 1); /* once a request, not once a try */
		go_elsewhere(x);
	} else
		exchange_retry_later(x);
}

void exchange_connect_timer(struct exchange *x)
{
	if (x->sc)
		exchange_retry(x, -ETIMEDOUT);
	else if (server_takes(x->server) || persist_holds(x))
		exchange_try_server(x);
	else
		go_elsewhere(x);
}

/* ---- a request that was sent ---- */

/* As if nothing of the request had been given to any server. */
static void rewind_request(struct exchange *x)
{
	if (!(x->flags & XF_REQUEST_DONE))
		inbuf_free(&x->client->in);
	x->body_at = x->head_len;
	h1_body_init(&x->request_body, &x->request, &exchange_h1_limits);
	x->flags &=
		~(uint32_t)(XF_REQUEST_DONE | XF_REQUEST_SENT | XF_CHUNK_TO_SERVER | XF_CLOSE_SERVER | XF_SEND_BROKEN);
	if (x->backend->set.connection != CONNECTION_KEEP_ALIVE && !(x->request.flags & MSG_UPGRADE))
		x->flags |= XF_CLOSE_SERVER;
	x->server_in_end = 0;
	x->parser.msg = NULL;
}

/* Drops the connection and all that came on it. */
static void take_back(struct exchange *x)
{
	server_conn_drop(x->sc, false);
	x->sc = NULL;
	loop_timer_clear(&x->timer);
	outbuf_free(&x->server_out);
	batch_reset(&proxy_thread()->to_server);
	rewind_request(x);
	if (x->server_in) {
		buffer_give(BUFFER_16K, x->server_in);
		x->server_in = NULL;
	}
	msg_reset(&x->response);
	x->flags &= ~(uint32_t)XF_ANSWER_BEGAN;
}

/* On a kept connection, which the server had ended meanwhile as it seems.  No budget is asked: that is no failure of a
 * server under load. */
static bool may_resend(const struct exchange *x)
{
	const struct backend_settings *set = &x->backend->set;

	if (x->flags & (XF_BODY_STARTED | XF_ANSWER_BEGAN) || !(x->flags & XF_REUSED) || x->retries >= set->retries ||
		!set->retry_on)
		return false;
	if (x->flags & XF_SEND_BROKEN && x->nothing_sent)
		return true;
	return exchange_is_idempotent(x) && !(x->flags & XF_NO_L7_RETRY);
}

static void resend(struct exchange *x)
{
	count_retry(x);
	take_back(x);
	x->tried_fresh = true; /* the next kept one could be as stale */
	exchange_try_server(x);
}

static uint32_t event_of_status(unsigned status)
{
	static const uint16_t statuses[] = { 401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504 };

	for (unsigned i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (statuses[i] == status)
			return RETRY_401 << i;
	return 0;
}

static bool may_send_again(const struct exchange *x, uint32_t event)
{
	const struct backend_settings *set = &x->backend->set;

	return set->retry_on & event && x->retries < set->retries && !(x->flags & (XF_BODY_STARTED | XF_NO_L7_RETRY)) &&
	       within_budget(x);
}

static void send_again(struct exchange *x)
{
	count_retry(x);
	take_back(x);
	x->tried_fresh = false;
	if (redispatches(x))
		go_elsewhere(x);
	else
		exchange_try_server(x);
}

bool exchange_send_again(struct exchange *x, uint32_t event)
{
	if (BL_LIKELY(!may_send_again(x, event)))
		return false;
	exchange_count_failed_response(x);
	exchange_note_latency(x, true);
	send_again(x);
	return true;
}

bool exchange_retry_status(struct exchange *x)
{
	unsigned status = x->response.status;

	if (!may_send_again(x, event_of_status(status)))
		return false;
	count_add(server_counters(x->server), COUNT_HTTP_1XX + (status / 100 - 1), 1);
	if (status_is_failure(status))
		exchange_count_failure(x);
	exchange_note_latency(x, status_is_failure(status));
	send_again(x);
	return true;
}

/* ---- the server went away ---- */

static void broke_off(struct exchange *x)
{
	exchange_report(x, OUTCOME_BROKEN);
	exchange_count_failed_response(x);
	count_add(server_counters(x->server), COUNT_SERVER_ABORTS, 1);
	count_add(backend_counters(x->backend), COUNT_SERVER_ABORTS, 1);
	count_add(frontend_counters(x->frontend), COUNT_SERVER_ABORTS, 1);
	x->cause = CAUSE_SERVER_ABORT;
	x->phase_letter = 'D';
	exchange_end(x, true);
}

static void gave_no_answer(struct exchange *x)
{
	bool began = x->flags & XF_ANSWER_BEGAN;

	exchange_report(x, began ? OUTCOME_JUNK : OUTCOME_EMPTY);
	if (exchange_send_again(x, began ? RETRY_JUNK_RESPONSE : RETRY_EMPTY_RESPONSE))
		return;
	exchange_count_failed_response(x);
	exchange_note_latency(x, true);
	exchange_fail(x, 502, CAUSE_SERVER_ABORT, 'H');
}

void exchange_server_gone(struct exchange *x)
{
	if (x->flags & XF_RESPONSE_DONE) {
		x->flags |= XF_CLOSE_CLIENT;
		exchange_release_server(x, false);
		exchange_check_done(x);
	} else if (x->flags & XF_RESPONSE_HEAD) {
		broke_off(x);
	} else if (may_resend(x)) {
		resend(x);
	} else {
		gave_no_answer(x);
	}
}
