/* The socket as OpenSSL sees it.
 *
 * Reading takes from the socket in large pieces into the thread's buffer, so that a record's head and body, and several
 * records, cost one system call; what OpenSSL did not use when the call ends is kept with the connection.  Writing
 * collects in the thread's buffer, so that several records leave in one call.  Within a call both buffers belong to
 * one connection, and both are empty when it ends.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void make_thread_key(void)
{
	BL_ASSERT(pthread_key_create(&thread_key, free) == 0);
}

struct tls_thread *tls_thread(void)
{
	static __thread struct tls_thread *self;

	if (BL_LIKELY(self != NULL))
		return self;
	pthread_once(&thread_once, make_thread_key);
	self = malloc(sizeof *self);
	if (!self)
		return NULL;
	self->in_at = self->in_end = self->out_end = 0;
	pthread_setspecific(thread_key, self); /* freed when the thread ends */
	return self;
}

/* ---- reading ---- */

/* Reads from the socket as conn_recv does. Bytes, 0 at the end, negative errno. */
static ssize_t fill(struct tls_conn *t, struct tls_thread *th)
{
	struct conn *c = t->conn;
	size_t want = t->want < TLS_IN_BYTES ? t->want : TLS_IN_BYTES;
	ssize_t n;

	if (!(c->flags & CONN_READABLE) || t->ended)
		return t->ended ? 0 : -EAGAIN;
	do
		n = recv(c->watch.fd, th->in, want, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN)
			c->flags |= CONN_ERROR;
		c->flags &= ~(uint32_t)CONN_READABLE;
		return -errno;
	}
	if (n == 0) {
		t->ended = true;
		c->flags = (c->flags | CONN_PEER_ENDED) & ~(uint32_t)CONN_READABLE;
	} else if ((size_t)n < want && !(c->flags & (CONN_PEER_ENDED | CONN_ERROR))) {
		c->flags &= ~(uint32_t)CONN_READABLE;
	}
	th->in_at = 0;
	th->in_end = (uint32_t)n;
	return n;
}

static int take(char *to, int len, const char *from, uint32_t *at, uint32_t end)
{
	uint32_t n = end - *at < (uint32_t)len ? end - *at : (uint32_t)len;

	memcpy(to, from + *at, n);
	*at += n;
	return (int)n;
}

static int bio_read(BIO *b, char *to, int len)
{
	struct tls_conn *t = BIO_get_data(b);
	struct tls_thread *th = tls_thread();
	ssize_t n;

	BIO_clear_retry_flags(b);
	if (len <= 0 || !th)
		return 0;
	if (t->in) {
		int taken = take(to, len, t->in, &t->in_at, t->in_end);
		if (t->in_at == t->in_end) {
			free(t->in);
			t->in = NULL;
		}
		return taken;
	}
	if (th->in_at == th->in_end) {
		n = fill(t, th);
		if (n <= 0) {
			if (n == -EAGAIN)
				BIO_set_retry_read(b);
			else if (n < 0)
				t->error = (int)n;
			return n == 0 ? 0 : -1;
		}
	}
	return take(to, len, th->in, &th->in_at, th->in_end);
}

int tls_in_keep(struct tls_conn *t)
{
	struct tls_thread *th = tls_thread();
	uint32_t left = th->in_end - th->in_at;

	if (BL_LIKELY(!left))
		return 0;
	BL_ASSERT(!t->in); /* the thread's buffer is filled only once the kept bytes are used */
	t->in = malloc(left);
	if (t->in) {
		memcpy(t->in, th->in + th->in_at, left);
		t->in_at = 0;
		t->in_end = left;
	}
	th->in_at = th->in_end = 0;
	return t->in ? 0 : -ENOMEM;
}

/* ---- writing ---- */

