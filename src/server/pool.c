/* pool: connections to servers that wait for their next request.
 *
 * Each thread keeps its own in a list, most recent first, registered with its loop, so that giving one back and taking
 * it again costs no system call and no shared cache line; the old end of the list shows how many are too many.  Once a
 * second the thread looks at that end: what was not used for a second goes, by halves, to the server's shared stack,
 * where a thread that ran out finds it before opening a new one; what was not used for `pool-purge-delay` is closed,
 * by halves, as HAProxy does.  Connections in the shared stack are in no loop: whoever takes one asks first whether
 * it is still quiet.
 *
 * A thread's list may be off the books of the limit `pool-max-conn` for an instant (two threads giving back at once):
 * the limit is a sum over the threads, read only where one is set.
 */
#include <errno.h>
#include <stdlib.h>

#include "ballast/server/inherit.h"
#include "internal.h"

enum { SWEEP_MS = 1000, NAMES_TRIED_MAX = 64 };

struct pool_thread {
	struct list servers; /* of server_thread.link: those with idle connections */
	struct timer sweep;
};

static __thread struct pool_thread pool_self;

static struct server_thread *own(struct server *s)
{
	return &s->thread[loop_self->index];
}

static void add_relaxed(_Atomic uint32_t *n, int by)
{
	store_relaxed(n, load_relaxed(n) + (uint32_t)by);
}

static void count_used(struct server_thread *t, int by)
{
	add_relaxed(&t->used, by);
	if (load_relaxed(&t->used) > t->used_max)
		t->used_max = load_relaxed(&t->used);
}

/* --- the thread's list of servers that have something to sweep --- */

static void sweep(struct timer *timer);

static void watch_server(struct server_thread *t)
{
	struct pool_thread *p = &pool_self;

	if (!list_empty(&t->link))
		return;
	if (!p->servers.next) {
		list_init(&p->servers);
		timer_init(&p->sweep, sweep);
	}
	if (list_empty(&p->servers))
		loop_timer_set(&p->sweep, SWEEP_MS);
	list_push_back(&p->servers, &t->link);
	t->purged_ms = loop_self->now_ms;
}

/* --- ends --- */

static void idle_unlink(struct server_conn *sc)
{
	list_remove(&sc->link);
	sc->idle = false;
	add_relaxed(&own(sc->server)->idle_count, -1);
}

static void conn_end(struct server_conn *sc, bool reset)
{
	if (reset)
		conn_reset(&sc->conn);
	else
		conn_close(&sc->conn);
	if (sc->source_port)
		port_range_give(sc->ports, sc->source_port);
	port_range_drop(sc->ports);
	free(sc->name);
	loop_free_later(loop_self, &sc->conn.watch);
}

void server_conn_drop(struct server_conn *sc, bool reset)
{
	if (sc->idle)
		idle_unlink(sc);
	else
		count_used(own(sc->server), -1);
	conn_end(sc, reset);
}

/* An idle connection woke up: the server closed it, or spoke without being asked.  Either way it is of no use. */
static void idle_ready(struct watch *w, unsigned bits)
{
	struct server_conn *sc = container_of(w, struct server_conn, conn.watch);

	conn_note(&sc->conn, bits);
	/* Over TLS it may be a session for next time. */
	if (!(bits & (LOOP_HUP | LOOP_ERROR)) && sc->conn.transport && conn_is_quiet(&sc->conn))
		return;
	if (bits & (LOOP_READ | LOOP_HUP | LOOP_ERROR))
		server_conn_drop(sc, false);
}

/* --- giving back --- */

static bool pool_is_full(const struct server *s)
{
	if (BL_LIKELY(s->pool_max_conn == UINT32_MAX))
		return false;
	return server_idle_connections(s) >= s->pool_max_conn;
}

bool server_conn_reusable(struct server_conn *sc)
{
	if (sc->conn.flags & (CONN_PEER_ENDED | CONN_ERROR | CONN_SHUT_WRITE | CONN_EOF_READ | CONN_CONNECTING))
		return false;
	if (!server_alive(sc->server) || load_relaxed(&sc->server->target_version) != sc->target_version)
		return false;
	/* Readable may be a mere guess: the last read ended exactly at the end of what was there. */
	return !(sc->conn.flags & CONN_READABLE) || conn_is_quiet(&sc->conn);
}

