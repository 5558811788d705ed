/* breaker: a circuit breaker for each server of a backend with `breaker`.
 *
 *      CLOSED --- too many errors, errors in a row, slow answers ---> OPEN
 *      OPEN --- its time is over ---> HALF_OPEN: as many requests as `half-open` says are let through
 *      HALF_OPEN --- all of them went well ---> CLOSED
 *      HALF_OPEN --- one failed ---> OPEN, twice as long as before, up to `open-max`
 *
 * An open breaker takes its server out of balancing, and out of every binding of a request to it; checks and the
 * operator's states are no concern of it.  Results come as reports (report.h), on any thread, and are counted without a
 * lock; a change of state takes backend.lock, as any change of a server does.  Results of attempts that began before the
 * breaker was half open are passed over there: they tell of the past.
 */
#ifndef BALLAST_SERVER_BREAKER_H
#define BALLAST_SERVER_BREAKER_H

#include "ballast/server/backend.h"
#include "ballast/server/report.h"
#include "ballast/server/window.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
/* `set server ... breaker`: the operator's word goes before all results until `auto`. */
enum breaker_order { BREAKER_AUTO, BREAKER_KEEP_OPEN, BREAKER_KEEP_CLOSED };

enum { BREAKER_REASON_MAX = 128 };

struct breaker {
	struct server_watcher watcher;
	const struct breaker_settings *set;
	struct window results, slow; /* attempts and those that failed; answers and those that were slow */
	_Atomic uint32_t in_a_row;   /* errors since the last success */
	_Atomic uint32_t successes;  /* of probes */
	_Atomic uint8_t state;       /* enum breaker_state; changed under backend.lock */
	_Atomic uint64_t probing_ms; /* loop time since which it is half open */
	/* under backend.lock */
	uint8_t order;                   /* enum breaker_order */
	uint32_t open_ms;                /* how long it is open this time */
	uint64_t until_ms;               /* open: its end; half open: when further probes are let through. Loop time */
	uint32_t opened;                 /* how many times */
	uint64_t since_s;                /* wall time of the last change */
	char reason[BREAKER_REASON_MAX]; /* of the last opening; may be empty */
};

/* For backend_start: s->breaker, where the backend has `breaker`. 0 or -ENOMEM. */
int breaker_start(struct server *s);
void breaker_free(struct server *s);
/* Every tenth of a second or so, on one thread: time that passed. */
void breaker_tick(struct server *s, uint64_t now_ms);
/* Of a server with a breaker; logs the change. From any thread. */
void breaker_set_order(struct server *s, enum breaker_order o, uint64_t now_ms);
/* "closed", "open", "half-open" */
const char *breaker_state_name(enum breaker_state s);

#endif
