/* The client's end in HTTP/1: reads requests, frames responses (RFC 9112).
 *
 * A connection that waits for a request owns no buffer and no exchange.  The head is read into one pooled buffer, which
 * the exchange keeps to its end, since its slices point there and a retry sends it again.  What of a body does not lie
 * behind the head is read into the thread's scratch buffer and given on at once.
 */
#include <string.h>

#include "ballast/net/splice.h"
#include "internal.h"

static void h1_client_read_head(struct client *c);

enum { UNWATCHED_MS = 20 };

/* ---- reading ---- */

static uint32_t keep_alive_ms(const struct frontend *f)
{
	if (f->set.has_timeout_http_keep_alive)
		return f->set.timeout_http_keep_alive_ms;
	if (f->set.has_timeout_http_request)
		return f->set.timeout_http_request_ms;
	return f->set.timeout_client_ms;
}

static uint32_t request_ms(const struct frontend *f)
{
	return f->set.has_timeout_http_request ? f->set.timeout_http_request_ms : f->set.timeout_client_ms;
}

/* Waits for the first byte of a request. */
void h1_client_idle(struct client *c)
{
	c->conn.watch.ready = h1_client_ready;
	client_timer(c, c->requests ? keep_alive_ms(c->frontend) : request_ms(c->frontend));
	client_watch(c);
}

/* Reads at once.  A request that was there and is answered soon never needs to be watched, which spares an epoll_ctl for
 * a connection that ends with it; what takes longer is watched after UNWATCHED_MS, so that an abort is seen. */
void h1_client_begin(struct client *c)
{
	client_timer(c, request_ms(c->frontend));
	h1_client_read_head(c);
	if (!c->exchange || c->exchange->state == X_HEAD)
		client_watch(c);
	else if (c->exchange->state != X_DONE && c->conn.flags & CONN_UNWATCHED)
		client_timer(c, UNWATCHED_MS);
	client_settle(c);
}

/* The exchange for the request whose first bytes are there or may be. NULL: memory is out. */
static struct exchange *begin(struct client *c)
{
	struct exchange *x = exchange_new(c);
	if (!x)
		return NULL;
	if (c->in.data) { /* bytes of it came with the last request */
		x->head = c->in.data;
		x->head_end = c->in.end;
		if (c->in.start) {
			memmove(x->head, x->head + c->in.start, inbuf_bytes(&c->in));
			x->head_end -= c->in.start;
		}
		c->in = (struct inbuf){ 0 };
	} else {
		x->head = buffer_take(BUFFER_16K);
		if (!x->head) {
			exchange_free(x);
			return NULL;
		}
	}
	c->exchange = x;
	h1_request_init(&x->parser, &x->request, &exchange_h1_limits);
	return x;
}

/* Nothing was there after all: the connection is idle again. */
static void abandon(struct client *c)
{
	struct exchange *x = c->exchange;
	c->exchange = NULL;
	exchange_free(x);
}

/* The client ended before its request was whole; `error` where there is nobody to be told. A connection that ends between
 * requests is no request. */
static void head_cut(struct client *c, bool error)
{
	struct exchange *x = c->exchange;
	bool null = x->head_end == 0 && (c->requests || c->frontend->set.dontlog_null);

	if (x->head_end)
		count_add(frontend_counters(c->frontend), COUNT_ERR_REQ, 1);
	if (!null && !error) {
		exchange_fail(x, 400, CAUSE_CLIENT_ABORT, 'R');
		return;
	}
	if (null)
		x->flags |= XF_NO_LOG;
	x->status = 400; /* for the log */
	x->cause = CAUSE_CLIENT_ABORT;
	x->phase_letter = 'R';
	exchange_end(x, true);
}

static void note_first_bytes(struct exchange *x, struct client *c)
{
	if (x->t_first)
		return;
	x->t_first = loop_self->now_ns;
	c->flags |= CLIENT_SENT_BYTES;
	client_timer(c, request_ms(c->frontend));
}

/* Parses what is there: true where the head is not whole yet. */
static bool parse_head(struct exchange *x)
{
	enum h1_result r = h1_parse_head(&x->parser, x->head, x->head_end);
	if (r == H1_MORE)
		return true;
	if (r == H1_ERROR) {
		exchange_bad_request(x, x->parser.error, x->parser.error_pos, x->head, x->head_end);
		return false;
	}
	x->head_len = x->body_at = x->parser.head_len;
	exchange_request_head(x);
	return false;
}

