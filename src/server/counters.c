/* counters: rates, and sums over the threads' own counters.
 *
 * Each counter is written by its thread only, with plain relaxed stores; a reader on another thread may see one a moment
 * late, never a torn one.
 */
#include "ballast/server/counters.h"

#define load_relaxed(p) atomic_load_explicit(p, memory_order_relaxed)
#define store_relaxed(p, v) atomic_store_explicit(p, v, memory_order_relaxed)

void rate_count(struct rate *r, uint32_t second)
{
	uint32_t at = load_relaxed(&r->second), current = load_relaxed(&r->current);

	if (at != second) {
		store_relaxed(&r->last, at + 1 == second ? current : 0);
		store_relaxed(&r->second, second);
		current = 0;
	}
	store_relaxed(&r->current, ++current);
	if (current > load_relaxed(&r->max))
		store_relaxed(&r->max, current);
}

uint32_t rate_read(const struct rate *r, uint32_t second)
{
	uint32_t at = load_relaxed(&r->second);

	if (at == second)
		return load_relaxed(&r->last);
	return at + 1 == second ? load_relaxed(&r->current) : 0;
}

static const struct counters *counters_at(const struct counters *first, size_t stride, unsigned thread)
{
	return (const struct counters *)(const void *)((const char *)first + stride * thread);
}

static const struct rate *rate_at(const struct counters *c, size_t offset)
{
	return (const struct rate *)(const void *)((const char *)c + offset);
}

uint64_t counters_sum(const struct counters *first, size_t stride, unsigned threads, enum counter which)
{
	uint64_t sum = 0;

	for (unsigned t = 0; first && t < threads; t++)
		sum += load_relaxed(&counters_at(first, stride, t)->v[which]);
	return sum;
}

int64_t counters_current(const struct counters *first, size_t stride, unsigned threads)
{
	int64_t sum = 0;

	for (unsigned t = 0; first && t < threads; t++)
		sum += load_relaxed(&counters_at(first, stride, t)->current);
	return sum;
}

int64_t counters_current_max(const struct counters *first, size_t stride, unsigned threads)
{
	int64_t sum = 0;

	for (unsigned t = 0; first && t < threads; t++)
		sum += load_relaxed(&counters_at(first, stride, t)->current_max);
	return sum;
}

uint64_t counters_last_session_s(const struct counters *first, size_t stride, unsigned threads)
{
	uint64_t latest = 0;

	for (unsigned t = 0; first && t < threads; t++) {
		uint64_t at = load_relaxed(&counters_at(first, stride, t)->last_session_s);
		if (at > latest)
			latest = at;
	}
	return latest;
}

uint32_t counters_rate(const struct counters *first, size_t stride, unsigned threads, size_t offset, uint32_t second)
{
	uint32_t sum = 0;

	for (unsigned t = 0; first && t < threads; t++)
		sum += rate_read(rate_at(counters_at(first, stride, t), offset), second);
	return sum;
}

uint32_t counters_rate_max(const struct counters *first, size_t stride, unsigned threads, size_t offset)
{
	uint32_t sum = 0;

	for (unsigned t = 0; first && t < threads; t++)
		sum += load_relaxed(&rate_at(counters_at(first, stride, t), offset)->max);
	return sum;
}

uint32_t counters_time_max(const struct counters *first, size_t stride, unsigned threads, unsigned i)
{
	uint32_t max = 0;

	for (unsigned t = 0; first && t < threads; t++) {
		uint32_t ms = load_relaxed(&counters_at(first, stride, t)->time_max_ms[i]);
		if (ms > max)
			max = ms;
	}
	return max;
}

static void clear_one(struct counters *c, bool all)
{
	store_relaxed(&c->current_max, load_relaxed(&c->current));
	store_relaxed(&c->sess_rate.max, 0);
	store_relaxed(&c->req_rate.max, 0);
	store_relaxed(&c->conn_rate.max, 0);
	for (unsigned i = 0; i < COUNT_TIMES; i++)
		store_relaxed(&c->time_max_ms[i], 0);
	if (!all)
		return;
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		store_relaxed(&c->v[i], 0);
	store_relaxed(&c->last_session_s, 0);
}

void counters_clear(struct counters *first, size_t stride, unsigned threads, bool all)
{
	for (unsigned t = 0; first && t < threads; t++)
		clear_one((struct counters *)(void *)((char *)first + stride * t), all);
}
