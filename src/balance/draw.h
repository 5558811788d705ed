/* draw: random numbers for the algorithms that draw servers.
 *
 * They come from arc4random_buf(), which glibc 2.36 answers by the kernel's generator: nobody who sees which servers
 * were chosen can tell the next ones.  A system call for each number would cost more than all the rest, so each thread
 * takes many at a time.  A draw is exact (Lemire, 'Fast Random Integer Generation in an Interval', 2019: the few numbers
 * that would favour some places are thrown away).
 */
#ifndef BALANCE_DRAW_H
#define BALANCE_DRAW_H

#include <stdlib.h>

#include "ballast/base/assert.h"
#include "wheel.h"

enum { DRAW_STORE = 512 };

/* Of all pickers of a thread. */
struct draw_store {
	uint32_t left;
	uint32_t number[DRAW_STORE];
};
extern _Thread_local struct draw_store draw_store;

static inline uint32_t draw_number(void)
{
	if (BL_UNLIKELY(draw_store.left == 0)) {
		arc4random_buf(draw_store.number, sizeof(draw_store.number));
		draw_store.left = DRAW_STORE;
	}
	return draw_store.number[--draw_store.left];
}

/* In [0, bound). */
static inline uint32_t draw_below(uint32_t bound)
{
	uint64_t product = (uint64_t)draw_number() * bound;

	if (BL_UNLIKELY((uint32_t)product < bound)) {
		uint32_t surplus = -bound % bound;

		while ((uint32_t)product < surplus)
			product = (uint64_t)draw_number() * bound;
	}
	return (uint32_t)(product >> 32);
}

/* One in [0, bound_a) and one in [0, bound_b) from one number: what the first product leaves over is the second's.
 * The bounds are below 2^16. */
static inline void draw_two_below(uint32_t bound_a, uint32_t bound_b, uint32_t *a, uint32_t *b)
{
	uint32_t pairs = bound_a * bound_b, surplus = 0;
	uint64_t first, second;

	do {
		first = (uint64_t)draw_number() * bound_a;
		second = (uint64_t)(uint32_t)first * bound_b;
		/* As in draw_below(), for [0, pairs). */
		if (BL_UNLIKELY((uint32_t)second < pairs) && !surplus)
			surplus = -pairs % pairs;
	} while (BL_UNLIKELY((uint32_t)second < surplus));
	*a = (uint32_t)(first >> 32);
	*b = (uint32_t)(second >> 32);
}

/* --- the server at a drawn place of a wheel of ranges, by size class; `draw_find` is constant where it is used --- */

typedef uint32_t draw_find(const struct picker *p, const struct wheel *w, uint32_t place);

/* One server a unit: the place is the index. */
static inline uint32_t draw_find_equal(const struct picker *p, const struct wheel *w, uint32_t place)
{
	(void)p;
	(void)w;
	return place;
}

static inline uint32_t draw_find4(const struct picker *p, const struct wheel *w, uint32_t place)
{
	(void)w;
	return wheel_find4(p, place);
}

static inline uint32_t draw_find16(const struct picker *p, const struct wheel *w, uint32_t place)
{
	return wheel_find16(p, w, place);
}

#endif
