/* listener: one address that is listened on, with a socket for each thread.
 *
 * Opened before the threads start, by the process that keeps the sockets (the master: a worker that it forks has them
 * too).  An IP address has one SO_REUSEPORT socket a thread, so that the kernel spreads connections and no thread wakes
 * another; a unix socket and fd@N have one that the threads share.  A listener that cannot take a connection (its owner
 * is full, or descriptors are out) stops polling in that thread and looks again when woken or after 100 ms: it
 * never spins, and clients wait in the backlog.
 */
#ifndef BALLAST_NET_LISTENER_H
#define BALLAST_NET_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ballast/base/diag.h"
#include "ballast/base/lineage.h"
#include "ballast/event/loop.h"
#include "ballast/net/addr.h"

enum { LISTENER_RETRY_MS = 100, LISTENER_BATCH_MAX = 64 };

struct tls_context;

struct listener_options {
	unsigned backlog;         /* connections; 0: the most the system allows */
	unsigned shards;          /* sockets of an IP address; 0: one a thread */
	const char *interface;    /* NULL: any */
	bool tfo;                 /* TCP fast open */
	uint32_t user_timeout_ms; /* TCP_USER_TIMEOUT of its connections; 0: the system's */
	bool v4v6, v6only;        /* neither: the system's default; v6only wins */
	bool has_mode;
	mode_t mode; /* of a unix socket's file, with has_mode */
	uid_t uid;   /* its owner; (uid_t)-1: as it comes */
	gid_t gid;   /* (gid_t)-1: as it comes */
};

/* A thread's part of a listener. */
struct listener_socket {
	struct watch watch;
	struct listener *listener;
	struct timer retry;
	struct post post;
	atomic_bool posted;  /* `post` is queued */
	atomic_bool waiting; /* not polled, for want of a place or a descriptor */
	unsigned allowance;  /* connections to accept before asking epoll again */
	uint64_t last_turn;
	uint64_t complained_ms;
} __attribute__((aligned(64)));

struct listener {
	/* Set by the owner between listener_new and listener_open, then constant. */
	struct endpoint at;
	struct listener_options options;
	struct place declared; /* for messages */
	const char *name;      /* or NULL */
	uint32_t id;
	uint32_t maxconn; /* of `bind`; 0: none */
	void *owner;
	bool accept_proxy;       /* connections begin with a PROXY header */
	struct tls_context *tls; /* its owner's; NULL: plain */
	/* A connection was accepted (non-blocking, close-on-exec, TCP_NODELAY) on the calling thread: `fd` is the owner's
	 * now, who calls listener_release() when the connection ends.  `peer` has family AF_UNSPEC for a unix socket. */
	void (*on_accept)(struct listener *l, int fd, const union addr *peer);
	/* Reserves a place for one connection; false: full.  NULL: there is always one. */
	bool (*take)(struct listener *l);
	/* No descriptor, or no memory, for one more: the owner may give some back.  NULL: it has none to give. */
	void (*exhausted)(void);
	/* Gives a place back for which no connection came. */
	void (*untake)(struct listener *l);

	/* Live. */
	_Atomic uint32_t connections; /* counted where maxconn is set */
	_Atomic uint32_t started;     /* threads that have not closed it */
	_Atomic uint32_t waiting;     /* of their sockets, those that wait for a place */
	atomic_bool paused, closed;

	struct lineage lineage; /* with those of its address in other configurations */

	/* Its own. */
	int *fds;
	unsigned fd_count;
	struct listener_socket *sockets; /* [threads] */
	unsigned threads;
	char *bound_path; /* unix: the file as it is named now; NULL where it is not ours to remove */
	dev_t bound_dev;  /* which file it is */
	ino_t bound_ino;
	pid_t opened_by; /* the process that removes the file; who forks to go on (daemon) sets its own */
};

/* Sockets from an old process or the service manager, which listener_open takes where their address fits. */
struct inherited_fds {
	int *fds; /* -1: taken */
	size_t count;
};

/* A listener for `at` with default options, not open. NULL where memory is out. */
struct listener *listener_new(const struct endpoint *at);
/* Closes what is open and frees.  Only after the loops ended or in a process that never ran one with it. The file of a
 * unix socket is removed where this process made it and nobody replaced it since.  NULL is allowed. */
void listener_free(struct listener *l);

/* Binds and listens, for `threads` threads.  Takes fitting sockets from `from` (may be NULL).  The file of a unix
 * socket keeps a temporary name until listener_publish.  0, or negative errno after an error in `d` that names address
 * and reason; nothing is then open. */
int listener_open(struct listener *l, unsigned threads, struct inherited_fds *from, struct diag *d);
/* Once all are open: moves the file of a unix socket to its place, in one step, also over that of a running process.
 * Nothing to do for others. 0, or negative errno after an error. */
int listener_publish(struct listener *l, struct diag *d);
/* Closes all sockets at once and removes the file of a unix socket where it is ours.  Only where no loop runs with it: a
 * master whose worker is leaving.  Harmless when repeated; listener_free is still due. */
void listener_close_fds(struct listener *l);
/* Closes the inherited sockets that no listener took. */
void inherited_fds_close(struct inherited_fds *from);

/* The listener of that address in the newest configuration; itself where there is none. */
static inline struct listener *listener_current(const struct listener *l)
{
	return l->lineage.current;
}
/* Could `now`, not open yet, take the sockets of `old`: same address, same options of the socket? */
bool listener_fits(const struct listener *now, const struct listener *old);
/* Aside: makes the parts of the threads. 0 or -ENOMEM. */
int listener_prepare(struct listener *now, unsigned threads);
/* Takes sockets, file and count of connections of `old`, whose threads' parts it follows.  While every loop stands still;
 * then, on each loop before it goes on: listener_follow_thread(). */
void listener_inherit(struct listener *now, struct listener *old);
void listener_follow_thread(struct listener *now, struct listener *old);
/* Makes its sockets listen, whatever they did. */
void listener_listen(struct listener *l);

/* In each thread, after loop_enter: begins accepting (unless paused). 0 or negative errno. */
int listener_start(struct listener *l);
/* From any thread; each thread obeys at its next turn.  A paused TCP listener refuses connections; those of a unix
 * socket or fd@N wait.  Closing is for good. */
void listener_pause(struct listener *l);
void listener_resume(struct listener *l);
void listener_close(struct listener *l);
/* The same for one that no configuration has any more: connections are refused from now on even where another process,
 * the master, has its sockets too. */
void listener_end(struct listener *l);
/* A connection that came from `l` ended.  From any thread. */
void listener_release(struct listener *l);
/* There may be a place again in the owner: threads that wait for one try at once.  From any thread, cheap where none
 * waits. */
void listener_wake(struct listener *l);

#endif
