/* A client's connection: accepted, timed, closed. What it speaks is h1_client.c or a plain stream. */
#include <stdlib.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "ballast/event/generation.h"
#include "ballast/net/listener.h"
#include "ballast/sample/var.h"
#include "internal.h"

void client_timer(struct client *c, uint32_t ms)
{
	if (ms)
		loop_timer_set(&c->timer, ms);
	else
		loop_timer_clear(&c->timer);
}

/* ---- connections kept for this client only ---- */

enum { PRIVATE_CONNS_MAX = 5 }; /* HAProxy's max-session-srv-conns */

static void private_drop(struct server_conn *sc)
{
	list_remove(&sc->link);
	server_conn_drop(sc, false);
}

static void private_ready(struct watch *w, unsigned bits)
{
	struct server_conn *sc = (struct server_conn *)w;

	conn_note(&sc->conn, bits);
	/* Over TLS what can be read may be a session for next time. */
	if (!(bits & (LOOP_HUP | LOOP_ERROR)) && sc->conn.transport && conn_is_quiet(&sc->conn))
		return;
	if (bits & (LOOP_READ | LOOP_HUP | LOOP_ERROR)) /* else it only became writable */
		private_drop(sc);
}

void client_keep_private(struct client *c, struct server_conn *sc)
{
	unsigned count = 0;

	sc->server = server_current(sc->server); /* the exchange may be of an older configuration than the next one */
	if (sc->server->retired || !server_conn_reusable(sc)) {
		server_conn_drop(sc, false);
		return;
	}
	sc->user = c;
	sc->conn.watch.ready = private_ready;
	list_push_front(&c->private_conns, &sc->link);
	list_for_each_safe(it, &c->private_conns)
		if (++count > PRIVATE_CONNS_MAX)
			private_drop(list_entry(it, struct server_conn, link));
}

struct server_conn *client_take_private(struct client *c, const struct server *s, const char *name)
{
	list_for_each_safe(it, &c->private_conns) {
		struct server_conn *sc = list_entry(it, struct server_conn, link);
		if (sc->server != s || !server_conn_is_named(sc, name))
			continue;
		if (server_conn_reusable(sc)) {
			list_remove(&sc->link);
			return sc;
		}
		private_drop(sc);
	}
	return NULL;
}

/* ---- watched ---- */

bool client_watch(struct client *c)
{
	if (BL_LIKELY(conn_watch(&c->conn) == 0))
		return true;
	/* the kernel has no memory for it: without events it would hang for ever */
	if (c->exchange)
		exchange_client_gone(c->exchange);
	else
		client_close(c, true);
	return false;
}

/* ---- closed ---- */

/* A socket in repair mode is closed without a packet, which needs CAP_NET_ADMIN; else the packets do not get past the first
 * router. */
