/* persist: which server a request belongs to, and the cookie that says so.  For the room only. */
#ifndef PROXY_PERSIST_H
#define PROXY_PERSIST_H

#include "ballast/proxy/exchange.h"
#include "ballast/server/persist.h"

/* Of an exchange whose backend has `persist`; in its arena. */
struct persist_state {
	struct server *server;   /* it belongs there and is there; NULL: anywhere, or it had to leave */
	bool by_cookie;          /* the cookie named it, no use-server */
	bool forced, ignored;    /* by force-persist, ignore-persist */
	char in, out;            /* third and fourth letter of the termination state */
	int64_t last_s, first_s; /* dates of the client's cookie; 0: it had none */
};

/* Once, before the first choice: the server that the request belongs to, NULL for none; takes out of the request what
 * servers must not see. 0 or -ENOMEM. */
int persist_choose(struct exchange *x, struct server **s);
/* The request goes elsewhere: its client gets a new cookie. */
void persist_left(struct exchange *x);
/* Even where it is down (option persist, force-persist)? */
bool persist_holds(const struct exchange *x);
/* The cookies of a server's response. 0 or negative errno. */
int persist_response(struct exchange *x);

static inline bool persist_bound(const struct exchange *x)
{
	return x->persist && x->persist->server;
}

#endif