static void h1_client_read_head(struct client *c)
{
	struct exchange *x = c->exchange;
	if (!x && !(c->conn.flags & CONN_READABLE) && !c->in.data)
		return;
	if (!x) {
		x = begin(c);
		if (!x) { /* shed: better no answer than a dead process */
			client_close(c, true);
			return;
		}
		if (x->head_end) {
			note_first_bytes(x, c);
			if (!parse_head(x))
				return;
		}
	}
	while (c->conn.flags & CONN_READABLE) {
		ssize_t n = conn_recv(&c->conn, x->head + x->head_end, buffer_class_bytes(BUFFER_16K) - x->head_end);
		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			head_cut(c, n < 0);
			return;
		}
		note_first_bytes(x, c);
		x->head_end += (uint32_t)n;
		if (!parse_head(x))
			return;
	}
	if (x->head_end == 0)
		abandon(c);
}

/* ---- the request's body ---- */

/* Decodes body bytes at `at` and gives them to the server's end. Returns the bytes used; *rc: what the sending
 * said. */
static size_t pass_body(struct exchange *x, const char *at, size_t len, int *rc)
{
	struct msg trailers = { .field_max = TRAILERS_MAX };
	struct field room[TRAILERS_MAX];
	size_t used_all = 0;

	trailers.fields = room;
	*rc = FLOW_OK;
	while (used_all < len || h1_body_done(&x->request_body)) {
		struct slice data = { 0 };
		size_t used = 0;
		enum h1_result r = H1_DONE;
		if (!h1_body_done(&x->request_body))
			r = h1_body_next(&x->request_body, at + used_all, len - used_all, &data, &used, &trailers);
		if (r == H1_ERROR) {
			exchange_bad_request(x, x->request_body.error, (uint32_t)used_all, at, len);
			*rc = -EPROTO;
			return used_all;
		}
		used_all += used;
		if (data.len && (*rc = x->server_ops->data(x, data)) < 0)
			return used_all;
		if (r == H1_DONE) {
			x->flags |= XF_REQUEST_DONE;
			*rc = x->server_ops->end(x, trailers.field_count ? &trailers : NULL);
			return used_all;
		}
		if (!used)
			break;
	}
	return used_all;
}

/* Moves what can be moved now of a body that goes through a pipe. */
static void read_body_spliced(struct exchange *x)
{
	struct client *c = x->client;
	uint64_t sent = 0;
	struct h1_flow flow = { x->request_pipe, &x->request_body, &c->conn, &x->sc->conn };
	enum splice_result r = h1_splice(x, &flow, &sent);

	x->bytes_in += sent;
	x->flags |= XF_BODY_STARTED;
	if (sent) {
		client_timer(c, c->frontend->set.timeout_client_ms);
		if (x->backend->set.timeout_server_ms)
			loop_timer_set(&x->timer, x->backend->set.timeout_server_ms);
	}
	switch (r) {
	case SPLICE_DONE:
		x->flags |= XF_REQUEST_DONE | XF_REQUEST_SENT;
		if (x->flags & XF_RESPONSE_DONE)
			exchange_response_end(x);
		break;
	case SPLICE_SOURCE_EMPTY:
	case SPLICE_TARGET_FULL: break;
	case SPLICE_TURN_OVER: exchange_yield(x); break;
	case SPLICE_SOURCE_ENDED:
	case SPLICE_SOURCE_BROKE: exchange_client_gone(x); break;
	case SPLICE_TARGET_BROKE: exchange_send_failed(x); break;
	}
}

/* What can be read without getting more of the next request than one buffer holds. */
static size_t body_read_size(const struct exchange *x, size_t kept)
{
	const struct h1_body *b = &x->request_body;
	size_t most = CONN_SCRATCH_BYTES - kept,
	       behind = b->kind == H1_BODY_CHUNKED ? buffer_class_bytes(BUFFER_16K) - kept : 0;
	return b->left + behind < most ? (size_t)b->left + behind : most;
}

/* Bytes behind what was used: of the next request, or an incomplete piece of framing. False: the exchange failed. */
static bool keep_behind_body(struct exchange *x, const char *at, size_t len)
{
	int rc = len ? inbuf_keep(&x->client->in, at, len) : 0;

	if (rc < 0)
		exchange_fail(x, 500, CAUSE_RESOURCE, 'D');
	return rc == 0;
}

