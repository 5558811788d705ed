/* Commands that change one server: state, health, weight, address, checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "ballast/base/diag.h"
#include "ballast/balance/hash_key.h"
#include "ballast/balance/pick.h"
#include "ballast/server/breaker.h"
#include "ballast/server/agent.h"
#include "ballast/server/check.h"
#include "internal.h"

enum { WEIGHT_MAX = 256 };

/* --- weight --- */

/* "12", "50%" of the configured one. NULL, or what is wrong with it. */
static const char *parse_weight(const struct server *s, const char *word, unsigned *weight)
{
	char *end;
	long n;
	const struct backend *b = s->backend;
	bool fixed = b->algorithm && pick_static_weight(b->algorithm, b->hash_options ? b->hash_options->method : NULL);

	if (!*word)
		return "Require <weight> or <weight%>.";
	n = strtol(word, &end, 10);
	if (end == word)
		return "Empty weight string empty or preceded by garbage";
	if (end[0] == '%' && !end[1]) {
		if (n < 0)
			return "Relative weight must be positive.";
		n = n > 1000000 ? WEIGHT_MAX : n * s->weight_config / 100;
		n = n > WEIGHT_MAX ? WEIGHT_MAX : n;
	} else if (*end) {
		return "Trailing garbage in weight string";
	} else if (n < 0 || n > WEIGHT_MAX) {
		return "Absolute weight can only be between 0 and 256 inclusive.";
	}
	if (fixed && n && n != s->weight_config)
		return "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.";
	*weight = (unsigned)n;
	return NULL;
}

static void set_weight(struct admin_session *session, struct server *s, const char *word)
{
	unsigned weight;
	const char *wrong = parse_weight(s, word, &weight);

	if (wrong)
		command_say(session, "%s", wrong);
	else
		server_set_weight(s, weight);
}

static void run_set_weight(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (s)
		set_weight(session, s, args[1]);
}

static void run_get_weight(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (s)
		command_say(session, "%u (initial %u)", (unsigned)atomic_load(&s->weight), s->weight_config);
}

/* --- state --- */

static void set_state(struct admin_session *session, struct server *s, char **args)
{
	if (!strcmp(args[0], "ready"))
		server_set_admin(s, 0, SERVER_MAINT | SERVER_DRAIN);
	else if (!strcmp(args[0], "drain"))
		server_set_admin(s, SERVER_DRAIN, SERVER_MAINT);
	else if (!strcmp(args[0], "maint"))
		server_set_admin(s, SERVER_MAINT, 0);
	else
		command_say(session, "'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
}

static void set_health(struct admin_session *session, struct server *s, char **args)
{
	static const char reason[] = "changed from CLI";

	if (s->tracked) {
		command_say(session, "cannot change health on a tracking server.");
		return;
	}
	if (!strcmp(args[0], "up"))
		server_set_health(s, SERVER_UP, reason);
	else if (!strcmp(args[0], "stopping"))
		server_set_health(s, SERVER_STOPPING, reason);
	else if (!strcmp(args[0], "down"))
		server_set_health(s, SERVER_DOWN, reason);
	else
		command_say(session, "'set server <srv> health' expects 'up', 'stopping', or 'down'.");
}

static void set_breaker(struct admin_session *session, struct server *s, char **args)
{
	static const char *const orders[] = { "auto", "open", "close" };

	if (!s->breaker) {
		command_say(session, "No 'breaker' was configured for this server.");
		return;
	}
	for (unsigned o = 0; o < sizeof orders / sizeof *orders; o++) {
		if (strcmp(args[0], orders[o]) == 0) {
			breaker_set_order(s, (enum breaker_order)o, loop_self->now_ms);
			return;
		}
	}
	command_say(session, "'set server <srv> breaker' expects 'open', 'close' or 'auto'.");
}

static void set_weight_word(struct admin_session *session, struct server *s, char **args)
{
	set_weight(session, s, args[0]);
}

static void run_disable_server(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (s)
		server_set_admin(s, SERVER_MAINT, 0);
}

static void run_enable_server(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (s)
		server_set_admin(s, 0, SERVER_MAINT);
}

/* --- address --- */

/* An IP address without port, brackets allowed. */
static bool parse_ip(const char *word, union addr *out)
{
	size_t len = strlen(word);
	char text[INET6_ADDRSTRLEN + 1];

	memset(out, 0, sizeof *out);
	if (len > 2 && word[0] == '[' && word[len - 1] == ']') {
		word++;
		len -= 2;
	}
	if (!len || len >= sizeof text)
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	out->family = AF_INET;
	if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1)
		return true;
	out->family = AF_INET6;
	return inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1;
}

/* The address now; one without an IP address has none. */
static void present_address(struct server *s, union addr *out)
{
	const struct server_target *t;

	memset(out, 0, sizeof *out);
	pthread_mutex_lock(&s->backend->lock);
	t = atomic_load(&s->target);
	if (t && t->at.len && (t->at.sa.sa_family == AF_INET || t->at.sa.sa_family == AF_INET6))
		*out = t->at.ip;
	pthread_mutex_unlock(&s->backend->lock);
}

