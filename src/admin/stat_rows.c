/* The values of `show stat`: what is counted, summed over the threads, for a frontend, a backend and a server.
 *
 * Which columns are set for which kind of object is as in HAProxy; what Ballast does not know stays empty, as HAProxy
 * leaves what does not apply.
 */
#include <stdio.h>
#include <string.h>

#include "ballast/balance/pick.h"
#include "ballast/net/listener.h"
#include "ballast/server/breaker.h"
#include "ballast/server/check.h"
#include "ballast/server/outlier.h"
#include "stat.h"

/* The counters of one object in all threads. */
struct counted {
	const struct counters *first;
	size_t stride;
	unsigned threads;
};

static void put(struct stat_row *r, enum stat_column_id c, uint64_t n)
{
	r->v[c] = value_number(n);
}

static void put_text(struct stat_row *r, enum stat_column_id c, const char *text)
{
	r->v[c] = value_text(text);
}

static uint64_t sum(const struct counted *c, enum counter which)
{
	return counters_sum(c->first, c->stride, c->threads, which);
}

static void put_sum(struct stat_row *r, enum stat_column_id column, const struct counted *c, enum counter which)
{
	put(r, column, sum(c, which));
}

static void put_rate(struct stat_row *r, enum stat_column_id now, enum stat_column_id max, const struct counted *c,
	size_t offset, uint32_t second)
{
	put(r, now, counters_rate(c->first, c->stride, c->threads, offset, second));
	put(r, max, counters_rate_max(c->first, c->stride, c->threads, offset));
}

/* --- what all three have --- */

static void begin(struct stat_row *r, enum stat_object object, const char *proxy, const char *name, uint32_t iid,
	uint32_t sid)
{
	memset(r, 0, sizeof *r);
	r->object = object;
	r->iid = iid;
	r->sid = sid;
	put_text(r, ST_PXNAME, proxy);
	put_text(r, ST_SVNAME, name);
	put(r, ST_PID, 1);
	put(r, ST_IID, iid);
	put(r, ST_SID, sid);
	put(r, ST_TYPE, object);
}

/* The sum of what each thread had at most is at least what all had at a time; no more than `limit` (0: none) it was. */
static void put_most(struct stat_row *r, const struct counted *c, uint32_t limit)
{
	int64_t most = counters_current_max(c->first, c->stride, c->threads);

	put(r, ST_SMAX, most <= 0 ? 0 : limit && most > limit ? limit : (uint64_t)most);
}

static void put_common(struct stat_row *r, const struct counted *c, enum proxy_mode mode, const struct stat_view *view)
{
	put_most(r, c, 0);
	put_sum(r, ST_STOT, c, COUNT_SESS);
	put_sum(r, ST_BIN, c, COUNT_BYTES_IN);
	put_sum(r, ST_BOUT, c, COUNT_BYTES_OUT);
	put_sum(r, ST_DRESP, c, COUNT_DENIED_RESP);
	put_rate(r, ST_RATE, ST_RATE_MAX, c, offsetof(struct counters, sess_rate), view->second);
	put_text(r, ST_MODE, mode == MODE_HTTP ? "http" : "tcp");
	put_sum(r, ST_WREW, c, COUNT_FAILED_REWRITES);
	put_sum(r, ST_EINT, c, COUNT_ERR_INTERNAL);
}

static void put_responses(struct stat_row *r, const struct counted *c)
{
	for (unsigned i = 0; i < 6; i++)
		put_sum(r, ST_HRSP_1XX + i, c, COUNT_HTTP_1XX + i);
	put_sum(r, ST_REQ_TOT, c, COUNT_REQ);
}

static uint64_t current(const struct counted *c)
{
	int64_t n = counters_current(c->first, c->stride, c->threads);

	return n > 0 ? (uint64_t)n : 0;
}

/* --- frontends --- */

static const char *frontend_status(const struct frontend *f)
{
	bool open = !f->listener_count;

	for (uint32_t i = 0; i < f->listener_count; i++)
		open |= !atomic_load(&f->listeners[i]->closed);
	return !open ? "STOP" : atomic_load(&f->live->paused) ? "PAUSED" : "OPEN";
}

