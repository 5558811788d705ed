/* Frontends: counting connections against the limits, pausing and resuming the listeners.
 *
 * A limit is never over-run: a thread that reaches it stops its own listeners of that frontend and waits for a close
 * to start them again; connections wait in the kernel's backlog meanwhile.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ballast/base/lines.h"
#include "ballast/net/listener.h"
#include "internal.h"

static _Atomic uint32_t process_maxconn, process_connections;
static struct rate_gate process_connection_rate, process_session_rate;
static atomic_bool stopping;

struct frontend *frontend_new(const char *name)
{
	struct frontend *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->name = name;
	f->mode = MODE_TCP;
	log_targets_init(&f->log);
	lineage_init(&f->lineage, f);
	return f;
}

int frontend_start(struct frontend *f, unsigned threads)
{
	f->thread = lines_new(threads * sizeof *f->thread);
	f->live = lines_new(sizeof *f->live);
	if (!f->thread || !f->live)
		return -ENOMEM;
	for (unsigned i = 0; i < threads; i++)
		list_init(&f->thread[i].clients);
	f->threads = threads;
	atomic_store(&f->live->maxconn, f->set.maxconn);
	rate_gate_set(&f->live->session_rate, f->set.session_rate);
	return 0;
}

void frontend_free(struct frontend *f)
{
	if (!f)
		return;
	lines_drop(f->thread);
	lines_drop(f->live);
	lineage_leave(&f->lineage);
	free(f);
}

/* ---- limits ---- */

void frontend_set_process_maxconn(uint32_t maxconn)
{
	atomic_store(&process_maxconn, maxconn);
}

uint32_t frontend_process_maxconn(void)
{
	return atomic_load_explicit(&process_maxconn, memory_order_relaxed);
}

uint32_t frontend_process_connections(void)
{
	return atomic_load_explicit(&process_connections, memory_order_relaxed);
}

struct rate_gate *frontend_connection_rate(void)
{
	return &process_connection_rate;
}

struct rate_gate *frontend_session_rate(void)
{
	return &process_session_rate;
}

void frontend_set_stopping(void)
{
	atomic_store(&stopping, true);
}

bool frontend_is_stopping(void)
{
	return atomic_load_explicit(&stopping, memory_order_relaxed);
}

/* Takes one of `limit` places; 0: no limit. */
static bool count_in(_Atomic uint32_t *count, uint32_t limit)
{
	uint32_t before = atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
	if (!limit || before < limit)
		return true;
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
	return false;
}

static void give_place(struct frontend *f)
{
	atomic_fetch_sub_explicit(&f->live->connections, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&process_connections, 1, memory_order_relaxed);
}

/* Connections wait in the backlog until the next second; whoever waits for a place looks again all the time. */
static bool within_rates(struct frontend *f)
{
	struct rate_gate *gates[] = { &process_connection_rate, &process_session_rate, &f->live->session_rate };

	for (unsigned i = 0; i < sizeof gates / sizeof *gates; i++)
		if (!rate_gate_pass(gates[i], loop_self->now_ns)) {
			while (i--)
				rate_gate_undo(gates[i], loop_self->now_ns);
			return false;
		}
	return true;
}

void frontend_no_session(struct frontend *f)
{
	rate_gate_undo(&process_session_rate, loop_self->now_ns);
	rate_gate_undo(&f->live->session_rate, loop_self->now_ns);
}

static bool take_place(struct listener *l)
{
	struct frontend *f = l->owner;

	if (!count_in(&f->live->connections, atomic_load_explicit(&f->live->maxconn, memory_order_relaxed)))
		return false;
	if (!count_in(&process_connections, frontend_process_maxconn())) {
		atomic_fetch_sub_explicit(&f->live->connections, 1, memory_order_relaxed);
		return false;
	}
	if (within_rates(f))
		return true;
	give_place(f);
	return false;
}

/* No connection came for it. */
static void untake_place(struct listener *l)
{
	rate_gate_undo(&process_connection_rate, loop_self->now_ns);
	frontend_no_session(l->owner);
	give_place(l->owner);
}

void frontend_connection_closed(struct frontend *f, struct listener *l)
{
	give_place(f);
	if (l)
		listener_release(l);
	for (uint32_t i = 0; i < f->listener_count; i++)
		listener_wake(f->listeners[i]);
}

/* ---- accepting ---- */

static void on_accept(struct listener *l, int fd, const union addr *peer)
{
	struct frontend *f = l->owner;
	struct counters *c = frontend_counters(f);
	uint32_t second = (uint32_t)(loop_self->wall_us / 1000000);

	count_add(c, COUNT_CONN, 1);
	count_current(c, 1);
	rate_count(&c->conn_rate, second);
	if (client_accept(f, l, fd, peer))
		return;
	count_current(c, -1);
	close(fd); /* memory or descriptors are out: shed */
	give_place(f);
	listener_release(l);
}

static void on_exhausted(void)
{
	server_pool_shed();
}

void frontend_adopt_listener(struct frontend *f, struct listener *l)
{
	l->owner = f;
	l->take = take_place;
	l->untake = untake_place;
	l->on_accept = on_accept;
	l->exhausted = on_exhausted;
}

void frontend_pause(struct frontend *f)
{
	atomic_store(&f->live->paused, true);
	for (uint32_t i = 0; i < f->listener_count; i++)
		listener_pause(f->listeners[i]);
}

void frontend_resume(struct frontend *f)
{
	atomic_store(&f->live->paused, false);
	for (uint32_t i = 0; i < f->listener_count; i++)
		listener_resume(f->listeners[i]);
}

void frontend_set_maxconn(struct frontend *f, uint32_t maxconn)
{
	atomic_store(&f->live->maxconn, maxconn);
	for (uint32_t i = 0; i < f->listener_count; i++)
		listener_wake(f->listeners[i]);
}

void frontend_soft_stop_thread(struct frontend *all)
{
	for (struct frontend *f = all; f; f = f->next) {
		list_for_each_safe(it, &f->thread[loop_self->index].clients)
			client_soft_stop(list_entry(it, struct client, link));
	}
}

void frontend_hard_stop_thread(struct frontend *all)
{
	for (struct frontend *f = all; f; f = f->next) {
		list_for_each_safe(it, &f->thread[loop_self->index].clients)
			client_hard_stop(list_entry(it, struct client, link));
	}
}
