/* check_connect: the connections that a check opens, or takes from the server's pool.
 *
 * By default a server that is checked at its own address is checked as it is used: over TLS, behind a PROXY header.
 * A connection that was written down (`tcp-check connect`) has what its line says, and only with `default` what the
 * server says too.
 */
#include <errno.h>

#include "ballast/net/proxy_protocol.h"
#include "ballast/sample/expr.h"
#include "check_private.h"
#include "internal.h"

void check_run_disconnect(struct check_run *run, bool passed)
{
	struct check *c = run->check;
	bool plain = !run->script->http && !run->conn->transport;

	if (run->pooled) {
		if (passed && run->reusable)
			server_conn_put(run->pooled);
		else
			server_conn_drop(run->pooled, false);
		run->pooled = NULL;
		run->conn = &c->conn;
		return;
	}
	/* A reset spares both sides the waiting states where nothing more is to be said. */
	if (passed && plain && !run->linger)
		conn_reset(&c->conn);
	else
		conn_close(&c->conn);
	server_source_port_give(c->server, &c->source_port);
}

/* --- how it failed --- */

/* What the network said is the server's fault; what this machine lacks is not. */
static enum check_status status_of(int err)
{
	switch (-err) {
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
	case ENOENT: /* no such unix socket */ return CHECK_L4CON;
	default: return CHECK_SOCKERR;
	}
}

static enum step_state fail(struct check_run *run, int err, struct check_result *r)
{
	char text[CHECK_TEXT_MAX];

	if (run->connected)
		check_result_set(r, CHECK_L6RSP, tls_failure(run->conn, text, sizeof text));
	else
		check_result_set(r, status_of(err), strerror(-err));
	r->own_lack = check_is_own_lack(err);
	check_run_tell_step(run, r);
	return STEP_FAILED;
}

/* --- where to --- */

static int port_of(struct check_run *run, const struct check_connect *to, uint16_t *port)
{
	struct sample_ctx ctx = check_run_context(run, NULL);
	struct sample s;

	*port = to->port;
	if (!to->port_expr)
		return 0;
	if (!expr_eval(to->port_expr, &ctx, SAMPLE_INT, &s) || s.num < 1 || s.num > 65535)
		return -EADDRNOTAVAIL;
	*port = (uint16_t)s.num;
	return 0;
}

static int target_of(struct check_run *run, const struct check_connect *to, struct endpoint *at)
{
	uint16_t port, given;
	int err = port_of(run, to, &given);

	if (!err)
		err = run->check->role->target(run->check, at);
	if (err)
		return err;
	port = at->sa.sa_family == AF_UNIX ? 0 : addr_port(&at->ip);
	if (to->addr.len)
		*at = to->addr;
	if (at->sa.sa_family == AF_UNIX)
		return 0;
	if (given)
		addr_set_port(&at->ip, given);
	else if (!addr_port(&at->ip))
		addr_set_port(&at->ip, port);
	return addr_port(&at->ip) ? 0 : -EADDRNOTAVAIL;
}

/* --- opening --- */

static void go_on(struct check *c)
{
	struct check_result r = { 0 };

	if (check_run_go(c->run, &r))
		check_finish(c, &r);
}

static void own_ready(struct watch *w, unsigned bits)
{
	struct check *c = container_of(w, struct check, conn.watch);

	conn_note(&c->conn, bits);
	go_on(c);
}

static void pooled_ready(struct watch *w, unsigned bits)
{
	struct server_conn *sc = container_of(w, struct server_conn, conn.watch);

	conn_note(&sc->conn, bits);
	go_on(sc->user);
}

static struct tls_context *tls_for(const struct check *c, const struct check_connect *to)
{
	const struct server *s = c->server;

	if (!c->role->of_server)
		return NULL;
	if (to->tls)
		return s->forced_tls;
	return to->use_default ? s->check_tls : NULL;
}

static int open_own(struct check_run *run, const struct check_connect *to)
{
	struct check *c = run->check;
	struct server *s = c->server;
	struct tls_context *tls = tls_for(c, to);
	struct conn_options o;
	struct endpoint at = { 0 };
	int err = target_of(run, to, &at);

	if (err)
		return err;
	server_connect_options(s, &o, &c->source_port);
	err = conn_connect(&c->conn, &at, &o, own_ready);
	if (!err && tls) {
		const char *sni = to->sni || !to->use_default ? to->sni : s->check_sni;
		const char *alpn = to->alpn ? to->alpn : s->check_alpn;
		err = tls_connect(&c->conn, tls, sni);
		if (!err && alpn)
			err = tls_offer(&c->conn, alpn);
	}
	return err;
}

