/* consistent: hashes on a ring; when a server comes or goes, only its own keys move (Karger et al., 'Consistent Hashing
 * and Random Trees', 1997).
 *
 * A server of weight w stands on the ring 16 * w times, at hash_avalanche(id * 4096 + i): that is where HAProxy 3.2 was
 * seen to put it, as that a key belongs to the nearest point on either side, of two as near to the one below.  So both
 * send a key to the same server.  (Not beyond 2^24 points, a thousand servers of weight 256: then all have less.)
 * The points are turned into arcs once: an arc ends halfway to the next point,
 * neighbours of one server are one arc, and the choice is the first arc that ends at or behind the key.
 *
 * Arcs are sorted; `guide` has for each 1/2^bits of the ring the first arc that can own a key there, and as there are at
 * least twice as many guides as arcs, what is left to scan is one arc or two: nothing that SIMD would shorten.  Guides
 * are 16 bits wide where that is enough (size class small), so that they and the arcs stay in the cache.
 */
#include <errno.h>
#include <string.h>

#include "ballast/balance/hash_key.h"
#include "bounded.h"

enum { POINTS_PER_WEIGHT = 16, POINTS_MAX = 4096, POINTS_TOTAL_MAX = 1 << 24 };
enum { GUIDE_BITS_MIN = 6, SMALL_MAX = UINT16_MAX };

/* An arc: the last key that it owns in the upper bits, its server's slot in the lower 16. */
struct ring {
	uint32_t count; /* arcs; one more stands behind them: a copy of the first, up to UINT32_MAX */
	uint32_t shift; /* key >> shift is the place in the guide */
	const uint64_t *arc;
	union {
		const uint16_t *small;
		const uint32_t *large;
	} guide;
};

static inline uint64_t arc_make(uint32_t end, uint16_t slot)
{
	return (uint64_t)end << 16 | slot;
}

static inline uint32_t arc_end(uint64_t arc)
{
	return (uint32_t)(arc >> 16);
}

/* --- choosing --- */

static int slot_of_arc(const struct picker *p, uint32_t at)
{
	const struct ring *ring = p->data;

	return (uint16_t)ring->arc[at];
}

static inline int choose_from(const struct picker *p, const struct pick_request *r, uint32_t guide)
{
	const struct ring *ring = p->data;
	const uint64_t *arc = ring->arc + guide;
	uint64_t key = arc_make((uint32_t)r->hash, 0);

	while (*arc < key)
		arc++;
	uint32_t at = (uint32_t)(arc - ring->arc);
	if (BL_UNLIKELY(r->avoid || p->bounded))
		return bounded_walk(p, r, at < ring->count ? at : 0, ring->count, slot_of_arc);
	return (uint16_t)*arc;
}

static int choose_small(const struct picker *p, const struct pick_request *r)
{
	const struct ring *ring = p->data;

	if (BL_UNLIKELY(!r->has_hash))
		return pick_keyless(p, r);
	return choose_from(p, r, ring->guide.small[(uint32_t)r->hash >> ring->shift]);
}

static int choose_large(const struct picker *p, const struct pick_request *r)
{
	const struct ring *ring = p->data;

	if (BL_UNLIKELY(!r->has_hash))
		return pick_keyless(p, r);
	return choose_from(p, r, ring->guide.large[(uint32_t)r->hash >> ring->shift]);
}

/* --- building --- */

/* How often a server stands on the ring; `thin`: halved so many times. */
static uint32_t points_of(const struct picker *p, uint32_t index, unsigned thin)
{
	uint32_t unit = p->input->weight_unit ? p->input->weight_unit : 1;
	uint32_t points = (uint32_t)p->weight[index] * POINTS_PER_WEIGHT / unit;

	points = (points > POINTS_MAX ? POINTS_MAX : points) >> thin;
	return points ? points : 1;
}

static uint32_t points_in_all(const struct picker *p, unsigned thin)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->usable; i++)
		count += points_of(p, i, thin);
	return count;
}

