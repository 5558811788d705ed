/* The inside of the room proxy: client connections, the two ends of an exchange, and how they call each other.
 *
 * Every event enters through one of a few doors (a connection's `ready`, a timer, a wake from a queue, a resume).
 * Inside, nothing is freed: an exchange that is over is only marked (X_DONE).  Each door ends with client_settle(),
 * which logs and releases finished exchanges and goes on with the next request.  So no function below needs to fear
 * that what it holds went away.
 */
#ifndef PROXY_INTERNAL_H
#define PROXY_INTERNAL_H

#include "ballast/base/buffer.h"
#include "ballast/proxy/exchange.h"
#include "ballast/server/report.h"
#include "ballast/table/track.h"
#include "ballast/tls/tls.h"

/* ---- output that a connection did not take yet ---- */

struct out_chunk {
	struct out_chunk *next;
	uint32_t start, end; /* within data */
	char data[];
};

/* Result of everything that sends: FLOW_OK, FLOW_BLOCKED (kept; stop reading from the other side), or negative errno:
 * the peer is gone. */
enum { FLOW_OK = 0, FLOW_BLOCKED = 1 };

/* Pieces to be sent in one call, made while one event is handled; what they point to must live that long. */
enum { BATCH_PIECES = 256, BATCH_TEXT = 2048, BATCH_ROOM = 16 /* kept free for framing */ };
struct batch {
	struct iovec v[BATCH_PIECES];
	int count;
	int chunk_at; /* piece that the open chunk's size will stand in; -1: none is open */
	uint32_t text_used;
	size_t bytes, chunk_bytes;
	char text[BATCH_TEXT]; /* chunk sizes and the like */
};

static inline void batch_add(struct batch *b, const void *at, size_t len)
{
	if (len) {
		b->v[b->count++] = (struct iovec){ (void *)at, len };
		b->bytes += len;
	}
}

/* Room for a head or a few payload pieces with their framing? Flush where not. */
static inline bool batch_has_room(const struct batch *b)
{
	return b->count < BATCH_PIECES - BATCH_ROOM && b->text_used < BATCH_TEXT - 64;
}
/* Payload as a part of one chunk (RFC 9112 section 7.1), which all payload of one batch shares. */
void batch_chunk_data(struct batch *b, const void *at, size_t len);
void batch_chunk_close(struct batch *b);
/* Trailer fields that are passed on; a body with more is refused. */
enum { TRAILERS_MAX = MSG_FIELDS_DEFAULT };
/* Is there room for the last chunk and these trailers (NULL: none)? Flush where not. */
static inline bool batch_has_room_for_last(const struct batch *b, const struct msg *trailers)
{
	return batch_has_room(b) && (!trailers || b->count + trailers->field_count < BATCH_PIECES - BATCH_ROOM);
}
/* The last chunk and the trailer section. 0 or negative errno. */
int batch_chunk_last(struct batch *b, const struct msg *trailers, struct arena *a);

void batch_reset(struct batch *b);
int outbuf_send(struct outbuf *o, struct conn *c, struct batch *b, bool more);
int outbuf_flush(struct outbuf *o, struct conn *c);
void outbuf_free(struct outbuf *o);

/* Bytes read but not used yet, in a buffer of class BUFFER_16K (NULL: none). */
struct inbuf {
	char *data;
	uint32_t start, end;
};
static inline uint32_t inbuf_bytes(const struct inbuf *in)
{
	return in->end - in->start;
}
void inbuf_free(struct inbuf *in);
/* Keeps a copy of bytes that did not come from this buffer. 0 or -ENOMEM; -ENOSPC where they do not fit. */
int inbuf_keep(struct inbuf *in, const char *at, size_t len);

/* ---- the client's connection ---- */

