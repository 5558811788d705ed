/* wheel: laying servers out on a turn.
 *
 * The order of a sequence is that of HAProxy's maps, found by watching which server answers for which hash: at
 * each place every server earns its weight, and the one that has earned most whole turns' worth is taken and
 * pays one (the turn is the sum of the weights); of equals the first.  So a server that is overdue goes before
 * one that is merely entitled, which goes before one that is ahead.  How many whole turns a server has earned by
 * place t is floor(t * weight / units): it grows at places known beforehand, so instead of looking at all
 * servers at each place (O(units * servers)) each server waits in the bucket of the place where it next grows,
 * and bitmaps by level (earned minus paid) give the first of the highest.
 */
#include <string.h>

#include "wheel.h"
#include "kernels.h"

enum { LEVELS = 8, NOBODY = UINT16_MAX };

/* --- sequence --- */

struct layout {
	const struct picker *p;
	uint32_t words;           /* of a bitmap over the servers in use */
	uint64_t *bitmap[LEVELS]; /* servers on level 1..; the last one holds all above too */
	uint32_t count[LEVELS];
	uint16_t *level, *next, *waiting; /* [usable], [usable], [units + 1] first server of each bucket */
	uint16_t *earned;                 /* [usable] whole turns' worth so far, at most the units of the server */
};

static uint32_t level_capped(uint32_t level)
{
	return level < LEVELS ? level : LEVELS - 1;
}

static void layout_set_level(struct layout *l, uint32_t i, uint32_t level)
{
	uint32_t old = level_capped(l->level[i]), now = level_capped(level);
	uint64_t bit = (uint64_t)1 << i % 64;

	l->level[i] = (uint16_t)level;
	l->bitmap[old][i / 64] &= ~bit;
	l->bitmap[now][i / 64] |= bit;
	l->count[old]--;
	l->count[now]++;
}

/* Puts server i into the bucket of the place at which it will have earned one more. */
static void layout_wait(struct layout *l, uint32_t i)
{
	uint64_t weight = pick_units_of(l->p, i);
	uint64_t place = ((uint64_t)l->p->units * (l->earned[i] + 1u) + weight - 1) / weight;

	if (place > l->p->units)
		return;
	l->next[i] = l->waiting[place];
	l->waiting[place] = (uint16_t)i;
}

static void layout_earn(struct layout *l, uint32_t place)
{
	uint16_t next;

	for (uint32_t i = l->waiting[place]; i != NOBODY; i = next) {
		next = l->next[i];
		l->earned[i]++;
		layout_set_level(l, i, l->level[i] + 1u);
		layout_wait(l, i);
	}
}

/* The levels sum up to a turn's worth above what was paid, so there always is a server above level 0. */
static uint32_t layout_take(struct layout *l)
{
	uint32_t level = LEVELS - 1, word = 0;

	while (!l->count[level])
		level--;
	while (!l->bitmap[level][word])
		word++;
	uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(l->bitmap[level][word]);
	layout_set_level(l, i, l->level[i] - 1u);
	return i;
}

static void layout_start(struct layout *l)
{
	memset(l->waiting, 0xff, (l->p->units + 1) * sizeof(*l->waiting));
	for (uint32_t i = 0; i < l->p->usable; i++) {
		l->level[i] = 1;
		l->bitmap[1][i / 64] |= (uint64_t)1 << i % 64;
		layout_wait(l, i);
	}
	l->count[1] = l->p->usable;
}

static int lay_sequence(const struct picker *p, uint16_t *sequence)
{
	struct layout l = { .p = p, .words = (p->usable + 63) / 64 };
	size_t bitmaps = LEVELS * l.words * sizeof(uint64_t);
	char *block = calloc(1, bitmaps + (3 * p->usable + p->units + 1) * sizeof(uint16_t));

	if (!block)
		return -1;
	for (unsigned level = 0; level < LEVELS; level++)
		l.bitmap[level] = (uint64_t *)(void *)block + level * l.words;
	l.level = (uint16_t *)(void *)(block + bitmaps);
	l.next = l.level + p->usable;
	l.earned = l.next + p->usable;
	l.waiting = l.earned + p->usable;
	layout_start(&l);
	for (uint32_t place = 1; place <= p->units; place++) {
		layout_earn(&l, place);
		sequence[place - 1] = p->slot[layout_take(&l)];
	}
	free(block);
	return 0;
}

