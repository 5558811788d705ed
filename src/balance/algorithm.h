/* algorithm: what the files of this room share: the rows of the registry, and a thread's place in a turn. */
#ifndef BALANCE_ALGORITHM_H
#define BALANCE_ALGORITHM_H

#include <stdlib.h>

#include "ballast/balance/pick.h"
#include "ballast/base/assert.h"

extern const struct pick_algorithm pick_roundrobin, pick_static_rr, pick_leastconn, pick_first, pick_random,
	pick_source, pick_uri, pick_url_param, pick_hdr, pick_hash, pick_p2c, pick_ewma;
extern const struct pick_method pick_map_based, pick_consistent, pick_maglev;

static inline bool bitmap_has(const uint64_t *bitmap, uint32_t slot)
{
	return bitmap[slot / 64] >> slot % 64 & 1;
}

/* A server in use is left that `avoid` does not name. */
bool pick_has_other(const struct picker *p, const uint64_t *avoid);
/* The first index from `from` on, around, whose server is not avoided; there must be one. */
uint32_t pick_next_other(const struct picker *p, const uint64_t *avoid, uint32_t from);
/* The choice without `avoid`, for when it names every server. */
int pick_regardless(const struct picker *p, const struct pick_request *r);
/* Weight of a server in use, by index, divided by the greatest common divisor of all. */
uint32_t pick_units_of(const struct picker *p, uint32_t index);
/* Every bit of `hash` reaches every bit of the result: the finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t pick_mix64(uint64_t hash)
{
	uint64_t z = hash + 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* For methods: the choice for a request that has no key. */
static inline int pick_keyless(const struct picker *p, const struct pick_request *r)
{
	return p->fallback->choose(p->fallback, r);
}
bool pick_equal_weights(const struct picker *p);
/* The thread meets this picker for the first time: see struct pick_thread. */
void pick_thread_move(struct pick_thread *t, const struct picker *p);

#endif
