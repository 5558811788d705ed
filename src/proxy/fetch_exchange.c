/* Fetches about how the exchange goes: its connections, times, bytes (HAProxy's manual, sections 7.3.2 to 7.3.6). */
#include "ballast/net/listener.h"

#include "fetch.h"
#include "internal.h"
#include "log_private.h"

enum {
	ANY = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG,
	SERVED = PHASE_RESPONSE | PHASE_LOG,
	REQUESTED = PHASE_REQUEST | SERVED,
};

#define FETCH(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		const struct exchange *x = ctx->exchange; \
		(void)args, (void)cursor, (void)x; \
		value; \
	}

/* ---- addresses ---- */

static int set_ip(struct sample *out, const union addr *a)
{
	if (a->family == AF_INET) {
		out->type = SAMPLE_IPV4;
		out->ip4 = a->v4.sin_addr;
		return 0;
	}
	if (a->family != AF_INET6)
		return -ENOENT;
	out->type = SAMPLE_IPV6;
	out->ip6 = a->v6.sin6_addr;
	return 0;
}

static int set_port(struct sample *out, const union addr *a)
{
	return a->family == AF_UNSPEC ? -ENOENT : sample_set_int(out, addr_port(a));
}

/* Of the socket itself, whatever a PROXY header said. */
static bool socket_address(const struct conn *c, bool peer, union addr *out)
{
	socklen_t len = sizeof *out;
	*out = (union addr){ 0 };
	if (!c || c->watch.fd < 0)
		return false;
	struct sockaddr *to = (struct sockaddr *)out;
	return (peer ? getpeername(c->watch.fd, to, &len) : getsockname(c->watch.fd, to, &len)) == 0;
}

static int client_side(struct sample_ctx *ctx, struct sample *out, bool peer,
	int (*set)(struct sample *out, const union addr *a))
{
	union addr a;
	return socket_address(ctx->client, peer, &a) ? set(out, &a) : -ENOENT;
}

static int server_side(const struct exchange *x, struct sample *out, bool peer,
	int (*set)(struct sample *out, const union addr *a))
{
	union addr a;
	return x->sc && socket_address(&x->sc->conn, peer, &a) ? set(out, &a) : -ENOENT;
}

FETCH(run_fc_src, return client_side(ctx, out, true, set_ip))
FETCH(run_fc_src_port, return client_side(ctx, out, true, set_port))
FETCH(run_fc_dst, return client_side(ctx, out, false, set_ip))
FETCH(run_fc_dst_port, return client_side(ctx, out, false, set_port))
FETCH(run_bc_src, return server_side(x, out, false, set_ip))
FETCH(run_bc_src_port, return server_side(x, out, false, set_port))
FETCH(run_bc_dst, return server_side(x, out, true, set_ip))
FETCH(run_bc_dst_port, return server_side(x, out, true, set_port))

/* ---- connections ---- */

FETCH(run_rcvd_proxy, return sample_set_bool(out, x->client->dst != NULL))
FETCH(run_http_major, return sample_set_int(out, 1))
FETCH(run_server_major, return x->server ? sample_set_int(out, 1) : -ENOENT)
FETCH(run_reused, return sample_set_bool(out, x->flags &XF_REUSED))
FETCH(run_first_request, return sample_set_bool(out, !x->client->requests))
FETCH(run_listener_id, return sample_set_int(out, x->client->listener->id))
FETCH(run_default_backend, const char *name = x->frontend->default_backend_name;
	return name ? sample_set_str(out, slice_from_str(name)) : -ENOENT)
FETCH(run_listener_name, const char *name = x->client->listener->name;
	return name ? sample_set_str(out, slice_from_str(name)) : -ENOENT)
FETCH(run_client_timeout, return sample_set_int(out, x->frontend->set.timeout_client_ms))
FETCH(run_server_timeout, return x->backend ? sample_set_int(out, x->backend->set.timeout_server_ms) : -ENOENT)
FETCH(run_tunnel_timeout, return x->backend ? sample_set_int(out, x->backend->set.timeout_tunnel_ms) : -ENOENT)

/* ---- counts ---- */

