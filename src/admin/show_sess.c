/* `show sess`, `shutdown session`, `shutdown sessions server`: the exchanges of all threads.
 *
 * An exchange belongs to its thread, so each thread is asked in turn: it writes its exchanges into the tour's text, or
 * ends those that are meant.  HAProxy names a stream by an address; an exchange is named by its number.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/clock.h"
#include "ballast/net/listener.h"
#include "ballast/proxy/exchange.h"
#include "internal.h"
#include "value.h"

struct chosen { /* which exchanges are meant; all of these conditions hold */
	bool by_id;
	uint64_t id;
	const struct frontend *frontend;
	const struct backend *backend;
	const struct server *server;
	uint32_t older_ms;
};

struct sess {
	struct tour tour;
	struct chosen chosen;
	bool large, uri;
	struct strbuf text;
	uint64_t found;
};

static bool is_chosen(const struct chosen *k, const struct exchange *x)
{
	if (k->by_id && x->id != k->id)
		return false;
	if ((k->frontend && x->frontend != k->frontend) || (k->backend && x->backend != k->backend))
		return false;
	if (k->server && x->server != k->server)
		return false;
	return loop_self->now_ns - x->t_accept >= (uint64_t)k->older_ms * 1000000;
}

/* --- written --- */

static void write_peer(struct strbuf *to, const union addr *peer, const char *label)
{
	char ip[ADDR_TEXT_MAX];

	if (!peer || peer->family == AF_UNSPEC) {
		strbuf_printf(to, " proto=unix_stream %s=unix", label);
		return;
	}
	addr_ip_text(peer, ip);
	strbuf_printf(to, " proto=%s %s=%s:%u", peer->family == AF_INET6 ? "tcpv6" : "tcpv4", label, ip,
		addr_port(peer));
}

/* "5s", or nothing where no timer runs. */
static void write_expiry(struct strbuf *to, const struct timer *t)
{
	if (t->due_ms)
		strbuf_printf(to, "%" PRIu64 "s",
			t->due_ms > loop_self->now_ms ? (t->due_ms - loop_self->now_ms) / 1000 : 0);
}

static unsigned age_s(const struct exchange *x)
{
	return (unsigned)((loop_self->now_ns - x->t_accept) / 1000000000);
}

static void write_uri(struct strbuf *to, const struct exchange *x)
{
	strbuf_str(to, " uri=\"");
	for (size_t i = 0; i < x->log_request.len; i++) {
		unsigned char c = (unsigned char)x->log_request.ptr[i];
		if (c < ' ' || c == 127 || c == '"')
			strbuf_printf(to, "\\x%02x", c);
		else
			strbuf_byte(to, (char)c);
	}
	strbuf_byte(to, '"');
}

/* One line, of the fields that scripts look for. */
static void write_short(struct sess *q, const struct exchange *x)
{
	struct strbuf *to = &q->text;

	strbuf_printf(to, "0x%" PRIx64 ":", x->id);
	write_peer(to, x->sample.src, "src");
	strbuf_printf(to,
		" fe=%s be=%s srv=%s st=%s age=%us rq[i=%" PRIu64 "] rp[o=%" PRIu64 "] exp=", x->frontend->name,
		x->backend ? x->backend->name : "<NONE>", x->server ? x->server->name : "<none>",
		exchange_state_name(x->state), age_s(x), x->bytes_in, x->bytes_out);
	write_expiry(to, &x->timer);
	strbuf_printf(to, " rc=%u", x->retries);
	if (q->uri && x->log_request.len)
		write_uri(to, x);
	strbuf_byte(to, '\n');
}

static void write_conn(struct strbuf *to, const char *label, const struct conn *c)
{
	struct endpoint local = { .fd = -1 }, peer = { .fd = -1 };
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

	if (!conn_is_open(c))
		return;
	conn_local_addr(c, &local.ip);
	conn_peer_addr(c, &peer.ip);
	local.len = addr_len(&local.ip);
	peer.len = addr_len(&peer.ip);
	strbuf_printf(to, "  %s: fd=%d flags=0x%x local=%s peer=%s transport=%s\n", label, c->watch.fd, c->flags,
		local.len ? endpoint_text(&local, a).ptr : "unix", peer.len ? endpoint_text(&peer, b).ptr : "unix",
		c->transport ? c->transport->name : "RAW");
}

