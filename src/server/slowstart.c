/* slowstart: a server that came back gets its weight and its limit little by little.
 *
 * They grow in WARMTH_FULL steps over `slowstart`.  Each step stores the warmth, publishes a new picker and lets in who
 * waits for a place, on the loop that also checks the server; so a request pays nothing for it.  A server that starts
 * with the process starts warm.
 */
#include <stdlib.h>

#include "ballast/event/loop.h"
#include "internal.h"

struct slowstart {
	struct server *server;
	uint64_t since_ms; /* under backend.lock */
	struct post post;  /* to the loop of its steps */
	bool posted;       /* under backend.lock */
	/* of that loop */
	struct timer timer;
	bool stopped;
};

unsigned slowstart_warmth(uint64_t elapsed_ms, uint32_t total_ms)
{
	uint64_t parts = elapsed_ms * WARMTH_FULL / total_ms;

	return parts < WARMTH_FULL ? (unsigned)parts + 1 : WARMTH_FULL;
}

static uint64_t now_ms(void)
{
	return clock_mono_ns() / 1000000;
}

static void set_warmth(struct server *s, unsigned warmth)
{
	store_relaxed(&s->warmth, (uint8_t)warmth);
	queue_show_limit(s);
}

/* Under the lock. Milliseconds until the next step; 0: it is warm, or down. */
static uint32_t step(struct slowstart *ramp)
{
	struct server *s = ramp->server;
	uint64_t elapsed = now_ms() - ramp->since_ms;
	unsigned before = load_relaxed(&s->warmth), warmth = slowstart_warmth(elapsed, s->slowstart_ms);

	if (before == WARMTH_FULL)
		return 0;
	if (warmth != before) {
		set_warmth(s, warmth);
		backend_publish(s->backend);
		queue_serve(s);
	}
	return warmth == WARMTH_FULL ? 0 : (uint32_t)((uint64_t)warmth * s->slowstart_ms / WARMTH_FULL + 1 - elapsed);
}

static void go_on(struct slowstart *ramp)
{
	uint32_t wait;

	if (ramp->stopped)
		return;
	pthread_mutex_lock(&ramp->server->backend->lock);
	wait = step(ramp);
	pthread_mutex_unlock(&ramp->server->backend->lock);
	if (wait)
		loop_timer_set(&ramp->timer, wait);
}

static void timer_fire(struct timer *t)
{
	go_on(container_of(t, struct slowstart, timer));
}

static void post_run(struct post *p)
{
	struct slowstart *ramp = container_of(p, struct slowstart, post);

	pthread_mutex_lock(&ramp->server->backend->lock);
	ramp->posted = false;
	pthread_mutex_unlock(&ramp->server->backend->lock);
	go_on(ramp);
}

int slowstart_new(struct server *s)
{
	struct slowstart *ramp;

	if (!s->slowstart_ms)
		return 0;
	ramp = calloc(1, sizeof *ramp);
	if (!ramp)
		return -ENOMEM;
	ramp->server = s;
	ramp->post.run = post_run;
	timer_init(&ramp->timer, timer_fire);
	s->slowstart = ramp;
	return 0;
}

void slowstart_begin(struct server *s)
{
	struct slowstart *ramp = s->slowstart;

	if (!ramp || !loop_count())
		return;
	ramp->since_ms = now_ms();
	set_warmth(s, 1);
	if (ramp->posted)
		return;
	ramp->posted = true;
	loop_post(loop_at(s->slot % loop_count()), &ramp->post);
}

void slowstart_end(struct server *s)
{
	if (s->slowstart)
		set_warmth(s, WARMTH_FULL);
}

void slowstart_inherit(struct server *now, const struct server *old)
{
	unsigned warmth = load_relaxed(&old->warmth);

	if (!now->slowstart || !old->slowstart || warmth == WARMTH_FULL)
		return;
	now->slowstart->since_ms = old->slowstart->since_ms;
	now->slowstart->posted = true;
	set_warmth(now, warmth);
	loop_post(loop_at(now->slot % loop_count()), &now->slowstart->post);
}

void slowstart_stop(struct server *s)
{
	if (!s->slowstart)
		return;
	s->slowstart->stopped = true;
	loop_timer_clear(&s->slowstart->timer);
}
