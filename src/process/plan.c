/* plan: the next configuration is made ready beside the running one: read, compared, its new sockets opened, its proxies
 * started.  What can fail fails here, so publishing cannot.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/strmap.h"
#include "ballast/proxy/inherit.h"
#include "ballast/server/check.h"
#include "ballast/server/guard.h"
#include "ballast/server/inherit.h"
#include "ballast/table/table.h"
#include "reload.h"

static int add(struct pairs *p, void *now, void *old)
{
	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 16;
		struct pair *more = reallocarray(p->list, room, sizeof *more);
		if (!more)
			return -ENOMEM;
		p->list = more;
		p->room = room;
	}
	p->list[p->count++] = (struct pair){ now, old };
	return 0;
}

#define for_pairs(each, p) for (struct pair *each = (p)->list; each < (p)->list + (p)->count; each++)

/* ---- who follows whom ---- */

static int pair_backends(struct plan *p)
{
	struct strmap by_name;
	int err = 0;

	strmap_init(&by_name);
	for (struct backend *b = p->old->backends; b && !err; b = b->next)
		err = strmap_put(&by_name, slice_from_str(b->name), b);
	for (struct backend *b = p->now->backends; b && !err; b = b->next) {
		struct backend *old = strmap_get(&by_name, slice_from_str(b->name));
		if (!old || old->mode != b->mode)
			continue;
		err = add(&p->backends, b, old);
		if (!err)
			err = backend_pair(b, old);
	}
	strmap_free(&by_name);
	return err;
}

static int pair_frontends(struct plan *p)
{
	struct strmap by_name;
	int err = 0;

	strmap_init(&by_name);
	for (struct frontend *f = p->old->frontends; f && !err; f = f->next)
		err = strmap_put(&by_name, slice_from_str(f->name), f);
	for (struct frontend *f = p->now->frontends; f && !err; f = f->next) {
		struct frontend *old = strmap_get(&by_name, slice_from_str(f->name));
		if (old)
			err = add(&p->frontends, f, old);
	}
	strmap_free(&by_name);
	return err;
}

static int pair_tables(struct plan *p)
{
	struct strmap by_name;
	int err = 0;

	strmap_init(&by_name);
	for (struct table *t = p->old->tables; t && !err; t = t->next)
		err = strmap_put(&by_name, slice_from_str(t->name), t);
	for (struct table *t = p->now->tables; t && !err; t = t->next) {
		struct table *old = strmap_get(&by_name, slice_from_str(t->name));
		if (old)
			err = add(&p->tables, t, old);
	}
	strmap_free(&by_name);
	return err;
}

static bool is_taken(const struct plan *p, const struct listener *old)
{
	for_pairs(each, &p->listeners) if (each->old == old) return true;
	return false;
}

/* New ones are opened here: an address that cannot be had refuses the whole configuration. */
static int pair_listeners(struct plan *p, const struct run *r, struct diag *d)
{
	int err = sockets_collect(&p->sockets, p->now);

	for (size_t i = 0; i < p->sockets.count && !err; i++) {
		struct listener *l = p->sockets.list[i], *old = sockets_find(&r->sockets, l);
		if (old && !is_taken(p, old)) {
			err = listener_prepare(l, r->threads);
			if (!err)
				err = add(&p->listeners, l, old);
			continue;
		}
		err = listener_open(l, r->threads, NULL, d);
		if (!err)
			err = add(&p->fresh, l, NULL);
	}
	for_pairs(each, &p->fresh) if (!err) err = listener_publish(each->now, d);
	return err;
}

/* ---- what only a restart can change ---- */

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static size_t count_sockets(const struct graph *g)
{
	size_t n = 0;

	for (const struct stats_socket *s = g->global.stats_sockets; s; s = s->next)
		n++;
	return n;
}

static bool same_sockets(const struct graph *a, const struct graph *b)
{
	const struct stats_socket *x = a->global.stats_sockets, *y = b->global.stats_sockets;

	for (; x && y; x = x->next, y = y->next)
		if (!endpoint_equal(&x->at, &y->at) || x->level != y->level || x->mode != y->mode || x->uid != y->uid ||
			x->gid != y->gid || x->maxconn != y->maxconn || x->expose_listeners != y->expose_listeners)
			return false;
	return count_sockets(a) == count_sockets(b);
}

static bool same_cpus(const struct graph *a, const struct graph *b)
{
	const struct cpu_map_entry *x = a->global.cpu_map, *y = b->global.cpu_map;

	for (; x && y; x = x->next, y = y->next)
		if (x->thread != y->thread || memcmp(x->cpus, y->cpus, sizeof x->cpus) != 0)
			return false;
	return x == y;
}

