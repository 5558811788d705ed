/* server: one server of a backend: where it is, whether it is up, what it carries, its idle connections.
 *
 * Configuration fields are set while loading and never change.  Live state changes at run time: health by the
 * checks, admin state, weight and address by the operator.  Every change of what balancing sees goes through
 * server_update(), which makes the backend publish a new picker.  State changes happen under backend.lock
 * (never on a request's path); requests read single atomics.
 */
#ifndef BALLAST_SERVER_SERVER_H
#define BALLAST_SERVER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "ballast/base/lfstack.h"
#include "ballast/base/lineage.h"
#include "ballast/net/conn.h"
#include "ballast/net/log.h"
#include "ballast/server/counters.h"
#include "ballast/tls/tls.h"

struct agent_settings;
struct backend;
struct server;
struct check;
struct expr;
struct observer;
struct server_watcher;
struct slowstart;
struct breaker;
struct outlier;

/* Health as checks and the operator see it. */
enum server_health {
	SERVER_DOWN,
	SERVER_UP,
	SERVER_STOPPING, /* up, but takes no new request: `set server health stopping` */
};
enum server_admin {            /* bits: why it takes no or no new requests */
	SERVER_MAINT = 1,      /* forced by `disabled`, `disable server` or `set server state maint` */
	SERVER_DRAIN = 2,      /* no new requests but persistent ones */
	SERVER_UNRESOLVED = 4, /* its name has no address: init-addr none */
	SERVER_MAINT_VIA = 8,  /* the server that it tracks is in maintenance, or drains */
	SERVER_DRAIN_VIA = 16,
	SERVER_ANY_MAINT = SERVER_MAINT | SERVER_MAINT_VIA,
	SERVER_ANY_DRAIN = SERVER_DRAIN | SERVER_DRAIN_VIA,
};

enum server_bar {        /* bits: why it is left alone, health and operator apart */
	BAR_BREAKER = 1, /* its circuit breaker is open */
	BAR_PROBES = 2,  /* half open: each request needs one of `probes` */
	BAR_EJECTED = 4, /* an outlier */
};

/* How much of its weight and limit a server has that starts slowly (`slowstart`), in parts of WARMTH_FULL. */
enum { WARMTH_FULL = 16 };

/* `on-error`: what happens when `observe` has seen `error-limit` errors in a row. */
enum on_error { ON_ERROR_FASTINTER, ON_ERROR_FAIL_CHECK, ON_ERROR_SUDDEN_DEATH, ON_ERROR_MARK_DOWN };
enum observe { OBSERVE_NONE, OBSERVE_LAYER4, OBSERVE_LAYER7 };

/* Where it is; immutable, replaced as a whole by `set server addr`. */
struct server_target {
	struct endpoint at;
	char text[ADDR_TEXT_MAX];
};

/* A connection to a server. Made by server_conn_open, owned by the pool while idle, by the exchange else. */
struct server_conn {
	struct conn conn; /* first: the watch finds it */
	struct list link; /* link in server_thread.idle, most recent first */
	struct server *server;
	void *user; /* the exchange while in use */
	char *name; /* that was asked for by SNI; NULL: none */
	uint64_t idle_since_ms;
	uint32_t requests;        /* sent on it so far */
	uint32_t target_version;  /* of the address that it was opened to */
	uint16_t thread;          /* whose loop it is registered with */
	uint16_t source_port;     /* 0, or of: */
	struct port_range *ports; /* held; NULL: its server has none */
	bool idle;
	bool is_private; /* must not serve another client connection (http-reuse never, ...) */
};

struct server_thread {    /* a thread's own part */
	struct list idle; /* of server_conn.link */
	struct list link; /* in the thread's list of servers with idle connections */
	struct server *server;
	_Atomic uint32_t idle_count, used; /* connections: idle here; in use now */
	uint32_t used_max;                 /* most in use since the last purge */
	uint64_t purged_ms;
	struct counters counters;
} __attribute__((aligned(64)));

