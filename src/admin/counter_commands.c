/* `clear counters`. */
#include <string.h>

#include "ballast/proxy/frontend.h"
#include "internal.h"

static void clear_frontend(struct frontend *f, bool all)
{
	counters_clear(&f->thread[0].counters, sizeof f->thread[0], f->threads, all);
}

static void clear_server(struct server *s, bool all)
{
	counters_clear(&s->thread[0].counters, sizeof s->thread[0], s->backend->threads, all);
	atomic_store(&s->queued_max, 0);
	if (!all)
		return;
	s->check_failures = s->down_transitions = 0;
	s->down_seconds = 0;
}

static void clear_backend(struct backend *b, bool all)
{
	counters_clear(b->counters, sizeof b->counters[0], b->threads, all);
	atomic_store(&b->queued_max, 0);
	pthread_mutex_lock(&b->lock);
	for (uint32_t i = 0; i < b->server_count; i++)
		clear_server(b->servers[i], all);
	if (all) {
		b->down_transitions = 0;
		b->down_seconds = 0;
	}
	pthread_mutex_unlock(&b->lock);
}

static void run_clear_counters(struct admin_session *s, char **args, int count)
{
	bool all = count && !strcmp(args[0], "all");

	if (all && command_level(s) < LEVEL_ADMIN) {
		command_say(s, "Permission denied");
		return;
	}
	for (struct frontend *f = command_graph(s)->frontends; f; f = f->next)
		clear_frontend(f, all);
	for (struct backend *b = command_graph(s)->backends; b; b = b->next)
		clear_backend(b, all);
}

static const struct command_row rows[] = {
	{ { "clear", "counters" }, "[all]", "clear max statistics counters (or all counters)", LEVEL_OPERATOR,
		run_clear_counters },
};
const struct command_table counter_commands = { rows, sizeof rows / sizeof *rows };
