/* Fetches about the client's TLS (HAProxy's manual, section 7.3.4). */
#include "fetch.h"
#include "internal.h"

enum { ANY = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG, SUBJECT_BYTES = 1024 };

#define FETCH(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		const struct conn *c = ctx->client; \
		(void)args, (void)cursor; \
		value; \
	}

/* What lies in the connection is copied: it may be closed before the log line is written. */
static int set_copy(struct sample_ctx *ctx, struct sample *out, struct slice text)
{
	struct slice copy;

	if (!text.len)
		return -ENOENT;
	copy = arena_copy(ctx->arena, text);
	return copy.ptr ? sample_set_str(out, copy) : -ENOMEM;
}

static int set_static(struct sample *out, const char *text)
{
	return text ? sample_set_str(out, slice_from_str(text)) : -ENOENT;
}

static int subject(struct sample_ctx *ctx, struct sample *out)
{
	char text[SUBJECT_BYTES];
	size_t len = ctx->client ? tls_peer_subject(ctx->client, text, sizeof text) : 0;
	return set_copy(ctx, out, slice_of(text, len));
}

FETCH(run_is_on, return sample_set_bool(out, c &&tls_is_on(c)))
FETCH(run_sni, return c ? set_copy(ctx, out, tls_sni(c)) : -ENOENT)
FETCH(run_has_sni, return sample_set_bool(out, c &&tls_sni(c).len > 0))
FETCH(run_alpn, return c ? set_copy(ctx, out, tls_alpn(c)) : -ENOENT)
FETCH(run_protocol, return c ? set_static(out, tls_version_name(c)) : -ENOENT)
FETCH(run_cipher, return c ? set_static(out, tls_cipher_name(c)) : -ENOENT)
FETCH(run_is_resumed, return sample_set_bool(out, c &&tls_is_resumed(c)))
FETCH(run_client_used, return sample_set_bool(out, c &&tls_has_peer_certificate(c)))
FETCH(run_client_verify, return c && tls_is_on(c) ? sample_set_int(out, tls_verify_result(c)) : -ENOENT)
FETCH(run_client_subject, (void)c; return subject(ctx, out))

const struct fetch_row tls_fetch_rows[] = {
	{ "ssl_c_s_dn", { 0 }, SAMPLE_STR, ANY, 0, run_client_subject, NULL, "subject of the client's certificate" },
	{ "ssl_c_used", { 0 }, SAMPLE_BOOL, ANY, 0, run_client_used, NULL, "whether the client showed a certificate" },
	{ "ssl_c_verify", { 0 }, SAMPLE_INT, ANY, 0, run_client_verify, NULL,
		"OpenSSL's result of verifying it; 0: good" },
	{ "ssl_fc", { 0 }, SAMPLE_BOOL, ANY, 0, run_is_on, NULL, "whether the client came over TLS" },
	{ "ssl_fc_alpn", { 0 }, SAMPLE_STR, ANY, 0, run_alpn, NULL, "protocol agreed on by ALPN" },
	{ "ssl_fc_cipher", { 0 }, SAMPLE_STR, ANY, 0, run_cipher, NULL, "name of the cipher" },
	{ "ssl_fc_has_sni", { 0 }, SAMPLE_BOOL, ANY, 0, run_has_sni, NULL, "whether the client asked for a name" },
	{ "ssl_fc_is_resumed", { 0 }, SAMPLE_BOOL, ANY, 0, run_is_resumed, NULL, "whether its session was resumed" },
	{ "ssl_fc_protocol", { 0 }, SAMPLE_STR, ANY, 0, run_protocol, NULL, "version of TLS: TLSv1.3" },
	{ "ssl_fc_sni", { 0 }, SAMPLE_STR, ANY, 0, run_sni, NULL, "name that the client asked for" },
};
const unsigned tls_fetch_count = sizeof tls_fetch_rows / sizeof *tls_fetch_rows;
