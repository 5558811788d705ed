/* The life of an exchange: made, timed, ended, settled.  See exchange.h for its states, internal.h for the rule that
 * nothing is freed before client_settle(). */
#include <stdlib.h>
#include <string.h>

#include "ballast/net/splice.h"
#include "internal.h"

enum { SPARE_MAX = 256 };

struct exchange_limits exchange_limits = { .head_bytes = 16384 - 1024, .fields_max = MSG_FIELDS_DEFAULT };
struct h1_limits exchange_h1_limits = { .head_bytes = 16384 - 1024,
	.fields = MSG_FIELDS_DEFAULT,
	.trailer_bytes = 8192 };

/* Fields of both messages lie behind the struct. */
struct exchange_block {
	struct exchange x;
	struct field fields[];
};

void exchange_set_limits(const struct exchange_limits *l)
{
	exchange_limits = *l;
	exchange_h1_limits = (struct h1_limits){ .head_bytes = l->head_bytes,
		.fields = l->fields_max,
		.trailer_bytes = l->head_bytes / 2 };
}

int exchange_thread_init(void)
{
	struct proxy_thread *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	list_init(&t->exchanges);
	conn_scratch(); /* now, not while a request waits for it */
	t->to_client.chunk_at = t->to_server.chunk_at = -1;
	t->next_id = loop_self->index;
	loop_self->slot[LOOP_SLOT_PROXY] = t;
	return 0;
}

void exchange_thread_free(void)
{
	struct proxy_thread *t = proxy_thread();
	while (t->spare) {
		struct exchange *x = t->spare;
		t->spare = x->next_spare;
		free(x);
	}
	free(t);
	loop_self->slot[LOOP_SLOT_PROXY] = NULL;
}

struct list *exchange_list(void)
{
	return &proxy_thread()->exchanges;
}

const char *exchange_state_name(enum exchange_state s)
{
	static const char *const name[X_STATE_COUNT] = {
		[X_HEAD] = "head",
		[X_RULES] = "rules",
		[X_QUEUE] = "queue",
		[X_CONNECT] = "connect",
		[X_SEND] = "send",
		[X_ANSWERING] = "answering",
		[X_TUNNEL] = "tunnel",
		[X_DONE] = "done",
	};
	return s < X_STATE_COUNT ? name[s] : "?";
}

/* ---- made and freed ---- */

static struct exchange *block_take(struct proxy_thread *t)
{
	unsigned fields = exchange_limits.fields_max + 8u; /* what we add ourselves */

	if (t->spare) {
		struct exchange *x = t->spare;
		t->spare = x->next_spare;
		t->spare_count--;
		struct field *request = x->request.fields, *response = x->response.fields;
		memset(x, 0, sizeof *x);
		x->request.fields = request;
		x->response.fields = response;
		return x;
	}
	struct exchange_block *k = malloc(sizeof *k + 2 * fields * sizeof(struct field));
	if (!k)
		return NULL;
	memset(&k->x, 0, sizeof k->x);
	k->x.request.fields = k->fields;
	k->x.response.fields = k->fields + fields;
	return &k->x;
}

static void exchange_timer(struct timer *t);
static void exchange_again(struct timer *t);

struct exchange *exchange_new(struct client *c)
{
	struct proxy_thread *t = proxy_thread();
	struct exchange *x = block_take(t);
	if (!x)
		return NULL;
	x->request.field_max = x->response.field_max = (uint16_t)(exchange_limits.fields_max + 8);
	x->client = c;
	x->frontend = c->frontend;
	generation_enter(x->frontend->generation);
	x->state = X_HEAD;
	x->cause = CAUSE_NONE;
	x->phase_letter = '-';
	x->id = t->next_id;
	t->next_id += loop_count() ? loop_count() : 1;
	x->t_accept = c->since_ns;
	x->t_handshake = c->handshake_ns;
	x->accept_wall_us = loop_self->wall_us;
	timer_init(&x->timer, exchange_timer);
	timer_init(&x->again, exchange_again);
	arena_init(&x->arena);
	list_push_back(&t->exchanges, &x->link);
	x->sample = (struct sample_ctx){ .arena = &x->arena,
		.client = &c->conn,
		.src = &c->peer,
		.dst = c->dst,
		.exchange = x,
		.vars = &x->vars,
		.session_vars = &c->vars,
		.phase = PHASE_CONNECTION };
	if (BL_UNLIKELY(c->tracking != NULL))
		x->sample.tracking = client_tracking(x);
	return x;
}

