/* backend: makes, starts and frees backends, and publishes the snapshot that balancing reads.
 *
 * A picker is immutable; a change of state builds the next one and replaces the old one, which is freed when no thread's
 * hazard slot holds it any more.  If memory for the next one is out, the old one stays: then requests may be given to
 * a server that is down, fail there, and are retried.
 */
#include "ballast/server/backend.h"

#include <stdlib.h>
#include <string.h>

#include "ballast/base/lines.h"
#include "ballast/server/breaker.h"
#include "ballast/server/agent.h"
#include "ballast/server/check.h"
#include "ballast/server/guard.h"
#include "ballast/server/outlier.h"
#include "ballast/server/retry_budget.h"
#include "internal.h"

static const struct backend_balance_ops *balance_ops;

void backend_set_balance_ops(const struct backend_balance_ops *ops)
{
	balance_ops = ops;
}

bool backend_has_fixed_weights(const struct backend *b)
{
	return balance_ops && balance_ops->fixed_weights && balance_ops->fixed_weights(b);
}

struct backend *backend_new(const char *name)
{
	struct backend *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->name = name;
	b->set.retries = 3;
	b->set.retry_on = RETRY_CONN_FAILURE;
	b->set.redispatch_interval = -1;
	b->set.reuse = REUSE_SAFE;
	b->set.source.fd = -1;
	log_targets_init(&b->log);
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->queue_lock, NULL);
	list_init(&b->queue);
	lineage_init(&b->lineage, b);
	return b;
}

static void server_defaults(struct server *s)
{
	s->weight_config = 1;
	s->inter_ms = 2000;
	s->rise = 2;
	s->fall = 3;
	s->pool_max_conn = UINT32_MAX;
	s->pool_purge_delay_ms = 5000;
	s->check_addr.fd = s->source.fd = -1;
	s->error_limit = 10;
	s->agent_inter_ms = 2000;
	s->on_error = ON_ERROR_FAIL_CHECK;
	atomic_init(&s->health, SERVER_UP);
	atomic_init(&s->warmth, WARMTH_FULL);
	list_init(&s->queue);
	lfstack_init(&s->shared_idle);
}

struct server *server_new(struct backend *b, const char *name)
{
	struct server **grown = realloc(b->servers, (b->server_count + 1) * sizeof(struct server *)), *s;

	if (!grown)
		return NULL;
	b->servers = grown;
	s = aligned_alloc(_Alignof(struct server), sizeof *s);
	if (!s)
		return NULL;
	memset(s, 0, sizeof *s);
	s->backend = b;
	s->name = name;
	s->slot = b->server_count;
	s->id = s->slot ? grown[s->slot - 1]->id + 1 : 1;
	lineage_init(&s->lineage, s);
	server_defaults(s);
	grown[b->server_count++] = s;
	return s;
}

static int server_start(struct server *s, unsigned threads)
{
	s->thread = lines_new(threads * sizeof s->thread[0]);
	if (!s->thread)
		return -ENOMEM;
	for (unsigned i = 0; i < threads; i++) {
		list_init(&s->thread[i].idle);
		list_init(&s->thread[i].link);
		s->thread[i].server = s;
	}
	if (s->minconn > s->maxconn) /* as HAProxy: a lone minconn is a maxconn */
		s->maxconn = s->minconn;
	atomic_store(&s->maxconn_now, s->maxconn);
	atomic_store(&s->backend->maxconn[s->slot], s->maxconn);
	atomic_store(&s->weight, s->weight_config);
	if (s->disabled_config)
		atomic_fetch_or(&s->admin, SERVER_MAINT);
	s->check_count = s->rise;
	s->last_change_s = wall_seconds();
	server_renew_cookie(s);
	if (s->check_enabled && !(s->check = check_new(s)))
		return -ENOMEM;
	if (slowstart_new(s) || observe_new(s) || agent_new(s))
		return -ENOMEM;
	return breaker_start(s);
}

static int allocate_arrays(struct backend *b, unsigned threads)
{
	b->load = lines_new(b->server_count * sizeof b->load[0]);
	b->maxconn = lines_new(b->server_count * sizeof b->maxconn[0]);
	b->thread = lines_new(threads * sizeof b->thread[0]);
	b->counters = lines_new(threads * sizeof b->counters[0]);
	if (!b->load || !b->maxconn || !b->thread || !b->counters)
		return -ENOMEM;
	b->threads = threads;
	return 0;
}

/* Where a limit or the algorithm needs the load of all threads together, all keep it from the start. */
static void decide_shared_load(struct backend *b)
{
	bool shared = balance_ops && balance_ops->needs_load(b);

	for (uint32_t i = 0; i < b->server_count; i++) {
		shared |= b->servers[i]->maxconn;
		b->dynamic_limit |= b->servers[i]->minconn && b->servers[i]->minconn < b->servers[i]->maxconn;
	}
	atomic_store(&b->shared_load, shared);
	for (unsigned i = 0; i < b->threads; i++)
		atomic_store(&b->thread[i].shared, shared);
}