static bool worth_keeping(struct server_conn *sc)
{
	struct server *s = sc->server;

	return !sc->is_private && !s->retired && s->pool_purge_delay_ms && !pool_is_full(s) && server_conn_reusable(sc);
}

void server_conn_put(struct server_conn *sc)
{
	struct server_thread *t;

	BL_ASSERT(!sc->idle);
	sc->server = server_current(sc->server);
	t = own(sc->server);
	if (!worth_keeping(sc)) {
		server_conn_drop(sc, false);
		return;
	}
	count_used(t, -1);
	sc->idle = true;
	sc->user = NULL;
	sc->idle_since_ms = loop_self->now_ms;
	sc->conn.watch.ready = idle_ready;
	list_push_front(&t->idle, &sc->link);
	add_relaxed(&t->idle_count, 1);
	watch_server(t);
}

/* --- taking --- */

static struct server_conn *take_own(struct server *s, const char *name)
{
	struct server_thread *t = own(s);
	unsigned passed = 0;

	list_for_each_safe(it, &t->idle) {
		struct server_conn *sc = list_entry(it, struct server_conn, link);
		if (load_relaxed(&s->target_version) != sc->target_version) {
			server_conn_drop(sc, false);
		} else if (BL_LIKELY(server_conn_is_named(sc, name))) {
			idle_unlink(sc);
			return sc;
		} else if (++passed == NAMES_TRIED_MAX) {
			break;
		}
	}
	return NULL;
}

static struct server_conn *pop_shared(struct server *s)
{
	struct lfstack_node *node = lfstack_pop(&s->shared_idle);
	struct server_conn *sc;

	if (!node)
		return NULL;
	sc = node->value;
	lfstack_node_free(node);
	atomic_fetch_sub_explicit(&s->shared_count, 1, memory_order_relaxed);
	return sc;
}

/* Back to where it was popped: it is for another name. */
static void push_shared(struct server_conn *sc)
{
	struct lfstack_node *node = lfstack_node_new(sc);

	if (!node) {
		conn_end(sc, false);
		return;
	}
	atomic_fetch_add_explicit(&sc->server->shared_count, 1, memory_order_relaxed);
	lfstack_push(&sc->server->shared_idle, node);
}

static struct server_conn *take_shared(struct server *s, const char *name)
{
	struct server_conn *sc;

	while (!lfstack_empty(&s->shared_idle) && (sc = pop_shared(s))) {
		if (BL_UNLIKELY(!server_conn_is_named(sc, name))) {
			push_shared(sc);
			return NULL;
		}
		sc->thread = (uint16_t)loop_self->index;
		if (load_relaxed(&s->target_version) == sc->target_version && conn_is_quiet(&sc->conn) &&
			conn_attach(&sc->conn) == 0)
			return sc;
		conn_end(sc, false);
	}
	return NULL;
}

struct server_conn *server_conn_take(struct server *s, void (*ready)(struct watch *w, unsigned bits), void *user)
{
	return server_conn_take_named(s, NULL, ready, user);
}

struct server_conn *server_conn_take_named(struct server *s, const char *name,
	void (*ready)(struct watch *w, unsigned bits), void *user)
{
	struct server_conn *sc = take_own(s, name);

	if (!sc)
		sc = take_shared(s, name);
	if (!sc)
		return NULL;
	sc->conn.watch.ready = ready;
	sc->user = user;
	count_used(own(s), 1);
	return sc;
}

/* --- opening --- */

void server_connect_options(const struct server *s, struct conn_options *o, uint16_t *port)
{
	const struct backend_settings *set = &s->backend->set;

	*o = (struct conn_options){ .interface = s->source_interface ? s->source_interface : set->source_interface,
		.ports = s->source_ports,
		.port = port,
		.user_timeout_ms = s->tcp_user_timeout_ms };
	if (s->source.len)
		o->source = &s->source;
	else if (set->source.len)
		o->source = &set->source;
}

void server_source_port_give(const struct server *s, uint16_t *port)
{
	if (*port)
		port_range_give(s->source_ports, *port);
	*port = 0;
}

static bool is_any(const struct endpoint *e)
{
	return (e->sa.sa_family == AF_INET && e->ip.v4.sin_addr.s_addr == htonl(INADDR_ANY)) ||
	       (e->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&e->ip.v6.sin6_addr));
}

