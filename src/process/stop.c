/* stop: how a worker ends: softly, once the last connection is closed by itself, or at once.
 *
 *     serving --SIGUSR1--> stopping --last connection, hard-stop-after--> ended
 *        +------------------------------SIGTERM, SIGINT----------------------^
 */
#include "ballast/proxy/exchange.h"
#include "reload.h"

enum {
	STOP_LOOK_MS = 20,    /* how often the connections are counted while stopping */
	STOP_TURNS_MAX = 100, /* of a loop, to end what is open */
};

static void end_loop(struct post *p)
{
	loop_stop(&((struct worker_thread *)((char *)p - offsetof(struct worker_thread, end)))->loop);
}

void worker_hard_stop(struct worker *w, int status)
{
	if (w->ending)
		return;
	w->ending = true;
	w->status = status;
	if (w->stopping)
		loop_timer_clear(&w->stop_timer);
	sockets_close(&w->run->sockets); /* posted before the end: no connection comes while the others are ended */
	for (unsigned i = 0; i < w->run->threads; i++) {
		w->thread[i].end.run = end_loop;
		loop_post(&w->thread[i].loop, &w->thread[i].end);
	}
}

static void soft_stop_thread(struct post *p)
{
	struct worker_thread *t = (struct worker_thread *)((char *)p - offsetof(struct worker_thread, soft));

	frontend_soft_stop_thread(t->worker->run->graph->frontends);
}

/* Behind the listeners' own posts, so no connection comes after it. */
static void soft_stop_threads(struct worker *w)
{
	for (unsigned i = 0; i < w->run->threads; i++) {
		w->thread[i].soft.run = soft_stop_thread;
		loop_post(&w->thread[i].loop, &w->thread[i].soft);
	}
}

static void look(struct timer *t)
{
	struct worker *w = (struct worker *)((char *)t - offsetof(struct worker, stop_timer));

	if (sockets_are_closed(&w->run->sockets) && !frontend_process_connections()) {
		worker_hard_stop(w, EXIT_FINE);
	} else if (w->hard_stop_ms && loop_self->now_ms >= w->hard_stop_ms) {
		say_and_log(SAY_WARNING, "soft-stop running for too long, performing a hard-stop.");
		worker_hard_stop(w, EXIT_FINE);
	} else {
		loop_timer_set(t, STOP_LOOK_MS);
	}
}

/* Sessions so far, of all threads. */
static unsigned long long frontend_sessions(const struct frontend *f, unsigned threads)
{
	return counters_sum(&f->thread[0].counters, sizeof f->thread[0], threads, COUNT_SESS);
}

static unsigned long long backend_sessions(const struct run *r, const char *name)
{
	const struct backend *b = graph_find_backend(r->graph, slice_from_str(name));

	return b ? counters_sum(b->counters, sizeof *b->counters, r->threads, COUNT_SESS) : 0;
}

static void tell_stopped(const struct run *r)
{
	for (const struct frontend *f = r->graph->frontends; f; f = f->next)
		if (!f->disabled)
			say_and_log(SAY_WARNING, "Proxy %s stopped (cumulated conns: FE: %llu, BE: %llu).", f->name,
				frontend_sessions(f, r->threads), backend_sessions(r, f->name));
}

void worker_soft_stop(struct worker *w)
{
	uint32_t after_ms = w->run->graph->global.hard_stop_after_ms;

	if (w->stopping || w->ending)
		return;
	w->stopping = true;
	frontend_set_stopping();
	sockets_close(&w->run->sockets);
	admin_stop(w->run->admin);
	soft_stop_threads(w);
	tell_stopped(w->run);
	w->hard_stop_ms = after_ms ? loop_self->now_ms + after_ms : 0;
	timer_init(&w->stop_timer, look);
	loop_timer_set(&w->stop_timer, 0);
}

/* Killing one may free others, so each is looked for anew. */
void worker_end_connections(struct worker *w)
{
	frontend_set_stopping();
	for (unsigned i = 0; i < STOP_TURNS_MAX && exchange_list()->next != exchange_list(); i++) {
		list_for_each_safe(it, exchange_list())
			exchange_kill(list_entry(it, struct exchange, link), CAUSE_KILLED);
		loop_turn(loop_self, 0);
	}
	frontend_hard_stop_thread(w->run->graph->frontends);
	reload_hard_stop_thread(w->reload);
	loop_turn(loop_self, 0);
}

void worker_pause(struct worker *w)
{
	for (struct frontend *f = w->run->graph->frontends; f; f = f->next) {
		frontend_pause(f);
		say_and_log(SAY_WARNING, "Paused frontend %s.", f->name);
	}
}

void worker_resume(struct worker *w)
{
	for (struct frontend *f = w->run->graph->frontends; f; f = f->next) {
		frontend_resume(f);
		say_and_log(SAY_WARNING, "Resumed frontend %s.", f->name);
	}
}
