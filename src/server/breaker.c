/* breaker: see breaker.h.
 *
 * A result costs a compare-and-swap in a window.  Only one that is bad looks at the windows, and only one that trips takes
 * the lock; there the state is looked at again, as another thread may have been first.
 */
#include "ballast/server/breaker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

const char *breaker_state_name(enum breaker_state s)
{
	static const char *const names[] = { "closed", "open", "half-open" };

	return names[s];
}

static void count_anew(struct breaker *b)
{
	window_clear(&b->results);
	window_clear(&b->slow);
	store_relaxed(&b->in_a_row, 0);
}

/* --- changes of state, under backend.lock --- */

static void enter_state(struct breaker *b, enum breaker_state s)
{
	atomic_store(&b->state, s);
	b->since_s = wall_seconds();
}

static void open_up(struct server *s, uint64_t now_ms)
{
	struct breaker *b = s->breaker;
	char what[BREAKER_REASON_MAX + 96], time[16] = "good";

	enter_state(b, BREAKER_OPEN);
	b->opened++;
	b->until_ms = now_ms + b->open_ms;
	if (b->order == BREAKER_AUTO)
		duration_text(b->open_ms, time);
	snprintf(what, sizeof what, "is shut out by its circuit breaker for %s, reason: %s", time, b->reason);
	server_set_bars(s, BAR_BREAKER, BAR_PROBES, LOG_L_WARNING, what);
}

static void begin_trial(struct server *s, uint64_t now_ms)
{
	struct breaker *b = s->breaker;
	char what[96];

	atomic_store(&b->successes, 0);
	atomic_store(&b->probing_ms, now_ms);
	atomic_store(&s->probes, (int32_t)b->set->half_open);
	b->until_ms = now_ms + b->set->open_ms;
	enter_state(b, BREAKER_HALF_OPEN);
	snprintf(what, sizeof what, "is on trial by its circuit breaker, %u requests are let through",
		b->set->half_open);
	server_set_bars(s, BAR_PROBES, BAR_BREAKER, LOG_L_NOTICE, what);
}

static void close_down(struct server *s, const char *why)
{
	struct breaker *b = s->breaker;
	char what[96];

	count_anew(b);
	b->open_ms = b->set->open_ms;
	enter_state(b, BREAKER_CLOSED);
	snprintf(what, sizeof what, "is taken back by its circuit breaker, %s", why);
	server_set_bars(s, 0, BAR_BREAKER | BAR_PROBES, LOG_L_NOTICE, what);
}

/* --- results while it is closed --- */

/* Opens, unless it is not closed any more. */
static void trip(struct server *s, const char *reason, uint64_t now_ms)
{
	struct breaker *b = s->breaker;

	pthread_mutex_lock(&s->backend->lock);
	if (atomic_load(&b->state) == BREAKER_CLOSED && b->order == BREAKER_AUTO) {
		snprintf(b->reason, sizeof b->reason, "%s", reason);
		open_up(s, now_ms);
	}
	pthread_mutex_unlock(&s->backend->lock);
}

static bool is_above(struct window_pair p, uint32_t percent, uint32_t min)
{
	return p.total >= min && p.bad * 100 >= p.total * percent;
}

static void judge_row(struct server *s, uint32_t row, const struct server_result *r)
{
	char reason[BREAKER_REASON_MAX], text[32];

	snprintf(reason, sizeof reason, "%u requests failed in a row, the last one with %s", row,
		server_result_text(r, text, sizeof text));
	trip(s, reason, r->now_ms);
}

static void judge_errors(struct server *s, const struct server_result *r)
{
	const struct breaker_settings *set = s->breaker->set;
	struct window_pair p = window_pair(&s->breaker->results, r->now_ms);
	char reason[BREAKER_REASON_MAX], over[16], text[32];

	if (!is_above(p, set->errors_percent, set->min))
		return;
	snprintf(reason, sizeof reason,
		"%u of %u requests failed in the last %s (%u%%, limit %u%%), the last one with %s", (unsigned)p.bad,
		(unsigned)p.total, duration_text(set->over_ms, over), window_percent(p), set->errors_percent,
		server_result_text(r, text, sizeof text));
	trip(s, reason, r->now_ms);
}

static void judge_slowness(struct server *s, const struct server_result *r)
{
	const struct breaker_settings *set = s->breaker->set;
	struct window_pair p = window_pair(&s->breaker->slow, r->now_ms);
	char reason[BREAKER_REASON_MAX], over[16], limit[16];

	if (!is_above(p, set->slow_percent, set->min))
		return;
	snprintf(reason, sizeof reason, "%u of %u answers in the last %s took more than %s (%u%%, limit %u%%)",
		(unsigned)p.bad, (unsigned)p.total, duration_text(set->over_ms, over),
		duration_text(set->slow_ms, limit), window_percent(p), set->slow_percent);
	trip(s, reason, r->now_ms);
}

static bool is_slow(const struct breaker *b, const struct server_result *r)
{
	return b->set->slow_ms && r->measured && r->latency_us > (uint64_t)b->set->slow_ms * 1000;
}

static void note_error(struct server *s, const struct server_result *r)
{
	struct breaker *b = s->breaker;
	uint32_t row = atomic_fetch_add_explicit(&b->in_a_row, 1, memory_order_relaxed) + 1;

	window_count(&b->results, r->now_ms, 1, 1);
	if (b->set->consecutive && row >= b->set->consecutive)
		judge_row(s, row, r);
	else if (b->set->errors_percent)
		judge_errors(s, r);
}

