/* timer: a hierarchical timing wheel (Varghese and Lauck 1987), one for each loop.
 *
 * Resolution 1 ms; arming, re-arming and clearing are O(1).  Re-arming to a later time, the common case of a
 * timeout that traffic pushes ahead, only stores the time: the timer moves when its old slot comes up.
 * A timer belongs to one loop's thread.
 */
#ifndef BALLAST_EVENT_TIMER_H
#define BALLAST_EVENT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "ballast/base/list.h"

struct timer {
	struct list link; /* in a slot of the wheel; self-linked while not armed */
	uint64_t due_ms;  /* loop time at which it fires; 0: not armed */
	uint64_t slot_ms; /* time for which it was put into its slot; due_ms is never before it */
	void (*fire)(struct timer *t);
};

enum { TIMER_LEVELS = 6, TIMER_SLOT_BITS = 6, TIMER_SLOTS = 1 << TIMER_SLOT_BITS };

struct timer_wheel {
	struct list slot[TIMER_LEVELS][TIMER_SLOTS];
	uint64_t occupied[TIMER_LEVELS]; /* bit s: slot s holds a timer */
	struct list due;                 /* collected by timer_advance, not fired yet */
	uint64_t now_ms;
	uint32_t armed;
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ms);
void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* Arms or re-arms for `delay_ms` from the wheel's now; 0 fires at the next run. At most 2^31-1. */
void timer_set(struct timer_wheel *w, struct timer *t, uint32_t delay_ms);
void timer_clear(struct timer_wheel *w, struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
	return t->due_ms != 0;
}
/* Moves the wheel to `now_ms` and collects what is due; from here on timer_set counts from the new now.  A collected
 * timer may still be cleared or pushed ahead before timer_fire_due: what happened in time wins over its timeout. */
void timer_advance(struct timer_wheel *w, uint64_t now_ms);
/* Fires what was collected; a callback may arm, clear and free any timer. */
void timer_fire_due(struct timer_wheel *w);
/* Both. */
void timer_run(struct timer_wheel *w, uint64_t now_ms);
/* Milliseconds until something may be due: -1 where nothing is armed; never later than the first due one. */
int timer_next_ms(const struct timer_wheel *w);

#endif
