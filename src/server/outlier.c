/* outlier: see outlier.h. */
#include "ballast/server/outlier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Fewer than these have no middle that would say anything. */
enum { JUDGED_MIN = 3, SHARE_UNIT = 100 /* of a percent */ };

/* What one server's window says. */
struct measure {
	struct server *server;
	uint32_t share;   /* of failed attempts, in hundredths of a percent */
	uint32_t mean_us; /* to an answer; 0: not known */
	uint64_t excess;  /* how far from its peers; 0: no outlier */
	uint32_t median;  /* of its peers, of what it is an outlier in */
	bool by_latency;
};

struct outliers {
	uint64_t judge_ms; /* loop time of the next judgement */
	struct measure *measure;
	uint32_t *sorted;
	struct outlier *server; /* [server_count] */
};

static void note(struct server_watcher *w, struct server *s, const struct server_result *r)
{
	struct outlier *o = container_of(w, struct outlier, watcher);
	bool failed = server_result_failed(r);

	if (!server_result_counts(r, s->backend->mode == MODE_TCP))
		return;
	window_count(&o->results, r->now_ms, 1, failed);
	if (failed || !r->measured)
		return;
	window_count(&o->answers, r->now_ms, 1, 0);
	window_add(&o->time_us, r->now_ms, r->latency_us);
}

/* --- judging --- */

static bool measure_server(struct measure *m, struct server *s, uint64_t now_ms)
{
	const struct outlier_settings *set = &s->backend->set.outlier;
	const struct outlier *o = s->outlier;
	struct window_pair p = window_pair(&o->results, now_ms);
	uint64_t answers = window_pair(&o->answers, now_ms).total;

	if (p.total < set->min || !server_healthy(s))
		return false;
	*m = (struct measure){ .server = s, .share = (uint32_t)(p.bad * 100 * SHARE_UNIT / p.total) };
	if (answers >= set->min)
		m->mean_us = (uint32_t)(window_sum(&o->time_us, now_ms) / answers);
	return true;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The median of all but one that is `own`. */
static uint32_t median_of_others(const uint32_t *sorted, uint32_t count, uint32_t own)
{
	uint32_t at = 0, others = count - 1, low, high;

	while (sorted[at] != own)
		at++;
	low = (others - 1) / 2;
	high = others / 2;
	low += low >= at;
	high += high >= at;
	return (uint32_t)(((uint64_t)sorted[low] + sorted[high]) / 2);
}

static void judge_share(struct measure *m, uint32_t median, const struct outlier_settings *set)
{
	if (m->share < median + set->errors_percent * SHARE_UNIT)
		return;
	m->median = median;
	m->excess = (uint64_t)1 << 32 | (m->share - median); /* before any that is only slow */
}

static void judge_mean(struct measure *m, uint32_t median, const struct outlier_settings *set)
{
	uint64_t ratio = median ? (uint64_t)m->mean_us * 100 / median : 0;

	if (m->excess || ratio < set->latency_percent || m->mean_us < (uint64_t)set->latency_floor_ms * 1000)
		return;
	m->by_latency = true;
	m->median = median;
	m->excess = ratio < UINT32_MAX ? ratio : UINT32_MAX;
}

static void judge_shares(struct outliers *all, uint32_t count, const struct outlier_settings *set)
{
	for (uint32_t i = 0; i < count; i++)
		all->sorted[i] = all->measure[i].share;
	qsort(all->sorted, count, sizeof all->sorted[0], compare);
	for (uint32_t i = 0; i < count; i++)
		judge_share(&all->measure[i], median_of_others(all->sorted, count, all->measure[i].share), set);
}

static void judge_means(struct outliers *all, uint32_t count, const struct outlier_settings *set)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < count; i++)
		if (all->measure[i].mean_us)
			all->sorted[known++] = all->measure[i].mean_us;
	if (known < JUDGED_MIN)
		return;
	qsort(all->sorted, known, sizeof all->sorted[0], compare);
	for (uint32_t i = 0; i < count; i++)
		if (all->measure[i].mean_us)
			judge_mean(&all->measure[i], median_of_others(all->sorted, known, all->measure[i].mean_us),
				set);
}

/* --- ejecting, under backend.lock --- */

/* How many may be ejected besides those that are. */
static uint32_t room(const struct backend *b)
{
	uint32_t servers = 0, ejected = 0, most;

	for (uint32_t i = 0; i < b->server_count; i++) {
		servers += !(atomic_load(&b->servers[i]->admin) & SERVER_ANY_MAINT);
		ejected += b->servers[i]->outlier->until_ms != 0;
	}
	most = servers * b->set.outlier.max_percent / 100;
	if (!most)
		most = 1;
	return most > ejected ? most - ejected : 0;
}

static void explain(const struct measure *m, char *to, size_t len)
{
	const struct outlier_settings *set = &m->server->backend->set.outlier;
	char over[16];

	duration_text(set->over_ms, over);
	if (m->by_latency)
		snprintf(to, len, "answers took %u.%ums in the mean of the last %s, its peers' median is %u.%ums",
			m->mean_us / 1000, m->mean_us % 1000 / 100, over, m->median / 1000, m->median % 1000 / 100);
	else
		snprintf(to, len, "%u%% of its requests failed in the last %s, its peers' median is %u%%",
			m->share / SHARE_UNIT, over, m->median / SHARE_UNIT);
}

