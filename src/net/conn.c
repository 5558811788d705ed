/* conn: a connected stream socket, plain, or through its transport.
 *
 * Without a transport each call is one system call.  What must stay true: a direction loses its readiness only where
 * the kernel has said that it is drained or full, since an edge-triggered event does not come twice.
 */
#include "ballast/net/conn.h"

#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ballast/base/assert.h"

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { PORTS_TRIED = 10 };

static int set_flag(int fd, int level, int option)
{
	int on = 1;
	return setsockopt(fd, level, option, &on, sizeof on) < 0 ? -errno : 0;
}

int conn_open(struct conn *c, int fd, void (*ready)(struct watch *w, unsigned bits))
{
	c->flags = CONN_WRITABLE;
	c->transport = NULL;
	c->transport_data = NULL;
	return loop_add(loop_self, &c->watch, fd, ready);
}

void conn_open_unwatched(struct conn *c, int fd, void (*ready)(struct watch *w, unsigned bits))
{
	c->watch = (struct watch){ .fd = fd, .ready = ready };
	c->flags = CONN_READABLE | CONN_WRITABLE | CONN_UNWATCHED;
	c->transport = NULL;
	c->transport_data = NULL;
}

int conn_watch_slow(struct conn *c)
{
	int fd = c->watch.fd, rc = loop_add(loop_self, &c->watch, fd, c->watch.ready);
	if (rc == 0)
		c->flags &= ~(uint32_t)CONN_UNWATCHED;
	else
		c->watch.fd = fd; /* still to be closed */
	return rc;
}

static int bind_source(int fd, const struct endpoint *source)
{
	bool is_ip = source->sa.sa_family == AF_INET || source->sa.sa_family == AF_INET6;
	/* Without a port, the kernel chooses it at connect, when it knows the destination: else the whole machine
	 * would share one range of ports for all of them. */
	if (is_ip && addr_port(&source->ip) == 0)
		set_flag(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	else if (is_ip)
		set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
	return bind(fd, &source->sa, source->len) < 0 ? -errno : 0;
}

static int prepare_socket(int fd, const struct endpoint *to, const struct conn_options *o,
	const struct endpoint *source)
{
	bool is_ip = to->sa.sa_family != AF_UNIX;
	int err = is_ip ? set_flag(fd, IPPROTO_TCP, TCP_NODELAY) : 0;
	if (err || !o || !is_ip)
		return err;
	if (o->keepalive)
		set_flag(fd, SOL_SOCKET, SO_KEEPALIVE);
	if (o->tfo)
		set_flag(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT);
	if (o->user_timeout_ms)
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &o->user_timeout_ms, sizeof o->user_timeout_ms);
	if (o->interface &&
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->interface, (socklen_t)strlen(o->interface)) < 0)
		return -errno;
	return source ? bind_source(fd, source) : 0;
}

static int start_connect(int fd, const struct endpoint *to)
{
	if (connect(fd, &to->sa, to->len) == 0)
		return 0;
	if (errno == EINPROGRESS || errno == EINTR)
		return -EINPROGRESS;
	/* With an IP address that means no route entry or port to be had; with a unix socket a full backlog. */
	return errno == EAGAIN && to->sa.sa_family != AF_UNIX ? -EADDRNOTAVAIL : -errno;
}

static int connect_from(struct conn *c, const struct endpoint *to, const struct conn_options *o,
	const struct endpoint *source, void (*ready)(struct watch *w, unsigned bits))
{
	c->watch.fd = -1;
	if (!to->len)
		return -EAFNOSUPPORT;
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int err = prepare_socket(fd, to, o, source);
	if (err)
		goto fail;
	int started = start_connect(fd, to);
	err = started == -EINPROGRESS ? 0 : started;
	if (err)
		goto fail;
	/* Only now: epoll reports a socket that was never connected as hung up. */
	err = conn_open(c, fd, ready);
	if (err)
		goto fail;
	if (started == -EINPROGRESS)
		c->flags = CONN_CONNECTING;
	return 0;
fail:
	close(fd);
	return err;
}

