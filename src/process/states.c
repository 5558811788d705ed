/* states: SIGQUIT: what each server and proxy is doing, in HAProxy's words, to stderr and the log. */
#include "process.h"

static void dump_server(struct server *s, uint32_t used)
{
	char buf[160];

	say_and_log(SAY_WARNING, "SIGQUIT: Server %s/%s is %s. Conn: %u act, %u pend, %llu tot.", s->backend->name,
		s->name, server_status_text(s, buf, sizeof buf), used, atomic_load(&s->queued),
		(unsigned long long)server_count(s, COUNT_SESS));
}

static void dump_backend(struct backend *b)
{
	uint32_t active, backup;

	for (uint32_t i = 0; i < b->server_count; i++)
		dump_server(b->servers[i], server_served(b->servers[i]));
	backend_count_usable(b, &active, &backup);
	if (!b->server_count)
		say_and_log(SAY_WARNING, "SIGQUIT: Proxy %s has no servers.", b->name);
	else if (!active && !backup)
		say_and_log(SAY_WARNING, "SIGQUIT: Proxy %s has no server available !", b->name);
	else
		say_and_log(SAY_WARNING,
			"SIGQUIT: Proxy %s has %u active and %u backup servers available, %u requests in queue.",
			b->name, active, backup, atomic_load(&b->queued));
}

void states_dump(const struct graph *g)
{
	say_and_log(SAY_WARNING, "SIGQUIT received, dumping servers states.");
	for (struct frontend *f = g->frontends; f; f = f->next)
		say_and_log(SAY_WARNING, "SIGQUIT: Proxy %s: %u connections.", f->name,
			atomic_load(&f->live->connections));
	for (struct backend *b = g->backends; b; b = b->next)
		dump_backend(b);
}
