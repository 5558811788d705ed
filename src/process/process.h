/* process: what the files of this room share: the command line, what is being run, and the steps of a start.
 *
 *     options -> start (load, check) -> daemon -> sockets -> worker, or master -> worker
 *
 * A `struct run` is made once by main and lives to the end.  Up to the worker's threads there is one thread, so that
 * a master can fork at any time.
 */
#ifndef BALLAST_PROCESS_PROCESS_H
#define BALLAST_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ballast/admin/admin.h"
#include "ballast/config/graph.h"
#include "ballast/net/listener.h"

/* Of the version that configure.ac names. */
#define RELEASE_DATE "2026/11/24"

enum exit_status { EXIT_FINE = 0, EXIT_REFUSED = 1, EXIT_NOTHING_BOUND = 2, EXIT_BY_SIGNAL = 128 };

/* ---- options.c: the command line ---- */

enum action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_PRINT,
	ACTION_CONDITION, /* this and those below are answered at once */
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_BUILD,
	ACTION_CONVERT,
	ACTION_SCHEMA,
	ACTION_KEYWORDS
};

struct options {
	enum action action;
	const char **configs; /* -f and --, in order */
	size_t config_count;
	const char *keywords; /* classes of -dK */
	const char *convert;  /* the file */
	struct brief *brief;  /* --listen and its kin; NULL: none was given */
	const char *condition, *directory, *pidfile, *localpeer, *handover;
	uint32_t maxconn; /* 0: not given */
	bool daemon, master_worker, foreground, debug, verbose, quiet, zero_warning, diagnostics, allow_fork, watch,
		no_splice;
	int poison; /* byte, or -1 */
	pid_t *old_pids;
	size_t old_pid_count;
	int old_signal; /* SIGUSR1 or SIGTERM */
};

/* Reads argv into `o`; its strings and arrays point there.  0, or -EINVAL after a message on stderr. */
int options_parse(struct options *o, int argc, char **argv);
void options_free(struct options *o);
/* For a person who asks, or who got it wrong. */
void options_help(FILE *to);

/* ---- brief.c: a balancer told on the command line ---- */

/* Each takes the word of one option; 0, -ENOMEM, or -EINVAL after a message. */
int brief_listen(struct options *o, const char *word);
int brief_backend(struct options *o, const char *word);
int brief_strategy(struct options *o, const char *word);
int brief_health(struct options *o, const char *word);
int brief_tls(struct options *o, const char *word);
int brief_sticky(struct options *o, const char *word);
/* Whether something is missing: 0, or -EINVAL after a message. */
int brief_check(const struct options *o);
/* The lb.cfg that it amounts to. */
void brief_print(const struct options *o, FILE *to);
/* Adds that as a source. 0 or -ENOMEM. */
int brief_add(const struct options *o, struct config_source *src);
void brief_free(struct options *o);

/* ---- about.c ---- */

void about_version(FILE *to);
void about_build(FILE *to);

/* ---- keywords.c ---- */

/* `-dK`: the words of these classes ("cfg,smp", "all", "help"), with the rows' own help. 0, or -EINVAL after a message. */
int keywords_print(const char *classes, FILE *to);

/* ---- say.c: messages of the process itself, as HAProxy prints them ---- */

enum say_level { SAY_NOTICE, SAY_WARNING, SAY_ALERT };