/* A port may be refused where somebody else has it, or where the system still remembers its last connection. */
static int connect_from_range(struct conn *c, const struct endpoint *to, const struct conn_options *o,
	void (*ready)(struct watch *w, unsigned bits))
{
	struct endpoint source = *o->source;
	int err = -EADDRNOTAVAIL;
	for (unsigned i = 0; i < PORTS_TRIED && (err == -EADDRNOTAVAIL || err == -EADDRINUSE); i++) {
		uint16_t port = port_range_take(o->ports);
		if (!port)
			return -EADDRNOTAVAIL;
		addr_set_port(&source.ip, port);
		err = connect_from(c, to, o, &source, ready);
		if (err)
			port_range_give(o->ports, port);
		else
			*o->port = port;
	}
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

int conn_connect(struct conn *c, const struct endpoint *to, const struct conn_options *o,
	void (*ready)(struct watch *w, unsigned bits))
{
	c->watch.fd = -1;
	if (o && o->ports)
		return connect_from_range(c, to, o, ready);
	return connect_from(c, to, o, o ? o->source : NULL, ready);
}

int conn_finish_tcp(struct conn *c)
{
	if (!(c->flags & CONN_CONNECTING))
		return 0;
	if (c->flags & CONN_ERROR) {
		int reason = 0;
		socklen_t len = sizeof reason;
		getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &reason, &len);
		if (reason)
			return -reason;
		/* Connected, and reset or closed since: reading tells. */
	} else if (!(c->flags & CONN_WRITABLE)) {
		return -EAGAIN;
	}
	c->flags &= ~(uint32_t)CONN_CONNECTING;
	return 0;
}

int conn_finish_connect(struct conn *c)
{
	int err = conn_finish_tcp(c);

	return !err && c->flags & CONN_HANDSHAKING ? c->transport->handshake(c) : err;
}

static ssize_t failed(struct conn *c, int err, uint32_t direction)
{
	if (err == EAGAIN || err == EWOULDBLOCK) {
		c->flags &= ~direction;
		return -EAGAIN;
	}
	c->flags |= CONN_ERROR;
	return -err;
}

static ssize_t plain_recv(struct conn *c, void *buf, size_t len)
{
	ssize_t n;
	do
		n = recv(c->watch.fd, buf, len, 0);
	while (BL_UNLIKELY(n < 0 && errno == EINTR));
	if (n < 0)
		return failed(c, errno, CONN_READABLE);
	if (n == 0) {
		c->flags = (c->flags | CONN_PEER_ENDED | CONN_EOF_READ) & ~(uint32_t)CONN_READABLE;
		return 0;
	}
	if ((size_t)n < len && !(c->flags & (CONN_PEER_ENDED | CONN_ERROR)))
		c->flags &= ~(uint32_t)CONN_READABLE;
	return n;
}

ssize_t conn_recv(struct conn *c, void *buf, size_t len)
{
	BL_ASSERT(len > 0);
	return c->transport ? c->transport->recv(c, buf, len) : plain_recv(c, buf, len);
}

static ssize_t plain_send(struct conn *c, const void *buf, size_t len, int flags)
{
	ssize_t n;
	do
		n = send(c->watch.fd, buf, len, flags);
	while (BL_UNLIKELY(n < 0 && errno == EINTR));
	if (n < 0)
		return failed(c, errno, CONN_WRITABLE);
	if ((size_t)n < len)
		c->flags &= ~(uint32_t)CONN_WRITABLE;
	return n;
}

