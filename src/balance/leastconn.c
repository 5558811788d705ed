/* leastconn: the server with the least load in proportion to its weight; equals take turns.
 *
 * load / weight is compared as load * mult, mult being the weights' least common multiple divided by the weight:
 * exact, so that equals are found as such.  Where that multiple is above 31 bits, mult is rounded (by less than
 * 1 in 2^16 for HAProxy's weights).  Turns: of equals the first from the slot after the thread's last choice
 * on, around.  The scan goes over slots, not over servers in use, so that nothing needs to be gathered; servers
 * that may not be chosen are masked (kernels.h).
 */
#include <errno.h>
#include <string.h>

#include "algorithm.h"
#include "kernels.h"

struct leastconn {
	const struct pick_kernels *kernels;
	struct kernel_loads loads;
	uint32_t low, high; /* slots in use lie in [low, high) */
	struct {
		uint32_t slot, dead, mult;
	} four[4]; /* the servers in use where they are up to four; the rest is dead */
};

static inline void meet(const struct picker *p, struct pick_thread *t)
{
	if (BL_UNLIKELY(t->generation != p->generation))
		pick_thread_move(t, p);
}

static inline int take(struct pick_thread *t, uint32_t slot)
{
	t->turn = slot + 1;
	return (int)slot;
}

/* Only for redispatch: the plain way. */
static int choose_avoiding(const struct picker *p, const struct pick_request *r)
{
	const struct leastconn *d = p->data;
	uint64_t best = UINT64_MAX;
	uint32_t best_slot = 0, from = 0;

	while (from < p->usable && p->slot[from] < r->thread->turn)
		from++;
	for (uint32_t n = 0; n < p->usable; n++) {
		uint32_t slot = p->slot[(from + n) % p->usable];
		uint64_t key = atomic_load_explicit(&p->load[slot], memory_order_relaxed);

		key *= d->loads.mult ? d->loads.mult[slot] : 1;
		if (key < best && !bitmap_has(r->avoid, slot)) {
			best = key;
			best_slot = slot;
		}
	}
	return take(r->thread, best_slot);
}

static inline bool must_avoid(const struct picker *p, const struct pick_request *r)
{
	return BL_UNLIKELY(r->avoid != NULL) && pick_has_other(p, r->avoid);
}

static inline uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int choose4(const struct picker *p, const struct pick_request *r)
{
	const struct leastconn *d = p->data;
	uint32_t from = 0;
	uint64_t key[4];
	unsigned least = 0;

	meet(p, r->thread);
	if (must_avoid(p, r))
		return choose_avoiding(p, r);
#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++) {
		uint64_t load = atomic_load_explicit(&p->load[d->four[i].slot], memory_order_relaxed);

		key[i] = (load | d->four[i].dead) * d->four[i].mult;
		from += d->four[i].slot < r->thread->turn;
	}
	uint64_t best = lesser(lesser(key[0], key[1]), lesser(key[2], key[3]));
#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++)
		least |= (unsigned)(key[i] == best) << i;
	return take(r->thread, d->four[kernel_first_from(least, from)].slot);
}

static inline uint32_t turn_of(const struct leastconn *d, const struct pick_thread *t)
{
	return t->turn >= d->low && t->turn < d->high ? t->turn : d->low;
}

/* At most 16 slots from the first in use to the last. */
static int choose16(const struct picker *p, const struct pick_request *r)
{
	const struct leastconn *d = p->data;
	const struct pick_kernels *k = d->kernels;
	uint32_t count = d->high - d->low;

	meet(p, r->thread);
	if (must_avoid(p, r))
		return choose_avoiding(p, r);
	uint32_t start = turn_of(d, r->thread) - d->low;
	return take(r->thread, d->loads.mult ? k->least16_weighted(&d->loads, d->low, count, start)
					     : k->least16_equal(&d->loads, d->low, count, start));
}

