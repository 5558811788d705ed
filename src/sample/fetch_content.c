/* Fetches of the bytes that rules withhold of a TCP session (HAProxy's manual, section 7.3.5), and wait_end.
 *
 * What more bytes could change is undecided until no more are to come (sample.h).
 */
#include <stdlib.h>

#include "private.h"

/* ---- how many ---- */

static int set_length(struct sample_ctx *ctx, struct slice bytes, struct sample *out)
{
	if (!bytes.ptr)
		return -ENOENT;
	sample_set_undecided(ctx);
	return sample_set_int(out, (int64_t)bytes.len);
}

static int run_req_len(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_length(ctx, ctx->req_bytes, out);
}

static int run_res_len(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return set_length(ctx, ctx->res_bytes, out);
}

/* ---- which ---- */

static struct slice bytes_of(const struct sample_ctx *ctx, bool response)
{
	return response ? ctx->res_bytes : ctx->req_bytes;
}

/* `len` bytes from `from` on; 0: all that are there. */
static int set_payload(struct sample_ctx *ctx, struct slice bytes, uint64_t from, uint64_t len, struct sample *out)
{
	if (!bytes.ptr)
		return -ENOENT;
	if (from > bytes.len || len > bytes.len - from)
		return sample_set_undecided(ctx);
	if (!len) {
		sample_set_undecided(ctx);
		len = bytes.len - from;
		if (!len)
			return -ENOENT;
	}
	out->type = SAMPLE_BIN;
	out->str = slice_of(bytes.ptr + from, len);
	return 0;
}

static const char *prepare_payload(struct args *args, struct arena *a)
{
	(void)a;
	return args->v[0].num < 0 || args->v[1].num < 0 ? "expects an offset and a length from 0" : NULL;
}

static int run_payload(struct sample_ctx *ctx, const struct args *args, struct sample *out, bool response)
{
	return set_payload(ctx, bytes_of(ctx, response), (uint64_t)args->v[0].num, (uint64_t)args->v[1].num, out);
}

/* ---- behind their own length ---- */

struct length_value {
	uint64_t at;
	unsigned bytes; /* of the length */
	bool relative;  /* from behind the length on; else from the beginning */
	int64_t offset;
};

static const char *prepare_length_value(struct args *args, struct arena *a)
{
	const struct arg *offset = &args->v[2];
	struct length_value *v = arena_zalloc(a, sizeof *v);
	char *end;

	if (!v)
		return "has no memory left";
	if (args->v[0].num < 0 || args->v[1].num < 1 || args->v[1].num > 8)
		return "expects the offset of a length from 0, and its size from 1 to 8 bytes";
	v->at = (uint64_t)args->v[0].num;
	v->bytes = (unsigned)args->v[1].num;
	v->relative = true;
	args->data = v;
	if (offset->type == ARG_NONE || !offset->str.len)
		return NULL;
	v->relative = offset->str.ptr[0] == '+' || offset->str.ptr[0] == '-';
	v->offset = strtoll(offset->str.ptr, &end, 10);
	return *end || v->offset > INT32_MAX || v->offset < INT32_MIN ? "expects a number as its second offset" : NULL;
}

static int run_length_value(struct sample_ctx *ctx, const struct args *args, struct sample *out, bool response)
{
	const struct length_value *v = args->data;
	struct slice bytes = bytes_of(ctx, response);
	uint64_t len = 0;
	int64_t from;

	if (!bytes.ptr)
		return -ENOENT;
	if (v->at > bytes.len || v->bytes > bytes.len - v->at)
		return sample_set_undecided(ctx);
	for (unsigned i = 0; i < v->bytes; i++)
		len = len << 8 | (uint8_t)bytes.ptr[v->at + i];
	from = v->offset + (v->relative ? (int64_t)(v->at + v->bytes) : 0);
	return !len || from < 0 ? -ENOENT : set_payload(ctx, bytes, (uint64_t)from, len, out);
}

#define SIDE_FETCHES(side, response) \
	static int run_##side##_payload(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		(void)cursor; \
		return run_payload(ctx, args, out, response); \
	} \
	static int run_##side##_payload_lv(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		(void)cursor; \
		return run_length_value(ctx, args, out, response); \
	}

SIDE_FETCHES(req, false)
SIDE_FETCHES(res, true)
SIDE_FETCHES(own, ctx->phase == PHASE_RESPONSE)

/* ---- RDP ---- */

/* The cookie of a connection request: a TPKT and an X.224 header, then "Cookie: NAME=VALUE" up to the line's end
 * ([MS-RDPBCGR] section 2.2.1.1).  0; -ENOENT. */
