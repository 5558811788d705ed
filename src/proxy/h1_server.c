/* The server's end in HTTP/1: sends requests, reads and frames responses (RFC 9112).
 *
 * The answer is read into the thread's scratch buffer: head and body leave in one call from where they lie.  Only a
 * head or a piece of framing that is not whole is kept, in a pooled buffer.  A large body with a known length is moved
 * through a pipe where both sides are plain.
 */
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "internal.h"

enum {
	FIRST_READ_BYTES = 72 * 1024, /* a head and a body of 64 KiB; what is larger can be spliced */
	SLOW_READ_BYTES = 64 * 1024,  /* of a body whose reader was behind before */
};

/* ---- sending ---- */

static void add_text(struct batch *b, const char *text)
{
	batch_add(b, text, strlen(text));
}

static void request_framing(struct exchange *x, struct batch *b)
{
	const struct msg *m = &x->request;

	if (m->flags & MSG_CHUNKED) {
		x->flags |= XF_CHUNK_TO_SERVER;
		add_text(b, "Transfer-Encoding: chunked\r\n");
	}
	if (m->flags & MSG_UPGRADE)
		add_text(b, "Connection: upgrade\r\n");
	else if (x->flags & XF_CLOSE_SERVER)
		add_text(b, "Connection: close\r\n");
}

static int h1_server_start(struct exchange *x)
{
	struct batch *b = &proxy_thread()->to_server;
	int n = msg_serialize_head(&x->request, b->v + b->count, BATCH_PIECES - BATCH_ROOM - b->count, &x->arena);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		b->bytes += b->v[b->count + i].iov_len;
	b->count += n;
	request_framing(x, b);
	batch_add(b, "\r\n", 2);
	x->nothing_sent = true;
	int rc = h1_client_buffered_body(x);
	if (rc < 0)
		return rc;
	rc = x->server_ops->flush(x, false);
	if (rc == FLOW_OK && !(x->flags & XF_REQUEST_DONE))
		x->client->ops->read_body(x);
	return rc;
}

static int h1_server_data(struct exchange *x, struct slice payload)
{
	struct batch *b = &proxy_thread()->to_server;
	int rc = FLOW_OK;

	if (!batch_has_room(b))
		rc = x->server_ops->flush(x, true);
	if (x->flags & XF_CHUNK_TO_SERVER)
		batch_chunk_data(b, payload.ptr, payload.len);
	else
		batch_add(b, payload.ptr, payload.len);
	return rc;
}

static int h1_server_end(struct exchange *x, const struct msg *trailers)
{
	struct batch *b = &proxy_thread()->to_server;
	if (!(x->flags & XF_CHUNK_TO_SERVER))
		return 0;
	if (!batch_has_room_for_last(b, trailers)) {
		int rc = x->server_ops->flush(x, true);
		if (rc < 0)
			return rc;
	}
	return batch_chunk_last(b, trailers, &x->arena);
}

static void touch_server_timer(struct exchange *x)
{
	if (x->backend->set.timeout_server_ms)
		loop_timer_set(&x->timer, x->backend->set.timeout_server_ms);
}

static void note_sent(struct exchange *x)
{
	if (x->flags & XF_REQUEST_DONE && !x->server_out.bytes)
		x->flags |= XF_REQUEST_SENT;
}

static int h1_server_flush(struct exchange *x, bool more)
{
	int rc = outbuf_send(&x->server_out, &x->sc->conn, &proxy_thread()->to_server, more);
	if (rc >= 0) {
		x->nothing_sent = false;
		note_sent(x);
		touch_server_timer(x);
	}
	return rc;
}

/* ---- reading ---- */

/* Bytes that were read: where they lie, how many are used. */
struct reading {
	const char *at;
	size_t len, used;
};

static enum h1_result response_head(struct exchange *x, struct reading *r)
{
	enum h1_result result;

	if (!x->parser.msg || x->parser.msg != &x->response) {
		msg_reset(&x->response);
		h1_response_init(&x->parser, &x->response, x->request.method, &exchange_h1_limits);
	}
	result = h1_parse_head(&x->parser, r->at + r->used, r->len - r->used);
	if (result == H1_ERROR)
		exchange_bad_response(x, x->parser.error, x->parser.error_pos, r->at, r->len);
	if (result != H1_DONE)
		return result;
	r->used += x->parser.head_len;
	x->parser.msg = NULL;
	return H1_DONE;
}

