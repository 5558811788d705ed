/* spin: a lock for a few dozen instructions, held by nobody who may wait for anything.
 *
 * It takes 4 bytes and one atomic exchange where nobody else wants it.  Who finds it taken looks on without writing, so
 * that the holder keeps its cache line, and lets others run after a while: the holder may have been put off its CPU.
 * Zeroed is free.
 */
#ifndef BALLAST_BASE_SPIN_H
#define BALLAST_BASE_SPIN_H

#include <sched.h>

#include "ballast/base/assert.h"
#include "ballast/base/atomics.h"

enum { SPIN_LOOKS = 200 };

struct spin {
	_Atomic uint32_t taken;
};

static inline void spin_lock(struct spin *s)
{
	while (BL_UNLIKELY(atomic_exchange_explicit(&s->taken, 1, memory_order_acquire))) {
		unsigned looks = 0;
		while (atomic_load_explicit(&s->taken, memory_order_relaxed)) {
			cpu_relax();
			if (++looks % SPIN_LOOKS == 0)
				sched_yield();
		}
	}
}

/* By the thread that took it. */
static inline void spin_unlock(struct spin *s)
{
	atomic_store_explicit(&s->taken, 0, memory_order_release);
}

#endif
