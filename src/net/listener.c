/* listener: accepting, and stopping to, in the threads.
 *
 * What a thread's socket does follows from three facts: paused and closed of the listener, which any thread may set,
 * and waiting of the socket itself.  Whoever changes one posts to the threads, and reconcile() makes it so.  Nobody
 * who waits for a place is forgotten: it says so first, then tries once more; who frees one frees it first, then looks
 * for those that wait.
 */
#include "ballast/net/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ballast/net/log.h"
#include "listener_socket.h"

enum { COMPLAIN_MS = 10000 }; /* at most one log line about missing descriptors in this time */

static int fd_of(const struct listener_socket *s)
{
	const struct listener *l = s->listener;
	return l->fds[(size_t)(s - l->sockets) % l->fd_count];
}

static bool is_watched(const struct listener_socket *s)
{
	return s->watch.fd >= 0;
}

static bool take_place(struct listener *l)
{
	uint32_t max = l->maxconn;
	if (max && atomic_fetch_add(&l->connections, 1) >= max) {
		atomic_fetch_sub(&l->connections, 1);
		return false;
	}
	if (!l->take || l->take(l))
		return true;
	if (max)
		atomic_fetch_sub(&l->connections, 1);
	return false;
}

static void give_place(struct listener *l)
{
	if (l->untake)
		l->untake(l);
	if (l->maxconn)
		atomic_fetch_sub(&l->connections, 1);
}

static void set_waiting(struct listener_socket *s, bool waiting)
{
	if (atomic_exchange(&s->waiting, waiting) == waiting)
		return;
	if (waiting)
		atomic_fetch_add(&s->listener->waiting, 1);
	else
		atomic_fetch_sub(&s->listener->waiting, 1);
}

static void unwatch(struct listener_socket *s)
{
	if (is_watched(s))
		loop_remove(loop_self, &s->watch);
}

static void wait_for_place(struct listener_socket *s)
{
	unwatch(s);
	loop_timer_set(&s->retry, LISTENER_RETRY_MS);
}

static void complain(struct listener_socket *s, int err)
{
	char text[ADDR_TEXT_MAX];
	uint64_t now_ms = loop_self->now_ms;
	if (s->complained_ms && now_ms - s->complained_ms < COMPLAIN_MS)
		return;
	s->complained_ms = now_ms;
	log_event(NULL, LOG_L_ALERT, "Cannot accept on %s: %s; waiting.", endpoint_text(&s->listener->at, text).ptr,
		strerror(err));
}

/* Accepts one. False: not now. */
static bool accept_one(struct listener_socket *s)
{
	struct listener *l = s->listener;
	struct sockaddr_storage from;
	union addr peer = { .family = AF_UNSPEC };
	socklen_t len = sizeof from;
	int fd = accept4(s->watch.fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		if (len >= sizeof(sa_family_t) && (from.ss_family == AF_INET || from.ss_family == AF_INET6))
			memcpy(&peer, &from, from.ss_family == AF_INET ? sizeof peer.v4 : sizeof peer.v6);
		l->on_accept(l, fd, &peer);
		return true;
	}
	int err = errno;
	give_place(l);
	switch (err) {
	case EAGAIN: return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		complain(s, err);
		if (l->exhausted)
			l->exhausted();
		set_waiting(s, true);
		wait_for_place(s);
		return false;
	case EBADF:
	case EINVAL: /* another thread paused the shared socket; its post is on the way here */
	case ENOTSOCK:
		set_waiting(s, true);
		wait_for_place(s);
		return false;
	default: /* that one connection is broken (accept(2) lists a dozen reasons) */ return true;
	}
}

/* A place for one more; where there is none, the socket waits. */
static bool find_place(struct listener_socket *s)
{
	if (take_place(s->listener))
		return true;
	set_waiting(s, true);
	if (take_place(s->listener)) { /* freed by one who did not see us wait yet */
		set_waiting(s, false);
		return true;
	}
	wait_for_place(s);
	return false;
}

static bool may_accept(const struct listener *l)
{
	return !atomic_load_explicit(&l->paused, memory_order_relaxed) &&
	       !atomic_load_explicit(&l->closed, memory_order_relaxed);
}

/* How many to accept: to find out that the backlog is empty costs a system call as dear as accept itself, while epoll
 * tells for nothing in the next turn that it is not.  So one, and twice as many with each turn that follows at once. */
