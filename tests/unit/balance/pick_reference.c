/* pick_reference: see the header. */
#include <stdlib.h>
#include <string.h>

#include "pick_reference.h"

void farm_make(struct farm *f, uint32_t count)
{
	f->count = count;
	f->all_backups = false;
	/* Exactly as long as promised, so that a sanitizer sees any read beyond. */
	f->weight = malloc(count * sizeof(*f->weight));
	f->usable = malloc(count * sizeof(*f->usable));
	f->backup = calloc(count, sizeof(*f->backup));
	f->id = malloc(count * sizeof(*f->id));
	f->load = calloc(count, sizeof(*f->load));
	f->maxconn = calloc(count, sizeof(*f->maxconn));
	f->latency = calloc(count, sizeof(*f->latency));
	f->avoid = calloc((count + 63) / 64, sizeof(*f->avoid));
	for (uint32_t i = 0; i < count; i++) {
		f->weight[i] = 1;
		f->usable[i] = true;
		f->id[i] = i + 1;
	}
}

void farm_free(struct farm *f)
{
	free(f->weight);
	free(f->usable);
	free(f->backup);
	free(f->id);
	free(f->load);
	free(f->maxconn);
	free(f->latency);
	free(f->avoid);
}

struct pick_input farm_input(const struct farm *f)
{
	return (struct pick_input){
		.count = f->count,
		.weight = f->weight,
		.usable = f->usable,
		.backup = f->backup,
		.id = f->id,
		.load = f->load,
		.maxconn = f->maxconn,
		.latency = f->latency,
		.all_backups = f->all_backups,
	};
}

struct picker *farm_picker(const struct farm *f, const char *algorithm, int64_t param, uint32_t generation)
{
	struct pick_input in = farm_input(f);
	struct slice name = slice_from_str(algorithm);
	ptrdiff_t slash = slice_find_byte(name, '/');

	if (slash >= 0) {
		in.method = pick_method_find(slice_skip(name, (size_t)slash + 1));
		name.len = (size_t)slash;
	}
	return pick_build(pick_algorithm_find(name), param, &in, generation);
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t dice(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t roll(uint64_t *state, uint32_t sides)
{
	return (uint32_t)(dice(state) % sides);
}

static uint16_t some_weight(uint32_t kind, uint64_t *state)
{
	switch (kind) {
	case 0: return 16;
	case 1: return (uint16_t)(1 + roll(state, 4));
	case 2: return (uint16_t)(16 * roll(state, 20));
	case 3: return (uint16_t)(1 + roll(state, 256));
	default: return (uint16_t)(roll(state, 3) ? 1 : 4096 - roll(state, 5));
	}
}

void farm_shake(struct farm *f, uint64_t *state)
{
	static const uint32_t load_sides[] = { 1, 2, 5, 100, 3000000 };
	uint32_t kind = roll(state, 5), sides = load_sides[roll(state, 5)], down_one_in = 1 + roll(state, 20);
	uint32_t backup_one_in = roll(state, 3) ? UINT32_MAX : 1 + roll(state, 5), avoid_one_in = 1 + roll(state, 8);
	bool all_down = roll(state, 12) == 0;

	f->all_backups = roll(state, 2);
	memset(f->avoid, 0, (f->count + 63) / 64 * sizeof(*f->avoid));
	for (uint32_t i = 0; i < f->count; i++) {
		f->weight[i] = some_weight(kind, state);
		f->backup[i] = roll(state, backup_one_in) == 0;
		f->usable[i] = !(all_down && !f->backup[i]) && (down_one_in == 1 || roll(state, down_one_in));
		f->load[i] = roll(state, sides);
		f->maxconn[i] = roll(state, 3) ? roll(state, sides) : 0;
		if (roll(state, avoid_one_in) == 0)
			f->avoid[i / 64] |= (uint64_t)1 << i % 64;
	}
}

bool farm_avoids(const struct farm *f, uint32_t slot)
{
	return f->avoid[slot / 64] & (uint64_t)1 << slot % 64;
}

uint32_t reference_in_use(const struct farm *f, uint32_t *slots)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->count; i++)
		if (f->usable[i] && f->weight[i] > 0 && !f->backup[i])
			slots[n++] = i;
	if (n > 0)
		return n;
	for (uint32_t i = 0; i < f->count; i++)
		if (f->usable[i] && f->weight[i] > 0 && f->backup[i])
			slots[n++] = i;
	return n > 1 && !f->all_backups ? 1 : n;
}

