/* server: the state of one server, and every way in which it changes.
 *
 * A change runs under backend.lock: the state is stored, a new picker published, who waits for a server that is gone
 * sent away, the log line written in HAProxy's words, and whether the backend lives noted.  Requests read single
 * atomics and never wait for any of this.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ballast/base/lines.h"
#include "ballast/server/breaker.h"
#include "ballast/server/agent.h"
#include "ballast/server/check.h"
#include "ballast/server/persist.h"
#include "internal.h"

static unsigned admin_of(const struct server *s)
{
	return atomic_load(&s->admin);
}

bool server_alive(const struct server *s)
{
	return atomic_load(&s->health) != SERVER_DOWN && !(admin_of(s) & (SERVER_ANY_MAINT | SERVER_UNRESOLVED));
}

bool server_barred(const struct server *s)
{
	unsigned bars = atomic_load(&s->barred);

	return bars & (BAR_BREAKER | BAR_EJECTED) || (bars & BAR_PROBES && atomic_load(&s->probes) <= 0);
}

bool server_healthy(const struct server *s)
{
	return atomic_load(&s->health) == SERVER_UP && !admin_of(s) && atomic_load(&s->weight) && !server_barred(s);
}

bool server_usable(const struct server *s)
{
	if (BL_UNLIKELY(atomic_load(&s->backend->panic)))
		return atomic_load(&s->health) != SERVER_STOPPING && !admin_of(s) && atomic_load(&s->weight);
	return server_healthy(s);
}

bool server_takes(const struct server *s)
{
	if (BL_UNLIKELY(atomic_load(&s->backend->panic)))
		return !(admin_of(s) & (SERVER_ANY_MAINT | SERVER_UNRESOLVED));
	return server_alive(s) && !server_barred(s);
}

unsigned server_weight_now(const struct server *s)
{
	return (load_relaxed(&s->weight) * load_relaxed(&s->warmth) + WARMTH_FULL - 1) / WARMTH_FULL;
}

struct server *server_decider(struct server *s)
{
	while (s->tracked)
		s = s->tracked;
	return s;
}

uint64_t server_count(const struct server *s, enum counter which)
{
	return counters_sum(s->thread ? &s->thread[0].counters : NULL, sizeof s->thread[0], s->backend->threads, which);
}

/* --- what a change of state does --- */

static uint32_t queued_in_all(const struct backend *b)
{
	uint32_t n = load_relaxed(&b->queued);

	for (uint32_t i = 0; i < b->server_count; i++)
		n += load_relaxed(&b->servers[i]->queued);
	return n;
}

/* "Server app/s1 is DOWN, ... . 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue." */
static void log_change(struct server *s, enum log_level level, const char *what, uint32_t requeued)
{
	struct backend *b = s->backend;
	uint32_t active, backup;
	const char *running;
	char tail[96];

	backend_count_usable(b, &active, &backup);
	running = backup && !active ? " Running on backup." : "";
	if (server_alive(s) && !server_barred(s))
		snprintf(tail, sizeof tail, "online.%s %u sessions requeued, %u total in queue.", running, requeued,
			queued_in_all(b));
	else
		snprintf(tail, sizeof tail, "left.%s %u sessions active, %u requeued, %u remaining in queue.", running,
			server_served(s), requeued, queued_in_all(b));
	log_event(&b->log, level, "%sServer %s/%s %s. %u active and %u backup servers %s", s->backup ? "Backup " : "",
		b->name, s->name, what, active, backup, tail);
}

static void log_plain(struct server *s, const char *what)
{
	log_event(&s->backend->log, LOG_L_NOTICE, "%sServer %s/%s %s.", s->backup ? "Backup " : "", s->backend->name,
		s->name, what);
}

/* " via b/s" of a server that tracks another, else nothing. */
static const char *via_text(const struct server *s, char *buf, size_t len)
{
	if (!s->tracked)
		return "";
	snprintf(buf, len, " via %s/%s", s->tracked->backend->name, s->tracked->name);
	return buf;
}

