/* A tunnel: bytes pass both ways unseen: TCP sessions, CONNECT, upgrades.
 *
 * Each direction reads as much as the other side takes; what a socket does not take is kept, and reading waits.  Large
 * flows between plain sockets go through a pipe (splice), small ones through the thread's scratch buffer: a direction
 * changes to its pipe once a read filled the scratch buffer's first part.  An end on one side is passed on as an end on
 * the other; the tunnel is over when both directions are.
 */
#include <stdlib.h>
#include <string.h>

#include "ballast/net/splice.h"
#include "internal.h"

enum { TUNNEL_READ_BYTES = 256 * 1024, TUNNEL_SPLICE_FROM = 64 * 1024 };

struct direction {
	struct splice_pipe *pipe;
	bool ended;     /* the source gave its end */
	bool passed_on; /* and the target was told */
};

struct tunnel {
	struct direction up, down; /* client to server, server to client */
	struct exchange *x;
	struct timer inspection; /* of `tcp-response content` */
	bool withheld;           /* what the server sends waits for those rules */
};

static struct conn *client_conn(struct exchange *x)
{
	return &x->client->conn;
}

static struct conn *server_conn(struct exchange *x)
{
	return &x->sc->conn;
}

/* ---- time ---- */

static uint32_t shorter(uint32_t a, uint32_t b)
{
	return !a ? b : !b ? a : a < b ? a : b;
}

static uint32_t tunnel_ms(const struct exchange *x)
{
	const struct tunnel *t = x->tunnel;
	const struct frontend_settings *f = &x->frontend->set;
	const struct backend_settings *b = &x->backend->set;
	uint32_t plain = shorter(f->timeout_client_ms, b->timeout_server_ms);

	if (t->up.passed_on && f->timeout_client_fin_ms)
		return shorter(f->timeout_client_fin_ms, plain);
	if (t->down.passed_on && b->timeout_server_fin_ms)
		return shorter(b->timeout_server_fin_ms, plain);
	if (x->flags & XF_TCP || !b->timeout_tunnel_ms)
		return b->timeout_tunnel_ms ? b->timeout_tunnel_ms : plain;
	return b->timeout_tunnel_ms;
}

static void touch(struct exchange *x)
{
	uint32_t ms = tunnel_ms(x);
	if (ms)
		loop_timer_set(&x->timer, ms);
}

void tunnel_timed_out(struct exchange *x)
{
	const struct frontend_settings *f = &x->frontend->set;
	const struct backend_settings *b = &x->backend->set;
	bool client_first =
		f->timeout_client_ms && (!b->timeout_server_ms || f->timeout_client_ms <= b->timeout_server_ms);

	x->cause = client_first ? CAUSE_CLIENT_TIMEOUT : CAUSE_SERVER_TIMEOUT;
	x->phase_letter = 'D';
	exchange_end(x, true);
}

/* ---- moving ---- */

struct side {
	struct conn *from, *to;
	struct outbuf *out;
	struct direction *d;
	uint64_t *bytes, end; /* moved so far; where the turn of others comes */
	bool may_splice;
};

static struct side side_up(struct exchange *x)
{
	return (struct side){ client_conn(x), server_conn(x), &x->server_out, &x->tunnel->up, &x->bytes_in,
		x->bytes_in + TURN_BYTES, conn_can_splice(client_conn(x)) && conn_can_splice(server_conn(x)) };
}

static struct side side_down(struct exchange *x)
{
	return (struct side){ server_conn(x), client_conn(x), &x->client->out, &x->tunnel->down, &x->bytes_out,
		x->bytes_out + TURN_BYTES, conn_can_splice(client_conn(x)) && conn_can_splice(server_conn(x)) };
}

/* FLOW_OK: the source has nothing more now; FLOW_BLOCKED: the target is behind; negative: `from` (true in *source) or
 * `to` broke. */
