/* Choosing a server, a place on it, a connection to it.
 *
 * As in HAProxy a full server is passed over, and where all are full the exchange waits for the backend; but where a key
 * (`balance source`, `uri`, ...) decided, it waits for the server that the key leads to.  A server that failed this
 * request is only come back to where no other is left, not even a full one to wait for, and then after the time of a
 * retry: a dead server is never full, and would draw all of a request's retries.
 */
#include <string.h>

#include "ballast/balance/pick.h"
#include "ballast/net/proxy_protocol.h"
#include "ballast/proxy/log.h"
#include "ballast/sample/expr.h"
#include "connect.h"
#include "internal.h"
#include "persist.h"

enum {
	RETRY_DELAY_MS = 1000,
	CHOICES_MAX = 100, /* rounds in which a place became free, and was taken by another again */
	CHOOSE_AGAIN_MS = 1,
};

/* ---- which server ---- */

static bool is_in(const uint64_t *map, const struct server *s)
{
	return map && map[s->slot / 64] >> (s->slot % 64) & 1;
}

static size_t map_bytes(const struct exchange *x)
{
	return (x->backend->server_count + 63) / 64 * sizeof(uint64_t);
}

static int put_in(struct exchange *x, uint64_t **map, const struct server *s)
{
	if (!*map) {
		*map = arena_zalloc(&x->arena, map_bytes(x));
		if (!*map)
			return -ENOMEM;
	}
	(*map)[s->slot / 64] |= 1ull << (s->slot % 64);
	return 0;
}

/* Those that were full may have a place by now. */
static void forget_full(struct exchange *x)
{
	if (x->failed)
		memcpy(x->avoid, x->failed, map_bytes(x));
	else
		x->avoid = NULL;
}

int exchange_shun(struct exchange *x, const struct server *s)
{
	return put_in(x, &x->avoid, s) < 0 || put_in(x, &x->failed, s) < 0 ? -ENOMEM : 0;
}

/* Could this request go to `s` instead of `from`? Of backups the first alone is used, without `allbackups`. */
static bool is_alternative(const struct exchange *x, const struct server *s, const struct server *from)
{
	return s != from && s->backup == from->backup && (!s->backup || x->backend->set.all_backups) &&
	       server_usable(s) && !is_in(x->failed, s);
}

bool exchange_has_alternative(const struct exchange *x)
{
	const struct backend *b = x->backend;

	for (uint32_t i = 0; i < b->server_count; i++)
		if (is_alternative(x, b->servers[i], x->server))
			return true;
	return false;
}

/* `bound`: a key of the request led to it, so that no other one will do (with `hash-balance-factor` others will). */
static struct server *pick(struct exchange *x, bool *bound)
{
	struct backend *b = x->backend;
	struct pick_request r = { .thread = b->thread[loop_self->index].pick,
		.avoid = x->avoid,
		.now_ms = (uint32_t)loop_self->now_ms };
	int slot;

	if (b->hash_key != HASH_NONE)
		r.has_hash = exchange_hash(x, &r.hash);
	const struct picker *p = backend_picker_acquire(b);
	slot = p ? pick_choose(p, &r) : PICK_NONE;
	backend_picker_release();
	*bound = r.has_hash && !b->balance_factor;
	return slot == PICK_NONE ? NULL : b->servers[slot];
}

static struct server *preferred(const struct exchange *x)
{
	struct server *s = x->client->last_server;
	if (!x->backend->set.prefer_last_server || !s || s->backend != x->backend || x->avoid || !server_usable(s))
		return NULL;
	return s;
}

static void take_place(struct exchange *x, struct server *s)
{
	struct counters *c = server_counters(s);

	x->server = s;
	x->flags |= XF_HOLDS_PLACE;
	count_session(c, (uint32_t)(loop_self->wall_us / 1000000));
	if (persist_bound(x))
		return;
	count_add(c, COUNT_LB_CHOSEN, 1);
	count_add(backend_counters(x->backend), COUNT_LB_CHOSEN, 1);
}

void exchange_retry_later(struct exchange *x)
{
	uint32_t ms = x->backend->set.timeout_connect_ms;

	x->state = X_CONNECT;
	loop_timer_set(&x->timer, ms && ms < RETRY_DELAY_MS ? ms : RETRY_DELAY_MS);
}

