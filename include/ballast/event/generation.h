/* generation: one loaded configuration, and how many still work with it.
 *
 * Who begins something that outlives its event (an exchange, a command of the runtime API that goes on) enters the
 * generation, and leaves it at the end, each with a plain store to a line of its own thread.  Once a newer generation was
 * published nobody enters the old one any more, so when the sum over the threads is zero it stays so.
 */
#ifndef BALLAST_EVENT_GENERATION_H
#define BALLAST_EVENT_GENERATION_H

#include <stdatomic.h>

#include "ballast/event/loop.h"

struct generation_users {
	_Atomic int64_t count;
} __attribute__((aligned(64)));

struct generation {
	uint64_t number; /* 1: the first one of the process */
	unsigned threads;
	struct generation_users *users; /* [threads] */
};

/* NULL where memory is out. */
struct generation *generation_new(uint64_t number, unsigned threads);
/* Nobody uses it any more. NULL is allowed. */
void generation_free(struct generation *g);
/* Users of all threads. From any thread; exact once no more can enter. */
int64_t generation_used(const struct generation *g);

static inline void generation_count(struct generation *g, int by)
{
	_Atomic int64_t *n = &g->users[loop_self->index].count;

	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + by, memory_order_release);
}
/* NULL: outside of a process that reloads; nothing is counted. Left by the thread that entered. */
static inline void generation_enter(struct generation *g)
{
	if (g)
		generation_count(g, 1);
}
static inline void generation_leave(struct generation *g)
{
	if (g)
		generation_count(g, -1);
}

#endif
