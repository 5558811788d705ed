/* backend: a group of servers and how requests reach them.
 *
 * Made while loading; its settings never change afterwards.  What changes at run time: the servers' live state, the
 * picker made from it (read under a hazard pointer), the queues.
 */
#ifndef BALLAST_SERVER_BACKEND_H
#define BALLAST_SERVER_BACKEND_H

#include "ballast/base/hazard.h"
#include "ballast/event/generation.h"
#include "ballast/server/check_script.h"
#include "ballast/server/server.h"

struct picker;
struct pick_thread;
struct persist;
struct rule_lists;
struct acl_set;
struct errors;
struct stick;
struct expr;
struct retry_budget;
struct guard;
struct outliers;

enum proxy_mode { MODE_TCP, MODE_HTTP };
enum http_reuse { REUSE_NEVER, REUSE_SAFE, REUSE_AGGRESSIVE, REUSE_ALWAYS };
/* How HTTP connections end: `option http-keep-alive` (default), `http-server-close`, `httpclose`. */
enum http_connection { CONNECTION_KEEP_ALIVE, CONNECTION_SERVER_CLOSE, CONNECTION_CLOSE };

/* `retry-on`: events after which a request is sent again; none is 0. */
enum {
	RETRY_CONN_FAILURE = 1 << 0,
	RETRY_EMPTY_RESPONSE = 1 << 1,
	RETRY_JUNK_RESPONSE = 1 << 2,
	RETRY_RESPONSE_TIMEOUT = 1 << 3,
	RETRY_401 = 1 << 4,
	RETRY_403 = 1 << 5,
	RETRY_404 = 1 << 6,
	RETRY_408 = 1 << 7,
	RETRY_421 = 1 << 8,
	RETRY_425 = 1 << 9,
	RETRY_429 = 1 << 10,
	RETRY_500 = 1 << 11,
	RETRY_501 = 1 << 12,
	RETRY_502 = 1 << 13,
	RETRY_503 = 1 << 14,
	RETRY_504 = 1 << 15,
	/* `all-retryable-errors` */
	RETRY_ALL = RETRY_CONN_FAILURE | RETRY_EMPTY_RESPONSE | RETRY_JUNK_RESPONSE | RETRY_RESPONSE_TIMEOUT |
	            RETRY_500 | RETRY_502 | RETRY_503 | RETRY_504,
};

/* `retry-budget <percent> [min <n>] [over <time>]` */
struct retry_budget_settings {
	bool on;
	uint32_t percent, min, over_ms; /* 20, 10, 10000 where nothing else is said */
};

/* `breaker`: of each server of the backend. */
struct breaker_settings {
	bool on;
	uint32_t errors_percent, over_ms, min; /* share of attempts that failed; errors_percent 0: not looked at */
	uint32_t consecutive;                  /* errors in a row; 0: not looked at */
	uint32_t slow_ms, slow_percent;        /* share of answers that took longer; slow_ms 0: not looked at */
	uint32_t open_ms, open_max_ms;         /* how long it is open at first and at most */
	uint32_t half_open;                    /* requests that must go well before it closes */
};

/* `outlier-ejection` */
struct outlier_settings {
	bool on;
	uint32_t errors_percent;                    /* points above the peers' median; 0: not looked at */
	uint32_t latency_percent, latency_floor_ms; /* of the peers' median; 0: not looked at. Below the floor: never */
	uint32_t over_ms, min;                      /* the window, and the attempts in it that a judgement needs */
	uint32_t every_ms, for_ms, up_to_ms;        /* between judgements; the first ejection, the longest one */
	uint32_t max_percent;                       /* of servers that may be ejected; one always may */
};

struct forwardfor {
	bool on, if_none;
	const char *header; /* X-Forwarded-For */
	struct net_prefix except;
	bool has_except;
};

/* Key of hashing algorithms: computed by the room `proxy` for each request. */
enum hash_key { HASH_NONE, HASH_SOURCE, HASH_URI, HASH_PARAM, HASH_HEADER, HASH_EXPR, HASH_KEY_COUNT };