/* The framing of the body that follows the final head. */
static void begin_body(struct exchange *x)
{
	h1_body_init(&x->response_body, &x->response, &exchange_h1_limits);
}

/* Gives on what of the body is there. FLOW_* of the client, or negative: the exchange is over. */
static int response_body(struct exchange *x, struct reading *r)
{
	struct msg trailers = { .field_max = TRAILERS_MAX };
	struct field room[TRAILERS_MAX];
	int rc = FLOW_OK;

	trailers.fields = room;
	while (r->used < r->len || h1_body_done(&x->response_body)) {
		struct slice data = { 0 };
		size_t used = 0;
		enum h1_result result = H1_DONE;
		if (!h1_body_done(&x->response_body))
			result = h1_body_next(&x->response_body, r->at + r->used, r->len - r->used, &data, &used,
				&trailers);
		if (result == H1_ERROR) {
			exchange_bad_response(x, x->response_body.error, (uint32_t)r->used, r->at, r->len);
			return -EPROTO;
		}
		r->used += used;
		if (data.len) {
			int sent = x->client->ops->data(x, data);
			if (sent < 0)
				return sent;
			rc |= sent;
		}
		if (result == H1_DONE) {
			x->flags |= XF_RESPONSE_DONE;
			int sent = x->client->ops->end(x, trailers.field_count ? &trailers : NULL);
			return sent < 0 ? sent : rc;
		}
		if (!used)
			break;
	}
	return rc;
}

/* Keeps what was not used. The parser then starts again on the kept bytes, which lie elsewhere. */
static int keep_rest(struct exchange *x, struct reading *r)
{
	size_t left = r->len - r->used;

	if (x->server_in && r->at == x->server_in) {
		memmove(x->server_in, r->at + r->used, left);
		x->server_in_end = (uint32_t)left;
		if (left == 0) {
			buffer_give(BUFFER_16K, x->server_in);
			x->server_in = NULL;
		}
	} else if (left) {
		if (left > buffer_class_bytes(BUFFER_16K))
			return -ENOSPC;
		x->server_in = buffer_take(BUFFER_16K);
		if (!x->server_in)
			return -ENOMEM;
		memcpy(x->server_in, r->at + r->used, left);
		x->server_in_end = (uint32_t)left;
	}
	x->parser.msg = NULL;
	return 0;
}

/* Takes all that can be taken of what was read. FLOW_* of the client, or negative: the exchange is over. */
static int take(struct exchange *x, struct reading *r)
{
	int rc = FLOW_OK;

	while (!(x->flags & XF_RESPONSE_HEAD)) {
		enum h1_result result = r->used < r->len ? response_head(x, r) : H1_MORE;
		if (result == H1_ERROR)
			return -EPROTO;
		if (result == H1_MORE)
			return rc;
		x->behind = slice_of(r->at + r->used, r->len - r->used);
		rc = exchange_response_head(x);
		if (rc < 0 || x->state == X_TUNNEL || x->state == X_DONE || x->flags & XF_SUSPENDED)
			return rc;
		if (x->flags & XF_RESPONSE_HEAD)
			begin_body(x);
	}
	return response_body(x, r);
}

/* A rule suspended the exchange: its head and what came behind it move to where they can stay. */
static bool hold(struct exchange *x, struct reading *r)
{
	const char *head = r->at + r->used - x->parser.head_len;
	size_t len = (size_t)(r->at + r->len - head), room = len;

	if (x->flags & XF_WAITS_BODY && room < buffer_class_bytes(BUFFER_16K))
		room = buffer_class_bytes(BUFFER_16K);
	x->held = malloc(room);
	if (!x->held)
		return false;
	memcpy(x->held, head, len);
	x->held_len = (uint32_t)len;
	x->held_room = (uint32_t)room;
	x->held_used = x->parser.head_len;
	msg_rebase(&x->response, head, len, x->held);
	r->used = r->len;
	return keep_rest(x, r) == 0;
}

static size_t read_size(const struct exchange *x)
{
	if (!(x->flags & XF_RESPONSE_HEAD))
		return FIRST_READ_BYTES;
	return x->flags & XF_CLIENT_SLOW ? SLOW_READ_BYTES : CONN_SCRATCH_BYTES;
}

