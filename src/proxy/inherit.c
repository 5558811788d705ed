/* inherit: see ballast/proxy/inherit.h. */
#include "ballast/proxy/inherit.h"

#include "ballast/base/lines.h"
#include "ballast/event/generation.h"
#include "ballast/net/listener.h"
#include "internal.h"

bool frontend_inherit(struct frontend *now, struct frontend *old)
{
	if (now->mode != old->mode || now->disabled != old->disabled)
		return false;
	lines_drop(now->thread);
	lines_drop(now->live);
	now->thread = lines_share(old->thread);
	now->live = lines_share(old->live);
	if (now->set.maxconn != old->set.maxconn) /* else what the operator made of it holds */
		atomic_store(&now->live->maxconn, now->set.maxconn);
	if (now->set.session_rate != old->set.session_rate)
		rate_gate_set(&now->live->session_rate, now->set.session_rate);
	lineage_succeed(&now->lineage, &old->lineage);
	return true;
}

static void mark_frontend(void *self)
{
	((struct frontend *)self)->retired = true;
}

void frontend_retire(struct frontend *old)
{
	lineage_end(&old->lineage, mark_frontend);
}

/* ---- a client ---- */

static void follow_private(struct client *c)
{
	list_for_each_safe(it, &c->private_conns) {
		struct server_conn *sc = list_entry(it, struct server_conn, link);
		sc->server = server_current(sc->server);
		if (!sc->server->retired)
			continue;
		list_remove(&sc->link);
		server_conn_drop(sc, false);
	}
	if (c->last_server)
		c->last_server = server_current(c->last_server);
	if (c->last_server && c->last_server->retired)
		c->last_server = NULL;
}

/* Its frontend or its listener is not in the next configuration: it gives back its place at the listener, and keeps the
 * listener, which rules and logs may name, by holding the configuration that both are of. */
static void leave_listener(struct client *c)
{
	struct listener *now = listener_current(c->listener);

	c->held = c->frontend->generation;
	generation_enter(c->held);
	if (now != c->listener && c->listener->maxconn)
		listener_release(now);
}

static void follow_listener(struct client *c)
{
	struct listener *before = c->listener, *now = listener_current(before);

	if (now == before || ((struct frontend *)c->frontend->lineage.current)->retired) {
		leave_listener(c);
		return;
	}
	c->listener = now;
	if (now->maxconn && !before->maxconn)
		atomic_fetch_add(&now->connections, 1);
}

static void client_follow(struct client *c)
{
	if (!c->held)
		follow_listener(c);
	c->frontend = c->frontend->lineage.current;
	follow_private(c);
	if (c->tracking)
		track_follow(c->tracking, loop_self->now_ms);
	if (c->frontend->retired)
		client_soft_stop(c);
}

static void clients_follow(struct frontend *f)
{
	list_for_each_safe(it, &f->thread[loop_self->index].clients)
		client_follow(list_entry(it, struct client, link));
}

void frontends_follow_thread(struct frontend *old)
{
	for (struct frontend *f = old; f; f = f->next)
		clients_follow(f);
}

void frontends_follow_retired_thread(struct frontend *older)
{
	for (struct frontend *f = older; f; f = f->next)
		if (f->retired)
			clients_follow(f);
}