/* Options that a `defaults` section gives to frontends and backends alike live in both; these are the backend's. */
struct backend_settings {
	uint32_t timeout_connect_ms, timeout_server_ms, timeout_queue_ms, timeout_check_ms, timeout_tunnel_ms,
		timeout_tarpit_ms, timeout_server_fin_ms; /* 0: none */
	uint32_t retries;                                 /* default 3 */
	bool redispatch;
	int32_t redispatch_interval; /* default -1: at the last retry; n: every n; 0 is off */
	uint32_t fullconn;           /* 0: derived from maxconn of the frontends that use it */
	enum http_reuse reuse;       /* default safe */
	enum http_connection connection;
	bool all_backups, abort_on_close, buffer_request, prefer_last_server, http_no_delay, log_health_checks,
		no_linger, tcp_keepalive_server, splice_request, splice_response, splice_auto;
	struct forwardfor forwardfor;
	struct endpoint source;
	const char *source_interface;
	uint32_t retry_on; /* RETRY_*; default conn-failure */
	struct retry_budget_settings retry_budget;
	struct breaker_settings breaker;
	struct outlier_settings outlier;
	uint32_t panic_percent;         /* `panic-threshold`; 0: none */
	bool persist_dead;              /* `option persist` */
	const char *dynamic_cookie_key; /* NULL: none */
	const char *via;                /* `option via NAME`, Ballast's own (RFC 9110 section 7.6.3) */
};

struct backend_thread {
	struct pick_thread *pick;
	atomic_bool shared; /* this thread keeps load[]: backend.shared_load, or `set maxconn server` since */
} __attribute__((aligned(64)));

struct backend {
	const char *name, *description;
	uint32_t id;
	enum proxy_mode mode;
	bool disabled, id_forced; /* id_forced: chosen by `id` */
	struct place at;
	struct backend_settings set;
	struct log_targets log;
	struct server **servers; /* [server_count], in the order of the file */
	uint32_t server_count;
	/* balancing */
	const struct pick_algorithm *algorithm; /* NULL while loading: roundrobin */
	int64_t algorithm_param;
	enum hash_key hash_key;
	struct expr *hash_expr;                /* HASH_HEADER, HASH_EXPR */
	struct hash_options *hash_options;     /* of `balance uri ...`, `hash-type` */
	uint32_t balance_factor;               /* `hash-balance-factor`; 0: none */
	const struct pick_algorithm *fallback; /* for requests without a key; NULL: roundrobin */
	int64_t fallback_param;
	_Atomic uint64_t *latency; /* [server_count] answer times (pick_latency_note); NULL: no algorithm wants them */
	uint32_t latency_decay_ms;
	atomic_bool shared_load;         /* load[] is kept by all threads: an algorithm or a maxconn needs it */
	bool dynamic_limit;              /* a server has a minconn: `served` is kept */
	_Atomic uint32_t *load;          /* [server_count] */
	_Atomic uint32_t *maxconn;       /* [server_count] mirrors server.maxconn_now */
	_Atomic(struct picker *) picker; /* read with backend_picker_acquire() */
	uint32_t picker_generation;
	pthread_mutex_t lock; /* state of its servers */
	/* queue: only taken where a limit was reached */
	pthread_mutex_t queue_lock;
	struct list queue; /* of wait_ticket.link: waiting for any server */
	_Atomic uint32_t queued, queued_max;
	_Atomic uint32_t served; /* requests on its servers and in its queues, all threads; kept where dynamic_limit */
	/* rules, of room proxy */
	struct acl_set *acls;
	const struct persist *persist;     /* NULL: no server is bound to any request */
	const struct rule_lists *rules;    /* NULL: none */
	struct errors *errors;             /* errorfile */
	struct stick *stick;               /* `stick on` and its kin; NULL: none */
	struct check_setup checks;         /* option httpchk, option tcp-check, ... */
	struct retry_budget *retry_budget; /* NULL: none */
	struct outliers *outliers;         /* NULL: no outlier ejection */
	struct guard *guard;               /* NULL: neither breakers nor outlier ejection */
	atomic_bool panic;                 /* `panic-threshold`: health is ignored now */
	uint32_t panics;                   /* how many times */
	uint64_t last_change_s, down_seconds;
	uint32_t down_transitions;
	bool was_up;
	uint32_t threads;
	struct backend_thread *thread; /* [threads]; NULL before backend_start */
	struct counters *counters;     /* [threads]; shared with its lineage (base/lines.h) */
	struct lineage lineage;        /* with those of its name in other configurations */
	bool retired;                  /* no newer configuration has it */
	struct generation *generation; /* that it belongs to, or NULL */
	struct backend *next;          /* all backends of the graph */
};