/* Times, counters and warmth of a server that went up or down. */
static void note_transition(struct server *s, bool was_alive)
{
	uint64_t now = wall_seconds();

	if (server_alive(s) == was_alive)
		return;
	if (was_alive)
		s->down_transitions++;
	else if (now > s->last_change_s)
		s->down_seconds += now - s->last_change_s;
	s->last_change_s = now;
	if (was_alive)
		slowstart_end(s);
	else
		slowstart_begin(s);
}

/* Publishes a change; returns how many had to leave its queue. */
static uint32_t publish(struct server *s, bool was_alive)
{
	note_transition(s, was_alive);
	backend_publish(s->backend);
	return server_takes(s) ? 0 : queue_redistribute(s);
}

static void (*ender)(struct server *s, bool up);

void server_set_ender(void (*end_sessions)(struct server *s, bool up))
{
	ender = end_sessions;
}

/* on-marked-down, on-marked-up */
static void end_sessions(struct server *s)
{
	struct backend *b = s->backend;
	bool up = server_alive(s);

	if (!ender)
		return;
	if (!up && s->end_sessions_when_down)
		ender(s, false);
	if (!up || !s->end_backup_sessions_when_up || s->backup || !atomic_load(&s->weight))
		return;
	for (uint32_t i = 0; i < b->server_count; i++)
		if (b->servers[i]->backup)
			ender(b->servers[i], true);
}

static void finish(struct server *s, bool was_alive)
{
	backend_note_change(s->backend);
	backend_wake_queue(s->backend); /* it may serve again; or, now that it is gone, a backup may */
	if (was_alive && !server_alive(s))
		server_pool_flush_all(s);
	if (was_alive != server_alive(s))
		end_sessions(s);
	track_tell(s);
}

void server_apply_health(struct server *s, enum server_health h, const char *what)
{
	static const char *const states[] = { "is DOWN", "is UP", "is stopping" };
	bool was_alive = server_alive(s);
	char text[512];
	uint32_t requeued;

	if (atomic_exchange(&s->health, h) == h)
		return;
	requeued = publish(s, was_alive);
	snprintf(text, sizeof text, "%s%s", states[h], what);
	if (!(admin_of(s) & SERVER_ANY_MAINT))
		log_change(s, h == SERVER_DOWN ? LOG_L_ALERT : LOG_L_NOTICE, text, requeued);
	finish(s, was_alive);
}

void server_set_bars(struct server *s, unsigned set, unsigned clear, enum log_level level, const char *what)
{
	bool alive = server_alive(s);
	uint32_t requeued;

	atomic_store(&s->barred, (uint8_t)((atomic_load(&s->barred) | set) & ~clear));
	requeued = publish(s, alive);
	log_change(s, level, what, requeued);
	finish(s, alive);
}

void server_set_health(struct server *s, enum server_health h, const char *reason)
{
	char what[128] = "";

	if (reason)
		snprintf(what, sizeof what, ", %s", reason);
	pthread_mutex_lock(&s->backend->lock);
	s->check_count = h == SERVER_DOWN ? 0 : (uint16_t)(s->rise + s->fall - 1);
	server_apply_health(s, h, what);
	pthread_mutex_unlock(&s->backend->lock);
}

/* --- what the operator decides --- */

static void enter_maintenance(struct server *s, bool was_alive, unsigned cause)
{
	uint32_t requeued = publish(s, was_alive);
	char via[256], what[320];

	snprintf(what, sizeof what, "is going DOWN for maintenance%s",
		cause & SERVER_MAINT_VIA ? via_text(s, via, sizeof via) : "");
	if (was_alive)
		log_change(s, LOG_L_ALERT, what, requeued);
	else
		log_plain(s, "was DOWN and now enters maintenance");
	finish(s, was_alive);
}

/* Its health starts anew: up, and down at the first failed check; or as that of the server that it tracks. */
static void leave_maintenance(struct server *s, bool was_alive, unsigned cause)
{
	char what[96];

	atomic_store(&s->health, s->tracked ? atomic_load(&s->tracked->health) : SERVER_UP);
	s->check_count = s->rise;
	publish(s, was_alive);
	snprintf(what, sizeof what, "is %s/%s (leaving %smaintenance)", server_alive(s) ? "UP" : "DOWN",
		admin_of(s) & SERVER_ANY_DRAIN ? "DRAIN" : "READY", cause & SERVER_MAINT ? "forced " : "");
	log_plain(s, what);
	if (admin_of(s) & SERVER_ANY_DRAIN)
		log_plain(s, "remains in forced drain mode");
	finish(s, was_alive);
}

