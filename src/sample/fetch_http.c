/* Fetches of the request line and the status line (HAProxy's manual, section 7.3.6). */
#include "private.h"

enum { RESPONSE = PHASE_RESPONSE | PHASE_CHECK };

/* The path where the target has one: not "*" and not CONNECT's host and port. */
static struct slice path_of(const struct msg *m)
{
	return m && m->path.len && m->path.ptr[0] == '/' ? m->path : slice_of(NULL, 0);
}

/* Path and query as one run of bytes, which they are unless the path was implied by an absolute target. */
static struct slice path_and_query(const struct msg *m, struct arena *a)
{
	struct slice path = path_of(m);
	if (!path.ptr || !m->query.ptr)
		return path;
	if (path.ptr + path.len + 1 == m->query.ptr)
		return slice_of(path.ptr, path.len + 1 + m->query.len);
	return arena_printf(a, "%.*s?%.*s", (int)path.len, path.ptr, (int)m->query.len, m->query.ptr);
}

static int set_slice(struct sample *out, struct slice s)
{
	return s.ptr ? sample_set_str(out, s) : -ENOENT;
}

static int run_method(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	if (!ctx->req)
		return -ENOENT;
	out->type = SAMPLE_METHOD;
	out->method = ctx->req->method;
	out->str = ctx->req->method_name;
	return 0;
}

static int run_path(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_slice(out, path_of(ctx->req));
}

static int run_pathq(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_slice(out, path_and_query(ctx->req, ctx->arena));
}

static int run_url(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return ctx->req ? set_slice(out, ctx->req->target) : -ENOENT;
}

static const char *prepare_query(struct args *args, struct arena *a)
{
	(void)a;
	return args->v[0].str.len && !slice_eq(args->v[0].str, SLICE("with_qm")) ? "knows the option with_qm only"
	                                                                         : NULL;
}

static int run_query(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct slice query = ctx->req ? ctx->req->query : slice_of(NULL, 0);
	(void)cursor;
	if (query.len && args->v[0].str.len)
		query = slice_of(query.ptr - 1, query.len + 1); /* the '?' that ends the path */
	return set_slice(out, query);
}

static int run_base(struct sample_ctx *ctx, struct slice path, struct sample *out)
{
	if (!ctx->req)
		return -ENOENT;
	int host = msg_find_id(ctx->req, FIELD_HOST, 0);
	struct slice name = host >= 0 ? field_value(&ctx->req->fields[host]) : ctx->req->authority;
	if (!name.len)
		return set_slice(out, path);
	return set_slice(out,
		arena_printf(ctx->arena, "%.*s%.*s", (int)name.len, name.ptr, (int)path.len, path.len ? path.ptr : ""));
}

static int run_base_path(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return run_base(ctx, path_of(ctx->req), out);
}

static int run_baseq(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return run_base(ctx, path_and_query(ctx->req, ctx->arena), out);
}

static int set_version(const struct msg *m, struct sample *out)
{
	if (!m)
		return -ENOENT;
	return sample_set_str(out, m->flags & MSG_H2       ? SLICE("2.0")
				   : m->flags & MSG_HTTP10 ? SLICE("1.0")
							   : SLICE("1.1"));
}

static int run_req_ver(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_version(ctx->req, out);
}

static int run_res_ver(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_version(ctx->res, out);
}

static int run_status(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return ctx->res ? sample_set_int(out, ctx->res->status) : -ENOENT;
}

static int run_proto_http(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return sample_set_bool(out, ctx->req != NULL);
}

const struct fetch_row fetch_http_rows[] = {
	{ "base", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_base_path, NULL, "Host field and path" },
	{ "baseq", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_baseq, NULL, "Host field, path and query" },
	{ "method", { 0 }, SAMPLE_METHOD, PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG, 0, run_method, NULL,
		"request's method" },
	{ "path", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_path, NULL, "path, from its first '/' to before '?'" },
	{ "pathq", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_pathq, NULL, "path with the query" },
	{ "query", { "[<options>]", 0, 1, { ARG_STR } }, SAMPLE_STR, PHASE_REQUEST, 0, run_query, prepare_query,
		"what follows the '?'" },
	{ "req.proto_http", { 0 }, SAMPLE_BOOL, PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG, 0, run_proto_http, NULL,
		"whether there is an HTTP request" },
	{ "req_proto_http", { 0 }, SAMPLE_BOOL, PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG, 0, run_proto_http, NULL,
		"req.proto_http" },
	{ "req.ver", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_req_ver, NULL, "request's HTTP version, as 1.1" },
	{ "req_ver", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_req_ver, NULL, "req.ver" },
	{ "res.ver", { 0 }, SAMPLE_STR, RESPONSE, 0, run_res_ver, NULL, "response's HTTP version, as 1.1" },
	{ "resp_ver", { 0 }, SAMPLE_STR, RESPONSE, 0, run_res_ver, NULL, "res.ver" },
	{ "status", { 0 }, SAMPLE_INT, RESPONSE | PHASE_LOG, 0, run_status, NULL, "response's status" },
	{ "url", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_url, NULL, "request's target as it was sent" },
	{ 0 },
};