static int keep_out(struct tls_conn *t, const char *at, uint32_t len)
{
	uint32_t held = t->out ? t->out_end - t->out_at : 0;

	if (t->out && t->out_at) {
		memmove(t->out, t->out + t->out_at, held);
		t->out_at = 0;
		t->out_end = held;
	}
	if (!t->out || t->out_room - held < len) {
		char *grown = realloc(t->out, held + len);
		if (!grown)
			return -ENOMEM;
		t->out = grown;
		t->out_room = held + len;
		t->out_at = 0;
	}
	memcpy(t->out + held, at, len);
	t->out_end = held + len;
	return 0;
}

static ssize_t send_some(struct conn *c, const char *at, size_t len, bool more)
{
	ssize_t n;

	do
		n = send(c->watch.fd, at, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno == EAGAIN)
			c->flags &= ~(uint32_t)CONN_WRITABLE;
		else
			c->flags |= CONN_ERROR;
		return -errno;
	}
	if ((size_t)n < len)
		c->flags &= ~(uint32_t)CONN_WRITABLE;
	return n;
}

static int send_kept(struct tls_conn *t)
{
	while (t->out) {
		ssize_t n = send_some(t->conn, t->out + t->out_at, t->out_end - t->out_at, false);
		if (n < 0)
			return (int)n;
		t->out_at += (uint32_t)n;
		if (t->out_at < t->out_end)
			return -EAGAIN;
		free(t->out);
		t->out = NULL;
	}
	return 0;
}

/* A small piece that was left for now goes before what was written since, in one call. */
static void take_deferred(struct tls_conn *t, struct tls_thread *th)
{
	uint32_t len = t->out_end - t->out_at;

	if (!t->out || !th->out_end || len > TLS_OUT_BYTES - th->out_end)
		return;
	memmove(th->out + len, th->out, th->out_end);
	memcpy(th->out, t->out + t->out_at, len);
	th->out_end += len;
	free(t->out);
	t->out = NULL;
}

int tls_out_send(struct tls_conn *t, bool more)
{
	struct tls_thread *th = tls_thread();
	uint32_t len, sent = 0;
	int err = 0;

	if (BL_UNLIKELY(t->out != NULL)) {
		if (t->conn->flags & CONN_WRITABLE && t->out_end - t->out_at <= 4096)
			take_deferred(t, th);
		err = send_kept(t);
	}
	len = th->out_end;
	th->out_end = 0;
	if (!err && len) {
		ssize_t n = send_some(t->conn, th->out, len, more);
		if (n >= 0)
			sent = (uint32_t)n;
		err = n < 0 ? (int)n : sent < len ? -EAGAIN : 0;
	}
	if (err == -EAGAIN && sent < len && keep_out(t, th->out + sent, len - sent) < 0)
		return -ENOMEM;
	return err;
}

int tls_out_defer(struct tls_conn *t)
{
	struct tls_thread *th = tls_thread();
	uint32_t len = th->out_end;

	th->out_end = 0;
	return len ? keep_out(t, th->out, len) : 0;
}

/* Takes everything: what does not fit into the buffer (a long chain of certificates) is sent or kept. */
static int bio_write(BIO *b, const char *at, int len)
{
	struct tls_conn *t = BIO_get_data(b);
	struct tls_thread *th = tls_thread();
	int left = len;

	BIO_clear_retry_flags(b);
	while (left > 0 && th) {
		uint32_t room = TLS_OUT_BYTES - th->out_end, n = room < (uint32_t)left ? room : (uint32_t)left;
		memcpy(th->out + th->out_end, at, n);
		th->out_end += n;
		at += n;
		left -= (int)n;
		if (left) {
			int err = tls_out_send(t, true);
			if (err < 0 && err != -EAGAIN) {
				t->error = err;
				return -1;
			}
		}
	}
	return len - left;
}

static long bio_ctrl(BIO *b, int command, long number, void *pointer)
{
	(void)b, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH; /* what is written is sent by whoever called OpenSSL */
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ballast");
	if (!method)
		return;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *tls_bio_new(struct tls_conn *t)
{
	BIO *b;

	pthread_once(&method_once, make_method);
	b = method ? BIO_new(method) : NULL;
	if (!b)
		return NULL;
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	return b;
}
