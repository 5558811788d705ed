/* TLS as the transport of a conn.
 *
 * Readiness: CONN_READABLE stays set while plaintext or ciphertext is held here, since no event will tell of it.
 * Writing: a whole batch becomes as few records as it can, and these one send.  Ciphertext that the socket does not take
 * is kept here, and the owner is told that the last byte was not taken: it then comes back when the socket is writable,
 * with that byte first, which is known to be encrypted already (`early`).
 */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* A stale error would be taken for one of the next call. */
static inline void forget_errors(void)
{
	if (BL_UNLIKELY(ERR_peek_error() != 0))
		ERR_clear_error();
}

static bool has_input(const struct tls_conn *t)
{
	const struct tls_thread *th = tls_thread();

	return t->in || th->in_at < th->in_end || SSL_pending(t->ssl) > 0;
}

/* After a call in which OpenSSL may have read. */
static void note_input(struct tls_conn *t)
{
	if (has_input(t) || (t->ended && !(t->conn->flags & CONN_EOF_READ)))
		t->conn->flags |= CONN_READABLE;
	if (tls_in_keep(t) < 0)
		t->error = -ENOMEM;
}

/* What a failed call means. 0: the peer's end. */
static int failure(struct tls_conn *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN: return 0;
	case SSL_ERROR_SYSCALL:
		if (!t->error && t->ended)
			return 0;
		return t->error ? t->error : -ECONNRESET;
	default: return t->error ? t->error : -EBADMSG;
	}
}

/* ---- reading ---- */

static ssize_t tls_recv(struct conn *c, void *buf, size_t len)
{
	struct tls_conn *t = c->transport_data;
	size_t done = 0;
	int n = 1;

	if (t->error)
		return t->error;
	forget_errors();
	t->want = len < TLS_IN_BYTES - 1024 ? (uint32_t)len + 1024 : TLS_IN_BYTES;
	while (done < len) {
		n = SSL_read(t->ssl, (char *)buf + done, len - done > INT32_MAX ? INT32_MAX : (int)(len - done));
		if (n <= 0)
			break;
		done += (size_t)n;
		/* What would come next is known: spares OpenSSL the attempt. */
		if (!(c->flags & CONN_READABLE) && !has_input(t))
			break;
	}
	int err = n <= 0 ? failure(t, n) : 0;
	note_input(t);
	if (BL_UNLIKELY(tls_thread()->out_end))
		tls_out_send(t, false); /* an answer to a key update, an alert */
	if (n > 0 || (done && err == -EAGAIN))
		return (ssize_t)done;
	if (err == 0) {
		c->flags |= CONN_PEER_ENDED;
		if (!done)
			c->flags = (c->flags | CONN_EOF_READ) & ~(uint32_t)CONN_READABLE;
		else
			c->flags |= CONN_READABLE; /* the end is told by the next call */
		return (ssize_t)done;
	}
	if (err != -EAGAIN) {
		t->error = err;
		c->flags |= CONN_ERROR | CONN_READABLE;
	}
	return done ? (ssize_t)done : err;
}

/* ---- writing ---- */

/* Walks the pieces. */
struct pieces {
	const struct iovec *v;
	int left;
	size_t at; /* within v[0] */
};

/* Passes over `n` bytes, and over empty pieces behind them. */
static void pieces_skip(struct pieces *p, size_t n)
{
	while (p->left && n >= p->v->iov_len - p->at) {
		n -= p->v->iov_len - p->at;
		p->v++;
		p->left--;
		p->at = 0;
	}
	p->at += n;
}

static void pieces_copy(struct pieces *p, char *to, size_t n)
{
	while (n) {
		size_t have = p->v->iov_len - p->at, some = have < n ? have : n;
		memcpy(to, (const char *)p->v->iov_base + p->at, some);
		pieces_skip(p, some);
		to += some;
		n -= some;
	}
}

/* Encrypts the next `len` bytes. */
static int encrypt(struct tls_conn *t, struct pieces *p, size_t len)
{
	struct tls_thread *th = tls_thread();

	while (len) {
		size_t have, n = len < TLS_RECORD_BYTES ? len : TLS_RECORD_BYTES;
		const char *at;
		have = p->v->iov_len - p->at;
		if (have >= n) { /* lies in one piece: no copy, and whole records in one go */
			n = have < len ? have - have % TLS_RECORD_BYTES : len;
			at = (const char *)p->v->iov_base + p->at;
			pieces_skip(p, n);
		} else {
			at = th->record;
			pieces_copy(p, th->record, n);
		}
		int written = SSL_write(t->ssl, at, (int)n);
		if (written <= 0)
			return failure(t, written) == -EAGAIN ? -EPROTO : -EPIPE;
		len -= n;
	}
	return 0;
}

static int write_failed(struct tls_conn *t, int err)
{
	t->conn->flags |= CONN_ERROR;
	t->error = err;
	tls_thread()->out_end = 0;
	return err;
}

static ssize_t tls_sendv(struct conn *c, const struct iovec *iov, int count, bool more)
{
	struct tls_conn *t = c->transport_data;
	struct pieces p = { iov, count, 0 };
	size_t total = 0, done = t->early;
	int err;

	if (t->error)
		return t->error;
	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (BL_UNLIKELY(t->early)) {
		err = tls_out_send(t, false);
		if (err)
			return err;
		t->early = 0;
	}
	pieces_skip(&p, done);
	forget_errors();
	while (done < total) {
		size_t n = total - done < TLS_ROUND_BYTES ? total - done : TLS_ROUND_BYTES;
		err = encrypt(t, &p, n);
		if (BL_UNLIKELY(tls_thread()->in_end))
			note_input(t);
		if (err)
			return write_failed(t, err);
		done += n;
		err = tls_out_send(t, more || done < total);
		if (err == -EAGAIN) {
			t->early = 1;
			return done > 1 ? (ssize_t)done - 1 : -EAGAIN;
		}
		if (err)
			return write_failed(t, err);
	}
	return (ssize_t)total;
}