struct server {
	/* --- configuration --- */
	struct backend *backend;
	const char *name;
	uint32_t id;                                            /* `id`, or given in order from 1 */
	uint32_t slot;                                          /* place in backend.servers */
	uint16_t weight_config;                                 /* 0..256, default 1 */
	bool backup, disabled_config, check_enabled, id_forced; /* id_forced: chosen by `id` */
	uint32_t maxconn, minconn, maxqueue;                    /* 0: none */
	uint32_t pool_max_conn;                        /* idle connections kept in all; UINT32_MAX: no limit; 0: none */
	uint32_t pool_purge_delay_ms;                  /* default 5000 */
	uint32_t inter_ms, fastinter_ms, downinter_ms; /* 2000; 0: inter */
	uint16_t rise, fall;                           /* 2, 3 */
	bool has_check_port; /* this and the next two change with `set server`: under backend.lock */
	uint16_t check_port;
	struct endpoint check_addr; /* `addr`; len 0: the server's */
	int32_t port_offset;        /* "+n" ports: the client's destination port plus this */
	bool has_port_offset;
	bool follows_address;       /* its address (0.0.0.0, ::) is the one that the client connected to */
	bool follows_client;        /* that, or its port is */
	const char *hostname;       /* name it was resolved from, or NULL */
	struct endpoint configured; /* its address as the file has it; len 0: it has none */
	struct endpoint source;     /* `source`; len 0: the backend's */
	const char *source_interface;
	struct port_range *source_ports;     /* `source ADDRESS:LOW-HIGH`; NULL: none. The server's own */
	uint32_t tcp_user_timeout_ms;        /* `tcp-ut`; 0: the system's */
	struct tls_context *tls, *check_tls; /* NULL: plain */
	struct expr *sni;                    /* of a request; NULL: no name is asked for */
	struct tls_context *forced_tls;      /* of checks that ask for it whatever this server is; NULL: none does */
	const char *check_sni, *check_alpn;
	bool check_reuse;                                         /* `check-reuse-pool` */
	uint8_t send_proxy, check_send_proxy;                     /* version of the PROXY header; 0: none */
	const char *cookie;                                       /* its value of the persistence cookie, or NULL */
	struct server_watcher *watchers;                          /* told of results (report.h); NULL: nobody is */
	uint32_t slowstart_ms;                                    /* 0: none */
	bool agent_enabled;                                       /* `agent-check` */
	uint32_t agent_inter_ms;                                  /* default 2000 */
	struct agent_settings *agent_settings;                    /* of `agent-check` (agent.h); NULL: none */
	uint8_t observe, on_error;                                /* enum observe, on_error */
	uint32_t error_limit;                                     /* of `observe` */
	bool end_sessions_when_down, end_backup_sessions_when_up; /* on-marked-down, on-marked-up */
	struct server *tracked;                                   /* its state is that one's (`track`); NULL: its own */
	struct server *trackers, *next_tracker;                   /* who tracks this one */
	struct place at;                                          /* where it was written */
	/* --- live --- */
	struct lineage lineage;                 /* with those of its name in other configurations */
	_Atomic(struct server_target *) target; /* read under a hazard pointer or by the lock's holder */
	_Atomic uint8_t health;                 /* enum server_health */
	_Atomic uint8_t admin;                  /* enum server_admin bits */
	_Atomic uint8_t barred;                 /* enum server_bar bits; 0 nearly always */
	_Atomic int32_t probes;                 /* that BAR_PROBES lets through yet */
	_Atomic uint16_t weight;                /* now: weight_config, or `set weight` */
	_Atomic uint32_t maxconn_now;           /* `set maxconn server` */
	_Atomic uint8_t warmth;                 /* 1..WARMTH_FULL */
	struct slowstart *slowstart;            /* while it runs, what warms it; NULL: no `slowstart` */
	struct observer *observer;              /* NULL: no `observe` */
	struct post track_post;                 /* to those who track it */
	atomic_bool track_posted;
	uint16_t check_count;                      /* rise/fall counter as HAProxy's check_health: 0..rise+fall-1 */
	uint64_t last_change_s;                    /* wall seconds of the last transition */
	uint64_t down_seconds;                     /* total, without a present one */
	uint32_t check_failures, down_transitions; /* counted: chkfail, chkdown */
	struct check *check;                       /* NULL: not checked */
	struct check *agent;                       /* NULL: no agent */
	bool agent_down, agent_drains;             /* it said so */
	struct breaker *breaker;                   /* NULL: none */
	struct outlier *outlier;                   /* NULL: never ejected */
	_Atomic uint32_t queued;                   /* exchanges in `queue` */
	_Atomic uint32_t queued_max;
	struct list queue;                 /* of wait_ticket.link; under backend.queue_lock */
	struct lfstack shared_idle;        /* values: server_conn, detached from any loop */
	_Atomic uint32_t shared_count;     /* connections in it */
	_Atomic uint64_t shared_purged_ms; /* loop time; whichever thread is first purges it */
	_Atomic uint64_t dynamic_cookie;   /* `cookie ... dynamic`; 0: none */
	_Atomic uint32_t target_version;   /* grows with each `set server addr` */
	struct server *heir_of;            /* while a reload publishes */
	bool retired;                      /* no newer configuration has it: no connection to it is kept */
	struct server_thread *thread;      /* [backend.threads]; shared with its lineage (base/lines.h) */
};

/* The server of that name in the newest configuration; itself where there is none. */
static inline struct server *server_current(const struct server *s)
{
	return s->lineage.current;
}

/* Is it well and to be chosen by balancing: up, no maint, no drain, weight > 0, not barred. */
bool server_healthy(const struct server *s);
/* May it be chosen by balancing: healthy; in panic of its backend any that the operator did not take out. */
bool server_usable(const struct server *s);
/* Is it up and not in maintenance? */
bool server_alive(const struct server *s);
/* Does something but health and operator keep requests away from it now: an open breaker, a half-open one without a probe
 * left, an ejection? */