/* Where the client wanted to go is where its server is, as far as the configuration leaves that open. */
static void follow_client(const struct server *s, struct endpoint *to, const union addr *dst)
{
	uint16_t port = s->has_port_offset ? (uint16_t)(addr_port(dst) + s->port_offset) : addr_port(&to->ip);

	if (is_any(to) && (dst->family == AF_INET || dst->family == AF_INET6)) {
		to->ip = *dst;
		to->len = dst->family == AF_INET ? sizeof dst->v4 : sizeof dst->v6;
	}
	addr_set_port(&to->ip, port);
}

static int start_connect(struct server *s, struct server_conn *sc, const union addr *client_dst,
	void (*ready)(struct watch *w, unsigned bits))
{
	struct conn_options options;
	struct endpoint to;
	const struct server_target *t = hazard_protect(hazard_own(), (_Atomic(void *) *)&s->target);

	if (!t || !t->at.len) {
		hazard_clear(hazard_own());
		return -EADDRNOTAVAIL;
	}
	to = t->at;
	hazard_clear(hazard_own());
	if (s->follows_client && client_dst)
		follow_client(s, &to, client_dst);
	server_connect_options(s, &options, &sc->source_port);
	options.keepalive = s->backend->set.tcp_keepalive_server;
	return conn_connect(&sc->conn, &to, &options, ready);
}

struct server_conn *server_conn_open(struct server *s, const union addr *client_dst,
	void (*ready)(struct watch *w, unsigned bits), void *user, int *error)
{
	struct server_conn *sc = calloc(1, sizeof *sc);

	*error = -ENOMEM;
	if (!sc)
		return NULL;
	sc->conn.watch.fd = -1;
	sc->server = s;
	sc->user = user;
	sc->thread = (uint16_t)loop_self->index;
	sc->target_version = atomic_load(&s->target_version);
	list_init(&sc->link);
	if (BL_UNLIKELY(s->source_ports != NULL))
		sc->ports = port_range_share(s->source_ports);
	*error = start_connect(s, sc, client_dst, ready);
	if (BL_UNLIKELY(*error == -EMFILE || *error == -ENFILE) && server_pool_shed())
		*error = start_connect(s, sc, client_dst, ready);
	if (*error) {
		port_range_drop(sc->ports);
		free(sc);
		return NULL;
	}
	count_used(own(s), 1);
	return sc;
}

int server_conn_set_name(struct server_conn *sc, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return -ENOMEM;
	free(sc->name);
	sc->name = copy;
	return 0;
}

int server_conn_secure(struct server_conn *sc, const char *name)
{
	int err = name ? server_conn_set_name(sc, name) : 0;
	return err ? err : tls_connect(&sc->conn, sc->server->tls, name);
}

/* --- once a second --- */

/* How many at the old end of the list were not used since `before_ms`. */
static uint32_t count_stale(const struct server_thread *t, uint64_t before_ms)
{
	uint32_t n = 0;

	for (const struct list *it = t->idle.prev; it != &t->idle; it = it->prev, n++)
		if (list_entry(it, struct server_conn, link)->idle_since_ms > before_ms)
			break;
	return n;
}

static struct server_conn *oldest(struct server_thread *t)
{
	return list_entry(t->idle.prev, struct server_conn, link);
}

static void donate(struct server_thread *t, uint32_t count)
{
	while (count--) {
		struct server_conn *sc = oldest(t);
		struct lfstack_node *node = lfstack_node_new(sc);
		if (!node)
			return;
		idle_unlink(sc);
		conn_detach(&sc->conn);
		atomic_fetch_add_explicit(&t->server->shared_count, 1, memory_order_relaxed);
		lfstack_push(&t->server->shared_idle, node);
	}
}

/* Closes half of the shared ones that were not used since `before_ms`, and all with UINT64_MAX. */
static void purge_shared(struct server *s, uint64_t before_ms)
{
	struct lfstack_node *node = lfstack_take_all(&s->shared_idle), *below;
	bool spare = false;

	for (; node; node = below) {
		struct server_conn *sc = node->value;
		bool stale = sc->idle_since_ms <= before_ms;
		below = lfstack_below(node);
		if (!stale || (spare && before_ms != UINT64_MAX)) {
			lfstack_push(&s->shared_idle, node);
		} else {
			lfstack_node_free(node);
			atomic_fetch_sub_explicit(&s->shared_count, 1, memory_order_relaxed);
			conn_end(sc, false);
		}
		spare = stale ? !spare : spare;
	}
}