static void change_drain(struct server *s, bool was_alive, bool drains, unsigned cause)
{
	uint32_t requeued = publish(s, was_alive);
	char via[256], what[320];

	snprintf(what, sizeof what, "enters drain state%s",
		cause & SERVER_DRAIN_VIA ? via_text(s, via, sizeof via) : "");
	if (drains)
		log_change(s, LOG_L_NOTICE, what, requeued);
	else
		log_plain(s, server_alive(s) ? "is UP (leaving forced drain)" : "is DOWN (leaving forced drain)");
	finish(s, was_alive);
}

/* Of two causes for the same state the first one counts. */
static void change_admin(struct server *s, unsigned now)
{
	bool was_alive = server_alive(s);
	unsigned before = admin_of(s), changed = before ^ now;
	bool maint = now & SERVER_ANY_MAINT, drain = now & SERVER_ANY_DRAIN;

	atomic_store(&s->admin, (uint8_t)now);
	if (maint != ((before & SERVER_ANY_MAINT) != 0)) {
		if (maint)
			enter_maintenance(s, was_alive, changed);
		else
			leave_maintenance(s, was_alive, changed);
		return;
	}
	if (changed & SERVER_MAINT && before & SERVER_MAINT)
		log_plain(s, "is leaving forced maintenance but remains in maintenance");
	if (drain != ((before & SERVER_ANY_DRAIN) != 0) && !maint) {
		change_drain(s, was_alive, drain, changed);
	} else if (changed) {
		publish(s, was_alive);
		finish(s, was_alive);
	}
}

void server_follow(struct server *s, enum server_health h, unsigned admin)
{
	unsigned via = (admin & (SERVER_ANY_MAINT | SERVER_UNRESOLVED) ? SERVER_MAINT_VIA : 0) |
	               (admin & SERVER_ANY_DRAIN ? SERVER_DRAIN_VIA : 0);
	char text[256];

	change_admin(s, (admin_of(s) & ~(unsigned)(SERVER_MAINT_VIA | SERVER_DRAIN_VIA)) | via);
	server_apply_health(s, h, via_text(s, text, sizeof text));
}

void server_change_admin(struct server *s, unsigned set, unsigned clear)
{
	change_admin(s, (admin_of(s) | set) & ~clear);
}

void server_set_admin(struct server *s, unsigned set, unsigned clear)
{
	pthread_mutex_lock(&s->backend->lock);
	server_change_admin(s, set, clear);
	pthread_mutex_unlock(&s->backend->lock);
}

void server_apply_weight(struct server *s, unsigned weight)
{
	atomic_store(&s->weight, (uint16_t)weight);
	backend_publish(s->backend);
	backend_note_change(s->backend);
	queue_serve(s);
}

void server_set_weight(struct server *s, unsigned weight)
{
	pthread_mutex_lock(&s->backend->lock);
	server_apply_weight(s, weight);
	pthread_mutex_unlock(&s->backend->lock);
}

void server_apply_maxconn(struct server *s, uint32_t maxconn)
{
	if (maxconn)
		queue_share_load(s->backend);
	atomic_store(&s->maxconn_now, maxconn);
	queue_show_limit(s);
	queue_serve(s);
}

void server_set_maxconn(struct server *s, uint32_t maxconn)
{
	pthread_mutex_lock(&s->backend->lock);
	server_apply_maxconn(s, maxconn);
	pthread_mutex_unlock(&s->backend->lock);
}

static void free_target(void *target, void *arg)
{
	(void)arg;
	free(target);
}