/* May the request have to be sent again, and does its body fit behind its head? */
static bool is_held(const struct exchange *x)
{
	const struct msg *m = &x->request;
	size_t room = buffer_class_bytes(BUFFER_16K) - x->head_len;

	return x->backend->set.retry_on > RETRY_CONN_FAILURE && !(x->flags & (XF_BODY_STARTED | XF_NO_L7_RETRY)) &&
	       !(m->flags & MSG_LENGTH && m->content_length > room) && x->head_end < buffer_class_bytes(BUFFER_16K);
}

/* After a part of the body was given on. True: go on. */
static bool passed_on(struct exchange *x, int rc)
{
	if (rc >= 0) /* at once: the server may wait for just these bytes */
		rc = x->server_ops->flush(x, false);
	if (rc < 0)
		exchange_send_failed(x);
	else if (x->flags & XF_REQUEST_SENT && x->flags & XF_RESPONSE_DONE) /* it was answered early */
		exchange_response_end(x);
	return rc == FLOW_OK;
}

/* One read of a body that is kept. Framing that was not whole lies in `in`, and at the buffer's end too. */
static bool read_body_held(struct exchange *x)
{
	struct client *c = x->client;
	size_t kept = inbuf_bytes(&c->in), room = buffer_class_bytes(BUFFER_16K) - x->head_end;
	size_t most = body_read_size(x, kept);
	ssize_t n = conn_recv(&c->conn, x->head + x->head_end, most < room ? most : room);

	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		exchange_client_gone(x);
		return false;
	}
	inbuf_free(&c->in);
	x->body_at -= (uint32_t)kept;
	x->head_end += (uint32_t)n;
	x->bytes_in += (uint64_t)n;
	client_timer(c, c->frontend->set.timeout_client_ms);
	int rc = h1_client_buffered_body(x);
	return x->state != X_DONE && rc != -EPROTO && passed_on(x, rc);
}

/* One read. True: go on. */
static bool read_body_once(struct exchange *x)
{
	struct client *c = x->client;
	char *at = conn_scratch();
	size_t kept = inbuf_bytes(&c->in), len, used;
	int rc;

	if (kept) {
		memcpy(at, c->in.data + c->in.start, kept);
		inbuf_free(&c->in);
	}
	ssize_t n = conn_recv(&c->conn, at + kept, body_read_size(x, kept));
	if (n == -EAGAIN) {
		keep_behind_body(x, at, kept);
		return false;
	}
	if (n <= 0) {
		exchange_client_gone(x);
		return false;
	}
	x->bytes_in += (uint64_t)n;
	client_timer(c, c->frontend->set.timeout_client_ms);
	len = kept + (size_t)n;
	used = pass_body(x, at, len, &rc);
	if (x->state == X_DONE || rc == -EPROTO || !keep_behind_body(x, at + used, len - used))
		return false;
	x->flags |= XF_BODY_STARTED;
	return passed_on(x, rc);
}

static bool may_read_body(const struct exchange *x)
{
	return !(x->flags & (XF_REQUEST_DONE | XF_SEND_BROKEN)) && (x->state == X_SEND || x->state == X_ANSWERING) &&
	       x->sc && !x->server_out.bytes;
}

/* Reads on from the socket while the server takes what comes. */
static void h1_client_read_body(struct exchange *x)
{
	struct client *c = x->client;

	if (!may_read_body(x) || !client_watch(c))
		return;
	client_timer(c, c->frontend->set.timeout_client_ms); /* it was the head's, or ran while the server was behind */
	for (int reads = 0; may_read_body(x) && (x->request_pipe || c->conn.flags & CONN_READABLE); reads++) {
		if (reads == TURN_READS) {
			exchange_yield(x);
			return;
		}
		if (h1_splices_request(x)) {
			read_body_spliced(x);
			return;
		}
		if (!(BL_UNLIKELY(is_held(x)) ? read_body_held(x) : read_body_once(x)))
			return;
	}
}

/* What of the body lies behind the head. Bytes behind the body stay for the next request. FLOW_* of the server. */
int h1_client_buffered_body(struct exchange *x)
{
	int rc;
	size_t used = pass_body(x, x->head + x->body_at, x->head_end - x->body_at, &rc);
	x->body_at += (uint32_t)used;
	if (rc >= 0 && !(x->flags & XF_REQUEST_DONE) && x->body_at < x->head_end) {
		/* an incomplete piece of framing: it goes before what is read next */
		if (inbuf_keep(&x->client->in, x->head + x->body_at, x->head_end - x->body_at) < 0)
			return -ENOMEM;
		x->body_at = x->head_end;
	}
	return rc;
}