static ssize_t read_some(struct exchange *x, struct reading *r)
{
	struct conn *conn = &x->sc->conn;
	ssize_t n;

	if (x->server_in) {
		n = conn_recv(conn, x->server_in + x->server_in_end, buffer_class_bytes(BUFFER_16K) - x->server_in_end);
		if (n > 0)
			x->server_in_end += (uint32_t)n;
		*r = (struct reading){ x->server_in, x->server_in_end, 0 };
	} else {
		char *at = conn_scratch();
		n = conn_recv(conn, at, read_size(x));
		*r = (struct reading){ at, n > 0 ? (size_t)n : 0, 0 };
	}
	return n;
}

static void server_ended(struct exchange *x, int error)
{
	if (x->flags & XF_RESPONSE_HEAD && error == 0 && h1_body_end_of_input(&x->response_body)) {
		x->flags |= XF_RESPONSE_DONE | XF_CLOSE_SERVER;
		int rc = x->client->ops->end(x, NULL);
		if (rc >= 0)
			rc = x->client->ops->flush(x, false);
		if (rc < 0)
			exchange_client_gone(x);
		else
			exchange_response_end(x);
		return;
	}
	exchange_server_gone(x);
}

/* Moves what can be moved now of a body that goes through a pipe. */
static void read_spliced(struct exchange *x)
{
	struct client *c = x->client;
	uint64_t before = x->bytes_out;
	struct h1_flow flow = { x->pipe, &x->response_body, &x->sc->conn, &c->conn };
	enum splice_result r = h1_splice(x, &flow, &x->bytes_out);

	if (x->bytes_out != before)
		touch_server_timer(x);
	switch (r) {
	case SPLICE_DONE:
		x->flags |= XF_RESPONSE_DONE;
		exchange_response_end(x);
		break;
	case SPLICE_SOURCE_EMPTY: break;
	case SPLICE_TARGET_FULL:
		client_timer(c, c->frontend->set.timeout_client_ms);
		client_watch(c);
		break;
	case SPLICE_TURN_OVER: exchange_yield(x); break;
	case SPLICE_SOURCE_ENDED:
	case SPLICE_SOURCE_BROKE: exchange_server_gone(x); break;
	case SPLICE_TARGET_BROKE: exchange_client_gone(x); break;
	}
}

/* After take(): sends, and sees whether the response is whole. True: go on. */
static bool took(struct exchange *x, struct reading *r, int rc)
{
	if (rc == -EPROTO || x->state == X_DONE)
		return false;
	if (x->state == X_TUNNEL) {
		tunnel_take_over(x, r->at + r->used, r->len - r->used);
		return false;
	}
	if (rc >= 0)
		rc = x->client->ops->flush(x, false);
	if (rc < 0) {
		exchange_client_gone(x);
		return false;
	}
	if (x->flags & XF_RESPONSE_DONE) {
		if (r->used < r->len) /* bytes that nobody asked for must never reach anybody */
			x->flags |= XF_CLOSE_SERVER;
		exchange_response_end(x);
		return false;
	}
	touch_server_timer(x);
	if (rc == FLOW_BLOCKED)
		x->flags |= XF_CLIENT_SLOW;
	return true;
}

/* More of a body that a rule waits for. */
static void read_held(struct exchange *x)
{
	struct conn *conn = &x->sc->conn;

	while (!body_response_ready(x)) {
		if (!(conn->flags & CONN_READABLE))
			return;
		ssize_t n = conn_recv(conn, x->held + x->held_len, x->held_room - x->held_len);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			body_response_broke(x);
			return;
		}
		if (n == 0) {
			conn->flags |= CONN_READABLE; /* to be seen again by who forwards what came */
			body_response_ended(x);
			break;
		}
		x->held_len += (uint32_t)n;
	}
	exchange_go_on(x);
}