static int rdp_cookie(struct sample_ctx *ctx, struct slice wanted, struct slice *value)
{
	enum { HEADERS = 11 };
	static const char prefix[] = "Cookie:";
	struct slice b = ctx->req_bytes, line, name;
	ptrdiff_t end;

	if (!b.ptr || (b.len > 0 && b.ptr[0] != 3) || (b.len > 5 && (uint8_t)b.ptr[5] != 0xe0))
		return -ENOENT;
	if (b.len <= HEADERS)
		return sample_set_undecided(ctx);
	line = slice_skip(b, HEADERS);
	end = slice_find_byte(line, '\r');
	if (end < 0)
		return sample_set_undecided(ctx);
	line.len = (size_t)end;
	if (line.len < sizeof prefix - 1 ||
		!slice_eq_icase(slice_of(line.ptr, sizeof prefix - 1), slice_from_str(prefix)))
		return -ENOENT;
	line = slice_trim_ows(slice_skip(line, sizeof prefix - 1));
	end = slice_find_byte(line, '=');
	if (end < 0)
		return -ENOENT;
	name = slice_of(line.ptr, (size_t)end);
	*value = slice_skip(line, (size_t)end + 1);
	return wanted.len && !slice_eq_icase(name, wanted) ? -ENOENT : 0;
}

static int run_rdp_cookie(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	struct slice value;
	int rc = rdp_cookie(ctx, args->v[0].str, &value);

	(void)cursor;
	if (rc)
		return rc;
	return memchr(value.ptr, 0, value.len) ? -ENOENT : sample_set_str(out, value);
}

static int run_rdp_cookie_count(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	struct slice value;

	(void)cursor;
	return ctx->req_bytes.ptr ? sample_set_int(out, rdp_cookie(ctx, args->v[0].str, &value) == 0) : -ENOENT;
}

/* ---- wait_end ---- */

static int run_wait_end(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	if (!ctx->final)
		return sample_set_undecided(ctx);
	return sample_set_bool(out, true);
}

enum { BOTH = PHASE_REQUEST | PHASE_RESPONSE };

#define PAYLOAD \
	{ \
		"<offset>,<length>", 2, 2, \
		{ \
			ARG_INT, ARG_INT \
		} \
	}
#define LENGTH_VALUE \
	{ \
		"<offset1>,<length>[,<offset2>]", 2, 3, \
		{ \
			ARG_INT, ARG_INT, ARG_STR \
		} \
	}
#define COOKIE \
	{ \
		"[<name>]", 0, 1, \
		{ \
			ARG_STR \
		} \
	}

const struct fetch_row fetch_content_rows[] = {
	{ "payload", PAYLOAD, SAMPLE_BIN, BOTH, 0, run_own_payload, prepare_payload, "req.payload or res.payload" },
	{ "payload_lv", LENGTH_VALUE, SAMPLE_BIN, BOTH, 0, run_own_payload_lv, prepare_length_value,
		"req.payload_lv or res.payload_lv" },
	{ "rdp_cookie", COOKIE, SAMPLE_STR, PHASE_REQUEST, 0, run_rdp_cookie, NULL, "req.rdp_cookie" },
	{ "rdp_cookie_cnt", COOKIE, SAMPLE_INT, PHASE_REQUEST, 0, run_rdp_cookie_count, NULL, "req.rdp_cookie_cnt" },
	{ "req.len", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_req_len, NULL, "bytes of a TCP session's client so far" },
	{ "req.payload", PAYLOAD, SAMPLE_BIN, PHASE_REQUEST, 0, run_req_payload, prepare_payload,
		"bytes of a TCP session's client; length 0: all" },
	{ "req.payload_lv", LENGTH_VALUE, SAMPLE_BIN, PHASE_REQUEST, 0, run_req_payload_lv, prepare_length_value,
		"bytes of a TCP session's client behind a length of theirs" },
	{ "req.rdp_cookie", COOKIE, SAMPLE_STR, PHASE_REQUEST, 0, run_rdp_cookie, NULL,
		"value of the cookie of an RDP client" },
	{ "req.rdp_cookie_cnt", COOKIE, SAMPLE_INT, PHASE_REQUEST, 0, run_rdp_cookie_count, NULL,
		"1 where an RDP client sent the cookie, else 0" },
	{ "req_len", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_req_len, NULL, "req.len" },
	{ "res.len", { 0 }, SAMPLE_INT, PHASE_RESPONSE, 0, run_res_len, NULL,
		"bytes of a TCP session's server so far" },
	{ "res.payload", PAYLOAD, SAMPLE_BIN, PHASE_RESPONSE, 0, run_res_payload, prepare_payload,
		"bytes of a TCP session's server; length 0: all" },
	{ "res.payload_lv", LENGTH_VALUE, SAMPLE_BIN, PHASE_RESPONSE, 0, run_res_payload_lv, prepare_length_value,
		"bytes of a TCP session's server behind a length of theirs" },
	{ "wait_end", { 0 }, SAMPLE_BOOL, BOTH, 0, run_wait_end, NULL,
		"true once the time of inspect-delay is over, or no more bytes can come" },
	{ 0 },
};
