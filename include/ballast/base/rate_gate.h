/* rate_gate: lets so many through in each second of the clock (`maxconnrate` and its kin).
 *
 * One word holds the second and how many passed in it, so that passing is one compare-and-swap.  All threads share it:
 * for what happens once a connection, and only where there is a limit.
 */
#ifndef BALLAST_BASE_RATE_GATE_H
#define BALLAST_BASE_RATE_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rate_gate {
	_Atomic uint32_t limit; /* a second; 0: none. May change at any time */
	_Atomic uint64_t seen;  /* the second in the upper half, those that passed in it in the lower */
};

static inline uint32_t rate_gate_limit(const struct rate_gate *g)
{
	return atomic_load_explicit(&g->limit, memory_order_relaxed);
}

static inline void rate_gate_set(struct rate_gate *g, uint32_t limit)
{
	atomic_store_explicit(&g->limit, limit, memory_order_relaxed);
}

/* `now_ns`: of the monotonic clock. False: not in this second. */
static inline bool rate_gate_pass(struct rate_gate *g, uint64_t now_ns)
{
	uint64_t second = now_ns / 1000000000u & UINT32_MAX, seen, next;
	uint32_t limit = rate_gate_limit(g);

	if (!limit)
		return true;
	seen = atomic_load_explicit(&g->seen, memory_order_relaxed);
	do {
		next = seen >> 32 == second ? seen + 1 : second << 32 | 1;
		if ((uint32_t)next > limit)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&g->seen, &seen, next, memory_order_relaxed,
		memory_order_relaxed));
	return true;
}

/* Who passed did not come after all. */
static inline void rate_gate_undo(struct rate_gate *g, uint64_t now_ns)
{
	uint64_t seen = atomic_load_explicit(&g->seen, memory_order_relaxed);

	if (!rate_gate_limit(g))
		return;
	while (seen >> 32 == (now_ns / 1000000000u & UINT32_MAX) && (uint32_t)seen &&
		!atomic_compare_exchange_weak_explicit(&g->seen, &seen, seen - 1, memory_order_relaxed,
			memory_order_relaxed))
		;
}

#endif
