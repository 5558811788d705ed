/* `show servers state`, `show servers conn`, `show backend`: lists of servers as scripts read them. */
#include <string.h>

#include "ballast/base/clock.h"
#include "ballast/server/agent.h"
#include "ballast/server/check.h"
#include "internal.h"
#include "proxies.h"

/* Calls `each` for all backends, or the one that is named. */
static void for_backends(struct admin_session *s, const char *name,
	void (*each)(struct admin_session *, struct backend *))
{
	struct proxies p;
	struct backend *only = NULL;

	if (*name && !(only = find_backend(s, name)))
		return;
	proxies_start(&p, command_graph(s));
	while (proxies_next(&p))
		if (p.backend && (!only || only == p.backend))
			each(s, p.backend);
}

/* An IP address and a port; "-" and 0 for what has none. */
struct place_text {
	char ip[ADDR_TEXT_MAX];
	unsigned port;
};

static void read_address(struct place_text *to, const struct endpoint *at)
{
	bool is_ip = at && at->len && (at->sa.sa_family == AF_INET || at->sa.sa_family == AF_INET6);

	strcpy(to->ip, "-");
	to->port = 0;
	if (!is_ip)
		return;
	addr_ip_text(&at->ip, to->ip);
	to->port = addr_port(&at->ip);
}

/* Under backend.lock. */
static void read_target(struct place_text *to, const struct server *s)
{
	const struct server_target *t = atomic_load(&s->target);

	read_address(to, t ? &t->at : NULL);
}

/* --- show servers state --- */

enum {
	ADMIN_FORCED_MAINT = 1,
	ADMIN_TRACKED_MAINT = 2,
	ADMIN_CONFIG_MAINT = 4,
	ADMIN_FORCED_DRAIN = 8,
	ADMIN_TRACKED_DRAIN = 0x10,
	ADMIN_UNRESOLVED = 0x20
};
enum { CHECK_RUNS_NOT = 0, CHECK_CONFIGURED = 2, CHECK_ENABLED = 4, CHECK_PAUSED = 8, CHECK_IS_AGENT = 16 };

/* The numbers of the manual; `state` is also what a state file is read with. */
static unsigned operational_state(const struct server *s)
{
	if (!server_alive(s))
		return 0;
	if (atomic_load(&s->health) == SERVER_STOPPING)
		return 3;
	return atomic_load(&s->warmth) == WARMTH_FULL ? 2 : 1;
}

static unsigned admin_state(const struct server *s)
{
	unsigned admin = atomic_load(&s->admin), state = 0;

	if (admin & SERVER_MAINT)
		state |= ADMIN_FORCED_MAINT | (s->disabled_config ? ADMIN_CONFIG_MAINT : 0);
	if (admin & SERVER_MAINT_VIA)
		state |= ADMIN_TRACKED_MAINT;
	if (admin & SERVER_DRAIN)
		state |= ADMIN_FORCED_DRAIN;
	if (admin & SERVER_DRAIN_VIA)
		state |= ADMIN_TRACKED_DRAIN;
	if (admin & SERVER_UNRESOLVED)
		state |= ADMIN_UNRESOLVED;
	return state;
}

static unsigned check_state(const struct server *s)
{
	unsigned state = s->check ? CHECK_CONFIGURED : CHECK_RUNS_NOT;

	if (s->check && s->check->enabled)
		state |= CHECK_ENABLED;
	if (atomic_load(&s->admin) & SERVER_ANY_MAINT)
		state |= CHECK_PAUSED;
	return state;
}

static unsigned agent_state(const struct server *s)
{
	if (!s->agent)
		return 0;
	return CHECK_CONFIGURED | CHECK_IS_AGENT | (s->agent->enabled ? CHECK_ENABLED : 0);
}

static unsigned check_result(const struct server *s)
{
	if (!s->check || !s->check->measured)
		return 0;
	return check_status_passed(s->check->status) ? 3 : 2;
}

/* In maintenance nothing counts. */
static unsigned health_count(const struct server *s)
{
	return atomic_load(&s->admin) & SERVER_MAINT ? 0 : s->check_count;
}

