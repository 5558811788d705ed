/* Names, addresses, counts and the request in log lines (HAProxy's manual, section 8.2.6). */
#include <unistd.h>

#include "ballast/net/listener.h"
#include "ballast/proxy/log.h"
#include "internal.h"
#include "log_private.h"
#include "persist.h"

#define VAR(name, value) \
	static void name(struct sample_ctx *ctx, unsigned flags, struct strbuf *out) \
	{ \
		const struct exchange *x = log_exchange(ctx); \
		(void)flags, (void)x; \
		value; \
	}

/* ---- addresses ---- */

static void add_ip(struct strbuf *out, const union addr *a, unsigned flags)
{
	char text[ADDR_TEXT_MAX];
	const uint8_t *at = a->family == AF_INET6 ? a->v6.sin6_addr.s6_addr : (const uint8_t *)&a->v4.sin_addr;
	unsigned len = a->family == AF_INET6 ? 16 : 4;

	if (!(flags & FORMAT_HEX) || a->family == AF_UNSPEC) {
		strbuf_add(out, addr_ip_text(a, text));
		return;
	}
	for (unsigned i = 0; i < len; i++)
		strbuf_printf(out, "%02X", at[i]);
}

static void add_port(struct strbuf *out, unsigned port, unsigned flags)
{
	if (flags & FORMAT_HEX)
		strbuf_printf(out, "%04X", port);
	else
		strbuf_u64(out, port);
}

/* In the place of a port that a unix socket does not have: the listener's id (HAProxy's manual, section 8.2.2). */
static unsigned port_or_id(const struct exchange *x, const union addr *a)
{
	const struct listener *l = x->client->listener;
	return a->family == AF_UNSPEC && l ? l->id : addr_port(a);
}

static union addr accepting_address(const struct sample_ctx *ctx)
{
	union addr a = { .family = AF_UNSPEC };

	if (ctx->dst)
		return *ctx->dst;
	if (ctx->client && conn_is_open(ctx->client))
		conn_local_addr(ctx->client, &a);
	return a;
}

/* False: no server was chosen. */
static bool server_address(const struct exchange *x, union addr *a)
{
	const struct server_target *t;

	a->family = AF_UNSPEC;
	if (!x->server)
		return false;
	t = hazard_protect(hazard_own(), (_Atomic(void *) *)&x->server->target);
	if (t && (t->at.sa.sa_family == AF_INET || t->at.sa.sa_family == AF_INET6))
		*a = t->at.ip;
	hazard_clear(hazard_own());
	return true;
}

static void run_accepting_ip(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	union addr a = accepting_address(ctx);
	add_ip(out, &a, flags);
}

static void run_accepting_port(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	union addr a = accepting_address(ctx);
	add_port(out, port_or_id(log_exchange(ctx), &a), flags);
}

static void run_server_ip(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	union addr a;
	if (server_address(log_exchange(ctx), &a))
		add_ip(out, &a, flags);
}

static void run_server_port(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	union addr a;
	if (server_address(log_exchange(ctx), &a))
		add_port(out, addr_port(&a), flags);
}

/* Where the connection to the server comes from; NULL: there was none. */
static const union addr *connecting_address(struct exchange *x)
{
	if (x->sc)
		exchange_note_source(x);
	return x->source;
}

static void run_connecting_ip(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	const union addr *a = connecting_address(log_exchange(ctx));
	if (a)
		add_ip(out, a, flags);
}

static void run_connecting_port(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	const union addr *a = connecting_address(log_exchange(ctx));
	if (a)
		add_port(out, addr_port(a), flags);
}

VAR(run_client_ip, add_ip(out, x->sample.src, flags))
VAR(run_client_port, add_port(out, port_or_id(x, x->sample.src), flags))

/* ---- names and states ---- */

static void add_transport(struct strbuf *out, const struct exchange *x)
{
	strbuf_str(out, x->frontend->name);
	if (x->client->conn.transport)
		strbuf_byte(out, '~');
}

