/* world: a graph made by hand, its loop, and one session of the runtime API over a socket pair; for tests only. */
#ifndef TESTS_UNIT_ADMIN_WORLD_H
#define TESTS_UNIT_ADMIN_WORLD_H

#include "../cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/internal.h"
#include "ballast/balance/attach.h"
#include "ballast/net/listener.h"
#include "ballast/proxy/exchange.h"

struct world {
	struct loop loop;
	struct graph graph;
	struct stats_socket socket;
	struct admin *admin;
	struct listener *listener;
	int peer; /* the client's end */
	size_t used;
	char text[2 << 20]; /* what it received */
};

static inline struct server *world_server(struct backend *b, const char *name, uint16_t port)
{
	struct server *s = server_new(b, name);
	struct endpoint at = { .len = sizeof(struct sockaddr_in), .fd = -1 };

	assert_non_null(s);
	at.ip.v4.sin_family = AF_INET;
	at.ip.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.ip.v4.sin_port = htons(port);
	assert_int_equal(server_set_target(s, &at), 0);
	return s;
}

/* A frontend `web` (2) and a backend `app` (3) with the servers s1 and s2. */
static inline void world_graph(struct world *w)
{
	struct frontend *f = frontend_new("web");
	struct backend *b = backend_new("app");

	balance_attach();
	f->id = 2;
	f->mode = MODE_HTTP;
	f->default_backend = b;
	b->id = 3;
	b->mode = MODE_HTTP;
	world_server(b, "s1", 8001)->weight_config = 10;
	world_server(b, "s2", 8002);
	arena_init(&w->graph.arena);
	log_targets_init(&w->graph.global.log);
	w->graph.frontends = f;
	w->graph.backends = b;
	w->graph.global.stats_timeout_ms = 10000;
	w->graph.global.node = "here";
	assert_int_equal(frontend_start(f, 1), 0);
	assert_int_equal(backend_start(b, 1), 0);
}

static inline int world_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct admin_options o = { .version = "1.2.3", .release_date = "2026/01/02" };
	struct diag d;

	*state = w;
	diag_init(&d);
	assert_int_equal(hazard_thread_enter(), 0);
	assert_int_equal(loop_init(&w->loop, 0), 0);
	loop_enter(&w->loop);
	assert_int_equal(exchange_thread_init(), 0);
	world_graph(w);
	w->admin = admin_open(&w->graph, &o, NULL, &d);
	assert_non_null(w->admin);
	frontend_set_process_maxconn(100);
	assert_int_equal(admin_start(w->admin), 0);
	w->peer = -1;
	diag_free(&d);
	return 0;
}

static inline int world_down(void **state)
{
	struct world *w = *state;

	if (w->peer >= 0)
		close(w->peer);
	admin_free(w->admin);
	listener_free(w->listener);
	exchange_thread_free();
	loop_turn(&w->loop, 0);
	server_pool_thread_free();
	frontend_free(w->graph.frontends);
	backend_free(w->graph.backends);
	loop_free(&w->loop);
	hazard_thread_exit();
	free(w);
	return 0;
}

/* Opens a session of this level. */
static inline void world_connect(struct world *w, enum admin_level level)
{
	static struct listener *listeners[1];
	static struct stats_socket sockets[1];
	struct endpoint nowhere = { .fd = -1 };
	union addr none = { .family = AF_UNSPEC };
	int pair[2];

	if (!w->listener)
		w->listener = listener_new(&nowhere);
	w->listener->owner = w->admin;
	w->socket.level = level;
	listeners[0] = w->listener;
	sockets[0] = w->socket;
	/* the room's own lists stay as they are: they are freed with it */
	struct listener **own_listeners = w->admin->listeners;
	struct stats_socket *own_sockets = w->admin->sockets;
	w->admin->listeners = listeners;
	w->admin->sockets = sockets;
	w->admin->listener_count = 1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	session_accept(w->listener, pair[0], &none);
	w->admin->listeners = own_listeners;
	w->admin->sockets = own_sockets;
	w->admin->listener_count = 0;
	w->peer = pair[1];
	w->used = 0;
	w->text[0] = '\0';
}

/* Turns the loop and receives until nothing more happens; true where the other end closed. */
static inline bool world_run(struct world *w)
{
	for (unsigned idle = 0; idle < 3; idle++) {
		ssize_t n;
		loop_turn(&w->loop, 0);
		while ((n = recv(w->peer, w->text + w->used, sizeof w->text - 1 - w->used, 0)) > 0) {
			w->used += (size_t)n;
			idle = 0;
			loop_turn(&w->loop, 0);
		}
		w->text[w->used] = '\0';
		if (n == 0)
			return true;
	}
	return false;
}

static inline void world_send(struct world *w, const char *text)
{
	assert_int_equal(send(w->peer, text, strlen(text), 0), strlen(text));
}

/* The whole answer to lines in a session of its own. */
static inline const char *world_ask(struct world *w, enum admin_level level, const char *lines)
{
	if (w->peer >= 0)
		close(w->peer);
	world_connect(w, level);
	world_send(w, lines);
	shutdown(w->peer, SHUT_WR);
	assert_true(world_run(w));
	return w->text;
}

#endif