static void note_success(struct server *s, const struct server_result *r)
{
	struct breaker *b = s->breaker;

	window_count(&b->results, r->now_ms, 1, 0);
	if (load_relaxed(&b->in_a_row))
		store_relaxed(&b->in_a_row, 0);
	if (!b->set->slow_ms || !r->measured)
		return;
	window_count(&b->slow, r->now_ms, 1, is_slow(b, r));
	if (is_slow(b, r))
		judge_slowness(s, r);
}

/* --- results of probes --- */

static void probe_failed(struct server *s, const struct server_result *r)
{
	struct breaker *b = s->breaker;
	char text[32];

	pthread_mutex_lock(&s->backend->lock);
	if (atomic_load(&b->state) == BREAKER_HALF_OPEN && b->order == BREAKER_AUTO) {
		uint64_t twice = (uint64_t)b->open_ms * 2;
		b->open_ms = twice < b->set->open_max_ms ? (uint32_t)twice : b->set->open_max_ms;
		if (server_result_failed(r))
			snprintf(b->reason, sizeof b->reason, "a request on trial failed with %s",
				server_result_text(r, text, sizeof text));
		else
			snprintf(b->reason, sizeof b->reason, "a request on trial took %ums", r->latency_us / 1000);
		open_up(s, r->now_ms);
	}
	pthread_mutex_unlock(&s->backend->lock);
}

static void probe_succeeded(struct server *s)
{
	struct breaker *b = s->breaker;
	char why[48];

	if (atomic_fetch_add(&b->successes, 1) + 1 < b->set->half_open)
		return;
	pthread_mutex_lock(&s->backend->lock);
	if (atomic_load(&b->state) == BREAKER_HALF_OPEN && b->order == BREAKER_AUTO) {
		snprintf(why, sizeof why, "%u requests on trial went well", b->set->half_open);
		close_down(s, why);
	}
	pthread_mutex_unlock(&s->backend->lock);
}

static void note_probe(struct server *s, const struct server_result *r)
{
	const struct breaker *b = s->breaker;

	if (r->now_ms - r->latency_us / 1000 < atomic_load(&b->probing_ms))
		return;
	if (server_result_failed(r) || is_slow(b, r))
		probe_failed(s, r);
	else
		probe_succeeded(s);
}

static void note(struct server_watcher *w, struct server *s, const struct server_result *r)
{
	struct breaker *b = container_of(w, struct breaker, watcher);

	if (!server_result_counts(r, s->backend->mode == MODE_TCP))
		return;
	switch ((enum breaker_state)atomic_load_explicit(&b->state, memory_order_relaxed)) {
	case BREAKER_CLOSED:
		if (server_result_failed(r))
			note_error(s, r);
		else
			note_success(s, r);
		break;
	case BREAKER_HALF_OPEN: note_probe(s, r); break;
	case BREAKER_OPEN: break;
	}
}

/* --- time --- */

/* Probes whose results never came (their clients went away) are let through again. */
static void renew_probes(struct server *s, uint64_t now_ms)
{
	struct breaker *b = s->breaker;
	int32_t missing = (int32_t)b->set->half_open - (int32_t)atomic_load(&b->successes);

	b->until_ms = now_ms + b->set->open_ms;
	if (atomic_load(&s->probes) > 0)
		return;
	atomic_store(&s->probes, missing > 0 ? missing : 1);
	backend_publish(s->backend);
	backend_wake_queue(s->backend);
}

void breaker_tick(struct server *s, uint64_t now_ms)
{
	struct breaker *b = s->breaker;

	if (!b || atomic_load_explicit(&b->state, memory_order_relaxed) == BREAKER_CLOSED)
		return;
	pthread_mutex_lock(&s->backend->lock);
	if (b->order == BREAKER_AUTO && now_ms >= b->until_ms) {
		if (atomic_load(&b->state) == BREAKER_OPEN)
			begin_trial(s, now_ms);
		else if (atomic_load(&b->state) == BREAKER_HALF_OPEN)
			renew_probes(s, now_ms);
	}
	pthread_mutex_unlock(&s->backend->lock);
}

/* --- the operator --- */

void breaker_set_order(struct server *s, enum breaker_order o, uint64_t now_ms)
{
	struct breaker *b = s->breaker;
	enum breaker_state state;

	pthread_mutex_lock(&s->backend->lock);
	state = atomic_load(&b->state);
	if (o == BREAKER_KEEP_OPEN && b->order != o) {
		b->order = o;
		strcpy(b->reason, "changed from CLI");
		open_up(s, now_ms);
	} else if (o == BREAKER_KEEP_CLOSED && state != BREAKER_CLOSED) {
		close_down(s, "changed from CLI");
	} else if (o == BREAKER_AUTO && b->order == BREAKER_KEEP_OPEN) {
		begin_trial(s, now_ms);
	}
	b->order = o;
	pthread_mutex_unlock(&s->backend->lock);
}

/* --- made and freed --- */

int breaker_start(struct server *s)
{
	const struct breaker_settings *set = &s->backend->set.breaker;
	struct breaker *b;

	if (!set->on)
		return 0;
	b = s->breaker = aligned_alloc(_Alignof(struct breaker), sizeof *b);
	if (!b)
		return -ENOMEM;
	memset(b, 0, sizeof *b);
	b->set = set;
	b->open_ms = set->open_ms;
	b->since_s = wall_seconds();
	b->watcher.note = note;
	window_init(&b->results, set->over_ms);
	window_init(&b->slow, set->over_ms);
	server_watch(s, &b->watcher);
	return 0;
}

void breaker_free(struct server *s)
{
	free(s->breaker);
}
