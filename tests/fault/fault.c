/* fault: a shared object for LD_PRELOAD under which system calls and allocations fail now and then, as a kernel short of
 * memory, descriptors or luck lets them fail.
 *
 *     FAULTS=short=1000,bytes=1        every read and write moves one byte
 *     FAULTS=seed=7,again=50,malloc=5  5 % of reads and writes say EAGAIN, 0.5 % of allocations fail
 *
 * Numbers are in a thousandth.  Nothing fails before the first connection was accepted: start-up may insist.  What must
 * stay true: an edge-triggered event is owed for what a call did not move though it could have, so every such lie
 * registers the descriptor anew (EPOLL_CTL_MOD), which makes epoll tell its state again.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum kind { SHORT, AGAIN, INTR, NOBUFS, ACCEPT, SOCKET, CONNECT, EPOLL, PIPE, MALLOC, KIND_COUNT };

static const char *const kind_name[KIND_COUNT] = { "short", "again", "intr", "nobufs", "accept", "socket", "connect",
	"epoll", "pipe", "malloc" };

static unsigned rate[KIND_COUNT], short_bytes = 1;
static uint64_t seed = 1;
static atomic_bool armed, parsed;
static _Atomic unsigned threads;

enum { FDS = 65536 };
static struct {
	_Atomic int epoll;  /* descriptor + 1; 0: not registered */
	atomic_bool stream; /* no datagrams: a log line is sent whole or not */
	struct epoll_event event;
} registered[FDS];

#define REAL(name) \
	static __typeof__(name) *real; \
	if (!real) \
	real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* ---- chance ---- */

static void set_option(const char *name, size_t len, uint64_t value)
{
	if (len == 4 && !memcmp(name, "seed", 4))
		seed = value;
	if (len == 5 && !memcmp(name, "bytes", 5))
		short_bytes = value ? (unsigned)value : 1;
	for (int k = 0; k < KIND_COUNT; k++)
		if (strlen(kind_name[k]) == len && !memcmp(name, kind_name[k], len))
			rate[k] = (unsigned)value;
}

static void parse(void)
{
	const char *at = getenv("FAULTS");

	while (at && *at) {
		const char *equals = strchr(at, '=');
		if (!equals)
			break;
		char *end;
		uint64_t value = strtoull(equals + 1, &end, 10);
		set_option(at, (size_t)(equals - at), value);
		at = *end ? end + 1 : end;
	}
}

static uint64_t chance(void)
{
	static __thread uint64_t state;

	if (!state)
		state = (seed + 1) * 0x9e3779b97f4a7c15u ^ (uint64_t)(atomic_fetch_add(&threads, 1) + 1) << 40;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1du >> 16;
}

static bool strikes(enum kind k)
{
	return atomic_load_explicit(&armed, memory_order_relaxed) && rate[k] && chance() % 1000 < rate[k];
}

static int one_of(const int *errors, unsigned count)
{
	return errors[chance() % count];
}

/* ---- events that are owed ---- */

static void owe_event(int fd)
{
	REAL(epoll_ctl);
	if (fd < 0 || fd >= FDS)
		return;
	int epoll = atomic_load(&registered[fd].epoll);
	int saved = errno;
	if (epoll)
		real(epoll - 1, EPOLL_CTL_MOD, fd, &registered[fd].event);
	errno = saved;
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	REAL(epoll_ctl);
	if (what == EPOLL_CTL_ADD && strikes(EPOLL)) {
		errno = chance() & 1 ? ENOMEM : ENOSPC;
		return -1;
	}
	int rc = real(epoll, what, fd, event);
	if (rc == 0 && fd >= 0 && fd < FDS) {
		if (what == EPOLL_CTL_DEL)
			atomic_store(&registered[fd].epoll, 0);
		else if (event->events & EPOLLET) {
			registered[fd].event = *event;
			atomic_store(&registered[fd].epoll, epoll + 1);
		}
	}
	return rc;
}

int close(int fd)
{
	REAL(close);
	if (fd >= 0 && fd < FDS) {
		atomic_store(&registered[fd].epoll, 0);
		atomic_store(&registered[fd].stream, false);
	}
	return real(fd);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	REAL(epoll_wait);
	if (strikes(INTR)) {
		errno = EINTR;
		return -1;
	}
	return real(epoll, events, max, timeout);
}

/* ---- moving bytes ---- */

static void note_stream(int fd)
{
	if (fd >= 0 && fd < FDS)
		atomic_store(&registered[fd].stream, true);
}

static bool is_stream(int fd)
{
	return fd >= 0 && fd < FDS && atomic_load_explicit(&registered[fd].stream, memory_order_relaxed);
}

