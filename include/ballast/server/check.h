/* check: health checks of servers: connecting, and HTTP requests (`option httpchk`, `http-check`).
 *
 * Each checked server has one `struct check`, which runs on one worker's loop (its slot modulo the number of threads),
 * beside the traffic and without ever blocking it.  Its results move the server's rise/fall counter, and, at its ends,
 * the server's health (server.h).
 */
#ifndef BALLAST_SERVER_CHECK_H
#define BALLAST_SERVER_CHECK_H

#include "ballast/base/diag.h"
#include "ballast/event/timer.h"
#include "ballast/net/conn.h"
#include "ballast/server/backend.h"

enum check_status {
	CHECK_UNKNOWN,
	CHECK_INI,
	CHECK_CHECKED, /* an agent changed nothing of the health */
	CHECK_HANA,    /* `observe` found it */
	CHECK_SOCKERR,
	CHECK_L4OK,
	CHECK_L4TOUT,
	CHECK_L4CON,
	CHECK_L6OK,
	CHECK_L6TOUT,
	CHECK_L6RSP,
	CHECK_L7OK,
	CHECK_L7OKC, /* it is about to leave: no new requests but persistent ones */
	CHECK_L7TOUT,
	CHECK_L7RSP,
	CHECK_L7STS,
	CHECK_STATUS_COUNT
};

enum { CHECK_TEXT_MAX = 128 };

struct check_role;
struct check_run;

struct check {
	struct conn conn; /* first: the watch finds it */
	struct server *server;
	const struct check_role *role;
	unsigned thread; /* whose loop runs it */
	bool inherited;  /* it follows a check of the configuration before */
	uint64_t due_ms; /* which was due then; 0: at once */
	struct timer next, deadline;
	struct post hurry; /* the next check comes after fastinter at the latest */
	bool hurried;      /* under backend.lock: it is under way */
	bool running;
	uint16_t source_port; /* of server.source_ports; 0: none */
	uint64_t start_ns;
	struct check_run *run; /* while it runs */
	/* results; under backend.lock */
	bool enabled;   /* `disable health` clears it */
	uint8_t status; /* enum check_status */
	uint16_t code;  /* HTTP status; 0 none */
	uint32_t duration_ms;
	bool measured;             /* there was a first result */
	uint32_t observed;         /* times that `observe` found too many errors */
	char text[CHECK_TEXT_MAX]; /* of the last result: reason phrase or error; may be empty */
};

/* Of a status: "L4OK"; "Layer4 check passed"; HAProxy's number in `show servers state`. */
const char *check_status_code(enum check_status s);
const char *check_status_text(enum check_status s);
unsigned check_status_number(enum check_status s);
bool check_status_passed(enum check_status s);
/* Whether a code belongs to it, even 0. */
bool check_status_has_code(enum check_status s);

/* For backend_start: the check of a server with check_enabled, not yet running. NULL where memory is out. */
struct check *check_new(struct server *s);
void check_free(struct check *c);
/* The results of the same server's check in the configuration before. While every loop stands still. */
void check_inherit(struct check *now, const struct check *old);

/* Percent of randomness in the interval (`spread-checks`), 0..50. Once, before threads. */
void checks_set_spread(unsigned percent);
/* Each worker thread, after loop_enter, with all loops known (loop_set_all): starts the checks of all these backends (list by .next) that are its own. */
void checks_start_thread(struct backend *all);
/* At the thread's end: stops them. */
void checks_stop_thread(struct backend *all);
/* On each thread after a reload: the checks of `old` end, those of `now` begin, each when the one before it would have. */
void checks_follow_thread(struct backend *old, struct backend *now);
/* `disable health`, `enable health`: a server whose checks are off counts as up. From any thread. */
void check_set_enabled(struct server *s, bool on);
/* `observe` has seen error-limit errors in a row; does what `on-error` says. Under backend.lock. */
void check_observed(struct check *c, const char *info);
/* `set server check-addr`, `check-port`: where the next check goes, an IP address and a port (0: the server's own). From any
 * thread. */
void check_set_addr(struct server *s, const union addr *addr);
void check_set_port(struct server *s, uint16_t port);

#endif