static void write_sides(struct sess *q, const struct exchange *x)
{
	struct strbuf *to = &q->text;

	strbuf_printf(to, "  frontend=%s (id=%u mode=%s)\n", x->frontend->name, x->frontend->id,
		x->frontend->mode == MODE_HTTP ? "http" : "tcp");
	if (x->backend)
		strbuf_printf(to, "  backend=%s (id=%u mode=%s)\n", x->backend->name, x->backend->id,
			x->backend->mode == MODE_HTTP ? "http" : "tcp");
	else
		strbuf_str(to, "  backend=<NONE> (id=-1 mode=-)\n");
	if (x->server)
		strbuf_printf(to, "  server=%s (id=%u)\n", x->server->name, x->server->id);
	else
		strbuf_str(to, "  server=<NONE> (id=-1)\n");
	if (x->sample.client)
		write_conn(to, "client", x->sample.client);
	if (x->sc)
		write_conn(to, "server", &x->sc->conn);
}

static void write_large(struct sess *q, const struct exchange *x)
{
	struct strbuf *to = &q->text;

	strbuf_printf(to, "0x%" PRIx64 ": ", x->id);
	value_print_date(to, x->accept_wall_us, 6);
	strbuf_printf(to, " id=%" PRIu64, x->id);
	write_peer(to, x->sample.src, "source");
	strbuf_printf(to, "\n  flags=0x%x, conn_retries=%u, state=%s, cause=%c%c, thread=%u age=%us exp=", x->flags,
		x->retries, exchange_state_name(x->state), x->cause, x->phase_letter, loop_self->index + 1, age_s(x));
	write_expiry(to, &x->timer);
	strbuf_byte(to, '\n');
	write_sides(q, x);
	strbuf_printf(to, "  request: in=%" PRIu64 " held=%u waiting=%zu\n  response: status=%u out=%" PRIu64 "\n",
		x->bytes_in, x->head_end, x->server_out.bytes, x->status, x->bytes_out);
	if (x->log_request.len) {
		strbuf_byte(to, ' ');
		write_uri(to, x);
		strbuf_byte(to, '\n');
	}
}

static void visit_to_show(struct tour *t)
{
	struct sess *q = container_of(t, struct sess, tour);

	list_for_each(it, exchange_list()) {
		const struct exchange *x = list_entry(it, struct exchange, link);
		if (!is_chosen(&q->chosen, x))
			continue;
		q->found++;
		if (q->large)
			write_large(q, x);
		else
			write_short(q, x);
	}
}

/* A session of the stats sockets, the asker's own among them, in the words of an exchange. */
static void write_admin_session(struct sess *q, const struct admin_session *s)
{
	uint64_t age_us = clock_wall_us() - s->since_us;
	struct strbuf *to = &q->text;

	if (age_us < (uint64_t)q->chosen.older_ms * 1000)
		return;
	strbuf_printf(to, "%p:", (const void *)s);
	if (!q->large) {
		write_peer(to, &s->peer, "src");
		strbuf_printf(to, " fe=GLOBAL be=<NONE> srv=<none> st=command age=%us rq[i=0] rp[o=0] exp= rc=0\n",
			(unsigned)(age_us / 1000000));
		return;
	}
	strbuf_byte(to, ' ');
	value_print_date(to, s->since_us, 6);
	write_peer(to, &s->peer, "source");
	strbuf_str(to,
		"\n  frontend=GLOBAL (id=0 mode=cli)\n  backend=<NONE> (id=-1 mode=-)\n  server=<NONE> (id=-1)\n");
	write_conn(to, "client", &s->conn);
}

static void write_admin_sessions(struct sess *q, const struct admin *a)
{
	const struct chosen *k = &q->chosen;

	if (k->by_id || k->frontend || k->backend || k->server)
		return;
	list_for_each(it, &a->sessions)
		write_admin_session(q, list_entry(it, const struct admin_session, link));
}

static void done_showing(struct tour *t)
{
	struct sess *q = container_of(t, struct sess, tour);

	write_admin_sessions(q, t->session->admin);
	if (q->text.incomplete)
		command_out(t->session)->incomplete = true;
	strbuf_add(command_out(t->session), strbuf_slice(&q->text));
	if (q->chosen.by_id && !q->found)
		command_say(t->session, "Session not found.");
}

static void free_sess(struct tour *t)
{
	struct sess *q = container_of(t, struct sess, tour);

	strbuf_free(&q->text);
	free(q);
}

/* The listing that `show sess` and the ending that `shutdown` begin with. */
static struct sess *new_sess(struct admin_session *s, void (*visit)(struct tour *), void (*done)(struct tour *))
{
	struct sess *q = calloc(1, sizeof *q);

	if (!q) {
		command_say(s, "Out of memory.");
		return NULL;
	}
	strbuf_init(&q->text);
	q->tour.visit = visit;
	q->tour.done = done;
	q->tour.free = free_sess;
	return q;
}

/* --- what is asked for --- */

static bool parse_id(const char *word, uint64_t *id)
{
	char *end;

	*id = strtoull(word, &end, 0);
	return *word >= '0' && *word <= '9' && !*end;
}

