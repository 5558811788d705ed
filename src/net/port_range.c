/* port_range: a bit for each port, set while it is in use. */
#include "ballast/net/port_range.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "ballast/base/assert.h"

struct port_range {
	_Atomic uint32_t owners;
	uint32_t count;
	uint16_t low;
	_Atomic uint32_t next;   /* where the next search begins */
	_Atomic uint64_t used[]; /* [count / 64, rounded up] */
};

struct port_range *port_range_new(uint16_t low, uint16_t high)
{
	uint32_t count = (uint32_t)high - low + 1;
	struct port_range *r;

	BL_ASSERT(low && low <= high);
	r = calloc(1, sizeof *r + (count + 63) / 64 * sizeof r->used[0]);
	if (r) {
		atomic_init(&r->owners, 1);
		r->low = low;
		r->count = count;
	}
	return r;
}

struct port_range *port_range_share(struct port_range *r)
{
	atomic_fetch_add_explicit(&r->owners, 1, memory_order_relaxed);
	return r;
}

void port_range_drop(struct port_range *r)
{
	if (r && atomic_fetch_sub(&r->owners, 1) == 1)
		free(r);
}

bool port_range_equal(const struct port_range *a, const struct port_range *b)
{
	return a && b ? a->low == b->low && a->count == b->count : a == b;
}

uint16_t port_range_take(struct port_range *r)
{
	uint32_t start = atomic_load_explicit(&r->next, memory_order_relaxed) % r->count;

	for (uint32_t i = 0; i < r->count; i++) {
		uint32_t n = (start + i) % r->count;
		uint64_t bit = 1ull << (n % 64);
		_Atomic uint64_t *word = &r->used[n / 64];
		if (atomic_load_explicit(word, memory_order_relaxed) & bit ||
			atomic_fetch_or_explicit(word, bit, memory_order_acquire) & bit)
			continue;
		atomic_store_explicit(&r->next, n + 1, memory_order_relaxed);
		return (uint16_t)(r->low + n);
	}
	return 0;
}

void port_range_give(struct port_range *r, uint16_t port)
{
	uint32_t n = (uint32_t)(port - r->low);

	BL_ASSERT(port >= r->low && n < r->count);
	atomic_fetch_and_explicit(&r->used[n / 64], ~(1ull << (n % 64)), memory_order_release);
}