/* -q and `quiet`: nothing is said from now on. */
void say_set_quiet(bool quiet);
bool say_is_quiet(void);
/* "[WARNING]  (pid) : text" on stderr. */
/* Shows events of proxies and servers on standard error, too. */
void say_show_events(void);
void say(enum say_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and to the global log. */
void say_and_log(enum say_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- sockets.c: everything that is listened on ---- */

struct sockets {
	struct listener **list;
	size_t count, room;
};

/* 0 or -ENOMEM. */
int sockets_add(struct sockets *s, struct listener *l);
/* Those of all enabled frontends. 0 or -ENOMEM. */
int sockets_collect(struct sockets *s, const struct graph *g);
/* The one whose sockets fit `l` (listener_fits); NULL: none. */
struct listener *sockets_find(const struct sockets *s, const struct listener *l);
/* Descriptors that they need in all. */
unsigned sockets_files(const struct sockets *s, unsigned threads);
/* Opens all, or none: every failure is in `d`.  `from` may be NULL. 0 or the first negative errno. */
int sockets_open(struct sockets *s, unsigned threads, struct inherited_fds *from, struct diag *d);
/* Puts the files of unix sockets in place. 0 or negative errno. */
int sockets_publish(struct sockets *s, struct diag *d);
/* In each thread. 0 or negative errno. */
int sockets_start(struct sockets *s);
/* In the worker, from any thread: no more connections; and whether each thread has obeyed. */
void sockets_close(struct sockets *s);
bool sockets_are_closed(const struct sockets *s);
/* In a master: closes its copies. */
void sockets_drop(struct sockets *s);

/* ---- start.c ---- */

struct run {
	struct options *options;
	struct config_env env;
	struct config_source source;
	struct diag diag;
	struct graph *graph;
	struct sockets sockets;
	struct admin *admin; /* the stats sockets */
	uint32_t warnings;   /* of the configuration */
	uint64_t begun_ns;   /* clock_mono_ns() */
	unsigned threads;
	uint32_t maxconn;
	bool daemon, master_worker;
	int ready_fd; /* a byte there tells whoever waits that it runs; -1: nobody waits */
	pid_t master; /* of a worker; 0 without one */
};

/* From the options to the end of the process: its exit status. */
int run_start(struct options *o);
/* Prints what `r->diag` holds and forgets it. True where there was an error. */
bool run_report(struct run *r);

/* ---- limits.c ---- */

/* How many threads to run. */
unsigned limits_threads(const struct global_settings *g);
/* Raises the file limit as `maxconn` needs it, or derives maxconn from what can be had (r->maxconn). 0, or negative
 * errno after a message. */
int limits_apply(struct run *r);

/* ---- privileges.c ---- */

/* chroot, group, user, as the graph says; capabilities go with them. 0, or negative errno after a message. */
int privileges_drop(const struct global_settings *g);
/* No process can be made any more (insecure-fork-wanted, -dI). */
void privileges_forbid_fork(void);

/* ---- daemon.c ---- */

/* Forks; the caller goes on in the child, with *ready_fd set.  The parent waits for the child's word or end.
 * 0, or negative errno after a message. */
int daemon_fork(int *ready_fd);
/* A daemon lets go of the terminal; then who waits on r->ready_fd is told. */
void daemon_ready(struct run *r);
/* 0, or negative errno after a message. */
int pidfile_write(const char *path);

/* ---- handover.c: -x ---- */

/* Fetches the listening sockets of the process behind a stats socket, its own or HAProxy's.  0, or negative errno after
 * a message. */
int handover_take(const char *path, struct inherited_fds *into);
/* Closes those that no listener took. */
void handover_done(struct inherited_fds *from);

/* ---- signals.c: signals as messages ---- */

/* Blocks those that a worker or master handles, and ignores SIGPIPE.  Before any thread. */
void signals_block(void);
/* A non-blocking signalfd for them. Negative errno. */
int signals_open(void);
/* The next signal's number; 0 none. */
int signals_next(int fd);
/* "Terminated" for SIGTERM; never NULL. */
const char *signals_text(int number);
/* Of old processes (-sf, -st). */
void signals_send_old(const struct options *o, int number);

/* ---- debug.c: -d ---- */

/* Lets every log line of the graph go to stderr too. 0, or negative errno after an error in `d`. */
int debug_add_targets(struct graph *g, struct diag *d);

/* ---- worker.c, master.c ---- */

/* Serves until told to stop: the exit status. */
int worker_run(struct run *r);
/* Keeps a worker running: the exit status of the process, in master and workers alike. */
int master_run(struct run *r);

/* ---- states.c ---- */

/* SIGQUIT: servers and proxies to stderr and the log. */
void states_dump(const struct graph *g);

#endif
