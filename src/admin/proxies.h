/* proxies: going through frontends and backends as the configuration has them; disabled ones are left out. */
#ifndef BALLAST_ADMIN_PROXIES_H
#define BALLAST_ADMIN_PROXIES_H

#include "ballast/config/graph.h"

struct proxies {
	const struct graph *graph;
	struct frontend *next_frontend;
	struct backend *next_backend;
	/* the present one: either of these, the other NULL */
	struct frontend *frontend;
	struct backend *backend;
};

void proxies_start(struct proxies *p, const struct graph *g);
/* False behind the last. */
bool proxies_next(struct proxies *p);

#endif