enum client_flags {
	CLIENT_CLOSED = 1,          /* conn_close was called; memory goes at the end of the turn */
	CLIENT_LINGER = 2,          /* our side is shut; what comes is thrown away until the client closes */
	CLIENT_BUSY = 4,            /* client_settle is running */
	CLIENT_WAITS_FOR_PROXY = 8, /* its PROXY header was not read yet */
	CLIENT_SENT_BYTES = 16,     /* at least one byte was received on it */
	CLIENT_YIELDS = 32,         /* pipelined requests wait for the loop's next turn */
};

struct client {
	struct conn conn; /* first: the watch finds it */
	struct timer timer;
	struct list link; /* in frontend_thread.clients */
	const struct client_ops *ops;
	struct listener *listener;
	struct generation *held; /* the listener's, where a reload left it without an heir; else NULL */
	struct frontend *frontend;
	struct exchange *exchange;  /* HTTP/1: at most one at a time */
	struct list private_conns;  /* kept for this client only (http-reuse never), the latest first */
	struct server *last_server; /* option prefer-last-server */
	struct inbuf in;            /* behind the present request */
	struct outbuf out;
	struct vars vars; /* scope sess */
	struct tracking
		*tracking; /* what its session follows, from rules that look at the connection; malloc, or NULL */
	union addr peer;
	union addr *dst; /* that a PROXY header told; NULL: the socket's */
	uint32_t flags;
	uint32_t requests;
	uint64_t since_ns;     /* accept, or end of the last exchange */
	uint64_t handshake_ns; /* its end; 0: none, or of an earlier exchange */
};

/* Toward the client.  `head` and `data` put pieces into a batch of this end; `flush` sends them. */
struct client_ops {
	const char *name;
	/* An interim (1xx) or the final head; edits the message for this protocol. 0 or negative errno. */
	int (*head)(struct exchange *x, struct msg *m);
	int (*data)(struct exchange *x, struct slice payload);
	/* The message ended; `trailers` may be NULL. */
	int (*end)(struct exchange *x, const struct msg *trailers);
	int (*flush)(struct exchange *x, bool more);
	/* Bytes that wait to be taken by the client, those in a pipe too. */
	size_t (*pending)(const struct exchange *x);
	/* Reads more of the request's body behind its head, for rules that look at it: bytes, 0 at the end of the
	 * connection, -ENOSPC where there is no room, -EAGAIN, or another negative errno. */
	ssize_t (*buffer_body)(struct exchange *x);
	/* Reads more of the request's body, now that the server takes some. */
	void (*read_body)(struct exchange *x);
	/* The exchange is over: keep the connection for the next one, or end it. `cut`: so that the client sees that the
	 * response is not whole. */
	void (*finish)(struct exchange *x, bool cut);
};

extern const struct client_ops h1_client_ops, tcp_client_ops;

void client_settle(struct client *c);
/* Before waiting for it (see conn_open_unwatched). False: it cannot be watched, and is over. */
bool client_watch(struct client *c);
void client_close(struct client *c, bool reset);
/* When it is closed next, the peer shall not learn of it: nothing is sent, or (`ttl` not 0, or without the right to) a
 * reset that goes so many hops far. */
void client_forget(struct client *c, int ttl);
/* Keeps an idle server connection for this client only, or closes it where it cannot be used again. */
void client_keep_private(struct client *c, struct server_conn *sc);
/* Such a connection to `s`, on which `name` was asked for (NULL: none); NULL: there is none. */
struct server_conn *client_take_private(struct client *c, const struct server *s, const char *name);
/* Arms the client's timer; 0: none. */
void client_timer(struct client *c, uint32_t ms);
/* The first request, or the TCP session: what comes before it is over. */
void client_begin(struct client *c);
/* client_early.c: begins with a TLS handshake. */
void client_begin_early(struct client *c);
void h1_client_ready(struct watch *w, unsigned bits);
void h1_client_next(struct client *c);
/* The same in the loop's next turn. */
void h1_client_yield(struct client *c);
/* A connection was accepted: most often its request is there too. */
void h1_client_begin(struct client *c);
/* Waits for a request. */
void h1_client_idle(struct client *c);
/* Gives the server's end what of the body lies behind the head. FLOW_* or negative errno. */
int h1_client_buffered_body(struct exchange *x);
void h1_client_timer(struct timer *t);
/* Takes over an accepted socket. False: it could not, and fd is still the caller's. */
bool client_accept(struct frontend *f, struct listener *l, int fd, const union addr *peer);
/* Ends it where it carries nothing now. */
void client_soft_stop(struct client *c);
void client_hard_stop(struct client *c);
/* frontend.c: one less; listeners that waited for a place go on. `l` NULL: it has no place at one. */
void frontend_connection_closed(struct frontend *f, struct listener *l);

