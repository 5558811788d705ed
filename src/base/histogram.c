/* histogram: reading latency histograms. */
#include "ballast/base/histogram.h"

/* The middle of a bucket. */
static uint64_t bucket_middle(unsigned bucket)
{
	if (bucket < 128)
		return bucket;
	unsigned shift = bucket / 64 - 1;
	uint64_t low = (uint64_t)(64 + bucket % 64) << shift;
	return low + ((uint64_t)1 << shift) / 2;
}

void histogram_clear(struct histogram *h)
{
	counter_set(&h->sum, 0);
	counter_set(&h->max, 0);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		counter_set(&h->buckets[i], 0);
}

void histogram_merge(struct histogram_view *view, const struct histogram *h)
{
	uint64_t max = counter_get(&h->max);

	view->sum += counter_get(&h->sum);
	if (max > view->max)
		view->max = max;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = counter_get(&h->buckets[i]);
		view->buckets[i] += n;
		view->count += n;
	}
}

/* How many values, from the smallest, make up `percent`: at least one, at most all. */
static uint64_t rank_of(uint64_t count, double percent)
{
	double exact = (double)count * percent / 100.0;
	uint64_t rank = exact >= (double)count ? count : exact <= 1 ? 1 : (uint64_t)exact;

	/* Rounded up, but not for the error of the multiplication: 99.9 % of 1000 is 999. */
	if (rank < count && exact - (double)rank > 1e-6)
		rank++;
	return rank;
}

uint64_t histogram_percentile(const struct histogram_view *view, double percent)
{
	uint64_t seen = 0;

	if (view->count == 0)
		return 0;
	uint64_t rank = rank_of(view->count, percent);
	if (rank == view->count)
		return view->max;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += view->buckets[i];
		if (seen >= rank)
			return bucket_middle(i) < view->max ? bucket_middle(i) : view->max;
	}
	return view->max;
}

uint64_t histogram_count_to(const struct histogram_view *view, uint64_t value)
{
	uint64_t count = 0;
	unsigned last = histogram_bucket(value > HISTOGRAM_MAX ? HISTOGRAM_MAX : value);

	for (unsigned i = 0; i <= last; i++)
		count += view->buckets[i];
	return count;
}

double histogram_mean(const struct histogram_view *view)
{
	return view->count ? (double)view->sum / (double)view->count : 0;
}