static const char *origin(const struct sample_ctx *ctx, const struct exchange *x)
{
	if (ctx->phase != PHASE_LOG)
		return "unspec";
	if (log_is_early(ctx, x))
		return x->flags & XF_TCP ? "txn_connect" : "txn_response";
	return x->flags & XF_TCP || x->log_request.ptr ? "txn_close" : "sess_error";
}

static void add_state(struct strbuf *out, const struct exchange *x)
{
	strbuf_byte(out, (char)x->cause);
	strbuf_byte(out, x->phase_letter);
}

static void add_known(struct strbuf *out, const char *text)
{
	if (text)
		strbuf_str(out, text);
}

static void add_state_cookies(struct strbuf *out, const struct exchange *x)
{
	add_state(out, x);
	strbuf_byte(out, x->persist ? x->persist->in : '-');
	strbuf_byte(out, x->persist ? x->persist->out : '-');
}

static void add_hostname(struct strbuf *out)
{
	char name[256];
	if (gethostname(name, sizeof name) == 0) {
		name[sizeof name - 1] = '\0';
		strbuf_str(out, name);
	}
}

/* In a health check there is no exchange, but a server. */
static const char *backend_name(const struct sample_ctx *ctx, const struct exchange *x)
{
	const struct server *checked = ctx->server;

	if (!x)
		return checked ? checked->backend->name : "";
	return x->backend ? x->backend->name : x->frontend->name;
}

static const char *server_name(const struct sample_ctx *ctx, const struct exchange *x)
{
	const struct server *s = x ? x->server : ctx->server;

	return s ? s->name : "<NOSRV>";
}

static void run_pid(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	(void)ctx;
	strbuf_printf(out, flags & FORMAT_HEX ? "%04X" : "%u", (unsigned)getpid());
}

static void run_request_id(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	strbuf_printf(out, flags & FORMAT_HEX ? "%04X" : "%u", (unsigned)log_exchange(ctx)->id);
}

VAR(run_frontend, strbuf_str(out, x->frontend->name))
VAR(run_frontend_transport, add_transport(out, x))
VAR(run_backend, strbuf_str(out, backend_name(ctx, x)))
VAR(run_server, strbuf_str(out, server_name(ctx, x)))
VAR(run_origin, strbuf_str(out, origin(ctx, x)))
VAR(run_hostname, add_hostname(out))
VAR(run_tls_cipher, add_known(out, tls_cipher_name(&x->client->conn)))
VAR(run_tls_version, add_known(out, tls_version_name(&x->client->conn)))
VAR(run_unique_id, (void)x; strbuf_add(out, exchange_unique_id(ctx->exchange)))
VAR(run_state, add_state(out, x))
VAR(run_state_cookies, add_state_cookies(out, x))

/* ---- counts ---- */

static void add_bytes(struct sample_ctx *ctx, const struct exchange *x, struct strbuf *out, uint64_t n)
{
	if (log_is_early(ctx, x))
		strbuf_byte(out, '+');
	strbuf_u64(out, n);
}

static void add_status(struct strbuf *out, const struct exchange *x)
{
	if (x->status || x->flags & XF_TCP)
		strbuf_u64(out, x->status);
	else
		strbuf_str(out, "-1");
}

static int64_t backend_connections(const struct backend *b)
{
	return b && b->counters ? counters_current(b->counters, sizeof *b->counters, b->threads) : 0;
}

static void add_retries(struct strbuf *out, const struct exchange *x)
{
	if (x->flags & XF_REDISPATCHED)
		strbuf_byte(out, '+');
	strbuf_u64(out, x->retries);
}

VAR(run_bytes_out, add_bytes(ctx, x, out, x->bytes_out))
VAR(run_bytes_in, add_bytes(ctx, x, out, x->bytes_in))
VAR(run_status, add_status(out, x))
VAR(run_process_connections, strbuf_u64(out, frontend_process_connections()))
VAR(run_frontend_connections,
	strbuf_u64(out, atomic_load_explicit(&x->frontend->live->connections, memory_order_relaxed)))