/* Made by the configuration: an empty backend; NULL where memory is out. `name` must outlive it. */
struct backend *backend_new(const char *name);
/* Appends a server with the defaults (weight 1, inter 2s, rise 2, fall 3, ...); its slot is its place, its id follows the
 * last one's.  While loading only.  The backend frees it.  NULL where memory is out. */
struct server *server_new(struct backend *b, const char *name);
/* After all servers are known: allocates the per-thread parts, sets the first states, builds the first picker. 0 or
 * negative errno (then backend_free is still due). */
int backend_start(struct backend *b, unsigned threads);
/* No thread may use it any more, no connection may be open (server_pool_thread_free), and each loop must have turned since
 * the last change of a server (messages). NULL is allowed. */
void backend_free(struct backend *b);
/* Builds and publishes a new picker after a change; under b->lock. */
void backend_publish(struct backend *b);
struct server *backend_find_server(const struct backend *b, struct slice name);
/* How many servers are well and may be chosen: active, backups. Those that are only used in panic do not count. */
void backend_count_usable(const struct backend *b, uint32_t *active, uint32_t *backup);
/* Seconds that it was without a usable server in all, a present time included. Takes backend.lock. */
uint64_t backend_downtime_s(struct backend *b);

/* The snapshot to choose from: stays until backend_picker_release(), on the thread's own hazard slot.  So nothing in
 * between may use that slot (no server_conn_open, no other acquire): acquire, pick_choose, release. */
static inline const struct picker *backend_picker_acquire(struct backend *b)
{
	return hazard_protect(hazard_own(), (_Atomic(void *) *)&b->picker);
}
static inline void backend_picker_release(void)
{
	hazard_clear(hazard_own());
}

/* The choice is made by the room `balance`, which is below this one; it gives these (balance_attach). */
struct backend_balance_ops {
	/* Makes backend_thread.pick of each thread, and the default algorithm where there is none. 0 or -ENOMEM. */
	int (*start)(struct backend *b);
	void (*stop)(struct backend *b);
	bool (*needs_load)(const struct backend *b);
	bool (*fixed_weights)(const struct backend *b); /* its algorithm knows no weight but the configured one and 0 */
	struct picker *(*build)(struct backend *b, uint32_t generation); /* NULL: no memory */
	void (*free)(void *picker, void *arg);
};
bool backend_has_fixed_weights(const struct backend *b);
void backend_set_balance_ops(const struct backend_balance_ops *ops);

/* --- taking and leaving a place on a server (queue.c) --- */

struct wait_ticket;

/* An exchange that waits for a place. Embedded in the exchange, zeroed at first; `wake` is called on its own thread's
 * loop, once for each successful join that is not cancelled.  Nothing outside refers to it after server_wait_cancel()
 * or `wake`, so it may be freed at once then: what other threads see is a ticket of its own, which a wake-up that is
 * already under way takes with it. */
struct server_wait {
	struct wait_ticket *ticket; /* non-NULL while it waits */
	struct server *granted;     /* set before wake: a place was taken for it there; NULL: choose a server again */
	uint32_t position;          /* requests before it in that queue when it joined */
	void (*wake)(struct server_wait *w);
};

/* Takes a place on `s` for one request: true where its limit allows, nobody waits for it, and it is not barred; counts it
 * as served. */
bool server_enter(struct server *s);
/* Leaves the place, or hands it to whoever has waited longest, for this server or for any. On the thread that entered
 * (or was woken). */
void server_leave(struct server *s);
/* Joins the queue of s (or, NULL, of the backend). False: refused (maxqueue, no memory), or, where *retry is set, a place
 * is free or no server is left that it could wait for: choose again. */
bool server_wait_join(struct server_wait *w, struct backend *b, struct server *s, bool *retry);
/* Leaves the queue before its turn (timeout, abort), or harmless where it does not wait.  Where a place was already
 * granted, gives it on. */
void server_wait_cancel(struct server_wait *w);
/* A server came up or its limit grew: hands its free places to those who wait. */
void backend_wake_queue(struct backend *b);

#endif
