/* map_hash: the hash modulo the total weight is a place on the wheel (wheel.h).
 *
 * Up to WHEEL_SEQUENCE_MAX units the places are laid out as HAProxy lays out its map, so the same key reaches
 * the same server as there; a farm beyond (in HAProxy the map is then as large as the weights) is mapped by
 * ranges: as proportionate, but in another order.  Without a key a request goes round the same places.
 */
#include <errno.h>

#include "map_hash.h"
#include "wheel.h"

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t rehash(uint64_t hash)
{
	uint64_t z = hash + 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Another server than the avoided ones, always the same for the same key: hashed anew until it fits, so that the
 * others share these keys by weight; after some tries the next one in line. */
static int choose_avoiding(const struct picker *p, const struct pick_request *r)
{
	enum { TRIES = 64 };
	const struct wheel *w = p->data;
	uint64_t hash = r->hash;

	for (int i = 0; i < TRIES; i++) {
		int slot = wheel_slot(p, w, (uint32_t)(hash % w->units));

		if (!bitmap_has(r->avoid, (uint32_t)slot))
			return slot;
		hash = rehash(hash);
	}
	return p->slot[pick_next_other(p, r->avoid, (uint32_t)(hash % p->usable))];
}

static int choose(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(!r->has_hash))
		return r->avoid ? wheel_step_avoiding(p, r) : wheel_slot(p, w, wheel_step(p, w, r->thread));
	if (BL_UNLIKELY(r->avoid && pick_has_other(p, r->avoid)))
		return choose_avoiding(p, r);
	return wheel_slot(p, w, (uint32_t)(r->hash % w->units));
}

int map_hash_build(struct picker *p)
{
	p->data = wheel_build(p, false);
	if (!p->data)
		return -ENOMEM;
	p->choose = choose;
	return 0;
}