int backend_start(struct backend *b, unsigned threads)
{
	uint32_t active, backup;
	int err = allocate_arrays(b, threads);

	for (uint32_t i = 0; !err && i < b->server_count; i++)
		err = server_start(b->servers[i], threads);
	if (!err)
		err = retry_budget_start(b, threads);
	if (!err)
		err = outliers_start(b);
	if (!err)
		err = guard_start(b);
	if (!err && balance_ops)
		err = balance_ops->start(b);
	if (err)
		return err;
	decide_shared_load(b);
	pthread_mutex_lock(&b->lock);
	backend_publish(b);
	pthread_mutex_unlock(&b->lock);
	if (balance_ops && !atomic_load(&b->picker))
		return -ENOMEM;
	backend_count_usable(b, &active, &backup);
	b->was_up = active || backup;
	b->last_change_s = wall_seconds();
	return 0;
}

void backend_free(struct backend *b)
{
	struct picker *p;

	if (!b)
		return;
	p = atomic_exchange(&b->picker, NULL);
	if (p)
		balance_ops->free(p, NULL);
	if (balance_ops)
		balance_ops->stop(b);
	outliers_free(b);
	for (uint32_t i = 0; i < b->server_count; i++)
		server_free(b->servers[i]);
	retry_budget_free(b);
	guard_free(b);
	free(b->servers);
	lines_drop(b->load);
	lines_drop(b->maxconn);
	lines_drop(b->thread);
	lines_drop(b->counters);
	lineage_leave(&b->lineage);
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->queue_lock);
	free(b);
}

/* Shares are those of the servers that are no backups, by weight, as far as the operator did not take them out. */
static uint32_t healthy_percent(const struct backend *b, uint64_t *healthy)
{
	uint64_t all = 0;

	*healthy = 0;
	for (uint32_t i = 0; i < b->server_count; i++) {
		const struct server *s = b->servers[i];
		uint32_t weight = server_weight_now(s);
		if (s->backup || atomic_load(&s->admin) || atomic_load(&s->health) == SERVER_STOPPING)
			continue;
		all += weight;
		*healthy += server_healthy(s) ? weight : 0;
	}
	return all ? (uint32_t)(*healthy * 100 / all) : 100;
}

static bool has_healthy_backup(const struct backend *b)
{
	for (uint32_t i = 0; i < b->server_count; i++)
		if (b->servers[i]->backup && server_healthy(b->servers[i]))
			return true;
	return false;
}

/* Where too few are well, the load of all would finish those off, too; then health is ignored. Backups go first. */
static void decide_panic(struct backend *b)
{
	uint64_t healthy;
	uint32_t percent = healthy_percent(b, &healthy), limit = b->set.panic_percent;
	bool panic = percent < limit && (healthy || !has_healthy_backup(b));

	if (atomic_load(&b->panic) == panic)
		return;
	atomic_store(&b->panic, panic);
	b->panics += panic;
	if (panic)
		log_event(&b->log, LOG_L_ALERT,
			"backend %s panics: %u%% of its servers' weight is healthy, less than %u%%: all servers are "
			"used, "
			"whatever their health",
			b->name, percent, limit);
	else
		log_event(&b->log, LOG_L_NOTICE,
			"backend %s no longer panics: %u%% of its servers' weight is healthy, at least %u%%; or a "
			"backup is",
			b->name, percent, limit);
}

void backend_publish(struct backend *b)
{
	struct picker *now, *old;

	if (!b->thread)
		return;
	if (b->set.panic_percent)
		decide_panic(b);
	if (!balance_ops)
		return;
	now = balance_ops->build(b, ++b->picker_generation);
	if (!now) {
		log_event(&b->log, LOG_L_ALERT, "backend %s: no memory to publish a change of its servers", b->name);
		return;
	}
	old = atomic_exchange(&b->picker, now);
	if (old)
		hazard_retire(old, balance_ops->free, NULL);
}

struct server *backend_find_server(const struct backend *b, struct slice name)
{
	for (uint32_t i = 0; i < b->server_count; i++)
		if (slice_eq(slice_from_str(b->servers[i]->name), name))
			return b->servers[i];
	return NULL;
}

void backend_count_usable(const struct backend *b, uint32_t *active, uint32_t *backup)
{
	*active = *backup = 0;
	for (uint32_t i = 0; i < b->server_count; i++)
		if (server_healthy(b->servers[i]))
			++*(b->servers[i]->backup ? backup : active);
}

void backend_note_change(struct backend *b)
{
	uint32_t active, backup;
	uint64_t now = wall_seconds();
	bool up;

	backend_count_usable(b, &active, &backup);
	up = active || backup;
	if (!up)
		queue_redistribute_backend(b);
	if (up == b->was_up)
		return;
	b->was_up = up;
	if (up) {
		if (now > b->last_change_s)
			b->down_seconds += now - b->last_change_s;
	} else {
		b->down_transitions++;
		log_event(&b->log, LOG_L_EMERG, "backend %s has no server available!", b->name);
	}
	b->last_change_s = now;
}

uint64_t backend_downtime_s(struct backend *b)
{
	uint64_t now = wall_seconds(), down;

	pthread_mutex_lock(&b->lock);
	down = b->down_seconds;
	if (!b->was_up && now > b->last_change_s)
		down += now - b->last_change_s;
	pthread_mutex_unlock(&b->lock);
	return down;
}
