/* `set maxconn`: limits of the process, a frontend, a server; `set rate-limit`: of the process by the second. */
#include "ballast/net/listener.h"
#include "ballast/proxy/frontend.h"
#include "internal.h"

enum { MAXCONN_MAX = 2000000000 };

/* A whole number from 0; `missing` is said where the word is not there, `garbage` where it is none. */
static bool read_limit(struct admin_session *s, const char *word, const char *missing, const char *garbage,
	uint32_t *out)
{
	int64_t n;

	if (!*word) {
		command_say(s, "%s", missing);
		return false;
	}
	if (!parse_number(word, &n)) {
		command_say(s, "%s", garbage);
		return false;
	}
	if (n < 0 || n > MAXCONN_MAX) {
		command_say(s, "Value out of range.");
		return false;
	}
	*out = (uint32_t)n;
	return true;
}

static bool parse_limit(struct admin_session *s, const char *word, const char *missing, uint32_t *out)
{
	return read_limit(s, word, missing, "maxconn string empty or preceded by garbage", out);
}

/* Up to what the process started with, for which its descriptors were counted; 0 is that again. */
static void run_set_maxconn_global(struct admin_session *s, char **args, int count)
{
	uint32_t n, most = s->admin->maxconn_start;

	(void)count;
	if (!parse_limit(s, args[0], "Expects an integer value.", &n))
		return;
	if (most && n > most) {
		command_say(s, "Value out of range.");
		return;
	}
	frontend_set_process_maxconn(n ? n : most);
	for (struct frontend *f = command_graph(s)->frontends; f; f = f->next)
		for (uint32_t i = 0; i < f->listener_count; i++)
			listener_wake(f->listeners[i]);
}

static void run_set_maxconn_frontend(struct admin_session *s, char **args, int count)
{
	struct frontend *f = find_frontend(s, args[0]);
	uint32_t n;

	(void)count;
	if (f && parse_limit(s, args[1], "Integer value expected.", &n))
		frontend_set_maxconn(f, n);
}

static void run_set_maxconn_server(struct admin_session *s, char **args, int count)
{
	struct server *server = find_server(s, args[0]);
	uint32_t n;

	(void)count;
	if (server && parse_limit(s, args[1], "Require <maxconn>.", &n))
		server_set_maxconn(server, n);
}

/* --- rates --- */

static bool parse_rate(struct admin_session *s, const char *word, uint32_t *out)
{
	static const char wrong[] = "Expects an integer value.";

	return read_limit(s, word, wrong, wrong, out);
}

static void run_set_connection_rate(struct admin_session *s, char **args, int count)
{
	uint32_t n;

	(void)count;
	if (parse_rate(s, args[0], &n))
		rate_gate_set(frontend_connection_rate(), n);
}

static void run_set_session_rate(struct admin_session *s, char **args, int count)
{
	uint32_t n;

	(void)count;
	if (parse_rate(s, args[0], &n))
		rate_gate_set(frontend_session_rate(), n);
}

static void run_set_tls_rate(struct admin_session *s, char **args, int count)
{
	uint32_t n;

	(void)count;
	if (parse_rate(s, args[0], &n))
		tls_set_rate_limit(n);
}

static const struct command_row rows[] = {
	{ { "set", "maxconn", "frontend" }, "<frontend> <value>", "change a frontend's maxconn setting", LEVEL_ADMIN,
		run_set_maxconn_frontend },
	{ { "set", "maxconn", "global" }, "<value>", "change the per-process maxconn setting", LEVEL_ADMIN,
		run_set_maxconn_global },
	{ { "set", "maxconn", "server" }, "<bk>/<srv> <value>", "change a server's maxconn setting", LEVEL_ADMIN,
		run_set_maxconn_server },
	{ { "set", "rate-limit", "connections", "global" }, "<n>", "change the process's connections a second",
		LEVEL_ADMIN, run_set_connection_rate },
	{ { "set", "rate-limit", "sessions", "global" }, "<n>", "change the process's sessions a second", LEVEL_ADMIN,
		run_set_session_rate },
	{ { "set", "rate-limit", "ssl-sessions", "global" }, "<n>", "change the process's TLS connections a second",
		LEVEL_ADMIN, run_set_tls_rate },
};
const struct command_table limit_commands = { rows, sizeof rows / sizeof *rows };