void exchange_free(struct exchange *x)
{
	struct proxy_thread *t = proxy_thread();

	list_remove(&x->link);
	generation_leave(x->frontend->generation);
	generation_leave(x->moved_to);
	loop_timer_clear(&x->timer);
	track_end(x->sample.tracking, loop_self->now_ms);
	loop_timer_clear(&x->again);
	if (BL_UNLIKELY(t->to_client.count)) /* pieces added behind its end: nobody else may get them */
		batch_reset(&t->to_client);
	if (x->head)
		buffer_give(BUFFER_16K, x->head);
	if (x->server_in)
		buffer_give(BUFFER_16K, x->server_in);
	free(x->held);
	outbuf_free(&x->server_out);
	tunnel_free(x);
	splice_pipe_give(x->pipe);
	splice_pipe_give(x->request_pipe);
	arena_reset(&x->arena);
	if (t->spare_count >= SPARE_MAX) {
		free(x);
		return;
	}
	x->next_spare = t->spare;
	t->spare = x;
	t->spare_count++;
}

/* ---- counters ---- */

static void add_bytes(struct counters *c, uint64_t in, uint64_t out)
{
	count_add(c, COUNT_BYTES_IN, in);
	count_add(c, COUNT_BYTES_OUT, out);
}

static void track_bytes(struct exchange *x, uint64_t in, uint64_t out)
{
	if (in)
		track_count(x->sample.tracking, DATA_BYTES_IN_CNT, DATA_BYTES_IN_RATE, in, loop_self->now_ms);
	if (out)
		track_count(x->sample.tracking, DATA_BYTES_OUT_CNT, DATA_BYTES_OUT_RATE, out, loop_self->now_ms);
}

void exchange_count_bytes(struct exchange *x)
{
	uint64_t in = x->bytes_in - x->counted_in, out = x->bytes_out - x->counted_out;

	x->counted_in = x->bytes_in;
	x->counted_out = x->bytes_out;
	add_bytes(frontend_counters(x->frontend), in, out);
	if (x->backend)
		add_bytes(backend_counters(x->backend), in, out);
	if (x->server)
		add_bytes(server_counters(x->server), in, out);
	if (BL_UNLIKELY(x->sample.tracking != NULL))
		track_bytes(x, in, out);
}

static uint64_t ms_between(uint64_t from, uint64_t to)
{
	return from && to > from ? (to - from) / 1000000 : 0;
}

static void add_times(struct counters *c, const struct exchange *x)
{
	count_time(c, COUNT_TIME_QUEUE_MS, ms_between(x->t_queue, x->t_connect_start));
	count_time(c, COUNT_TIME_CONNECT_MS, ms_between(x->t_connect_start, x->t_connected));
	count_time(c, COUNT_TIME_RESPONSE_MS, ms_between(x->t_connected, x->t_response));
	count_time(c, COUNT_TIME_TOTAL_MS, ms_between(x->t_first ? x->t_first : x->t_accept, x->t_end));
	count_add(c, COUNT_TIMED, 1);
}

static void count_internal_error(struct exchange *x)
{
	count_add(frontend_counters(x->frontend), COUNT_ERR_INTERNAL, 1);
	if (x->backend)
		count_add(backend_counters(x->backend), COUNT_ERR_INTERNAL, 1);
	if (x->server)
		count_add(server_counters(x->server), COUNT_ERR_INTERNAL, 1);
}

static void count_end(struct exchange *x)
{
	exchange_count_bytes(x);
	if (x->cause == CAUSE_INTERNAL)
		count_internal_error(x);
	if (x->flags & XF_COUNTED) {
		count_current(backend_counters(x->backend), -1);
		add_times(backend_counters(x->backend), x);
		if (x->server)
			add_times(server_counters(x->server), x);
	}
}