/* ---- the server's end ---- */

struct server_ops {
	const char *name;
	/* Sends the request's head and whatever of the body is there. FLOW_* or negative errno. */
	int (*start)(struct exchange *x);
	int (*data)(struct exchange *x, struct slice payload);
	int (*end)(struct exchange *x, const struct msg *trailers);
	int (*flush)(struct exchange *x, bool more);
	/* Goes on reading the response, now that the client takes some. */
	void (*read)(struct exchange *x);
	/* Goes on with the response whose rules were suspended: calls exchange_response_go_on(). */
	void (*resume)(struct exchange *x);
};
extern const struct server_ops h1_server_ops;

void h1_server_ready(struct watch *w, unsigned bits);

/* h1_splice.c: does a pipe carry (from now on) the rest of this body? */
bool h1_splices_response(struct exchange *x);
bool h1_splices_request(struct exchange *x);
enum splice_result {
	SPLICE_DONE,         /* all of the body went through */
	SPLICE_SOURCE_EMPTY, /* more comes later */
	SPLICE_TARGET_FULL,
	SPLICE_TURN_OVER, /* TURN_BYTES went through, and more may be there */
	SPLICE_SOURCE_ENDED,
	SPLICE_SOURCE_BROKE,
	SPLICE_TARGET_BROKE,
};
/* Bytes that wait to be taken by the server, those in a pipe too. */
size_t exchange_server_pending(const struct exchange *x);
/* A body on its way through a pipe. */
struct h1_flow {
	struct splice_pipe *pipe;
	struct h1_body *body;
	struct conn *from, *to;
};
/* Moves what can be moved now, and adds it to *moved. */
enum splice_result h1_splice(const struct exchange *x, const struct h1_flow *f, uint64_t *moved);

/* ---- the exchange: calls from the ends upward ---- */

/* So much is done for one client in one go; then others get their turn, and exchange_yield() or h1_client_yield() goes
 * on in the next turn of the loop: bytes of a body moved by the kernel, pieces of it read, pipelined requests. */
enum { TURN_BYTES = 4 * 1024 * 1024, TURN_READS = 16, TURN_EXCHANGES = 64 };
void exchange_yield(struct exchange *x);

struct exchange *exchange_new(struct client *c);
void exchange_free(struct exchange *x);
/* Goes on with a suspended one, from within an event: exchange_resume() without client_settle(). */
void exchange_go_on(struct exchange *x);
/* The request's head is whole. */
void exchange_request_head(struct exchange *x);
/* A head or body was refused by the parser. */
void exchange_bad_request(struct exchange *x, enum h1_error e, uint32_t at, const char *bytes, size_t len);
/* The client is gone (error, or its end before the request was whole). */
void exchange_client_gone(struct exchange *x);
/* The client ended its sending side. */
void exchange_client_ended(struct exchange *x);
/* The connection to the server is made: send. */
void exchange_connected(struct exchange *x);
/* The server's connection broke or ended too early. */
void exchange_server_gone(struct exchange *x);
/* It does not take what we send. */
void exchange_send_failed(struct exchange *x);
void exchange_bad_response(struct exchange *x, enum h1_error e, uint32_t at, const char *bytes, size_t len);
/* The page for a status: of the backend, the frontend, or Ballast's own. */
const struct answer *exchange_error_page(struct exchange *x, unsigned status);
/* A response head was parsed; interim ones come here too. FLOW_*; negative: stop. A rule may have suspended it
 * (XF_SUSPENDED): the end then keeps the message until `resume`. */