static void put_connections(struct stat_row *r, const struct counted *c, enum proxy_mode mode)
{
	bool http = mode == MODE_HTTP;
	uint64_t connections = sum(c, COUNT_CONN);

	put(r, ST_CONN_TOT, connections);
	put(r, ST_SESS_OTHER, http ? 0 : connections);
	put(r, ST_H1SESS, http ? connections : 0);
	put(r, ST_REQ_OTHER, 0);
	put(r, ST_H1REQ, http ? sum(c, COUNT_REQ) : 0);
	put(r, ST_H2SESS, 0);
	put(r, ST_H3SESS, 0);
	put(r, ST_H2REQ, 0);
	put(r, ST_H3REQ, 0);
}

/* What no rule and no filter does yet is known to be none. */
static void put_compression(struct stat_row *r, bool cache)
{
	put(r, ST_COMP_IN, 0);
	put(r, ST_COMP_OUT, 0);
	put(r, ST_COMP_BYP, 0);
	put(r, ST_COMP_RSP, 0);
	if (cache) {
		put(r, ST_CACHE_LOOKUPS, 0);
		put(r, ST_CACHE_HITS, 0);
	}
}

void stat_fill_frontend(struct stat_row *r, const struct frontend *f, const struct stat_view *view)
{
	struct counted c = { &f->thread[0].counters, sizeof f->thread[0], view->threads };
	uint32_t limit = atomic_load(&f->live->maxconn);

	begin(r, STAT_FRONTEND, f->name, "FRONTEND", f->id, 0);
	put_common(r, &c, f->mode, view);
	put_most(r, &c, limit ? limit : frontend_process_maxconn());
	put(r, ST_SCUR, current(&c));
	put(r, ST_SLIM, limit ? limit : frontend_process_maxconn());
	put_sum(r, ST_DREQ, &c, COUNT_DENIED_REQ);
	put_sum(r, ST_EREQ, &c, COUNT_ERR_REQ);
	put_text(r, ST_STATUS, frontend_status(f));
	put(r, ST_RATE_LIM, rate_gate_limit(&f->live->session_rate));
	if (f->mode == MODE_HTTP) {
		put_responses(r, &c);
		put_sum(r, ST_INTERCEPTED, &c, COUNT_INTERCEPTED);
	}
	put_sum(r, ST_REQ_TOT, &c, COUNT_REQ);
	put_rate(r, ST_REQ_RATE, ST_REQ_RATE_MAX, &c, offsetof(struct counters, req_rate), view->second);
	put_rate(r, ST_CONN_RATE, ST_CONN_RATE_MAX, &c, offsetof(struct counters, conn_rate), view->second);
	put_sum(r, ST_DCON, &c, COUNT_DENIED_CONN);
	put_sum(r, ST_DSES, &c, COUNT_DENIED_SESS);
	put_connections(r, &c, f->mode);
	put_compression(r, f->mode == MODE_HTTP);
}

/* --- backends and servers --- */

static void put_times(struct stat_row *r, const struct counted *c)
{
	uint64_t timed = sum(c, COUNT_TIMED);

	for (unsigned i = 0; i < COUNT_TIMES; i++) {
		put(r, ST_QTIME + i, timed ? sum(c, COUNT_TIME_QUEUE_MS + i) / timed : 0);
		put(r, ST_QTIME_MAX + i, counters_time_max(c->first, c->stride, c->threads, i));
	}
}

static void put_server_side(struct stat_row *r, const struct counted *c, enum proxy_mode mode,
	const struct stat_view *view)
{
	uint64_t last = counters_last_session_s(c->first, c->stride, c->threads);

	put_sum(r, ST_ECON, c, COUNT_ERR_CONN);
	put_sum(r, ST_ERESP, c, COUNT_ERR_RESP);
	put_sum(r, ST_WRETR, c, COUNT_RETRIES);
	put_sum(r, ST_WREDIS, c, COUNT_REDISPATCHES);
	put_sum(r, ST_LBTOT, c, COUNT_LB_CHOSEN);
	if (mode == MODE_HTTP)
		put_responses(r, c);
	put_sum(r, ST_CLI_ABRT, c, COUNT_CLIENT_ABORTS);
	put_sum(r, ST_SRV_ABRT, c, COUNT_SERVER_ABORTS);
	put(r, ST_LASTSESS, !last ? (uint64_t)-1 : view->second > last ? view->second - last : 0);
	put_times(r, c);
}

static void put_age(struct stat_row *r, uint64_t since_s, const struct stat_view *view)
{
	put(r, ST_LASTCHG, view->second > since_s ? view->second - since_s : 0);
}

