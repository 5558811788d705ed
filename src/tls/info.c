/* What a connection's two ends agreed on. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

const char *tls_failure(const struct conn *c, char *buf, size_t len)
{
	const struct tls_conn *t = tls_of(c);
	const char *reason = t && t->reason ? ERR_reason_error_string(t->reason) : NULL;
	long verified = t ? SSL_get_verify_result(t->ssl) : X509_V_OK;
	bool is_verify = t && ERR_GET_REASON(t->reason) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK;

	if (!t || !t->reason)
		snprintf(buf, len, "Connection closed during SSL handshake");
	else
		snprintf(buf, len, "SSL handshake failure (error:%08lX:SSL routines::%s%s%s)", t->reason,
			reason ? reason : "", is_verify ? ": " : "",
			is_verify ? X509_verify_cert_error_string(verified) : "");
	return buf;
}

static const struct tls_conn *settled(const struct conn *c)
{
	const struct tls_conn *t = tls_of(c);

	return t && !(c->flags & CONN_HANDSHAKING) ? t : NULL;
}

const char *tls_version_name(const struct conn *c)
{
	const struct tls_conn *t = settled(c);
	return t ? SSL_get_version(t->ssl) : NULL;
}

const char *tls_cipher_name(const struct conn *c)
{
	const struct tls_conn *t = settled(c);
	return t ? SSL_get_cipher_name(t->ssl) : NULL;
}

struct slice tls_sni(const struct conn *c)
{
	const struct tls_conn *t = tls_of(c);
	const char *name = t ? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL;

	return name ? slice_from_str(name) : (struct slice){ 0 };
}

struct slice tls_alpn(const struct conn *c)
{
	const struct tls_conn *t = tls_of(c);
	const unsigned char *name = NULL;
	unsigned len = 0;

	if (t)
		SSL_get0_alpn_selected(t->ssl, &name, &len);
	return (struct slice){ (const char *)name, len };
}

bool tls_is_resumed(const struct conn *c)
{
	const struct tls_conn *t = settled(c);
	return t && SSL_session_reused(t->ssl);
}

bool tls_has_peer_certificate(const struct conn *c)
{
	const struct tls_conn *t = tls_of(c);
	return t && SSL_get0_peer_certificate(t->ssl);
}

long tls_verify_result(const struct conn *c)
{
	const struct tls_conn *t = tls_of(c);
	return t ? SSL_get_verify_result(t->ssl) : X509_V_OK;
}

size_t tls_peer_subject(const struct conn *c, char *buf, size_t len)
{
	const struct tls_conn *t = tls_of(c);
	X509 *x = t ? SSL_get0_peer_certificate(t->ssl) : NULL;

	if (!x || len > INT32_MAX || !X509_NAME_oneline(X509_get_subject_name(x), buf, (int)len))
		return 0;
	return strlen(buf);
}

const char *tls_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

const char *tls_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}
