/* worker: one loop a thread.  All threads have made their loop before any of them may post to another, and all listen
 * before the worker says that it is ready.
 *
 * Thread 0 is the process's first thread; it also reads the signals.
 */
#include "reload.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ballast/base/buffer.h"
#include "ballast/base/hazard.h"
#include "ballast/event/grace.h"
#include "ballast/proxy/exchange.h"
#include "ballast/server/check.h"
#include "ballast/server/guard.h"

/* ---- signals ---- */

static void on_term(struct worker *w)
{
	worker_hard_stop(w, EXIT_BY_SIGNAL + SIGTERM);
}

static void on_int(struct worker *w)
{
	worker_hard_stop(w, EXIT_BY_SIGNAL + SIGINT);
}

static void on_hup(struct worker *w)
{
	reload_ask(w->reload, "SIGHUP");
}

static void on_quit(struct worker *w)
{
	states_dump(w->run->graph);
}

/* The rest (SIGUSR2, SIGCHLD) means nothing to a worker, and does no harm. */
static const struct signal_row {
	int number;
	void (*handle)(struct worker *w);
} signal_rows[] = {
	{ SIGTERM, on_term },
	{ SIGINT, on_int },
	{ SIGUSR1, worker_soft_stop },
	{ SIGHUP, on_hup },
	{ SIGQUIT, on_quit },
	{ SIGTTOU, worker_pause },
	{ SIGTTIN, worker_resume },
};

static void signals_ready(struct watch *watch, unsigned bits)
{
	struct worker *w = (struct worker *)((char *)watch - offsetof(struct worker, signal_watch));
	int number;

	(void)bits;
	while ((number = signals_next(w->signal_fd)))
		for (size_t i = 0; i < sizeof signal_rows / sizeof signal_rows[0]; i++)
			if (signal_rows[i].number == number)
				signal_rows[i].handle(w);
}

static int listen_to_signals(struct worker *w)
{
	w->signal_watch.fd = -1;
	w->signal_fd = signals_open();
	if (w->signal_fd < 0)
		return w->signal_fd;
	return loop_add(loop_self, &w->signal_watch, w->signal_fd, signals_ready);
}

/* ---- a thread ---- */

static void pin(const struct global_settings *g, unsigned thread)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (const struct cpu_map_entry *e = g->cpu_map; e; e = e->next)
		for (unsigned i = 0; i < 256 && e->thread == thread; i++)
			if (e->cpus[i / 64] >> i % 64 & 1)
				CPU_SET(i, &cpus);
	if (CPU_COUNT(&cpus) && sched_setaffinity(0, sizeof cpus, &cpus) < 0)
		say(SAY_WARNING, "cpu-map: cannot bind thread %u to its CPUs: %s.", thread + 1, strerror(errno));
}

static int thread_prepare(struct worker_thread *t, unsigned index)
{
	pin(&t->worker->run->graph->global, index);
	int err = hazard_thread_enter();
	return err ? err : loop_init(&t->loop, index);
}

static int thread_begin(struct worker_thread *t)
{
	struct worker *w = t->worker;

	loop_enter(&t->loop);
	int err = exchange_thread_init();
	if (!err && t->loop.index == 0)
		err = listen_to_signals(w);
	if (!err)
		err = sockets_start(&w->run->sockets);
	if (!err && t->loop.index == 0)
		err = admin_start(w->run->admin);
	if (!err && t->loop.index == 0) {
		reload_offer(w->reload, w->run->admin);
		reload_begin(w->reload);
	}
	if (err)
		return err;
	checks_start_thread(w->run->graph->backends);
	guards_start_thread(w->run->graph->backends);
	return 0;
}

/* Once its loop ended. What other threads still asked of this one while they ended theirs is done too. */
static void thread_finish(struct worker_thread *t)
{
	worker_end_connections(t->worker);
	pthread_barrier_wait(&t->worker->barrier);
	loop_turn(&t->loop, 0);
	pthread_barrier_wait(&t->worker->barrier);
}

/* The loop itself stays until no thread is left that could post to it. */
static void thread_free(struct worker_thread *t)
{
	checks_stop_thread(t->worker->run->graph->backends);
	guards_stop_thread(t->worker->run->graph->backends);
	server_pool_thread_free();
	loop_turn(&t->loop, 0);
	exchange_thread_free();
	buffer_trim();
	hazard_thread_exit();
}

static bool all_began(const struct worker *w)
{
	for (unsigned i = 0; i < w->run->threads; i++)
		if (w->thread[i].error)
			return false;
	return true;
}