/* --- ranges --- */

/* Greatest partial quotient of the continued fraction of a / units, the measure of how unevenly steps of `a`
 * fill the turn; UINT32_MAX where they do not fill it at all (a common divisor). */
static uint32_t unevenness(uint32_t a, uint32_t units)
{
	uint32_t x = units, y = a, worst = 0;

	while (y) {
		uint32_t quotient = x / y, rest = x % y;

		/* The last quotient is of no matter: it ends the fraction. */
		if (rest && quotient > worst)
			worst = quotient;
		x = y;
		y = rest;
	}
	return x == 1 ? worst : UINT32_MAX;
}

static uint32_t stride_for(uint32_t units)
{
	uint32_t golden = (uint32_t)(units * 0.6180339887498949 + 0.5);
	uint32_t best = 1, least = UINT32_MAX;

	for (uint32_t d = 0; d < 64 && least > 3; d++) {
		uint32_t candidate = d % 2 ? golden - (d + 1) / 2 : golden + d / 2;
		uint32_t u = candidate > 0 && candidate < units ? unevenness(candidate, units) : UINT32_MAX;

		if (u < least) {
			least = u;
			best = candidate;
		}
	}
	return best;
}

static uint32_t guide_shift(const struct picker *p)
{
	uint32_t shift = 0;

	while (p->units >> shift > 2 * p->usable)
		shift++;
	return shift;
}

static void lay_guide(const struct picker *p, uint32_t shift, uint16_t *guide, size_t entries)
{
	uint32_t i = 0;

	for (size_t g = 0; g < entries; g++) {
		while (i < p->usable - 1 && p->cumulative[i] <= (uint64_t)g << shift)
			i++;
		guide[g] = (uint16_t)i;
	}
}

/* The guide leaves few candidates where weights are alike; binary steps narrow what is left to a vector. */
uint32_t wheel_find_many(const struct picker *p, const struct wheel *w, uint32_t place)
{
	const uint32_t *c = p->cumulative;
	uint32_t low = w->guide[place >> w->shift], high = w->guide[(place >> w->shift) + 1];

	while (high - low >= 16) {
		uint32_t middle = low + (high - low) / 2;

		if (c[middle] <= place)
			low = middle + 1;
		else
			high = middle;
	}
	/* Every range from `high` on ends above the place, so looking past it counts nothing more. */
	return place < c[low] ? low : low + w->count16(c + low, place);
}

/* --- */

struct wheel *wheel_build(const struct picker *p, bool ranges)
{
	bool plain = pick_equal_weights(p) && !ranges;
	bool stored = !plain && !ranges && p->units <= WHEEL_SEQUENCE_MAX;
	bool guided = !plain && !stored && p->usable > 16;
	uint32_t shift = guide_shift(p);
	size_t entries = stored ? p->units : guided ? (p->units >> shift) + 2 : 0;
	struct wheel *w = malloc(sizeof(*w) + entries * sizeof(uint16_t));

	if (!w)
		return NULL;
	uint16_t *table = (uint16_t *)(void *)(w + 1);
	*w = (struct wheel){ .units = p->units, .stride = 1, .shift = shift, .count16 = pick_kernels()->count16 };
	if (plain) {
		w->sequence = p->slot;
		return w;
	}
	if (stored) {
		w->sequence = table;
		if (lay_sequence(p, table) == 0)
			return w;
		free(w);
		return NULL;
	}
	if (!pick_equal_weights(p))
		w->stride = stride_for(p->units);
	w->guide = guided ? table : NULL;
	lay_guide(p, shift, table, entries);
	return w;
}

/* After a few tries the walk gives up its exactness: the next other server in line is taken. */
int wheel_step_avoiding(const struct picker *p, const struct pick_request *r)
{
	enum { TRIES = 64 };
	const struct wheel *w = p->data;
	int slot = PICK_NONE;

	if (!pick_has_other(p, r->avoid))
		return wheel_slot(p, w, wheel_step(p, w, r->thread));
	for (int i = 0; i < TRIES; i++) {
		slot = wheel_slot(p, w, wheel_step(p, w, r->thread));
		if (!bitmap_has(r->avoid, (uint32_t)slot))
			return slot;
	}
	uint32_t index = 0;
	while (p->slot[index] != slot)
		index++;
	return p->slot[pick_next_other(p, r->avoid, index)];
}