static int move_spliced(struct side *s, bool *source)
{
	for (;;) {
		ssize_t n = 0, out;
		if (s->d->pipe->filled < s->d->pipe->capacity && !s->d->ended) {
			n = splice_in(s->d->pipe, s->from, s->d->pipe->capacity);
			if (n == 0)
				s->d->ended = true;
			else if (n < 0 && n != -EAGAIN) {
				*source = true;
				return (int)n;
			}
		}
		if (!s->d->pipe->filled || *s->bytes >= s->end)
			return FLOW_OK;
		out = splice_out(s->d->pipe, s->to, false);
		if (out == -EAGAIN)
			return FLOW_BLOCKED;
		if (out < 0)
			return (int)out;
		*s->bytes += (uint64_t)out;
	}
}

static int move_copied(struct side *s, struct batch *b, bool *source)
{
	while (s->from->flags & CONN_READABLE && !s->d->ended && *s->bytes < s->end) {
		char *at = conn_scratch();
		ssize_t n = conn_recv(s->from, at, TUNNEL_READ_BYTES);
		if (n == -EAGAIN)
			return FLOW_OK;
		if (n == 0) {
			s->d->ended = true;
			return FLOW_OK;
		}
		if (n < 0) {
			*source = true;
			return (int)n;
		}
		*s->bytes += (uint64_t)n;
		batch_add(b, at, (size_t)n);
		int rc = outbuf_send(s->out, s->to, b, false);
		if (rc != FLOW_OK)
			return rc;
		if (n >= TUNNEL_SPLICE_FROM && s->may_splice && (s->d->pipe = splice_pipe_take()) != NULL)
			return move_spliced(s, source);
	}
	return FLOW_OK;
}

/* Moves what can be moved in one direction. 0, or negative where a side broke. */
static int move(struct side *s, bool *source)
{
	int rc;

	if (s->out->bytes) {
		rc = outbuf_flush(s->out, s->to);
		if (rc != FLOW_OK)
			return rc < 0 ? rc : 0;
	}
	rc = s->d->pipe ? move_spliced(s, source) : move_copied(s, &proxy_thread()->to_client, source);
	if (rc < 0)
		return rc;
	if (s->d->ended && !s->d->passed_on && !s->out->bytes && !(s->d->pipe && s->d->pipe->filled)) {
		s->d->passed_on = true;
		conn_shut_write(s->to);
	}
	return 0;
}

static void broke(struct exchange *x, bool client_side)
{
	if (client_side) {
		exchange_client_gone(x);
		return;
	}
	x->cause = CAUSE_SERVER_ABORT;
	x->phase_letter = 'D';
	exchange_report(x, OUTCOME_BROKEN);
	count_add(server_counters(x->server), COUNT_SERVER_ABORTS, 1);
	count_add(backend_counters(x->backend), COUNT_SERVER_ABORTS, 1);
	exchange_end(x, true);
}

/* ---- what the server sent is looked at first ---- */

static bool release(struct exchange *x)
{
	struct tunnel *t = x->tunnel;
	struct batch *b = &proxy_thread()->to_client;
	int rc = 0;

	if (x->server_in) {
		batch_add(b, x->server_in, x->server_in_end);
		x->bytes_out += x->server_in_end;
		rc = outbuf_send(&x->client->out, client_conn(x), b, false);
		buffer_give(BUFFER_16K, x->server_in);
		x->server_in = NULL;
		x->server_in_end = 0;
	}
	t->down.ended = server_conn(x)->flags & CONN_EOF_READ;
	if (x->flags & XF_CLOSE_SERVER) { /* by a rule */
		t->down.ended = t->up.ended = t->up.passed_on = true;
		conn_shut_write(server_conn(x));
	}
	return rc >= 0;
}

/* True where bytes of the server may go through. */
static bool let_through(struct exchange *x)
{
	struct tunnel *t = x->tunnel;

	if (!t->withheld)
		return true;
	if (x->flags & XF_SUSPENDED)
		return false;
	switch (content_session_rules(x, &t->inspection)) {
	case CONTENT_WAITS:
	case CONTENT_REFUSED: return false;
	case CONTENT_BROKE: broke(x, false); return false;
	case CONTENT_PASSED: break;
	}
	t->withheld = false;
	if (release(x))
		return true;
	broke(x, true);
	return false;
}