/* A place on `s` was taken for it. */
static void begin(struct exchange *x, struct server *s)
{
	take_place(x, s);
	if (BL_UNLIKELY(x->failed != NULL) && is_in(x->failed, s))
		exchange_retry_later(x);
	else
		exchange_try_server(x);
}

static void queue_wake(struct server_wait *w)
{
	struct exchange *x = container_of(w, struct exchange, wait);
	struct client *c = x->client;

	if (x->state == X_QUEUE) {
		struct server *granted = w->granted;
		loop_timer_clear(&x->timer);
		w->granted = NULL;
		if (granted)
			begin(x, granted);
		else
			exchange_choose(x);
	}
	client_settle(c);
}

enum join { JOINED, JOIN_AGAIN, JOIN_REFUSED };

static uint32_t queue_ms(const struct exchange *x)
{
	const struct backend_settings *set = &x->backend->set;
	return set->timeout_queue_ms ? set->timeout_queue_ms : set->timeout_connect_ms;
}

/* Waits for a place on server `s`, or (NULL) on any. JOIN_AGAIN: one became free meanwhile. */
static enum join join_queue(struct exchange *x, struct server *s)
{
	bool retry = false;

	x->wait.wake = queue_wake;
	x->state = X_QUEUE;
	if (!server_wait_join(&x->wait, x->backend, s, &retry))
		return retry ? JOIN_AGAIN : JOIN_REFUSED;
	x->server = s; /* for the log */
	/* as HAProxy's logs count */
	*(s ? &x->queue_server : &x->queue_backend) = x->wait.position + 1;
	if (queue_ms(x))
		loop_timer_set(&x->timer, queue_ms(x));
	return JOINED;
}

/* A server's new state is seen before the picker that is made from it is published (thousands of servers take
 * milliseconds): the queue says that there is a place, and the picker does not know of it.  That passes by itself. */
static void choose_soon(struct exchange *x)
{
	x->state = X_QUEUE;
	loop_timer_set(&x->timer, CHOOSE_AGAIN_MS);
}

void exchange_queue_timer(struct exchange *x)
{
	uint64_t waited_ms = (loop_self->now_ns - x->t_queue) / 1000000;

	if (!x->wait.ticket && (!queue_ms(x) || waited_ms < queue_ms(x))) {
		exchange_choose(x);
		return;
	}
	exchange_stop_waiting(x);
	exchange_fail(x, 503, CAUSE_SERVER_TIMEOUT, 'Q');
}

/* The same; false: a place became free meanwhile. */
static bool wait_for_place(struct exchange *x, struct server *s)
{
	enum join joined = join_queue(x, s);

	if (joined == JOIN_REFUSED)
		exchange_fail(x, 503, CAUSE_SERVER_ABORT, 'Q');
	return joined != JOIN_AGAIN;
}

void exchange_stop_waiting(struct exchange *x)
{
	if (x->state == X_QUEUE)
		server_wait_cancel(&x->wait);
}

static void no_server(struct exchange *x)
{
	x->server = NULL;
	count_add(backend_counters(x->backend), COUNT_ERR_CONN, 1);
	exchange_fail(x, 503, CAUSE_SERVER_ABORT, 'C');
}

/* A request that a `stick` rule binds to a server waits for it where it is full. False: any server will do. */
static bool choose_stuck(struct exchange *x)
{
	struct server *s = stick_match(x);

	while (s) {
		if (server_enter(s)) {
			begin(x, s);
			return true;
		}
		if (wait_for_place(x, s))
			return true;
		if (!server_takes(s))
			return false;
	}
	return false;
}

static struct server *shortest_queue(const struct exchange *x, struct server *full)
{
	const struct backend *b = x->backend;
	struct server *best = is_in(x->failed, full) ? NULL : full;

	for (uint32_t i = 0; i < b->server_count; i++)
		if (is_alternative(x, b->servers[i], full) &&
			(!best || atomic_load(&b->servers[i]->queued) < atomic_load(&best->queued)))
			best = b->servers[i];
	return best;
}

/* A server that failed this request and may be tried again; a place on it is taken. */
static struct server *enter_failed(struct exchange *x)
{
	const struct backend *b = x->backend;

	for (uint32_t i = 0; i < b->server_count; i++)
		if (is_in(x->failed, b->servers[i]) && server_usable(b->servers[i]) && server_enter(b->servers[i]))
			return b->servers[i];
	return NULL;
}

