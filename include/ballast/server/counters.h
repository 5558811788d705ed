/* counters: what a frontend, a backend, a server or a listener counts.
 *
 * One struct for each thread, on cache lines of its own, written by that thread only (plain adds); whoever
 * shows them sums over the threads.
 */
#ifndef BALLAST_SERVER_COUNTERS_H
#define BALLAST_SERVER_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum counter {
	COUNT_CONN,        /* connections accepted (frontends) or opened (servers) */
	COUNT_CONN_REUSED, /* requests sent on a kept connection (servers, backends) */
	COUNT_SESS,        /* sessions (frontend), requests given to it (backend, server): stot */
	COUNT_REQ,         /* HTTP requests received (frontend) or sent (backend, server) */
	COUNT_BYTES_IN,
	COUNT_BYTES_OUT,
	COUNT_DENIED_REQ,
	COUNT_DENIED_RESP,
	COUNT_DENIED_CONN,
	COUNT_DENIED_SESS,
	COUNT_ERR_REQ,  /* bad or aborted requests (frontend) */
	COUNT_ERR_CONN, /* failed connects after all retries (backend), each failed connect (server) */
	COUNT_ERR_RESP,
	COUNT_RETRIES,
	COUNT_REDISPATCHES,
	COUNT_RETRIES_REFUSED, /* by `retry-budget` (backend) */
	COUNT_CLIENT_ABORTS,
	COUNT_SERVER_ABORTS,
	COUNT_LB_CHOSEN, /* times chosen by the algorithm */
	COUNT_HTTP_1XX,
	COUNT_HTTP_2XX,
	COUNT_HTTP_3XX,
	COUNT_HTTP_4XX,
	COUNT_HTTP_5XX,
	COUNT_HTTP_OTHER,
	COUNT_INTERCEPTED, /* answered by Ballast itself (return, deny, redirect, monitor, stats) */
	COUNT_FAILED_REWRITES,
	COUNT_ERR_INTERNAL, /* exchanges that ended by a fault of ours */
	COUNT_TIME_QUEUE_MS,
	COUNT_TIME_CONNECT_MS,
	COUNT_TIME_RESPONSE_MS,
	COUNT_TIME_TOTAL_MS, /* sums, for averages */
	COUNT_TIMED,         /* exchanges in those sums */
	COUNTER_COUNT
};
/* Times that are summed: COUNT_TIME_QUEUE_MS and the three behind it. */
enum { COUNT_TIMES = 4 };

/* Events a second: the last whole second and the present one. Written by one thread. */
struct rate {
	_Atomic uint32_t second, current, last, max;
};

struct counters {
	_Atomic uint64_t v[COUNTER_COUNT];
	_Atomic int64_t current; /* sessions or requests now; sum over the threads is the truth */
	_Atomic int64_t current_max;
	_Atomic uint64_t last_session_s;           /* wall seconds of the last one; 0 never */
	_Atomic uint32_t time_max_ms[COUNT_TIMES]; /* the longest of each */
	struct rate sess_rate, req_rate, conn_rate;
} __attribute__((aligned(64)));

static inline void count_add(struct counters *c, enum counter which, uint64_t n)
{
	atomic_store_explicit(&c->v[which], atomic_load_explicit(&c->v[which], memory_order_relaxed) + n,
		memory_order_relaxed);
}
/* One of the times: COUNT_TIME_QUEUE_MS ... COUNT_TIME_TOTAL_MS. */
static inline void count_time(struct counters *c, enum counter which, uint64_t ms)
{
	_Atomic uint32_t *max = &c->time_max_ms[which - COUNT_TIME_QUEUE_MS];

	count_add(c, which, ms);
	if (ms > atomic_load_explicit(max, memory_order_relaxed))
		atomic_store_explicit(max, (uint32_t)ms, memory_order_relaxed);
}
/* Moves `current` by `by` (+1, -1) and keeps its maximum. */
static inline void count_current(struct counters *c, int by)
{
	int64_t now = atomic_load_explicit(&c->current, memory_order_relaxed) + by;
	atomic_store_explicit(&c->current, now, memory_order_relaxed);
	if (now > atomic_load_explicit(&c->current_max, memory_order_relaxed))
		atomic_store_explicit(&c->current_max, now, memory_order_relaxed);
}
/* One event in this second (loop's wall clock). */
void rate_count(struct rate *r, uint32_t second);
/* A session, or a request given to a backend or server, begins in this second. */
static inline void count_session(struct counters *c, uint32_t second)
{
	count_add(c, COUNT_SESS, 1);
	rate_count(&c->sess_rate, second);
	atomic_store_explicit(&c->last_session_s, second, memory_order_relaxed);
}
/* Events in the last whole second before `second`. */
uint32_t rate_read(const struct rate *r, uint32_t second);

/* Sums over threads.  `first` is the struct of thread 0 inside an array whose elements are `stride` bytes apart
 * (counters are embedded in server_thread, backend_thread, frontend_thread); NULL: all zero.  From any thread. */
uint64_t counters_sum(const struct counters *first, size_t stride, unsigned threads, enum counter which);
int64_t counters_current(const struct counters *first, size_t stride, unsigned threads);
/* Sum of the threads' maxima: exact with one thread, an upper bound else. */
int64_t counters_current_max(const struct counters *first, size_t stride, unsigned threads);
/* Wall seconds of the last session; 0 never. */
uint64_t counters_last_session_s(const struct counters *first, size_t stride, unsigned threads);
/* The rate at `offset` (offsetof(struct counters, sess_rate) ...), summed; and its maximum. */
uint32_t counters_rate(const struct counters *first, size_t stride, unsigned threads, size_t offset, uint32_t second);
uint32_t counters_rate_max(const struct counters *first, size_t stride, unsigned threads, size_t offset);
/* The longest of time `i`, 0..COUNT_TIMES-1, of all threads, in milliseconds. */
uint32_t counters_time_max(const struct counters *first, size_t stride, unsigned threads, unsigned i);
/* `clear counters`: maxima only; `clear counters all`: everything but `current`.  From any thread; a thread that
 * counts in that very moment may keep what it had. */
void counters_clear(struct counters *first, size_t stride, unsigned threads, bool all);

#endif
