/* listener_open: making the sockets of a listener, or finding them among inherited ones.
 *
 * The file of a unix socket is bound under "PATH.PID.tmp", given its owner and mode, and moved to PATH when all
 * listeners are open: a running process that listens there keeps its socket until then, and at no moment is there none.
 * The file is removed at the end only by the process that made it, and only where it still names the same inode.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listener_socket.h"

static bool is_ip(const struct endpoint *e)
{
	return e->len && (e->sa.sa_family == AF_INET || e->sa.sa_family == AF_INET6);
}

static bool has_file(const struct endpoint *e)
{
	return e->len && e->sa.sa_family == AF_UNIX && e->un.sun_path[0];
}

static const char *hint_for(const struct listener *l, int err)
{
	if (err == EADDRINUSE)
		return "another process listens there: 'ss -lntp' and 'ss -lxp' name it";
	if (err == EADDRNOTAVAIL)
		return "no interface of this machine has that address";
	if (err == EACCES && is_ip(&l->at))
		return "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE";
	if (err == ENODEV)
		return "'ip link' lists the interfaces";
	return NULL;
}

static int complain(const struct listener *l, struct diag *d, const char *what, int err)
{
	char text[ADDR_TEXT_MAX];
	endpoint_text(&l->at, text);
	diag_error(d, &l->declared, hint_for(l, err), "cannot %s %s: %s", what, text, strerror(err));
	return -err;
}

struct listener *listener_new(const struct endpoint *at)
{
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->at = *at;
	lineage_init(&l->lineage, l);
	l->options.uid = (uid_t)-1;
	l->options.gid = (gid_t)-1;
	return l;
}

/* The file still is the socket that we bound: its inode is that of nobody else's socket at the same name. */
static bool file_is_ours(const struct listener *l)
{
	struct stat file;
	return l->bound_path && l->opened_by == getpid() && lstat(l->bound_path, &file) == 0 &&
	       S_ISSOCK(file.st_mode) && file.st_dev == l->bound_dev && file.st_ino == l->bound_ino;
}

void listener_close_fds(struct listener *l)
{
	if (file_is_ours(l))
		unlink(l->bound_path);
	free(l->bound_path);
	l->bound_path = NULL;
	for (unsigned i = 0; i < l->fd_count; i++)
		if (l->fds[i] >= 0)
			close(l->fds[i]);
	l->fd_count = 0;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	lineage_leave(&l->lineage);
	listener_close_fds(l);
	free(l->fds);
	free(l->sockets);
	free(l);
}

static void turn_on(int fd, int level, int option, int value)
{
	/* Where the system does not have an option, the listener works without. */
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Accepted sockets inherit it. */
static void set_user_timeout(const struct listener *l, int fd)
{
	if (l->options.user_timeout_ms && is_ip(&l->at))
		turn_on(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)l->options.user_timeout_ms);
}

static int set_options(const struct listener *l, int fd, const char **what)
{
	const struct listener_options *o = &l->options;
	int value = o->v6only ? 1 : 0;
	if (!is_ip(&l->at))
		return 0;
	turn_on(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	*what = "share";
	int one = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0)
		return -errno;
	turn_on(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* accepted sockets inherit it: a call less for each */
	*what = "set v4v6 or v6only on";
	if (l->at.sa.sa_family == AF_INET6 && (o->v4v6 || o->v6only) &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof value) < 0)
		return -errno;
	*what = "use the interface of";
	if (o->interface &&
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->interface, (socklen_t)strlen(o->interface)) < 0)
		return -errno;
	set_user_timeout(l, fd);
	*what = "enable TCP fast open on";
	value = (int)(o->backlog ? o->backlog : 1024);
	return o->tfo && setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &value, sizeof value) < 0 ? -errno : 0;
}

static int backlog_of(const struct listener *l)
{
	return l->options.backlog ? (int)l->options.backlog : SOMAXCONN;
}

void listener_stop_listening(const struct listener *l, int fd)
{
	if (is_ip(&l->at))
		shutdown(fd, SHUT_RD); /* on Linux: back to bound, new connections are refused */
}

void listener_listen_again(const struct listener *l, int fd)
{
	if (is_ip(&l->at))
		listen(fd, backlog_of(l));
}

/* Something that is no socket must not be replaced by one. */
static int check_place(const struct listener *l, struct diag *d)
{
	struct stat there;
	if (lstat(l->at.un.sun_path, &there) == 0 && !S_ISSOCK(there.st_mode)) {
		diag_error(d, &l->declared, NULL, "cannot listen on %s: a file that is no socket is in its place",
			l->at.un.sun_path);
		return -EEXIST;
	}
	return 0;
}

