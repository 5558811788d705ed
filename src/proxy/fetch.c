/* Fetches about the exchange itself (HAProxy's manual, sections 7.3.2 to 7.3.6): who serves it, how it goes. */
#include "fetch.h"

#include "internal.h"

enum { ANY = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG, SERVED = PHASE_RESPONSE | PHASE_LOG };

#define FETCH(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		const struct exchange *x = ctx->exchange; \
		(void)args, (void)cursor, (void)x; \
		value; \
	}

/* Numbers of the present backend, or nothing where none was chosen. */
#define BACKEND_FETCH(name, value) FETCH(name, if (!x->backend) return -ENOENT; return sample_set_int(out, value))

static int64_t usable_servers(const struct backend *b)
{
	uint32_t active, backup;
	backend_count_usable(b, &active, &backup);
	return active ? active : backup;
}

static int64_t backend_connections(const struct backend *b)
{
	return counters_current(&b->thread->counters, sizeof *b->thread, b->threads);
}

static int64_t frontend_connections(const struct frontend *f)
{
	return atomic_load_explicit(&f->connections, memory_order_relaxed);
}

static int termination_state(struct sample_ctx *ctx, const struct exchange *x, struct sample *out)
{
	char text[2] = { (char)x->cause, x->phase_letter };
	struct slice copy = arena_copy(ctx->arena, slice_of(text, 2));
	return copy.ptr ? sample_set_str(out, copy) : -ENOMEM;
}

FETCH(run_frontend_name, return sample_set_str(out, slice_from_str(x->frontend->name)))
FETCH(run_frontend_id, return sample_set_int(out, x->frontend->id))
FETCH(run_frontend_connections, return sample_set_int(out, frontend_connections(x->frontend)))
FETCH(run_process_connections, return sample_set_int(out, frontend_process_connections()))
FETCH(run_backend_name, return sample_set_str(out, slice_from_str(x->backend ? x->backend->name : x->frontend->name)))
FETCH(run_backend_id, return sample_set_int(out, x->backend ? x->backend->id : x->frontend->id))
BACKEND_FETCH(run_backend_connections, backend_connections(x->backend))
BACKEND_FETCH(run_usable_servers, usable_servers(x->backend))
FETCH(run_server_name, return x->server ? sample_set_str(out, slice_from_str(x->server->name)) : -ENOENT)
FETCH(run_server_id, return x->server ? sample_set_int(out, x->server->id) : -ENOENT)
FETCH(run_status, return x->status ? sample_set_int(out, x->status) : -ENOENT)
FETCH(run_retries, return sample_set_int(out, x->retries))
FETCH(run_redispatched, return sample_set_bool(out, x->flags &XF_REDISPATCHED))
FETCH(run_state, return termination_state(ctx, x, out))

const struct fetch_row proxy_fetch_rows[] = {
	{ "act_conn", { 0 }, SAMPLE_INT, ANY, 0, run_process_connections, NULL, "connections of the process" },
	{ "be_conn", { 0 }, SAMPLE_INT, ANY, 0, run_backend_connections, NULL, "requests that the backend has" },
	{ "be_id", { 0 }, SAMPLE_INT, ANY, 0, run_backend_id, NULL, "backend's id, or the frontend's" },
	{ "be_name", { 0 }, SAMPLE_STR, ANY, 0, run_backend_name, NULL, "backend's name, or the frontend's" },
	{ "fe_conn", { 0 }, SAMPLE_INT, ANY, 0, run_frontend_connections, NULL, "connections of the frontend" },
	{ "fe_id", { 0 }, SAMPLE_INT, ANY, 0, run_frontend_id, NULL, "frontend's id" },
	{ "fe_name", { 0 }, SAMPLE_STR, ANY, 0, run_frontend_name, NULL, "frontend's name" },
	{ "nbsrv", { 0 }, SAMPLE_INT, ANY, 0, run_usable_servers, NULL, "servers of the backend that may be chosen" },
	{ "srv_id", { 0 }, SAMPLE_INT, SERVED, 0, run_server_id, NULL, "server's id" },
	{ "srv_name", { 0 }, SAMPLE_STR, SERVED, 0, run_server_name, NULL, "server's name" },
	{ "txn.conn_retries", { 0 }, SAMPLE_INT, SERVED, 0, run_retries, NULL, "retries of connecting to the server" },
	{ "txn.redispatched", { 0 }, SAMPLE_BOOL, SERVED, 0, run_redispatched, NULL,
		"whether another server was tried" },
	{ "txn.sess_term_state", { 0 }, SAMPLE_STR, SERVED, 0, run_state, NULL, "termination state, two letters" },
	{ "txn.status", { 0 }, SAMPLE_INT, PHASE_LOG, 0, run_status, NULL, "status sent to the client" },
};
const unsigned proxy_fetch_count = sizeof proxy_fetch_rows / sizeof proxy_fetch_rows[0];