/* One thread in each delay does it for all. */
static void purge_shared_in_turn(struct server *s)
{
	uint64_t now = loop_self->now_ms, last = load_relaxed(&s->shared_purged_ms);

	if (now - last < s->pool_purge_delay_ms || !atomic_compare_exchange_strong(&s->shared_purged_ms, &last, now))
		return;
	purge_shared(s, now - s->pool_purge_delay_ms);
}

static void sweep_server(struct server_thread *t)
{
	uint64_t now = loop_self->now_ms;
	struct server *s = t->server;

	if (now - t->purged_ms >= s->pool_purge_delay_ms) {
		uint64_t before = now - s->pool_purge_delay_ms;
		uint32_t stale = count_stale(t, before);
		for (uint32_t n = (stale + 1) / 2; n; n--)
			server_conn_drop(oldest(t), false);
		t->purged_ms = now;
		t->used_max = load_relaxed(&t->used);
	}
	purge_shared_in_turn(s);
	if (s->backend->threads > 1)
		donate(t, (count_stale(t, now - SWEEP_MS) + 1) / 2);
}

static void sweep(struct timer *timer)
{
	list_for_each_safe(it, &pool_self.servers) {
		struct server_thread *t = list_entry(it, struct server_thread, link);
		sweep_server(t);
		if (list_empty(&t->idle) && lfstack_empty(&t->server->shared_idle))
			list_remove(&t->link);
	}
	if (!list_empty(&pool_self.servers))
		loop_timer_set(timer, SWEEP_MS);
}

/* --- another configuration --- */

void servers_follow_thread(void)
{
	if (!pool_self.servers.next)
		return;
	list_for_each_safe(it, &pool_self.servers) {
		struct server_thread *t = list_entry(it, struct server_thread, link);
		if (t->server->retired) {
			server_pool_flush(t->server);
			list_remove(&t->link);
			continue;
		}
		list_for_each(conn, &t->idle)
			list_entry(conn, struct server_conn, link)->server = t->server;
	}
}

/* --- all at once --- */

unsigned server_pool_shed(void)
{
	unsigned count = 0;

	if (!pool_self.servers.next)
		return 0;
	list_for_each(it, &pool_self.servers) {
		struct server_thread *t = list_entry(it, struct server_thread, link);
		for (uint32_t n = (load_relaxed(&t->idle_count) + 1) / 2; n; n--, count++)
			server_conn_drop(oldest(t), false);
	}
	loop_close_now(loop_self);
	return count;
}

void server_pool_flush(struct server *s)
{
	struct server_conn *sc;

	while ((sc = list_first(&own(s)->idle, struct server_conn, link)))
		server_conn_drop(sc, false);
	purge_shared(s, UINT64_MAX);
}

struct flush_post {
	struct post post;
	struct server *server;
};

static void flush_run(struct post *p)
{
	struct flush_post *f = container_of(p, struct flush_post, post);

	server_pool_flush(f->server);
	free(f);
}

void server_pool_flush_all(struct server *s)
{
	for (unsigned i = 0; i < loop_count() && i < s->backend->threads; i++) {
		struct flush_post *f = malloc(sizeof *f);
		if (!f)
			return; /* they are dropped one by one when they are to be used */
		*f = (struct flush_post){ .post.run = flush_run, .server = s };
		loop_post(loop_at(i), &f->post);
	}
}

static uint32_t sum_threads(const struct server *s, size_t offset)
{
	uint32_t n = 0;

	for (unsigned i = 0; s->thread && i < s->backend->threads; i++)
		n += load_relaxed((_Atomic uint32_t *)(void *)((char *)&s->thread[i] + offset));
	return n;
}

uint32_t server_idle_connections(const struct server *s)
{
	return sum_threads(s, offsetof(struct server_thread, idle_count)) + load_relaxed(&s->shared_count);
}

uint32_t server_used_connections(const struct server *s)
{
	return sum_threads(s, offsetof(struct server_thread, used));
}

void server_pool_thread_free(void)
{
	struct server_thread *t;

	if (!pool_self.servers.next)
		return;
	loop_timer_clear(&pool_self.sweep);
	while ((t = list_first(&pool_self.servers, struct server_thread, link))) {
		server_pool_flush(t->server);
		list_remove(&t->link);
	}
}
