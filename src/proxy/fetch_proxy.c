/* Fetches and converters about proxies and servers that may be named: how much they have to do (HAProxy's manual, sections
 * 7.3.1 and 7.3.2).  Figures are sums over the threads, read without a lock.
 */
#include <limits.h>

#include "ballast/base/strmap.h"
#include "ballast/server/breaker.h"
#include "fetch.h"
#include "internal.h"
#include "refer.h"

enum { ANY = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG };

static uint32_t now_s(void)
{
	return (uint32_t)(loop_self->wall_us / 1000000);
}

/* ---- of backends ---- */

static int64_t requests_of(const struct backend *b)
{
	return counters_current(b->counters, sizeof *b->counters, b->threads);
}

static int64_t usable_of(const struct backend *b)
{
	uint32_t active, backup;
	backend_count_usable(b, &active, &backup);
	return active ? active : backup;
}

/* Its own, and those of its servers. */
static int64_t queued_of(const struct backend *b)
{
	int64_t sum = atomic_load_explicit(&b->queued, memory_order_relaxed);
	for (uint32_t i = 0; i < b->server_count; i++)
		sum += atomic_load_explicit(&b->servers[i]->queued, memory_order_relaxed);
	return sum;
}

/* A server more or less is on its way: none counts as half a one. */
static int64_t average_queue_of(const struct backend *b)
{
	int64_t queued = queued_of(b), usable = usable_of(b);
	return usable ? (queued + usable - 1) / usable : queued * 2;
}

/* Places on its servers, and with `queues` in their queues, that are free; -1: without a limit. */
static int64_t free_places_of(const struct backend *b, bool queues)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < b->server_count; i++) {
		const struct server *s = b->servers[i];
		int64_t limit = server_limit(s);
		if (!server_usable(s))
			continue;
		if (!limit || (queues && !s->maxqueue))
			return -1;
		int64_t left = limit - server_served(s);
		sum += left > 0 ? left : 0;
		left = (int64_t)s->maxqueue - atomic_load_explicit(&s->queued, memory_order_relaxed);
		sum += queues && left > 0 ? left : 0;
	}
	return sum;
}

static int64_t backend_rate(const struct backend *b)
{
	return counters_rate(b->counters, sizeof *b->counters, b->threads, offsetof(struct counters, sess_rate),
		now_s());
}

#define BACKEND(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		const struct proxy_ref *r = args->data; \
		const struct exchange *x = ctx->exchange; \
		const struct backend *b = r->backend ? r->backend : x->backend; \
		(void)cursor; \
		return b ? sample_set_int(out, value) : -ENOENT; \
	}

BACKEND(run_average_queue, average_queue_of(b))
BACKEND(run_requests, requests_of(b))
BACKEND(run_free, free_places_of(b, false))
BACKEND(run_slots, free_places_of(b, true))
BACKEND(run_panic, atomic_load(&b->panic))
BACKEND(run_rate, backend_rate(b))
BACKEND(run_server_timeout, b->set.timeout_server_ms)
BACKEND(run_tunnel_timeout, b->set.timeout_tunnel_ms)
BACKEND(run_usable, usable_of(b))
BACKEND(run_queued, queued_of(b))

/* ---- of frontends ---- */

static int64_t frontend_rate(const struct frontend *f, size_t which)
{
	return counters_rate(&f->thread->counters, sizeof *f->thread, f->threads, which, now_s());
}

#define FRONTEND(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		const struct proxy_ref *r = args->data; \
		const struct exchange *x = ctx->exchange; \
		const struct frontend *f = r->frontend ? r->frontend : x->frontend; \
		(void)cursor; \
		return sample_set_int(out, value); \
	}

FRONTEND(run_connections, atomic_load_explicit(&f->live->connections, memory_order_relaxed))
FRONTEND(run_request_rate, frontend_rate(f, offsetof(struct counters, req_rate)))
FRONTEND(run_session_rate, frontend_rate(f, offsetof(struct counters, sess_rate)))
FRONTEND(run_client_timeout, f->set.timeout_client_ms)

/* ---- of servers ---- */

static struct slice breaker_of(const struct server *s)
{
	return s->breaker ? slice_from_str(breaker_state_name(atomic_load(&s->breaker->state))) : SLICE("none");
}

static int64_t free_of(const struct server *s)
{
	int64_t limit = server_limit(s), left = limit - server_served(s);
	return !limit ? -1 : left > 0 ? left : 0;
}

static int64_t server_rate(const struct server *s)
{
	return counters_rate(&s->thread->counters, sizeof *s->thread, s->backend->threads,
		offsetof(struct counters, sess_rate), now_s());
}

static int64_t queue_of(const struct server *s)
{
	return atomic_load_explicit(&s->queued, memory_order_relaxed);
}

#define SERVER(name, set, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		const struct server *s = ((const struct proxy_ref *)args->data)->server; \
		(void)ctx, (void)cursor; \
		return set(out, value); \
	}

SERVER(run_server_requests, sample_set_int, server_served(s))
SERVER(run_server_free, sample_set_int, free_of(s))
SERVER(run_breaker, sample_set_str, breaker_of(s))
SERVER(run_server_up, sample_set_bool, server_alive(s))
SERVER(run_initial_weight, sample_set_int, s->weight_config)
SERVER(run_user_weight, sample_set_int, atomic_load_explicit(&s->weight, memory_order_relaxed))
SERVER(run_weight, sample_set_int, server_weight_now(s))
SERVER(run_server_queue, sample_set_int, queue_of(s))
SERVER(run_server_rate, sample_set_int, server_rate(s))

