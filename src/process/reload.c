/* reload: see reload.h: asked, made ready aside, published while all loops stand still, the old one reclaimed.
 *
 * Standing still is a message to each loop and a barrier: between two events no thread holds a pointer into the old
 * configuration but what its exchanges hold, and these are counted (event/generation.h).  So the swap is plain code, and
 * takes as long as it takes to set some pointers for each server, listener and client.
 */
#include "reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ballast/base/clock.h"
#include "ballast/event/grace.h"
#include "ballast/proxy/inherit.h"

enum { LOOK_MS = 50 }; /* how often old generations are looked at */

/* ---- the old ones ---- */

static void freed(struct post *p)
{
	struct old_graph *o = container_of(p, struct old_graph, job.done);
	free(o);
}

static void run_free(struct job *j)
{
	struct old_graph *o = container_of(j, struct old_graph, job);
	graph_free(o->graph);
}

/* In thread 0, to which the list and what binds configurations together belong; the loader only frees. */
static void reclaim(struct post *p)
{
	struct old_graph *o = container_of(p, struct old_graph, job.done);
	struct old_graph **at = &o->reload->old;

	if (o->reload->w->ending) /* threads may be going through the list: it is freed with all others */
		return;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	graph_leave(o->graph);
	o->job.run = run_free;
	o->job.done.run = freed;
	loader_give(&o->reload->loader, &o->job);
}

/* The loops have turned since its last user left. On any thread. */
static void unused(struct grace *g)
{
	struct old_graph *o = container_of(g, struct old_graph, grace);

	o->job.done.run = reclaim;
	loop_post(loop_at(0), &o->job.done);
}

static void look(struct timer *t)
{
	struct reload *r = container_of(t, struct reload, timer);
	bool waits = false;

	for (struct old_graph *o = r->w->ending ? NULL : r->old, *next; o; o = next) {
		next = o->next;
		if (o->leaving)
			continue;
		if (graph_in_use(o->graph)) {
			waits = true;
			continue;
		}
		o->leaving = true;
		grace_retire(&o->grace, unused);
	}
	if (waits)
		loop_timer_set(t, LOOK_MS);
}

static void keep_old(struct reload *r, struct graph *g)
{
	struct old_graph *o = r->spare;

	r->spare = NULL;
	*o = (struct old_graph){ .reload = r, .graph = g, .until_us = loop_self->wall_us, .next = r->old };
	r->old = o;
	loop_timer_set(&r->timer, LOOK_MS);
}

/* ---- published ---- */

/* Clients of frontends that an earlier reload took away name servers and tables of newer ones. */
static void follow_thread(struct reload *r)
{
	plan_follow_thread(&r->plan);
	for (struct old_graph *o = r->old; o; o = o->next)
		frontends_follow_retired_thread(o->graph->frontends);
}

static void meet_others(struct post *p)
{
	struct reload *r = container_of(p - loop_self->index, struct reload, meet[0]);

	pthread_barrier_wait(&r->w->barrier);
	pthread_barrier_wait(&r->w->barrier); /* thread 0 has published */
	follow_thread(r);
	pthread_barrier_wait(&r->w->barrier);
}

static void publish(struct reload *r)
{
	struct graph *old = r->w->run->graph;
	uint64_t begun;

	for (unsigned i = 1; i < r->w->run->threads; i++) {
		r->meet[i].run = meet_others;
		loop_post(loop_at(i), &r->meet[i]);
	}
	pthread_barrier_wait(&r->w->barrier);
	begun = clock_mono_ns();
	plan_publish(&r->plan, r->w->run);
	pthread_barrier_wait(&r->w->barrier);
	follow_thread(r);
	pthread_barrier_wait(&r->w->barrier);
	r->pause_us = (clock_mono_ns() - begun) / 1000;
	keep_old(r, old);
	config_watch_renew(r->watch);
}

/* ---- the end of one ---- */

static void tell_log(enum log_level level, const char *text)
{
	char line[1024];

	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
		if (line[0])
			log_event(NULL, level, "%s", line);
	}
}

static void answer_waiters(struct reload *r)
{
	for (unsigned i = 0; i < r->waiter_count; i++)
		r->waiters[i].done(r->waiters[i].arg, r->last_good, r->last_text ? r->last_text : "");
	r->waiter_count = 0;
}

static void start_next(struct reload *r);

