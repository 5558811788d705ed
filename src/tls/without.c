/* The room's functions in a build without OpenSSL: a context is refused, so no connection ever carries TLS. */
#include <stddef.h>

#include "ballast/tls/tls.h"

static struct tls_context *refuse(const struct tls_settings *set, struct diag *d)
{
	diag_error(d, &set->at, NULL, "TLS is not in this build: it was configured --without-openssl");
	return NULL;
}

struct tls_context *tls_accept_context(const struct tls_settings *set, struct diag *d)
{
	return refuse(set, d);
}

struct tls_context *tls_connect_context(const struct tls_settings *set, struct diag *d)
{
	return refuse(set, d);
}

void tls_context_free(struct tls_context *t)
{
	(void)t;
}

void tls_set_sessions(uint32_t count, uint32_t lifetime_s)
{
	(void)count, (void)lifetime_s;
}

void tls_set_limits(uint32_t connections, uint32_t per_second)
{
	(void)connections, (void)per_second;
}

void tls_set_rate_limit(uint32_t per_second)
{
	(void)per_second;
}

int tls_accept(struct conn *c, struct tls_context *t)
{
	(void)c, (void)t;
	return -ENOSYS;
}

int tls_connect(struct conn *c, struct tls_context *t, const char *sni)
{
	(void)c, (void)t, (void)sni;
	return -ENOSYS;
}

int tls_offer(struct conn *c, const char *protocols)
{
	(void)c, (void)protocols;
	return -ENOSYS;
}

const char *tls_failure(const struct conn *c, char *buf, size_t len)
{
	(void)c;
	if (len)
		*buf = '\0';
	return buf;
}

const char *tls_version_name(const struct conn *c)
{
	(void)c;
	return NULL;
}

const char *tls_cipher_name(const struct conn *c)
{
	(void)c;
	return NULL;
}

struct slice tls_sni(const struct conn *c)
{
	(void)c;
	return (struct slice){ 0 };
}

struct slice tls_alpn(const struct conn *c)
{
	(void)c;
	return (struct slice){ 0 };
}

bool tls_is_resumed(const struct conn *c)
{
	(void)c;
	return false;
}

bool tls_has_peer_certificate(const struct conn *c)
{
	(void)c;
	return false;
}

long tls_verify_result(const struct conn *c)
{
	(void)c;
	return 0;
}

size_t tls_peer_subject(const struct conn *c, char *buf, size_t len)
{
	(void)c, (void)buf, (void)len;
	return 0;
}

void tls_counts(struct tls_counts *out)
{
	*out = (struct tls_counts){ 0 };
}

const char *tls_library(void)
{
	return NULL;
}

const char *tls_library_version(void)
{
	return NULL;
}
