/* agent: the agent check of a server: `agent-check` and its kin, and what the operator changes of it. */
#ifndef BALLAST_SERVER_AGENT_H
#define BALLAST_SERVER_AGENT_H

#include "ballast/server/server.h"

enum { AGENT_SEND_MAX = 256 };

/* What can be changed at run time; the server's own, under backend.lock. */
struct agent_settings {
	struct endpoint addr; /* len 0: the server's */
	uint16_t port;
	char send[AGENT_SEND_MAX]; /* NUL-terminated; empty: nothing is sent */
};

/* For backend_start: the check of a server with agent_enabled, not yet running. 0 or -ENOMEM. */
int agent_new(struct server *s);

/* The rest from any thread, for servers with an agent; each takes backend.lock. */

/* `enable agent`, `disable agent`: one that is off keeps nothing down. */
void agent_set_enabled(struct server *s, bool on);
/* `set server agent up|down` */
void agent_force(struct server *s, bool up);
void agent_read_settings(struct server *s, struct agent_settings *out);
void agent_change_settings(struct server *s, const struct agent_settings *set);

#endif