bool reference_may_serve(const struct farm *f, uint32_t slot, bool with_avoid)
{
	uint32_t *slots = malloc(f->count * sizeof(*slots)), n = reference_in_use(f, slots);
	bool in_use = false, other_left = false;

	for (uint32_t i = 0; i < n; i++) {
		in_use |= slots[i] == slot;
		other_left |= !farm_avoids(f, slots[i]);
	}
	free(slots);
	return in_use && !(with_avoid && other_left && farm_avoids(f, slot));
}

uint32_t reference_units(const struct farm *f, uint32_t *units)
{
	uint32_t *slots = malloc(f->count * sizeof(*slots)), n = reference_in_use(f, slots), sum = 0, divisor = 0;

	for (uint32_t d = 1; d <= UINT16_MAX; d++) {
		bool divides = true;

		for (uint32_t i = 0; i < n && divides; i++)
			divides = f->weight[slots[i]] % d == 0;
		if (divides)
			divisor = d;
		if (n == 0 || d >= f->weight[slots[0]])
			break;
	}
	for (uint32_t i = 0; i < n; i++) {
		units[i] = f->weight[slots[i]] / divisor;
		sum += units[i];
	}
	free(slots);
	return sum;
}

uint16_t *reference_map(const struct farm *f)
{
	uint32_t *slots = malloc(f->count * sizeof(*slots)), *units = malloc(f->count * sizeof(*units));
	uint32_t n = reference_in_use(f, slots), total = reference_units(f, units);
	int64_t *balance = calloc(n + 1, sizeof(*balance));
	uint16_t *map = malloc((total + 1) * sizeof(*map));

	for (uint32_t place = 0; place < total; place++) {
		int64_t best_turns = -1;
		uint32_t best = 0;

		for (uint32_t i = 0; i < n; i++) {
			balance[i] += units[i];
			if (balance[i] >= 0 && balance[i] / (int64_t)total > best_turns) {
				best_turns = balance[i] / (int64_t)total;
				best = i;
			}
		}
		balance[best] -= total;
		map[place] = (uint16_t)slots[best];
	}
	free(slots);
	free(units);
	free(balance);
	return map;
}

uint32_t reference_range(const struct farm *f, uint32_t place)
{
	uint32_t *slots = malloc(f->count * sizeof(*slots)), *units = malloc(f->count * sizeof(*units));
	uint32_t i = 0, slot;

	reference_in_use(f, slots);
	reference_units(f, units);
	while (place >= units[i])
		place -= units[i++];
	slot = slots[i];
	free(slots);
	free(units);
	return slot;
}

int reference_leastconn(const struct farm *f, uint32_t turn, bool with_avoid)
{
	int best = PICK_NONE;

	if (turn >= f->count)
		turn = 0;
	for (uint32_t n = 0; n < f->count; n++) {
		uint32_t i = (turn + n) % f->count;

		if (!reference_may_serve(f, i, with_avoid))
			continue;
		if (best == PICK_NONE ||
			(uint64_t)f->load[i] * f->weight[best] < (uint64_t)f->load[best] * f->weight[i])
			best = (int)i;
	}
	return best;
}

/* Is a's load a lesser part of its maxconn than b's? */
static bool less_full(const struct farm *f, int a, int b)
{
	return b == PICK_NONE || (uint64_t)f->load[a] * f->maxconn[b] < (uint64_t)f->load[b] * f->maxconn[a];
}

int reference_first(const struct farm *f, bool with_avoid)
{
	int best = PICK_NONE, least_full = PICK_NONE;

	for (uint32_t i = 0; i < f->count; i++) {
		bool full = f->maxconn[i] > 0 && f->load[i] >= f->maxconn[i];

		if (!reference_may_serve(f, i, with_avoid))
			continue;
		if (!full && (best == PICK_NONE || f->id[i] < f->id[best]))
			best = (int)i;
		if (full && (less_full(f, (int)i, least_full) ||
				    (!less_full(f, least_full, (int)i) && f->id[i] < f->id[least_full])))
			least_full = (int)i;
	}
	return best != PICK_NONE ? best : least_full;
}
