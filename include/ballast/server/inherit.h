/* inherit: a backend of a new configuration takes the live state of the one before it over: counters, connections,
 * health, what the operator changed, who waits.
 *
 *     backend_pair()     aside, while the old one serves
 *     backend_inherit()  or backend_retire(): while every loop stands still
 *     servers_follow_thread()  on each loop, before it goes on
 *
 * What an exchange holds of the old one stays valid: it finds the new server through server_current().
 */
#ifndef BALLAST_SERVER_INHERIT_H
#define BALLAST_SERVER_INHERIT_H

#include "ballast/server/backend.h"

/* Finds the server of the same name for each. Both were started, with as many threads. 0 or -ENOMEM. */
int backend_pair(struct backend *now, const struct backend *old);
void backend_inherit(struct backend *now, struct backend *old);
/* No backend of the new configuration is its heir. */
void backend_retire(struct backend *old);
/* Idle connections of this thread go to the new servers, or, where there is none, end. */
void servers_follow_thread(void);

#endif