/* Owner and mode before anyone can see the file under its name. */
static int dress_file(struct listener *l, struct diag *d)
{
	const struct listener_options *o = &l->options;
	struct stat file;
	if ((o->uid != (uid_t)-1 || o->gid != (gid_t)-1) && lchown(l->bound_path, o->uid, o->gid) < 0)
		return complain(l, d, "set the owner of", errno);
	if (o->has_mode && chmod(l->bound_path, o->mode) < 0)
		return complain(l, d, "set the mode of", errno);
	if (lstat(l->bound_path, &file) < 0)
		return complain(l, d, "look at", errno);
	l->bound_dev = file.st_dev;
	l->bound_ino = file.st_ino;
	return 0;
}

static int bind_file(struct listener *l, int fd, struct diag *d)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int err = check_place(l, d);
	if (err)
		return err;
	int n = snprintf(un.sun_path, sizeof un.sun_path, "%s.%d.tmp", l->at.un.sun_path, (int)getpid());
	if (n >= (int)sizeof un.sun_path)
		return complain(l, d, "make a temporary name for", ENAMETOOLONG);
	unlink(un.sun_path);
	if (bind(fd, (struct sockaddr *)&un, sizeof un) < 0)
		return complain(l, d, "bind to", errno);
	l->opened_by = getpid();
	l->bound_path = strdup(un.sun_path);
	if (!l->bound_path) {
		unlink(un.sun_path);
		return complain(l, d, "bind to", ENOMEM);
	}
	return dress_file(l, d);
}

/* Puts a new socket into l->fds[at]. */
static int make_socket(struct listener *l, unsigned at, struct diag *d)
{
	const char *what = NULL;
	int fd = socket(l->at.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return complain(l, d, "make a socket for", errno);
	l->fds[at] = fd;
	int err = set_options(l, fd, &what);
	if (err)
		return complain(l, d, what, -err);
	if (has_file(&l->at)) {
		err = bind_file(l, fd, d);
		if (err)
			return err;
	} else if (bind(fd, &l->at.sa, l->at.len) < 0) {
		return complain(l, d, "bind to", errno);
	}
	return listen(fd, backlog_of(l)) < 0 ? complain(l, d, "listen on", errno) : 0;
}

/* fd@N: ours to use, though the process that made it may share it. */
static int use_given_fd(struct listener *l, struct diag *d)
{
	int fd = l->at.fd, type = 0;
	socklen_t len = sizeof type;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return complain(l, d, "use", errno);
	if (type != SOCK_STREAM)
		return complain(l, d, "listen for connections on", ESOCKTNOSUPPORT);
	l->fds[0] = fd;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return complain(l, d, "use", errno);
	turn_on(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return listen(fd, backlog_of(l)) < 0 ? complain(l, d, "listen on", errno) : 0;
}

/* The name of a unix socket is that which it was bound with: "PATH.PID.tmp" for one of ours. */
static bool same_unix(const struct sockaddr_un *want, socklen_t want_len, const struct sockaddr_un *have,
	socklen_t have_len)
{
	size_t offset = offsetof(struct sockaddr_un, sun_path);
	if (have_len <= offset)
		return false;
	if (!want->sun_path[0])
		return have_len == want_len && memcmp(want->sun_path, have->sun_path, want_len - offset) == 0;
	size_t len = strlen(want->sun_path), have_path = strnlen(have->sun_path, have_len - offset);
	if (have_path < len || memcmp(want->sun_path, have->sun_path, len) != 0)
		return false;
	const char *rest = have->sun_path + len, *end = have->sun_path + have_path;
	if (rest == end)
		return true;
	if (*rest++ != '.' || rest == end || *rest == '.')
		return false;
	while (rest < end && *rest >= '0' && *rest <= '9')
		rest++;
	return end - rest == 4 && memcmp(rest, ".tmp", 4) == 0;
}

static bool same_interface(const struct listener *l, int fd)
{
	char name[64] = "";
	socklen_t len = sizeof name - 1;
	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) < 0)
		name[0] = '\0';
	return strcmp(name, l->options.interface ? l->options.interface : "") == 0;
}