static bool parse_port(const char *word, uint16_t *port)
{
	int64_t n;

	if (!parse_number(word, &n) || n < 1 || n > 65535)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* What a change of address is answered with. */
static void say_change(struct admin_session *session, const union addr *old, const union addr *now)
{
	char before[ADDR_TEXT_MAX] = "(none)", after[ADDR_TEXT_MAX];
	bool ip = !addr_equal(old, now, false), port = addr_port(old) != addr_port(now);
	struct strbuf *to = command_out(session);

	if (old->family != AF_UNSPEC)
		addr_ip_text(old, before);
	addr_ip_text(now, after);
	if (!ip && !port) {
		command_say(session, "nothing changed");
		return;
	}
	if (ip)
		strbuf_printf(to, "IP changed from '%s' to '%s'%s", before, after, port ? ", " : "");
	if (port)
		strbuf_printf(to, "port changed from '%u' to '%u'", addr_port(old), addr_port(now));
	strbuf_str(to, " by 'stats socket command'\n");
}

static void set_addr(struct admin_session *session, struct server *s, char **args)
{
	union addr old, now;
	struct endpoint at = { .fd = -1 };
	uint16_t port;

	if (!*args[0]) {
		command_say(session, "set server <b>/<s> addr requires an address and optionally a port.");
		return;
	}
	if (!parse_ip(args[0], &now)) {
		command_say(session, "Invalid addr '%s'", args[0]);
		return;
	}
	present_address(s, &old);
	port = addr_port(&old);
	if (!strcmp(args[1], "port") && !parse_port(args[2], &port)) {
		command_say(session, "Invalid port '%s'", args[2]);
		return;
	}
	addr_set_port(&now, port);
	at.ip = now;
	at.len = addr_len(&now);
	if (!addr_equal(&old, &now, true) && server_set_target(s, &at)) {
		command_say(session, "Out of memory.");
		return;
	}
	say_change(session, &old, &now);
	if (atomic_load(&s->admin) & SERVER_UNRESOLVED)
		server_set_admin(s, 0, SERVER_UNRESOLVED);
}

/* --- checks --- */

/* 0 is the server's own. */
static bool read_check_port(struct admin_session *session, const char *word, uint16_t *port)
{
	int64_t n;

	if (!parse_number(word, &n)) {
		command_say(session, "provided port is not an integer");
		return false;
	}
	if (n < 0 || n > 65535) {
		command_say(session, "provided port is invalid");
		return false;
	}
	*port = (uint16_t)n;
	return true;
}

static bool has_check(struct admin_session *session, const struct server *s)
{
	if (!s->check)
		command_say(session, "health checks are not enabled on this server");
	return s->check;
}

static void set_check_port(struct admin_session *session, struct server *s, char **args)
{
	uint16_t port;

	if (!has_check(session, s))
		return;
	if (!*args[0])
		command_say(session, "set server <b>/<s> check-port requires a port.");
	else if (read_check_port(session, args[0], &port))
		check_set_port(s, port);
}

static void set_check_addr(struct admin_session *session, struct server *s, char **args)
{
	bool with_port = !strcmp(args[1], "port");
	union addr addr;
	uint16_t port;

	if (!has_check(session, s))
		return;
	if (!*args[0]) {
		command_say(session, "set server <b>/<s> check-addr requires an address and optionally a port.");
		return;
	}
	if (!parse_ip(args[0], &addr)) {
		command_say(session, "invalid addr '%s'", args[0]);
		return;
	}
	if (with_port && !read_check_port(session, args[2], &port))
		return;
	check_set_addr(s, &addr);
	if (with_port)
		check_set_port(s, port);
}

/* As HAProxy without `resolvers`. */
static void set_fqdn(struct admin_session *session, struct server *s, char **args)
{
	(void)s;
	command_say(session, *args[0] ? "set server <b>/<s> fqdn failed because no resolution is configured."
				      : "set server <b>/<s> fqdn requires a FQDN.");
}

static void run_enable_health(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (!s)
		return;
	if (s->check)
		check_set_enabled(s, true);
	else
		command_say(session, "Health check was not configured on this server, cannot enable.");
}

static void run_disable_health(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (s && s->check)
		check_set_enabled(s, false);
}

/* --- agent --- */

static void run_enable_agent(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (s && !s->agent)
		command_say(session, "Agent was not configured on this server, cannot enable.");
	else if (s)
		agent_set_enabled(s, true);
}

static void run_disable_agent(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (s && s->agent)
		agent_set_enabled(s, false);
}

static bool has_agent(struct admin_session *session, const struct server *s)
{
	if (!s->agent)
		command_say(session, "agent checks are not enabled on this server.");
	return s->agent != NULL;
}

static void set_agent(struct admin_session *session, struct server *s, char **args)
{
	if (!has_agent(session, s))
		return;
	if (!strcmp(args[0], "up") || !strcmp(args[0], "down"))
		agent_force(s, args[0][0] == 'u');
	else
		command_say(session, "'set server <srv> agent' expects 'up' or 'down'.");
}

static void set_agent_addr(struct admin_session *session, struct server *s, char **args)
{
	struct agent_settings set;
	union addr ip;

	if (!has_agent(session, s))
		return;
	if (!*args[0]) {
		command_say(session, "set server <b>/<s> agent-addr requires an address and optionally a port.");
		return;
	}
	if (!parse_ip(args[0], &ip)) {
		command_say(session, "invalid addr '%s'", args[0]);
		return;
	}
	agent_read_settings(s, &set);
	set.addr = (struct endpoint){ .fd = -1, .ip = ip, .len = addr_len(&ip) };
	if (!strcmp(args[1], "port") && !parse_port(args[2], &set.port)) {
		command_say(session, "provided port is invalid");
		return;
	}
	agent_change_settings(s, &set);
}

static void set_agent_port(struct admin_session *session, struct server *s, char **args)
{
	struct agent_settings set;

	if (!has_agent(session, s))
		return;
	agent_read_settings(s, &set);
	if (!*args[0])
		command_say(session, "set server <b>/<s> agent-port requires a port.");
	else if (!parse_port(args[0], &set.port))
		command_say(session, "provided port is invalid");
	else
		agent_change_settings(s, &set);
}

static void set_agent_send(struct admin_session *session, struct server *s, char **args)
{
	struct agent_settings set;

	if (!has_agent(session, s))
		return;
	if (strlen(args[0]) >= sizeof set.send) {
		command_say(session, "agent-send takes at most %d bytes.", AGENT_SEND_MAX - 1);
		return;
	}
	agent_read_settings(s, &set);
	strcpy(set.send, args[0]);
	agent_change_settings(s, &set);
}

/* --- set server --- */

static const struct set_server_word {
	const char *word;
	void (*set)(struct admin_session *session, struct server *s, char **args);
} set_server_words[] = {
	{ "addr", set_addr },
	{ "agent", set_agent },
	{ "agent-addr", set_agent_addr },
	{ "agent-port", set_agent_port },
	{ "agent-send", set_agent_send },
	{ "breaker", set_breaker },
	{ "check-addr", set_check_addr },
	{ "check-port", set_check_port },
	{ "fqdn", set_fqdn },
	{ "health", set_health },
	{ "state", set_state },
	{ "weight", set_weight_word },
};
enum { SET_SERVER_WORDS = sizeof set_server_words / sizeof *set_server_words };

/* What the manual has beyond these. */
static bool is_unsupported(const char *word)
{
	static const char *const words[] = { "ssl" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

static void run_set_server(struct admin_session *session, char **args, int count)
{
	struct server *s = find_server(session, args[0]);

	(void)count;
	if (!s)
		return;
	for (unsigned i = 0; i < SET_SERVER_WORDS; i++) {
		if (!strcmp(args[1], set_server_words[i].word)) {
			set_server_words[i].set(session, s, args + 2);
			return;
		}
	}
	if (is_unsupported(args[1]))
		command_say(session, "'set server <srv> %s' is not supported by Ballast (yet).", args[1]);
	else
		command_say(session, "usage: set server <backend>/<server> addr | agent[-addr|-port|-send] | breaker | "
				     "check-addr | check-port | "
				     "health | state | weight");
}

static const struct command_row rows[] = {
	{ { "disable", "agent" }, "<bk>/<srv>", "disable agent checks", LEVEL_ADMIN, run_disable_agent },
	{ { "disable", "health" }, "<bk>/<srv>", "disable health checks", LEVEL_ADMIN, run_disable_health },
	{ { "disable", "server" }, "<bk>/<srv>", "disable a server for maintenance", LEVEL_ADMIN, run_disable_server },
	{ { "enable", "agent" }, "<bk>/<srv>", "enable agent checks", LEVEL_ADMIN, run_enable_agent },
	{ { "enable", "health" }, "<bk>/<srv>", "enable health checks", LEVEL_ADMIN, run_enable_health },
	{ { "enable", "server" }, "<bk>/<srv>", "enable a disabled server", LEVEL_ADMIN, run_enable_server },
	{ { "get", "weight" }, "<bk>/<srv>", "report a server's current weight", LEVEL_USER, run_get_weight },
	{ { "set", "server" }, "<bk>/<srv> [opts]", "change a server's state, health, weight, address or breaker",
		LEVEL_ADMIN, run_set_server },
	{ { "set", "weight" }, "<bk>/<srv> <weight>[%]", "change a server's weight", LEVEL_ADMIN, run_set_weight },
};
const struct command_table server_commands = { rows, sizeof rows / sizeof *rows };