static void warn_of_restart(const struct graph *now, const struct graph *old, struct diag *d)
{
	const struct global_settings *a = &now->global, *b = &old->global;
	const struct {
		const char *what;
		bool same;
	} rows[] = {
		{ "daemon", a->daemon == b->daemon },
		{ "master-worker", a->master_worker == b->master_worker },
		{ "maxconn", a->maxconn == b->maxconn },
		{ "nbthread", a->nbthread == b->nbthread },
		{ "thread-groups", a->thread_groups == b->thread_groups },
		{ "cpu-map", same_cpus(now, old) },
		{ "uid or user", a->uid == b->uid },
		{ "gid or group", a->gid == b->gid },
		{ "chroot", same(a->chroot, b->chroot) },
		{ "pidfile", same(a->pidfile, b->pidfile) },
		{ "stats socket", same_sockets(now, old) },
		{ "ulimit-n", a->ulimit_n == b->ulimit_n },
		{ "tune.bufsize", a->bufsize == b->bufsize },
		{ "tune.maxrewrite", a->maxrewrite == b->maxrewrite },
		{ "tune.http.maxhdr", a->maxhdr == b->maxhdr },
		{ "tune.ssl.cachesize", a->tls_sessions == b->tls_sessions },
		{ "tune.ssl.lifetime", a->tls_lifetime_s == b->tls_lifetime_s },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (!rows[i].same)
			diag_warn(d, NULL, NULL, "global: a change of '%s' takes effect at a restart, not at a reload",
				rows[i].what);
}

static void warn_of_loss(const struct plan *p, struct diag *d)
{
	for_pairs(each, &p->tables) if (!table_fits(each->now, each->old))
		diag_warn(d, NULL, NULL, "the stick-table of '%s' stores other things than before: it begins empty",
			((struct table *)each->now)->name);
}

/* ---- made ---- */

struct graph *plan_load(struct run *r, struct diag *d)
{
	struct graph *g;

	r->source.again = true;
	g = graph_load(&r->source, d);
	if (g && (r->options->zero_warning || g->global.zero_warning) && d->count[DIAG_WARNING])
		diag_error(d, NULL, NULL, "some warnings were found and zero-warning is set");
	return g;
}

static int start(struct plan *p, const struct run *r, uint64_t number, struct diag *d)
{
	struct graph *g = p->now;
	int err = graph_begin_generation(g, number, r->threads);

	if (!err && r->options->debug)
		err = debug_add_targets(g, d);
	graph_set_maxconn(g, r->maxconn);
	log_targets_open(&g->global.log);
	for (struct backend *b = g->backends; b && !err; b = b->next) {
		log_targets_open(&b->log);
		err = backend_start(b, r->threads);
	}
	for (struct frontend *f = g->frontends; f && !err; f = f->next) {
		log_targets_open(&f->log);
		err = frontend_start(f, r->threads);
	}
	return err;
}

static int pair_all(struct plan *p, const struct run *r, struct diag *d)
{
	int err = pair_backends(p);

	if (!err)
		err = pair_frontends(p);
	if (!err)
		err = pair_tables(p);
	return err ? err : pair_listeners(p, r, d);
}

int plan_make(struct plan *p, struct run *r, struct graph *old, uint64_t number, struct diag *d)
{
	*p = (struct plan){ .old = old };
	p->now = plan_load(r, d);
	int err = p->now && !d->count[DIAG_ALERT] ? 0 : -EINVAL;
	if (!err)
		err = start(p, r, number, d);
	if (!err)
		err = pair_all(p, r, d);
	if (err) {
		if (!d->count[DIAG_ALERT])
			diag_error(d, NULL, NULL, "cannot start the new configuration: %s", strerror(-err));
		return err;
	}
	warn_of_restart(p->now, old, d);
	warn_of_loss(p, d);
	return 0;
}

void plan_free(struct plan *p, bool published)
{
	if (!published)
		graph_free(p->now);
	free(p->listeners.list);
	free(p->frontends.list);
	free(p->backends.list);
	free(p->tables.list);
	free(p->fresh.list);
	free(p->sockets.list);
	*p = (struct plan){ 0 };
}

/* ---- published ---- */

static void publish_listeners(struct plan *p, struct run *r)
{
	for_pairs(each, &p->listeners) listener_inherit(each->now, each->old);
	for (size_t i = 0; i < r->sockets.count; i++)
		if (listener_current(r->sockets.list[i]) == r->sockets.list[i])
			listener_end(r->sockets.list[i]);
	free(r->sockets.list);
	r->sockets = p->sockets;
	p->sockets = (struct sockets){ 0 };
}

/* What the operator made of them holds where the configuration says the same as before. */
static void follow_rates(const struct global_settings *now, const struct global_settings *old)
{
	if (now->connection_rate != old->connection_rate)
		rate_gate_set(frontend_connection_rate(), now->connection_rate);
	if (now->session_rate != old->session_rate)
		rate_gate_set(frontend_session_rate(), now->session_rate);
}

void plan_publish(struct plan *p, struct run *r)
{
	publish_listeners(p, r);
	for_pairs(each, &p->backends) backend_inherit(each->now, each->old);
	for (struct backend *b = p->old->backends; b; b = b->next)
		if (b->lineage.current == b)
			backend_retire(b);
	for_pairs(each, &p->frontends) frontend_inherit(each->now, each->old);
	for (struct frontend *f = p->old->frontends; f; f = f->next)
		if (f->lineage.current == f)
			frontend_retire(f);
	for_pairs(each, &p->tables) table_inherit(each->now, each->old);
	for (struct table *t = p->old->tables; t; t = t->next)
		if (t->lineage.current == t)
			table_retire(t);
	checks_set_spread(p->now->global.spread_checks);
	follow_rates(&p->now->global, &p->old->global);
	tls_set_limits(p->now->global.tls_maxconn, p->now->global.tls_maxrate);
	log_set_global(&p->now->global.log, p->now->global.log_tag, p->now->global.log_send_hostname);
	captures_follow();
	r->graph = p->now;
	if (r->admin)
		admin_set_graph(r->admin, p->now);
}

void plan_follow_thread(struct plan *p)
{
	for_pairs(each, &p->listeners) listener_follow_thread(each->now, each->old);
	for_pairs(each, &p->fresh) listener_start(each->now);
	frontends_follow_thread(p->old->frontends);
	servers_follow_thread();
	checks_follow_thread(p->old->backends, p->now->backends);
	guards_stop_thread(p->old->backends);
	guards_start_thread(p->now->backends);
}
