/* Fetches about the exchange itself (HAProxy's manual, sections 7.3.2 to 7.3.6): who serves it, how it goes. */
#include "fetch.h"

#include "internal.h"
#include "log_private.h"

enum {
	ANY = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG,
	SERVED = PHASE_RESPONSE | PHASE_LOG,
	CHECKED = PHASE_CHECK, /* of the server that is checked, and its backend */
	CAPTURED = PHASE_REQUEST | SERVED
};

#define FETCH(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		const struct exchange *x = ctx->exchange; \
		(void)args, (void)cursor, (void)x; \
		value; \
	}

static const struct server *server_of(const struct sample_ctx *ctx)
{
	const struct exchange *x = ctx->exchange;
	return x ? x->server : ctx->server;
}

static const struct backend *backend_of(const struct sample_ctx *ctx)
{
	const struct exchange *x = ctx->exchange;
	const struct server *checked = ctx->server;
	return x ? x->backend : checked ? checked->backend : NULL;
}

/* The frontend's, where none was chosen. */
static int backend_name(const struct sample_ctx *ctx, const struct exchange *x, struct sample *out)
{
	const struct backend *b = backend_of(ctx);
	if (!b && !x)
		return -ENOENT;
	return sample_set_str(out, slice_from_str(b ? b->name : x->frontend->name));
}

static int backend_id(const struct sample_ctx *ctx, const struct exchange *x, struct sample *out)
{
	const struct backend *b = backend_of(ctx);
	if (!b && !x)
		return -ENOENT;
	return sample_set_int(out, b ? b->id : x->frontend->id);
}

static int termination_state(struct sample_ctx *ctx, const struct exchange *x, struct sample *out)
{
	char text[2] = { (char)x->cause, x->phase_letter };
	struct slice copy = arena_copy(ctx->arena, slice_of(text, 2));
	return copy.ptr ? sample_set_str(out, copy) : -ENOMEM;
}

/* From the first slash on, behind scheme and authority. */
static struct slice uri_from_slash(struct slice target)
{
	const char *mark = target.len && target.ptr[0] != '/' ? memmem(target.ptr, target.len, "://", 3) : NULL;
	struct slice rest = mark ? slice_skip(target, (size_t)(mark - target.ptr) + 3) : target;
	ptrdiff_t slash = slice_find_byte(rest, '/');
	return slash < 0 ? SLICE("") : slice_skip(rest, (size_t)slash);
}

/* Of the request as it came. */
static int captured(struct sample *out, const struct exchange *x, struct slice text)
{
	return x->log_request.ptr && text.len ? sample_set_str(out, text) : -ENOENT;
}

FETCH(run_captured_method, return captured(out, x, x->log_method))
FETCH(run_captured_uri, return captured(out, x, uri_from_slash(x->log_target)))
FETCH(run_captured_version, return captured(out, x, log_version(x->log_request)))
FETCH(run_frontend_name, return sample_set_str(out, slice_from_str(x->frontend->name)))
FETCH(run_frontend_id, return sample_set_int(out, x->frontend->id))
FETCH(run_process_connections, return sample_set_int(out, frontend_process_connections()))
FETCH(run_backend_name, return backend_name(ctx, x, out))
FETCH(run_backend_id, return backend_id(ctx, x, out))
FETCH(run_server_name, return server_of(ctx) ? sample_set_str(out, slice_from_str(server_of(ctx)->name)) : -ENOENT)
FETCH(run_server_id, return server_of(ctx) ? sample_set_int(out, server_of(ctx)->id) : -ENOENT)
FETCH(run_status, return x->status ? sample_set_int(out, x->status) : -ENOENT)
FETCH(run_retries, return sample_set_int(out, x->retries))
FETCH(run_redispatched, return sample_set_bool(out, x->flags &XF_REDISPATCHED))
FETCH(run_state, return termination_state(ctx, x, out))

const struct fetch_row proxy_fetch_rows[] = {
	{ "act_conn", { 0 }, SAMPLE_INT, ANY, 0, run_process_connections, NULL, "connections of the process" },
	{ "be_id", { 0 }, SAMPLE_INT, ANY | CHECKED, 0, run_backend_id, NULL, "backend's id, or the frontend's" },
	{ "be_name", { 0 }, SAMPLE_STR, ANY | CHECKED, 0, run_backend_name, NULL, "backend's name, or the frontend's" },
	{ "capture.req.method", { 0 }, SAMPLE_STR, CAPTURED, 0, run_captured_method, NULL,
		"method of the request as it came" },
	{ "capture.req.uri", { 0 }, SAMPLE_STR, CAPTURED, 0, run_captured_uri, NULL,
		"URI of the request as it came, from its first slash" },
	{ "capture.req.ver", { 0 }, SAMPLE_STR, CAPTURED, 0, run_captured_version, NULL,
		"version of the request as it came" },
	{ "fe_id", { 0 }, SAMPLE_INT, ANY, 0, run_frontend_id, NULL, "frontend's id" },
	{ "fe_name", { 0 }, SAMPLE_STR, ANY, 0, run_frontend_name, NULL, "frontend's name" },
	{ "srv_id", { 0 }, SAMPLE_INT, SERVED | CHECKED, 0, run_server_id, NULL, "server's id" },
	{ "srv_name", { 0 }, SAMPLE_STR, SERVED | CHECKED, 0, run_server_name, NULL, "server's name" },
	{ "txn.conn_retries", { 0 }, SAMPLE_INT, SERVED, 0, run_retries, NULL, "retries of connecting to the server" },
	{ "txn.redispatched", { 0 }, SAMPLE_BOOL, SERVED, 0, run_redispatched, NULL,
		"whether another server was tried" },
	{ "txn.sess_term_state", { 0 }, SAMPLE_STR, SERVED, 0, run_state, NULL, "termination state, two letters" },
	{ "txn.status", { 0 }, SAMPLE_INT, PHASE_LOG, 0, run_status, NULL, "status sent to the client" },
};
const unsigned proxy_fetch_count = sizeof proxy_fetch_rows / sizeof proxy_fetch_rows[0];
