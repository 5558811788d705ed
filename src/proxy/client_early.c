/* What comes before a client's first request: a PROXY header, its TLS handshake.
 *
 * The client has no exchange yet, and its conn's `ready` and timer are these until it is through.  What fails here is
 * logged as HAProxy does (its manual, section 8.2.5), counted, and closed.
 */
#include <stdlib.h>

#include "ballast/net/listener.h"
#include "ballast/net/proxy_protocol.h"
#include "internal.h"
#include "log_private.h"

static uint32_t early_ms(const struct frontend *f)
{
	const struct frontend_settings *set = &f->set;
	bool http = f->mode == MODE_HTTP && set->has_timeout_http_request;
	return http ? set->timeout_http_request_ms : set->timeout_client_ms;
}

/* "127.0.0.1:56059 [03/Dec/2012:17:35:10.380] web/1: Timeout during SSL handshake" */
static void log_early(struct client *c, const char *what)
{
	const struct frontend *f = c->frontend;
	char text[512], peer[ADDR_TEXT_MAX], number[16];
	const char *name = c->listener->name;
	struct strbuf line;

	if (!log_wanted(&f->log, LOG_L_INFO))
		return;
	snprintf(number, sizeof number, "%u", c->listener->id);
	strbuf_init_fixed(&line, text, sizeof text);
	strbuf_add(&line, addr_ip_text(&c->peer, peer));
	strbuf_printf(&line, ":%u [", c->peer.family == AF_UNSPEC ? c->listener->id : addr_port(&c->peer));
	log_add_date(&line, c->since_ns);
	strbuf_printf(&line, "] %s/%s: %s", f->name, name ? name : number, what);
	log_send(&f->log, LOG_L_INFO, strbuf_slice(&line));
}

static void early_failed(struct client *c, const char *what)
{
	if (!(c->frontend->set.dontlog_null && !(c->flags & CLIENT_SENT_BYTES)))
		log_early(c, what);
	count_add(frontend_counters(c->frontend), COUNT_ERR_REQ, 1);
	client_close(c, false);
}

static void early_done(struct client *c)
{
	client_timer(c, 0);
	client_begin(c); /* which may close it */
}

static void begin_handshake(struct client *c);

/* ---- the PROXY header ---- */

static const char *proxy_fault(ssize_t error)
{
	switch (error) {
	case -EPROTO: return "Received something which does not look like a PROXY protocol header";
	case -EPROTONOSUPPORT: return "Received an unhandled protocol in the PROXY protocol header";
	default: return "Received an invalid PROXY protocol header";
	}
}

static bool take_addresses(struct client *c, const struct proxy_header *h)
{
	if (!h->has_addresses)
		return true;
	c->dst = malloc(sizeof *c->dst);
	if (!c->dst)
		return false;
	*c->dst = h->dst;
	c->peer = h->src;
	return true;
}

/* Looks before it takes, since not a byte behind the header may be taken. */
static void read_proxy_header(struct client *c)
{
	char *at = conn_scratch();
	struct proxy_header h;
	ssize_t n = recv(c->conn.watch.fd, at, PROXY_V2_BYTES_MAX, MSG_PEEK), used;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		early_failed(c, n ? "Connection error while waiting for PROXY protocol header"
				  : "Connection closed while waiting for PROXY protocol header");
		return;
	}
	used = proxy_parse(at, (size_t)n, &h);
	if (used == 0 && c->conn.flags & CONN_PEER_ENDED)
		early_failed(c, "Truncated PROXY protocol header received");
	if (used == 0)
		return;
	if (used < 0) {
		early_failed(c, proxy_fault(used));
		return;
	}
	if (recv(c->conn.watch.fd, at, (size_t)used, 0) != used || !take_addresses(c, &h)) {
		client_close(c, true);
		return;
	}
	c->flags &= ~(uint32_t)CLIENT_WAITS_FOR_PROXY;
	if (c->listener->tls)
		begin_handshake(c);
	else
		early_done(c);
}

/* ---- TLS ---- */

static void handshake(struct client *c)
{
	int rc = c->conn.transport->handshake(&c->conn);
	char text[256];

	if (rc == -EAGAIN) {
		client_watch(c);
		return;
	}
	if (rc < 0) {
		early_failed(c, tls_failure(&c->conn, text, sizeof text));
		return;
	}
	c->handshake_ns = loop_self->now_ns;
	early_done(c);
}

static void early_ready(struct watch *w, unsigned bits)
{
	struct client *c = (struct client *)w;

	conn_note(&c->conn, bits);
	if (bits & LOOP_READ)
		c->flags |= CLIENT_SENT_BYTES;
	if (c->flags & CLIENT_WAITS_FOR_PROXY)
		read_proxy_header(c);
	else
		handshake(c);
}

static void early_timer(struct timer *t)
{
	struct client *c = container_of(t, struct client, timer);
	early_failed(c, c->flags & CLIENT_WAITS_FOR_PROXY ? "Timeout while waiting for PROXY protocol header"
							  : "Timeout during SSL handshake");
}

static void begin_handshake(struct client *c)
{
	if (tls_accept(&c->conn, c->listener->tls)) { /* memory is out, or maxsslconn is reached */
		client_close(c, true);
		return;
	}
	if (c->conn.flags & CONN_READABLE && !(c->conn.flags & CONN_UNWATCHED))
		handshake(c);
}

/* The first bytes are seldom there yet: waits for them. */
void client_begin_early(struct client *c)
{
	c->conn.watch.ready = early_ready;
	timer_init(&c->timer, early_timer);
	client_timer(c, early_ms(c->frontend));
	if (!(c->flags & CLIENT_WAITS_FOR_PROXY))
		begin_handshake(c);
	if (!(c->flags & CLIENT_CLOSED))
		client_watch(c);
}