/* One read and all that follows from it. True: go on. */
static bool read_once(struct exchange *x)
{
	struct reading r;
	ssize_t n = read_some(x, &r);

	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		server_ended(x, (int)n);
		return false;
	}
	x->flags |= XF_ANSWER_BEGAN;
	int rc = take(x, &r);
	if (BL_UNLIKELY(x->flags & XF_SUSPENDED) && x->state != X_DONE) {
		if (x->client->ops->flush(x, false) < 0) /* interim heads, which lie where the next read goes */
			exchange_client_gone(x);
		else if (!hold(x, &r))
			exchange_fail(x, 500, CAUSE_RESOURCE, 'H');
		else if (x->flags & XF_WAITS_BODY)
			read_held(x);
		return false;
	}
	if (!took(x, &r, rc))
		return false;
	if (keep_rest(x, &r) < 0) {
		exchange_bad_response(x, H1_ERR_FIELDS_TOO_LARGE, 0, r.at, r.len);
		return false;
	}
	return !x->client->out.bytes;
}

/* The rules that had suspended the exchange are through: the rest of what was held, then the connection. */
static void h1_server_resume(struct exchange *x)
{
	int rc = exchange_response_go_on(x);
	struct reading r = { x->held, x->held_len, x->held_used };

	if (x->flags & XF_SUSPENDED && x->state != X_DONE) {
		if (x->flags & XF_WAITS_BODY)
			read_held(x);
		return;
	}
	if (rc >= 0 && x->state != X_TUNNEL && x->state != X_DONE) {
		begin_body(x);
		rc = response_body(x, &r);
	}
	if (!took(x, &r, rc))
		return;
	if (keep_rest(x, &r) < 0)
		exchange_bad_response(x, H1_ERR_FIELDS_TOO_LARGE, 0, r.at, r.len);
	else
		x->server_ops->read(x);
}

/* The response is over while the request's body still goes on: what comes now is an end, or bytes that nobody asked
 * for. */
static void read_behind_response(struct exchange *x)
{
	if (x->sc->conn.flags & CONN_READABLE && conn_recv(&x->sc->conn, conn_scratch(), CONN_SCRATCH_BYTES) != -EAGAIN)
		exchange_server_gone(x);
}

static void h1_server_read(struct exchange *x)
{
	if (BL_UNLIKELY(x->flags & XF_WAITS_BODY) && x->held) {
		read_held(x);
		return;
	}
	for (int reads = 0; x->sc && x->state != X_DONE && x->state != X_TUNNEL && !(x->flags & XF_SUSPENDED);
		reads++) {
		if (x->flags & XF_RESPONSE_DONE) {
			read_behind_response(x);
			return;
		}
		if (h1_splices_response(x)) {
			read_spliced(x);
			return;
		}
		if (!(x->sc->conn.flags & CONN_READABLE) || x->client->out.bytes)
			return;
		if (reads == TURN_READS) {
			exchange_yield(x);
			return;
		}
		if (!read_once(x))
			return;
	}
}

/* ---- events ---- */

static void connecting(struct exchange *x)
{
	int rc = exchange_finish_connect(x);
	if (rc == -EAGAIN)
		return;
	if (rc < 0)
		exchange_retry(x, rc);
	else
		exchange_connected(x);
}

static void server_drained(struct exchange *x)
{
	int rc = outbuf_flush(&x->server_out, &x->sc->conn);
	if (rc < 0) {
		exchange_send_failed(x);
		return;
	}
	touch_server_timer(x);
	if (rc != FLOW_OK)
		return;
	note_sent(x);
	if (!(x->flags & XF_REQUEST_DONE))
		x->client->ops->read_body(x);
	else if (x->flags & XF_RESPONSE_DONE)
		exchange_response_end(x);
}

void h1_server_ready(struct watch *w, unsigned bits)
{
	struct server_conn *sc = (struct server_conn *)w;
	struct exchange *x = sc->user;
	struct client *c = x->client;

	conn_note(&sc->conn, bits);
	if (x->state == X_CONNECT)
		connecting(x);
	else if (x->state == X_TUNNEL)
		tunnel_pump(x);
	else if (bits & LOOP_WRITE && (x->server_out.bytes || x->request_pipe))
		server_drained(x);
	/* One that has just been connected may have spoken first. */
	if ((x->state == X_SEND || x->state == X_ANSWERING) && x->sc == sc)
		h1_server_read(x);
	client_settle(c);
}

const struct server_ops h1_server_ops = {
	.name = "h1",
	.start = h1_server_start,
	.data = h1_server_data,
	.end = h1_server_end,
	.flush = h1_server_flush,
	.read = h1_server_read,
	.resume = h1_server_resume,
};
