/* queue: places on servers, and who waits for them.
 *
 * Without limits a place is a count of the thread's own.  With them, load[slot] is the truth, and taking a place is one
 * compare-and-swap.  A lost wake-up is impossible: whoever joins first raises `queued` and then looks at the load,
 * whoever leaves first lowers the load and then looks at `queued`, all sequentially consistent, so at least one of the
 * two sees the other; and both then act under queue_lock.
 *
 * What stands in a queue is a ticket, not the exchange: taken out by a grant (then it is the message to the exchange's
 * loop and is freed there), or by its own exchange.  ticket->wait is touched by the exchange's thread only, so an
 * exchange that gave up while its wake-up is under way just cuts the tie, and gives the place on.
 *
 * The load of a thread counts only since it keeps it (backend_thread.shared): `set maxconn server` at run time asks
 * every thread to begin, with a message; until all have, the limit is approximate.
 */
#include <stdlib.h>

#include "internal.h"

struct wait_ticket {
	struct list link;         /* in a queue; under queue_lock */
	struct server_wait *wait; /* NULL: given up */
	struct backend *backend;
	struct server *server; /* waits for this one; NULL: for any */
	struct server *granted;
	uint64_t since_ns;
	unsigned thread;
	bool queued; /* under queue_lock */
	struct post post;
};

static struct backend_thread *backend_own(struct backend *b)
{
	return &b->thread[loop_self->index];
}

static void count_place(struct server *s, int by)
{
	count_current(&s->thread[loop_self->index].counters, by);
}

/* --- limits --- */

/* While it starts slowly it takes fewer at a time, at least one. */
static uint32_t warmed(const struct server *s, uint32_t limit)
{
	uint32_t warmth = load_relaxed(&s->warmth);

	if (BL_LIKELY(warmth == WARMTH_FULL) || !limit)
		return limit;
	return (uint32_t)(((uint64_t)limit * warmth + WARMTH_FULL - 1) / WARMTH_FULL);
}

/* `more`: requests that the backend's load does not count yet. */
static uint32_t dynamic_limit(const struct server *s, uint32_t more)
{
	const struct backend *b = s->backend;
	uint32_t max = load_relaxed(&s->maxconn_now);
	uint64_t served, dynamic;

	if (!s->minconn || !max || !b->set.fullconn || s->minconn >= max)
		return max;
	served = (uint64_t)load_relaxed(&b->served) + more;
	if (served >= b->set.fullconn)
		return max;
	dynamic = served * max / b->set.fullconn;
	return dynamic > s->minconn ? (uint32_t)dynamic : s->minconn;
}

static uint32_t limit_with(const struct server *s, uint32_t more)
{
	return warmed(s, dynamic_limit(s, more));
}

void queue_show_limit(struct server *s)
{
	store_relaxed(&s->backend->maxconn[s->slot], warmed(s, load_relaxed(&s->maxconn_now)));
}

uint32_t server_limit(const struct server *s)
{
	return limit_with(s, 0);
}

uint32_t server_served(const struct server *s)
{
	const struct backend *b = s->backend;
	int64_t n = 0;

	if (b->shared_load)
		return atomic_load(&b->load[s->slot]);
	if (s->thread)
		n = counters_current(&s->thread[0].counters, sizeof s->thread[0], b->threads);
	return n > 0 ? (uint32_t)n : 0;
}

/* The limit must be the same for one who enters and for one who joins and is counted by that: else he would be told
 * for ever that a place is free. */
static bool place_take(struct server *s, bool counted)
{
	struct backend *b = s->backend;
	_Atomic uint32_t *load = &b->load[s->slot];
	uint32_t limit = limit_with(s, !counted);

	if (limit) {
		uint32_t n = atomic_load(load);
		do {
			if (n >= limit)
				return false;
		} while (!atomic_compare_exchange_weak(load, &n, n + 1));
	} else {
		atomic_fetch_add(load, 1);
	}
	if (b->dynamic_limit)
		atomic_fetch_add(&b->served, 1);
	return true;
}

