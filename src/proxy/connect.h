/* connect: what trying again needs of choosing and connecting.  For the room only. */
#ifndef PROXY_CONNECT_H
#define PROXY_CONNECT_H

#include "ballast/proxy/exchange.h"

/* Takes a kept connection to x->server, on which a place was taken, or opens one. */
void exchange_try_server(struct exchange *x);
/* The same after a second, or `timeout connect` where that is less. */
void exchange_retry_later(struct exchange *x);
/* `s` failed this request: it is only come back to where no other is left. 0 or -ENOMEM. */
int exchange_shun(struct exchange *x, const struct server *s);
/* Is there a server besides x->server, which did not fail this request? */
bool exchange_has_alternative(const struct exchange *x);
/* RFC 9110 section 9.2.2 */
bool exchange_is_idempotent(const struct exchange *x);

#endif
