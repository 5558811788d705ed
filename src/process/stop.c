/* stop: how a worker ends: softly, once the last connection is closed by itself, or at once.
 *
 *     serving --SIGUSR1--> stopping --last connection, hard-stop-after--> ended
 *        +------------------------------SIGTERM, SIGINT----------------------^
 */
#include "ballast/proxy/exchange.h"
#include "worker.h"

enum {
	STOP_LOOK_MS = 20,    /* how often the connections are counted while stopping */
	STOP_TURNS_MAX = 100, /* of a loop, to end what is open */
};

static void end_loop(struct post *p)
{
	loop_stop(&worker_of_post(p)->loop);
}

void worker_hard_stop(struct worker *w, int status)
{
	w->status = status;
	loop_timer_clear(&w->stop_timer);
	worker_each(w, end_loop);
}

static void soft_stop_thread(struct post *p)
{
	frontend_soft_stop_thread(worker_of_post(p)->worker->run->graph->frontends);
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

static void tell_stopped(const struct run *r)
{
	for (const struct frontend *f = r->graph->frontends; f; f = f->next)
		if (!f->disabled)
			say_and_log(SAY_WARNING, "Proxy %s stopped.", f->name);
}

void worker_soft_stop(struct worker *w)
{
	uint32_t after_ms = w->run->graph->global.hard_stop_after_ms;

	if (w->stopping)
		return;
	w->stopping = true;
	frontend_set_stopping();
	sockets_close(&w->run->sockets);
	admin_stop(w->run->admin);
	worker_each(w, soft_stop_thread);
	tell_stopped(w->run);
	w->hard_stop_ms = after_ms ? loop_self->now_ms + after_ms : 0;
	timer_init(&w->stop_timer, look);
	loop_timer_set(&w->stop_timer, 0);
}

/* Killing one may free others, so each is looked for anew. */
void worker_end_connections(struct worker *w)
{
	frontend_set_stopping();
	frontend_soft_stop_thread(w->run->graph->frontends);
	for (unsigned i = 0; i < STOP_TURNS_MAX && exchange_list()->next != exchange_list(); i++) {
		list_for_each_safe(it, exchange_list())
			exchange_kill(list_entry(it, struct exchange, link));
		loop_turn(loop_self, 0);
	}
	frontend_soft_stop_thread(w->run->graph->frontends);
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