/* Those that did not fail this request are full, or there are none. */
static enum join make_do(struct exchange *x, struct server *last)
{
	struct server *s = shortest_queue(x, last);
	enum join joined = s ? join_queue(x, s) : JOIN_REFUSED;

	if (joined != JOIN_REFUSED)
		return joined;
	s = enter_failed(x);
	if (!s)
		return join_queue(x, NULL);
	begin(x, s);
	return JOINED;
}

/* Every server was passed over, `last` at the end. JOIN_AGAIN: to choose anew. */
static enum join none_is_left(struct exchange *x, struct server *last)
{
	forget_full(x);
	return BL_UNLIKELY(x->failed != NULL) ? make_do(x, last) : join_queue(x, NULL);
}

/* `s` is full, or failed this request. JOIN_AGAIN: to choose anew. */
static enum join pass_over(struct exchange *x, struct server *s, bool bound)
{
	enum join joined;

	if (is_in(x->avoid, s))
		return none_is_left(x, s);
	if (bound && (joined = join_queue(x, s)) != JOIN_REFUSED)
		return joined;
	/* where `maxqueue` refused it, another server will do, as the manual has it */
	return put_in(x, &x->avoid, s) == 0 ? JOIN_AGAIN : JOIN_REFUSED;
}

static unsigned load_barred(const struct server *s)
{
	return atomic_load_explicit(&s->barred, memory_order_relaxed);
}

/* A breaker or an ejection keeps requests away from `s`, which the picker may not know yet, or which let its last probe
 * through. Where every server is like that, that is answered. */
static enum join shut_out(struct exchange *x, struct server *s)
{
	const struct backend *b = x->backend;

	if (!is_in(x->avoid, s))
		return put_in(x, &x->avoid, s) == 0 ? JOIN_AGAIN : JOIN_REFUSED;
	for (uint32_t i = 0; i < b->server_count; i++)
		if (server_usable(b->servers[i]))
			return none_is_left(x, s);
	no_server(x);
	return JOINED;
}

static void choose_by_algorithm(struct exchange *x)
{
	uint64_t most = (uint64_t)CHOICES_MAX * (x->backend->server_count + 1);
	enum join joined = JOIN_AGAIN;

	for (uint64_t n = 0; joined == JOIN_AGAIN && n < most; n++) {
		bool bound;
		struct server *s = pick(x, &bound);
		if (!s) {
			no_server(x);
			return;
		}
		if (!(x->failed && is_in(x->failed, s)) && BL_LIKELY(server_enter(s))) {
			begin(x, s);
			return;
		}
		joined = load_barred(s) && !server_takes(s) ? shut_out(x, s) : pass_over(x, s, bound);
	}
	if (joined == JOIN_AGAIN)
		choose_soon(x);
	else if (joined == JOIN_REFUSED)
		exchange_fail(x, 503, CAUSE_SERVER_ABORT, 'Q');
}

/* A server that the request belongs to goes before all choice.  Who comes here again has to leave it. True: it was
 * taken, waited for, or the exchange failed. */
static bool choose_bound(struct exchange *x)
{
	struct server *s = NULL;

	if (x->persist)
		persist_left(x);
	else if (persist_choose(x, &s) < 0) {
		exchange_fail(x, 500, CAUSE_RESOURCE, 'R');
		return true;
	}
	while (s) {
		if (server_enter(s)) {
			begin(x, s);
			return true;
		}
		enum join joined = join_queue(x, s);
		if (joined == JOINED)
			return true;
		if (joined == JOIN_REFUSED || !server_takes(s))
			break;
	}
	persist_left(x);
	return false;
}

/* A configuration came since: servers are chosen by the newest, whose queues and limits are those in use. */
static void follow_backend(struct exchange *x, struct backend *now)
{
	if (now->mode != x->backend->mode)
		return;
	generation_enter(now->generation);
	generation_leave(x->moved_to);
	x->moved_to = now->generation;
	x->backend = now;
	x->server = x->server ? server_current(x->server) : NULL;
	x->avoid = x->failed = NULL;
	if (x->persist && x->persist->server)
		x->persist->server = server_current(x->persist->server);
}

void exchange_choose(struct exchange *x)
{
	struct server *s;

	if (BL_UNLIKELY(x->backend->lineage.current != x->backend))
		follow_backend(x, x->backend->lineage.current);

	if (BL_UNLIKELY(x->backend->persist != NULL) && choose_bound(x))
		return;
	if (BL_UNLIKELY(x->backend->stick != NULL) && !x->avoid && choose_stuck(x))
		return;
	s = preferred(x);
	if (s && server_enter(s))
		begin(x, s);
	else
		choose_by_algorithm(x);
}