/* By the 32 bits of `arc_end`, those of one place staying in order; `spare` is as long. */
static void sort_points(uint64_t *points, uint64_t *spare, uint32_t count)
{
	for (unsigned shift = 16; shift < 48; shift += 8) {
		uint32_t start[257] = { 0 };

		for (uint32_t i = 0; i < count; i++)
			start[(points[i] >> shift & 255) + 1]++;
		for (unsigned i = 0; i < 256; i++)
			start[i + 1] += start[i];
		for (uint32_t i = 0; i < count; i++)
			spare[start[points[i] >> shift & 255]++] = points[i];
		uint64_t *sorted = spare;
		spare = points;
		points = sorted;
	}
}

/* Points into points[count], sorted. */
static void place_points(const struct picker *p, unsigned thin, uint64_t *points, uint64_t *spare)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->usable; i++)
		for (uint32_t n = 0; n < points_of(p, i, thin); n++)
			points[count++] = arc_make(hash_avalanche(p->id[i] * POINTS_MAX + n), p->slot[i]);
	sort_points(points, spare, count);
}

/* Turns sorted points into arcs, in place; how many. */
static uint32_t arcs_of(uint64_t *points, uint32_t count)
{
	uint64_t first = points[0], last = points[count - 1];
	uint32_t arcs = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t here = arc_end(points[i]), next = arc_end(i + 1 < count ? points[i + 1] : first);
		uint64_t arc = arc_make(here + (next - here) / 2, (uint16_t)points[i]);

		if (arcs > 0 && (uint16_t)points[arcs - 1] == (uint16_t)arc)
			arcs--;
		points[arcs++] = arc;
	}
	/* Halfway from the last point to the first may lie behind 0. */
	if (points[arcs - 1] < last) {
		uint64_t around = points[arcs - 1];

		memmove(points + 1, points, (arcs - 1) * sizeof(*points));
		points[0] = around;
	}
	points[arcs] = arc_make(UINT32_MAX, (uint16_t)points[0]);
	return arcs;
}

static void fill_guide(struct ring *ring, void *guide)
{
	uint32_t entries = 1u << (32 - ring->shift), arc = 0;

	for (uint32_t i = 0; i < entries; i++) {
		while (arc_end(ring->arc[arc]) < i << ring->shift)
			arc++;
		if (ring->count <= SMALL_MAX)
			((uint16_t *)guide)[i] = (uint16_t)arc;
		else
			((uint32_t *)guide)[i] = arc;
	}
	if (ring->count <= SMALL_MAX)
		ring->guide.small = guide;
	else
		ring->guide.large = guide;
}

static int build_ring(struct picker *p, uint64_t *points, uint32_t count)
{
	uint32_t arcs = arcs_of(points, count), bits = GUIDE_BITS_MIN;

	while (1u << bits < 2 * arcs)
		bits++;
	size_t arc_bytes = (arcs + 1) * sizeof(uint64_t);
	size_t guide_bytes = ((size_t)1 << bits) * (arcs <= SMALL_MAX ? sizeof(uint16_t) : sizeof(uint32_t));
	struct ring *ring = malloc(sizeof(*ring) + arc_bytes + guide_bytes);
	if (!ring)
		return -ENOMEM;
	uint64_t *arc = (uint64_t *)(void *)(ring + 1);
	memcpy(arc, points, arc_bytes);
	*ring = (struct ring){ .count = arcs, .shift = 32 - bits, .arc = arc };
	fill_guide(ring, arc + arcs + 1);
	p->data = ring;
	p->choose = arcs <= SMALL_MAX ? choose_small : choose_large;
	return 0;
}

static int build(struct picker *p)
{
	unsigned thin = 0;
	int err = -ENOMEM;

	while (points_in_all(p, thin) > POINTS_TOTAL_MAX)
		thin++;
	uint32_t count = points_in_all(p, thin);
	uint64_t *points = malloc((2 * (size_t)count + 1) * sizeof(*points));
	if (points) {
		place_points(p, thin, points, points + count + 1);
		err = build_ring(p, points, count);
	}
	free(points);
	return err;
}

const struct pick_method pick_consistent = {
	.name = "consistent",
	.help = "a ring of hashes; only the keys of the server that comes or goes move",
	.bounded = true,
	.avalanche = true,
	.build = build,
};