int exchange_response_head(struct exchange *x);
/* The same after a suspension. FLOW_OK: its head was given to the client's side. */
int exchange_response_go_on(struct exchange *x);
/* The response was read to its end: the server's connection is free. */
void exchange_response_end(struct exchange *x);
/* All was given to the client's connection, nothing pends: ends the exchange where both halves are through. */
void exchange_check_done(struct exchange *x);
/* Marks it as over. `cut`: the client must see that the response is incomplete. */
void exchange_end(struct exchange *x, bool cut);
void exchange_log(struct exchange *x);
/* Gives the server's connection back (`keep`: to be used again) and the place on the server. */
void exchange_release_server(struct exchange *x, bool keep);
/* Sets x->source from x->sc, which is not NULL: a system call, so only where a log format asks for it. */
void exchange_note_source(struct exchange *x);
void exchange_count_bytes(struct exchange *x);

/* What stick tables count as the client's error (http_err_cnt) and the server's failure (http_fail_cnt): HAProxy's manual,
 * section 11.1. */
static inline bool status_is_client_error(unsigned status)
{
	return status >= 400 && status < 500;
}
static inline bool status_is_failure(unsigned status)
{
	return status >= 500 && status != 501 && status != 505;
}
/* Counts this request as one that the client is to blame for: refused, denied, broken off. */
static inline void exchange_count_client_error(struct exchange *x)
{
	track_count(x->sample.tracking, DATA_HTTP_ERR_CNT, DATA_HTTP_ERR_RATE, 1, loop_self->now_ms);
}
/* The same for an answer that the server failed to give. */
static inline void exchange_count_failure(struct exchange *x)
{
	track_count(x->sample.tracking, DATA_HTTP_FAIL_CNT, DATA_HTTP_FAIL_RATE, 1, loop_self->now_ms);
}

/* log_capture.c; the first two only where the frontend has captures */
void log_capture_request(struct exchange *x);
void log_capture_response(struct exchange *x);
/* Keeps a text in the slot of that number, cut to its length; nothing where there is none. */
void log_capture_store(struct exchange *x, bool response, uint32_t number, struct slice text);

/* content.c */
/* Runs the `tcp-request content` rules of the frontend or backend; there are some.  RULE_SUSPEND_AGAIN: they wait. */
enum rule_result content_request_rules(struct exchange *x, const struct rule_lists *lists);
/* The client's connection has news: lets rules that wait for contents see them. */
void content_request_event(struct exchange *x);
/* `tcp-response content` in mode http, where the response's head is there. */
enum rule_result content_response_rules(struct exchange *x, const struct rule_lists *lists);
/* The same in mode tcp, where what came is in server_in; `wait` is armed where they wait. */
enum content_state { CONTENT_PASSED, CONTENT_WAITS, CONTENT_REFUSED, CONTENT_BROKE };
enum content_state content_session_rules(struct exchange *x, struct timer *wait);

/* client_rules.c */
/* Runs the rules of that set, which look at the connection alone.  False: it is refused, and is to be closed. */
bool client_rules(struct client *c, const struct rules *rules);
/* The session began: its entries count it. */
void client_count_session(struct client *c);
/* A copy of what the session follows, for an exchange, which must not let it go; NULL where memory is out. */
struct tracking *client_tracking(struct exchange *x);

/* request.c */
/* Runs the rules from the first of them to the choice of a server. */
void exchange_run_rules(struct exchange *x);
/* Chooses the backend and counts the exchange there. False: there is none, and the exchange has failed. */
bool exchange_enter_backend(struct exchange *x);
/* The edits that every forwarded request gets, once. 0 or negative errno. */
int exchange_prepare_request(struct exchange *x);
int exchange_add_via(struct exchange *x, struct msg *m);

