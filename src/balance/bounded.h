/* bounded: which servers may take one more request under `hash-balance-factor` (Mirrokni, Thorup, Zadimoghaddam,
 * 'Consistent Hashing with Bounded Loads', 2018).
 *
 * With m requests at the servers in use, the one that comes counted, a server may have ceil(factor * m * its share of
 * the weights).  As the factor is above 1, one of them is always below that; a key whose server is not goes to the next
 * one in the order of its method.  Loads are read while other threads change them: a limit may be missed by as many
 * requests as come at once.
 */
#ifndef BALANCE_BOUNDED_H
#define BALANCE_BOUNDED_H

#include "algorithm.h"
#include "kernels.h"

struct bounded {
	const struct pick_kernels *kernels;
	struct kernel_loads loads;
	uint32_t low, high;     /* slots in use lie in [low, high) */
	uint32_t factor;        /* percent */
	uint64_t weights;       /* of all in use */
	const uint32_t *weight; /* by slot */
};

/* One block of malloc; NULL where memory is out. */
struct bounded *bounded_build(const struct picker *p);

/* Requests at the servers in use. */
static inline uint64_t bounded_total(const struct bounded *b)
{
	return b->kernels->sum(&b->loads, b->low, b->high);
}

static inline bool bounded_fits(const struct bounded *b, uint64_t total, uint32_t slot)
{
	uint64_t load = atomic_load_explicit(&b->loads.load[slot], memory_order_relaxed);

	/* load + 1 <= ceil(limit): load < limit, where all is multiplied by 100 * weights. */
	return load * 100 * b->weights < b->factor * (total + 1) * b->weight[slot];
}

/* The first of `count` entries from `at` on, around, that is not avoided and, with a factor, fits; else the first that is not
 * avoided.  `slot_of(p, i)` is the server of an entry. */
static inline int bounded_walk(const struct picker *p, const struct pick_request *r, uint32_t at, uint32_t count,
	int (*slot_of)(const struct picker *, uint32_t))
{
	const struct bounded *b = p->bounded;
	const uint64_t *avoid = r->avoid && pick_has_other(p, r->avoid) ? r->avoid : NULL;
	uint64_t total = b ? bounded_total(b) : 0;
	int first = PICK_NONE;

	for (uint32_t n = 0; n < count; n++, at = at + 1 < count ? at + 1 : 0) {
		int slot = slot_of(p, at);

		if (avoid && bitmap_has(avoid, (uint32_t)slot))
			continue;
		if (!b || bounded_fits(b, total, (uint32_t)slot))
			return slot;
		if (first == PICK_NONE)
			first = slot;
	}
	return first;
}

#endif
