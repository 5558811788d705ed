/* Bodies that rules look at (body.c). */
#ifndef PROXY_BODY_H
#define PROXY_BODY_H

#include "ballast/proxy/rules.h"

struct body_wait {
	const void *waiter; /* who waits: another one begins anew */
	uint32_t ms;        /* at most; 0: for ever */
	uint64_t at_least;  /* bytes of payload; 0: all of it */
};

/* RULE_CONTINUE: it is there, as much as was asked for or has room. RULE_SUSPEND_AGAIN: to be called again when the
 * exchange goes on, which is when more came or the time is over. RULE_ANSWER: the exchange has failed (408, 504). */
enum rule_result body_wait_request(struct exchange *x, const struct body_wait *w);
enum rule_result body_wait_response(struct exchange *x, const struct body_wait *w);
/* For the server's end, while XF_WAITS_BODY is set: may the exchange go on? The connection has ended, or broke:
 * then the exchange has failed. */
bool body_response_ready(struct exchange *x);
void body_response_ended(struct exchange *x);
void body_response_broke(struct exchange *x);
/* Payload that is there, without its framing; valid until more is read. */
struct slice body_payload(struct exchange *x, bool response);

#endif
