/* `_getsocks`: gives the listening sockets to a new process (its -x), which then takes the place of this one without a
 * connection being refused.  HAProxy's processes speak the same:
 *
 *     count (int32), then messages of FDS_A_MESSAGE descriptors at most (SCM_RIGHTS), with for each of them: length and
 *     name of its network namespace, length and name of its interface, int32 of options; after each message the other
 *     side answers with an int32
 *
 * Unix sockets with a path are not given: the new process puts its own in their place, and this one serves what waits
 * in the old.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ballast/net/listener.h"
#include "internal.h"

enum { FDS_A_MESSAGE = 252, ABOUT_MAX = 2 + 255 + 4 };

struct given {
	int fd;
	const char *interface; /* or NULL */
};

struct handout {
	struct given *fds;
	int32_t count, sent;
	bool announced, waits; /* for the answer to a message */
	unsigned answer_bytes; /* of that answer */
};

void handout_free(struct admin_session *s)
{
	if (s->handout)
		free(s->handout->fds);
	free(s->handout);
	s->handout = NULL;
}

static bool may_be_given(const struct listener *l)
{
	bool has_path = l->at.len && l->at.sa.sa_family == AF_UNIX && l->at.un.sun_path[0];

	return !has_path && !atomic_load(&l->closed);
}

static int collect(struct handout *h, const struct listener *l)
{
	struct given *more;

	if (!may_be_given(l))
		return 0;
	more = realloc(h->fds, ((size_t)h->count + l->fd_count) * sizeof *more);
	if (!more)
		return -ENOMEM;
	h->fds = more;
	for (unsigned i = 0; i < l->fd_count; i++)
		h->fds[h->count++] = (struct given){ l->fds[i], l->options.interface };
	return 0;
}

static int collect_all(struct handout *h, struct admin_session *s)
{
	int err = 0;

	for (const struct frontend *f = command_graph(s)->frontends; f; f = f->next)
		for (uint32_t i = 0; i < f->listener_count && !f->disabled && !err; i++)
			err = collect(h, f->listeners[i]);
	for (uint32_t i = 0; i < s->admin->listener_count && !err; i++)
		err = collect(h, s->admin->listeners[i]);
	return err;
}

/* --- sent --- */

/* What is told about one socket. Nothing of it is needed by Ballast. */
static size_t describe(char *to, const struct given *g)
{
	size_t len = g->interface ? strlen(g->interface) : 0, at = 0;

	len = len > 255 ? 255 : len;
	to[at++] = 0; /* no namespace */
	to[at++] = (char)len;
	if (len)
		memcpy(to + at, g->interface, len);
	at += len;
	memset(to + at, 0, sizeof(int32_t));
	return at + sizeof(int32_t);
}

static ssize_t send_some(struct admin_session *s, int count)
{
	struct handout *h = s->handout;
	static char about[FDS_A_MESSAGE * ABOUT_MAX]; /* thread 0 only */
	char control[CMSG_SPACE(FDS_A_MESSAGE * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { about, 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *c;
	int *fds;

	msg.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	fds = (int *)(void *)CMSG_DATA(c);
	for (int i = 0; i < count; i++) {
		const struct given *g = &h->fds[h->sent + i];
		fds[i] = g->fd;
		iov.iov_len += describe(about + iov.iov_len, g);
	}
	ssize_t n = sendmsg(s->conn.watch.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	return (size_t)n == iov.iov_len ? n : -EIO;
}

/* Each of these: 0 done, -EAGAIN, or another negative errno. */

static int announce(struct admin_session *s)
{
	struct handout *h = s->handout;
	ssize_t n = h->announced ? 0 : conn_send(&s->conn, &h->count, sizeof h->count);

	if (n < 0)
		return (int)n;
	if (!h->announced && n != sizeof h->count)
		return -EIO;
	h->announced = true;
	return 0;
}

static int await_answer(struct admin_session *s)
{
	struct handout *h = s->handout;
	char answer[sizeof(int32_t)];

	while (h->waits) {
		ssize_t n = conn_recv(&s->conn, answer, sizeof answer - h->answer_bytes);
		if (n <= 0)
			return n ? (int)n : -EPIPE;
		h->answer_bytes += (unsigned)n;
		h->waits = h->answer_bytes < sizeof answer;
	}
	return 0;
}

static int send_next(struct admin_session *s)
{
	struct handout *h = s->handout;
	int32_t left = h->count - h->sent;
	int32_t count = left < FDS_A_MESSAGE ? left : FDS_A_MESSAGE;
	ssize_t n = send_some(s, count);

	if (n < 0) {
		if (n == -EAGAIN)
			s->conn.flags &= ~(uint32_t)CONN_WRITABLE;
		return (int)n;
	}
	h->sent += count;
	h->answer_bytes = 0;
	h->waits = true;
	return 0;
}

void handout_step(struct admin_session *s)
{
	struct handout *h = s->handout;
	int err = announce(s);

	while (!err && (h->waits || h->sent < h->count))
		err = h->waits ? await_answer(s) : send_next(s);
	if (err == -EAGAIN)
		return;
	handout_free(s);
	s->ending = true;
}

static void run_getsocks(struct admin_session *s, char **args, int count)
{
	struct handout *h;

	(void)args, (void)count;
	if (!s->expose_listeners) {
		command_say(s, "Permission denied");
		return;
	}
	h = s->handout = calloc(1, sizeof *h);
	if (!h || collect_all(h, s)) {
		handout_free(s);
		command_say(s, "Out of memory.");
	}
}

static const struct command_row rows[] = {
	{ { "_getsocks" }, NULL, NULL, LEVEL_ADMIN, run_getsocks },
};
const struct command_table handout_commands = { rows, sizeof rows / sizeof *rows };
