/* guard: see guard.h. */
#include "ballast/server/guard.h"

#include <errno.h>
#include <stdlib.h>

#include "ballast/event/loop.h"
#include "ballast/event/timer.h"
#include "ballast/server/breaker.h"
#include "ballast/server/outlier.h"
#include "internal.h"

enum { TICK_MS = 100 };

struct guard {
	struct timer timer;
	struct backend *backend;
};

static void tick(struct timer *t)
{
	struct backend *b = container_of(t, struct guard, timer)->backend;

	for (uint32_t i = 0; b->set.breaker.on && i < b->server_count; i++)
		breaker_tick(b->servers[i], loop_self->now_ms);
	outliers_tick(b, loop_self->now_ms);
	loop_timer_set(t, TICK_MS);
}

int guard_start(struct backend *b)
{
	if (!b->set.breaker.on && !b->set.outlier.on)
		return 0;
	b->guard = calloc(1, sizeof *b->guard);
	if (!b->guard)
		return -ENOMEM;
	b->guard->backend = b;
	timer_init(&b->guard->timer, tick);
	return 0;
}

void guard_free(struct backend *b)
{
	free(b->guard);
}

static bool is_own(const struct backend *b)
{
	return b->guard && b->id % loop_count() == loop_self->index;
}

void guards_start_thread(struct backend *all)
{
	for (struct backend *b = all; b; b = b->next)
		if (is_own(b) && !b->disabled)
			loop_timer_set(&b->guard->timer, TICK_MS);
}

void guards_stop_thread(struct backend *all)
{
	for (struct backend *b = all; b; b = b->next)
		if (is_own(b))
			loop_timer_clear(&b->guard->timer);
}
