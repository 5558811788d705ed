/* inherit: a frontend of a new configuration takes the clients and counters of the one before it over.
 *
 *     frontend_inherit()  or frontend_retire(): while every loop stands still, listeners first (net/listener.h)
 *     frontends_follow_thread()  on each loop, before it goes on
 *
 * An exchange keeps the frontend that it began with, and its generation; a client's next one begins with the new one.
 */
#ifndef BALLAST_PROXY_INHERIT_H
#define BALLAST_PROXY_INHERIT_H

#include "ballast/proxy/frontend.h"

/* False: they cannot be one (another mode), and nothing changed. Both were started. */
bool frontend_inherit(struct frontend *now, struct frontend *old);
/* No frontend of the new configuration is its heir: clients that wait for a request are closed, others end with their next
 * answer. */
void frontend_retire(struct frontend *old);
/* Clients of this thread; `old`: the whole list of the configuration before. */
void frontends_follow_thread(struct frontend *old);
/* The same of each configuration before that one, whose retired frontends may still have clients. */
void frontends_follow_retired_thread(struct frontend *older);
/* Captures for `show errors` name what follows, or are forgotten where nothing does. */
void captures_follow(void);

#endif
