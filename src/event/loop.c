/* loop: one turn is wait, clock, events, posts, timers, closing, garbage; in this order.
 *
 * A watch that is removed while the events of a turn are handed out is taken out of those still to come, so its owner
 * may register the same watch anew at once.  A post wakes a loop only where it says that it sleeps: the flag and the
 * list of posts are written and read in opposite order on the two sides, all sequentially consistent, so one of them
 * sees the other.  The wake descriptor is edge-triggered and therefore never read.
 */
#include "ballast/event/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ballast/base/clock.h"

enum {
	TURN_EVENTS_MAX = 256,
	WORK_SAMPLE_TURNS = 16,       /* the end of every 16th turn is timed */
	WALL_REFRESH_NS = 1000000000, /* how old the offset to the wall clock may be */
};

struct loop_batch {
	int at, count; /* events[at] is being handed out */
	struct epoll_event events[TURN_EVENTS_MAX];
};

__thread struct loop *loop_self;

static struct loop **all_loops;
static unsigned all_count;

static void wake_ready(struct watch *w, unsigned bits)
{
	(void)w;
	(void)bits;
}

static void read_clock(struct loop *l)
{
	l->now_ns = clock_mono_ns();
	l->now_ms = l->now_ns / 1000000;
	if (l->now_ns >= l->wall_due_ns) {
		l->wall_due_ns = l->now_ns + WALL_REFRESH_NS;
		l->wall_offset_us = clock_wall_us() - l->now_ns / 1000;
	}
	l->wall_us = l->now_ns / 1000 + l->wall_offset_us;
}

static int add_watch(struct loop *l, struct watch *w, int fd, void (*ready)(struct watch *w, unsigned bits),
	uint32_t mask)
{
	struct epoll_event e = { .events = mask, .data.ptr = w };
	w->fd = fd;
	w->ready = ready;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	w->fd = -1;
	return -errno;
}

int loop_init(struct loop *l, unsigned index)
{
	BL_ASSERT(index < LOOP_THREADS_MAX);
	*l = (struct loop){ .index = index, .epoll_fd = -1, .wake_fd = -1 };
	int err = -ENOMEM;
	l->batch = calloc(1, sizeof *l->batch);
	if (!l->batch)
		goto fail;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	err = -errno;
	if (l->epoll_fd < 0 || l->wake_fd < 0)
		goto fail;
	err = add_watch(l, &l->wake, l->wake_fd, wake_ready, EPOLLIN | EPOLLET);
	if (err)
		goto fail;
	read_clock(l);
	timer_wheel_init(&l->wheel, l->now_ms);
	return 0;
fail:
	loop_free(l);
	return err;
}

/* close() sends a reset instead of what is held back where something unread lies there; asking is cheaper than a
 * shutdown() each time. */
static void close_one(int fd)
{
	if (fd < 0) {
		int unread = 0;
		fd = ~fd;
		if (ioctl(fd, FIONREAD, &unread) < 0 || unread > 0)
			shutdown(fd, SHUT_WR);
	}
	close(fd);
}

void loop_close_now(struct loop *l)
{
	for (unsigned i = 0; i < l->closing_count; i++)
		close_one(l->closing[i]);
	l->closing_count = 0;
}

static void free_garbage(struct loop *l)
{
	while (l->garbage) {
		struct watch *w = l->garbage;
		l->garbage = w->next_garbage;
		free(w);
	}
}

void loop_free(struct loop *l)
{
	loop_close_now(l);
	free_garbage(l);
	free(l->batch);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	l->batch = NULL;
	l->epoll_fd = l->wake_fd = -1;
	if (loop_self == l)
		loop_self = NULL;
}

void loop_enter(struct loop *l)
{
	loop_self = l;
}

static int wait_limit(struct loop *l, int max_wait_ms)
{
	int timer = timer_next_ms(&l->wheel);
	return timer >= 0 && (max_wait_ms < 0 || timer < max_wait_ms) ? timer : max_wait_ms;
}

static void wait_for_events(struct loop *l, int max_wait_ms)
{
	struct loop_batch *b = l->batch;
	int wait_ms = wait_limit(l, max_wait_ms);
	if (wait_ms != 0) {
		atomic_store(&l->sleeping, true);
		if (atomic_load(&l->posts) || atomic_load(&l->stop))
			wait_ms = 0;
	}
	int n = epoll_wait(l->epoll_fd, b->events, TURN_EVENTS_MAX, wait_ms);
	atomic_store_explicit(&l->sleeping, false, memory_order_relaxed);
	BL_ASSERT(n >= 0 || errno == EINTR);
	b->count = n < 0 ? 0 : n;
}

static unsigned ready_bits(uint32_t events)
{
	unsigned bits = 0;
	if (events & EPOLLIN)
		bits |= LOOP_READ;
	if (events & EPOLLOUT)
		bits |= LOOP_WRITE;
	if (events & EPOLLRDHUP)
		bits |= LOOP_READ | LOOP_HUP;
	if (events & (EPOLLERR | EPOLLHUP))
		bits |= LOOP_ERROR;
	return bits;
}