static void place_give(struct server *s)
{
	struct backend *b = s->backend;

	if (b->dynamic_limit)
		atomic_fetch_sub(&b->served, 1);
	atomic_fetch_sub(&b->load[s->slot], 1);
}

static bool place_is_free(const struct server *s)
{
	uint32_t limit = server_limit(s);

	return !limit || atomic_load(&s->backend->load[s->slot]) < limit;
}

static bool somebody_waits(const struct server *s)
{
	return atomic_load(&s->queued) | atomic_load(&s->backend->queued);
}

/* --- tickets, under queue_lock --- */

static struct list *queue_of(const struct wait_ticket *t)
{
	return t->server ? &t->server->queue : &t->backend->queue;
}

static _Atomic uint32_t *queued_of(const struct wait_ticket *t)
{
	return t->server ? &t->server->queued : &t->backend->queued;
}

static void raise_max(_Atomic uint32_t *max, uint32_t n)
{
	if (n > load_relaxed(max))
		store_relaxed(max, n);
}

static void ticket_unlink(struct wait_ticket *t)
{
	list_remove(&t->link);
	t->queued = false;
	atomic_fetch_sub(queued_of(t), 1);
	if (t->backend->dynamic_limit)
		atomic_fetch_sub(&t->backend->served, 1);
}

static void ticket_run(struct post *p);

/* Ends its wait: with a place on `granted`, which is counted already, or, NULL, to choose again. */
static void ticket_send(struct wait_ticket *t, struct server *granted)
{
	ticket_unlink(t);
	t->granted = granted;
	t->post.run = ticket_run;
	loop_post(loop_at(t->thread), &t->post);
}

/* Is it one that balancing chooses from now?  A backup is only where no other server can serve; the first, or all with
 * `option allbackups`. */
static bool in_rotation(const struct server *s)
{
	const struct backend *b = s->backend;

	if (!s->backup || !server_usable(s))
		return server_usable(s);
	for (uint32_t i = 0; i < b->server_count; i++) {
		const struct server *each = b->servers[i];
		if (!server_usable(each))
			continue;
		if (!each->backup || (i < s->slot && !b->set.all_backups))
			return false;
	}
	return true;
}

/* Who has waited longest among those for this server and, where it may be chosen, those for any. */
static struct wait_ticket *ticket_oldest(struct server *s)
{
	struct wait_ticket *own = list_first(&s->queue, struct wait_ticket, link);
	struct wait_ticket *any = list_first(&s->backend->queue, struct wait_ticket, link);

	if (any && !in_rotation(s))
		any = NULL;
	if (!own || !any)
		return own ? own : any;
	return any->since_ns < own->since_ns ? any : own;
}

/* A half-open breaker lets so many requests through as there are probes. */
static bool probe_take(struct server *s)
{
	int32_t left = atomic_load(&s->probes);

	if (!(atomic_load(&s->barred) & BAR_PROBES) || atomic_load(&s->backend->panic))
		return true;
	do {
		if (left <= 0)
			return false;
	} while (!atomic_compare_exchange_weak(&s->probes, &left, left - 1));
	return true;
}

static void serve_locked(struct server *s)
{
	struct wait_ticket *t;

	while (server_takes(s) && (t = ticket_oldest(s)) && place_take(s, true)) {
		if (!probe_take(s)) {
			place_give(s);
			return;
		}
		ticket_send(t, s);
	}
}

void queue_serve(struct server *s)
{
	if (!somebody_waits(s))
		return;
	pthread_mutex_lock(&s->backend->queue_lock);
	serve_locked(s);
	pthread_mutex_unlock(&s->backend->queue_lock);
}

