/* maglev: a table in which each server has its share of the entries to within one, and loses few others' when one comes
 * or goes (Eisenbud et al., 'Maglev: A Fast and Reliable Software Network Load Balancer', NSDI 2016, section 3.4).
 *
 * Each server has an order of preference over all entries, from the hash of its name (so two load balancers with the
 * same names agree, whatever the order of their lines); in turns by weight (wheel.h), each takes the next free entry
 * that it prefers.  The table's length is a prime, so that any step goes through all of it: 65537, or more, that there
 * are 100 entries a server and so less than 1 % of imbalance; with different weights 100 for the lightest one, but for
 * that no more than 262139, as building takes some 100 ns an entry.  A choice is one multiplication and one load.
 */
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "bounded.h"
#include "wheel.h"

enum { ENTRIES_PER_SERVER = 100, WEIGHTED_MAX = 262139, NOBODY = UINT16_MAX };

struct maglev {
	uint32_t length;
	uint16_t entry[]; /* slots */
};

static int slot_of_entry(const struct picker *p, uint32_t at)
{
	const struct maglev *m = p->data;

	return m->entry[at];
}

static int choose(const struct picker *p, const struct pick_request *r)
{
	const struct maglev *m = p->data;

	if (BL_UNLIKELY(!r->has_hash))
		return pick_keyless(p, r);
	uint32_t at = (uint32_t)((pick_mix64(r->hash) >> 32) * m->length >> 32);
	if (BL_UNLIKELY(r->avoid || p->bounded))
		return bounded_walk(p, r, at, m->length, slot_of_entry);
	return m->entry[at];
}

/* --- building --- */

static uint32_t length_for(const struct picker *p)
{
	/* 65537, and the greatest primes below powers of two. */
	static const uint32_t primes[] = { 65537, 131071, 262139, 524287, 1048573, 2097143, 4194301, 8388593 };
	uint32_t lightest = UINT32_MAX;
	size_t i = 0;

	for (uint32_t n = 0; n < p->usable; n++)
		lightest = pick_units_of(p, n) < lightest ? pick_units_of(p, n) : lightest;
	uint64_t wanted = (uint64_t)ENTRIES_PER_SERVER * p->units / lightest;
	uint64_t enough = (uint64_t)ENTRIES_PER_SERVER * p->usable;
	if (wanted > WEIGHTED_MAX)
		wanted = enough > WEIGHTED_MAX ? enough : WEIGHTED_MAX;
	while (i + 1 < sizeof(primes) / sizeof(*primes) && primes[i] < wanted)
		i++;
	return primes[i];
}

/* A server's order of preference: `at`, then every `step`-th entry. */
struct preference {
	uint32_t at, step;
};

static struct preference preference_of(const struct picker *p, uint32_t index, uint32_t length)
{
	const struct slice *names = p->input->name;
	struct slice name = names ? names[p->slot[index]] : slice_of((const char *)&p->id[index], sizeof(*p->id));

	return (struct preference){ .at = (uint32_t)(XXH3_64bits_withSeed(name.ptr, name.len, 0) % length),
		.step = (uint32_t)(XXH3_64bits_withSeed(name.ptr, name.len, 1) % (length - 1)) + 1 };
}

static uint32_t preferred_next(struct preference *f, uint32_t length)
{
	uint32_t at = f->at, next = at + f->step;

	f->at = next >= length ? next - length : next;
	return at;
}

static void fill(const struct picker *p, const struct wheel *turn, struct preference *wish, struct maglev *m)
{
	uint32_t place = 0;

	memset(m->entry, 0xff, m->length * sizeof(*m->entry));
	for (uint32_t i = 0; i < p->usable; i++)
		wish[i] = preference_of(p, i, m->length);
	for (uint32_t n = 0; n < m->length; n++) {
		uint32_t index = pick_equal_weights(p) ? place : wheel_find(p, turn, place);
		uint32_t at;

		do
			at = preferred_next(&wish[index], m->length);
		while (m->entry[at] != NOBODY);
		m->entry[at] = p->slot[index];
		place = place + turn->stride >= turn->units ? place + turn->stride - turn->units : place + turn->stride;
	}
}

static int build(struct picker *p)
{
	uint32_t length = length_for(p);
	struct maglev *m = malloc(sizeof(*m) + length * sizeof(*m->entry));
	struct preference *wish = malloc(p->usable * sizeof(*wish));
	struct wheel *turn = wheel_build(p, true);
	int err = -ENOMEM;

	if (m && wish && turn) {
		m->length = length;
		fill(p, turn, wish, m);
		p->data = m;
		p->choose = choose;
		err = 0;
	}
	if (err)
		free(m);
	free(wish);
	free(turn);
	return err;
}

const struct pick_method pick_maglev = {
	.name = "maglev",
	.help = "a table as even as map-based, from which few keys move when a server comes or goes (Ballast's own)",
	.bounded = true,
	.avalanche = true,
	.build = build,
};