FETCH(run_bytes_in, return sample_set_int(out, (int64_t)x->bytes_in))
FETCH(run_bytes_out, return sample_set_int(out, (int64_t)x->bytes_out))
FETCH(run_backend_queue, return sample_set_int(out, x->queue_backend))
FETCH(run_server_queue, return sample_set_int(out, x->queue_server))
FETCH(run_id32, return sample_set_int(out, (uint32_t)x->id))
FETCH(run_server_status,
	return x->flags & XF_LOCAL || !x->t_response ? -ENOENT : sample_set_int(out, x->response.status))

static int response_version(const struct exchange *x, struct sample *out)
{
	if (!x->t_response)
		return -ENOENT;
	return sample_set_str(out, x->response.flags & MSG_HTTP10 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1"));
}

static int unique_id(struct sample_ctx *ctx, struct sample *out)
{
	struct slice id = exchange_unique_id(ctx->exchange);
	return id.len ? sample_set_str(out, id) : -ENOENT;
}

FETCH(run_unique_id, return unique_id(ctx, out))
FETCH(run_response_version, return response_version(x, out))

/* ---- times ---- */

static int set_timer(struct sample *out, int64_t ms)
{
	return ms < 0 ? -ENOENT : sample_set_int(out, ms);
}

#define TIMER(name, which) FETCH(name, return set_timer(out, log_timer_ms(x, which)))

TIMER(run_handshake, LOG_TIMER_HANDSHAKE)
TIMER(run_idle, LOG_TIMER_IDLE)
TIMER(run_request, LOG_TIMER_REQUEST)
TIMER(run_idle_and_request, LOG_TIMER_IDLE_AND_REQUEST)
TIMER(run_queue, LOG_TIMER_QUEUE)
TIMER(run_connect, LOG_TIMER_CONNECT)
TIMER(run_response, LOG_TIMER_RESPONSE)
TIMER(run_data, LOG_TIMER_DATA)
TIMER(run_active, LOG_TIMER_ACTIVE)
TIMER(run_total, LOG_TIMER_TOTAL)
TIMER(run_user, LOG_TIMER_USER)

/* ---- dates ---- */

static const char *prepare_unit(struct args *args, struct arena *a)
{
	static const char *const units[] = { "s", "ms", "us" };
	static const int64_t divisors[] = { 1000000, 1000, 1 };
	(void)a;
	if (args->v[0].type == ARG_NONE) {
		args->v[0].num = divisors[0];
		return NULL;
	}
	for (unsigned i = 0; i < 3; i++)
		if (slice_eq(args->v[0].str, slice_from_str(units[i]))) {
			args->v[0].num = divisors[i];
			return NULL;
		}
	return "expects 's', 'ms' or 'us'";
}

FETCH(run_accept_date, return sample_set_int(out, (int64_t)log_wall_us(x->t_accept) / args->v[0].num))
FETCH(run_request_date,
	return sample_set_int(out, (int64_t)log_wall_us(x->t_first ? x->t_first : x->t_accept) / args->v[0].num))

/* ---- the process ---- */

FETCH(run_stopping, return sample_set_bool(out, frontend_is_stopping()))
FETCH(run_thread, return sample_set_int(out, (int64_t)loop_self->index))

#define PLAIN(name, type, phases, run, help) \
	{ \
		name, { 0 }, type, phases, 0, run, NULL, help \
	}

const struct fetch_row exchange_fetch_rows[] = {
	{ "accept_date", { "[<unit>]", 0, 1, { ARG_STR } }, SAMPLE_INT, ANY, 0, run_accept_date, prepare_unit,
		"when it was accepted, since 1970, in s, ms or us" },
	PLAIN("bc.timer.connect", SAMPLE_INT, SERVED, run_connect, "as %Tc in logs"),
	PLAIN("bc_be_queue", SAMPLE_INT, SERVED, run_backend_queue, "as %bq in logs"),
	PLAIN("bc_dst", SAMPLE_ADDR, SERVED, run_bc_dst, "server's address, of the connection to it"),
	PLAIN("bc_dst_port", SAMPLE_INT, SERVED, run_bc_dst_port, "server's port"),
	PLAIN("bc_http_major", SAMPLE_INT, SERVED, run_server_major, "version of HTTP to the server: 1"),
	PLAIN("bc_reused", SAMPLE_BOOL, SERVED, run_reused, "whether the connection to the server was a kept one"),
	PLAIN("bc_src", SAMPLE_ADDR, SERVED, run_bc_src, "our address to the server"),
	PLAIN("bc_src_port", SAMPLE_INT, SERVED, run_bc_src_port, "our port to the server"),
	PLAIN("bc_srv_queue", SAMPLE_INT, SERVED, run_server_queue, "as %sq in logs"),
	PLAIN("bytes_in", SAMPLE_INT, ANY, run_bytes_in, "bytes from the client"),
	PLAIN("bytes_out", SAMPLE_INT, ANY, run_bytes_out, "bytes to the client"),
	PLAIN("capture.res.ver", SAMPLE_STR, SERVED, run_response_version, "version of the response as it came"),
	PLAIN("cur_client_timeout", SAMPLE_INT, ANY, run_client_timeout, "timeout client in force, in ms"),
	PLAIN("cur_server_timeout", SAMPLE_INT, ANY, run_server_timeout, "timeout server in force, in ms"),
	PLAIN("cur_tunnel_timeout", SAMPLE_INT, ANY, run_tunnel_timeout, "timeout tunnel in force, in ms"),
	PLAIN("fc.timer.handshake", SAMPLE_INT, ANY, run_handshake, "as %Th in logs"),
	PLAIN("fc.timer.total", SAMPLE_INT, ANY, run_total, "as %Tt in logs"),
	PLAIN("fc_dst", SAMPLE_ADDR, ANY, run_fc_dst, "address of our socket to the client"),
	PLAIN("fc_dst_port", SAMPLE_INT, ANY, run_fc_dst_port, "port of our socket to the client"),
	PLAIN("fc_http_major", SAMPLE_INT, ANY, run_http_major, "version of HTTP from the client: 1"),
	PLAIN("fc_rcvd_proxy", SAMPLE_BOOL, ANY, run_rcvd_proxy, "whether it began with a PROXY header"),
	PLAIN("fc_src", SAMPLE_ADDR, ANY, run_fc_src, "address at the other end of the client's socket"),
	PLAIN("fc_src_port", SAMPLE_INT, ANY, run_fc_src_port, "port at the other end of the client's socket"),
	PLAIN("fe_defbe", SAMPLE_STR, ANY, run_default_backend, "frontend's default backend"),
	PLAIN("http_first_req", SAMPLE_BOOL, REQUESTED, run_first_request,
		"whether it is the first request of its connection"),
	PLAIN("req.timer.hdr", SAMPLE_INT, REQUESTED, run_request, "as %TR in logs"),
	PLAIN("req.timer.idle", SAMPLE_INT, REQUESTED, run_idle, "as %Ti in logs"),
	PLAIN("req.timer.queue", SAMPLE_INT, SERVED, run_queue, "as %Tw in logs"),
	PLAIN("req.timer.tq", SAMPLE_INT, REQUESTED, run_idle_and_request, "as %Tq in logs"),
	{ "request_date", { "[<unit>]", 0, 1, { ARG_STR } }, SAMPLE_INT, REQUESTED, 0, run_request_date, prepare_unit,
		"when the request's first byte came, since 1970, in s, ms or us" },
	PLAIN("res.timer.data", SAMPLE_INT, PHASE_LOG, run_data, "as %Td in logs"),
	PLAIN("res.timer.hdr", SAMPLE_INT, SERVED, run_response, "as %Tr in logs"),
	PLAIN("server_status", SAMPLE_INT, SERVED, run_server_status, "status that the server sent"),
	PLAIN("so_id", SAMPLE_INT, ANY, run_listener_id, "id of the `bind` line"),
	PLAIN("so_name", SAMPLE_STR, ANY, run_listener_name, "name of the `bind` line"),
	PLAIN("stopping", SAMPLE_BOOL, ANY, run_stopping, "whether the process is about to end"),
	PLAIN("thread", SAMPLE_INT, ANY, run_thread, "number of the thread, from 0"),
	PLAIN("txn.id32", SAMPLE_INT, ANY, run_id32, "number of the exchange, of 32 bits"),
	PLAIN("txn.timer.total", SAMPLE_INT, PHASE_LOG, run_active, "as %Ta in logs"),
	PLAIN("unique-id", SAMPLE_STR, ANY, run_unique_id, "unique id of the request"),
	PLAIN("txn.timer.user", SAMPLE_INT, PHASE_LOG, run_user, "as %Tu in logs"),
};
const unsigned exchange_fetch_count = sizeof exchange_fetch_rows / sizeof exchange_fetch_rows[0];