/* Hands the caller's place on as it is, so that nobody can take it in between. False: nobody to take it. */
static bool place_hand_over(struct server *s)
{
	struct backend *b = s->backend;
	struct wait_ticket *t = NULL;
	uint32_t limit;

	pthread_mutex_lock(&b->queue_lock);
	limit = server_limit(s);
	if (server_takes(s) && (!limit || atomic_load(&b->load[s->slot]) <= limit))
		t = ticket_oldest(s);
	if (t && !probe_take(s))
		t = NULL;
	if (t)
		ticket_send(t, s);
	pthread_mutex_unlock(&b->queue_lock);
	return t != NULL;
}

static void place_release(struct server *s)
{
	if (BL_UNLIKELY(somebody_waits(s)) && place_hand_over(s))
		return;
	place_give(s);
	if (BL_UNLIKELY(somebody_waits(s)))
		queue_serve(s);
}

/* On the exchange's thread: its wait is over. */
static void ticket_run(struct post *p)
{
	struct wait_ticket *t = container_of(p, struct wait_ticket, post);
	struct server_wait *w = t->wait;
	struct server *granted = t->granted;

	free(t);
	if (!w)
		return;
	if (granted)
		count_place(granted, 1);
	w->ticket = NULL;
	w->granted = granted;
	w->wake(w);
}

/* --- public --- */

static bool enter(struct server *s)
{
	if (backend_own(s->backend)->shared) {
		if (BL_UNLIKELY(atomic_load(&s->queued)))
			return false;
		if (!place_take(s, false))
			return false;
	}
	count_place(s, 1);
	return true;
}

static bool enter_barred(struct server *s)
{
	if (!server_takes(s) || !enter(s))
		return false;
	if (probe_take(s))
		return true;
	server_leave(s);
	return false;
}

bool server_enter(struct server *s)
{
	return BL_LIKELY(!load_relaxed(&s->barred)) ? enter(s) : enter_barred(s);
}

void server_leave(struct server *s)
{
	s = server_current(s);
	count_place(s, -1);
	if (backend_own(s->backend)->shared)
		place_release(s);
}

enum join_result { JOIN_WAITS, JOIN_RETRY, JOIN_FULL };

/* Is there a server that it can wait for; and, where nobody else waits, has one a free place by now? */
static enum join_result join_look(struct backend *b, struct server *s)
{
	enum join_result result = JOIN_RETRY;

	if (s)
		return server_takes(s) && !(list_empty(&s->queue) && place_is_free(s)) ? JOIN_WAITS : JOIN_RETRY;
	for (uint32_t i = 0; i < b->server_count; i++) {
		struct server *each = b->servers[i];
		if (!in_rotation(each))
			continue;
		if (list_empty(&b->queue) && list_empty(&each->queue) && place_is_free(each))
			return JOIN_RETRY;
		result = JOIN_WAITS;
	}
	return result;
}

static struct wait_ticket *ticket_new(struct server_wait *w, struct backend *b, struct server *s)
{
	struct wait_ticket *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->wait = w;
	t->backend = b;
	t->server = s;
	t->thread = loop_self->index;
	t->since_ns = clock_mono_ns();
	return t;
}

static void ticket_link(struct wait_ticket *t, uint32_t before)
{
	raise_max(t->server ? &t->server->queued_max : &t->backend->queued_max, before + 1);
	list_push_back(queue_of(t), &t->link);
	t->queued = true;
	t->wait->position = before;
	t->wait->granted = NULL;
	t->wait->ticket = t;
}

/* Under queue_lock. Raising `queued` before looking at the load is one half of the promise at the head of this file. */
static enum join_result ticket_join(struct wait_ticket *t)
{
	struct backend *b = t->backend;
	struct server *s = t->server;
	uint32_t before = atomic_load(queued_of(t));
	enum join_result result;

	if (s && s->maxqueue && before >= s->maxqueue)
		return JOIN_FULL;
	atomic_fetch_add(queued_of(t), 1);
	if (b->dynamic_limit)
		atomic_fetch_add(&b->served, 1);
	result = join_look(b, s);
	if (result == JOIN_WAITS) {
		ticket_link(t, before);
		return result;
	}
	atomic_fetch_sub(queued_of(t), 1);
	if (b->dynamic_limit)
		atomic_fetch_sub(&b->served, 1);
	return result;
}