/* ---- the server's side is given back ---- */

void exchange_note_source(struct exchange *x)
{
	if (!x->source)
		x->source = arena_alloc(&x->arena, sizeof *x->source);
	if (x->source)
		conn_local_addr(&x->sc->conn, x->source);
}

void exchange_release_server(struct exchange *x, bool keep)
{
	struct server_conn *sc = x->sc;

	if (sc) {
		if (BL_UNLIKELY(atomic_load_explicit(&format_has_passing, memory_order_relaxed)))
			exchange_note_source(x);
		x->sc = NULL;
		sc->user = NULL;
		if (!keep)
			server_conn_drop(sc, x->backend->set.no_linger);
		else if (sc->is_private)
			client_keep_private(x->client, sc);
		else
			server_conn_put(sc);
	}
	outbuf_free(&x->server_out);
	if (BL_UNLIKELY(proxy_thread()->to_server.count)) /* what was to go there must not go elsewhere */
		batch_reset(&proxy_thread()->to_server);
	loop_timer_clear(&x->timer);
	if (x->flags & XF_HOLDS_PLACE) {
		x->flags &= ~(uint32_t)XF_HOLDS_PLACE;
		server_leave(x->server);
	}
}

/* ---- the end ---- */

void exchange_end(struct exchange *x, bool cut)
{
	if (x->state == X_DONE)
		return;
	exchange_stop_waiting(x);
	exchange_release_server(x, false);
	if (proxy_thread()->to_client.count) /* what was taken before a fault still goes out */
		x->client->ops->flush(x, false);
	x->state = X_DONE;
	x->t_end = loop_self->now_ns;
	if (cut)
		x->flags |= XF_CUT;
}

void exchange_check_done(struct exchange *x)
{
	if (x->state == X_DONE || !(x->flags & XF_RESPONSE_DONE) || x->client->ops->pending(x))
		return;
	if (x->sc && !(x->flags & (XF_REQUEST_SENT | XF_SEND_BROKEN))) /* the server still takes the request's body */
		return;
	exchange_end(x, false);
}

static char client_gone_phase(const struct exchange *x)
{
	switch (x->state) {
	case X_RULES: return 'R';
	case X_QUEUE: return 'Q';
	case X_CONNECT: return 'C';
	default: break;
	}
	return x->state == X_TUNNEL || x->flags & XF_RESPONSE_HEAD || !(x->flags & XF_REQUEST_DONE) ? 'D' : 'H';
}

static void count_client_abort(struct exchange *x)
{
	count_add(frontend_counters(x->frontend), COUNT_CLIENT_ABORTS, 1);
	if (x->backend)
		count_add(backend_counters(x->backend), COUNT_CLIENT_ABORTS, 1);
	if (x->server)
		count_add(server_counters(x->server), COUNT_CLIENT_ABORTS, 1);
}

void exchange_client_gone(struct exchange *x)
{
	if (x->state == X_DONE)
		return;
	if (x->cause == CAUSE_NONE || x->cause == CAUSE_LOCAL) { /* else it goes before it has read why it failed */
		x->cause = CAUSE_CLIENT_ABORT;
		x->phase_letter = client_gone_phase(x);
	}
	if (!(x->flags & XF_REQUEST_DONE))
		exchange_count_client_error(x);
	count_client_abort(x);
	exchange_end(x, true);
}

void exchange_client_ended(struct exchange *x)
{
	bool aborts = x->frontend->set.abort_on_close || (x->backend && x->backend->set.abort_on_close);
	bool waits = x->state == X_QUEUE || x->state == X_CONNECT || x->flags & XF_SUSPENDED;

	x->flags |= XF_CLIENT_ENDED;
	if (x->flags & XF_AWAITS_BYTES)
		content_request_event(x);
	else if (aborts && waits) {
		exchange_client_gone(x);
	} else if (aborts && x->state == X_SEND && x->flags & XF_REQUEST_DONE) {
		count_client_abort(x);
		exchange_fail(x, 400, CAUSE_CLIENT_ABORT, 'H');
	} else if (!(x->flags & XF_REQUEST_DONE) && (x->state == X_SEND || x->state == X_ANSWERING)) {
		x->client->ops->read_body(x); /* what is buffered still counts */
	}
}

