/* How an attempt on a server fared, for whoever judges servers by it: watchers (report.h), `balance ewma`, counters. */
#include "ballast/balance/pick.h"
#include "internal.h"

static uint32_t us_since(uint64_t since_ns)
{
	uint64_t us = (loop_self->now_ns - since_ns) / 1000;

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void exchange_report_now(const struct exchange *x, enum server_outcome o)
{
	struct server_result r = { .outcome = o,
		.status = o == OUTCOME_ANSWERED ? x->response.status : 0,
		.measured = !(x->flags & XF_BODY_STARTED),
		.latency_us = us_since(x->t_connected ? x->t_connected : x->t_try),
		.now_ms = loop_self->now_ms };

	server_report(x->server, &r);
}

/* A TCP session's answer is its connection.  A failure counts as a slow answer, so that a server that refuses at once does
 * not seem the fastest. */
void exchange_note_latency(struct exchange *x, bool failed)
{
	const struct backend *b = x->backend;
	uint32_t us = us_since(x->t_connected && !(x->flags & XF_TCP) ? x->t_connected : x->t_connect_start);

	if (!b->latency)
		return;
	if (failed && us < PICK_FAILURE_US)
		us = PICK_FAILURE_US;
	pick_latency_note(&b->latency[x->server->slot], b->latency_decay_ms, us, (uint32_t)loop_self->now_ms);
}

void exchange_count_failed_response(struct exchange *x)
{
	count_add(server_counters(x->server), COUNT_ERR_RESP, 1);
	count_add(backend_counters(x->backend), COUNT_ERR_RESP, 1);
	exchange_count_failure(x);
}