/* Others who waited before may be able to go on by now: a place that became free in between, a limit that grew with
 * the load of the backend. */
static void serve_after_join(struct backend *b, struct server *s)
{
	if (s) {
		serve_locked(s);
		return;
	}
	for (uint32_t i = 0; i < b->server_count && !list_empty(&b->queue); i++)
		serve_locked(b->servers[i]);
}

bool server_wait_join(struct server_wait *w, struct backend *b, struct server *s, bool *retry)
{
	struct wait_ticket *t;
	enum join_result result;

	*retry = false;
	BL_ASSERT(!w->ticket);
	t = ticket_new(w, b, s);
	if (!t)
		return false;
	pthread_mutex_lock(&b->queue_lock);
	result = ticket_join(t);
	if (result == JOIN_WAITS)
		serve_after_join(b, s);
	pthread_mutex_unlock(&b->queue_lock);
	if (result == JOIN_WAITS)
		return true;
	*retry = result == JOIN_RETRY;
	free(t);
	return false;
}

void server_wait_cancel(struct server_wait *w)
{
	struct wait_ticket *t = w->ticket;
	struct server *granted = NULL;
	bool queued;

	if (!t)
		return;
	w->ticket = NULL;
	pthread_mutex_lock(&t->backend->queue_lock);
	queued = t->queued;
	if (queued)
		ticket_unlink(t);
	pthread_mutex_unlock(&t->backend->queue_lock);
	if (queued) {
		free(t);
		return;
	}
	/* Its message is under way, to this very thread: it will find nobody. */
	granted = t->granted;
	t->wait = NULL;
	if (granted)
		place_release(server_current(granted));
}

void backend_wake_queue(struct backend *b)
{
	for (uint32_t i = 0; i < b->server_count; i++)
		queue_serve(b->servers[i]);
}

static uint32_t redistribute(struct list *queue)
{
	struct wait_ticket *t;
	uint32_t count = 0;

	for (; (t = list_first(queue, struct wait_ticket, link)); count++)
		ticket_send(t, NULL);
	return count;
}

uint32_t queue_redistribute(struct server *s)
{
	uint32_t count;

	pthread_mutex_lock(&s->backend->queue_lock);
	count = redistribute(&s->queue);
	pthread_mutex_unlock(&s->backend->queue_lock);
	return count;
}

void queue_redistribute_backend(struct backend *b)
{
	pthread_mutex_lock(&b->queue_lock);
	redistribute(&b->queue);
	pthread_mutex_unlock(&b->queue_lock);
}

/* --- load[] kept from some moment on --- */

struct share_post {
	struct post post;
	struct backend *backend;
	unsigned thread;
};

/* The thread's present requests enter the load, and all later ones. */
static void share_begin(struct backend *b, unsigned thread)
{
	if (b->thread[thread].shared)
		return;
	for (uint32_t i = 0; i < b->server_count; i++) {
		int64_t now = load_relaxed(&b->servers[i]->thread[thread].counters.current);
		atomic_fetch_add(&b->load[i], (uint32_t)now);
	}
	b->thread[thread].shared = true;
}

static void share_run(struct post *p)
{
	struct share_post *s = container_of(p, struct share_post, post);

	share_begin(s->backend, s->thread);
	free(s);
}

void queue_share_load(struct backend *b)
{
	if (b->shared_load)
		return;
	b->shared_load = true;
	for (unsigned i = 0; i < b->threads; i++) {
		struct share_post *s = i < loop_count() ? malloc(sizeof *s) : NULL;
		if (!s) {
			share_begin(b, i);
			continue;
		}
		*s = (struct share_post){ .post.run = share_run, .backend = b, .thread = i };
		loop_post(loop_at(i), &s->post);
	}
}