static void show_sess_help(struct admin_session *s)
{
	command_say(s, "Usage: show sess [<id> | all | help] [<options>*]");
	command_say(s, "Lists requests under way and TCP sessions:");
	command_say(s, "   <id>         only this one (0x...), in large format");
	command_say(s, "   all          all that match, in large format");
	command_say(s, "   help         displays this");
	command_say(s, "Available options:");
	command_say(s, "   show-uri     also the request line, where it is known");
	command_say(s, "   older <age>  only those older than <age> (seconds without a unit)");
	command_say(s, "   server <b/s> only those given to this server");
	command_say(s, "   backend <b>  only those in this backend");
	command_say(s, "   frontend <f> only those that came through this frontend");
}

static bool parse_age(struct admin_session *s, const char *word, uint32_t *ms)
{
	struct token t = { word, strlen(word), { 0 } };
	struct diag d;
	int err;

	diag_init(&d);
	err = !t.len || token_time_ms(&t, "age", "s", ms, &d);
	diag_free(&d);
	if (err)
		command_say(s, "Expects a minimum age (in seconds by default).");
	return !err;
}

/* One option with its value; the number of words, 0 after an answer. */
static int parse_option(struct admin_session *s, struct sess *q, char **args)
{
	if (!strcmp(args[0], "show-uri")) {
		q->uri = true;
		return 1;
	}
	if (!strcmp(args[0], "older"))
		return parse_age(s, args[1], &q->chosen.older_ms) ? 2 : 0;
	if (!strcmp(args[0], "server"))
		return (q->chosen.server = find_server(s, args[1])) ? 2 : 0;
	if (!strcmp(args[0], "frontend"))
		return (q->chosen.frontend = find_frontend(s, args[1])) ? 2 : 0;
	if (!strcmp(args[0], "backend"))
		return (q->chosen.backend = find_backend(s, args[1])) ? 2 : 0;
	command_say(s, "Unsupported option '%s', try 'help' for more info.", args[0]);
	return 0;
}

static bool parse_show_sess(struct admin_session *s, struct sess *q, char **args, int count)
{
	int at = 0, words;

	if (count && !strcmp(args[0], "all")) {
		q->large = true;
		at = 1;
	} else if (count && parse_id(args[0], &q->chosen.id)) {
		q->chosen.by_id = q->large = true;
		at = 1;
	}
	for (; at < count; at += words) {
		words = parse_option(s, q, args + at);
		if (!words)
			return false;
	}
	return true;
}

static void run_show_sess(struct admin_session *s, char **args, int count)
{
	struct sess *q;

	if (count && !strcmp(args[0], "help")) {
		show_sess_help(s);
		return;
	}
	q = new_sess(s, visit_to_show, done_showing);
	if (!q)
		return;
	if (parse_show_sess(s, q, args, count))
		tour_start(&q->tour, s);
	else
		free_sess(&q->tour);
}

/* --- ended --- */

static bool is_to_end(const struct exchange *x, const void *chosen)
{
	return is_chosen(chosen, x);
}

static void visit_to_end(struct tour *t)
{
	struct sess *q = container_of(t, struct sess, tour);

	q->found += exchange_kill_where(is_to_end, &q->chosen, CAUSE_KILLED);
	t->stop = q->chosen.by_id && q->found;
}

static void done_ending(struct tour *t)
{
	struct sess *q = container_of(t, struct sess, tour);

	if (q->chosen.by_id && !q->found)
		command_say(t->session, "No such session (use 'show sess').");
}

static void run_shutdown_session(struct admin_session *s, char **args, int count)
{
	struct sess *q;
	uint64_t id;

	(void)count;
	if (!parse_id(args[0], &id)) {
		command_say(s, "Session pointer expected (use 'show sess').");
		return;
	}
	q = new_sess(s, visit_to_end, done_ending);
	if (!q)
		return;
	q->chosen.by_id = true;
	q->chosen.id = id;
	tour_start(&q->tour, s);
}

static void run_shutdown_sessions(struct admin_session *s, char **args, int count)
{
	struct server *server = find_server(s, args[0]);
	struct sess *q = server ? new_sess(s, visit_to_end, done_ending) : NULL;

	(void)count;
	if (!q)
		return;
	q->chosen.server = server;
	tour_start(&q->tour, s);
}

static const struct command_row rows[] = {
	{ { "show", "sess" }, "[help|<id>|all] [opts...]", "report the list of requests and sessions, or one of them",
		LEVEL_OPERATOR, run_show_sess },
	{ { "shutdown", "session" }, "<id>", "end this request or session", LEVEL_ADMIN, run_shutdown_session },
	{ { "shutdown", "sessions", "server" }, "<bk>/<srv>", "end all requests and sessions on a server", LEVEL_ADMIN,
		run_shutdown_sessions },
};
const struct command_table exchange_commands = { rows, sizeof rows / sizeof *rows };