static void inspection_over(struct timer *timer)
{
	struct tunnel *t = container_of(timer, struct tunnel, inspection);
	struct exchange *x = t->x;
	struct client *c = x->client;

	tunnel_pump(x);
	client_settle(c);
}

void tunnel_pump(struct exchange *x)
{
	struct tunnel *t = x->tunnel;
	bool source = false;
	struct side up = side_up(x), down = side_down(x);

	if (move(&up, &source) < 0) {
		broke(x, source);
		return;
	}
	if (BL_LIKELY(let_through(x)) && move(&down, &source) < 0) {
		broke(x, !source);
		return;
	}
	if (x->state == X_DONE)
		return;
	if (t->up.passed_on && t->down.passed_on) {
		x->flags |= XF_RESPONSE_DONE | XF_CLOSE_CLIENT | XF_REQUEST_DONE;
		exchange_end(x, false);
		return;
	}
	if (x->bytes_in >= up.end || x->bytes_out >= down.end)
		exchange_yield(x);
	if (x->bytes_in + x->bytes_out - x->counted_in - x->counted_out > 1 << 20)
		exchange_count_bytes(x);
	touch(x);
}

/* ---- begun and ended ---- */

static void tunnel_client_event(struct watch *w, unsigned bits)
{
	struct client *c = (struct client *)w;
	struct exchange *x = c->exchange;

	conn_note(&c->conn, bits);
	if (x && bits & LOOP_ERROR && !(bits & LOOP_READ))
		exchange_client_gone(x);
	else if (x)
		tunnel_pump(x);
	client_settle(c);
}

/* What the client sent behind its request already. */
static int send_early_bytes(struct exchange *x)
{
	struct batch *b = &proxy_thread()->to_server;
	struct inbuf *in = &x->client->in;

	if (x->body_at < x->head_end)
		batch_add(b, x->head + x->body_at, x->head_end - x->body_at);
	batch_add(b, in->data ? in->data + in->start : NULL, inbuf_bytes(in));
	x->body_at = x->head_end;
	int rc = b->count ? outbuf_send(&x->server_out, server_conn(x), b, false) : 0;
	inbuf_free(in);
	return rc;
}

/* What rules withheld of the client goes first. */
static void start_session(struct exchange *x)
{
	struct tunnel *t = x->tunnel;

	t->withheld = rules_of(x->backend->rules, RULES_TCP_RESPONSE);
	x->rule_at = 0;
	x->sample.req_bytes = (struct slice){ 0 };
	x->sample.req = NULL;
	t->up.ended = client_conn(x)->flags & CONN_EOF_READ;
	if (BL_UNLIKELY(x->head != NULL) && send_early_bytes(x) < 0)
		broke(x, false);
	else
		tunnel_pump(x);
}

void tunnel_start(struct exchange *x)
{
	x->tunnel = calloc(1, sizeof *x->tunnel);
	if (!x->tunnel) {
		exchange_fail(x, 500, CAUSE_RESOURCE, 'D');
		return;
	}
	x->tunnel->x = x;
	timer_init(&x->tunnel->inspection, inspection_over);
	x->state = X_TUNNEL;
	client_conn(x)->watch.ready = tunnel_client_event;
	client_timer(x->client, 0);
	if (client_watch(x->client) && x->flags & XF_TCP)
		start_session(x);
}

void tunnel_take_over(struct exchange *x, const char *at, size_t len)
{
	struct batch *b = &proxy_thread()->to_client;

	batch_add(b, at, len);
	x->bytes_out += b->bytes;
	if (outbuf_send(&x->client->out, client_conn(x), b, false) < 0) {
		exchange_client_gone(x);
		return;
	}
	if (x->server_in) {
		buffer_give(BUFFER_16K, x->server_in);
		x->server_in = NULL;
	}
	if (send_early_bytes(x) < 0) {
		broke(x, false);
		return;
	}
	tunnel_pump(x);
}

void tunnel_free(struct exchange *x)
{
	if (!x->tunnel)
		return;
	splice_pipe_give(x->tunnel->up.pipe);
	splice_pipe_give(x->tunnel->down.pipe);
	loop_timer_clear(&x->tunnel->inspection);
	free(x->tunnel);
	x->tunnel = NULL;
}