/* A socket of the same kind, address and interface. */
static bool fits(const struct listener *l, int fd)
{
	union {
		struct sockaddr_storage storage;
		struct sockaddr_un un;
		union addr ip;
	} name = { .storage.ss_family = AF_UNSPEC };
	int type = 0, v6only = 0;
	socklen_t len = sizeof name, type_len = sizeof type;
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0 || name.storage.ss_family != l->at.sa.sa_family ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 || type != SOCK_STREAM)
		return false;
	if (!is_ip(&l->at))
		return same_unix(&l->at.un, l->at.len, &name.un, len);
	if (!addr_equal(&l->at.ip, &name.ip, true) || !same_interface(l, fd))
		return false;
	if (l->at.sa.sa_family == AF_INET || (!l->options.v4v6 && !l->options.v6only))
		return true;
	type_len = sizeof v6only;
	return getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &type_len) == 0 && v6only == l->options.v6only;
}

/* Takes a fitting inherited socket into l->fds[at], listening. */
static bool adopt(struct listener *l, unsigned at, struct inherited_fds *from)
{
	for (size_t i = 0; from && i < from->count; i++) {
		int fd = from->fds[i];
		if (fd < 0 || !fits(l, fd) || listen(fd, backlog_of(l)) < 0)
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		set_user_timeout(l, fd);
		l->fds[at] = fd;
		from->fds[i] = -1;
		return true;
	}
	return false;
}

static unsigned sockets_wanted(const struct listener *l)
{
	if (!is_ip(&l->at))
		return 1;
	return l->options.shards && l->options.shards < l->threads ? l->options.shards : l->threads;
}

int listener_prepare(struct listener *l, unsigned threads)
{
	l->threads = threads;
	free(l->sockets); /* of an attempt before */
	l->sockets = aligned_alloc(_Alignof(struct listener_socket), threads * sizeof *l->sockets);
	if (!l->sockets)
		return -ENOMEM;
	listener_init_sockets(l);
	return 0;
}

int listener_open(struct listener *l, unsigned threads, struct inherited_fds *from, struct diag *d)
{
	int err = listener_prepare(l, threads);
	unsigned count = sockets_wanted(l);
	free(l->fds); /* of an attempt before */
	l->fds = calloc(count, sizeof *l->fds);
	if (!l->fds || err)
		return complain(l, d, "open", ENOMEM);
	for (unsigned i = 0; i < count && !err; i++) {
		l->fds[i] = -1;
		l->fd_count = i + 1;
		if (!l->at.len)
			err = use_given_fd(l, d);
		else if (!adopt(l, i, from))
			err = make_socket(l, i, d);
	}
	if (err)
		listener_close_fds(l);
	return err;
}

int listener_publish(struct listener *l, struct diag *d)
{
	if (!l->bound_path)
		return 0;
	char *path = strdup(l->at.un.sun_path);
	if (!path || rename(l->bound_path, path) < 0) {
		int err = path ? errno : ENOMEM;
		free(path);
		return complain(l, d, "put in place", err);
	}
	free(l->bound_path);
	l->bound_path = path;
	return 0;
}

/* ---- another configuration ---- */

static bool same_interface_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool listener_fits(const struct listener *now, const struct listener *old)
{
	const struct listener_options *a = &now->options, *b = &old->options;

	return endpoint_equal(&now->at, &old->at) && !atomic_load(&old->closed) && old->fd_count &&
	       a->shards == b->shards && a->tfo == b->tfo && a->v4v6 == b->v4v6 && a->v6only == b->v6only &&
	       same_interface_name(a->interface, b->interface) && a->has_mode == b->has_mode && a->mode == b->mode &&
	       a->uid == b->uid && a->gid == b->gid;
}

void listener_inherit(struct listener *now, struct listener *old)
{
	now->fds = old->fds;
	now->fd_count = old->fd_count;
	now->bound_path = old->bound_path;
	now->bound_dev = old->bound_dev;
	now->bound_ino = old->bound_ino;
	now->opened_by = old->opened_by;
	old->fds = NULL;
	old->fd_count = 0;
	old->bound_path = NULL;
	/* Else they were not counted: each thread does so with its own. */
	atomic_store(&now->connections, old->maxconn ? atomic_load(&old->connections) : 0);
	atomic_store(&now->started, atomic_load(&old->started));
	atomic_store(&now->paused, atomic_load(&old->paused));
	lineage_succeed(&now->lineage, &old->lineage);
	if (now->options.backlog != old->options.backlog && !atomic_load(&now->paused))
		listener_listen(now);
}

void listener_listen(struct listener *l)
{
	for (unsigned i = 0; i < l->fd_count; i++)
		listen(l->fds[i], backlog_of(l));
}

void inherited_fds_close(struct inherited_fds *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (from->fds[i] >= 0)
			close(from->fds[i]);
	from->count = 0;
}
