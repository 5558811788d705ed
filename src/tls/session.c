/* Sessions to servers: each thread keeps, for each server and name, the last one that it was given, and offers it with
 * the next connection. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "private.h"

static uint64_t name_hash(const struct tls_conn *t)
{
	return t->sni ? XXH3_64bits(t->sni, strlen(t->sni)) | 1 : 1;
}

static struct session_slot *slot_of(struct tls_conn *t, uint64_t hash, bool make)
{
	struct session_slot **slots = &t->context->sessions[loop_self->index];

	if (!*slots && make)
		*slots = calloc(TLS_SESSION_SLOTS, sizeof **slots);
	return *slots ? *slots + hash / 2 % TLS_SESSION_SLOTS : NULL;
}

/* A name may share its hash with another: a session is used for the very name that it was made for. */
static bool is_for(const SSL_SESSION *s, const char *sni)
{
	const char *name = SSL_SESSION_get0_hostname(s);

	return sni ? name && strcmp(name, sni) == 0 : !name;
}

void tls_session_offer(struct tls_conn *t)
{
	uint64_t hash = name_hash(t);
	struct session_slot *slot = t->context->keeps_sessions && loop_self ? slot_of(t, hash, false) : NULL;

	if (slot && slot->hash == hash && slot->session && is_for(slot->session, t->sni))
		SSL_set_session(t->ssl, slot->session);
}

int tls_session_new(SSL *ssl, SSL_SESSION *session)
{
	struct tls_conn *t = tls_of_ssl(ssl);
	uint64_t hash = name_hash(t);
	struct session_slot *slot = loop_self ? slot_of(t, hash, true) : NULL;

	if (!slot || !SSL_SESSION_is_resumable(session))
		return 0;
	SSL_SESSION_free(slot->session);
	*slot = (struct session_slot){ hash, session };
	return 1; /* it is ours now */
}

void tls_sessions_free(struct tls_context *t)
{
	for (unsigned i = 0; i < LOOP_THREADS_MAX; i++) {
		for (unsigned k = 0; t->sessions[i] && k < TLS_SESSION_SLOTS; k++)
			SSL_SESSION_free(t->sessions[i][k].session);
		free(t->sessions[i]);
	}
}
