/* worker: what serves: its threads, and how it ends. */
#ifndef BALLAST_PROCESS_WORKER_H
#define BALLAST_PROCESS_WORKER_H

#include <pthread.h>

#include "ballast/event/loop.h"
#include "process.h"

struct reload;

struct worker_thread {
	struct loop loop;
	struct worker *worker;
	pthread_t id;          /* of index 0: the process's first thread */
	struct post soft, end; /* each is posted once: see worker_each */
	int error;             /* of its start */
};

/* One a process; its threads may touch what is atomic and what is theirs. */
struct worker {
	struct run *run;
	struct worker_thread *thread; /* [run->threads] */
	struct loop **loops;
	pthread_barrier_t barrier;
	/* of thread 0 */
	int signal_fd;
	struct watch signal_watch;
	struct timer stop_timer; /* looks whether all connections are gone */
	uint64_t hard_stop_ms;   /* loop time; 0: none */
	bool stopping;           /* softly */
	bool ending;
	int status;
	struct reload *reload;
};

/* ---- stop.c; thread 0 ---- */

/* SIGUSR1: no new connections; ends with status 0 once the last one is closed. */
void worker_soft_stop(struct worker *w);
/* SIGTERM: every thread ends what it carries, and its loop. */
void worker_hard_stop(struct worker *w, int status);
/* In each thread once its loop ended: ends what is still open. */
void worker_end_connections(struct worker *w);
/* SIGTTOU, SIGTTIN. */
void worker_pause(struct worker *w);
void worker_resume(struct worker *w);

#endif
