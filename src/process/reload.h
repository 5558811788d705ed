/* reload: another configuration takes the running one's place, inside the worker.
 *
 *     asked --> loader thread: read, check, open new sockets, start proxies --> refused (told; nothing changed)
 *                                                    |
 *                              thread 0: every loop stands still, live state moves over, each goes on
 *                                                    |
 *                 the old one waits for its last exchange, then the loader thread frees it
 *
 * All of `struct reload` but what a job carries belongs to thread 0.
 */
#ifndef BALLAST_PROCESS_RELOAD_H
#define BALLAST_PROCESS_RELOAD_H

#include <pthread.h>

#include "ballast/event/grace.h"
#include "ballast/event/loop.h"
#include "worker.h"

/* ---- loader.c: a thread for what takes long ---- */

struct job {
	struct post done; /* posted to loop 0 when run() returned */
	void (*run)(struct job *j);
	struct job *next;
};

struct loader {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *first, **last;
	bool running, stop;
};

void loader_init(struct loader *l);
/* Its thread, where a job may not wait until it can be made: not later than the right to make threads is given up.  0 or
 * negative errno. */
int loader_start(struct loader *l);
/* Waits for the job it is at; others do not run. */
void loader_stop(struct loader *l);
/* From thread 0. `j` is the loader's until `done` runs. */
void loader_give(struct loader *l, struct job *j);

/* ---- plan.c: what becomes of each part, found out aside ---- */

/* Heirs, and what they follow. */
struct pair {
	void *now, *old;
};
struct pairs {
	struct pair *list;
	size_t count, room;
};

struct plan {
	struct graph *now, *old;
	struct pairs listeners, frontends, backends, tables;
	struct pairs fresh; /* listeners that follow none, open already; `old` is NULL */
	struct sockets sockets;
};

/* Reads and checks it. NULL where there is an error in `d`; there may be one even so. */
struct graph *plan_load(struct run *r, struct diag *d);
/* Loads, checks, opens and starts all of the next configuration. 0, or negative errno after errors in `d`; then nothing
 * is left of it. Any thread; `old` does not change meanwhile. */
int plan_make(struct plan *p, struct run *r, struct graph *old, uint64_t number, struct diag *d);
/* While every loop stands still: live state moves over. */
void plan_publish(struct plan *p, struct run *r);
/* On each loop, behind that. */
void plan_follow_thread(struct plan *p);
/* Frees lists; and, unless it was published, the new graph. */
void plan_free(struct plan *p, bool published);

/* ---- reload.c ---- */

enum { WAITERS_MAX = 16 };

/* A configuration that was followed. */
struct old_graph {
	struct grace grace;
	struct job job; /* frees it, at the end */
	struct old_graph *next;
	struct reload *reload;
	struct graph *graph;
	uint64_t until_us; /* wall time at which it was followed */
	bool leaving;      /* nobody uses it; the loops turn once more */
};

/* Who wants to know what came of it; called on thread 0. */
struct waiter {
	void (*done)(void *arg, bool good, const char *text);
	void *arg;
};

struct config_watch;

struct reload {
	struct config_watch *watch;
	struct worker *w;
	struct loader loader;
	struct job job;
	struct plan plan;
	struct diag diag;
	int error;
	bool under_way, again;
	char why[64], next_why[64];
	uint64_t asked_ns;
	uint64_t number; /* of the newest generation */
	struct post meet[LOOP_THREADS_MAX];
	struct old_graph *old; /* the newest first */
	struct old_graph *spare;
	struct timer timer;
	struct waiter waiters[WAITERS_MAX], next_waiters[WAITERS_MAX];
	unsigned waiter_count, next_waiter_count;
	/* of the last one, for `show reload` */
	uint64_t done_us, took_ms, pause_us, good, bad;
	bool last_good;
	char *last_text;
};

/* The graph becomes generation 1. Before its threads. NULL where memory is out. */
struct reload *reload_new(struct worker *w);
/* With the loops known, before new threads are forbidden. 0 or negative errno. */
int reload_start(struct reload *r);
/* On thread 0, in its loop. */
void reload_begin(struct reload *r);
/* After the loops ended. */
void reload_free(struct reload *r);
/* On thread 0: reads the configuration anew; `why` stands in the log ("SIGHUP"). While one is under way, once more behind
 * it. */
void reload_ask(struct reload *r, const char *why);
/* The same; false: too many wait already. */
bool reload_ask_for(struct reload *r, const char *why, const struct waiter *w);
/* On each thread while the worker ends: clients of older configurations. */
void reload_hard_stop_thread(struct reload *r);

/* ---- reload_show.c ---- */

/* The commands `reload` and `show reload`. */
void reload_offer(struct reload *r, struct admin *a);

/* ---- renew.c ---- */

/* In a worker that follows one which reloaded, before it serves. */
void worker_renew(struct run *r);

/* ---- watch.c ---- */

struct config_watch;

struct config_watch *config_watch_new(struct reload *r);
/* On thread 0, at the start and after each reload: watches what the present configuration was read from. */
void config_watch_renew(struct config_watch *c);
/* After the loops ended. NULL is allowed. */
void config_watch_free(struct config_watch *c);

#endif