static uint64_t usable_weight(const struct backend *b, bool backups)
{
	uint64_t weight = 0;

	for (uint32_t i = 0; i < b->server_count; i++)
		if (b->servers[i]->backup == backups && server_healthy(b->servers[i]))
			weight += server_weight_now(b->servers[i]);
	return weight;
}

static void put_farm(struct stat_row *r, const struct backend *b)
{
	uint32_t active, backup;
	uint64_t weight;

	backend_count_usable(b, &active, &backup);
	weight = usable_weight(b, !active);
	put_text(r, ST_STATUS, active || backup || !b->server_count ? "UP" : "DOWN");
	put(r, ST_WEIGHT, weight);
	put(r, ST_UWEIGHT, weight);
	put(r, ST_ACT, active);
	put(r, ST_BCK, backup);
	put(r, ST_AGG_SERVER_STATUS, 0);
	put(r, ST_AGG_SERVER_CHECK_STATUS, 0);
	put(r, ST_AGG_CHECK_STATUS, 0);
}

static void put_resilience(struct stat_row *r, struct backend *b, const struct counted *c)
{
	if (b->outliers)
		put(r, ST_EJECTED, outliers_ejected(b));
	if (b->set.panic_percent) {
		put(r, ST_PANIC, atomic_load(&b->panic));
		pthread_mutex_lock(&b->lock);
		put(r, ST_PANICS, b->panics);
		pthread_mutex_unlock(&b->lock);
	}
	if (b->retry_budget)
		put_sum(r, ST_RETRIES_REFUSED, c, COUNT_RETRIES_REFUSED);
}

void stat_fill_backend(struct stat_row *r, struct backend *b, const struct stat_view *view)
{
	struct counted c = { b->counters, sizeof b->counters[0], b->threads };
	uint32_t queued = atomic_load(&b->queued), queued_max = atomic_load(&b->queued_max);
	uint64_t opened = 0, reused = 0;

	begin(r, STAT_BACKEND, b->name, "BACKEND", b->id, 0);
	put_common(r, &c, b->mode, view);
	put_server_side(r, &c, b->mode, view);
	put_farm(r, b);
	for (uint32_t i = 0; i < b->server_count; i++) {
		queued += atomic_load(&b->servers[i]->queued);
		opened += server_count(b->servers[i], COUNT_CONN);
		reused += server_count(b->servers[i], COUNT_CONN_REUSED);
	}
	put(r, ST_CONNECT, opened);
	put(r, ST_REUSE, reused);
	put_resilience(r, b, &c);
	put(r, ST_QCUR, queued);
	put(r, ST_QMAX, queued_max > queued ? queued_max : queued);
	put(r, ST_SCUR, current(&c));
	put(r, ST_SLIM, b->set.fullconn);
	put_sum(r, ST_DREQ, &c, COUNT_DENIED_REQ);
	put_compression(r, b->mode == MODE_HTTP);
	put(r, ST_DOWNTIME, backend_downtime_s(b));
	pthread_mutex_lock(&b->lock);
	put_age(r, b->last_change_s, view);
	put(r, ST_CHKDOWN, b->down_transitions);
	pthread_mutex_unlock(&b->lock);
	if (view->private_too)
		put_text(r, ST_ALGO, b->algorithm ? b->algorithm->name : "roundrobin");
}

static void put_tracked(struct stat_row *r, const struct server *s)
{
	if (!s->tracked)
		return;
	snprintf(r->tracked, sizeof r->tracked, "%s/%s", s->tracked->backend->name, s->tracked->name);
	put_text(r, ST_TRACKED, r->tracked);
}

/* Under backend.lock. */
static void put_check(struct stat_row *r, const struct server *s, uint64_t downtime)
{
	const struct check *k = s->check;

	if (!k || !k->enabled)
		return;
	put(r, ST_DOWNTIME, downtime);
	if (s->observe)
		put(r, ST_HANAFAIL, k->observed);
	put(r, ST_CHKFAIL, s->check_failures);
	put(r, ST_CHKDOWN, s->down_transitions);
	put_text(r, ST_CHECK_STATUS, check_status_code(k->status));
	put_text(r, ST_CHECK_DESC, check_status_text(k->status));
	if (k->measured) {
		if (k->code || check_status_has_code(k->status))
			put(r, ST_CHECK_CODE, k->code);
		put(r, ST_CHECK_DURATION, k->duration_ms);
	}
	snprintf(r->check_text, sizeof r->check_text, "%s", k->text);
	put_text(r, ST_LAST_CHK, r->check_text);
	put(r, ST_CHECK_RISE, s->rise);
	put(r, ST_CHECK_FALL, s->fall);
	put(r, ST_CHECK_HEALTH, s->check_count);
}

