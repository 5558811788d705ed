/* `show breaker`, Ballast's own: what circuit breakers, outlier ejection, retry budget and panic threshold do now. */
#include <inttypes.h>
#include <string.h>

#include "ballast/base/clock.h"
#include "ballast/event/loop.h"
#include "ballast/server/breaker.h"
#include "ballast/server/outlier.h"
#include "ballast/server/retry_budget.h"
#include "internal.h"
#include "proxies.h"

/* A backend or a server as it is now. */
struct farm_view {
	struct retry_budget_state retries;
	uint64_t refused;
	uint32_t ejected, panics;
	bool panic;
};

struct guard_view {
	const char *state, *order, *reason; /* NULL: no breaker */
	uint64_t seconds;                   /* since its last change */
	struct window_pair results, slow;
	uint32_t in_a_row, opened, ejections;
	uint64_t ejected_ms; /* for so long it still is ejected; 0: it is not */
};

static bool is_guarded(const struct backend *b)
{
	return b->guard || b->retry_budget || b->set.panic_percent;
}

static void read_farm(struct farm_view *v, struct backend *b)
{
	*v = (struct farm_view){ .panic = atomic_load(&b->panic), .ejected = outliers_ejected(b) };
	if (b->retry_budget)
		v->retries = retry_budget_read(b->retry_budget, loop_self->now_ms);
	v->refused = counters_sum(b->counters, sizeof b->counters[0], b->threads, COUNT_RETRIES_REFUSED);
	pthread_mutex_lock(&b->lock);
	v->panics = b->panics;
	pthread_mutex_unlock(&b->lock);
}

/* Under backend.lock. */
static void read_breaker(struct guard_view *v, const struct breaker *b)
{
	static const char *const orders[] = { "auto", "open", "close" };
	uint64_t now = clock_wall_us() / 1000000;

	v->state = breaker_state_name(atomic_load(&b->state));
	v->order = orders[b->order];
	v->seconds = now > b->since_s ? now - b->since_s : 0;
	v->results = window_pair(&b->results, loop_self->now_ms);
	v->slow = window_pair(&b->slow, loop_self->now_ms);
	v->in_a_row = atomic_load(&b->in_a_row);
	v->opened = b->opened;
	v->reason = b->reason;
}

/* Under backend.lock, which keeps `reason` as it is. */
static void read_guard(struct guard_view *v, const struct server *s)
{
	uint64_t now = loop_self->now_ms;

	*v = (struct guard_view){ .reason = "" };
	if (s->breaker)
		read_breaker(v, s->breaker);
	if (!s->outlier)
		return;
	v->ejections = s->outlier->ejections;
	v->ejected_ms = !s->outlier->until_ms ? 0 : s->outlier->until_ms > now ? s->outlier->until_ms - now : 1;
	if (v->ejected_ms || !*v->reason)
		v->reason = s->outlier->reason;
}

/* --- as text --- */

static void say_farm(struct admin_session *session, struct backend *b)
{
	struct farm_view v;

	read_farm(&v, b);
	command_say(session, "%s %s %u %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, b->name,
		v.panic ? "yes" : "no", v.panics, v.ejected, v.retries.requests, v.retries.retries, v.retries.allowed,
		v.refused);
}

static void say_server(struct admin_session *session, const struct server *s)
{
	struct guard_view v;

	read_guard(&v, s);
	command_say(session,
		"%s/%s %s %s %" PRIu64 " %" PRIu64 "/%" PRIu64 " %" PRIu64 "/%" PRIu64 " %u %u %" PRIu64 " %u %s",
		s->backend->name, s->name, v.state ? v.state : "-", v.state ? v.order : "-", v.seconds, v.results.bad,
		v.results.total, v.slow.bad, v.slow.total, v.in_a_row, v.opened, v.ejected_ms, v.ejections,
		*v.reason ? v.reason : "-");
}

/* --- as JSON --- */

static void json_text(struct strbuf *to, const char *name, const char *text)
{
	strbuf_printf(to, ",\"%s\":", name);
	strbuf_json(to, slice_from_str(text));
}

