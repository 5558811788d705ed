/* histogram: how often which value came, for latencies (the idea of HdrHistogram).
 *
 * Values below 128 are counted exactly; above, each doubling is cut into 64 equal steps, so that the middle of a
 * step is within 0.8 % of every value in it.  Values of 2^32 and more count as 2^32 - 1 (in microseconds: 71
 * minutes).  Memory is fixed: 13.5 KiB each.  One thread records, any may read; readers sum several into a
 * view and ask that.
 */
#ifndef BALLAST_BASE_HISTOGRAM_H
#define BALLAST_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "ballast/base/atomics.h"

#define HISTOGRAM_BUCKETS 1728
#define HISTOGRAM_MAX UINT32_MAX

/* All zero is empty.  Lives where its owner puts it. */
struct histogram {
	_Atomic uint64_t sum, max;
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* What a reader saw; all zero is empty.  Belongs to one thread. */
struct histogram_view {
	uint64_t count, sum, max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* The bucket of a value up to HISTOGRAM_MAX. */
static inline unsigned histogram_bucket(uint64_t value)
{
	if (value < 128)
		return (unsigned)value;
	unsigned shift = 57 - (unsigned)__builtin_clzll(value);
	return shift * 64 + (unsigned)(value >> shift);
}

/* The only writer counts a value. */
static inline void histogram_record(struct histogram *h, uint64_t value)
{
	if (value > HISTOGRAM_MAX)
		value = HISTOGRAM_MAX;
	counter_add(&h->buckets[histogram_bucket(value)], 1);
	counter_add(&h->sum, value);
	counter_max(&h->max, value);
}

/* The only writer forgets all. */
void histogram_clear(struct histogram *h);
/* Adds what `h` holds now to a view.  Any thread; what is recorded meanwhile may be counted or not. */
void histogram_merge(struct histogram_view *view, const struct histogram *h);

/* The value that `percent` (0 to 100) of all values do not exceed, within 0.8 %; 0 where there is none.  100 gives the
 * largest, exactly. */
uint64_t histogram_percentile(const struct histogram_view *view, double percent);
/* How many values are at most `value`, by whole buckets: values within 1.6 % above it may be counted. */
uint64_t histogram_count_to(const struct histogram_view *view, uint64_t value);
/* The mean, exactly; 0 where there is none. */
double histogram_mean(const struct histogram_view *view);

#endif
