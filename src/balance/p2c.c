/* p2c: the less loaded, in proportion to its weight, of two servers drawn at random (two.h).
 *
 * `random` draws with replacement, as HAProxy does, and so one of n pairs there is no choice at all; here both are
 * always different.
 */
#include "two.h"

static inline bool less_loaded(const struct picker *p, const struct pick_request *r, uint32_t a, uint32_t b)
{
	uint64_t load_a = atomic_load_explicit(&p->load[p->slot[a]], memory_order_relaxed);
	uint64_t load_b = atomic_load_explicit(&p->load[p->slot[b]], memory_order_relaxed);

	(void)r;
	return load_b * p->weight[a] < load_a * p->weight[b];
}

static int choose_equal(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, draw_find_equal, less_loaded);
}

static int choose4(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, draw_find4, less_loaded);
}

static int choose16(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, draw_find16, less_loaded);
}

static int choose_many(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, wheel_find_many, less_loaded);
}

static int build(struct picker *p)
{
	return two_build(p, &(struct two_choosers){ choose_equal, choose4, choose16, choose_many });
}

const struct pick_algorithm pick_p2c = {
	.name = "p2c",
	.help = "the less loaded of two different servers drawn at random (Ballast's own)",
	.needs_load = true,
	.build = build,
};
