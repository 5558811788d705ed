/* internal: what the files of this room share. */
#ifndef BALLAST_SERVER_INTERNAL_H
#define BALLAST_SERVER_INTERNAL_H

#include "ballast/base/clock.h"
#include "ballast/server/backend.h"

#define load_relaxed(p) atomic_load_explicit(p, memory_order_relaxed)
#define store_relaxed(p, v) atomic_store_explicit(p, v, memory_order_relaxed)

static inline uint64_t wall_seconds(void)
{
	return clock_wall_us() / 1000000;
}

/* --- server.c, all under backend.lock --- */
/* Sets the health without touching the rise/fall counter; `what` stands behind "is UP" or "is DOWN" (", reason: ..."). */
void server_apply_health(struct server *s, enum server_health h, const char *what);
/* Under the lock, what the operator's calls do. */
void server_apply_weight(struct server *s, unsigned weight);
void server_apply_maxconn(struct server *s, uint32_t maxconn);
void server_change_admin(struct server *s, unsigned set, unsigned clear);
/* `cookie ... dynamic`: anew from its address. Under the lock, or while loading. */
void server_renew_cookie(struct server *s);
/* Forgets the address and what hangs on it; for backend_free. */
void server_free(struct server *s);

/* --- pool.c --- */
/* How to connect to it. `port` becomes the one taken of its range, where it has one. */
void server_connect_options(const struct server *s, struct conn_options *o, uint16_t *port);
/* The connection is closed: its port may be used again. 0 is none. */
void server_source_port_give(const struct server *s, uint16_t *port);
/* Changes what bars the server, publishes that, and logs "Server b/s WHAT. 2 active and ...". */
void server_set_bars(struct server *s, unsigned set, unsigned clear, enum log_level level, const char *what);
/* "1500ms", "10s", "5m" */
const char *duration_text(uint32_t ms, char buf[16]);

/* --- backend.c --- */
/* After a change of a server, under the lock: notes whether the backend is up now, and says so in the log. */
void backend_note_change(struct backend *b);

/* --- slowstart.c --- */
/* For backend_start. 0 or -ENOMEM. */
int slowstart_new(struct server *s);
/* It came up: little by little from now on. Under the lock. */
void slowstart_begin(struct server *s);
/* It went down. Under the lock. */
void slowstart_end(struct server *s);
/* Goes on where `old` was. While every loop stands still. */
void slowstart_inherit(struct server *now, const struct server *old);
/* On the thread that its steps come on: no more. */
void slowstart_stop(struct server *s);
/* 1..WARMTH_FULL after this time. */
unsigned slowstart_warmth(uint64_t elapsed_ms, uint32_t total_ms);

/* --- track.c --- */
/* Its state changed: whoever tracks it follows. Under the lock, or from the thread that starts. */
void track_tell(struct server *s);
/* server.c, under the lock: takes over the state of the tracked server. */
void server_follow(struct server *s, enum server_health h, unsigned admin);

/* --- observe.c --- */
/* For backend_start: begins to watch. 0 or -ENOMEM. */
int observe_new(struct server *s);

/* --- queue.c --- */
/* Sends all who wait for this server to choose again; how many. */
uint32_t queue_redistribute(struct server *s);
/* The same for those who wait for any server of the backend. */
void queue_redistribute_backend(struct backend *b);
/* Hands the server's free places to those who wait. */
void queue_serve(struct server *s);
/* Tells the algorithms (backend.maxconn) the server's limit of now. */
void queue_show_limit(struct server *s);
/* From now on every thread keeps load[]: a limit was set at run time. Under backend.lock. */
void queue_share_load(struct backend *b);

#endif