void exchange_kill(struct exchange *x, enum exchange_cause cause)
{
	struct client *c = x->client;
	if (x->state == X_DONE)
		return;
	x->cause = cause;
	x->phase_letter = x->flags & XF_RESPONSE_HEAD ? 'D' : 'R';
	exchange_end(x, true);
	client_settle(c);
}

void client_settle(struct client *c)
{
	struct exchange *x;

	if (c->flags & CLIENT_BUSY)
		return;
	c->flags |= CLIENT_BUSY;
	for (int n = 1; !(c->flags & CLIENT_CLOSED) && (x = c->exchange) && x->state == X_DONE; n++) {
		count_end(x);
		if (!(x->flags & XF_LOGGED))
			exchange_log(x);
		c->exchange = NULL;
		c->ops->finish(x, x->flags & XF_CUT);
		exchange_free(x);
		if (c->flags & (CLIENT_CLOSED | CLIENT_LINGER))
			break;
		if (n < TURN_EXCHANGES)
			h1_client_next(c);
		else
			h1_client_yield(c);
	}
	c->flags &= ~(uint32_t)CLIENT_BUSY;
}

/* ---- taking turns ---- */

void exchange_yield(struct exchange *x)
{
	loop_timer_set(&x->again, 0); /* fires behind the events of the next turn */
}

static void exchange_again(struct timer *t)
{
	struct exchange *x = container_of(t, struct exchange, again);
	struct client *c = x->client;

	if (x->state == X_TUNNEL) {
		tunnel_pump(x);
	} else if (x->state == X_SEND || x->state == X_ANSWERING) {
		c->ops->read_body(x);
		if (x->sc && x->state != X_DONE)
			x->server_ops->read(x);
	}
	client_settle(c);
}

/* ---- time ---- */

void exchange_pause(struct exchange *x, uint32_t ms)
{
	loop_timer_set(&x->timer, ms);
}

/* Is it the client's turn: to take what came from the server, or to send more of the request's body? */
static bool waits_for_client(const struct exchange *x)
{
	bool body_awaited = !(x->flags & XF_REQUEST_DONE) && !exchange_server_pending(x);

	if (!(x->flags & XF_RESPONSE_HEAD))
		return body_awaited;
	return x->client->ops->pending(x) > 0 || (x->flags & XF_RESPONSE_DONE && body_awaited);
}

static void server_timed_out(struct exchange *x)
{
	if (waits_for_client(x)) {
		loop_timer_set(&x->timer, x->backend->set.timeout_server_ms);
		return;
	}
	if (x->flags & XF_RESPONSE_DONE) { /* it answered, and does not read the rest of the request */
		exchange_server_gone(x);
		return;
	}
	exchange_report(x, x->flags & XF_RESPONSE_HEAD ? OUTCOME_BROKEN : OUTCOME_TIMEOUT);
	if (!(x->flags & XF_RESPONSE_HEAD) && exchange_send_again(x, RETRY_RESPONSE_TIMEOUT))
		return;
	exchange_count_failed_response(x);
	if (!(x->flags & XF_RESPONSE_HEAD)) {
		exchange_note_latency(x, true);
		exchange_fail(x, 504, CAUSE_SERVER_TIMEOUT, 'H');
		return;
	}
	x->cause = CAUSE_SERVER_TIMEOUT;
	x->phase_letter = 'D';
	exchange_end(x, true);
}

static void exchange_timer(struct timer *t)
{
	struct exchange *x = container_of(t, struct exchange, timer);
	struct client *c = x->client;

	if (x->flags & XF_SUSPENDED) {
		exchange_resume(x);
		return;
	}
	switch ((enum exchange_state)x->state) {
	case X_QUEUE: exchange_queue_timer(x); break;
	case X_CONNECT: exchange_connect_timer(x); break;
	case X_SEND:
	case X_ANSWERING: server_timed_out(x); break;
	case X_TUNNEL: tunnel_timed_out(x); break;
	default: break;
	}
	client_settle(c);
}