/* ---- a connection ---- */

static struct server_conn *take_private(struct exchange *x, const char *name)
{
	struct server_conn *sc = client_take_private(x->client, x->server, name);

	if (!sc)
		return NULL;
	sc->user = x;
	sc->conn.watch.ready = h1_server_ready;
	return sc;
}

/* May a kept connection be used? As `http-reuse` says. */
static struct server_conn *take_kept(struct exchange *x, const char *name)
{
	enum http_reuse reuse = x->backend->set.reuse;
	struct server_conn *sc = take_private(x, name);

	if (sc)
		return sc;
	if (x->flags & XF_TCP || x->tried_fresh || reuse == REUSE_NEVER)
		return NULL;
	if (reuse == REUSE_SAFE && x->client->requests == 0)
		return NULL;
	sc = server_conn_take_named(x->server, name, h1_server_ready, x);
	if (sc && reuse == REUSE_AGGRESSIVE && x->client->requests == 0 && sc->requests < 2) {
		sc->user = NULL;
		server_conn_put(sc); /* not proven yet: RFC-safe, but the manual promises a proven one */
		return NULL;
	}
	return sc;
}

bool exchange_is_idempotent(const struct exchange *x)
{
	switch (x->request.method) {
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_OPTIONS:
	case METHOD_TRACE:
	case METHOD_PUT:
	case METHOD_DELETE: return true;
	default: return false;
	}
}

static bool has_body(const struct exchange *x)
{
	const struct msg *m = &x->request;
	return m->flags & MSG_CHUNKED || (m->flags & MSG_LENGTH && m->content_length);
}

/* A kept connection.  Whose request could not be sent again asks the kernel first whether it still stands: its end may
 * be there without the loop having told. */
static struct server_conn *take_standing(struct exchange *x, const char *name)
{
	struct server_conn *sc;

	while ((sc = take_kept(x, name)) && (!exchange_is_idempotent(x) || has_body(x)) && !conn_is_quiet(&sc->conn))
		server_conn_drop(sc, false);
	return sc;
}

/* The name that this request's connection asks for; NULL: none. */
static const char *server_name(struct exchange *x)
{
	const struct expr *sni = x->server->sni;
	struct sample name;

	if (BL_LIKELY(!sni) || !x->server->tls || !expr_eval(sni, &x->sample, SAMPLE_STR, &name) || !name.str.len)
		return NULL;
	return arena_copy(&x->arena, name.str).ptr;
}

