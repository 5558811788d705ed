/* pick_reference: each algorithm as plainly as it can be said, over a farm that a test makes up.
 *
 * Nothing here is fast or shares a line with src/balance; every variant there is compared with it.
 */
#ifndef TESTS_UNIT_BALANCE_PICK_REFERENCE_H
#define TESTS_UNIT_BALANCE_PICK_REFERENCE_H

#include "ballast/balance/pick.h"

struct farm {
	uint32_t count;
	uint16_t *weight;
	bool *usable, *backup, all_backups;
	uint32_t *id; /* rising from 1 */
	_Atomic uint32_t *load, *maxconn;
	_Atomic uint64_t *latency;
	uint64_t *avoid; /* bitmap, empty */
};

/* All up, weight 1, no backup, no load, no maxconn. */
void farm_make(struct farm *f, uint32_t count);
void farm_free(struct farm *f);
struct pick_input farm_input(const struct farm *f);
/* `algorithm` by its name, or with a method: "hash/maglev". */
struct picker *farm_picker(const struct farm *f, const char *algorithm, int64_t param, uint32_t generation);

/* Numbers that look random, the same in each run. */
uint64_t dice(uint64_t *state);
/* In [0, sides). */
uint32_t roll(uint64_t *state, uint32_t sides);
/* Weights of one of several kinds, some servers down, some backups, loads, limits, some avoided. */
void farm_shake(struct farm *f, uint64_t *state);

bool farm_avoids(const struct farm *f, uint32_t slot);
/* In use and, where another is left, not avoided. */
bool reference_may_serve(const struct farm *f, uint32_t slot, bool with_avoid);
/* Slots in use into slots[count]; how many. */
uint32_t reference_in_use(const struct farm *f, uint32_t *slots);
/* Weights of those, divided by their greatest common divisor; their sum. */
uint32_t reference_units(const struct farm *f, uint32_t *units);

/* HAProxy's map over the servers in use: [reference_units], by malloc. */
uint16_t *reference_map(const struct farm *f);
/* The server that owns a place where each has one range of places, in order. */
uint32_t reference_range(const struct farm *f, uint32_t place);
/* Of the least loaded by weight the first from `turn` on, around; may avoid. */
int reference_leastconn(const struct farm *f, uint32_t turn, bool with_avoid);
int reference_first(const struct farm *f, bool with_avoid);

#endif
