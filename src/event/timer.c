/* timer: the hierarchical timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987).
 *
 * Level L has 64 slots of 64^L ms.  A timer lies in the lowest level that reaches its time; when the wheel comes to
 * the start of a slot above level 0, the timers in it move down.  All that is due is collected before anything fires, so
 * that a callback arms relative to the new now and a slot never mixes two rounds.  What must stay true: every slot whose start is not
 * after now_ms has been emptied, but for level 0's slot of now_ms itself, which takes timers of delay 0; and a bit of
 * `occupied` is set exactly where its slot holds a timer.
 */
#include "ballast/event/timer.h"

#include <limits.h>

enum { SLOT_MASK = TIMER_SLOTS - 1 };

static unsigned level_of(uint64_t delta_ms)
{
	unsigned level = delta_ms < TIMER_SLOTS ? 0 : (63u - (unsigned)__builtin_clzll(delta_ms)) / TIMER_SLOT_BITS;
	return level < TIMER_LEVELS ? level : TIMER_LEVELS - 1;
}

static void place_at(struct timer_wheel *w, struct timer *t, uint64_t due_ms)
{
	unsigned level = level_of(due_ms - w->now_ms);
	unsigned slot = (unsigned)(due_ms >> (level * TIMER_SLOT_BITS)) & SLOT_MASK;
	t->slot_ms = due_ms;
	list_push_back(&w->slot[level][slot], &t->link);
	w->occupied[level] |= 1ull << slot;
}

/* Takes a timer out of its list and clears the bit of a slot that it leaves empty.  It may also be the list of
 * what is due, which is no slot. */
static void unlink_timer(struct timer_wheel *w, struct timer *t)
{
	struct list *next = t->link.next;
	list_remove(&t->link);
	if (!list_empty(next))
		return;
	struct list *first = &w->slot[0][0];
	if (next < first || next >= first + TIMER_LEVELS * TIMER_SLOTS)
		return;
	size_t index = (size_t)(next - first);
	w->occupied[index / TIMER_SLOTS] &= ~(1ull << (index % TIMER_SLOTS));
}

static uint64_t rotate_right(uint64_t bits, unsigned by)
{
	return by ? bits >> by | bits << (64 - by) : bits;
}

/* Start of the nearest occupied slot; UINT64_MAX where there is none. */
static uint64_t next_slot_ms(const struct timer_wheel *w)
{
	uint64_t nearest = UINT64_MAX;
	if (w->occupied[0])
		nearest = w->now_ms + (unsigned)__builtin_ctzll(rotate_right(w->occupied[0], w->now_ms & SLOT_MASK));
	for (unsigned level = 1; level < TIMER_LEVELS; level++) {
		if (!w->occupied[level])
			continue;
		/* The current slot of these levels was emptied when it began: what it holds is one round ahead. */
		uint64_t at = (w->now_ms >> (level * TIMER_SLOT_BITS)) + 1;
		at += (unsigned)__builtin_ctzll(rotate_right(w->occupied[level], at & SLOT_MASK));
		at <<= level * TIMER_SLOT_BITS;
		if (at < nearest)
			nearest = at;
	}
	return nearest;
}

/* Empties a slot: what is due by `until_ms` is collected, the rest moves to where it belongs now. */
static void empty_slot(struct timer_wheel *w, unsigned level, uint64_t until_ms)
{
	unsigned slot = (unsigned)(w->now_ms >> (level * TIMER_SLOT_BITS)) & SLOT_MASK;
	if (!(w->occupied[level] & 1ull << slot))
		return;
	struct list *head = &w->slot[level][slot], *last = head->prev;
	w->occupied[level] &= ~(1ull << slot);
	for (bool more = true; more;) {
		struct timer *t = list_entry(head->next, struct timer, link);
		more = &t->link != last; /* a timer may come back to the end of this very slot, for its next round */
		list_remove(&t->link);
		if (t->due_ms <= until_ms)
			list_push_back(&w->due, &t->link);
		else
			place_at(w, t, t->due_ms);
	}
}

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ms)
{
	*w = (struct timer_wheel){ .now_ms = now_ms };
	list_init(&w->due);
	for (unsigned level = 0; level < TIMER_LEVELS; level++)
		for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
			list_init(&w->slot[level][slot]);
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	*t = (struct timer){ .fire = fire };
	list_init(&t->link);
}

void timer_set(struct timer_wheel *w, struct timer *t, uint32_t delay_ms)
{
	BL_ASSERT(delay_ms <= INT32_MAX);
	uint64_t due = w->now_ms + delay_ms;
	if (!due)
		due = 1; /* 0 says "not armed" */
	if (t->due_ms) {
		if (due >= t->slot_ms) {
			t->due_ms = due;
			return;
		}
		unlink_timer(w, t);
	} else {
		w->armed++;
	}
	t->due_ms = due;
	place_at(w, t, due);
}

void timer_clear(struct timer_wheel *w, struct timer *t)
{
	if (!t->due_ms)
		return;
	unlink_timer(w, t);
	t->due_ms = 0;
	w->armed--;
}

void timer_advance(struct timer_wheel *w, uint64_t now_ms)
{
	for (uint64_t at; (at = next_slot_ms(w)) <= now_ms;) {
		w->now_ms = at;
		for (unsigned level = TIMER_LEVELS - 1; level; level--)
			if (!(at & ((1ull << (level * TIMER_SLOT_BITS)) - 1)))
				empty_slot(w, level, now_ms);
		empty_slot(w, 0, now_ms);
	}
	if (now_ms > w->now_ms)
		w->now_ms = now_ms;
}

void timer_fire_due(struct timer_wheel *w)
{
	while (!list_empty(&w->due)) {
		struct timer *t = list_first(&w->due, struct timer, link);
		list_remove(&t->link);
		if (t->due_ms > w->now_ms) { /* pushed ahead since it was collected */
			place_at(w, t, t->due_ms);
			continue;
		}
		t->due_ms = 0;
		w->armed--;
		t->fire(t);
	}
}

void timer_run(struct timer_wheel *w, uint64_t now_ms)
{
	timer_advance(w, now_ms);
	timer_fire_due(w);
}

int timer_next_ms(const struct timer_wheel *w)
{
	uint64_t at = next_slot_ms(w);
	if (at == UINT64_MAX)
		return -1;
	uint64_t delta = at - w->now_ms;
	return delta > INT_MAX ? INT_MAX : (int)delta;
}