/* More of it behind the head, for rules that look at it. */
static ssize_t h1_client_buffer_body(struct exchange *x)
{
	struct client *c = x->client;
	size_t room = buffer_class_bytes(BUFFER_16K) - x->head_end;

	if (!room)
		return -ENOSPC;
	if (!(c->conn.flags & CONN_READABLE))
		return -EAGAIN;
	ssize_t n = conn_recv(&c->conn, x->head + x->head_end, room);
	if (n > 0) {
		x->head_end += (uint32_t)n;
		x->bytes_in += (uint64_t)n;
	}
	return n;
}

/* ---- events ---- */

static void drained(struct client *c)
{
	struct exchange *x = c->exchange;
	if (!x || x->state == X_HEAD)
		return;
	client_timer(c, c->frontend->set.timeout_client_ms);
	if (!(x->flags & XF_RESPONSE_DONE) && x->server_ops && x->sc)
		x->server_ops->read(x);
	else
		exchange_check_done(x);
}

static void flush_pending(struct client *c)
{
	int rc = outbuf_flush(&c->out, &c->conn);
	if (rc == FLOW_OK)
		drained(c);
	else if (rc < 0 && c->exchange)
		exchange_client_gone(c->exchange);
	else if (rc == FLOW_BLOCKED)
		client_timer(c, c->frontend->set.timeout_client_ms);
}

/* Throws away what still comes, so that closing does not reset the connection under the answer (RFC 9112
 * section 9.6). */
static void linger(struct client *c)
{
	for (int reads = 0; c->conn.flags & CONN_READABLE; reads++) {
		ssize_t n = conn_recv(&c->conn, conn_scratch(), CONN_SCRATCH_BYTES);
		if (n == -EAGAIN)
			return;
		if (n <= 0 ||
			reads == TURN_READS) { /* it ended; or sends as fast as it can be read, without listening */
			client_close(c, false);
			return;
		}
	}
}

void h1_client_ready(struct watch *w, unsigned bits)
{
	struct client *c = (struct client *)w;
	struct exchange *x;

	conn_note(&c->conn, bits);
	if (c->flags & CLIENT_YIELDS)
		return;
	if (c->flags & CLIENT_LINGER) {
		linger(c);
		return;
	}
	x = c->exchange;
	if (bits & LOOP_WRITE && (c->out.bytes || (x && x->pipe)))
		flush_pending(c);
	x = c->exchange;
	if (!x || x->state == X_HEAD)
		h1_client_read_head(c);
	else if (bits & LOOP_ERROR)
		exchange_client_gone(x);
	else if (x->state != X_DONE) {
		if (x->flags & XF_WAITS_BODY && x->state == X_RULES)
			exchange_go_on(x);
		else
			h1_client_read_body(x);
		if (bits & LOOP_HUP && x->state != X_DONE)
			exchange_client_ended(x);
	}
	client_settle(c);
}

/* After an exchange: the next request, if some of it is there. */
void h1_client_next(struct client *c)
{
	if (c->in.data || c->conn.flags & CONN_READABLE)
		h1_client_read_head(c);
}

void h1_client_yield(struct client *c)
{
	if (!c->in.data && !(c->conn.flags & CONN_READABLE))
		return;
	c->flags |= CLIENT_YIELDS;
	loop_timer_set(&c->timer, 0);
}

static size_t h1_client_pending(const struct exchange *x)
{
	return x->client->out.bytes + (x->pipe ? x->pipe->filled : 0);
}

/* A connection that never said anything is told why it ends; one that waited for another request is not. */
static void idle_timed_out(struct client *c)
{
	struct exchange *x = c->requests || frontend_is_leaving(c->frontend) ? NULL : begin(c);

	if (!x) {
		client_close(c, false);
		return;
	}
	if (c->frontend->set.dontlog_null)
		x->flags |= XF_NO_LOG;
	exchange_fail(x, 408, CAUSE_CLIENT_TIMEOUT, 'R');
}

