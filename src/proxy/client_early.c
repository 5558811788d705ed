/* What comes before a client's first request: its TLS handshake.
 *
 * The client has no exchange yet, and its conn's `ready` and timer are these until it is through.  What fails here is
 * logged as HAProxy does (its manual, section 8.2.5), counted, and closed.
 */
#include "ballast/net/listener.h"
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
	client_timer(c, 0);
	client_begin(c);
}

static void early_ready(struct watch *w, unsigned bits)
{
	struct client *c = (struct client *)w;

	conn_note(&c->conn, bits);
	if (bits & LOOP_READ)
		c->flags |= CLIENT_SENT_BYTES;
	handshake(c);
}

static void early_timer(struct timer *t)
{
	early_failed(container_of(t, struct client, timer), "Timeout during SSL handshake");
}

void client_begin_early(struct client *c)
{
	c->conn.watch.ready = early_ready;
	timer_init(&c->timer, early_timer);
	if (tls_accept(&c->conn, c->listener->tls)) { /* memory is out, or maxsslconn is reached */
		client_close(c, true);
		return;
	}
	client_timer(c, early_ms(c->frontend));
	client_watch(c); /* the hello is seldom there yet */
}