bool server_barred(const struct server *s);
/* May it carry a request at all (persistence, a retry): alive and not barred; in panic also where it is not. */
bool server_takes(const struct server *s);
/* Concurrent limit now: maxconn_now, or the dynamic one between minconn and maxconn (HAProxy's `minconn`). 0 none. */
uint32_t server_limit(const struct server *s);
/* Requests it serves now (all threads). */
uint32_t server_served(const struct server *s);

/* weight with its warmth, rounded up: what balancing and people see. */
unsigned server_weight_now(const struct server *s);
/* The one at the end of the chain whose checks decide for this one: itself without `track`. */
struct server *server_decider(struct server *s);

/* Changes of state; take backend.lock, log in HAProxy's words ("Server b/s is DOWN, reason: ..."), publish the new
 * picker, send queued exchanges that must go elsewhere to choose again, close idle connections where it is down.
 * From any thread. `reason`: what stands behind the state in the log line ("changed from CLI"); NULL: nothing.
 *
 * server_set_health is for the operator: it also sets the rise/fall counter (up: one failure below `fall` is left as in
 * HAProxy). */
void server_set_health(struct server *s, enum server_health h, const char *reason);
void server_set_admin(struct server *s, unsigned set, unsigned clear);
void server_set_weight(struct server *s, unsigned weight);
/* `set maxconn server`; 0: no limit. */
void server_set_maxconn(struct server *s, uint32_t maxconn);
/* While loading too. 0 or -ENOMEM; idle connections to the old address are closed. */
int server_set_target(struct server *s, const struct endpoint *at);
/* Called where sessions on a server are to end because it went down (`up` false), or because another one came up; in any
 * thread, under backend.lock. Once, before threads. */
void server_set_ender(void (*end_sessions)(struct server *s, bool up));
/* "UP", "DOWN", "MAINT", "MAINT (via b/s)", "MAINT (resolution)", "DRAIN", "NOLB", "no check", "UP 1/3", "DOWN 1/2": as `show stat` prints it.
 * Takes backend.lock. */
const char *server_status_text(struct server *s, char *buf, size_t len);
/* Seconds down or in maintenance in all, a present time included. Takes backend.lock. */
uint64_t server_downtime_s(struct server *s);
/* The operator's text for its address now, into text[ADDR_TEXT_MAX]; "-" without one. Takes backend.lock. */
const char *server_address_text(struct server *s, char *text);
/* server.counters summed over the threads. */
uint64_t server_count(const struct server *s, enum counter which);

/* --- connections (pool.c); for the calling thread --- */

/* An idle connection: the thread's own most recent one, else one from the shared stack (moved to this loop); NULL
 * where there is none that is good.  `ready` and `user` are set on it. */
struct server_conn *server_conn_take(struct server *s, void (*ready)(struct watch *w, unsigned bits), void *user);
/* The same, but only one on which this very name was asked for (NULL: none). */
struct server_conn *server_conn_take_named(struct server *s, const char *name,
	void (*ready)(struct watch *w, unsigned bits), void *user);
static inline bool server_conn_is_named(const struct server_conn *sc, const char *name)
{
	return sc->name == name || (sc->name && name && strcmp(sc->name, name) == 0);
}
/* Puts TLS beneath a connection that was just opened to a server with `tls`, asking for `name` (copied; NULL: none).
 * 0 or negative errno. */
int server_conn_secure(struct server_conn *sc, const char *name);
/* The name by which it is found again when it is idle, in the place of that one.  0 or -ENOMEM. */
int server_conn_set_name(struct server_conn *sc, const char *name);
/* Opens a new one. The errno of a failure in *error (negative); the connection is under way where CONN_CONNECTING is set.
 * Uses the thread's hazard slot.  `client_dst`: for a server that follows it, else not looked at; may be NULL. */
struct server_conn *server_conn_open(struct server *s, const union addr *client_dst,
	void (*ready)(struct watch *w, unsigned bits), void *user, int *error);
/* Gives a connection whose last message is complete back to the pool; closes it where the pool is full, the server is
 * not alive, moved, or the connection is private or not quiet.  No system call where all is well. */
void server_conn_put(struct server_conn *sc);
/* May the next request be sent on it? Not where it ended, is not quiet, or its server went away or moved. */
bool server_conn_reusable(struct server_conn *sc);
/* Closes it; its memory stays until the end of the turn. `reset`: with RST. */
void server_conn_drop(struct server_conn *sc, bool reset);
/* Closes all idle connections of this thread to `s` and the shared ones. */
void server_pool_flush(struct server *s);
/* The same in every thread: down, moved. From any thread. */
void server_pool_flush_all(struct server *s);
/* Idle, and used, connections in all threads. From any thread. */
uint32_t server_idle_connections(const struct server *s);
uint32_t server_used_connections(const struct server *s);
/* Descriptors are out: closes half of this thread's idle connections, the oldest, at once. How many. */
unsigned server_pool_shed(void);
/* At a thread's end: closes its idle connections to every server, and the shared ones. */
void server_pool_thread_free(void);

#endif