static void exchange_timed_out(struct client *c, struct exchange *x)
{
	bool sending = h1_client_pending(x) > 0;
	bool receiving = !(x->flags & XF_REQUEST_DONE) && !exchange_server_pending(x) &&
	                 (x->state == X_SEND || x->state == X_ANSWERING);

	if (!sending && !receiving) { /* we wait for the server, not for the client */
		client_timer(c, c->frontend->set.timeout_client_ms);
		return;
	}
	if (!(x->flags & XF_HEAD_SENT)) {
		exchange_fail(x, 408, CAUSE_CLIENT_TIMEOUT, 'H');
		return;
	}
	x->cause = CAUSE_CLIENT_TIMEOUT;
	x->phase_letter = 'D';
	exchange_end(x, true);
}

void h1_client_timer(struct timer *t)
{
	struct client *c = container_of(t, struct client, timer);
	struct exchange *x = c->exchange;

	if (c->flags & CLIENT_YIELDS) {
		c->flags &= ~(uint32_t)CLIENT_YIELDS;
		client_timer(c, keep_alive_ms(c->frontend));
		h1_client_next(c);
	} else if (c->flags & CLIENT_LINGER) {
		client_close(c, false);
		return;
	} else if (!x && !c->out.bytes) {
		idle_timed_out(c);
	} else if (c->conn.flags & CONN_UNWATCHED) {
		if (client_watch(c))
			client_timer(c, c->frontend->set.timeout_client_ms);
	} else if (x && x->state == X_HEAD) {
		exchange_fail(x, 408, CAUSE_CLIENT_TIMEOUT, 'R');
	} else if (x && x->state != X_DONE) {
		exchange_timed_out(c, x);
	}
	client_settle(c);
}

/* ---- writing ---- */

static void connection_field(struct exchange *x, struct batch *b, const struct msg *m)
{
	static const char close_text[] = "Connection: close\r\n", keep_text[] = "Connection: keep-alive\r\n",
			  upgrade_text[] = "Connection: upgrade\r\n", last_text[] = "Connection: upgrade, close\r\n";

	if (m->flags & MSG_UPGRADE && m->status != 101 && x->flags & XF_CLOSE_CLIENT)
		batch_add(b, last_text, sizeof last_text - 1);
	else if (m->flags & MSG_UPGRADE)
		batch_add(b, upgrade_text, sizeof upgrade_text - 1);
	else if (x->flags & XF_CLOSE_CLIENT)
		batch_add(b, close_text, sizeof close_text - 1);
	else if (x->request.flags & MSG_HTTP10)
		batch_add(b, keep_text, sizeof keep_text - 1);
}

/* Chooses how the client sees the end of the body (RFC 9112 section 6.3). */
static void response_framing(struct exchange *x, struct batch *b, const struct msg *m)
{
	static const char chunked[] = "Transfer-Encoding: chunked\r\n";

	if (m->flags & (MSG_NO_BODY | MSG_LENGTH))
		return;
	if (x->request.flags & MSG_HTTP10) {
		x->flags |= XF_CLOSE_CLIENT;
		return;
	}
	x->flags |= XF_CHUNK_TO_CLIENT;
	batch_add(b, chunked, sizeof chunked - 1);
}

static int h1_client_head(struct exchange *x, struct msg *m)
{
	struct batch *b = &proxy_thread()->to_client;
	bool interim = m->status < 200 && m->status != 101;

	if (b->count > BATCH_PIECES / 4) { /* many interim ones came at once */
		int rc = x->client->ops->flush(x, true);
		if (rc < 0)
			return rc;
	}
	if (m->status == 426 && msg_find_id(m, FIELD_UPGRADE, 0) >= 0)
		m->flags |= MSG_UPGRADE; /* Connection has to name it, whether the server did so or not */
	else if (m->status != 101)
		m->flags &= ~(uint32_t)MSG_UPGRADE;
	msg_remove_hop_by_hop(m);
	int n = msg_serialize_head(m, b->v + b->count, BATCH_PIECES - BATCH_ROOM - b->count, &x->arena);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		b->bytes += b->v[b->count + i].iov_len;
	b->count += n;
	if (!interim) {
		response_framing(x, b, m);
		connection_field(x, b, m);
		x->flags |= XF_HEAD_SENT;
		x->status = m->status;
	}
	batch_add(b, "\r\n", 2);
	return 0;
}

static int h1_client_data(struct exchange *x, struct slice payload)
{
	struct batch *b = &proxy_thread()->to_client;
	int rc = FLOW_OK;

	if (!batch_has_room(b))
		rc = x->client->ops->flush(x, true);
	if (x->flags & XF_CHUNK_TO_CLIENT)
		batch_chunk_data(b, payload.ptr, payload.len);
	else
		batch_add(b, payload.ptr, payload.len);
	return rc;
}

