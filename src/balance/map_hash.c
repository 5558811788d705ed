/* map_hash: the hash modulo the total weight is a place on the wheel (wheel.h).
 *
 * Up to WHEEL_SEQUENCE_MAX units the places are laid out as HAProxy lays out its map, so the same key reaches
 * the same server as there; a farm beyond (in HAProxy the map is then as large as the weights) is mapped by
 * ranges: as proportionate, but in another order.
 */
#include <errno.h>

#include "wheel.h"

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
		hash = pick_mix64(hash);
	}
	return p->slot[pick_next_other(p, r->avoid, (uint32_t)(hash % p->usable))];
}

static int choose(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(!r->has_hash))
		return pick_keyless(p, r);
	if (BL_UNLIKELY(r->avoid && pick_has_other(p, r->avoid)))
		return choose_avoiding(p, r);
	return wheel_slot(p, w, (uint32_t)(r->hash % w->units));
}

static int build(struct picker *p)
{
	p->data = wheel_build(p, false);
	if (!p->data)
		return -ENOMEM;
	p->choose = choose;
	return 0;
}

const struct pick_method pick_map_based = {
	.name = "map-based",
	.help = "a table of all servers; most keys move when one comes or goes",
	.static_weight = true,
	.build = build,
};
