/* Fetches of bodies (HAProxy's manual, section 7.3.6): as much as is there, which a rule may wait for. */
#include "body.h"
#include "fetch.h"
#include "ballast/sample/param.h"
#include "internal.h"

#define FETCH(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		struct exchange *x = ctx->exchange; \
		(void)args, (void)cursor; \
		value; \
	}

static int set_bytes(struct sample *out, struct slice bytes)
{
	out->type = SAMPLE_BIN;
	out->str = bytes;
	return 0;
}

/* What its head says; else what is there. */
static int64_t size_of(struct exchange *x, bool response)
{
	const struct msg *m = response ? &x->response : &x->request;

	return m->flags & MSG_LENGTH ? (int64_t)m->content_length : (int64_t)body_payload(x, response).len;
}

FETCH(run_request, return set_bytes(out, body_payload(x, false)))
FETCH(run_request_len, return sample_set_int(out, (int64_t)body_payload(x, false).len))
FETCH(run_request_size, return sample_set_int(out, size_of(x, false)))
FETCH(run_response, return set_bytes(out, body_payload(x, true)))
FETCH(run_response_len, return sample_set_int(out, (int64_t)body_payload(x, true).len))
FETCH(run_response_size, return sample_set_int(out, size_of(x, true)))

static const char *prepare_param(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[1].str.len && !slice_eq(args->v[1].str, SLICE("i")))
		return "knows 'i' only as its second argument";
	return NULL;
}

static int run_param(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct sample_cursor own = { 0 };
	struct sample_cursor *c = cursor ? cursor : &own;
	struct slice name = args->v[0].type == ARG_NONE ? slice_of(NULL, 0) : args->v[0].str, value;

	if (!c->count) {
		struct slice body = body_payload(ctx->exchange, false);
		c->at = body.ptr;
		c->end = body.ptr + body.len;
	}
	if (param_next(c, '&', name, args->v[1].str.len > 0, &value) || memchr(value.ptr, 0, value.len))
		return -ENOENT;
	return sample_set_str(out, value);
}

const struct fetch_row body_fetch_rows[] = {
	{ "req.body", { 0 }, SAMPLE_BIN, PHASE_REQUEST, 0, run_request, NULL,
		"body of the request, as much as is there" },
	{ "req.body_len", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_request_len, NULL, "bytes of it that are there" },
	{ "req.body_param", { "[<name>[,i]]", 0, 2, { ARG_STR, ARG_STR } }, SAMPLE_STR, PHASE_REQUEST, FETCH_MANY,
		run_param, prepare_param, "parameter in a form that is the request's body" },
	{ "req.body_size", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_request_size, NULL,
		"bytes that it says to have; those that are there where it is chunked" },
	{ "res.body", { 0 }, SAMPLE_BIN, PHASE_RESPONSE, 0, run_response, NULL,
		"body of the response, as much as is there" },
	{ "res.body_len", { 0 }, SAMPLE_INT, PHASE_RESPONSE, 0, run_response_len, NULL, "bytes of it that are there" },
	{ "res.body_size", { 0 }, SAMPLE_INT, PHASE_RESPONSE, 0, run_response_size, NULL,
		"bytes that it says to have; those that are there where it says nothing" },
};
const unsigned body_fetch_count = sizeof body_fetch_rows / sizeof body_fetch_rows[0];
