/* check: has the health checks of servers run, each on one worker's loop, and applies their results.
 *
 * A check is a run of the backend's script (check_run.c), which at least connects; then a pause, `inter`,
 * `fastinter` or `downinter` by the server's state.  Results move check_count between 0 and rise + fall - 1: below
 * `rise` the server is down.  A success while up fills it, a failure while down empties it, as HAProxy does.
 */
#include "ballast/server/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_private.h"
#include "internal.h"

struct status_row {
	const char *code, *text;
	unsigned number; /* in `show servers state` */
	bool passed;
};

static const struct status_row status_rows[CHECK_STATUS_COUNT] = {
	[CHECK_UNKNOWN] = { "UNK", "Unknown", 0, false },
	[CHECK_INI] = { "INI", "Initializing", 1, false },
	[CHECK_CHECKED] = { "CHECKED", "No status change", 3, true },
	[CHECK_HANA] = { "HANA", "Health analyze", 4, false },
	[CHECK_SOCKERR] = { "SOCKERR", "Socket error", 5, false },
	[CHECK_L4OK] = { "L4OK", "Layer4 check passed", 6, true },
	[CHECK_L4TOUT] = { "L4TOUT", "Layer4 timeout", 7, false },
	[CHECK_L4CON] = { "L4CON", "Layer4 connection problem", 8, false },
	[CHECK_L6OK] = { "L6OK", "Layer6 check passed", 9, true },
	[CHECK_L6TOUT] = { "L6TOUT", "Layer6 timeout", 10, false },
	[CHECK_L6RSP] = { "L6RSP", "Layer6 invalid response", 11, false },
	[CHECK_L7OK] = { "L7OK", "Layer7 check passed", 15, true },
	[CHECK_L7OKC] = { "L7OKC", "Layer7 check conditionally passed", 16, true },
	[CHECK_L7TOUT] = { "L7TOUT", "Layer7 timeout", 12, false },
	[CHECK_L7RSP] = { "L7RSP", "Layer7 invalid response", 13, false },
	[CHECK_L7STS] = { "L7STS", "Layer7 wrong status", 17, false },
};

const char *check_status_code(enum check_status s)
{
	return status_rows[s].code;
}

const char *check_status_text(enum check_status s)
{
	return status_rows[s].text;
}

unsigned check_status_number(enum check_status s)
{
	return status_rows[s].number;
}

bool check_status_passed(enum check_status s)
{
	return status_rows[s].passed;
}

bool check_status_has_code(enum check_status s)
{
	return s == CHECK_L7OK || s == CHECK_L7OKC || s == CHECK_L7STS;
}

static unsigned spread_percent;

void checks_set_spread(unsigned percent)
{
	spread_percent = percent;
}

void check_result_set(struct check_result *r, enum check_status status, const char *text)
{
	r->status = status;
	r->own_lack = false;
	r->code = 0;
	snprintf(r->text, sizeof r->text, "%s", text);
}

bool check_is_own_lack(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -ENOBUFS;
}

void check_result_errno(struct check_result *r, int err)
{
	check_result_set(r, CHECK_SOCKERR, strerror(-err));
	r->own_lack = check_is_own_lack(err);
}

/* --- what a result does; under backend.lock --- */

/* ", reason: Layer7 wrong status, code: 503, info: \"Service Unavailable\", check duration: 2ms" */
void check_describe(const struct check *c, char *to, size_t room)
{
	char code[24] = "", info[CHECK_TEXT_MAX + 16] = "", duration[40] = "";

	if (c->code || check_status_has_code(c->status))
		snprintf(code, sizeof code, ", code: %u", c->code);
	if (c->text[0])
		snprintf(info, sizeof info, ", info: \"%s\"", c->text);
	if (c->status != CHECK_HANA)
		snprintf(duration, sizeof duration, ", check duration: %" PRIu32 "ms", c->duration_ms);
	snprintf(to, room, ", reason: %s%s%s%s", check_status_text(c->status), code, info, duration);
}