static inline int choose_many(const struct picker *p, const struct pick_request *r,
	uint32_t (*least)(const struct kernel_loads *, uint32_t, uint32_t, uint64_t *))
{
	const struct leastconn *d = p->data;
	uint64_t key, key_before;

	meet(p, r->thread);
	if (must_avoid(p, r))
		return choose_avoiding(p, r);
	uint32_t turn = turn_of(d, r->thread);
	uint32_t slot = least(&d->loads, turn, d->high, &key);
	if (key == 0 || turn == d->low)
		return take(r->thread, slot);
	uint32_t before = least(&d->loads, d->low, turn, &key_before);
	return take(r->thread, key_before < key ? before : slot);
}

static int choose_many_equal(const struct picker *p, const struct pick_request *r)
{
	const struct leastconn *d = p->data;

	return choose_many(p, r, d->kernels->least_equal);
}

static int choose_many_weighted(const struct picker *p, const struct pick_request *r)
{
	const struct leastconn *d = p->data;

	return choose_many(p, r, d->kernels->least_weighted);
}

/* --- building --- */

static uint64_t common_multiple(uint64_t a, uint64_t b)
{
	uint64_t x = a, y = b;

	while (y) {
		uint64_t rest = x % y;

		x = y;
		y = rest;
	}
	return a / x * b;
}

/* What mult is divided from: below KERNEL_MULT_DEAD. */
static uint64_t multiple_of_weights(const struct picker *p)
{
	uint64_t multiple = 1;

	for (uint32_t i = 0; i < p->usable && multiple < KERNEL_MULT_DEAD; i++)
		multiple = common_multiple(multiple, pick_units_of(p, i));
	return multiple < KERNEL_MULT_DEAD ? multiple : KERNEL_MULT_DEAD - 1;
}

static void fill_slots(const struct picker *p, uint32_t *dead, uint32_t *mult, uint32_t entries)
{
	uint64_t multiple = multiple_of_weights(p);

	for (uint32_t i = 0; i < entries; i++) {
		dead[i] = UINT32_MAX;
		if (mult)
			mult[i] = KERNEL_MULT_DEAD;
	}
	for (uint32_t i = 0; i < p->usable; i++) {
		uint64_t weight = pick_units_of(p, i);

		dead[p->slot[i]] = 0;
		if (mult)
			mult[p->slot[i]] = (uint32_t)((multiple + weight / 2) / weight);
	}
}

static void fill_four(const struct picker *p, struct leastconn *d)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t slot = p->slot[i < p->usable ? i : p->usable - 1];

		d->four[i].slot = slot;
		d->four[i].dead = i < p->usable ? 0 : UINT32_MAX;
		d->four[i].mult = i >= p->usable ? KERNEL_MULT_DEAD : d->loads.mult ? d->loads.mult[slot] : 1;
	}
}

static int build(struct picker *p)
{
	bool weighted = !pick_equal_weights(p);
	uint32_t high = p->slot[p->usable - 1] + 1u, entries = high + 16;
	struct leastconn *d = malloc(sizeof(*d) + (weighted ? 2 : 1) * entries * sizeof(uint32_t));

	if (!d)
		return -ENOMEM;
	uint32_t *dead = (uint32_t *)(void *)(d + 1), *mult = weighted ? dead + entries : NULL;
	*d = (struct leastconn){ .kernels = pick_kernels(),
		.loads = { p->load, dead, mult },
		.low = p->slot[0],
		.high = high };
	fill_slots(p, dead, mult, entries);
	p->data = d;
	if (p->usable <= 4) {
		fill_four(p, d);
		p->choose = choose4;
	} else if (high - d->low <= 16) {
		p->choose = choose16;
	} else {
		p->choose = weighted ? choose_many_weighted : choose_many_equal;
	}
	return 0;
}

const struct pick_algorithm pick_leastconn = {
	.name = "leastconn",
	.help = "the server with the fewest requests in proportion to its weight",
	.needs_load = true,
	.build = build,
};
