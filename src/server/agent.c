/* agent: the agent check of a server (`agent-check`): a line of words from a program beside it, which sets its weight, its
 * limit, its administrative state, or takes it down.
 *
 * It is a check like others: a script of a connection, what is sent, and a line that must come; only what its result
 * does is another thing.  An agent that cannot be reached changes nothing.  Address, port and text can be changed at run
 * time: each run takes a copy of them.  HAProxy's manual tells the words ("agent-check").
 */
#include "ballast/server/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "check_private.h"
#include "internal.h"

enum { WEIGHT_MAX = 256 };

struct agent {
	struct check check; /* first: freed as it */
	/* of the check's thread, while it runs */
	struct agent_settings now;
	struct check_step steps[3];
	struct check_script script;
};

static struct agent *agent_of(const struct check *c)
{
	return container_of(c, struct agent, check);
}

/* --- the line --- */

/* What an agent said; what it did not speak of stays as it is. */
struct words {
	int32_t weight_percent, weight; /* -1: nothing */
	int64_t maxconn;
	const char *admin, *state; /* "ready", "drain", "maint"; "up", "down", "fail", "stopped" */
	struct slice unknown, reason;
};

static bool number_behind(struct slice word, const char *prefix, uint64_t max, uint64_t *out)
{
	size_t len = strlen(prefix);

	return slice_starts_with(word, slice_of(prefix, len)) && slice_to_u64(slice_skip(word, len), out) == 0 &&
	       *out <= max;
}

static bool read_weight(struct words *w, struct slice word)
{
	bool percent = slice_ends_with(word, SLICE("%"));
	struct slice digits = percent ? slice_of(word.ptr, word.len - 1) : word;
	uint64_t n;

	if (number_behind(digits, "weight:", percent ? 1000000 : WEIGHT_MAX, &n) ||
		(percent && number_behind(digits, "", 1000000, &n))) {
		*(percent ? &w->weight_percent : &w->weight) = (int32_t)n;
		return true;
	}
	return false;
}

static const char *one_of(struct slice word, const char *const *names)
{
	while (*names && !slice_eq_icase(word, slice_from_str(*names)))
		names++;
	return *names;
}

static void read_word(struct words *w, struct slice word)
{
	static const char *const admins[] = { "ready", "drain", "maint", NULL };
	static const char *const states[] = { "up", "down", "fail", "stopped", NULL };
	const char *admin = one_of(word, admins), *state = one_of(word, states);
	uint64_t n;

	if (admin)
		w->admin = admin;
	else if (state)
		w->state = state;
	else if (number_behind(word, "maxconn:", INT32_MAX, &n))
		w->maxconn = (int64_t)n;
	else if (!read_weight(w, word) && !w->unknown.len)
		w->unknown = word;
}

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* Behind '#' stands a reason, for people. */
static struct words read_line(struct slice line)
{
	struct words w = { .weight_percent = -1, .weight = -1, .maxconn = -1 };
	ptrdiff_t sharp = slice_find_byte(line, '#');
	size_t at = 0, begin;

	if (sharp >= 0) {
		w.reason = slice_skip(line, (size_t)sharp + 1);
		while (w.reason.len && is_gap(w.reason.ptr[0]))
			w.reason = slice_skip(w.reason, 1);
		line = slice_of(line.ptr, (size_t)sharp);
	}
	while (at < line.len) {
		for (begin = at; at < line.len && !is_gap(line.ptr[at]); at++)
			;
		if (at > begin)
			read_word(&w, slice_of(line.ptr + begin, at - begin));
		else
			at++;
	}
	return w;
}

/* --- what it does; under backend.lock --- */

/* Where weights cannot change, only nothing and all of it can be had. */
static void set_weight(struct server *s, const struct words *w)
{
	uint64_t weight = w->weight >= 0 ? (uint64_t)w->weight : (uint64_t)w->weight_percent * s->weight_config / 100;

	if (w->weight < 0 && w->weight_percent < 0)
		return;
	if (weight > WEIGHT_MAX)
		weight = WEIGHT_MAX;
	if (weight && weight != s->weight_config && backend_has_fixed_weights(s->backend))
		return;
	if (weight != load_relaxed(&s->weight))
		server_apply_weight(s, (unsigned)weight);
}

static void set_admin(struct server *s, const char *admin)
{
	if (!admin)
		return;
	s->agent_drains = strcmp(admin, "drain") == 0;
	if (strcmp(admin, "ready") == 0)
		server_change_admin(s, 0, SERVER_MAINT | SERVER_DRAIN);
	else if (s->agent_drains)
		server_change_admin(s, SERVER_DRAIN, SERVER_MAINT);
	else
		server_change_admin(s, SERVER_MAINT, 0);
}

static bool is_healthy(const struct server *s)
{
	return !s->check || !s->check->enabled || s->check_count >= s->rise;
}

static void set_down(struct server *s, bool down, const char *what)
{
	s->agent_down = down;
	if (down)
		server_apply_health(s, SERVER_DOWN, what);
	else if (is_healthy(s) && atomic_load(&s->health) == SERVER_DOWN)
		server_apply_health(s, SERVER_UP, what);
}

static void apply(struct check *c, const struct check_result *r)
{
	struct server *s = c->server;
	bool logs = s->backend->set.log_health_checks, was_down = s->agent_down;
	unsigned old_status = c->status;
	char what[CHECK_TEXT_MAX + 160];

	check_store(c, r);
	check_describe(c, what, sizeof what);
	if (logs && c->status != CHECK_CHECKED && (c->status != old_status || was_down != (r->status == CHECK_L7STS)))
		check_log(c, what, r->status == CHECK_L7STS || (was_down && r->status != CHECK_L7OK) ? 0 : 1, 1, 1);
	if (r->status == CHECK_L7STS || r->status == CHECK_L7OK)
		set_down(s, r->status == CHECK_L7STS, logs ? "" : what);
}

