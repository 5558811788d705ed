/* window: see window.h.  Of a bucket's word 24 bits are the slot's number (of 2^24, so an old bucket passes for a new one
 * only after 2^24 slots of silence), 40 the payload: an amount, or 20 bits bad above 20 bits total. */
#include "ballast/server/window.h"

enum { PAYLOAD_BITS = 40, PAIR_BITS = 20 };

static const uint64_t payload_max = ((uint64_t)1 << PAYLOAD_BITS) - 1, pair_max = ((uint64_t)1 << PAIR_BITS) - 1;
static const uint64_t slot_mask = ((uint64_t)1 << (64 - PAYLOAD_BITS)) - 1;

void window_init(struct window *w, uint32_t over_ms)
{
	w->slot_ms = (over_ms + WINDOW_BUCKETS - 1) / WINDOW_BUCKETS;
	window_clear(w);
}

void window_clear(struct window *w)
{
	for (unsigned i = 0; i < WINDOW_BUCKETS; i++)
		atomic_store_explicit(&w->bucket[i], 0, memory_order_relaxed);
}

static uint64_t slot_at(const struct window *w, uint64_t now_ms)
{
	return (now_ms / w->slot_ms) & slot_mask;
}

/* Adds the payload to the present bucket; nothing where it would be too much, in all or in the bits of `mask`. */
static void put(struct window *w, uint64_t now_ms, uint64_t payload, uint64_t mask)
{
	uint64_t slot = slot_at(w, now_ms), old, now;
	_Atomic uint64_t *bucket = &w->bucket[slot % WINDOW_BUCKETS];

	old = atomic_load_explicit(bucket, memory_order_relaxed);
	do {
		uint64_t held = old >> PAYLOAD_BITS == slot ? old & payload_max : 0;
		if ((held & mask) + (payload & mask) > mask || held + payload > payload_max)
			return;
		now = slot << PAYLOAD_BITS | (held + payload);
	} while (!atomic_compare_exchange_weak_explicit(bucket, &old, now, memory_order_relaxed, memory_order_relaxed));
}

/* What bucket `i` holds, where it is of the last while. */
static uint64_t payload_of(const struct window *w, uint64_t slot, unsigned i)
{
	uint64_t word = atomic_load_explicit(&w->bucket[i], memory_order_relaxed);
	uint64_t age = (slot - (word >> PAYLOAD_BITS)) & slot_mask;

	return age < WINDOW_BUCKETS ? word & payload_max : 0;
}

void window_count(struct window *w, uint64_t now_ms, uint32_t total, uint32_t bad)
{
	put(w, now_ms, (uint64_t)bad << PAIR_BITS | total, pair_max);
}

struct window_pair window_pair(const struct window *w, uint64_t now_ms)
{
	struct window_pair p = { 0 };
	uint64_t slot = slot_at(w, now_ms);

	for (unsigned i = 0; i < WINDOW_BUCKETS; i++) {
		uint64_t payload = payload_of(w, slot, i);
		p.total += payload & pair_max;
		p.bad += payload >> PAIR_BITS;
	}
	return p;
}

void window_add(struct window *w, uint64_t now_ms, uint64_t amount)
{
	put(w, now_ms, amount < payload_max ? amount : payload_max, payload_max);
}

uint64_t window_sum(const struct window *w, uint64_t now_ms)
{
	uint64_t sum = 0, slot = slot_at(w, now_ms);

	for (unsigned i = 0; i < WINDOW_BUCKETS; i++)
		sum += payload_of(w, slot, i);
	return sum;
}