static void eject(const struct measure *m, uint64_t now_ms)
{
	struct server *s = m->server;
	struct outlier *o = s->outlier;
	const struct outlier_settings *set = &s->backend->set.outlier;
	uint64_t ms = (uint64_t)set->for_ms * ++o->step;
	char what[OUTLIER_REASON_MAX + 64], time[16];

	if (ms >= set->up_to_ms) {
		ms = set->up_to_ms;
		o->step = (set->up_to_ms + set->for_ms - 1) / set->for_ms;
	}
	o->until_ms = now_ms + ms;
	o->ejections++;
	explain(m, o->reason, sizeof o->reason);
	snprintf(what, sizeof what, "is ejected as an outlier for %s, reason: %s", duration_text((uint32_t)ms, time),
		o->reason);
	server_set_bars(s, BAR_EJECTED, 0, LOG_L_WARNING, what);
}

static void take_back(struct server *s, uint64_t now_ms)
{
	struct outlier *o = s->outlier;

	o->until_ms = 0;
	o->better_ms = now_ms + s->backend->set.outlier.for_ms;
	window_clear(&o->results);
	window_clear(&o->answers);
	window_clear(&o->time_us);
	server_set_bars(s, 0, BAR_EJECTED, LOG_L_NOTICE, "is back from its ejection");
}

static struct measure *worst_of(struct measure *m, uint32_t count)
{
	struct measure *worst = NULL;

	for (uint32_t i = 0; i < count; i++)
		if (m[i].excess && (!worst || m[i].excess > worst->excess))
			worst = &m[i];
	return worst;
}

static void eject_worst(struct backend *b, uint32_t count, uint64_t now_ms)
{
	struct measure *worst;

	pthread_mutex_lock(&b->lock);
	for (uint32_t left = room(b); left && (worst = worst_of(b->outliers->measure, count)); left--) {
		eject(worst, now_ms);
		worst->excess = 0;
	}
	pthread_mutex_unlock(&b->lock);
}

static void judge(struct backend *b, uint64_t now_ms)
{
	const struct outlier_settings *set = &b->set.outlier;
	struct outliers *all = b->outliers;
	uint32_t count = 0;

	for (uint32_t i = 0; i < b->server_count; i++)
		count += measure_server(&all->measure[count], b->servers[i], now_ms);
	if (count < JUDGED_MIN)
		return;
	if (set->errors_percent)
		judge_shares(all, count, set);
	if (set->latency_percent)
		judge_means(all, count, set);
	if (worst_of(all->measure, count))
		eject_worst(b, count, now_ms);
}

/* --- time --- */

/* Under backend.lock. */
static void pass_time(struct server *s, uint64_t now_ms)
{
	struct outlier *o = s->outlier;

	if (o->until_ms && now_ms >= o->until_ms)
		take_back(s, now_ms);
	if (!o->until_ms && o->step && now_ms >= o->better_ms) {
		o->step--;
		o->better_ms += s->backend->set.outlier.for_ms;
	}
}

void outliers_tick(struct backend *b, uint64_t now_ms)
{
	if (!b->outliers)
		return;
	pthread_mutex_lock(&b->lock);
	for (uint32_t i = 0; i < b->server_count; i++)
		pass_time(b->servers[i], now_ms);
	pthread_mutex_unlock(&b->lock);
	if (now_ms < b->outliers->judge_ms)
		return;
	b->outliers->judge_ms = now_ms + b->set.outlier.every_ms;
	judge(b, now_ms);
}

uint32_t outliers_ejected(struct backend *b)
{
	uint32_t n = 0;

	pthread_mutex_lock(&b->lock);
	for (uint32_t i = 0; b->outliers && i < b->server_count; i++)
		n += b->servers[i]->outlier->until_ms != 0;
	pthread_mutex_unlock(&b->lock);
	return n;
}

/* --- made and freed --- */

static void watch(struct server *s, struct outlier *o)
{
	const struct outlier_settings *set = &s->backend->set.outlier;

	memset(o, 0, sizeof *o);
	window_init(&o->results, set->over_ms);
	window_init(&o->answers, set->over_ms);
	window_init(&o->time_us, set->over_ms);
	o->watcher.note = note;
	s->outlier = o;
	server_watch(s, &o->watcher);
}

int outliers_start(struct backend *b)
{
	struct outliers *all;

	if (!b->set.outlier.on || !b->server_count)
		return 0;
	all = b->outliers = calloc(1, sizeof *all);
	if (!all)
		return -ENOMEM;
	all->measure = calloc(b->server_count, sizeof all->measure[0]);
	all->sorted = calloc(b->server_count, sizeof all->sorted[0]);
	all->server = aligned_alloc(_Alignof(struct outlier), b->server_count * sizeof all->server[0]);
	if (!all->measure || !all->sorted || !all->server)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->server_count; i++)
		watch(b->servers[i], &all->server[i]);
	return 0;
}

void outliers_free(struct backend *b)
{
	if (!b->outliers)
		return;
	free(b->outliers->measure);
	free(b->outliers->sorted);
	free(b->outliers->server);
	free(b->outliers);
}