void check_log(const struct check *c, const char *what, unsigned count, unsigned rise, unsigned fall)
{
	const struct server *s = c->server;
	bool up = count >= rise, passed = check_status_passed(c->status);

	log_event(&s->backend->log, LOG_L_NOTICE, "%s for %sserver %s/%s %s%s%s, status: %u/%u %s.", c->role->name,
		s->backup ? "backup " : "", s->backend->name, s->name, c->status == CHECK_L7OKC ? "conditionally " : "",
		passed ? "succeeded" : "failed", what, up ? count - rise + 1 : count, up ? fall : rise,
		up ? "UP" : "DOWN");
}

static void count_result(struct server *s, bool passed)
{
	uint16_t full = (uint16_t)(s->rise + s->fall - 1);

	if (passed) {
		if (s->check_count < full && ++s->check_count >= s->rise)
			s->check_count = full;
		return;
	}
	if (s->check_count >= s->rise)
		s->check_failures++;
	s->check_count = s->check_count > s->rise ? s->check_count - 1 : 0;
}

void check_store(struct check *c, const struct check_result *r)
{
	c->status = (uint8_t)r->status;
	c->code = r->code;
	c->duration_ms = (uint32_t)((clock_mono_ns() - c->start_ns) / 1000000);
	c->measured = true;
	memcpy(c->text, r->text, sizeof c->text);
}

static bool is_paused(const struct check *c)
{
	return !c->enabled || atomic_load(&c->server->admin) & (SERVER_ANY_MAINT | SERVER_UNRESOLVED);
}

/* What the present result is to the log and to the server; `news`: it differs from the one before. */
static void follow_result(struct check *c, bool news)
{
	struct server *s = c->server;
	bool logs = s->backend->set.log_health_checks;
	char what[CHECK_TEXT_MAX + 160];

	check_describe(c, what, sizeof what);
	if (logs && news)
		check_log(c, what, s->check_count, s->rise, s->fall);
	if (s->check_count < s->rise)
		server_apply_health(s, SERVER_DOWN, logs ? "" : what);
	else if (check_status_passed(c->status) && !s->agent_down)
		server_apply_health(s, c->status == CHECK_L7OKC ? SERVER_STOPPING : SERVER_UP, logs ? "" : what);
}

/* One that is about to leave is not brought up by saying so. */
static bool counts(const struct server *s, const struct check_result *r)
{
	return r->status != CHECK_L7OKC || atomic_load(&s->health) != SERVER_DOWN;
}

static void apply_result(struct check *c, const struct check_result *r)
{
	struct server *s = c->server;
	unsigned old_status = c->status, old_count = s->check_count;

	check_store(c, r);
	if (counts(s, r))
		count_result(s, check_status_passed(r->status));
	follow_result(c, c->status != old_status || s->check_count != old_count);
}

/* --- when the next one is due --- */

static uint32_t fast_interval_ms(const struct server *s)
{
	return s->fastinter_ms ? s->fastinter_ms : s->inter_ms;
}

static uint32_t interval_ms(const struct check *c)
{
	const struct server *s = c->server;

	if (s->check_count == s->rise + s->fall - 1)
		return s->inter_ms;
	if (s->check_count == 0)
		return s->downinter_ms ? s->downinter_ms : s->inter_ms;
	return fast_interval_ms(s);
}

/* `ms`, give or take spread-checks percent. */
static uint32_t spread(uint32_t ms)
{
	uint32_t by = (uint32_t)((uint64_t)ms * spread_percent / 100);

	return by ? ms - by + arc4random_uniform(2 * by + 1) : ms;
}

/* Intervals are from start to start. */
static void schedule_next(struct check *c)
{
	uint32_t interval, taken = (uint32_t)((clock_mono_ns() - c->start_ns) / 1000000);

	pthread_mutex_lock(&c->server->backend->lock);
	interval = spread(c->role->interval_ms(c));
	pthread_mutex_unlock(&c->server->backend->lock);
	loop_timer_set(&c->next, interval > taken ? interval - taken : 1);
}

