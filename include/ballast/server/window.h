/* window: counts of the last while: a ring of buckets, each for a sixteenth of it.
 *
 * A bucket is one word: the number of its time slot in the high bits, what was counted in it below; so whoever comes
 * first in a new slot replaces the old one by the same compare-and-swap that counts, and nothing is lost or torn.  Any
 * number of threads may count and read; none waits.  The sum covers between 15 and 16 sixteenths of the time.
 *
 * A window holds either pairs (how many, how many of them were bad) or amounts.  Times are those of the loops, in
 * milliseconds; a test gives its own.
 */
#ifndef BALLAST_SERVER_WINDOW_H
#define BALLAST_SERVER_WINDOW_H

#include <stdatomic.h>
#include <stdint.h>

enum { WINDOW_BUCKETS = 16 };

struct window {
	uint32_t slot_ms;
	_Atomic uint64_t bucket[WINDOW_BUCKETS];
} __attribute__((aligned(64)));

struct window_pair {
	uint64_t total, bad;
};

/* Empty; over_ms: how far back it looks, at least 1. */
void window_init(struct window *w, uint32_t over_ms);
void window_clear(struct window *w);
/* Counts into a window of pairs. A bucket that holds 2^20 - 1 takes no more, so that shares stay what they are. */
void window_count(struct window *w, uint64_t now_ms, uint32_t total, uint32_t bad);
struct window_pair window_pair(const struct window *w, uint64_t now_ms);
/* Adds to a window of amounts, at most 2^40 - 1 a bucket. */
void window_add(struct window *w, uint64_t now_ms, uint64_t amount);
uint64_t window_sum(const struct window *w, uint64_t now_ms);

/* `bad` of `total` in percent, 0 of none. */
static inline uint32_t window_percent(struct window_pair p)
{
	return p.total ? (uint32_t)(p.bad * 100 / p.total) : 0;
}

#endif
