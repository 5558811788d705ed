/* random: the least loaded of some servers drawn at random, by weight (the power of two choices: Mitzenmacher,
 * Richa, Sitaraman, 'The Power of Two Random Choices', 2001).
 */
#include <errno.h>

#include "ballast/base/slice.h"
#include "bounded.h"
#include "draw.h"

enum { DRAWS_DEFAULT = 2, DRAWS_MAX = 1000 };

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
	uint32_t best = find_other(p, r->avoid, draw_below(units));
	for (int64_t n = 1; n < p->param; n++)
		best = less_loaded(p, best, find_other(p, r->avoid, draw_below(units)));
	return p->slot[best];
}

static inline int choose_by(const struct picker *p, const struct pick_request *r, draw_find *find)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(r->avoid && pick_has_other(p, r->avoid)))
		return choose_avoiding(p, r);
	if (BL_LIKELY(p->param == 2 && w->units <= UINT16_MAX)) {
		uint32_t a, b;

		draw_two_below(w->units, w->units, &a, &b);
		return p->slot[less_loaded(p, find(p, w, a), find(p, w, b))];
	}
	uint32_t best = find(p, w, draw_below(w->units));
	for (int64_t n = 1; n < p->param; n++)
		best = less_loaded(p, best, find(p, w, draw_below(w->units)));
	return p->slot[best];
}

static int choose_equal(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, draw_find_equal);
}

static int choose4(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, draw_find4);
}

static int choose16(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, draw_find16);
}

static int choose_many(const struct picker *p, const struct pick_request *r)
{
	return choose_by(p, r, wheel_find_many);
}

static int slot_of_index(const struct picker *p, uint32_t index)
{
	return p->slot[index];
}

/* With `hash-balance-factor`: where the best that was drawn has its share, the next in line that has not. */
static int choose_bounded(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;
	uint32_t best = wheel_find(p, w, draw_below(w->units));

	for (int64_t n = 1; n < p->param; n++)
		best = less_loaded(p, best, wheel_find(p, w, draw_below(w->units)));
	return bounded_walk(p, r, best, p->usable, slot_of_index);
}

static int build_bounded(struct picker *p)
{
	p->bounded = bounded_build(p);
	p->choose = choose_bounded;
	return p->bounded ? 0 : -ENOMEM;
}

static int build(struct picker *p)
{
	p->data = wheel_build(p, true);
	if (!p->data)
		return -ENOMEM;
	if (p->param == 0)
		p->param = DRAWS_DEFAULT;
	if (p->balance_factor)
		return build_bounded(p);
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
