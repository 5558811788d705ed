/* The stats sockets: opened with the other listeners, accepted from on thread 0, closed with the process. */
#include "ballast/admin/admin.h"

#include <stdlib.h>

#include "ballast/base/clock.h"
#include "ballast/net/listener.h"
#include "internal.h"

uint64_t admin_uptime_s(const struct admin *a)
{
	return (clock_mono_ns() - a->started_ns) / 1000000000;
}

static uint32_t count_sockets(const struct graph *g)
{
	uint32_t n = 0;

	for (const struct stats_socket *s = g->global.stats_sockets; s; s = s->next)
		n++;
	return n;
}

/* --- `stats maxconn`, on thread 0 --- */

static bool take_place(struct listener *l)
{
	struct admin *a = l->owner;
	uint32_t limit = a->graph->global.stats_maxconn;

	if (limit && a->connections >= limit)
		return false;
	a->connections++;
	return true;
}

static void untake_place(struct listener *l)
{
	((struct admin *)l->owner)->connections--;
}

void admin_release(struct admin *a, struct listener *l)
{
	a->connections--;
	listener_release(l);
	for (uint32_t i = 0; i < a->listener_count; i++)
		listener_wake(a->listeners[i]);
}

static int open_socket(struct admin *a, const struct stats_socket *of, struct inherited_fds *from, struct diag *d)
{
	struct listener *l = listener_new(&of->at);

	if (!l) {
		diag_error(d, &of->where, NULL, "no memory for the stats socket");
		return -ENOMEM;
	}
	a->sockets[a->listener_count] = *of;
	a->listeners[a->listener_count++] = l;
	l->owner = a;
	l->declared = of->where;
	l->maxconn = of->maxconn;
	l->take = take_place;
	l->untake = untake_place;
	l->on_accept = session_accept;
	l->options.has_mode = of->mode != 0;
	l->options.mode = of->mode;
	l->options.uid = of->uid;
	l->options.gid = of->gid;
	return listener_open(l, 1, from, d);
}

static struct admin *make(const struct graph *g, const struct admin_options *o)
{
	struct admin *a = calloc(1, sizeof *a);
	uint32_t n = count_sockets(g);

	if (!a)
		return NULL;
	a->graph = g;
	a->options = *o;
	a->started_us = clock_wall_us();
	a->started_ns = a->sampled_ns = clock_mono_ns();
	a->idle_percent = 100;
	list_init(&a->sessions);
	a->listeners = calloc(n ? n : 1, sizeof(struct listener *));
	a->sockets = calloc(n ? n : 1, sizeof(struct stats_socket));
	if (a->listeners && a->sockets)
		return a;
	admin_free(a);
	return NULL;
}

struct admin *admin_open(const struct graph *g, const struct admin_options *o, struct inherited_fds *from,
	struct diag *d)
{
	struct admin *a = make(g, o);
	int err = 0;

	if (!a) {
		diag_error(d, NULL, NULL, "no memory for the stats sockets");
		return NULL;
	}
	for (const struct stats_socket *s = g->global.stats_sockets; s; s = s->next)
		err |= open_socket(a, s, from, d);
	if (!err)
		return a;
	admin_free(a);
	return NULL;
}

int admin_publish(struct admin *a, struct diag *d)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < a->listener_count; i++)
		err = listener_publish(a->listeners[i], d);
	return err;
}

int admin_start(struct admin *a)
{
	int err = 0;

	a->started_us = clock_wall_us();
	a->started_ns = a->sampled_ns = clock_mono_ns();
	a->maxconn_start = frontend_process_maxconn();
	for (uint32_t i = 0; !err && i < a->listener_count; i++)
		err = listener_start(a->listeners[i]);
	return err;
}

/* A session that waits for its next command has nothing to wait for any more. */
static void session_soft_stop(struct admin_session *s)
{
	s->mode = MODE_SINGLE;
	if (!s->held && !s->rest && s->out.len == s->sent)
		session_close(s);
}

void admin_stop(struct admin *a)
{
	for (uint32_t i = 0; i < a->listener_count; i++)
		listener_close(a->listeners[i]);
	list_for_each_safe(it, &a->sessions)
		session_soft_stop(list_entry(it, struct admin_session, link));
}

void admin_free(struct admin *a)
{
	if (!a)
		return;
	list_for_each_safe(it, &a->sessions) {
		struct admin_session *s = list_entry(it, struct admin_session, link);
		s->held = 0;
		session_close(s);
	}
	for (uint32_t i = 0; i < a->listener_count; i++)
		listener_free(a->listeners[i]);
	free(a->listeners);
	free(a->sockets);
	free(a);
}

void admin_set_reload(struct admin *a, const struct admin_reload *r)
{
	a->reload = *r;
}

void admin_set_graph(struct admin *a, const struct graph *g)
{
	a->graph = g;
}
