/* report: how requests fared on a server, told to whoever watches it: one seam for all that judges servers by their
 * traffic (circuit breaker, outlier ejection, `observe`).
 *
 * A watcher is embedded in what judges and hung on the server while loading.  A server without one costs a request a
 * branch.  Watchers are called on the thread of the request, several at a time, and must neither block nor call back
 * into the exchange; what they change of the server shows at the next choice.
 */
#ifndef BALLAST_SERVER_REPORT_H
#define BALLAST_SERVER_REPORT_H

#include "ballast/server/server.h"

/* One attempt gives at most two of these: of its connection where it needed a new one, and of its answer; an answer that
 * breaks off, or a TCP session that does, gives one more.  A request that the client gave up gives none, nor does a kept
 * connection that the server had closed meanwhile, nor a fault of our own (no descriptor, no memory). */
enum server_outcome {
	OUTCOME_CONNECTED,       /* layer 4 (and TLS) stands */
	OUTCOME_UNREACHABLE,     /* refused, no route, a handshake that failed */
	OUTCOME_CONNECT_TIMEOUT, /* `timeout connect` */
	OUTCOME_ANSWERED,        /* the final head of a response: its status tells more */
	OUTCOME_EMPTY,           /* it ended the connection before an answer */
	OUTCOME_JUNK,            /* an answer that is none of HTTP */
	OUTCOME_TIMEOUT,         /* `timeout server` before an answer */
	OUTCOME_BROKEN,          /* an answer or a session that broke off or stalled */
	OUTCOME_COUNT
};

struct server_result {
	enum server_outcome outcome;
	unsigned status;     /* of OUTCOME_ANSWERED, else 0 */
	bool measured;       /* is `latency_us` the server's own? Not where a client still sent its body meanwhile */
	uint32_t latency_us; /* since the attempt began to connect, or to send */
	uint64_t now_ms;     /* the loop's time */
};

/* Is it the end of an attempt, which judges the server? In HTTP a connection alone says nothing. */
static inline bool server_result_counts(const struct server_result *r, bool tcp)
{
	return tcp || r->outcome != OUTCOME_CONNECTED;
}
/* 501 and 505 are answers to what the client asked for. */
static inline bool server_result_failed(const struct server_result *r)
{
	if (r->outcome == OUTCOME_ANSWERED)
		return r->status >= 500 && r->status != 501 && r->status != 505;
	return r->outcome != OUTCOME_CONNECTED;
}
/* "status 503", "no connection" */
const char *server_result_text(const struct server_result *r, char *buf, size_t len);

struct server_watcher {
	void (*note)(struct server_watcher *w, struct server *s, const struct server_result *r);
	struct server_watcher *next;
};

/* While loading. `w` must stay as long as the server. */
static inline void server_watch(struct server *s, struct server_watcher *w)
{
	w->next = s->watchers;
	s->watchers = w;
}
static inline void server_report(struct server *s, const struct server_result *r)
{
	s = server_current(s); /* it is judged as the newest configuration says */
	for (struct server_watcher *w = s->watchers; w; w = w->next)
		w->note(w, s, r);
}

#endif
