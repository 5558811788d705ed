/* loop: one event loop a thread, over edge-triggered epoll.
 *
 * A descriptor is registered once, for reading and writing together; there is no epoll_ctl on a
 * request's path.  The owner of a watch remembers readiness and drains until EAGAIN (or a short read).
 * The clock is read once a turn.  All functions are for the loop's own thread, except those that say so.
 */
#ifndef BALLAST_EVENT_LOOP_H
#define BALLAST_EVENT_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ballast/base/list.h"
#include "ballast/event/timer.h"

enum { LOOP_THREADS_MAX = 256, LOOP_SLOTS = 8, LOOP_CLOSING_MAX = 128 };

/* Bits given to watch.ready. */
enum {
	LOOP_READ = 1,  /* readable, or the peer ended its side */
	LOOP_WRITE = 2, /* writable */
	LOOP_HUP = 4,   /* the peer ended its side: nothing comes after what is buffered */
	LOOP_ERROR = 8, /* error, or both sides ended */
};

/* Embedded in whatever owns a descriptor.  Its memory must outlive the turn in which it was removed
 * (loop_free_later). */
struct watch {
	int fd; /* -1: not registered */
	union {
		void (*ready)(struct watch *w, unsigned bits);
		struct watch *next_garbage; /* after loop_free_later */
	};
};

/* A message to a loop; belongs to the sender until loop_post, then to whoever run() says. */
struct post {
	struct post *next;
	void (*run)(struct post *p);
};

struct loop {
	int epoll_fd, wake_fd;
	unsigned index;  /* of its thread: 0..loop_count()-1 */
	uint64_t now_ns; /* CLOCK_MONOTONIC at the start of this turn */
	uint64_t now_ms;
	uint64_t wall_us; /* CLOCK_REALTIME at the start of this turn */
	struct timer_wheel wheel;
	struct watch *garbage;
	_Atomic(struct post *) posts;
	atomic_bool sleeping; /* whoever posts must write to wake_fd */
	atomic_bool stop;
	/* Written by its thread only.  turn_ns (working) is estimated from every 16th turn; wait_ns is the rest. */
	_Atomic uint64_t turns, events, wait_ns, turn_ns;
	struct watch wake;
	struct loop_batch *batch; /* events fetched in this turn */
	uint64_t elapsed_ns;      /* from the loop's start to this turn's */
	uint64_t wall_offset_us, wall_due_ns;
	unsigned closing_count;
	int closing[LOOP_CLOSING_MAX]; /* closed at the end of this turn; ~fd: bytes are held back */
	void *slot[LOOP_SLOTS];        /* per-thread data of the rooms below, LOOP_SLOT_* */
};

/* Makes the loop of thread `index`. 0 or negative errno. */
int loop_init(struct loop *l, unsigned index);
/* Gives back what the loop owns; what is still registered, queued or posted is not touched. */
void loop_free(struct loop *l);
/* The calling thread's loop; NULL where none was entered. */
extern __thread struct loop *loop_self;
static inline struct loop *loop_current(void)
{
	return loop_self;
}
void loop_enter(struct loop *l);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
/* Ends loop_run after its turn; from any thread. */
void loop_stop(struct loop *l);
/* One turn, waiting at most `max_wait_ms` (-1: until something happens). */
void loop_turn(struct loop *l, int max_wait_ms);

/* Registers fd for both directions, edge-triggered. 0 or negative errno. */
int loop_add(struct loop *l, struct watch *w, int fd, void (*ready)(struct watch *w, unsigned bits));
/* Registers a listening socket: reading only, level-triggered, EPOLLEXCLUSIVE. */
int loop_add_listener(struct loop *l, struct watch *w, int fd, void (*ready)(struct watch *w, unsigned bits));
/* Takes it out; events already fetched in this turn are not delivered any more. Does not close the fd. */
void loop_remove(struct loop *l, struct watch *w);
/* The same where the only descriptor of the socket is closed right after: saves the epoll_ctl. */
void loop_forget(struct loop *l, struct watch *w);

/* The same, and closes the descriptor at the end of this turn: what others do on seeing that (a client connects anew) then
 * comes together, and wakes this thread once, not once for each. */
void loop_close_later(struct loop *l, struct watch *w);
/* The same where bytes are held back (MSG_MORE): close() would throw them away if anything unread came meanwhile. */
void loop_finish_later(struct loop *l, struct watch *w);
/* Closes at once what loop_close_later put off: somebody needs the descriptors. */
void loop_close_now(struct loop *l);

/* free()s the memory that begins with a watch, which is not registered any more, at the end of this turn: an event
 * fetched in it may still name it. */
void loop_free_later(struct loop *l, struct watch *w);
/* Queues `p` to run on that loop's thread; from any thread; wakes it where it sleeps. */
void loop_post(struct loop *l, struct post *p);

/* Timers of the current loop. */
static inline void loop_timer_set(struct timer *t, uint32_t delay_ms)
{
	timer_set(&loop_self->wheel, t, delay_ms);
}
static inline void loop_timer_clear(struct timer *t)
{
	if (t->due_ms)
		timer_clear(&loop_self->wheel, t);
}

/* All loops of this process, for posts to each; set once at start. */
void loop_set_all(struct loop **loops, unsigned count);
unsigned loop_count(void);
struct loop *loop_at(unsigned index);

#endif
