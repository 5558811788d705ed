/* splice: pipes of a thread, and splice(2) into and out of them.
 *
 * A pipe is full when its slots are, not its bytes (a slot takes one fragment of a packet, whatever its size), and the
 * kernel says EAGAIN for "full" as for "nothing to read".  So the socket counts as drained only where that is said of
 * an empty pipe.  A short move says nothing.  Writing to a closed peer raises SIGPIPE, which the process must ignore.
 */
#include "ballast/net/splice.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PIPE_BYTES = 512 * 1024,    /* asked for */
	PIPE_BYTES_MIN = 64 * 1024, /* what one is worth using: past its user's limit the kernel gives 8 KiB */
	POOL_PIPES_MAX = 64,        /* kept by a thread */
};

static __thread struct {
	struct splice_pipe *first;
	unsigned count;
	bool has_cleanup;
} pool;

static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void close_pipe(struct splice_pipe *p)
{
	close(p->fd[0]);
	close(p->fd[1]);
	free(p);
}

static void empty_pool(void *unused)
{
	(void)unused;
	while (pool.first) {
		struct splice_pipe *p = pool.first;
		pool.first = p->next;
		close_pipe(p);
	}
	pool.count = 0;
}

static void make_pool_key(void)
{
	BL_ASSERT(pthread_key_create(&pool_key, empty_pool) == 0);
}

static struct splice_pipe *make_pipe(void)
{
	struct splice_pipe *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	if (pipe2(p->fd, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(p);
		return NULL;
	}
	int bytes = fcntl(p->fd[1], F_SETPIPE_SZ, PIPE_BYTES);
	if (bytes < 0)
		bytes = fcntl(p->fd[1], F_GETPIPE_SZ);
	if (bytes < PIPE_BYTES_MIN) {
		close_pipe(p);
		return NULL;
	}
	p->capacity = (uint32_t)bytes;
	return p;
}

static bool disabled;

void splice_disable(void)
{
	disabled = true;
}

struct splice_pipe *splice_pipe_take(void)
{
	struct splice_pipe *p = pool.first;
	if (!p)
		return disabled ? NULL : make_pipe();
	pool.first = p->next;
	pool.count--;
	p->next = NULL;
	return p;
}

void splice_pipe_give(struct splice_pipe *p)
{
	if (!p)
		return;
	if (p->filled || pool.count == POOL_PIPES_MAX) {
		close_pipe(p);
		return;
	}
	if (!pool.has_cleanup) {
		pthread_once(&pool_once, make_pool_key);
		pthread_setspecific(pool_key, &pool); /* any value but NULL: the destructor is then called */
		pool.has_cleanup = true;
	}
	p->next = pool.first;
	pool.first = p;
	pool.count++;
}

static ssize_t move(int from, int to, size_t max, unsigned flags)
{
	ssize_t n;
	do
		n = splice(from, NULL, to, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK | flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t splice_in(struct splice_pipe *p, struct conn *from, size_t max)
{
	ssize_t n = move(from->watch.fd, p->fd[1], max, 0);
	if (n > 0) {
		p->filled += (uint32_t)n;
	} else if (n == 0) {
		from->flags = (from->flags | CONN_PEER_ENDED | CONN_EOF_READ) & ~(uint32_t)CONN_READABLE;
	} else if (n == -EAGAIN) {
		if (!p->filled)
			from->flags &= ~(uint32_t)CONN_READABLE;
	} else {
		from->flags |= CONN_ERROR;
	}
	return n;
}

ssize_t splice_out(struct splice_pipe *p, struct conn *to, bool more)
{
	BL_ASSERT(p->filled > 0);
	ssize_t n = move(p->fd[0], to->watch.fd, p->filled, more ? SPLICE_F_MORE : 0);
	if (n > 0) {
		p->filled -= (uint32_t)n;
		return n;
	}
	if (n == -EAGAIN)
		to->flags &= ~(uint32_t)CONN_WRITABLE;
	else
		to->flags |= CONN_ERROR;
	return n ? n : -EPIPE; /* a pipe that holds bytes has no end */
}
