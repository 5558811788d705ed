/* random: the least loaded of some servers drawn at random, by weight (the power of two choices: Mitzenmacher,
 * Richa, Sitaraman, 'The Power of Two Random Choices', 2001).
 *
 * Numbers come from arc4random_buf(), which glibc 2.36 answers by the kernel's generator: nobody who sees which
 * servers were chosen can tell the next ones.  A system call for each number would cost more than all the rest,
 * so each thread takes many at a time.  A draw is exact (Lemire, 'Fast Random Integer Generation in an
 * Interval', 2019: the few numbers that would favour some places are thrown away).
 */
#include <errno.h>

#include "ballast/base/slice.h"
#include "wheel.h"

enum { DRAWS_DEFAULT = 2, DRAWS_MAX = 1000, STORE = 512 };

/* Of all pickers of a thread. */
static _Thread_local struct {
	uint32_t left;
	uint32_t number[STORE];
} store;

static uint32_t next_number(void)
{
	if (BL_UNLIKELY(store.left == 0)) {
		arc4random_buf(store.number, sizeof(store.number));
		store.left = STORE;
	}
	return store.number[--store.left];
}

/* In [0, bound). */
static inline uint32_t number_below(uint32_t bound)
{
	uint64_t product = (uint64_t)next_number() * bound;

	if (BL_UNLIKELY((uint32_t)product < bound)) {
		uint32_t surplus = -bound % bound;

		while ((uint32_t)product < surplus)
			product = (uint64_t)next_number() * bound;
	}
	return (uint32_t)(product >> 32);
}

/* Two of them from one number: what the first product leaves over is the second's.  bound < 2^16. */
static inline void numbers_below(uint32_t bound, uint32_t *a, uint32_t *b)
{
	uint32_t square = bound * bound, surplus = 0;
	uint64_t first, second;

	do {
		first = (uint64_t)next_number() * bound;
		second = (uint64_t)(uint32_t)first * bound;
		/* As in number_below(), for [0, square). */
		if (BL_UNLIKELY((uint32_t)second < square) && !surplus)
			surplus = -square % square;
	} while (BL_UNLIKELY((uint32_t)second < surplus));
	*a = (uint32_t)(first >> 32);
	*b = (uint32_t)(second >> 32);
}

/* Keeps the one with less load in proportion to its weight; of equals the one drawn first. */
static inline uint32_t less_loaded(const struct picker *p, uint32_t a, uint32_t b)
{
	uint64_t load_a = atomic_load_explicit(&p->load[p->slot[a]], memory_order_relaxed);
	uint64_t load_b = atomic_load_explicit(&p->load[p->slot[b]], memory_order_relaxed);

	return load_b * p->weight[a] < load_a * p->weight[b] ? b : a;
}

/* The server that owns the place, where avoided ones own none. */
static uint32_t find_other(const struct picker *p, const uint64_t *avoid, uint32_t place)
{
	uint32_t i = pick_next_other(p, avoid, 0);

	while (place >= pick_units_of(p, i)) {
		place -= pick_units_of(p, i);
		i = pick_next_other(p, avoid, i + 1);
	}
	return i;
}

static int choose_avoiding(const struct picker *p, const struct pick_request *r)
{
	uint32_t units = 0;

	for (uint32_t i = 0; i < p->usable; i++)
		units += bitmap_has(r->avoid, p->slot[i]) ? 0 : pick_units_of(p, i);
	uint32_t best = find_other(p, r->avoid, number_below(units));
	for (int64_t n = 1; n < p->param; n++)
		best = less_loaded(p, best, find_other(p, r->avoid, number_below(units)));
	return p->slot[best];
}

static inline int choose_by(const struct picker *p, const struct pick_request *r,
	uint32_t (*find)(const struct picker *, const struct wheel *, uint32_t))
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(r->avoid && pick_has_other(p, r->avoid)))
		return choose_avoiding(p, r);
	if (BL_LIKELY(p->param == 2 && w->units <= UINT16_MAX)) {
		uint32_t a, b;

		numbers_below(w->units, &a, &b);
		return p->slot[less_loaded(p, find(p, w, a), find(p, w, b))];
	}
	uint32_t best = find(p, w, number_below(w->units));
	for (int64_t n = 1; n < p->param; n++)
		best = less_loaded(p, best, find(p, w, number_below(w->units)));
	return p->slot[best];
}

static inline uint32_t find_equal(const struct picker *p, const struct wheel *w, uint32_t place)
{
	(void)p;
	(void)w;
	return place;
}

static inline uint32_t find4(const struct picker *p, const struct wheel *w, uint32_t place)
{
	(void)w;
	return wheel_find4(p, place);
}

static inline uint32_t find16(const struct picker *p, const struct wheel *w, uint32_t place)
{
	return wheel_find16(p, w, place);
}

/* One server a unit: the place is the index. */
static int choose_equal(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, find_equal);
}

static int choose4(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, find4);
}

static int choose16(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, find16);
}

static int choose_many(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, wheel_find_many);
}

static int build(struct picker *p)
{
	p->data = wheel_build(p, true);
	if (!p->data)
		return -ENOMEM;
	if (p->param == 0)
		p->param = DRAWS_DEFAULT;
	if (pick_equal_weights(p))
		p->choose = choose_equal;
	else
		p->choose = p->usable <= 4 ? choose4 : p->usable <= 16 ? choose16 : choose_many;
	return 0;
}

static int parse(const char *arg, int64_t *param, const char **why)
{
	uint64_t draws = DRAWS_DEFAULT;

	if (arg && (slice_to_u64(slice_from_str(arg), &draws) < 0 || draws < 1 || draws > DRAWS_MAX)) {
		*why = "the number of draws is a whole number from 1 to 1000";
		return -EINVAL;
	}
	*param = (int64_t)draws;
	return 0;
}

const struct pick_algorithm pick_random = {
	.name = "random",
	.help = "the least loaded of <draws> servers drawn at random (2 by default)",
	.needs_load = true,
	.args_max = 1,
	.parse = parse,
	.build = build,
};