/* On the check's own thread. */
static void hurry_run(struct post *p)
{
	struct check *c = container_of(p, struct check, hurry);
	uint32_t soon = spread(fast_interval_ms(c->server));

	pthread_mutex_lock(&c->server->backend->lock);
	c->hurried = false;
	pthread_mutex_unlock(&c->server->backend->lock);
	if (timer_armed(&c->next) && c->next.due_ms > loop_self->wheel.now_ms + soon)
		loop_timer_set(&c->next, soon);
}

static void hurry(struct check *c)
{
	if (c->hurried || !loop_count())
		return;
	c->hurried = true;
	loop_post(loop_at(c->thread), &c->hurry);
}

void check_observed(struct check *c, const char *info)
{
	struct server *s = c->server;

	if (is_paused(c) || atomic_load(&s->health) == SERVER_DOWN)
		return;
	c->observed++;
	hurry(c);
	if (s->on_error == ON_ERROR_FASTINTER)
		return;
	if (s->on_error == ON_ERROR_SUDDEN_DEATH && s->check_count > s->rise + 1)
		s->check_count = (uint16_t)(s->rise + 1);
	if (s->on_error == ON_ERROR_MARK_DOWN)
		s->check_count = s->rise;
	c->status = CHECK_HANA;
	c->code = 0;
	c->measured = true;
	snprintf(c->text, sizeof c->text, "%s", info);
	count_result(s, false);
	follow_result(c, true);
}

/* --- one check --- */

static void check_close(struct check *c, const struct check_result *r)
{
	loop_timer_clear(&c->deadline);
	if (c->run)
		check_run_free(c->run, r);
	c->run = NULL;
	c->running = false;
}

void check_finish(struct check *c, const struct check_result *r)
{
	check_close(c, r);
	pthread_mutex_lock(&c->server->backend->lock);
	if (r->own_lack)
		log_event(&c->server->backend->log, LOG_L_WARNING, "%s for server %s/%s could not be made: %s.",
			c->role->name, c->server->backend->name, c->server->name, r->text);
	else if (!c->role->is_paused(c))
		c->role->apply(c, r);
	pthread_mutex_unlock(&c->server->backend->lock);
	schedule_next(c);
}

static void deadline_fire(struct timer *t)
{
	struct check *c = container_of(t, struct check, deadline);
	struct check_result r = { 0 };

	check_run_timeout(c->run, &r);
	check_finish(c, &r);
}

static void check_begin(struct check *c)
{
	struct check_result r = { 0 };

	c->running = true;
	c->run = check_run_new(c, c->role->script(c));
	if (!c->run)
		check_result_errno(&r, -ENOMEM);
	else if (!check_run_go(c->run, &r))
		return;
	check_finish(c, &r);
}

static void next_fire(struct timer *t)
{
	struct check *c = container_of(t, struct check, next);
	bool paused;

	c->start_ns = clock_mono_ns();
	pthread_mutex_lock(&c->server->backend->lock);
	paused = c->role->is_paused(c);
	pthread_mutex_unlock(&c->server->backend->lock);
	if (paused)
		schedule_next(c);
	else
		check_begin(c);
}

/* --- a server's own health --- */

/* The address to check: `addr` and `port` where they are given, else the server's own. Under backend.lock. */
static int place_of(const struct server *s, struct endpoint *to)
{
	const struct server_target *t = atomic_load(&s->target);
	union addr port = { .family = AF_UNSPEC };

	if (t && t->at.len)
		*to = t->at;
	if (!t && !s->check_addr.len)
		return -EADDRNOTAVAIL;
	if (t && to->sa.sa_family != AF_UNIX)
		port = to->ip;
	if (s->check_addr.len)
		*to = s->check_addr;
	if (to->sa.sa_family == AF_UNIX)
		return 0;
	if (s->has_check_port)
		addr_set_port(&to->ip, s->check_port);
	else if (!addr_port(&to->ip))
		addr_set_port(&to->ip, addr_port(&port));
	return 0;
}

static int target_of(const struct check *c, struct endpoint *to)
{
	int err;

	pthread_mutex_lock(&c->server->backend->lock);
	err = place_of(c->server, to);
	pthread_mutex_unlock(&c->server->backend->lock);
	return err;
}

static const struct check_script *script_of(const struct check *c)
{
	return check_script_of(&c->server->backend->checks);
}

