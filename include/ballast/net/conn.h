/* conn: one connected stream socket with a transport beneath (plain; TLS comes as another).
 *
 * A conn is embedded in its owner (a client's HTTP/1 connection, a server connection, a TCP session's side, a
 * check), which gets `ready` from the loop.  Readiness is remembered here: with edge-triggered events a
 * direction counts as ready until a call says EAGAIN, or, reading, until less came than was asked for.
 * A conn belongs to the loop that it is registered with.
 */
#ifndef BALLAST_NET_CONN_H
#define BALLAST_NET_CONN_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "ballast/event/loop.h"
#include "ballast/net/addr.h"
#include "ballast/net/port_range.h"

struct conn;

/* What lies between a connection and its bytes.  NULL in conn.transport is plain TCP or unix: the calls below then
 * go straight to the kernel.  Results mean the same as those of conn_*. */
struct transport {
	const char *name;
	ssize_t (*recv)(struct conn *c, void *buf, size_t len);
	ssize_t (*sendv)(struct conn *c, const struct iovec *iov, int count, bool more);
	int (*handshake)(struct conn *c); /* 0 done, -EAGAIN, other negative errno */
	void (*shutdown)(struct conn *c); /* says good-bye (close_notify) */
	void (*free)(struct conn *c);
	bool can_splice;
};

enum conn_flags {
	CONN_READABLE = 1u << 0, /* the last event or read left something to read */
	CONN_WRITABLE = 1u << 1,
	CONN_PEER_ENDED = 1u << 2, /* the peer ended its side; bytes may still be buffered */
	CONN_ERROR = 1u << 3,
	CONN_CONNECTING = 1u << 4,
	CONN_SHUT_WRITE = 1u << 5,  /* we ended our side */
	CONN_EOF_READ = 1u << 6,    /* a read returned the peer's end */
	CONN_UNWATCHED = 1u << 7,   /* opened with conn_open_unwatched(), no events yet */
	CONN_HELD_BACK = 1u << 9,   /* the last bytes were sent with `more`: they may still be held back */
	CONN_HANDSHAKING = 1u << 8, /* its transport does not carry data yet */
};

struct conn {
	struct watch watch; /* watch.fd is the socket */
	uint32_t flags;
	const struct transport *transport; /* NULL: plain */
	void *transport_data;
};

/* Takes over fd and registers it with the current loop, assumed writable. 0 or negative errno (fd is then still
 * the caller's). */
int conn_open(struct conn *c, int fd, void (*ready)(struct watch *w, unsigned bits));

/* Takes over fd without registering it: a short exchange may be through before its events are of interest.  It counts as
 * readable and writable.  Whoever is to wait for it calls conn_watch() first. */
void conn_open_unwatched(struct conn *c, int fd, void (*ready)(struct watch *w, unsigned bits));
/* Registers it where it is not yet; what is ready then is told at the next turn. 0 or negative errno. */
int conn_watch_slow(struct conn *c);
static inline int conn_watch(struct conn *c)
{
	return c->flags & CONN_UNWATCHED ? conn_watch_slow(c) : 0;
}

struct conn_options {
	const struct endpoint *source; /* NULL: the kernel's choice */
	struct port_range *ports;      /* with an IP source, its port is taken from here; NULL: as `source` says */
	uint16_t *port;                /* with `ports`: which one it is; who closes the connection gives it back */
	uint32_t user_timeout_ms;      /* TCP_USER_TIMEOUT; 0: the kernel's choice */
	const char *interface;
	bool keepalive; /* SO_KEEPALIVE */
	bool tfo;
};
/* Starts connecting (non-blocking, TCP_NODELAY). 0: under way, or done where CONN_CONNECTING is not set; negative
 * errno: failed at once, nothing is open and no port taken (-EADDRNOTAVAIL: local ports are used up; -EAGAIN: the backlog of a unix
 * socket is full). */
int conn_connect(struct conn *c, const struct endpoint *to, const struct conn_options *o,
	void (*ready)(struct watch *w, unsigned bits));
/* After an event while CONN_CONNECTING or CONN_HANDSHAKING: 0 connected, and through with the transport's handshake;
 * -EAGAIN not yet; else the reason. */
int conn_finish_connect(struct conn *c);
/* The same without the transport, for who has something to say before its handshake. */
int conn_finish_tcp(struct conn *c);

/* Notes the loop's bits in flags; called first in every `ready`. */
static inline void conn_note(struct conn *c, unsigned bits)
{
	if (bits & LOOP_READ)
		c->flags |= CONN_READABLE;
	if (bits & LOOP_WRITE)
		c->flags |= CONN_WRITABLE;
	if (bits & LOOP_HUP)
		c->flags |= CONN_PEER_ENDED | CONN_READABLE;
	if (bits & LOOP_ERROR)
		c->flags |= CONN_ERROR | CONN_READABLE | CONN_WRITABLE;
}

/* Bytes read (> 0); 0 at the peer's end; -EAGAIN; other negative errno.  Clears CONN_READABLE on EAGAIN, at the peer's
 * end (CONN_EOF_READ says so) and, unless the peer ended, on a short read.  `len` is at least 1. */
ssize_t conn_recv(struct conn *c, void *buf, size_t len);
/* Bytes taken (maybe fewer); -EAGAIN; other negative errno (-EPIPE, -ECONNRESET). `more`: MSG_MORE. Clears
 * CONN_WRITABLE on EAGAIN and on a short write. */
ssize_t conn_sendv(struct conn *c, const struct iovec *iov, int count, bool more);
ssize_t conn_send(struct conn *c, const void *buf, size_t len);
/* Ends our side of the stream (shutdown(SHUT_WR), close_notify). */
void conn_shut_write(struct conn *c);
/* Closes: unregisters, frees the transport, closes the fd. Harmless when repeated. */
void conn_close(struct conn *c);
/* Closes with RST, so that the peer cannot take what it got as complete. */
void conn_reset(struct conn *c);
/* Takes an open conn out of its loop, and registers it with the current one (another thread's idle connection). */
void conn_detach(struct conn *c);
int conn_attach(struct conn *c);
/* True where the peer has neither sent nor closed (a peek): an idle connection is good. */
bool conn_is_quiet(struct conn *c);

static inline bool conn_is_open(const struct conn *c)
{
	return c->watch.fd >= 0;
}
static inline bool conn_can_splice(const struct conn *c)
{
	return !c->transport || c->transport->can_splice;
}

/* Its own address, and the peer's, as the kernel has them; family AF_UNSPEC where there is none. */
void conn_local_addr(const struct conn *c, union addr *out);
void conn_peer_addr(const struct conn *c, union addr *out);

/* The thread's scratch buffer for reading bodies in large pieces; contents live until its next use. */
enum { CONN_SCRATCH_BYTES = 256 * 1024 };
char *conn_scratch(void);

#endif
