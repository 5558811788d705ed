/* tls: encryption beneath a connection, on both sides, over OpenSSL 3.
 *
 * A context is what a `bind` line or a `server` says: certificates, versions, verification.  It is made while loading,
 * immutable from then on and used by all threads.  A conn that is given to tls_accept() or tls_connect() carries a
 * transport from then on, and everything else speaks to the conn as before.  A build without OpenSSL has the same
 * functions: contexts are refused with an error.
 */
#ifndef BALLAST_TLS_TLS_H
#define BALLAST_TLS_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "ballast/base/diag.h"
#include "ballast/base/slice.h"
#include "ballast/net/conn.h"

enum tls_verify { TLS_VERIFY_NONE, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };
enum tls_version { TLS_VERSION_ANY, TLS_V1_0, TLS_V1_1, TLS_V1_2, TLS_V1_3 };

/* A file or a folder with certificates, and where it was named. */
struct tls_file {
	struct tls_file *next;
	const char *path;
	struct place at;
};

/* What the words of a configuration say. NULL and 0: not said, the default holds. Strings and files live as long as the
 * contexts that are made of it. */
struct tls_settings {
	struct place at;       /* for errors that belong to no single word */
	struct tls_file *crts; /* in the order of the line */
	const char *ca_file;   /* file, folder, or "@system-ca" */
	const char *crl_file;
	const char *alpn;         /* "h2,http/1.1" */
	const char *ciphers;      /* up to TLS 1.2 */
	const char *ciphersuites; /* TLS 1.3 */
	const char *curves;
	const char *verify_host; /* of servers */
	const char *owner;       /* "backend/server": sessions with one server are of no use with another */
	enum tls_verify verify;
	enum tls_version min_version, max_version;
	bool no_tickets, strict_sni, no_reuse;
};

struct tls_context;

/* For listeners. One that lives already where words and files are the same. NULL after a diagnosis, or where memory is
 * out. */
struct tls_context *tls_accept_context(const struct tls_settings *set, struct diag *d);
/* For servers. */
struct tls_context *tls_connect_context(const struct tls_settings *set, struct diag *d);
/* Lets it go: it lives as long as somebody else or a connection holds it. NULL is allowed. */
void tls_context_free(struct tls_context *t);

/* Sessions that one context keeps for clients without tickets, and how long any session may be resumed. Before contexts
 * are made. Defaults 20000 and 300 s. */
void tls_set_sessions(uint32_t count, uint32_t lifetime_s);
/* Limits of the process; 0: none. */
void tls_set_limits(uint32_t connections, uint32_t per_second);
/* `set rate-limit ssl-sessions`. From any thread. */
void tls_set_rate_limit(uint32_t per_second);

/* ---- connections ---- */

/* Puts TLS beneath an open conn to a client (or, tls_connect, to a server, which may still be connecting) and sets
 * CONN_HANDSHAKING; the owner then calls conn.transport->handshake until it is done (conn_finish_connect does that for
 * servers). `sni`: name to ask for, NULL none; it is copied. 0, -ENOMEM, -EUSERS: the process's limit is reached. */
int tls_accept(struct conn *c, struct tls_context *t);
int tls_connect(struct conn *c, struct tls_context *t, const char *sni);
/* Right behind tls_connect: other protocols to agree on than the context's, "http/1.1,h2". 0, -EINVAL, -ENOMEM. */
int tls_offer(struct conn *c, const char *protocols);

static inline bool tls_is_on(const struct conn *c)
{
	return c->transport != NULL;
}
/* Why the handshake failed, in HAProxy's words; into buf, which is returned. */
const char *tls_failure(const struct conn *c, char *buf, size_t len);
/* "TLSv1.3"; "TLS_AES_256_GCM_SHA384"; NULL where the conn is plain or not that far. */
const char *tls_version_name(const struct conn *c);
const char *tls_cipher_name(const struct conn *c);
/* The name that the client asked for; the protocol that was agreed on. Empty: none. They live as long as the conn is
 * open. */
struct slice tls_sni(const struct conn *c);
struct slice tls_alpn(const struct conn *c);
bool tls_is_resumed(const struct conn *c);
/* Of the peer's certificate: whether there is one, OpenSSL's result of verifying it (0: good), its subject as
 * "/C=DE/CN=name" into buf; bytes written, 0 where there is none. */
bool tls_has_peer_certificate(const struct conn *c);
long tls_verify_result(const struct conn *c);
size_t tls_peer_subject(const struct conn *c, char *buf, size_t len);

/* ---- counts ---- */

struct tls_counts {
	uint64_t connections; /* clients, since the start */
	uint64_t failed;      /* handshakes of either side */
	uint64_t client_full, client_resumed, server_full, server_resumed;
	uint32_t current; /* connections of both sides */
	uint32_t limit, rate_limit;
};
/* From any thread. */
void tls_counts(struct tls_counts *out);

/* "OpenSSL 3.0.17 1 Jul 2025"; NULL in a build without it. */
const char *tls_library(void);
/* "3.0.17" */
const char *tls_library_version(void);

#endif
