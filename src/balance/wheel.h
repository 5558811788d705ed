/* wheel: servers laid out on a turn of `units` places, each on as many as its weight has units.
 *
 * A round robin walks it, a hash or a random number points at a place of it.  Three forms:
 * - plain: all weights are equal, the turn is the servers in order; nothing is stored.
 * - sequence: up to WHEEL_SEQUENCE_MAX places are stored one by one, in HAProxy's map order (see wheel.c).
 * - ranges: each server has one range of places (picker.cumulative) that is searched for; a walk goes round in
 *   steps of `stride`, about the golden section of the turn and without a common divisor with it.  So it meets
 *   each place once in a turn (exact shares), and a server's places at no more than three distances (smooth).
 */
#ifndef BALANCE_WHEEL_H
#define BALANCE_WHEEL_H

#include "algorithm.h"

enum { WHEEL_SEQUENCE_MAX = 16384 };

struct wheel {
	uint32_t units;
	uint32_t stride;          /* of a walk; 1 unless ranges */
	const uint16_t *sequence; /* [units] slots; NULL: ranges */
	/* ranges of more than 16 servers: guide[place >> shift] is the first index that can own the place. */
	const uint16_t *guide;
	uint32_t shift;
	uint32_t (*count16)(const uint32_t *c, uint32_t u);
};

/* One block of malloc, for picker.data; NULL where memory is out.  `ranges`: never a sequence. */
struct wheel *wheel_build(const struct picker *p, bool ranges);

/* Index of the server that owns the place: by size class. */
static inline uint32_t wheel_find4(const struct picker *p, uint32_t place)
{
	const uint32_t *c = p->cumulative;

	return (uint32_t)(place >= c[0]) + (uint32_t)(place >= c[1]) + (uint32_t)(place >= c[2]);
}

static inline uint32_t wheel_find16(const struct picker *p, const struct wheel *w, uint32_t place)
{
	return w->count16(p->cumulative, place);
}

uint32_t wheel_find_many(const struct picker *p, const struct wheel *w, uint32_t place);

static inline uint32_t wheel_find(const struct picker *p, const struct wheel *w, uint32_t place)
{
	return p->usable <= 4    ? wheel_find4(p, place)
	       : p->usable <= 16 ? wheel_find16(p, w, place)
	                         : wheel_find_many(p, w, place);
}

static inline int wheel_slot(const struct picker *p, const struct wheel *w, uint32_t place)
{
	return w->sequence ? w->sequence[place] : p->slot[wheel_find(p, w, place)];
}

/* The thread's place, after which it stands on the next one. */
static inline uint32_t wheel_step(const struct picker *p, const struct wheel *w, struct pick_thread *t)
{
	if (BL_UNLIKELY(t->generation != p->generation))
		pick_thread_move(t, p);
	uint32_t place = (uint32_t)t->position;
	uint32_t next = place + w->stride;

	t->position = next >= w->units ? next - w->units : next;
	return place;
}

/* A step of the walk that passes over avoided servers; r->avoid is set. */
int wheel_step_avoiding(const struct picker *p, const struct pick_request *r);

#endif