VAR(run_backend_connections, strbuf_i64(out, backend_connections(x->backend)))
VAR(run_server_connections, strbuf_u64(out, x->server ? server_served(x->server) : 0))
VAR(run_retries, add_retries(out, x))
VAR(run_server_queue, strbuf_u64(out, x->queue_server))
VAR(run_backend_queue, strbuf_u64(out, x->queue_backend))
VAR(run_log_count,
	strbuf_printf(out, flags &FORMAT_HEX ? "%04lX" : "%lu", (unsigned long)frontend_log_count(x->frontend)))

/* ---- the request, as it came ---- */

static void add_or_bad(struct strbuf *out, const struct exchange *x, struct slice text)
{
	strbuf_add(out, x->log_request.ptr ? text : SLICE("<BADREQ>"));
}

static struct slice before_query(struct slice target)
{
	ptrdiff_t mark = slice_find_byte(target, '?');
	return mark < 0 ? target : slice_of(target.ptr, (size_t)mark);
}

static struct slice query_with_mark(struct slice target)
{
	ptrdiff_t mark = slice_find_byte(target, '?');
	return mark < 0 ? SLICE("") : slice_skip(target, (size_t)mark);
}

/* Without scheme and authority. */
static struct slice path_only(struct slice target)
{
	struct slice path = before_query(target);
	const char *mark = path.len && path.ptr[0] != '/' ? memmem(path.ptr, path.len, "://", 3) : NULL;
	ptrdiff_t slash;

	if (!mark)
		return path;
	path = slice_skip(path, (size_t)(mark - path.ptr) + 3);
	slash = slice_find_byte(path, '/');
	return slash < 0 ? SLICE("/") : slice_skip(path, (size_t)slash);
}

struct slice log_version(struct slice request)
{
	const char *space = request.len ? memrchr(request.ptr, ' ', request.len) : NULL;
	return space ? slice_skip(request, (size_t)(space - request.ptr) + 1) : SLICE("");
}

VAR(run_request_line, add_or_bad(out, x, x->log_request))
VAR(run_method, add_or_bad(out, x, x->log_method))
VAR(run_uri, add_or_bad(out, x, x->log_target))
VAR(run_uri_path, add_or_bad(out, x, before_query(x->log_target)))
VAR(run_path, add_or_bad(out, x, path_only(x->log_target)))
VAR(run_query, add_or_bad(out, x, query_with_mark(x->log_target)))
VAR(run_version, add_or_bad(out, x, log_version(x->log_request)))

