/* Commands that stop and start frontends, for a while or for good. */
#include "ballast/net/listener.h"
#include "ballast/proxy/frontend.h"
#include "internal.h"

static bool is_shut_down(const struct frontend *f)
{
	for (uint32_t i = 0; i < f->listener_count; i++)
		if (!atomic_load(&f->listeners[i]->closed))
			return false;
	return f->listener_count > 0;
}

static void run_disable_frontend(struct admin_session *s, char **args, int count)
{
	struct frontend *f = find_frontend(s, args[0]);

	(void)count;
	if (!f)
		return;
	if (is_shut_down(f))
		command_say(s, "Frontend was previously shut down, cannot disable.");
	else if (atomic_load(&f->live->paused))
		command_say(s, "All sockets are already disabled.");
	else {
		frontend_pause(f);
		log_event(&f->log, LOG_L_WARNING, "Paused frontend %s.", f->name);
	}
}

static void run_enable_frontend(struct admin_session *s, char **args, int count)
{
	struct frontend *f = find_frontend(s, args[0]);

	(void)count;
	if (!f)
		return;
	if (is_shut_down(f))
		command_say(s, "Frontend was previously shut down, cannot enable.");
	else if (!atomic_load(&f->live->paused))
		command_say(s, "All sockets are already enabled.");
	else {
		frontend_resume(f);
		log_event(&f->log, LOG_L_WARNING, "Resumed frontend %s.", f->name);
	}
}

/* Of the backend of the same name, where the frontend is a `listen`. */
static unsigned long long backend_sessions(struct admin_session *s, const struct frontend *f)
{
	const struct backend *b = graph_find_backend(command_graph(s), slice_from_str(f->name));

	return b ? counters_sum(b->counters, sizeof *b->counters, b->threads, COUNT_SESS) : 0;
}

static void run_shutdown_frontend(struct admin_session *s, char **args, int count)
{
	struct frontend *f = find_frontend(s, args[0]);

	(void)count;
	if (!f)
		return;
	if (is_shut_down(f)) {
		command_say(s, "Frontend was already shut down.");
		return;
	}
	log_event(&f->log, LOG_L_WARNING, "Proxy %s stopped (cumulated conns: FE: %llu, BE: %llu).", f->name,
		(unsigned long long)counters_sum(&f->thread->counters, sizeof *f->thread, f->threads, COUNT_SESS),
		backend_sessions(s, f));
	for (uint32_t i = 0; i < f->listener_count; i++)
		listener_close(f->listeners[i]);
}

static const struct command_row rows[] = {
	{ { "disable", "frontend" }, "<frontend>", "temporarily disable specific frontend", LEVEL_ADMIN,
		run_disable_frontend },
	{ { "enable", "frontend" }, "<frontend>", "re-enable specific frontend", LEVEL_ADMIN, run_enable_frontend },
	{ { "shutdown", "frontend" }, "<frontend>", "stop a specific frontend", LEVEL_ADMIN, run_shutdown_frontend },
};
const struct command_table frontend_commands = { rows, sizeof rows / sizeof *rows };