/* ---- names that come while running ---- */

static const struct backend *backend_named(const struct args *args, struct slice name)
{
	const struct proxy_ref *r = args->data;
	return r->backends ? strmap_get(r->backends, name) : NULL;
}

/* "backend/server", or a server of the present backend. */
static const struct server *server_named(struct sample_ctx *ctx, const struct args *args, struct slice name)
{
	const struct exchange *x = ctx->exchange;
	ptrdiff_t slash = slice_find_byte(name, '/');
	const struct backend *b =
		slash < 0 ? x ? x->backend : NULL : backend_named(args, slice_of(name.ptr, (size_t)slash));

	return b ? backend_find_server(b, slash < 0 ? name : slice_skip(name, (size_t)slash + 1)) : NULL;
}

static int convert_nbsrv(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	const struct backend *b = backend_named(args, s->str);
	(void)ctx;
	return b ? sample_set_int(s, usable_of(b)) : -ENOENT;
}

static int convert_is_up(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	const struct server *found = server_named(ctx, args, s->str);
	return found ? sample_set_bool(s, server_alive(found)) : -ENOENT;
}

static int convert_queue(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	const struct server *found = server_named(ctx, args, s->str);
	return found ? sample_set_int(s, queue_of(found)) : -ENOENT;
}

#define BACKEND_ROW(name, run, help) \
	{ \
		name, { "[<backend>]", 0, 1, { ARG_STR } }, SAMPLE_INT, ANY, 0, run, refer_backend, help \
	}
#define FRONTEND_ROW(name, run, help) \
	{ \
		name, { "[<frontend>]", 0, 1, { ARG_STR } }, SAMPLE_INT, ANY, 0, run, refer_frontend, help \
	}
#define SERVER_ROW(name, type, run, help) \
	{ \
		name, { "[<backend>/]<server>", 1, 1, { ARG_STR } }, type, ANY, 0, run, refer_server, help \
	}

const struct fetch_row named_fetch_rows[] = {
	BACKEND_ROW("avg_queue", run_average_queue, "requests queued, for each usable server"),
	BACKEND_ROW("be_conn", run_requests, "requests that the backend has"),
	BACKEND_ROW("be_conn_free", run_free, "free places on its usable servers; -1: without a limit"),
	BACKEND_ROW("be_panic", run_panic, "1 while health is ignored, as too few servers are well (panic-threshold)"),
	BACKEND_ROW("be_server_timeout", run_server_timeout, "timeout server, in ms"),
	BACKEND_ROW("be_sess_rate", run_rate, "requests given to it in the last second"),
	BACKEND_ROW("be_tunnel_timeout", run_tunnel_timeout, "timeout tunnel, in ms"),
	BACKEND_ROW("connslots", run_slots, "free places on its servers and in their queues; -1: without a limit"),
	FRONTEND_ROW("fe_client_timeout", run_client_timeout, "timeout client, in ms"),
	FRONTEND_ROW("fe_conn", run_connections, "connections of the frontend"),
	FRONTEND_ROW("fe_req_rate", run_request_rate, "requests to it in the last second"),
	FRONTEND_ROW("fe_sess_rate", run_session_rate, "connections to it in the last second"),
	BACKEND_ROW("nbsrv", run_usable, "servers of the backend that may be chosen"),
	BACKEND_ROW("queue", run_queued, "requests queued for it and its servers"),
	SERVER_ROW("srv_conn", SAMPLE_INT, run_server_requests, "requests that the server has"),
	SERVER_ROW("srv_breaker", SAMPLE_STR, run_breaker,
		"state of its circuit breaker: closed, open, half-open; none without one"),
	SERVER_ROW("srv_conn_free", SAMPLE_INT, run_server_free, "free places on it; -1: without a limit"),
	SERVER_ROW("srv_is_up", SAMPLE_BOOL, run_server_up, "whether it is up and not in maintenance"),
	SERVER_ROW("srv_iweight", SAMPLE_INT, run_initial_weight, "its weight in the configuration"),
	SERVER_ROW("srv_queue", SAMPLE_INT, run_server_queue, "requests in its queue"),
	SERVER_ROW("srv_sess_rate", SAMPLE_INT, run_server_rate, "requests given to it in the last second"),
	SERVER_ROW("srv_uweight", SAMPLE_INT, run_user_weight, "its weight as set last"),
	SERVER_ROW("srv_weight", SAMPLE_INT, run_weight, "its weight now"),
};
const unsigned named_fetch_count = sizeof named_fetch_rows / sizeof named_fetch_rows[0];

const struct converter_row named_converter_rows[] = {
	{ "nbsrv", { 0 }, SAMPLE_STR, SAMPLE_INT, convert_nbsrv, refer_all,
		"usable servers of the backend of that name" },
	{ "srv_is_up", { 0 }, SAMPLE_STR, SAMPLE_BOOL, convert_is_up, refer_all,
		"whether the server of that name, [<backend>/]<server>, is up" },
	{ "srv_queue", { 0 }, SAMPLE_STR, SAMPLE_INT, convert_queue, refer_all, "requests in that server's queue" },
};
const unsigned named_converter_count = sizeof named_converter_rows / sizeof named_converter_rows[0];