static ssize_t plain_sendv(struct conn *c, const struct iovec *iov, int count, int flags)
{
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
	size_t len = 0;
	ssize_t n;
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	do
		n = sendmsg(c->watch.fd, &m, flags);
	while (BL_UNLIKELY(n < 0 && errno == EINTR));
	if (n < 0)
		return failed(c, errno, CONN_WRITABLE);
	if ((size_t)n < len)
		c->flags &= ~(uint32_t)CONN_WRITABLE;
	return n;
}

ssize_t conn_sendv(struct conn *c, const struct iovec *iov, int count, bool more)
{
	int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	if (c->transport)
		return c->transport->sendv(c, iov, count, more);
	c->flags = more ? c->flags | CONN_HELD_BACK : c->flags & ~(uint32_t)CONN_HELD_BACK;
	return count == 1 ? plain_send(c, iov[0].iov_base, iov[0].iov_len, flags) : plain_sendv(c, iov, count, flags);
}

ssize_t conn_send(struct conn *c, const void *buf, size_t len)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	return conn_sendv(c, &iov, 1, false);
}

void conn_shut_write(struct conn *c)
{
	if (!conn_is_open(c) || c->flags & CONN_SHUT_WRITE)
		return;
	c->flags |= CONN_SHUT_WRITE;
	if (c->transport && c->transport->shutdown)
		c->transport->shutdown(c);
	shutdown(c->watch.fd, SHUT_WR);
}

void conn_close(struct conn *c)
{
	if (!conn_is_open(c))
		return;
	if (c->transport) {
		c->transport->free(c);
		c->transport = NULL;
	}
	if (c->flags & CONN_HELD_BACK && !(c->flags & CONN_SHUT_WRITE))
		loop_finish_later(loop_self, &c->watch);
	else
		loop_close_later(loop_self, &c->watch);
}

void conn_reset(struct conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	if (conn_is_open(c))
		setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	c->flags &= ~(uint32_t)CONN_HELD_BACK;
	c->flags |= CONN_ERROR; /* the transport says no good-bye either */
	conn_close(c);
}

void conn_detach(struct conn *c)
{
	int fd = c->watch.fd;
	loop_remove(loop_self, &c->watch);
	c->watch.fd = fd; /* it stays open */
}

int conn_attach(struct conn *c)
{
	int fd = c->watch.fd;
	int err = loop_add(loop_self, &c->watch, fd, c->watch.ready);
	c->watch.fd = fd;
	return err;
}

bool conn_is_quiet(struct conn *c)
{
	char byte;
	ssize_t n;
	if (c->transport) /* what is none of the owner's business may have come (a ticket): only reading tells */
		return c->transport->recv(c, &byte, 1) == -EAGAIN;
	do
		n = recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void ip_of(int (*get)(int fd, struct sockaddr *sa, socklen_t *len), int fd, union addr *out)
{
	struct sockaddr_storage storage;
	socklen_t len = sizeof storage;
	*out = (union addr){ .family = AF_UNSPEC };
	if (get(fd, (struct sockaddr *)&storage, &len) < 0)
		return;
	if (storage.ss_family == AF_INET)
		memcpy(&out->v4, &storage, sizeof out->v4);
	else if (storage.ss_family == AF_INET6)
		memcpy(&out->v6, &storage, sizeof out->v6);
}

void conn_local_addr(const struct conn *c, union addr *out)
{
	ip_of(getsockname, c->watch.fd, out);
}

void conn_peer_addr(const struct conn *c, union addr *out)
{
	ip_of(getpeername, c->watch.fd, out);
}

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void make_scratch_key(void)
{
	BL_ASSERT(pthread_key_create(&scratch_key, free) == 0);
}

char *conn_scratch(void)
{
	static __thread char *scratch;
	if (BL_LIKELY(scratch != NULL))
		return scratch;
	pthread_once(&scratch_once, make_scratch_key);
	scratch = aligned_alloc(4096, CONN_SCRATCH_BYTES);
	BL_ASSERT(scratch != NULL);
	pthread_setspecific(scratch_key, scratch); /* freed when the thread ends */
	return scratch;
}
