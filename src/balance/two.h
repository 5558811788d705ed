/* two: the better of two servers drawn at random, always two different ones (the power of two choices: Mitzenmacher, Richa, Sitaraman, 2001).
 *
 * The first is drawn by weight, the second by weight among the others: where it is the first one again, once more in
 * the turn without that one's range.  A herd cannot form: threads that see the same state still draw different pairs.
 */
#ifndef BALANCE_TWO_H
#define BALANCE_TWO_H

#include "draw.h"

/* Is server b (index) better than a? */
typedef bool two_better(const struct picker *p, const struct pick_request *r, uint32_t a, uint32_t b);

/* Redispatch: the best of those that are left. */
static inline int two_choose_avoiding(const struct picker *p, const struct pick_request *r, two_better *better)
{
	uint32_t best = pick_next_other(p, r->avoid, draw_below(p->usable));

	for (uint32_t i = 0; i < p->usable; i++)
		if (!bitmap_has(r->avoid, p->slot[i]) && better(p, r, best, i))
			best = i;
	return p->slot[best];
}

static inline void two_draw_equal(uint32_t n, uint32_t *a, uint32_t *b)
{
	draw_two_below(n, n - 1, a, b);
	*b += *b >= *a;
}

static inline void two_draw_weighted(const struct picker *p, const struct wheel *w, draw_find *find, uint32_t *a,
	uint32_t *b)
{
	uint32_t place_a, place_b;

	if (BL_LIKELY(w->units <= UINT16_MAX)) {
		draw_two_below(w->units, w->units, &place_a, &place_b);
	} else {
		place_a = draw_below(w->units);
		place_b = draw_below(w->units);
	}
	*a = find(p, w, place_a);
	uint32_t units = pick_units_of(p, *a), from = p->cumulative[*a] - units;
	if (place_b - from < units) {
		place_b = draw_below(w->units - units);
		place_b += place_b >= from ? units : 0;
	}
	*b = find(p, w, place_b);
}

static inline int two_choose(const struct picker *p, const struct pick_request *r, draw_find *find, two_better *better)
{
	const struct wheel *w = p->data;
	uint32_t a, b;

	if (BL_UNLIKELY(r->avoid && pick_has_other(p, r->avoid)))
		return two_choose_avoiding(p, r, better);
	if (find == draw_find_equal)
		two_draw_equal(w->units, &a, &b);
	else
		two_draw_weighted(p, w, find, &a, &b);
	return p->slot[better(p, r, a, b) ? b : a];
}

/* An algorithm by size class. */
struct two_choosers {
	int (*equal)(const struct picker *p, const struct pick_request *r);
	int (*up_to_4)(const struct picker *p, const struct pick_request *r);
	int (*up_to_16)(const struct picker *p, const struct pick_request *r);
	int (*many)(const struct picker *p, const struct pick_request *r);
};

/* Fills p->data and p->choose. 0 or -ENOMEM. */
int two_build(struct picker *p, const struct two_choosers *c);

#endif
