/* handover: -x: takes the listening sockets of a running process over its stats socket, so that not one connection is
 * refused or lost in a queue that is closed.  It works with HAProxy too (`expose-fd listeners`), in either direction.
 *
 *     ours:   "_getsocks\n"
 *     theirs: int32 count, then messages of at most 252 descriptors (SCM_RIGHTS) with a few bytes for each
 *             (length and name of its network namespace, length and name of its interface, int32 of options)
 *     ours:   int32 0 after each such message
 *
 * Those bytes are not needed: what a socket is bound to, it tells itself (listener_open matches it).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "process.h"

enum {
	FDS_A_MESSAGE = 253, /* the kernel's SCM_MAX_FD */
	FDS_MAX = 65536,
	MESSAGE_MAX = 65536,
	WAIT_S = 5,
};

/* What was received so far. */
struct received {
	int32_t count; /* announced; -1: not yet */
	struct inherited_fds *fds;
	char *bytes; /* [MESSAGE_MAX] */
};

static int connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = WAIT_S };

	if (strlen(path) >= sizeof un.sun_path)
		return -ENAMETOOLONG;
	strcpy(un.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
		return fd;
	int err = -errno;
	close(fd);
	return err;
}

static int send_all(int fd, const void *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

static int keep(struct inherited_fds *into, const int *fds, size_t count)
{
	int *more = into->count + count <= FDS_MAX ? realloc(into->fds, (into->count + count) * sizeof *more) : NULL;

	for (size_t i = 0; !more && i < count; i++)
		close(fds[i]);
	if (!more)
		return -ENOMEM;
	memcpy(more + into->count, fds, count * sizeof *fds);
	into->fds = more;
	into->count += count;
	return 0;
}

/* One message; *any where descriptors were in it. */
static int receive(int fd, struct received *r, bool *any)
{
	char control[CMSG_SPACE(FDS_A_MESSAGE * sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { r->bytes, MESSAGE_MAX };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	int err = 0;

	*any = false;
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	if (r->count < 0 && n < (ssize_t)sizeof r->count)
		return -EPROTO;
	if (r->count < 0)
		memcpy(&r->count, r->bytes, sizeof r->count);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c && !err; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			*any = true;
			err = keep(r->fds, (const int *)CMSG_DATA(c), (c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		}
	return r->count < 0 || r->count > FDS_MAX ? -EPROTO : err;
}

static int ask(int fd, struct inherited_fds *into)
{
	static const int32_t ack;
	struct received r = { .count = -1, .fds = into, .bytes = malloc(MESSAGE_MAX) };
	int err = r.bytes ? send_all(fd, "_getsocks\n", 10) : -ENOMEM;

	while (!err && (r.count < 0 || into->count < (size_t)r.count)) {
		bool any;
		err = receive(fd, &r, &any);
		if (!err && any)
			err = send_all(fd, &ack, sizeof ack);
	}
	free(r.bytes);
	return err;
}

int handover_take(const char *path, struct inherited_fds *into)
{
	int fd = connect_to(path);
	int err = fd < 0 ? fd : ask(fd, into);

	if (fd >= 0)
		close(fd);
	if (!err)
		return 0;
	say(SAY_ALERT,
		"cannot take the listening sockets over from '%s': %s; has that `stats socket` the option `expose-fd "
		"listeners`?",
		path, strerror(-err));
	handover_done(into);
	return err;
}

void handover_done(struct inherited_fds *from)
{
	inherited_fds_close(from);
	free(from->fds);
	from->fds = NULL;
}