const struct log_var_row log_vars[] = {
	{ "ci", LOG_VAR_TEXT, LOG_ANY, false, run_client_ip, "client's address" },
	{ "cp", LOG_VAR_PLAIN, LOG_ANY, false, run_client_port, "client's port" },
	{ "fi", LOG_VAR_TEXT, LOG_ANY, false, run_accepting_ip, "address that the client connected to" },
	{ "fp", LOG_VAR_PLAIN, LOG_ANY, false, run_accepting_port, "port that the client connected to" },
	{ "bi", LOG_VAR_TEXT | LOG_VAR_PASSING, LOG_ANY, false, run_connecting_ip,
		"address that the connection to the server comes from" },
	{ "bp", LOG_VAR_PLAIN | LOG_VAR_PASSING, LOG_ANY, false, run_connecting_port,
		"port that the connection to the server comes from" },
	{ "si", LOG_VAR_TEXT, LOG_ANY, false, run_server_ip, "server's address" },
	{ "sp", LOG_VAR_PLAIN, LOG_ANY, false, run_server_port, "server's port" },
	{ "f", LOG_VAR_TEXT, LOG_ANY, false, run_frontend, "frontend's name" },
	{ "ft", LOG_VAR_TEXT, LOG_ANY, false, run_frontend_transport, "frontend's name, with '~' behind it over TLS" },
	{ "b", LOG_VAR_TEXT, LOG_ANY | PHASE_CHECK, false, run_backend,
		"backend's name; the frontend's where none was chosen" },
	{ "s", LOG_VAR_TEXT, LOG_ANY | PHASE_CHECK, false, run_server, "server's name, or <NOSRV>" },
	{ "ts", LOG_VAR_PLAIN, LOG_ANY, false, run_state, "termination state, two letters" },
	{ "tsc", LOG_VAR_PLAIN, LOG_ANY, true, run_state_cookies, "termination state and what became of the cookie" },
	{ "B", LOG_VAR_PLAIN, LOG_ANY, false, run_bytes_out, "bytes to the client" },
	{ "U", LOG_VAR_PLAIN, LOG_ANY, false, run_bytes_in, "bytes from the client" },
	{ "ST", LOG_VAR_PLAIN, LOG_ANY, false, run_status, "status of the response" },
	{ "ac", LOG_VAR_PLAIN, LOG_ANY, false, run_process_connections, "connections of the process" },
	{ "fc", LOG_VAR_PLAIN, LOG_ANY, false, run_frontend_connections, "connections of the frontend" },
	{ "bc", LOG_VAR_PLAIN, LOG_ANY, false, run_backend_connections, "requests that the backend has" },
	{ "sc", LOG_VAR_PLAIN, LOG_ANY, false, run_server_connections, "requests that the server has" },
	{ "rc", LOG_VAR_PLAIN, LOG_ANY, false, run_retries, "retries; '+' before it after a redispatch" },
	{ "sq", LOG_VAR_PLAIN, LOG_ANY, false, run_server_queue, "requests before this one in the server's queue" },
	{ "bq", LOG_VAR_PLAIN, LOG_ANY, false, run_backend_queue, "requests before this one in the backend's queue" },
	{ "lc", LOG_VAR_PLAIN, LOG_ANY, false, run_log_count, "lines that the frontend logged before" },
	{ "rt", LOG_VAR_PLAIN, LOG_ANY, false, run_request_id, "number of the request or session" },
	{ "ID", LOG_VAR_TEXT, LOG_ANY, false, run_unique_id, "unique id of the request" },
	{ "pid", LOG_VAR_PLAIN, LOG_ANY | PHASE_CHECK, false, run_pid, "number of the process" },
	{ "H", LOG_VAR_TEXT, LOG_ANY | PHASE_CHECK, false, run_hostname, "name of this host" },
	{ "sslc", LOG_VAR_TEXT, LOG_ANY, false, run_tls_cipher, "cipher of the client's TLS" },
	{ "sslv", LOG_VAR_TEXT, LOG_ANY, false, run_tls_version, "version of the client's TLS" },
	{ "OG", LOG_VAR_TEXT, LOG_ANY, false, run_origin, "what made this line be logged" },
	{ "r", LOG_VAR_TEXT, LOG_ANY, true, run_request_line, "request line, or <BADREQ>" },
	{ "HM", LOG_VAR_TEXT, LOG_ANY, true, run_method, "method of the request" },
	{ "HU", LOG_VAR_TEXT, LOG_ANY, true, run_uri, "URI of the request" },
	{ "HP", LOG_VAR_TEXT, LOG_ANY, true, run_uri_path, "URI of the request without its query" },
	{ "HPO", LOG_VAR_TEXT, LOG_ANY, true, run_path, "path of the request, without host and query" },
	{ "HQ", LOG_VAR_LIST, LOG_ANY, true, run_query, "query of the request, with its '?'" },
	{ "HV", LOG_VAR_TEXT, LOG_ANY, true, run_version, "version of HTTP" },
};
const unsigned log_var_count = sizeof log_vars / sizeof log_vars[0];
