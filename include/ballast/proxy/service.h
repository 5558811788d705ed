/* service: what answers a request inside the process: a page, metrics, a script (`http-request use-service NAME`).
 *
 * A room below registers its rows at start; run() answers through exchange_answer(), at once or later: then it arranges
 * for that itself, and the exchange waits.
 */
#ifndef BALLAST_PROXY_SERVICE_H
#define BALLAST_PROXY_SERVICE_H

#include <stddef.h>

#include "ballast/proxy/rules.h"

struct service_row {
	const char *name;
	const char *help; /* one line */
	/* RULE_ANSWER after exchange_answer(); RULE_SUSPEND_AGAIN: run again after exchange_resume(); RULE_ERROR: 500. */
	enum rule_result (*run)(struct exchange *x);
};

/* Before any thread and before configurations that name them are read. */
void services_register(const struct service_row *rows, size_t count);
const struct service_row *service_at(size_t index); /* NULL behind the last */

#endif