static void finish(struct reload *r, bool good)
{
	struct slice text = diag_render(&r->diag, DIAG_WARNING);

	r->took_ms = (clock_mono_ns() - r->asked_ns) / 1000000;
	r->done_us = loop_self->wall_us;
	r->last_good = good;
	*(good ? &r->good : &r->bad) += 1;
	free(r->last_text);
	r->last_text = strndup(text.ptr ? text.ptr : "", text.len);
	if (r->last_text)
		tell_log(good ? LOG_L_WARNING : LOG_L_ALERT, r->last_text);
	if (good)
		say_and_log(SAY_NOTICE,
			"Reloaded (%s): generation %llu serves after %llu ms; the loops stood still for %llu us.",
			r->why, (unsigned long long)r->number, (unsigned long long)r->took_ms,
			(unsigned long long)r->pause_us);
	else
		say_and_log(SAY_ALERT, "Reload (%s) failed: the running configuration stays.", r->why);
	diag_free(&r->diag);
	plan_free(&r->plan, good);
	answer_waiters(r);
	r->under_way = false;
	if (r->again)
		start_next(r);
}

static void loaded(struct post *p)
{
	struct reload *r = container_of(p, struct reload, job.done);
	bool good = !r->error && !r->w->ending && !r->w->stopping;

	if (!r->error && !good)
		diag_error(&r->diag, NULL, NULL, "the process is stopping");
	if (good) {
		r->number++;
		publish(r);
	}
	finish(r, good);
}

/* ---- the beginning ---- */

/* In the loader's thread. */
static void run_load(struct job *j)
{
	struct reload *r = container_of(j, struct reload, job);

	r->error = plan_make(&r->plan, r->w->run, r->w->run->graph, r->number + 1, &r->diag);
}

static void start(struct reload *r, const char *why)
{
	snprintf(r->why, sizeof r->why, "%s", why);
	r->under_way = true;
	r->asked_ns = clock_mono_ns();
	diag_init(&r->diag);
	r->plan = (struct plan){ 0 };
	if (!r->spare)
		r->spare = malloc(sizeof *r->spare);
	if (!r->spare) {
		diag_error(&r->diag, NULL, NULL, "out of memory");
		finish(r, false);
		return;
	}
	r->job.run = run_load;
	r->job.done.run = loaded;
	loader_give(&r->loader, &r->job);
}

static void start_next(struct reload *r)
{
	r->again = false;
	memcpy(r->waiters, r->next_waiters, sizeof r->waiters);
	r->waiter_count = r->next_waiter_count;
	r->next_waiter_count = 0;
	start(r, r->next_why);
}

void reload_ask(struct reload *r, const char *why)
{
	if (!r->under_way) {
		start(r, why);
		return;
	}
	r->again = true;
	snprintf(r->next_why, sizeof r->next_why, "%s", why);
}

bool reload_ask_for(struct reload *r, const char *why, const struct waiter *w)
{
	struct waiter *list = r->under_way ? r->next_waiters : r->waiters;
	unsigned *count = r->under_way ? &r->next_waiter_count : &r->waiter_count;

	if (*count == WAITERS_MAX)
		return false;
	list[(*count)++] = *w;
	reload_ask(r, why);
	return true;
}

void reload_hard_stop_thread(struct reload *r)
{
	for (struct old_graph *o = r->old; o; o = o->next)
		frontend_hard_stop_thread(o->graph->frontends);
}

/* ---- made and freed ---- */

struct reload *reload_new(struct worker *w)
{
	struct reload *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->w = w;
	r->number = 1;
	timer_init(&r->timer, look);
	loader_init(&r->loader);
	r->watch = config_watch_new(r);
	if (r->watch && graph_begin_generation(w->run->graph, 1, w->run->threads) == 0)
		return r;
	config_watch_free(r->watch);
	free(r);
	return NULL;
}

void reload_begin(struct reload *r)
{
	config_watch_renew(r->watch);
}

/* Without the right to make threads later, now; and where there are several already. */
int reload_start(struct reload *r)
{
	const struct run *run = r->w->run;
	bool later = run->threads == 1 && (geteuid() == 0 || run->options->allow_fork);

	return later ? 0 : loader_start(&r->loader);
}

/* The loops have ended. */
void reload_free(struct reload *r)
{
	if (!r)
		return;
	loader_stop(&r->loader);
	if (r->under_way) {
		plan_free(&r->plan, false);
		diag_free(&r->diag);
	}
	for (struct old_graph *o = r->old, *next; o; o = next) {
		next = o->next;
		graph_free(o->graph);
		free(o);
	}
	config_watch_free(r->watch);
	free(r->spare);
	free(r->last_text);
	free(r);
}
