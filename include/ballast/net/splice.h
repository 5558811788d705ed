/* splice: moving bytes between two plain sockets through a pipe, without copying them to user space. */
#ifndef BALLAST_NET_SPLICE_H
#define BALLAST_NET_SPLICE_H

#include "ballast/net/conn.h"

struct splice_pipe {
	int fd[2];
	uint32_t capacity; /* bytes */
	uint32_t filled;   /* bytes in it now */
	struct splice_pipe *next;
};

/* `nosplice`: from now on there are no pipes. Before threads. */
void splice_disable(void);
/* A pipe from the thread's pool; NULL where none can be had (copy then). */
struct splice_pipe *splice_pipe_take(void);
/* Gives it back; one that still holds bytes is closed instead. NULL is allowed. */
void splice_pipe_give(struct splice_pipe *p);
/* Moves at most `max` bytes from the socket into the pipe: > 0, 0 at the peer's end, -EAGAIN (nothing to read, or
 * the pipe is full: empty it and try again), other negative errno.  Clears CONN_READABLE where the pipe is empty and
 * there was nothing to read, and at the peer's end; a short move does not. */
ssize_t splice_in(struct splice_pipe *p, struct conn *from, size_t max);
/* Moves what the pipe holds (at least a byte) out: > 0, -EAGAIN, other negative errno. `more`: further bytes follow soon.
 * Clears CONN_WRITABLE on EAGAIN.  SIGPIPE must be ignored by the process. */
ssize_t splice_out(struct splice_pipe *p, struct conn *to, bool more);

#endif