static void json_farm(struct strbuf *to, struct backend *b)
{
	struct farm_view v;

	read_farm(&v, b);
	strbuf_str(to, "{\"backend\":");
	strbuf_json(to, slice_from_str(b->name));
	strbuf_printf(to,
		",\"panic\":%s,\"panics\":%u,\"ejected\":%u,\"requests\":%" PRIu64 ",\"retries\":%" PRIu64
		",\"retries_allowed\":%" PRIu64 ",\"retries_refused\":%" PRIu64 ",\"servers\":[",
		v.panic ? "true" : "false", v.panics, v.ejected, v.retries.requests, v.retries.retries,
		v.retries.allowed, v.refused);
}

static void json_server(struct strbuf *to, const struct server *s)
{
	struct guard_view v;

	read_guard(&v, s);
	strbuf_str(to, "{\"server\":");
	strbuf_json(to, slice_from_str(s->name));
	if (v.state) {
		json_text(to, "breaker", v.state);
		json_text(to, "order", v.order);
	}
	strbuf_printf(to,
		",\"seconds\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"answers\":%" PRIu64
		",\"slow\":%" PRIu64 ",\"in_a_row\":%u,\"opened\":%u,\"ejected_ms\":%" PRIu64 ",\"ejections\":%u",
		v.seconds, v.results.total, v.results.bad, v.slow.total, v.slow.bad, v.in_a_row, v.opened, v.ejected_ms,
		v.ejections);
	json_text(to, "reason", v.reason);
	strbuf_byte(to, '}');
}

/* --- the command --- */

/* Calls for each server of the backend, or the one that is asked for. */
static void each_server(struct admin_session *session, struct backend *b, const struct server *only, bool json)
{
	bool first = true;

	pthread_mutex_lock(&b->lock);
	for (uint32_t i = 0; b->guard && i < b->server_count; i++) {
		if (only && only != b->servers[i])
			continue;
		if (json && !first)
			strbuf_byte(command_out(session), ',');
		first = false;
		if (json)
			json_server(command_out(session), b->servers[i]);
		else
			say_server(session, b->servers[i]);
	}
	pthread_mutex_unlock(&b->lock);
}

static bool next_guarded(struct proxies *p, const struct backend *only)
{
	while (proxies_next(p))
		if (p->backend && is_guarded(p->backend) && (!only || only == p->backend))
			return true;
	return false;
}

static void show_text(struct admin_session *session, const struct backend *only, const struct server *server)
{
	struct proxies p;

	command_say(session, "# backend panic panics ejected requests retries retries_allowed retries_refused");
	proxies_start(&p, command_graph(session));
	while (next_guarded(&p, only))
		say_farm(session, p.backend);
	command_say(session,
		"# backend/server breaker order seconds errors/requests slow/answers in_a_row opened ejected_ms "
		"ejections reason");
	proxies_start(&p, command_graph(session));
	while (next_guarded(&p, only))
		each_server(session, p.backend, server, false);
}

static void show_json(struct admin_session *session, const struct backend *only, const struct server *server)
{
	struct strbuf *to = command_out(session);
	struct proxies p;
	const char *comma = "";

	proxies_start(&p, command_graph(session));
	strbuf_byte(to, '[');
	while (next_guarded(&p, only)) {
		strbuf_str(to, comma);
		json_farm(to, p.backend);
		each_server(session, p.backend, server, true);
		strbuf_str(to, "]}");
		comma = ",";
	}
	strbuf_str(to, "]\n");
}

static void run_show_breaker(struct admin_session *session, char **args, int count)
{
	const struct backend *only = NULL;
	const struct server *server = NULL;
	bool json = count > 0 && !strcmp(args[count - 1], "json");

	if (count > json && strchr(args[0], '/')) {
		server = find_server(session, args[0]);
		only = server ? server->backend : NULL;
	} else if (count > json) {
		only = find_backend(session, args[0]);
	}
	if (count > json && !only)
		return;
	if (json)
		show_json(session, only, server);
	else
		show_text(session, only, server);
}

static const struct command_row rows[] = {
	{ { "show", "breaker" }, "[<bk>[/<srv>]] [json]",
		"show circuit breakers, ejected servers, retry budgets and panic", LEVEL_USER, run_show_breaker },
};
const struct command_table breaker_commands = { rows, sizeof rows / sizeof *rows };
