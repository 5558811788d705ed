/* What both sides say to OpenSSL, and the contexts of listeners and servers.
 *
 * Defaults: TLS 1.2 and later, forward secrecy and authenticated encryption only, no renegotiation, no compression.
 */
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "private.h"

static const char default_ciphers[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/* AES-128 first: a handshake over SHA-256 takes 8 % less than over SHA-384, and records are cheaper, too. */
static const char default_suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

void tls_diag(struct diag *d, const struct place *at, const char *fmt, ...)
{
	bool system = ERR_SYSTEM_ERROR(ERR_peek_error()); /* then it is the cause of those behind it */
	unsigned long error = system ? ERR_peek_error() : ERR_peek_last_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	char text[512];
	va_list ap;

	if (system)
		reason = strerror(ERR_GET_REASON(error));
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	diag_error(d, at, NULL, "%s: %s", text, reason ? reason : "it has nothing of the kind");
	ERR_clear_error();
}

/* ---- what words mean ---- */

static int number_of(enum tls_version v)
{
	static const int numbers[] = { 0, TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION };
	return numbers[v];
}

static int set_versions(SSL_CTX *ctx, const struct tls_settings *set, struct diag *d)
{
	enum tls_version low = set->min_version, high = set->max_version;

	if (!low)
		low = high && high < TLS_V1_2 ? high : TLS_V1_2;
	if (high && high < low) {
		diag_error(d, &set->at, NULL, "ssl-max-ver is below ssl-min-ver");
		return -EINVAL;
	}
	if (low < TLS_V1_2) /* OpenSSL's level 1 leaves no cipher for them */
		SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, number_of(low));
	SSL_CTX_set_max_proto_version(ctx, number_of(high));
	return 0;
}

static int set_algorithms(SSL_CTX *ctx, const struct tls_settings *set, struct diag *d)
{
	const char *ciphers = set->ciphers ? set->ciphers : default_ciphers;
	bool old = set->min_version && set->min_version < TLS_V1_2;

	if (set->ciphers || !old)
		if (SSL_CTX_set_cipher_list(ctx, ciphers) != 1) {
			tls_diag(d, &set->at, "ciphers '%s'", ciphers);
			return -EINVAL;
		}
	if (SSL_CTX_set_ciphersuites(ctx, set->ciphersuites ? set->ciphersuites : default_suites) != 1) {
		tls_diag(d, &set->at, "ciphersuites '%s'", set->ciphersuites);
		return -EINVAL;
	}
	if (SSL_CTX_set1_curves_list(ctx, set->curves ? set->curves : "X25519:P-256:P-384") != 1) {
		tls_diag(d, &set->at, "curves '%s'", set->curves);
		return -EINVAL;
	}
	return 0;
}

/* Every .pem, .crt, .cer and .crl of a folder. */
static int is_authority_file(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot &&
	       (!strcmp(dot, ".pem") || !strcmp(dot, ".crt") || !strcmp(dot, ".cer") || !strcmp(dot, ".crl"));
}

static int load_authority_folder(SSL_CTX *ctx, const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, is_authority_file, alphasort), err = count > 0 ? 0 : -ENOENT;

	for (int i = 0; i < count; i++) {
		char file[4096];
		snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (!err && SSL_CTX_load_verify_file(ctx, file) != 1)
			err = -EINVAL;
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return err;
}

static int load_authorities(SSL_CTX *ctx, const char *path)
{
	struct stat st;

	if (strcmp(path, "@system-ca") == 0)
		return SSL_CTX_set_default_verify_paths(ctx) == 1 ? 0 : -EINVAL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return load_authority_folder(ctx, path);
	return SSL_CTX_load_verify_file(ctx, path) == 1 ? 0 : -EINVAL;
}

static int load_revoked(SSL_CTX *ctx, const char *path)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1)
		return -EINVAL;
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return 0;
}