static uint32_t inter_ms(const struct check *c)
{
	return c->server->inter_ms;
}

static const struct check_role health_role = {
	.name = "Health check",
	.of_server = true,
	.target = target_of,
	.script = script_of,
	.inter_ms = inter_ms,
	.is_paused = is_paused,
	.interval_ms = interval_ms,
	.apply = apply_result,
};

/* --- made, started, stopped --- */

void check_prepare(struct check *c, struct server *s, const struct check_role *role)
{
	c->conn.watch.fd = -1;
	c->server = s;
	c->role = role;
	c->enabled = true;
	c->status = CHECK_INI;
	timer_init(&c->next, next_fire);
	timer_init(&c->deadline, deadline_fire);
	c->hurry.run = hurry_run;
}

struct check *check_new(struct server *s)
{
	struct check *c = calloc(1, sizeof *c);

	if (c)
		check_prepare(c, s, &health_role);
	return c;
}

void check_free(struct check *c)
{
	free(c);
}

void check_inherit(struct check *now, const struct check *old)
{
	now->enabled = old->enabled;
	now->status = old->status;
	now->code = old->code;
	now->duration_ms = old->duration_ms;
	now->measured = old->measured;
	memcpy(now->text, old->text, sizeof now->text);
	now->observed = old->observed;
	now->inherited = true;
	now->due_ms = old->running ? 0 : old->next.due_ms;
}

/* Until the first one; for one that follows another, as long as that would have waited. */
static uint32_t first_wait(const struct check *c)
{
	const struct server *s = c->server;
	uint64_t now = loop_self->wheel.now_ms;

	if (c->inherited)
		return c->due_ms > now ? (uint32_t)(c->due_ms - now) : 1;
	return spread((uint32_t)((uint64_t)c->role->inter_ms(c) * s->slot / s->backend->server_count));
}

static void start(struct check *c)
{
	if (!c)
		return;
	c->thread = loop_self->index;
	loop_timer_set(&c->next, first_wait(c));
}

/* The servers of a backend take turns within their interval, so that checks come evenly. */
static void start_own(struct backend *b)
{
	for (uint32_t i = loop_self->index; i < b->server_count; i += loop_count()) {
		struct server *s = b->servers[i];
		track_tell(s); /* what it is from the start */
		start(s->check);
		start(s->agent);
	}
}

void checks_start_thread(struct backend *all)
{
	for (struct backend *b = all; b; b = b->next)
		if (!b->disabled)
			start_own(b);
}

static void stop(struct check *c)
{
	if (!c)
		return;
	loop_timer_clear(&c->next);
	if (c->running)
		check_close(c, NULL);
}

static void stop_own(struct backend *b)
{
	for (uint32_t i = loop_self->index; i < b->server_count; i += loop_count()) {
		slowstart_stop(b->servers[i]);
		stop(b->servers[i]->check);
		stop(b->servers[i]->agent);
	}
}

void checks_follow_thread(struct backend *old, struct backend *now)
{
	checks_stop_thread(old);
	checks_start_thread(now);
}

void checks_stop_thread(struct backend *all)
{
	for (struct backend *b = all; b; b = b->next)
		stop_own(b);
}

void check_set_enabled(struct server *s, bool on)
{
	if (!s->check)
		return;
	pthread_mutex_lock(&s->backend->lock);
	s->check->enabled = on;
	if (!on && atomic_load(&s->health) == SERVER_DOWN) {
		s->check_count = s->rise;
		server_apply_health(s, SERVER_UP, ", its health check was disabled");
	}
	pthread_mutex_unlock(&s->backend->lock);
}

void check_set_addr(struct server *s, const union addr *addr)
{
	struct endpoint at = { .len = addr_len(addr), .fd = -1, .ip = *addr };

	pthread_mutex_lock(&s->backend->lock);
	s->check_addr = at;
	pthread_mutex_unlock(&s->backend->lock);
}

void check_set_port(struct server *s, uint16_t port)
{
	pthread_mutex_lock(&s->backend->lock);
	s->has_check_port = port;
	s->check_port = port;
	pthread_mutex_unlock(&s->backend->lock);
}