/* The same number that HAProxy gives a server with this address and key, so that both may stand side by side. */
void server_renew_cookie(struct server *s)
{
	const struct backend *b = s->backend;
	const struct server_target *t = atomic_load(&s->target);
	const char *key = b->set.dynamic_cookie_key;
	XXH64_state_t h;
	uint32_t port;

	if (!b->persist || !b->persist->cookie || !b->persist->cookie->dynamic || !key || !t)
		return;
	if (t->at.sa.sa_family != AF_INET && t->at.sa.sa_family != AF_INET6)
		return;
	port = htonl(addr_port(&t->at.ip));
	XXH64_reset(&h, 0);
	XXH64_update(&h, key, strlen(key));
	if (t->at.sa.sa_family == AF_INET)
		XXH64_update(&h, &t->at.ip.v4.sin_addr, 4);
	else
		XXH64_update(&h, &t->at.ip.v6.sin6_addr, 16);
	XXH64_update(&h, &port, sizeof port);
	store_relaxed(&s->dynamic_cookie, XXH64_digest(&h));
}

int server_set_target(struct server *s, const struct endpoint *at)
{
	struct server_target *now = malloc(sizeof *now), *old;

	if (!now)
		return -ENOMEM;
	now->at = *at;
	endpoint_text(at, now->text);
	if (!s->backend->thread)
		s->configured = *at;
	pthread_mutex_lock(&s->backend->lock);
	old = atomic_exchange(&s->target, now);
	atomic_fetch_add(&s->target_version, 1);
	server_renew_cookie(s);
	pthread_mutex_unlock(&s->backend->lock);
	if (!s->backend->thread) {
		free(old); /* still loading: nobody reads it */
		return 0;
	}
	if (old)
		hazard_retire(old, free_target, NULL);
	server_pool_flush_all(s);
	return 0;
}

/* --- what is shown --- */

static const char *up_text(const struct server *s, char *buf, size_t len)
{
	if (s->tracked)
		return "UP";
	if (!s->check || !s->check->enabled)
		return "no check";
	if (s->check_count >= s->rise + s->fall - 1)
		return "UP";
	snprintf(buf, len, "UP %d/%d", s->check_count - s->rise + 1, s->fall);
	return buf;
}

static const char *down_text(const struct server *s, char *buf, size_t len)
{
	if (s->agent_down)
		return "DOWN (agent)";
	if (s->tracked || !s->check || !s->check->enabled || !s->check_count)
		return "DOWN";
	snprintf(buf, len, "DOWN %d/%d", s->check_count, s->rise);
	return buf;
}

static const char *status_text(const struct server *s, char *buf, size_t len)
{
	unsigned admin = admin_of(s), health = atomic_load(&s->health);

	if (admin & SERVER_MAINT)
		return "MAINT";
	if (admin & SERVER_MAINT_VIA) {
		snprintf(buf, len, "MAINT (via %s/%s)", s->tracked->backend->name, s->tracked->name);
		return buf;
	}
	if (admin & SERVER_UNRESOLVED)
		return "MAINT (resolution)";
	if (health == SERVER_DOWN)
		return down_text(s, buf, len);
	if (admin & SERVER_ANY_DRAIN)
		return s->agent_drains ? "DRAIN (agent)" : "DRAIN";
	return health == SERVER_STOPPING ? "NOLB" : up_text(s, buf, len);
}

const char *server_status_text(struct server *s, char *buf, size_t len)
{
	const char *text;

	pthread_mutex_lock(&s->backend->lock);
	text = status_text(s, buf, len);
	pthread_mutex_unlock(&s->backend->lock);
	return text;
}

uint64_t server_downtime_s(struct server *s)
{
	uint64_t now = wall_seconds(), down;

	pthread_mutex_lock(&s->backend->lock);
	down = s->down_seconds;
	if (!server_alive(s) && now > s->last_change_s)
		down += now - s->last_change_s;
	pthread_mutex_unlock(&s->backend->lock);
	return down;
}

const char *server_address_text(struct server *s, char *text)
{
	const struct server_target *t;

	pthread_mutex_lock(&s->backend->lock);
	t = atomic_load(&s->target);
	snprintf(text, ADDR_TEXT_MAX, "%s", t && t->at.len ? t->text : "-");
	pthread_mutex_unlock(&s->backend->lock);
	return text;
}

/* --- made and freed --- */

void server_free(struct server *s)
{
	breaker_free(s);
	port_range_drop(s->source_ports);
	check_free(s->check);
	check_free(s->agent);
	free(s->agent_settings);
	free(s->slowstart);
	free(s->observer);
	free(atomic_load(&s->target));
	lines_drop(s->thread);
	lineage_leave(&s->lineage);
	free(s);
}