static int set_verify(SSL_CTX *ctx, const struct tls_settings *set, bool accepts, struct diag *d)
{
	int mode = SSL_VERIFY_PEER;

	if (set->verify == TLS_VERIFY_NONE)
		return 0;
	if (!set->ca_file) {
		diag_error(d, &set->at, "name the authorities with 'ca-file', or say 'verify none'",
			"verify is on, but no ca-file is given");
		return -EINVAL;
	}
	if (load_authorities(ctx, set->ca_file)) {
		tls_diag(d, &set->at, "cannot load the authorities of '%s'", set->ca_file);
		return -EINVAL;
	}
	if (set->crl_file && load_revoked(ctx, set->crl_file)) {
		tls_diag(d, &set->at, "cannot load the revocation list '%s'", set->crl_file);
		return -EINVAL;
	}
	if (accepts && set->verify == TLS_VERIFY_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}

SSL_CTX *tls_ctx_new(const struct tls_settings *set, bool accepts, struct diag *d)
{
	SSL_CTX *ctx = SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method());

	if (!ctx) {
		tls_diag(d, &set->at, "cannot make a TLS context");
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	if (set->no_tickets)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (set_versions(ctx, set, d) || set_algorithms(ctx, set, d) || set_verify(ctx, set, accepts, d)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int tls_alpn_encode(const char *list, uint8_t **out, unsigned *len)
{
	struct slice rest = slice_from_str(list), name;
	uint8_t *at = malloc(rest.len + 1);

	if (!at)
		return -ENOMEM;
	*out = at;
	while (slice_next_member(&rest, &name)) {
		if (!name.len || name.len > 255) {
			free(*out);
			*out = NULL;
			return -EINVAL;
		}
		*at++ = (uint8_t)name.len;
		memcpy(at, name.ptr, name.len);
		at += name.len;
	}
	*len = (unsigned)(at - *out);
	return 0;
}

static struct tls_context *context_new(const struct tls_settings *set, char *key, struct diag *d)
{
	struct tls_context *t = calloc(1, sizeof *t);
	int err = t ? 0 : -ENOMEM;

	if (!err && set->alpn)
		err = tls_alpn_encode(set->alpn, &t->alpn, &t->alpn_len);
	if (!err) {
		t->key = key;
		atomic_init(&t->holders, 1);
		return t;
	}
	diag_error(d, &set->at, NULL, err == -EINVAL ? "alpn needs names of 1 to 255 bytes" : "out of memory");
	free(t);
	free(key);
	return NULL;
}

void tls_context_free(struct tls_context *t)
{
	if (!t || !tls_shared_leave(t))
		return;
	tls_sessions_free(t);
	tls_store_free(t->store);
	SSL_CTX_free(t->ctx);
	free(t->alpn);
	free(t->key);
	free(t);
}

/* One that lives already, or a new one. */
static struct tls_context *context_get(const struct tls_settings *set, bool accepts, struct diag *d,
	struct tls_context *(*make)(const struct tls_settings *set, char *key, struct diag *d))
{
	char *key = tls_key(set, accepts);
	struct tls_context *t;

	if (!key) {
		diag_error(d, &set->at, NULL, "out of memory");
		return NULL;
	}
	t = tls_shared_find(key);
	if (t) {
		free(key);
		return t;
	}
	t = make(set, key, d);
	if (t)
		tls_shared_add(t);
	return t;
}

/* ---- listeners ---- */

static int choose_certificate(SSL *ssl, int *alert, void *arg)
{
	struct tls_context *t = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *ctx = name ? tls_store_find(t->store, name) : NULL;

	if (!ctx && t->strict_sni) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (ctx && ctx != SSL_get_SSL_CTX(ssl))
		SSL_set_SSL_CTX(ssl, ctx);
	return SSL_TLSEXT_ERR_OK;
}

/* Our order counts; where nothing is common the handshake goes on without (as HAProxy does). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
	unsigned in_len, void *arg)
{
	struct tls_context *t = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_len, t->alpn, t->alpn_len, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* A session of one listener is of no use at another, which may ask for other certificates of clients. */
static void set_accept_sessions(SSL_CTX *ctx, const struct tls_settings *set)
{
	unsigned char id[16] = { 0 };

	RAND_bytes(id, sizeof id);
	SSL_CTX_set_session_id_context(ctx, id, sizeof id);
	SSL_CTX_set_timeout(ctx, tls_lifetime_s);
	SSL_CTX_set_session_cache_mode(ctx, tls_cache_sessions ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
	SSL_CTX_sess_set_cache_size(ctx, tls_cache_sessions);
	SSL_CTX_set_num_tickets(ctx, 1);
	if (!set->no_tickets)
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_ticket_key);
}

static struct tls_context *make_accept(const struct tls_settings *set, char *key, struct diag *d)
{
	struct tls_context *t;

	if (tls_tickets_init()) {
		tls_diag(d, &set->at, "cannot make a key for tickets");
		free(key);
		return NULL;
	}
	t = context_new(set, key, d);
	if (!t)
		return NULL;
	t->strict_sni = set->strict_sni;
	t->store = tls_store_load(set, d);
	if (!t->store)
		goto fail;
	t->ctx = tls_store_default(t->store);
	if (t->ctx)
		SSL_CTX_up_ref(t->ctx);
	else if (set->strict_sni)
		t->ctx = tls_ctx_new(set, true, d);
	else
		diag_error(d, &set->at, "'crt FILE' names a certificate", "TLS needs a certificate, and none is given");
	if (!t->ctx)
		goto fail;
	set_accept_sessions(t->ctx, set);
	SSL_CTX_set_tlsext_servername_callback(t->ctx, choose_certificate);
	SSL_CTX_set_tlsext_servername_arg(t->ctx, t);
	if (t->alpn_len)
		SSL_CTX_set_alpn_select_cb(t->ctx, choose_protocol, t);
	return t;
fail:
	tls_context_free(t);
	return NULL;
}

struct tls_context *tls_accept_context(const struct tls_settings *set, struct diag *d)
{
	return context_get(set, true, d, make_accept);
}

/* ---- servers ---- */

static struct tls_context *make_connect(const struct tls_settings *set, char *key, struct diag *d)
{
	struct tls_context *t = context_new(set, key, d);

	if (!t)
		return NULL;
	t->ctx = tls_ctx_new(set, false, d);
	if (!t->ctx || (set->crts && tls_use_file(t->ctx, set->crts, d)))
		goto fail;
	if (t->alpn_len)
		SSL_CTX_set_alpn_protos(t->ctx, t->alpn, t->alpn_len);
	t->verifies_name = set->verify == TLS_VERIFY_REQUIRED;
	if (t->verifies_name && set->verify_host)
		X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(t->ctx), set->verify_host, 0);
	t->keeps_sessions = !set->no_reuse;
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (t->keeps_sessions)
		SSL_CTX_sess_set_new_cb(t->ctx, tls_session_new);
	return t;
fail:
	tls_context_free(t);
	return NULL;
}

struct tls_context *tls_connect_context(const struct tls_settings *set, struct diag *d)
{
	return context_get(set, false, d, make_connect);
}