static bool is_at_own_place(struct server *s)
{
	bool own;

	pthread_mutex_lock(&s->backend->lock);
	own = !s->has_check_port && !s->check_addr.len;
	pthread_mutex_unlock(&s->backend->lock);
	return own;
}

/* check-reuse-pool: where nothing was said about how checks connect. */
static bool may_use_pool(const struct check_run *run, const struct check_step *step)
{
	const struct server *s = run->check->server;

	return s->check_reuse && run->script->http && step->implied && is_at_own_place(run->check->server) &&
	       !s->send_proxy && !s->check_send_proxy && s->check_tls == s->tls && !s->check_alpn;
}

static int open_pooled(struct check_run *run)
{
	struct check *c = run->check;
	struct server *s = c->server;
	const char *name = s->tls ? s->check_sni : NULL;
	int err = 0;

	if (!run->fresh)
		run->pooled = server_conn_take_named(s, name, pooled_ready, c);
	run->reused = run->pooled != NULL;
	if (!run->pooled)
		run->pooled = server_conn_open(s, NULL, pooled_ready, c, &err);
	if (!run->pooled)
		return err;
	run->conn = &run->pooled->conn;
	return s->tls && !run->reused ? server_conn_secure(run->pooled, name) : 0;
}

/* --- until it stands --- */

/* Version 1 cannot say that nobody is behind this connection: it names the connection's own ends. */
static int send_proxy_header(const struct check *c, unsigned version)
{
	char text[PROXY_WRITE_BYTES];
	union addr own, peer;
	size_t len;

	conn_local_addr(&c->conn, &own);
	conn_peer_addr(&c->conn, &peer);
	len = proxy_write(text, version, &own, &peer, SLICE(""), true);
	return send(c->conn.watch.fd, text, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -ECONNRESET;
}

static unsigned proxy_version(const struct check *c, const struct check_connect *to)
{
	const struct server *s = c->server;

	if (!c->role->of_server)
		return 0;
	if (to->send_proxy)
		return s->send_proxy ? s->send_proxy : 1;
	return to->use_default ? s->check_send_proxy : 0;
}

/* Once TCP stands the PROXY header goes before everything else, even a handshake. */
static int finish(struct check_run *run, const struct check_connect *to)
{
	bool fresh = !run->connected;
	unsigned version = run->pooled ? 0 : proxy_version(run->check, to);
	int err = conn_finish_tcp(run->conn);

	if (err)
		return err;
	run->connected = true;
	if (fresh && version && (err = send_proxy_header(run->check, version)))
		return err;
	return conn_finish_connect(run->conn);
}

/* Without `timeout check`, inter bounds the whole check; with it each connection has its time, and what follows. */
static void set_deadline(const struct check_run *run, bool stands)
{
	struct check *c = run->check;
	const struct backend_settings *set = &c->server->backend->set;
	uint32_t inter = c->role->inter_ms(c);

	if (!set->timeout_check_ms) {
		if (!timer_armed(&c->deadline))
			loop_timer_set(&c->deadline, inter);
	} else if (stands) {
		loop_timer_set(&c->deadline, set->timeout_check_ms);
	} else {
		loop_timer_set(&c->deadline,
			set->timeout_connect_ms && set->timeout_connect_ms < inter ? set->timeout_connect_ms : inter);
	}
}

enum step_state check_step_connect(struct check_run *run, const struct check_step *step, struct check_result *r)
{
	const struct check_connect *to = &step->connect;
	int err = 0;

	if (!run->begun) {
		run->begun = true;
		check_run_disconnect(run, true);
		check_run_forget(run);
		run->connected = run->ended = false;
		run->linger = to->linger;
		err = may_use_pool(run, step) ? open_pooled(run) : open_own(run, to);
		if (err)
			return fail(run, err, r);
		set_deadline(run, false);
	}
	if (!run->reused)
		err = finish(run, to);
	if (err == -EAGAIN)
		return STEP_WAITS;
	if (err)
		return fail(run, err, r);
	set_deadline(run, true);
	return STEP_DONE;
}
