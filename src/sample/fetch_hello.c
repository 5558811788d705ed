/* Fetches of a TLS hello that passes through undeciphered (HAProxy's manual, section 7.3.5).
 *
 * They look at the bytes that rules withhold of a TCP session, and have no value before the hello is whole.
 */
#include "ballast/net/tls_hello.h"
#include "private.h"

/* Finds the hello of `bytes`.  A hello in several records is put together in the thread's scratch buffer. */
static int find_hello(struct sample_ctx *ctx, struct slice bytes, struct tls_hello *out)
{
	int rc;

	if (!bytes.ptr)
		return -ENOENT;
	rc = tls_hello_parse(bytes.ptr, bytes.len, conn_scratch(), out);
	if (rc == 0)
		return sample_set_undecided(ctx);
	return rc < 0 ? -ENOENT : 0;
}

static int client_hello(struct sample_ctx *ctx, struct tls_hello *out)
{
	int rc = find_hello(ctx, ctx->req_bytes, out);
	return rc ? rc : out->type == TLS_CLIENT_HELLO && !out->is_sslv2 ? 0 : -ENOENT;
}

static bool lies_in(struct slice part, struct slice whole)
{
	return part.ptr >= whole.ptr && part.ptr < whole.ptr + whole.len;
}

/* A part of the hello as a value; what the scratch buffer holds is copied. */
static int set_part(struct sample_ctx *ctx, struct sample *out, enum sample_type type, struct slice part)
{
	if (!part.ptr)
		return -ENOENT;
	if (part.len && !lies_in(part, ctx->req_bytes)) {
		part = arena_copy(ctx->arena, part);
		if (!part.ptr)
			return -ENOMEM;
	}
	out->type = (uint8_t)type;
	out->str = part;
	return 0;
}

#define HELLO_FETCH(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		struct tls_hello h; \
		int rc = client_hello(ctx, &h); \
		(void)args, (void)cursor; \
		if (rc) \
			return rc; \
		value; \
	}

/* A name with a NUL in it is no text, and nobody's. */
static int set_name(struct sample_ctx *ctx, struct sample *out, struct slice name)
{
	if (!name.len || memchr(name.ptr, 0, name.len))
		return -ENOENT;
	return set_part(ctx, out, SAMPLE_STR, name);
}

static unsigned two_bytes(const char *at)
{
	return (unsigned)(uint8_t)at[0] << 8 | (uint8_t)at[1];
}

/* The groups alone of client_shares, each of which has its key behind it. */
static int set_share_groups(struct sample_ctx *ctx, struct sample *out, struct slice shares)
{
	struct slice groups;
	size_t count = 0, at = 0;
	char *text;

	if (!shares.ptr)
		return -ENOENT;
	text = arena_alloc(ctx->arena, shares.len + 1);
	if (!text)
		return -ENOMEM;
	while (at + 4 <= shares.len) {
		memcpy(text + count, shares.ptr + at, 2);
		count += 2;
		at += 4 + two_bytes(shares.ptr + at + 2);
	}
	groups = slice_of(text, count);
	out->type = SAMPLE_BIN;
	out->str = groups;
	return at == shares.len ? 0 : -ENOENT;
}

HELLO_FETCH(run_sni, return set_name(ctx, out, h.sni))
HELLO_FETCH(run_has_groups, return sample_set_bool(out, h.groups.ptr != NULL))
HELLO_FETCH(run_ticket, return sample_set_int(out, h.ticket.ptr ? 1 + (h.ticket.len > 0) : 0))
HELLO_FETCH(run_ciphers, return set_part(ctx, out, SAMPLE_BIN, h.ciphers))
HELLO_FETCH(run_groups, return set_part(ctx, out, SAMPLE_BIN, h.groups))
HELLO_FETCH(run_sigalgs, return set_part(ctx, out, SAMPLE_BIN, h.sigalgs))
HELLO_FETCH(run_key_share, return set_share_groups(ctx, out, h.key_share))
HELLO_FETCH(run_request_type, return sample_set_int(out, h.type))

static int run_alpn(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	unsigned wanted = cursor ? cursor->count : 0;
	struct tls_hello h;
	int rc = client_hello(ctx, &h);

	(void)args;
	if (rc)
		return rc;
	for (size_t at = 0; at < h.alpn.len; at += 1u + (uint8_t)h.alpn.ptr[at])
		if (wanted-- == 0)
			return set_name(ctx, out, slice_of(h.alpn.ptr + at + 1, (uint8_t)h.alpn.ptr[at]));
	return -ENOENT;
}

static int run_version(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	struct tls_hello h;
	int rc = find_hello(ctx, ctx->req_bytes, &h);

	(void)args, (void)cursor;
	if (rc)
		return rc;
	return sample_set_int(out, (int64_t)(h.version >> 8) << 16 | (h.version & 0xff));
}

static int run_response_type(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	struct tls_hello h;
	int rc = find_hello(ctx, ctx->res_bytes, &h);

	(void)args, (void)cursor;
	return rc ? rc : sample_set_int(out, h.type);
}

const struct fetch_row fetch_hello_rows[] = {
	{ "rep_ssl_hello_type", { 0 }, SAMPLE_INT, PHASE_RESPONSE, 0, run_response_type, NULL, "res.ssl_hello_type" },
	{ "req.ssl_alpn", { 0 }, SAMPLE_STR, PHASE_REQUEST, FETCH_MANY, run_alpn, NULL,
		"protocols that a TLS client offers by ALPN; the first one where one is asked for" },
	{ "req.ssl_cipherlist", { 0 }, SAMPLE_BIN, PHASE_REQUEST, 0, run_ciphers, NULL, "ciphers of a TLS client" },
	{ "req.ssl_ec_ext", { 0 }, SAMPLE_BOOL, PHASE_REQUEST, 0, run_has_groups, NULL,
		"whether a TLS client names curves" },
	{ "req.ssl_hello_type", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_request_type, NULL,
		"1 where the client began with a TLS hello that is whole" },
	{ "req.ssl_keyshare_groups", { 0 }, SAMPLE_BIN, PHASE_REQUEST, 0, run_key_share, NULL,
		"groups for which a TLS client sent keys" },
	{ "req.ssl_sigalgs", { 0 }, SAMPLE_BIN, PHASE_REQUEST, 0, run_sigalgs, NULL,
		"signature algorithms of a TLS client" },
	{ "req.ssl_sni", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_sni, NULL, "name that a TLS client asks for" },
	{ "req.ssl_st_ext", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_ticket, NULL,
		"2: a TLS client sent a session ticket, 1: it would take one, 0: neither" },
	{ "req.ssl_supported_groups", { 0 }, SAMPLE_BIN, PHASE_REQUEST, 0, run_groups, NULL, "groups of a TLS client" },
	{ "req.ssl_ver", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_version, NULL,
		"version in the hello of a TLS or SSL client: major * 65536 + minor; compared with 3.3" },
	{ "req_ssl_hello_type", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_request_type, NULL, "req.ssl_hello_type" },
	{ "req_ssl_sni", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_sni, NULL, "req.ssl_sni" },
	{ "req_ssl_ver", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_version, NULL, "req.ssl_ver" },
	{ "res.ssl_hello_type", { 0 }, SAMPLE_INT, PHASE_RESPONSE, 0, run_response_type, NULL,
		"2 where the server began with a TLS hello that is whole" },
	{ 0 },
};
