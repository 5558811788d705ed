/* loader: one thread beside the loops that reads configurations and frees them, so that no request waits for either.
 *
 * A process with one thread stays one until it is needed: every system call costs more with a second thread (glibc's
 * points of cancellation: 260 instructions of a short connection).
 */
#include "config.h"

#include <errno.h>
#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif
#include <stdlib.h>

#include "ballast/base/hazard.h"
#include "reload.h"

#ifdef HAVE_JEMALLOC
/* This thread allocates beside thread 0 instead of in pages of its own, so what it frees is of use to that one. */
static void share_pages(void)
{
	unsigned first = 0;

	mallctl("thread.arena", NULL, NULL, &first, sizeof first);
}

/* A configuration's memory goes back to the system at once, not piece by piece over seconds. */
static void give_back(void)
{
	mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	mallctl("arena.0.purge", NULL, NULL, NULL, 0);
}

#else
static void share_pages(void)
{
}

static void give_back(void)
{
}
#endif

static struct job *next_job(struct loader *l)
{
	struct job *j = NULL;

	pthread_mutex_lock(&l->lock);
	while (!l->stop && !l->first)
		pthread_cond_wait(&l->wake, &l->lock);
	if (!l->stop) {
		j = l->first;
		l->first = j->next;
		if (!l->first)
			l->last = &l->first;
	}
	pthread_mutex_unlock(&l->lock);
	return j;
}

static void *loader_main(void *arg)
{
	struct loader *l = arg;
	struct job *j;

	if (hazard_thread_enter())
		return NULL;
	share_pages();
	while ((j = next_job(l))) {
		j->run(j);
		hazard_scan();
		give_back();
		loop_post(loop_at(0), &j->done);
	}
	hazard_thread_exit();
	return NULL;
}

void loader_init(struct loader *l)
{
	*l = (struct loader){ .last = &l->first };
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wake, NULL);
}

int loader_start(struct loader *l)
{
	int err = pthread_create(&l->thread, NULL, loader_main, l);
	l->running = !err;
	return -err;
}

static void end_thread(struct loader *l)
{
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	l->running = false;
}

void loader_stop(struct loader *l)
{
	if (l->running)
		end_thread(l);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
}

/* Without a thread: here and now. */
static void run_here(struct job *j)
{
	j->run(j);
	loop_post(loop_at(0), &j->done);
}

void loader_give(struct loader *l, struct job *j)
{
	j->next = NULL;
	if (!l->running && loader_start(l)) {
		run_here(j);
		return;
	}
	pthread_mutex_lock(&l->lock);
	*l->last = j;
	l->last = &j->next;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}
