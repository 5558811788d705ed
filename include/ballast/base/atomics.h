/* atomics: counters that one thread writes and any thread reads.
 *
 * A single writer needs no locked instruction: it loads, adds and stores, all relaxed, which compiles to a plain
 * add.  Readers see some recent value and never a torn one.  Nothing orders a counter against other memory.
 */
#ifndef BALLAST_BASE_ATOMICS_H
#define BALLAST_BASE_ATOMICS_H

#include <stdatomic.h>
#include <stdint.h>

/* For data that different threads write: each on lines of its own. */
#define BL_CACHE_LINE 64

/* The only writer adds `n`. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

/* The only writer takes `n` away (a gauge). */
static inline void counter_sub(_Atomic uint64_t *counter, uint64_t n)
{
	counter_add(counter, -n);
}

/* The only writer sets it. */
static inline void counter_set(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

/* The only writer raises it to `value` where that is more. */
static inline void counter_max(_Atomic uint64_t *counter, uint64_t value)
{
	if (value > atomic_load_explicit(counter, memory_order_relaxed))
		atomic_store_explicit(counter, value, memory_order_relaxed);
}

/* Any thread reads it. */
static inline uint64_t counter_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* A moment's rest in a loop that waits for another thread. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