/* ---- begun and ended ---- */

/* Somewhere among the errors, all of which it takes.  Not every function of OpenSSL that finds no memory says so: some
 * call it an internal error, which is no peer's doing either. */
static bool out_of_memory(void)
{
	unsigned long e;
	bool found = false;

	while ((e = ERR_get_error()))
		found |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE || ERR_GET_REASON(e) == ERR_R_INTERNAL_ERROR;
	return found;
}

static int handshake_failed(struct tls_conn *t, int result)
{
	int err = failure(t, result);

	if (err == -EAGAIN)
		return tls_out_send(t, false) == -EAGAIN || !t->error ? -EAGAIN : t->error;
	t->reason = ERR_peek_error();
	if (out_of_memory()) /* it is not the peer's fault */
		err = -ENOMEM;
	tls_out_send(t, false); /* the alert */
	tls_count_handshake(t, false);
	t->error = err == 0 ? -ECONNRESET : err;
	t->conn->flags |= CONN_ERROR;
	return t->error;
}

static int tls_handshake(struct conn *c)
{
	struct tls_conn *t = c->transport_data;
	int n, err;

	if (t->error)
		return t->error;
	if (t->out && (err = tls_out_send(t, false)) < 0)
		return err;
	forget_errors();
	t->want = TLS_RECORD_BYTES;
	n = SSL_do_handshake(t->ssl);
	if (n != 1) {
		err = handshake_failed(t, n);
		note_input(t);
		return err;
	}
	note_input(t);
	/* Of TLS 1.3 only a ticket is left to be said, which goes with the first answer. */
	if (t->is_server && SSL_version(t->ssl) == TLS1_3_VERSION)
		err = tls_out_defer(t);
	else
		err = tls_out_send(t, false);
	if (err < 0 && err != -EAGAIN)
		return write_failed(t, err);
	c->flags &= ~(uint32_t)CONN_HANDSHAKING;
	tls_count_handshake(t, true);
	return 0;
}

static void tls_shutdown(struct conn *c)
{
	struct tls_conn *t = c->transport_data;

	if (t->error || t->early || c->flags & (CONN_ERROR | CONN_HANDSHAKING))
		return;
	forget_errors();
	SSL_shutdown(t->ssl);
	forget_errors();
	tls_out_send(t, false);
}

static void tls_free(struct conn *c)
{
	struct tls_conn *t = c->transport_data;

	if (!(c->flags & (CONN_PEER_ENDED | CONN_EOF_READ | CONN_SHUT_WRITE)))
		tls_shutdown(c);
	/* Else OpenSSL takes the session for broken and throws it out of its cache. */
	SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	tls_context_free(t->context);
	free(t->in);
	free(t->out);
	free(t->sni);
	free(t);
	c->transport_data = NULL;
	tls_count_out();
}

const struct transport tls_transport = {
	.name = "tls",
	.recv = tls_recv,
	.sendv = tls_sendv,
	.handshake = tls_handshake,
	.shutdown = tls_shutdown,
	.free = tls_free,
	.can_splice = false,
};

static int attach(struct conn *c, struct tls_context *context, bool accepts)
{
	struct tls_conn *t;
	BIO *bio;

	if (!tls_thread())
		return -ENOMEM;
	if (!tls_count_in(accepts))
		return -EUSERS;
	t = calloc(1, sizeof *t);
	if (!t)
		goto no_memory;
	t->conn = c;
	t->context = context;
	t->is_server = accepts;
	t->ssl = SSL_new(context->ctx);
	bio = t->ssl ? tls_bio_new(t) : NULL;
	if (!bio)
		goto no_memory;
	SSL_set_bio(t->ssl, bio, bio);
	tls_context_hold(context);
	c->transport = &tls_transport;
	c->transport_data = t;
	c->flags |= CONN_HANDSHAKING;
	return 0;
no_memory:
	if (t)
		SSL_free(t->ssl);
	free(t);
	tls_count_out();
	ERR_clear_error();
	return -ENOMEM;
}

int tls_accept(struct conn *c, struct tls_context *context)
{
	int err = attach(c, context, true);

	if (!err)
		SSL_set_accept_state(tls_of(c)->ssl);
	return err;
}

static int ask_for(struct tls_conn *t, const char *sni)
{
	t->sni = strdup(sni);
	if (!t->sni || SSL_set_tlsext_host_name(t->ssl, sni) != 1)
		return -ENOMEM;
	if (t->context->verifies_name && SSL_set1_host(t->ssl, sni) != 1)
		return -ENOMEM;
	return 0;
}

int tls_connect(struct conn *c, struct tls_context *context, const char *sni)
{
	int err = attach(c, context, false);
	struct tls_conn *t;

	if (err)
		return err;
	t = tls_of(c);
	SSL_set_connect_state(t->ssl);
	if (sni && *sni)
		err = ask_for(t, sni);
	if (!err)
		tls_session_offer(t);
	forget_errors();
	return err; /* freed when the conn is closed */
}

int tls_offer(struct conn *c, const char *protocols)
{
	uint8_t *wire = NULL;
	unsigned len = 0;
	int err = tls_alpn_encode(protocols, &wire, &len);

	if (!err && SSL_set_alpn_protos(tls_of(c)->ssl, wire, len))
		err = -ENOMEM;
	free(wire);
	forget_errors();
	return err;
}
