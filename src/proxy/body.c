/* Bodies that rules look at: waiting until they are there, and their payload.
 *
 * A body that is waited for is collected behind its head, framing and all, as far as the head's buffer goes
 * (tune.bufsize), so that all that follows finds it where it would have come from anyway: a request in the buffer that is
 * kept for retries, a response in the copy that a suspended one has.  What is there is looked at once, byte by byte, to
 * learn whether it is whole; payload is put together only for those who ask.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "internal.h"

struct collected_body {
	struct h1_body scan; /* framing of what was looked at */
	uint32_t looked_at;  /* bytes behind the head */
	bool ended;          /* the server's connection ended behind them */
	const void *waiter;
	uint64_t until_ms;          /* UINT64_MAX: for ever */
	uint64_t at_least;          /* payload; 0: all */
	struct slice text, text_of; /* payload, of these bytes; ptr NULL: not asked for yet */
};

enum look { LOOK_READY, LOOK_MORE, LOOK_BAD };

/* What came behind the head. */
static struct slice raw_body(const struct exchange *x, bool response)
{
	if (!response)
		return slice_of(x->head + x->head_len, x->head_end - x->head_len);
	if (x->flags & XF_LOCAL)
		return SLICE("");
	return x->held ? slice_of(x->held + x->held_used, x->held_len - x->held_used) : x->behind;
}

static struct collected_body *collected(struct exchange *x, bool response)
{
	struct collected_body **at = &x->collected[response];

	if (!*at) {
		*at = arena_zalloc(&x->arena, sizeof **at);
		if (*at)
			h1_body_init(&(*at)->scan, response ? &x->response : &x->request, &exchange_h1_limits);
	}
	return *at;
}

static enum look look(struct exchange *x, struct collected_body *b, bool response)
{
	struct slice raw = raw_body(x, response), data;
	size_t used;

	while (!h1_body_done(&b->scan) && b->looked_at < raw.len) {
		if (h1_body_next(&b->scan, raw.ptr + b->looked_at, raw.len - b->looked_at, &data, &used, NULL) ==
			H1_ERROR)
			return LOOK_BAD;
		b->looked_at += (uint32_t)used;
		if (!used)
			break;
	}
	if (h1_body_done(&b->scan) || b->ended || (b->at_least && b->scan.total >= b->at_least))
		return LOOK_READY;
	return LOOK_MORE;
}

/* A new wait, or the one that goes on. NULL: memory is out. */
static struct collected_body *wait_of(struct exchange *x, bool response, const struct body_wait *w)
{
	struct collected_body *b = collected(x, response);

	if (b && b->waiter != w->waiter) {
		b->waiter = w->waiter;
		b->at_least = w->at_least;
		b->until_ms = w->ms ? loop_self->now_ms + w->ms : UINT64_MAX;
	}
	return b;
}

static enum rule_result suspend(struct exchange *x, const struct collected_body *b)
{
	x->flags |= XF_WAITS_BODY;
	if (b->until_ms != UINT64_MAX)
		exchange_pause(x, (uint32_t)(b->until_ms - loop_self->now_ms));
	return RULE_SUSPEND_AGAIN;
}

/* ---- requests ---- */

/* The client waits for leave to send its body (RFC 9110 section 10.1.1); the server need not be asked any more. */
static int give_leave(struct exchange *x)
{
	struct msg *m = &x->response;
	int at = msg_find_id(&x->request, FIELD_EXPECT, 0);

	x->request.flags &= ~(uint32_t)MSG_EXPECT_CONTINUE;
	if (at >= 0)
		msg_delete_at(&x->request, at);
	msg_reset(m);
	m->flags = MSG_RESPONSE | MSG_KEEP_ALIVE | MSG_NO_BODY;
	msg_set_status(m, 100, slice_from_str(status_reason(100)));
	int rc = x->client->ops->head(x, m);
	return rc < 0 ? rc : x->client->ops->flush(x, false);
}

/* Reads what is there. LOOK_BAD: the exchange is over. */
static enum look collect_request(struct exchange *x, struct collected_body *b)
{
	for (;;) {
		enum look seen = look(x, b, false);
		if (seen == LOOK_BAD) {
			struct slice raw = raw_body(x, false);
			exchange_bad_request(x, b->scan.error, b->looked_at, raw.ptr, raw.len);
		}
		if (seen != LOOK_MORE)
			return seen;
		ssize_t n = x->client->ops->buffer_body(x);
		if (n == -ENOSPC)
			return LOOK_READY;
		if (n == -EAGAIN)
			return LOOK_MORE;
		if (n <= 0) {
			exchange_client_gone(x);
			return LOOK_BAD;
		}
	}
}