/* True: it fails, with errno set. */
static bool fails(int fd, bool sends)
{
	if (strikes(INTR)) {
		errno = EINTR;
		return true;
	}
	if (sends && strikes(NOBUFS)) {
		errno = ENOBUFS;
		return true;
	}
	if (!strikes(AGAIN))
		return false;
	owe_event(fd);
	errno = EAGAIN;
	return true;
}

static size_t shorter(size_t len)
{
	size_t n = 1 + chance() % short_bytes;
	return n < len ? n : len;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	REAL(recv);
	if (flags & MSG_PEEK || !is_stream(fd))
		return real(fd, buf, len, flags);
	if (fails(fd, false))
		return -1;
	size_t most = strikes(SHORT) ? shorter(len) : len;
	ssize_t n = real(fd, buf, most, flags);
	if (n > 0 && most < len)
		owe_event(fd);
	return n;
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	REAL(send);
	if (!is_stream(fd))
		return real(fd, buf, len, flags);
	if (fails(fd, true))
		return -1;
	size_t most = strikes(SHORT) ? shorter(len) : len;
	ssize_t n = real(fd, buf, most, flags);
	if (n > 0 && most < len)
		owe_event(fd);
	return n;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	REAL(sendmsg);
	if (!is_stream(fd))
		return real(fd, m, flags);
	if (fails(fd, true))
		return -1;
	if (!strikes(SHORT))
		return real(fd, m, flags);
	size_t i = 0;
	while (i + 1 < m->msg_iovlen && !m->msg_iov[i].iov_len)
		i++;
	ssize_t n = send(fd, m->msg_iov[i].iov_base, shorter(m->msg_iov[i].iov_len), flags);
	if (n > 0)
		owe_event(fd);
	return n;
}

ssize_t splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags)
{
	REAL(splice);
	if (fails(from, false)) {
		owe_event(to);
		return -1;
	}
	bool cut = strikes(SHORT);
	ssize_t n = real(from, from_at, to, to_at, cut ? 1 + chance() % len : len, flags);
	if (cut && n > 0) {
		owe_event(from);
		owe_event(to);
	}
	return n;
}

/* ---- descriptors ---- */

int accept4(int fd, struct sockaddr *restrict peer, socklen_t *restrict len, int flags)
{
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM, EINTR, ECONNABORTED, EPROTO, EPERM };
	REAL(accept4);
	if (strikes(ACCEPT)) {
		errno = one_of(errors, sizeof errors / sizeof errors[0]);
		return -1;
	}
	int got = real(fd, peer, len, flags);
	if (got >= 0) {
		note_stream(got);
		atomic_store(&armed, true);
	}
	return got;
}

int socket(int domain, int type, int protocol)
{
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	REAL(socket);
	if (strikes(SOCKET)) {
		errno = one_of(errors, sizeof errors / sizeof errors[0]);
		return -1;
	}
	int fd = real(domain, type, protocol);
	if (type & SOCK_STREAM)
		note_stream(fd);
	return fd;
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	static const int errors[] = { EAGAIN, EADDRNOTAVAIL, ENETUNREACH, ECONNREFUSED, ETIMEDOUT };
	REAL(connect);
	if (strikes(CONNECT)) {
		errno = one_of(errors, sizeof errors / sizeof errors[0]);
		return -1;
	}
	return real(fd, to, len);
}

int pipe2(int fd[2], int flags)
{
	REAL(pipe2);
	if (strikes(PIPE)) {
		errno = chance() & 1 ? EMFILE : ENFILE;
		return -1;
	}
	return real(fd, flags);
}

/* ---- memory ---- */

static bool no_memory(void)
{
	if (!strikes(MALLOC))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	REAL(malloc);
	return no_memory() ? NULL : real(size);
}

/* dlsym() itself may ask for some, before there is anybody to ask. */
void *calloc(size_t count, size_t size)
{
	static char first[4096];
	static size_t used;
	static bool looking;
	static __typeof__(calloc) *real;
	if (!real) {
		if (looking) {
			size_t n = (count * size + 15) & ~(size_t)15;
			used += n;
			return used <= sizeof first ? first + used - n : NULL;
		}
		looking = true;
		real = (__typeof__(calloc) *)dlsym(RTLD_NEXT, "calloc");
	}
	return no_memory() ? NULL : real(count, size);
}

void *realloc(void *memory, size_t size)
{
	REAL(realloc);
	return no_memory() ? NULL : real(memory, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	REAL(aligned_alloc);
	return no_memory() ? NULL : real(align, size);
}

static void __attribute__((constructor)) begin(void)
{
	if (!atomic_exchange(&parsed, true))
		parse();
}
