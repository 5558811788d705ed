/* inherit: see inherit.h.
 *
 * The file wins where it changed: a weight, a limit, an address that stands in the new file as in the old one keeps what
 * the operator made of it.  What counts (counters, connections of a thread) is shared memory and needs no copy.
 */
#include "ballast/server/inherit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/lines.h"
#include "ballast/base/strmap.h"
#include "ballast/server/breaker.h"
#include "ballast/server/check.h"
#include "ballast/server/outlier.h"
#include "internal.h"

int backend_pair(struct backend *now, const struct backend *old)
{
	struct strmap by_name;
	int err = 0;

	strmap_init(&by_name);
	for (uint32_t i = 0; i < old->server_count && !err; i++)
		err = strmap_put(&by_name, slice_from_str(old->servers[i]->name), old->servers[i]);
	for (uint32_t i = 0; i < now->server_count && !err; i++)
		now->servers[i]->heir_of = strmap_get(&by_name, slice_from_str(now->servers[i]->name));
	strmap_free(&by_name);
	return err;
}

/* ---- a server ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* May a connection that was made for the one be used for the other? */
static bool same_way(const struct server *a, const struct server *b)
{
	const struct backend_settings *as = &a->backend->set, *bs = &b->backend->set;

	return a->tls == b->tls && port_range_equal(a->source_ports, b->source_ports) &&
	       a->send_proxy == b->send_proxy && endpoint_equal(&a->source, &b->source) &&
	       same_text(a->source_interface, b->source_interface) && endpoint_equal(&as->source, &bs->source) &&
	       same_text(as->source_interface, bs->source_interface);
}

static void inherit_address(struct server *now, struct server *old)
{
	uint32_t version = atomic_load(&old->target_version);
	const struct server_target *from = atomic_load(&old->target);
	struct server_target *copy;
	bool same = same_way(now, old);

	if (!endpoint_equal(&now->configured, &old->configured)) {
		same = false;
	} else if (from && (copy = malloc(sizeof *copy))) {
		*copy = *from;
		free(atomic_exchange(&now->target, copy));
	}
	atomic_store(&now->target_version, same ? version : version + 1);
	server_renew_cookie(now);
}

static uint16_t scaled_count(const struct server *now, const struct server *old)
{
	unsigned failures = old->rise + old->fall - 1u - old->check_count;

	if (old->check_count < old->rise)
		return old->check_count < now->rise ? old->check_count : (uint16_t)(now->rise - 1);
	return (uint16_t)(now->rise + now->fall - 1 - (failures < now->fall ? failures : now->fall - 1u));
}

static void inherit_health(struct server *now, const struct server *old)
{
	if (now->agent && old->agent) {
		check_inherit(now->agent, old->agent);
		now->agent_down = old->agent_down;
		now->agent_drains = old->agent_drains;
	}
	if (!now->check != !old->check) /* it is judged in another way from now on */
		return;
	atomic_store(&now->health, atomic_load(&old->health));
	now->check_count = scaled_count(now, old);
	if (now->check)
		check_inherit(now->check, old->check);
}

static void inherit_decisions(struct server *now, const struct server *old)
{
	unsigned forced = SERVER_MAINT | SERVER_DRAIN, admin = atomic_load(&now->admin);

	if (now->tracked && old->tracked)
		admin |= atomic_load(&old->admin) & (SERVER_MAINT_VIA | SERVER_DRAIN_VIA);
	if (now->disabled_config == old->disabled_config)
		admin = (admin & ~forced) | (atomic_load(&old->admin) & forced);
	atomic_store(&now->admin, (uint8_t)admin);
	if (now->weight_config == old->weight_config)
		atomic_store(&now->weight, atomic_load(&old->weight));
	if (now->maxconn == old->maxconn)
		atomic_store(&now->maxconn_now, atomic_load(&old->maxconn_now));
}

static void inherit_window(struct window *now, const struct window *old)
{
	if (now->slot_ms == old->slot_ms)
		*now = *old;
}

static void inherit_breaker(struct breaker *now, const struct breaker *old)
{
	inherit_window(&now->results, &old->results);
	inherit_window(&now->slow, &old->slow);
	atomic_store(&now->in_a_row, atomic_load(&old->in_a_row));
	atomic_store(&now->successes, atomic_load(&old->successes));
	atomic_store(&now->state, atomic_load(&old->state));
	atomic_store(&now->probing_ms, atomic_load(&old->probing_ms));
	now->order = old->order;
	now->open_ms = old->open_ms;
	now->until_ms = old->until_ms;
	now->opened = old->opened;
	now->since_s = old->since_s;
	memcpy(now->reason, old->reason, sizeof now->reason);
}

static void inherit_outlier(struct outlier *now, const struct outlier *old)
{
	inherit_window(&now->results, &old->results);
	inherit_window(&now->answers, &old->answers);
	inherit_window(&now->time_us, &old->time_us);
	now->until_ms = old->until_ms;
	now->better_ms = old->better_ms;
	now->step = old->step;
	now->ejections = old->ejections;
	memcpy(now->reason, old->reason, sizeof now->reason);
}