enum rule_result body_wait_request(struct exchange *x, const struct body_wait *w)
{
	struct collected_body *b;

	if (h1_body_done(&x->request_body))
		return RULE_CONTINUE;
	b = wait_of(x, false, w);
	if (!b)
		return RULE_ERROR;
	switch (collect_request(x, b)) {
	case LOOK_READY: return RULE_CONTINUE;
	case LOOK_BAD: return RULE_ANSWER;
	case LOOK_MORE: break;
	}
	if (loop_self->now_ms >= b->until_ms) {
		exchange_fail(x, 408, CAUSE_CLIENT_TIMEOUT, 'R');
		return RULE_ANSWER;
	}
	bool waits = x->request.flags & MSG_EXPECT_CONTINUE && !b->looked_at;
	if (waits && give_leave(x) < 0) {
		exchange_client_gone(x);
		return RULE_ANSWER;
	}
	return client_watch(x->client) ? suspend(x, b) : RULE_ANSWER;
}

/* ---- responses ---- */

/* Room for what is still to come. */
static int make_room(struct exchange *x)
{
	size_t room = buffer_class_bytes(BUFFER_16K);
	char *larger;

	if (!x->held || x->held_room >= room) /* read_once() holds it, with that much */
		return 0;
	larger = malloc(room);
	if (!larger)
		return -ENOMEM;
	memcpy(larger, x->held, x->held_len);
	msg_rebase(&x->response, x->held, x->held_len, larger);
	free(x->held);
	x->held = larger;
	x->held_room = (uint32_t)room;
	return 0;
}

static void response_failed(struct exchange *x, unsigned status, enum exchange_cause cause)
{
	count_add(backend_counters(x->backend), COUNT_ERR_RESP, 1);
	count_add(server_counters(x->server), COUNT_ERR_RESP, 1);
	exchange_count_failure(x);
	exchange_report(x, OUTCOME_BROKEN);
	exchange_fail(x, status, cause, 'H');
}

/* A fault of the framing is left to who forwards it: the head has gone by then, and the fault is told as it always is. */
enum rule_result body_wait_response(struct exchange *x, const struct body_wait *w)
{
	struct collected_body *b = wait_of(x, true, w);

	if (!b)
		return RULE_ERROR;
	if (look(x, b, true) != LOOK_MORE)
		return RULE_CONTINUE;
	if (x->held && x->held_len == x->held_room && x->held_room >= buffer_class_bytes(BUFFER_16K))
		return RULE_CONTINUE;
	if (loop_self->now_ms >= b->until_ms) {
		response_failed(x, 504, CAUSE_SERVER_TIMEOUT);
		return RULE_ANSWER;
	}
	return make_room(x) < 0 ? RULE_ERROR : suspend(x, b);
}

bool body_response_ready(struct exchange *x)
{
	struct collected_body *b = x->collected[true];

	return look(x, b, true) != LOOK_MORE || x->held_len == x->held_room;
}

void body_response_ended(struct exchange *x)
{
	x->collected[true]->ended = true;
}

void body_response_broke(struct exchange *x)
{
	response_failed(x, 502, CAUSE_SERVER_ABORT);
}

/* ---- payload ---- */

/* All of it as one run: where it lies, or put together in the arena. */
static struct slice payload(struct exchange *x, bool response, struct slice raw)
{
	struct h1_body body;
	struct slice all = { raw.ptr, 0 }, data;
	char *copy = NULL;
	size_t used;

	h1_body_init(&body, response ? &x->response : &x->request, &exchange_h1_limits);
	while (raw.len && !h1_body_done(&body)) {
		if (h1_body_next(&body, raw.ptr, raw.len, &data, &used, NULL) == H1_ERROR || !used)
			break;
		raw = slice_skip(raw, used);
		if (!data.len)
			continue;
		if (!all.len) {
			all = data;
			continue;
		}
		if (!copy) {
			copy = arena_alloc(&x->arena, all.len + data.len + raw.len);
			if (!copy)
				return all;
			memcpy(copy, all.ptr, all.len);
			all.ptr = copy;
		}
		memcpy(copy + all.len, data.ptr, data.len);
		all.len += data.len;
	}
	return all;
}

struct slice body_payload(struct exchange *x, bool response)
{
	struct slice raw = raw_body(x, response);
	struct collected_body *b = raw.len ? collected(x, response) : NULL;

	if (!b)
		return SLICE("");
	if (b->text_of.ptr != raw.ptr || b->text_of.len != raw.len) {
		b->text = payload(x, response, raw);
		b->text_of = raw;
	}
	return b->text;
}