/* Under backend.lock. */
static void put_agent(struct stat_row *r, const struct server *s)
{
	const struct check *k = s->agent;

	if (!k || !k->enabled)
		return;
	put_text(r, ST_AGENT_STATUS, check_status_code(k->status));
	put_text(r, ST_AGENT_DESC, check_status_text(k->status));
	if (k->measured) {
		if (k->code || check_status_has_code(k->status))
			put(r, ST_AGENT_CODE, k->code);
		put(r, ST_AGENT_DURATION, k->duration_ms);
	}
	snprintf(r->agent_text, sizeof r->agent_text, "%s", k->text);
	put_text(r, ST_LAST_AGT, r->agent_text);
	put(r, ST_AGENT_RISE, 1);
	put(r, ST_AGENT_FALL, 1);
	put(r, ST_AGENT_HEALTH, !s->agent_down);
}

/* Under backend.lock. */
static void put_guards(struct stat_row *r, const struct server *s)
{
	if (s->breaker) {
		put_text(r, ST_BREAKER, breaker_state_name(atomic_load(&s->breaker->state)));
		put(r, ST_BREAKER_OPENED, s->breaker->opened);
	}
	if (s->outlier) {
		put(r, ST_EJECTED, s->outlier->until_ms != 0);
		put(r, ST_EJECTIONS, s->outlier->ejections);
	}
}

static void put_pool(struct stat_row *r, const struct server *s)
{
	uint32_t idle = server_idle_connections(s), used = server_used_connections(s);

	put(r, ST_SRV_ICUR, idle);
	put(r, ST_IDLE_CONN_CUR, 0);
	put(r, ST_SAFE_CONN_CUR, idle);
	put(r, ST_USED_CONN_CUR, used);
	put(r, ST_NEED_CONN_EST, used);
	if (s->pool_max_conn != UINT32_MAX)
		put(r, ST_SRC_ILIM, s->pool_max_conn);
}

static void put_limits(struct stat_row *r, const struct server *s)
{
	uint32_t queued = atomic_load(&s->queued), queued_max = atomic_load(&s->queued_max);
	bool warm = atomic_load(&s->warmth) == WARMTH_FULL;
	uint32_t limit = warm ? atomic_load(&s->maxconn_now) : server_limit(s);

	put(r, ST_QCUR, queued);
	put(r, ST_QMAX, queued_max > queued ? queued_max : queued);
	put(r, ST_SCUR, server_served(s));
	if (!warm)
		put(r, ST_THROTTLE, atomic_load(&s->warmth) * 100u / WARMTH_FULL);
	if (limit)
		put(r, ST_SLIM, limit);
	if (s->maxqueue)
		put(r, ST_QLIMIT, s->maxqueue);
}

void stat_fill_server(struct stat_row *r, struct server *s, const struct stat_view *view)
{
	struct counted c = { &s->thread[0].counters, sizeof s->thread[0], s->backend->threads };
	uint64_t downtime;

	begin(r, STAT_SERVER, s->backend->name, s->name, s->backend->id, s->id);
	put_common(r, &c, s->backend->mode, view);
	put_server_side(r, &c, s->backend->mode, view);
	put_limits(r, s);
	put_most(r, &c, atomic_load(&s->maxconn_now));
	put_sum(r, ST_CONNECT, &c, COUNT_CONN);
	put_sum(r, ST_REUSE, &c, COUNT_CONN_REUSED);
	put_pool(r, s);
	put_text(r, ST_STATUS, server_status_text(s, r->status, sizeof r->status));
	put(r, ST_WEIGHT, server_weight_now(s));
	put(r, ST_UWEIGHT, atomic_load(&s->weight));
	put(r, ST_ACT, !s->backup);
	put(r, ST_BCK, s->backup);
	put(r, ST_SRID, 0);
	downtime = server_downtime_s(s);
	pthread_mutex_lock(&s->backend->lock);
	put_age(r, s->last_change_s, view);
	put_check(r, s, downtime);
	put_agent(r, s);
	put_tracked(r, s);
	put_guards(r, s);
	pthread_mutex_unlock(&s->backend->lock);
	if (view->private_too) {
		server_address_text(s, r->addr);
		put_text(r, ST_ADDR, !strncmp(r->addr, "unix@", 5) || !strncmp(r->addr, "abns@", 5) ? "unix" : r->addr);
	}
}