/* What keeps requests away from it, where the new configuration still knows of it. */
static void inherit_bars(struct server *now, const struct server *old)
{
	unsigned bars = 0;

	if (now->breaker && old->breaker) {
		inherit_breaker(now->breaker, old->breaker);
		bars |= BAR_BREAKER | BAR_PROBES;
	}
	if (now->outlier && old->outlier) {
		inherit_outlier(now->outlier, old->outlier);
		bars |= BAR_EJECTED;
	}
	atomic_store(&now->barred, (uint8_t)(atomic_load(&old->barred) & bars));
	atomic_store(&now->probes, atomic_load(&old->probes));
}

static void inherit_shared_idle(struct server *now, struct server *old)
{
	struct lfstack_node *node = lfstack_take_all(&old->shared_idle), *below;

	for (; node; node = below) {
		struct server_conn *sc = node->value;
		below = lfstack_below(node);
		sc->server = now;
		lfstack_push(&now->shared_idle, node);
		atomic_fetch_add(&now->shared_count, 1);
	}
	atomic_store(&old->shared_count, 0);
}

static void server_inherit(struct server *now, struct server *old)
{
	uint32_t threads = now->backend->threads;

	if (port_range_equal(now->source_ports, old->source_ports) && old->source_ports) {
		port_range_drop(now->source_ports);
		now->source_ports = port_range_share(old->source_ports);
	}
	lines_drop(now->thread);
	now->thread = lines_share(old->thread);
	for (uint32_t i = 0; i < threads; i++)
		now->thread[i].server = now;
	inherit_decisions(now, old);
	inherit_health(now, old);
	inherit_address(now, old);
	inherit_shared_idle(now, old);
	inherit_bars(now, old);
	slowstart_inherit(now, old);
	queue_show_limit(now);
	now->last_change_s = old->last_change_s;
	now->down_seconds = old->down_seconds;
	now->check_failures = old->check_failures;
	now->down_transitions = old->down_transitions;
	atomic_store(&now->queued_max, atomic_load(&old->queued_max));
	lineage_succeed(&now->lineage, &old->lineage);
	queue_redistribute(old);
}

static void mark_server(void *self)
{
	((struct server *)self)->retired = true;
}

static void server_retire(struct server *old)
{
	lineage_end(&old->lineage, mark_server);
	queue_redistribute(old);
}

/* ---- a backend ---- */

/* Places that requests hold, those of older configurations too. */
static void inherit_load(struct backend *now, const struct backend *old)
{
	uint32_t served = 0;

	if (old->shared_load)
		atomic_store(&now->shared_load, true);
	for (uint32_t i = 0; i < now->threads; i++)
		atomic_store(&now->thread[i].shared, now->shared_load);
	for (uint32_t i = 0; i < now->server_count && now->shared_load; i++) {
		const struct server *s = now->servers[i], *from = s->heir_of;
		uint32_t load = from ? server_served(from) : 0;
		atomic_store(&now->load[i], load);
		served += load;
	}
	atomic_store(&now->served, served);
}

static void inherit_latency(struct backend *now, const struct backend *old)
{
	for (uint32_t i = 0; now->latency && old->latency && i < now->server_count; i++)
		if (now->servers[i]->heir_of)
			atomic_store(&now->latency[i], atomic_load(&old->latency[now->servers[i]->heir_of->slot]));
}

/* Servers of `old` without an heir. */
static void retire_rest(const struct backend *old)
{
	for (uint32_t i = 0; i < old->server_count; i++)
		if (server_current(old->servers[i]) == old->servers[i])
			server_retire(old->servers[i]);
}

/* True where balancing sees another server than the picker was built from when the backend started. */
static bool inherit_server(struct server *now)
{
	bool usable = server_usable(now);
	unsigned weight = server_weight_now(now);

	server_inherit(now, now->heir_of);
	return server_usable(now) != usable || server_weight_now(now) != weight;
}

void backend_inherit(struct backend *now, struct backend *old)
{
	bool changed = atomic_load(&old->panic);

	lines_drop(now->counters);
	now->counters = lines_share(old->counters);
	lineage_succeed(&now->lineage, &old->lineage);
	atomic_store(&now->queued_max, atomic_load(&old->queued_max));
	inherit_load(now, old);
	inherit_latency(now, old);
	for (uint32_t i = 0; i < now->server_count; i++)
		if (now->servers[i]->heir_of)
			changed |= inherit_server(now->servers[i]);
	retire_rest(old);
	queue_redistribute_backend(old);
	now->last_change_s = old->last_change_s;
	now->down_seconds = old->down_seconds;
	now->down_transitions = old->down_transitions;
	now->was_up = old->was_up;
	now->panics = old->panics;
	atomic_store(&now->panic, atomic_load(&old->panic));
	pthread_mutex_lock(&now->lock);
	if (changed) /* thousands of servers take milliseconds */
		backend_publish(now);
	backend_note_change(now);
	pthread_mutex_unlock(&now->lock);
	for (uint32_t i = 0; i < now->server_count; i++)
		now->servers[i]->heir_of = NULL;
}

static void mark_backend(void *self)
{
	((struct backend *)self)->retired = true;
}

void backend_retire(struct backend *old)
{
	lineage_end(&old->lineage, mark_backend);
	for (uint32_t i = 0; i < old->server_count; i++)
		server_retire(old->servers[i]);
	queue_redistribute_backend(old);
}