static int h1_client_end(struct exchange *x, const struct msg *trailers)
{
	struct batch *b = &proxy_thread()->to_client;
	if (!(x->flags & XF_CHUNK_TO_CLIENT))
		return 0;
	if (!batch_has_room_for_last(b, trailers)) {
		int rc = x->client->ops->flush(x, true);
		if (rc < 0)
			return rc;
	}
	return batch_chunk_last(b, trailers, &x->arena);
}

/* The connection is closed right behind these bytes, as the client asked: they are held back so that they leave in one
 * packet with its end.  (Where the close is our idea, more requests may be under way, and their arrival would reset the
 * connection under the answer.) */
static bool closes_now(const struct exchange *x)
{
	uint32_t whole = XF_CLOSE_CLIENT | XF_RESPONSE_DONE | XF_REQUEST_DONE;
	return (x->flags & whole) == whole && !(x->request.flags & MSG_KEEP_ALIVE) && x->head_len &&
	       (!x->sc || x->flags & XF_REQUEST_SENT) && !x->client->out.bytes;
}

static int h1_client_flush(struct exchange *x, bool more)
{
	struct client *c = x->client;
	struct batch *b = &proxy_thread()->to_client;

	batch_chunk_close(b);
	x->bytes_out += b->bytes;
	more = more || closes_now(x);
	int rc = outbuf_send(&c->out, &c->conn, b, more);
	if (rc == FLOW_BLOCKED) {
		client_timer(c, c->frontend->set.timeout_client_ms);
		client_watch(c);
	}
	return rc;
}

enum { LINGER_MS = 2000 };

/* May the client send more?  It arrives at a closed socket then, whose reset takes from the client what it has not read
 * yet: this answer, and those to requests that it pipelined before. */
static bool may_send_more(const struct exchange *x)
{
	const struct client *c = x->client;

	if (c->conn.flags & (CONN_EOF_READ | CONN_ERROR))
		return false;
	return x->request.flags & MSG_KEEP_ALIVE || !(x->flags & XF_REQUEST_DONE) || x->body_at < x->head_end ||
	       c->in.data || c->conn.flags & CONN_READABLE;
}

/* The connection ends behind what was sent. */
static void end_connection(struct exchange *x)
{
	struct client *c = x->client;

	if (x->tunnel || !may_send_more(x)) {
		client_close(c, false);
		return;
	}
	outbuf_free(&c->out);
	inbuf_free(&c->in);
	conn_shut_write(&c->conn);
	c->flags |= CLIENT_LINGER;
	client_timer(c, LINGER_MS);
	linger(c);
	if (!(c->flags & CLIENT_CLOSED) && conn_watch(&c->conn) < 0)
		client_close(c, false);
}

/* A body that ends with the connection would look whole: reset. Length and chunks tell by themselves. */
static void cut_connection(struct exchange *x)
{
	struct client *c = x->client;
	bool looks_whole =
		x->flags & XF_HEAD_SENT && !(x->flags & XF_CHUNK_TO_CLIENT) && !(x->response.flags & MSG_LENGTH);
	bool servers_fault =
		x->cause == CAUSE_SERVER_ABORT || x->cause == CAUSE_SERVER_TIMEOUT || x->cause == CAUSE_PROXY;

	if (looks_whole || x->frontend->set.no_linger || !servers_fault)
		client_close(c, looks_whole || x->frontend->set.no_linger);
	else
		end_connection(x);
}

static void h1_client_finish(struct exchange *x, bool cut)
{
	struct client *c = x->client;

	if (cut) {
		cut_connection(x);
		return;
	}
	c->requests++;
	c->since_ns = loop_self->now_ns;
	c->handshake_ns = 0;
	if (x->flags & XF_CLOSE_CLIENT || !(x->flags & XF_REQUEST_DONE)) {
		end_connection(x);
		return;
	}
	if (x->body_at < x->head_end) { /* pipelined: the buffer goes to the next request */
		c->in = (struct inbuf){ x->head, x->body_at, x->head_end };
		x->head = NULL;
	}
	h1_client_idle(c);
}

const struct client_ops h1_client_ops = {
	.name = "h1",
	.head = h1_client_head,
	.data = h1_client_data,
	.end = h1_client_end,
	.flush = h1_client_flush,
	.pending = h1_client_pending,
	.buffer_body = h1_client_buffer_body,
	.read_body = h1_client_read_body,
	.finish = h1_client_finish,
};