/* A fresh socket takes these few bytes. */
static int send_proxy_header(struct exchange *x)
{
	const struct client *c = x->client;
	const union addr *dst = x->sample.dst;
	char text[PROXY_WRITE_BYTES];
	union addr own;
	size_t len;

	if (!dst)
		conn_local_addr(&c->conn, &own);
	len = proxy_write(text, x->server->send_proxy, x->sample.src, dst ? dst : &own, tls_alpn(&c->conn), false);
	return send(x->sc->conn.watch.fd, text, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -ECONNRESET;
}

/* Once, when the socket is connected. */
static int say_first(struct exchange *x)
{
	int err = BL_UNLIKELY(x->server->send_proxy) ? send_proxy_header(x) : 0;
	return err ? err : conn_finish_connect(&x->sc->conn);
}

int exchange_finish_connect(struct exchange *x)
{
	struct conn *c = &x->sc->conn;
	int err;

	if (!(c->flags & CONN_CONNECTING))
		return conn_finish_connect(c);
	err = conn_finish_tcp(c);
	return err ? err : say_first(x);
}

/* Where the client wanted to go, as rules may have changed it. */
static union addr client_destination(const struct exchange *x)
{
	union addr dst;

	if (x->sample.dst)
		return *x->sample.dst;
	conn_local_addr(&x->client->conn, &dst);
	return dst;
}

/* Kept connections to a server that follows its clients lead to many places: each is named by its own. */
static const char *kept_name(struct exchange *x, const char *name)
{
	char text[ADDR_TEXT_MAX];
	union addr dst;

	if (BL_LIKELY(!x->server->follows_client))
		return name;
	dst = client_destination(x);
	return arena_printf(&x->arena, "%s %u %s", addr_ip_text(&dst, text).ptr, addr_port(&dst), name ? name : "").ptr;
}

/* A new connection is there, or begins to be. */
static void begin_connection(struct exchange *x, const char *name, const char *kept)
{
	struct server_conn *sc = x->sc;
	int error = x->server->tls ? server_conn_secure(sc, name) : 0;

	if (!error && BL_UNLIKELY(kept != name))
		error = kept ? server_conn_set_name(sc, kept) : -ENOMEM;
	if (!error && !(sc->conn.flags & CONN_CONNECTING))
		error = say_first(x);
	else if (!error)
		error = -EAGAIN;
	if (!error)
		exchange_connected(x);
	else if (error != -EAGAIN)
		exchange_retry(x, error);
	else if (x->backend->set.timeout_connect_ms)
		loop_timer_set(&x->timer, x->backend->set.timeout_connect_ms);
}

void exchange_try_server(struct exchange *x)
{
	struct server *s = x->server;
	const char *name = server_name(x), *kept = kept_name(x, name);
	struct server_conn *sc = take_standing(x, kept);
	int error = 0;

	if (!x->t_connect_start)
		x->t_connect_start = loop_self->now_ns;
	x->t_try = loop_self->now_ns;
	x->t_connected = 0;
	x->state = X_CONNECT;
	if (sc) {
		x->sc = sc;
		x->flags |= XF_REUSED;
		count_add(server_counters(s), COUNT_CONN_REUSED, 1);
		exchange_connected(x);
		return;
	}
	union addr dst;
	if (BL_UNLIKELY(s->follows_client))
		dst = client_destination(x);
	x->flags &= ~(uint32_t)XF_REUSED;
	x->tried_fresh = true;
	sc = server_conn_open(s, s->follows_client ? &dst : NULL, h1_server_ready, x, &error);
	if (!sc) {
		exchange_retry(x, error);
		return;
	}
	x->sc = sc;
	sc->is_private = x->backend->set.reuse == REUSE_NEVER || s->send_proxy; /* that is about one client */
	count_add(server_counters(s), COUNT_CONN, 1);
	begin_connection(x, name, kept);
}

/* For the client's next exchange, which may be of a newer configuration. */
static void note_last_server(struct exchange *x)
{
	struct server *s = server_current(x->server);

	x->client->last_server = s->retired ? NULL : s;
}

void exchange_connected(struct exchange *x)
{
	int rc;

	loop_timer_clear(&x->timer); /* that of the connect; without `timeout server` none follows */
	if (!(x->flags & XF_REUSED))
		exchange_report(x, OUTCOME_CONNECTED);
	x->t_connected = loop_self->now_ns;
	x->sc->requests++;
	if (BL_UNLIKELY(x->backend->set.prefer_last_server))
		note_last_server(x);
	count_add(server_counters(x->server), COUNT_REQ, 1);
	if (BL_UNLIKELY(x->backend->stick != NULL))
		stick_store(x, false);
	if (x->flags & XF_TCP) {
		if (BL_UNLIKELY(x->backend->stick != NULL))
			stick_store(x, true);
		exchange_note_latency(x, false);
		exchange_log_early(x);
		tunnel_start(x);
		return;
	}
	x->state = X_SEND;
	x->server_ops = &h1_server_ops;
	rc = exchange_prepare_request(x);
	if (rc < 0) {
		exchange_fail(x, rc == -ENOSPC ? 431 : 500, CAUSE_PROXY, 'R');
		return;
	}
	rc = x->server_ops->start(x);
	if (rc == -EPROTO)
		return; /* refused and answered */
	if (rc < 0)
		exchange_send_failed(x);
}

/* The server does not take what we send.  It may have answered before it closed: that is read first.  Where nothing of
 * an answer is there, none will come: of a broken connection reading would have told the end, so it was our side that
 * failed, and the request is cut. */
void exchange_send_failed(struct exchange *x)
{
	struct server_conn *sc = x->sc;

	outbuf_free(&x->server_out);
	batch_reset(&proxy_thread()->to_server);
	x->flags |= XF_CLOSE_SERVER | XF_SEND_BROKEN;
	sc->conn.flags |= CONN_READABLE;
	x->server_ops->read(x);
	if (x->sc == sc && x->state == X_SEND && !(x->flags & XF_SUSPENDED))
		exchange_server_gone(x);
}