void client_forget(struct client *c, int ttl)
{
	int on = 1, hops = ttl ? ttl : 1, fd = c->conn.watch.fd;

	if (fd < 0 || (!ttl && setsockopt(fd, SOL_TCP, TCP_REPAIR, &on, sizeof on) == 0))
		return;
	setsockopt(fd, SOL_IP, IP_TTL, &hops, sizeof hops);
	setsockopt(fd, SOL_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
}

void client_close(struct client *c, bool reset)
{
	struct frontend *f = c->frontend;

	if (c->flags & CLIENT_CLOSED)
		return;
	c->flags |= CLIENT_CLOSED;
	list_for_each_safe(it, &c->private_conns)
		private_drop(list_entry(it, struct server_conn, link));
	loop_timer_clear(&c->timer);
	list_remove(&c->link);
	free(c->dst);
	c->dst = NULL;
	inbuf_free(&c->in);
	outbuf_free(&c->out);
	if (BL_UNLIKELY(c->vars.count))
		var_session_free(&c->vars);
	if (BL_UNLIKELY(c->tracking != NULL)) {
		track_end(c->tracking, loop_self->now_ms);
		free(c->tracking);
		c->tracking = NULL;
	}
	if (reset || f->set.no_linger)
		conn_reset(&c->conn);
	else
		conn_close(&c->conn);
	count_current(frontend_counters(f), -1);
	frontend_connection_closed(f, c->held ? NULL : c->listener);
	generation_leave(c->held);
	loop_free_later(loop_self, &c->conn.watch);
}

/* ---- TCP sessions ---- */

static void tcp_client_ready(struct watch *w, unsigned bits)
{
	struct client *c = (struct client *)w;
	struct exchange *x = c->exchange;

	conn_note(&c->conn, bits);
	if (x && bits & LOOP_ERROR)
		exchange_client_gone(x);
	else if (x && bits & LOOP_HUP)
		exchange_client_ended(x);
	else if (x)
		content_request_event(x);
	client_settle(c);
}

/* Before its server is found the client has no timeout of its own, the queue's and the connect's hold; but where rules
 * wait for its first bytes. */
static void tcp_client_timer(struct timer *t)
{
	struct client *c = container_of(t, struct client, timer);
	struct exchange *x = c->exchange;

	if (x) {
		x->cause = CAUSE_CLIENT_TIMEOUT;
		x->phase_letter = 'R';
		exchange_end(x, true);
	}
	client_settle(c);
}

static size_t tcp_pending(const struct exchange *x)
{
	return x->client->out.bytes;
}

static int tcp_flush(struct exchange *x, bool more)
{
	return outbuf_send(&x->client->out, &x->client->conn, &proxy_thread()->to_client, more);
}

static void tcp_finish(struct exchange *x, bool cut)
{
	client_close(x->client, cut && x->cause != CAUSE_CLIENT_TIMEOUT && x->cause != CAUSE_PROXY && x->tunnel);
}

/* A TCP session has no messages: only what every exchange needs. */
const struct client_ops tcp_client_ops = { .name = "tcp",
	.flush = tcp_flush,
	.pending = tcp_pending,
	.finish = tcp_finish };

static void tcp_begin(struct client *c)
{
	struct exchange *x = exchange_new(c);

	if (!x) {
		client_close(c, true);
		return;
	}
	c->exchange = x;
	x->flags |= XF_TCP | XF_REQUEST_DONE | XF_CLOSE_CLIENT;
	x->sample.now_ms = loop_self->now_ms;
	x->sample.wall_us = loop_self->wall_us;
	x->sample.phase = PHASE_REQUEST;
	if (client_watch(c))
		exchange_run_rules(x);
	client_settle(c);
}

/* ---- accepted ---- */

static void set_options(const struct frontend *f, int fd)
{
	int one = 1;
	if (f->set.tcp_keepalive_client)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

static struct client *client_new(struct frontend *f, struct listener *l, int fd, const union addr *peer)
{
	bool http = f->mode == MODE_HTTP;
	struct client *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->ops = http ? &h1_client_ops : &tcp_client_ops;
	c->listener = l;
	c->frontend = f;
	c->peer = *peer;
	c->since_ns = loop_self->now_ns;
	list_init(&c->private_conns);
	if (l->accept_proxy)
		c->flags |= CLIENT_WAITS_FOR_PROXY;
	conn_open_unwatched(&c->conn, fd, NULL);
	list_push_back(&f->thread[loop_self->index].clients, &c->link);
	return c;
}

void client_begin(struct client *c)
{
	bool http = c->frontend->mode == MODE_HTTP;

	if (BL_UNLIKELY(c->frontend->rules != NULL) && !client_rules(c, c->frontend->rules->of[RULES_TCP_SESSION]))
		return;
	client_count_session(c);
	timer_init(&c->timer, http ? h1_client_timer : tcp_client_timer);
	c->conn.watch.ready = http ? h1_client_ready : tcp_client_ready;
	if (http)
		h1_client_begin(c);
	else
		tcp_begin(c);
}

bool client_accept(struct frontend *f, struct listener *l, int fd, const union addr *peer)
{
	struct client *c = client_new(f, l, fd, peer);

	if (!c)
		return false;
	set_options(f, fd);
	if (BL_UNLIKELY(f->rules != NULL) && !client_rules(c, f->rules->of[RULES_TCP_CONNECTION])) {
		frontend_no_session(f);
		return true;
	}
	count_session(frontend_counters(f), (uint32_t)(loop_self->wall_us / 1000000));
	if (BL_UNLIKELY(l->tls || c->flags & CLIENT_WAITS_FOR_PROXY))
		client_begin_early(c);
	else
		client_begin(c);
	return true;
}

/* One that did not ask for anything yet may have its first request on the way: it is answered, as HAProxy does. */
void client_soft_stop(struct client *c)
{
	if (c->requests && !c->exchange && !c->out.bytes)
		client_close(c, false);
}

void client_hard_stop(struct client *c)
{
	if (!c->exchange)
		client_close(c, false);
}
