/* admin: the runtime API on the stats sockets: HAProxy's commands, their answers and their wording (its management
 * guide, section 9), so that the tools which speak to it work unchanged.
 *
 * The sockets and their sessions live on the loop of thread 0.  What a command reads or changes in other threads it asks
 * their loops for (a tour, visiting each in turn); nothing of it is on a request's path.
 */
#ifndef BALLAST_ADMIN_ADMIN_H
#define BALLAST_ADMIN_ADMIN_H

#include "ballast/base/strbuf.h"
#include "ballast/config/graph.h"

struct admin;
struct inherited_fds;

/* What `show info` and `show version` say of the program. */
struct admin_options {
	const char *version;      /* "0.1.0" */
	const char *release_date; /* "2026/11/24" */
	uint32_t warnings;        /* that the configuration raised */
	uint64_t begun_ns;        /* clock_mono_ns() when the process began */
};

/* Makes the room's state and opens the graph's `stats socket`s (none is fine), for thread 0; fitting sockets are taken from
 * `from` (may be NULL).  While privileges are still there and, with a master, in the master.  `g` and the strings of `o`
 * must outlive it.  NULL after an error in `d`; nothing is then open. */
struct admin *admin_open(const struct graph *g, const struct admin_options *o, struct inherited_fds *from,
	struct diag *d);
/* With the listeners of the frontends: moves unix sockets to their place. 0, or negative errno after an error. */
int admin_publish(struct admin *a, struct diag *d);
/* On thread 0, after loop_enter and loop_set_all, with frontends and backends started: begins to accept. 0 or negative
 * errno. */
int admin_start(struct admin *a);
/* On thread 0, for a soft stop: closes the sockets; sessions end with the answer they are at. */
void admin_stop(struct admin *a);
/* After the loops ended, with that of thread 0 still there, or where none ran: frees all, sessions too.  NULL is allowed. */
void admin_free(struct admin *a);

/* What `reload` and `show reload` call; NULL functions: the commands say that they are not there. */
struct admin_reload {
	void *arg;
	/* Begins a reload; `done` is called on thread 0 at its end, `text` are its messages.  False: too many wait. */
	bool (*ask)(void *arg, void (*done)(void *session, bool good, const char *text), void *session);
	void (*show)(void *arg, struct strbuf *out);
};
void admin_set_reload(struct admin *a, const struct admin_reload *r);

/* The frontends, backends and settings that commands speak of from now on (a reload). On thread 0. */
void admin_set_graph(struct admin *a, const struct graph *g);

#endif