/* The two halves of a start with a barrier behind each; false where any thread failed. */
static bool thread_start(struct worker_thread *t, unsigned index)
{
	struct worker *w = t->worker;

	t->error = thread_prepare(t, index);
	pthread_barrier_wait(&w->barrier);
	if (!all_began(w))
		return false;
	pthread_barrier_wait(&w->barrier); /* nobody writes `error` while another still reads it */
	t->error = thread_begin(t);
	pthread_barrier_wait(&w->barrier);
	return all_began(w);
}

static void *thread_main(void *arg)
{
	struct worker_thread *t = arg;

	if (!thread_start(t, (unsigned)(t - t->worker->thread)))
		return NULL;
	loop_run(&t->loop);
	thread_finish(t);
	thread_free(t);
	return NULL;
}

/* ---- the worker ---- */

static int start_proxies(const struct run *r)
{
	int err = 0;

	log_targets_open(&r->graph->global.log);
	for (struct backend *b = r->graph->backends; b && !err; b = b->next) {
		log_targets_open(&b->log);
		err = backend_start(b, r->threads);
	}
	for (struct frontend *f = r->graph->frontends; f && !err; f = f->next) {
		log_targets_open(&f->log);
		err = frontend_start(f, r->threads);
	}
	return err;
}

static int worker_init(struct worker *w, struct run *r)
{
	size_t bytes = r->threads * sizeof *w->thread;

	*w = (struct worker){ .run = r, .signal_fd = -1 };
	w->thread = aligned_alloc(_Alignof(struct worker_thread) < 64 ? 64 : _Alignof(struct worker_thread),
		(bytes + 63) / 64 * 64);
	w->loops = calloc(r->threads, sizeof(struct loop *));
	if (!w->thread || !w->loops)
		return -ENOMEM;
	memset(w->thread, 0, bytes);
	for (unsigned i = 0; i < r->threads; i++) {
		w->thread[i].worker = w;
		w->loops[i] = &w->thread[i].loop;
	}
	loop_set_all(w->loops, r->threads);
	return -pthread_barrier_init(&w->barrier, NULL, r->threads);
}

/* Asked for after the user changed, which would have cleared it. */
static int follow_master(const struct run *r)
{
	if (!r->master)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
		return -errno;
	return getppid() == r->master ? 0 : -ECHILD; /* it died in between */
}

static int start_threads(struct worker *w)
{
	for (unsigned i = 1; i < w->run->threads; i++) {
		int err = pthread_create(&w->thread[i].id, NULL, thread_main, &w->thread[i]);
		if (err)
			return -err; /* those that run wait at the barrier: the process ends */
	}
	return 0;
}

static void serve(struct worker *w)
{
	struct run *r = w->run;

	if (!r->options->allow_fork)
		privileges_forbid_fork();
	daemon_ready(r);
	loop_run(&w->thread[0].loop);
	thread_finish(&w->thread[0]);
	for (unsigned i = 1; i < r->threads; i++)
		pthread_join(w->thread[i].id, NULL);
	thread_free(&w->thread[0]);
	reload_free(w->reload);
	w->reload = NULL;
	admin_free(r->admin); /* no command can be on its way through the threads any more */
	r->admin = NULL;
	for (unsigned i = 0; i < r->threads; i++)
		loop_free(&w->thread[i].loop);
}

/* Threads that run already are not waited for: the process ends. */
static void __attribute__((noreturn)) give_up(const char *what, int err)
{
	say(SAY_ALERT, "cannot start %s: %s.", what, strerror(-err));
	_exit(EXIT_REFUSED);
}

static void worker_free(struct worker *w)
{
	if (w->signal_fd >= 0)
		close(w->signal_fd);
	reload_free(w->reload);
	loop_set_all(NULL, 0); /* what is freed from now on is read by nobody */
	grace_end();
	free(w->thread);
	free(w->loops);
}

/* What may fail while there is one thread. */
static int worker_prepare(struct worker *w, struct run *r)
{
	int err = worker_init(w, r);

	if (!err)
		err = start_proxies(r);
	if (!err && !(w->reload = reload_new(w)))
		err = -ENOMEM;
	if (err)
		say(SAY_ALERT, "cannot start: %s.", strerror(-err));
	if (!err)
		err = privileges_drop(&r->graph->global);
	return err ? err : follow_master(r);
}

int worker_run(struct run *r)
{
	struct worker w;
	int err = worker_prepare(&w, r);

	if (err) {
		worker_free(&w);
		return EXIT_REFUSED;
	}
	err = start_threads(&w);
	if (!err)
		err = reload_start(w.reload);
	if (err)
		give_up("a thread", err);
	if (!thread_start(&w.thread[0], 0)) {
		for (unsigned i = 0; i < r->threads && !err; i++)
			err = w.thread[i].error;
		give_up("a thread", err);
	}
	serve(&w);
	pthread_barrier_destroy(&w.barrier);
	worker_free(&w);
	return w.status;
}