/* unique_id.c */
/* Its name; len 0: there is no format. */
struct slice exchange_unique_id(struct exchange *x);
/* 0 or -ENOMEM. */
int exchange_add_unique_id(struct exchange *x);

/* hash.c */
/* Hash of the key by which x->backend balances (HASH_NONE excluded); false where the request has none. */
bool exchange_hash(struct exchange *x, uint64_t *hash);

/* max_forwards.c */
/* For OPTIONS and TRACE: counts Max-Forwards down. False: the request ends here, and is answered. */
bool exchange_may_forward(struct exchange *x);

/* connect.c */
/* For `balance ewma`: the server answered now, or failed. */
void exchange_note_latency(struct exchange *x, bool failed);
/* report.c */
/* An answer that did not come, or was none: counted for its server and backend. */
void exchange_count_failed_response(struct exchange *x);
/* Tells who watches x->server how this attempt fared. */
void exchange_report_now(const struct exchange *x, enum server_outcome o);
static inline void exchange_report(const struct exchange *x, enum server_outcome o)
{
	if (BL_UNLIKELY(x->server->watchers != NULL))
		exchange_report_now(x, o);
}
void exchange_choose(struct exchange *x);
/* The connection to the server goes on: what is said before anything else, and the handshake. As
 * conn_finish_connect. */
int exchange_finish_connect(struct exchange *x);
void exchange_stop_waiting(struct exchange *x);
void exchange_queue_timer(struct exchange *x);
/* retry.c */
/* The connection could not be made: `error` is a negative errno. */
void exchange_retry(struct exchange *x, int error);
void exchange_connect_timer(struct exchange *x);
/* Sends the request again, where `retry-on` names this event (RETRY_*) and the request is still held whole. False: the
 * failure is to be answered. */
bool exchange_send_again(struct exchange *x, uint32_t event);
/* The same for the status of a response whose head was just read. */
bool exchange_retry_status(struct exchange *x);
/* stick.c; only where the backend has such rules */
/* The server that a rule finds in its table, alive; NULL: none. */
struct server *stick_match(struct exchange *x);
/* Stores x->server under the keys of the request (once it is reached) or of the response. */
void stick_store(struct exchange *x, bool response);
/* tunnel.c */
/* Moves what can be moved in both directions. */
void tunnel_pump(struct exchange *x);
/* Both sides are a plain stream from now on. */
void tunnel_start(struct exchange *x);
/* Bytes that came from the server behind its head. */
void tunnel_take_over(struct exchange *x, const char *at, size_t len);
void tunnel_timed_out(struct exchange *x);
void tunnel_free(struct exchange *x);

/* A capture for `show errors`. */
void capture_error(struct exchange *x, bool response, enum h1_error e, uint32_t at, const char *bytes, size_t len);

/* ---- per thread ---- */

struct proxy_thread {
	struct list exchanges;  /* of exchange.link */
	struct exchange *spare; /* free list through exchange.resume's place */
	unsigned spare_count;
	struct batch to_client, to_server;
	uint64_t next_id;
};
enum { LOOP_SLOT_PROXY = 0 };
static inline struct proxy_thread *proxy_thread(void)
{
	return loop_self->slot[LOOP_SLOT_PROXY];
}
extern struct exchange_limits exchange_limits;
extern struct h1_limits exchange_h1_limits;

static inline struct counters *frontend_counters(const struct frontend *f)
{
	return &f->thread[loop_self->index].counters;
}
static inline struct counters *backend_counters(const struct backend *b)
{
	return &b->counters[loop_self->index];
}
static inline struct counters *server_counters(const struct server *s)
{
	return &s->thread[loop_self->index].counters;
}

#endif
