/* refer: names of proxies and servers in arguments of expressions, `nbsrv(app)`, `srv_conn(app/s1)`. */
#ifndef BALLAST_PROXY_REFER_H
#define BALLAST_PROXY_REFER_H

#include "ballast/base/diag.h"

struct arena;
struct backend;
struct frontend;

/* Looks up all that the configuration of `a` refers to, once its lists are whole. 0, or -ENOMEM; what is not there is told
 * in `d`. */
int proxy_refs_resolve(const struct arena *a, struct frontend *frontends, struct backend *backends, struct diag *d);

#endif
