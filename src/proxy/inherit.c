/* inherit: see ballast/proxy/inherit.h. */
#include "ballast/proxy/inherit.h"

#include "ballast/base/lines.h"
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

void frontend_retire(struct frontend *old)
{
	old->retired = true;
	lineage_end(&old->lineage);
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

static void client_follow(struct client *c)
{
	const struct listener *before = c->listener;

	c->listener = listener_current(before);
	if (c->listener->maxconn && !before->maxconn)
		atomic_fetch_add(&c->listener->connections, 1);
	c->frontend = c->frontend->lineage.current;
	follow_private(c);
	if (c->tracking)
		track_follow(c->tracking, loop_self->now_ms);
	if (c->frontend->retired)
		client_soft_stop(c);
}

void frontends_follow_thread(struct frontend *old)
{
	for (struct frontend *f = old; f; f = f->next)
		list_for_each_safe(it, &f->thread[loop_self->index].clients)
			client_follow(list_entry(it, struct client, link));
}