/* --- the answer --- */

static void act(struct server *s, const struct words *w)
{
	pthread_mutex_lock(&s->backend->lock);
	if (s->agent->enabled) {
		set_weight(s, w);
		if (w->maxconn >= 0 && (uint32_t)w->maxconn != load_relaxed(&s->maxconn_now))
			server_apply_maxconn(s, (uint32_t)w->maxconn);
		set_admin(s, w->admin);
	}
	pthread_mutex_unlock(&s->backend->lock);
}

static void tell_state(const struct words *w, struct check_result *r)
{
	bool up = strcmp(w->state, "up") == 0;

	check_result_set(r, up ? CHECK_L7OK : CHECK_L7STS, "");
	snprintf(r->text, sizeof r->text, "via agent : %s%s%.*s%s", w->state, w->reason.len ? " (" : "",
		(int)w->reason.len, w->reason.len ? w->reason.ptr : "", w->reason.len ? ")" : "");
}

/* Bytes before the line's end; all of them where it is not there yet. */
static size_t line_length(struct slice s)
{
	size_t len = 0;

	while (len < s.len && s.ptr[len] != '\r' && s.ptr[len] != '\n')
		len++;
	return len;
}

static enum expect_verdict judge(struct check_run *run, const struct check_response *got, struct check_result *r)
{
	size_t len = line_length(got->payload);
	struct words w;

	if (len == got->payload.len) {
		if (!got->ended)
			return VERDICT_PENDING;
		check_result_set(r, CHECK_L7TOUT, "Ignoring incomplete line from agent");
		return VERDICT_FAILED;
	}
	w = read_line(slice_of(got->payload.ptr, len));
	check_result_set(r, CHECK_CHECKED, "");
	if (w.state)
		tell_state(&w, r);
	else if (w.unknown.len)
		snprintf(r->text, sizeof r->text, "agent reports an error : %.*s", (int)w.unknown.len, w.unknown.ptr);
	act(run->check->server, &w);
	return check_status_passed(r->status) ? VERDICT_PASSED : VERDICT_FAILED;
}

/* --- its script --- */

static const struct check_script *script_of(const struct check *c)
{
	struct agent *a = agent_of(c);
	struct check_step *to = a->steps;

	pthread_mutex_lock(&c->server->backend->lock);
	a->now = *c->server->agent_settings;
	pthread_mutex_unlock(&c->server->backend->lock);
	*to++ = (struct check_step){ .kind = STEP_CONNECT, .implied = true, .connect.addr.fd = -1 };
	if (a->now.send[0])
		*to++ = (struct check_step){ .kind = STEP_SEND, .send.text = slice_from_str(a->now.send) };
	*to++ = (struct check_step){ .kind = STEP_EXPECT,
		.number = 2,
		.expect = { .kind = EXPECT_OTHER,
			.judge = judge,
			.what = "",
			.error = CHECK_L7RSP,
			.timeout = CHECK_L7TOUT } };
	a->script =
		(struct check_script){ .ready = true, .sealed = a->steps, .sealed_count = (uint32_t)(to - a->steps) };
	return &a->script;
}

static int target_of(const struct check *c, struct endpoint *to)
{
	const struct agent_settings *set = &agent_of(c)->now;
	const struct server *s = c->server;
	const struct server_target *t = hazard_protect(hazard_own(), (_Atomic(void *) *)&s->target);

	if (set->addr.len)
		*to = set->addr;
	else if (t && t->at.len)
		*to = t->at;
	hazard_clear(hazard_own());
	if (!to->len || to->sa.sa_family == AF_UNIX)
		return -EADDRNOTAVAIL;
	addr_set_port(&to->ip, set->port);
	return 0;
}

static uint32_t inter_ms(const struct check *c)
{
	return c->server->agent_inter_ms;
}

/* In maintenance, too: it is for the agent to end it. */
static bool is_paused(const struct check *c)
{
	return !c->enabled;
}

static const struct check_role agent_role = {
	.name = "Agent check",
	.target = target_of,
	.script = script_of,
	.inter_ms = inter_ms,
	.is_paused = is_paused,
	.interval_ms = inter_ms,
	.apply = apply,
};

/* --- made, changed --- */

int agent_new(struct server *s)
{
	struct agent *a;

	if (!s->agent_settings || !s->agent_enabled)
		return 0;
	a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	check_prepare(&a->check, s, &agent_role);
	s->agent = &a->check;
	return 0;
}

void agent_set_enabled(struct server *s, bool on)
{
	pthread_mutex_lock(&s->backend->lock);
	s->agent->enabled = on;
	if (!on && s->agent_down)
		set_down(s, false, ", its agent check was disabled");
	pthread_mutex_unlock(&s->backend->lock);
}

void agent_force(struct server *s, bool up)
{
	pthread_mutex_lock(&s->backend->lock);
	set_down(s, !up, ", changed from CLI");
	pthread_mutex_unlock(&s->backend->lock);
}

void agent_read_settings(struct server *s, struct agent_settings *out)
{
	pthread_mutex_lock(&s->backend->lock);
	*out = *s->agent_settings;
	pthread_mutex_unlock(&s->backend->lock);
}

void agent_change_settings(struct server *s, const struct agent_settings *set)
{
	pthread_mutex_lock(&s->backend->lock);
	*s->agent_settings = *set;
	pthread_mutex_unlock(&s->backend->lock);
}
