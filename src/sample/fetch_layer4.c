/* Fetches of the client's connection (HAProxy's manual, section 7.3.3). */
#include "private.h"

enum { WITH_CLIENT = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG };

static int set_addr(struct sample *out, const union addr *a)
{
	if (a && a->family == AF_INET) {
		out->type = SAMPLE_IPV4;
		out->ip4 = a->v4.sin_addr;
		return 0;
	}
	if (a && a->family == AF_INET6) {
		out->type = SAMPLE_IPV6;
		out->ip6 = a->v6.sin6_addr;
		return 0;
	}
	return -ENOENT;
}

static int set_port(struct sample *out, const union addr *a)
{
	if (!a || (a->family != AF_INET && a->family != AF_INET6))
		return -ENOENT;
	return sample_set_int(out, addr_port(a));
}

/* The address that the client connected to, asked of the kernel once. */
static const union addr *destination(struct sample_ctx *ctx)
{
	if (!ctx->dst && ctx->client) {
		union addr *a = arena_alloc(ctx->arena, sizeof *a);
		if (!a)
			return NULL;
		conn_local_addr(ctx->client, a);
		ctx->dst = a;
	}
	return ctx->dst;
}

static int run_src(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_addr(out, ctx->src);
}

static int run_src_port(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_port(out, ctx->src);
}

static int run_dst(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_addr(out, destination(ctx));
}

static int run_dst_port(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_port(out, destination(ctx));
}

const struct fetch_row fetch_layer4_rows[] = {
	{ "dst", { 0 }, SAMPLE_ADDR, WITH_CLIENT, 0, run_dst, NULL, "address that the client connected to" },
	{ "dst_port", { 0 }, SAMPLE_INT, WITH_CLIENT, 0, run_dst_port, NULL, "port that the client connected to" },
	{ "src", { 0 }, SAMPLE_ADDR, WITH_CLIENT, 0, run_src, NULL, "client's address" },
	{ "src_port", { 0 }, SAMPLE_INT, WITH_CLIENT, 0, run_src_port, NULL, "client's port" },
	{ 0 },
};