static void hand_out_events(struct loop *l)
{
	struct loop_batch *b = l->batch;
	for (b->at = 0; b->at < b->count; b->at++) {
		struct watch *w = b->events[b->at].data.ptr;
		/* Closed between two turns (loop_close_later): its descriptor is still there. */
		if (w && w->fd >= 0)
			w->ready(w, ready_bits(b->events[b->at].events));
	}
	b->at = b->count = 0;
}

static void run_posts(struct loop *l)
{
	if (!atomic_load_explicit(&l->posts, memory_order_relaxed))
		return;
	struct post *p = atomic_exchange_explicit(&l->posts, NULL, memory_order_acquire), *fifo = NULL, *next;
	for (; p; p = next) {
		next = p->next;
		p->next = fifo;
		fifo = p;
	}
	for (; fifo; fifo = next) {
		next = fifo->next;
		fifo->run(fifo);
	}
}

static void count_up(_Atomic uint64_t *counter, uint64_t by)
{
	/* One writer: no locked instruction needed. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

/* A second reading of the clock in every turn would tell working from waiting exactly, for more than it is worth: one
 * turn in sixteen stands for all. */
static void account(struct loop *l, uint64_t turn_begin_ns)
{
	uint64_t turns = atomic_load_explicit(&l->turns, memory_order_relaxed);
	if (turns % WORK_SAMPLE_TURNS == 0)
		count_up(&l->turn_ns, (clock_mono_ns() - l->now_ns) * WORK_SAMPLE_TURNS);
	l->elapsed_ns += l->now_ns - turn_begin_ns;
	uint64_t work = atomic_load_explicit(&l->turn_ns, memory_order_relaxed);
	if (l->elapsed_ns > work)
		atomic_store_explicit(&l->wait_ns, l->elapsed_ns - work, memory_order_relaxed);
	count_up(&l->turns, 1);
}

void loop_turn(struct loop *l, int max_wait_ms)
{
	uint64_t before_ns = l->now_ns;
	wait_for_events(l, max_wait_ms);
	read_clock(l);
	/* Timers count from now before the events arm any; they fire after them, so that traffic wins over a timeout. */
	timer_advance(&l->wheel, l->now_ms);
	count_up(&l->events, (uint64_t)l->batch->count);
	hand_out_events(l);
	run_posts(l);
	timer_fire_due(&l->wheel);
	loop_close_now(l);
	free_garbage(l);
	account(l, before_ns);
}

void loop_run(struct loop *l)
{
	while (!atomic_load_explicit(&l->stop, memory_order_acquire))
		loop_turn(l, -1);
}

static void wake(struct loop *l)
{
	if (!atomic_load(&l->sleeping) || !atomic_exchange(&l->sleeping, false))
		return;
	uint64_t one = 1;
	ssize_t n;
	do
		n = write(l->wake_fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	wake(l);
}

int loop_add(struct loop *l, struct watch *w, int fd, void (*ready)(struct watch *w, unsigned bits))
{
	return add_watch(l, w, fd, ready, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

int loop_add_listener(struct loop *l, struct watch *w, int fd, void (*ready)(struct watch *w, unsigned bits))
{
	return add_watch(l, w, fd, ready, EPOLLIN | EPOLLEXCLUSIVE);
}

void loop_forget(struct loop *l, struct watch *w)
{
	struct loop_batch *b = l->batch;
	for (int i = b->at + 1; i < b->count; i++)
		if (b->events[i].data.ptr == w)
			b->events[i].data.ptr = NULL;
	w->fd = -1;
}

static void close_later(struct loop *l, struct watch *w, int fd)
{
	loop_forget(l, w);
	if (l->closing_count == LOOP_CLOSING_MAX)
		close_one(fd);
	else
		l->closing[l->closing_count++] = fd;
}

void loop_close_later(struct loop *l, struct watch *w)
{
	close_later(l, w, w->fd);
}

void loop_finish_later(struct loop *l, struct watch *w)
{
	close_later(l, w, ~w->fd);
}

void loop_remove(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	loop_forget(l, w);
}

void loop_free_later(struct loop *l, struct watch *w)
{
	BL_ASSERT(w->fd < 0);
	w->next_garbage = l->garbage;
	l->garbage = w;
}

void loop_post(struct loop *l, struct post *p)
{
	struct post *head = atomic_load_explicit(&l->posts, memory_order_relaxed);
	do
		p->next = head;
	while (!atomic_compare_exchange_weak(&l->posts, &head, p));
	wake(l);
}

void loop_set_all(struct loop **loops, unsigned count)
{
	all_loops = loops;
	all_count = count;
}

unsigned loop_count(void)
{
	return all_count;
}

struct loop *loop_at(unsigned index)
{
	BL_ASSERT(index < all_count);
	return all_loops[index];
}
