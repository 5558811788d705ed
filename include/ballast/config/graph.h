/* graph: what a configuration amounts to: the process's settings, frontends, backends, and the memory they lie in.
 *
 * Built aside by graph_load(), immutable afterwards (live state is in servers and listeners).  It belongs to whoever
 * loads it and is freed once nothing runs over it.
 */
#ifndef BALLAST_CONFIG_GRAPH_H
#define BALLAST_CONFIG_GRAPH_H

#include <sys/types.h>

#include "ballast/base/arena.h"
#include "ballast/base/diag.h"
#include "ballast/base/file_list.h"
#include "ballast/config/env.h"
#include "ballast/config/source.h"
#include "ballast/net/log.h"
#include "ballast/proxy/frontend.h"
#include "ballast/server/backend.h"

enum admin_level { LEVEL_USER, LEVEL_OPERATOR, LEVEL_ADMIN };

/* `stats socket` */
struct stats_socket {
	struct stats_socket *next;
	struct endpoint at;
	enum admin_level level; /* default operator, as HAProxy */
	mode_t mode;            /* 0: the umask's */
	uid_t uid;              /* (uid_t)-1: unchanged */
	gid_t gid;
	uint32_t maxconn;      /* of one socket; default 10 */
	bool expose_listeners; /* `expose-fd listeners`: a new process may take the listening sockets over */
	struct place where;
};

/* `cpu-map`: CPUs (bit set) of one thread */
struct cpu_map_entry {
	unsigned thread;  /* from 0 */
	uint64_t cpus[4]; /* bit i: CPU i */
	struct cpu_map_entry *next;
};

struct global_settings {
	bool daemon, master_worker, quiet, zero_warning, experimental;
	uint32_t maxconn;  /* 0: derived from the file limit */
	uint32_t nbthread; /* 0: the CPUs it may run on */
	uint32_t thread_groups;
	struct cpu_map_entry *cpu_map;
	uid_t uid;
	gid_t gid; /* (uid_t)-1, (gid_t)-1: unchanged */
	const char *chroot, *pidfile, *node, *description, *localpeer, *log_tag, *log_send_hostname;
	struct log_targets log;
	struct stats_socket *stats_sockets;
	uint32_t stats_timeout_ms;              /* default 10 s */
	uint32_t ulimit_n;                      /* 0: raised as far as maxconn needs */
	uint32_t hard_stop_after_ms;            /* 0: never */
	uint32_t spread_checks;                 /* percent, 0..50 */
	uint32_t bufsize, maxrewrite, maxhdr;   /* 16384, 1024, 101 */
	uint32_t tls_sessions, tls_lifetime_s;  /* tune.ssl.cachesize, tune.ssl.lifetime: 20000, 300 */
	bool config_watch;                      /* a change of any file reloads */
	uint32_t tls_maxconn, tls_maxrate;      /* maxsslconn, maxsslrate; 0: no limit */
	uint32_t connection_rate, session_rate; /* maxconnrate, maxsessrate; 0: no limit */
	bool nosplice;                          /* bodies are never moved in the kernel */
	uint32_t stats_maxconn;                 /* connections to the stats sockets; default 10 */
};

struct tls_owned;

struct graph {
	struct arena arena;
	struct global_settings global;
	struct config_env env;
	struct tls_owned *tls;      /* contexts of listeners and servers */
	struct frontend *frontends; /* in the order of the files */
	struct backend *backends;
	struct table *tables;          /* stick tables, each with the name of its section */
	const char *const *files;      /* all files that were read, NULL-ended */
	struct file_list read_files;   /* and all others: maps, certificates, error pages, as they were */
	struct generation *generation; /* NULL before graph_begin_generation() */
};

/* Reads and validates all of `src`; every error and warning of all files goes to `d`. A graph, or NULL where there was an
 * error. Nothing outside is touched: no socket is opened, no process state changes; src->env is where the graph's
 * environment begins from, and stays as it is.  Sets src->is_section.
 * A graph's warnings point into it: print them before graph_free(); errors may be printed at any time, while `src` is
 * there. */
struct graph *graph_load(struct config_source *src, struct diag *d);
/* Gives it the number and the count of its users. Before the threads work with it. 0 or -ENOMEM. */
int graph_begin_generation(struct graph *g, uint64_t number, unsigned threads);
/* Does anything still work with it? For one that was followed by another. */
bool graph_in_use(const struct graph *g);
/* Takes its objects out of their lineages, on the thread that publishes others: afterwards another one may free it. */
void graph_leave(struct graph *g);
/* Also frees its frontends, listeners and backends, which must have ended before. NULL is allowed. */
void graph_free(struct graph *g);
/* Once the process's limit of connections is known (the global maxconn may be 0, or another one be given by -n): sets it,
 * and fullconn of the backends which have none: a tenth of what their frontends let in. Before backend_start. */
void graph_set_maxconn(struct graph *g, uint32_t maxconn);
struct backend *graph_find_backend(const struct graph *g, struct slice name);

#endif
