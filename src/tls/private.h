/* private: what the files of this room share. */
#ifndef BALLAST_TLS_PRIVATE_H
#define BALLAST_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "ballast/base/strmap.h"
#include "ballast/tls/tls.h"

enum {
	TLS_RECORD_BYTES = 16384,    /* plaintext of a record (RFC 8446 section 5.1) */
	TLS_ROUND_BYTES = 5 * 16384, /* plaintext that is encrypted before it is sent: 64 KiB and a head */
	TLS_OUT_BYTES = 112 * 1024,  /* a round with its framing, a ticket before it */
	TLS_IN_BYTES = 288 * 1024,   /* ciphertext of one read */
	TLS_SESSION_SLOTS = 16,      /* sessions to one server that a thread keeps, by name */
	TLS_KEY_TYPES = 3,           /* RSA, ECDSA, EdDSA */
};

/* A thread's buffers: in use only within a call, of one connection. */
struct tls_thread {
	uint32_t in_at, in_end, out_end;
	char in[TLS_IN_BYTES];
	char out[TLS_OUT_BYTES];
	char record[TLS_RECORD_BYTES];
};
/* NULL where memory is out, which can only be at the thread's first use. */
struct tls_thread *tls_thread(void);

struct tls_conn {
	SSL *ssl;
	struct conn *conn;
	struct tls_context *context;
	char *in; /* ciphertext that was read and not used yet; NULL: none */
	uint32_t in_at, in_end;
	char *out; /* ciphertext that the socket did not take, or that waits for the next write */
	uint32_t out_at, out_end, out_room;
	uint32_t want;  /* bytes worth reading from the socket at once */
	uint8_t early;  /* 1: a byte that the owner still holds is encrypted already */
	bool ended;     /* the socket gave its end */
	bool is_server; /* we are */
	bool counted;
	int error;            /* sticky; negative errno */
	unsigned long reason; /* OpenSSL's code of a failed handshake; 0: none */
	char *sni;            /* that we asked for */
};

struct session_slot {
	uint64_t hash; /* of the name */
	SSL_SESSION *session;
};

struct tls_store;

struct tls_context {
	SSL_CTX *ctx; /* of the default certificate */
	struct tls_store *store;
	bool strict_sni;
	uint8_t *alpn; /* as on the wire, preferred first */
	unsigned alpn_len;
	/* shared.c */
	char *key;
	struct tls_context *next;
	_Atomic uint32_t holders;
	bool listed;
	/* servers: */
	bool keeps_sessions;
	bool verifies_name;
	struct session_slot *sessions[LOOP_THREADS_MAX]; /* made by the thread itself */
};

/* bio.c: the socket as OpenSSL sees it. */
BIO *tls_bio_new(struct tls_conn *t);
/* Keeps what was read and not used. 0 or -ENOMEM. */
int tls_in_keep(struct tls_conn *t);
/* Sends what was written, after what was kept of before.  0; -EAGAIN: the rest is kept; other negative errno. */
int tls_out_send(struct tls_conn *t, bool more);
/* Leaves it for the next write. */
int tls_out_defer(struct tls_conn *t);

/* context.c */
SSL_CTX *tls_ctx_new(const struct tls_settings *set, bool accepts, struct diag *d);
/* Adds ": REASON" of OpenSSL's last error to an error at `at`, and forgets that error. */
void tls_diag(struct diag *d, const struct place *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "http/1.1,h2" to the form of the wire, malloc'ed. */
int tls_alpn_encode(const char *list, uint8_t **out, unsigned *len);

/* shared.c */
/* All that a context is made of: words, and the state of files. malloc'ed; NULL where memory is out. */
char *tls_key(const struct tls_settings *set, bool accepts);
/* The living context of that key, held for the caller; NULL: there is none. */
struct tls_context *tls_shared_find(const char *key);
void tls_shared_add(struct tls_context *t);
bool tls_shared_leave(struct tls_context *t);
/* For a connection; let go by tls_context_free(). From any thread. */
void tls_context_hold(struct tls_context *t);

/* store.c: certificates by name. */
struct tls_store *tls_store_load(const struct tls_settings *set, struct diag *d);
void tls_store_free(struct tls_store *s);
/* The context for a name as clients send it; NULL where no certificate is for it. */
SSL_CTX *tls_store_find(const struct tls_store *s, const char *name);
/* The first certificate's; NULL where there is none. */
SSL_CTX *tls_store_default(const struct tls_store *s);
/* Reads certificate, chain and key of a file into a context, for a server's `crt`. */
int tls_use_file(SSL_CTX *ctx, const struct tls_file *f, struct diag *d);

/* ticket.c: keys of tickets, shared by all contexts, made anew from time to time. */
int tls_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
	int make);
/* Makes the first key and fetches the algorithms. 0 or negative errno. */
int tls_tickets_init(void);

/* transport.c */
extern const struct transport tls_transport;
static inline struct tls_conn *tls_of(const struct conn *c)
{
	return c->transport == &tls_transport ? c->transport_data : NULL;
}
static inline struct tls_conn *tls_of_ssl(const SSL *ssl)
{
	return BIO_get_data(SSL_get_rbio(ssl));
}

/* session.c: sessions to servers. */
void tls_session_offer(struct tls_conn *t);
int tls_session_new(SSL *ssl, SSL_SESSION *session);
void tls_sessions_free(struct tls_context *t);

/* count.c */
bool tls_count_in(bool accepts); /* false: the limit is reached */
void tls_count_out(void);
void tls_count_handshake(const struct tls_conn *t, bool good);
extern uint32_t tls_cache_sessions, tls_lifetime_s;

#endif