static unsigned allowance(struct listener_socket *s)
{
	uint64_t turn = atomic_load_explicit(&loop_self->turns, memory_order_relaxed);
	if (turn != s->last_turn + 1 || !s->allowance)
		s->allowance = 1;
	else if (s->allowance < LISTENER_BATCH_MAX)
		s->allowance *= 2;
	s->last_turn = turn;
	return s->allowance;
}

static void reconcile(struct listener_socket *s);

static void listening_ready(struct watch *w, unsigned bits)
{
	struct listener_socket *s = container_of(w, struct listener_socket, watch);
	(void)bits;
	if (!may_accept(s->listener)) {
		reconcile(s);
		return;
	}
	unsigned most = allowance(s), n = 0;
	while (n < most && find_place(s) && accept_one(s))
		n++;
	if (n < most)
		s->allowance = 1;
}

static void close_here(struct listener_socket *s)
{
	struct listener *l = s->listener;
	unwatch(s);
	loop_timer_clear(&s->retry);
	set_waiting(s, false);
	if (atomic_fetch_sub(&l->started, 1) == 1)
		listener_close_fds(l);
	s->listener = NULL;
}

static void reconcile(struct listener_socket *s)
{
	struct listener *l = s->listener;
	if (!l)
		return; /* closed before */
	if (atomic_load(&l->closed)) {
		close_here(s);
		return;
	}
	if (atomic_load(&l->paused)) {
		unwatch(s);
		loop_timer_clear(&s->retry);
		set_waiting(s, false);
		listener_stop_listening(l, fd_of(s));
		return;
	}
	loop_timer_clear(&s->retry);
	set_waiting(s, false);
	if (is_watched(s))
		return;
	listener_listen_again(l, fd_of(s));
	if (loop_add_listener(loop_self, &s->watch, fd_of(s), listening_ready)) {
		set_waiting(s, true);
		wait_for_place(s);
	}
}

static void retry(struct timer *t)
{
	reconcile(container_of(t, struct listener_socket, retry));
}

static void obey(struct post *p)
{
	struct listener_socket *s = container_of(p, struct listener_socket, post);
	atomic_store(&s->posted, false);
	reconcile(s);
}

static void tell(struct listener *l, bool only_waiting)
{
	for (unsigned i = 0; i < l->threads && i < loop_count(); i++) {
		struct listener_socket *s = &l->sockets[i];
		if (only_waiting && !atomic_load(&s->waiting))
			continue;
		if (!atomic_exchange(&s->posted, true))
			loop_post(loop_at(i), &s->post);
	}
}

void listener_init_sockets(struct listener *l)
{
	for (unsigned i = 0; i < l->threads; i++) {
		struct listener_socket *s = &l->sockets[i];
		*s = (struct listener_socket){ .listener = l, .watch.fd = -1, .post.run = obey, .allowance = 1 };
		timer_init(&s->retry, retry);
	}
}

int listener_start(struct listener *l)
{
	unsigned thread = loop_self->index;
	BL_ASSERT(thread < l->threads);
	struct listener_socket *s = &l->sockets[thread];
	atomic_fetch_add(&l->started, 1);
	if (!may_accept(l)) {
		reconcile(s);
		return 0;
	}
	return loop_add_listener(loop_self, &s->watch, fd_of(s), listening_ready);
}

void listener_pause(struct listener *l)
{
	atomic_store(&l->paused, true);
	tell(l, false);
}

void listener_resume(struct listener *l)
{
	atomic_store(&l->paused, false);
	tell(l, false);
}

void listener_close(struct listener *l)
{
	atomic_store(&l->closed, true);
	tell(l, false);
}

void listener_end(struct listener *l)
{
	for (unsigned i = 0; i < l->fd_count; i++)
		listener_stop_listening(l, l->fds[i]);
	listener_close(l);
}

void listener_wake(struct listener *l)
{
	if (atomic_load(&l->waiting))
		tell(l, true);
}

void listener_release(struct listener *l)
{
	if (l->maxconn)
		atomic_fetch_sub(&l->connections, 1);
	listener_wake(l);
}

void listener_follow_thread(struct listener *now, struct listener *old)
{
	struct listener_socket *from = &old->sockets[loop_self->index], *to = &now->sockets[loop_self->index];

	unwatch(from);
	loop_timer_clear(&from->retry);
	set_waiting(from, false);
	from->listener = NULL; /* a message that is on its way to it finds nothing to do */
	to->complained_ms = from->complained_ms;
	reconcile(to);
}