static void write_state(struct admin_session *session, const struct server *s)
{
	const struct backend *b = s->backend;
	const struct agent_settings *agent = s->agent_settings;
	struct place_text at, check_at, agent_at;
	uint64_t now = clock_wall_us() / 1000000;

	read_target(&at, s);
	read_address(&check_at, s->check_addr.len ? &s->check_addr : NULL);
	read_address(&agent_at, agent && agent->addr.len ? &agent->addr : NULL);
	command_say(session, "%u %s %u %s %s %u %u %u %u %u %u %u %u %u %u %u %u %s %u - %u %u %s %s %u", b->id,
		b->name, s->id, s->name, at.ip, operational_state(s), admin_state(s), (unsigned)atomic_load(&s->weight),
		s->weight_config, (unsigned)(now > s->last_change_s ? now - s->last_change_s : 0),
		check_status_number(s->check ? s->check->status : CHECK_INI), check_result(s), health_count(s),
		check_state(s), agent_state(s), b->id_forced, s->id_forced, s->hostname ? s->hostname : "-", at.port,
		s->tls ? 1u : 0u, s->has_check_port ? s->check_port : 0, check_at.ip, agent_at.ip,
		agent ? agent->port : 0u);
}

static void write_backend_state(struct admin_session *s, struct backend *b)
{
	pthread_mutex_lock(&b->lock);
	for (uint32_t i = 0; i < b->server_count; i++)
		write_state(s, b->servers[i]);
	pthread_mutex_unlock(&b->lock);
}

static void run_show_servers_state(struct admin_session *s, char **args, int count)
{
	(void)count;
	if (*args[0] && !find_backend(s, args[0]))
		return;
	command_say(s, "1");
	command_say(s,
		"# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
		"srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
		"srv_agent_state "
		"bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
		"srv_agent_addr srv_agent_port");
	for_backends(s, args[0], write_backend_state);
}

/* --- show servers conn --- */

static void write_conn(struct admin_session *session, const struct server *s)
{
	const struct backend *b = s->backend;
	struct place_text at;
	uint32_t idle = server_idle_connections(s), used = server_used_connections(s);

	read_target(&at, s);
	strbuf_printf(command_out(session), "%s/%s %u/%u %s %u - %u %u %u %u 0 %u %d %u", b->name, s->name, b->id,
		s->id, at.ip, at.port, s->pool_purge_delay_ms, used, used, used, idle,
		s->pool_max_conn == UINT32_MAX ? -1 : (int)s->pool_max_conn, idle);
	for (unsigned t = 0; t < b->threads; t++)
		strbuf_printf(command_out(session), " %u", (unsigned)atomic_load(&s->thread[t].idle_count));
	strbuf_byte(command_out(session), '\n');
}

static void write_backend_conn(struct admin_session *s, struct backend *b)
{
	pthread_mutex_lock(&b->lock);
	for (uint32_t i = 0; i < b->server_count; i++)
		write_conn(s, b->servers[i]);
	pthread_mutex_unlock(&b->lock);
}

static void run_show_servers_conn(struct admin_session *s, char **args, int count)
{
	(void)count;
	if (*args[0] && !find_backend(s, args[0]))
		return;
	command_say(s,
		"# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb "
		"idle_lim "
		"idle_cur idle_per_thr[%u]",
		loop_count() ? loop_count() : 1);
	for_backends(s, args[0], write_backend_conn);
}

/* --- show backend --- */

static void write_name(struct admin_session *s, struct backend *b)
{
	command_say(s, "%s", b->name);
}

static void run_show_backend(struct admin_session *s, char **args, int count)
{
	(void)args, (void)count;
	command_say(s, "# name");
	for_backends(s, "", write_name);
}

static const struct command_row rows[] = {
	{ { "show", "backend" }, NULL, "list backends in the current running config", LEVEL_USER, run_show_backend },
	{ { "show", "servers", "conn" }, "[<backend>]", "dump server connections status (all or for a single backend)",
		LEVEL_USER, run_show_servers_conn },
	{ { "show", "servers", "state" }, "[<backend>]",
		"dump volatile server information (all or for a single backend)", LEVEL_USER, run_show_servers_state },
};
const struct command_table server_list_commands = { rows, sizeof rows / sizeof *rows };
