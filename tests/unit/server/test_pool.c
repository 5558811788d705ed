/* Tests of kept connections (src/server/pool.c), against a listening socket on loopback. */
#include <pthread.h>
#include <poll.h>

#include "rig.h"

static unsigned readies;

static void ready(struct watch *w, unsigned bits)
{
	struct server_conn *sc = container_of(w, struct server_conn, conn.watch);

	conn_note(&sc->conn, bits);
	readies++;
}

struct fixture {
	struct backend *b;
	struct server *s;
	int listener;
};

static struct fixture open_fixture(unsigned threads)
{
	struct fixture f;
	uint16_t port;

	f.listener = rig_listen(&port);
	f.b = rig_backend(1, port);
	f.s = f.b->servers[0];
	assert_int_equal(backend_start(f.b, threads), 0);
	return f;
}

static void close_fixture(struct fixture *f)
{
	server_pool_thread_free();
	loop_turn(&rig_loop, 0);
	assert_int_equal(server_idle_connections(f->s), 0);
	close(f->listener);
	rig_drop(f->b);
}

/* A connection that is made and accepted; the peer's end in *peer. */
static struct server_conn *connected(struct fixture *f, int *peer)
{
	int error;
	struct server_conn *sc = server_conn_open(f->s, NULL, ready, f, &error);

	assert_non_null(sc);
	*peer = rig_accept(f->listener);
	for (int i = 0; i < 100 && conn_finish_connect(&sc->conn) == -EAGAIN; i++)
		loop_turn(&rig_loop, 5);
	assert_int_equal(conn_finish_connect(&sc->conn), 0);
	assert_ptr_equal(sc->user, f);
	return sc;
}

static bool peer_sees_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	loop_turn(&rig_loop, 0); /* descriptors are closed at its end */
	return poll(&p, 1, 500) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0;
}

static void test_a_kept_connection_is_taken_again(void **state)
{
	struct fixture f = open_fixture(1);
	int peer, user;
	struct server_conn *sc = connected(&f, &peer);

	(void)state;
	assert_null(server_conn_take(f.s, ready, NULL));
	assert_int_equal(server_used_connections(f.s), 1);
	server_conn_put(sc);
	assert_true(sc->idle);
	assert_int_equal(server_idle_connections(f.s), 1);
	assert_int_equal(server_used_connections(f.s), 0);
	assert_ptr_equal(server_conn_take(f.s, ready, &user), sc);
	assert_ptr_equal(sc->user, &user);
	assert_false(sc->idle);
	assert_int_equal(server_idle_connections(f.s), 0);
	server_conn_drop(sc, false);
	assert_true(peer_sees_end(peer));
	close(peer);
	close_fixture(&f);
}

static void test_the_most_recent_goes_first(void **state)
{
	struct fixture f = open_fixture(1);
	int peers[2];
	struct server_conn *a = connected(&f, &peers[0]), *b = connected(&f, &peers[1]);

	(void)state;
	server_conn_put(a);
	server_conn_put(b);
	assert_ptr_equal(server_conn_take(f.s, ready, NULL), b);
	assert_ptr_equal(server_conn_take(f.s, ready, NULL), a);
	server_conn_drop(a, false);
	server_conn_drop(b, false);
	close(peers[0]);
	close(peers[1]);
	close_fixture(&f);
}

static void test_one_that_the_server_closes_is_dropped(void **state)
{
	struct fixture f = open_fixture(1);
	int peer;

	(void)state;
	server_conn_put(connected(&f, &peer));
	close(peer);
	rig_turn_for(20);
	assert_int_equal(server_idle_connections(f.s), 0);
	assert_null(server_conn_take(f.s, ready, NULL));
	close_fixture(&f);
}

static void test_one_on_which_the_server_speaks_unasked_is_dropped(void **state)
{
	struct fixture f = open_fixture(1);
	int peer;

	(void)state;
	server_conn_put(connected(&f, &peer));
	assert_int_equal(send(peer, "x", 1, 0), 1);
	rig_turn_for(20);
	assert_null(server_conn_take(f.s, ready, NULL));
	close(peer);
	close_fixture(&f);
}

/* Bytes behind a response must never meet the next request, even where no event has told of them yet. */
static void test_one_with_bytes_left_over_is_not_kept(void **state)
{
	struct fixture f = open_fixture(1);
	int peer;
	struct server_conn *sc = connected(&f, &peer);

	(void)state;
	assert_int_equal(send(peer, "x", 1, 0), 1);
	usleep(2000);
	sc->conn.flags |= CONN_READABLE;
	server_conn_put(sc);
	assert_int_equal(server_idle_connections(f.s), 0);
	close(peer);
	close_fixture(&f);
}

static void test_a_guess_that_it_may_be_readable_does_no_harm(void **state)
{
	struct fixture f = open_fixture(1);
	int peer;
	struct server_conn *sc = connected(&f, &peer);

	(void)state;
	sc->conn.flags |= CONN_READABLE;
	server_conn_put(sc);
	assert_int_equal(server_idle_connections(f.s), 1);
	close_fixture(&f);
	close(peer);
}

static void test_private_and_broken_ones_are_not_kept(void **state)
{
	struct fixture f = open_fixture(1);
	int peers[3];
	struct server_conn *sc = connected(&f, &peers[0]);

	(void)state;
	sc->is_private = true;
	server_conn_put(sc);
	sc = connected(&f, &peers[1]);
	sc->conn.flags |= CONN_PEER_ENDED;
	server_conn_put(sc);
	sc = connected(&f, &peers[2]);
	conn_shut_write(&sc->conn);
	server_conn_put(sc);
	assert_int_equal(server_idle_connections(f.s), 0);
	for (int i = 0; i < 3; i++)
		close(peers[i]);
	close_fixture(&f);
}

static void test_limits_of_the_pool(void **state)
{
	struct fixture f = open_fixture(1);
	int peers[3];
	struct server_conn *sc[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		sc[i] = connected(&f, &peers[i]);
	f.s->pool_max_conn = 2;
	for (int i = 0; i < 3; i++)
		server_conn_put(sc[i]);
	assert_int_equal(server_idle_connections(f.s), 2);
	server_pool_flush(f.s);
	for (int i = 0; i < 3; i++)
		close(peers[i]);
	f.s->pool_max_conn = 0;
	server_conn_put(connected(&f, &peers[0]));
	assert_int_equal(server_idle_connections(f.s), 0);
	f.s->pool_max_conn = UINT32_MAX;
	f.s->pool_purge_delay_ms = 0;
	server_conn_put(connected(&f, &peers[1]));
	assert_int_equal(server_idle_connections(f.s), 0);
	close(peers[0]);
	close(peers[1]);
	close_fixture(&f);
}

static void test_a_server_that_goes_down_loses_its_idle_connections(void **state)
{
	struct fixture f = open_fixture(1);
	int peers[2];
	struct server_conn *used = connected(&f, &peers[0]);

	(void)state;
	server_conn_put(connected(&f, &peers[1]));
	server_set_health(f.s, SERVER_DOWN, NULL);
	loop_turn(&rig_loop, 0);
	assert_int_equal(server_idle_connections(f.s), 0);
	assert_true(peer_sees_end(peers[1]));
	server_conn_put(used);
	assert_int_equal(server_idle_connections(f.s), 0);
	close(peers[0]);
	close(peers[1]);
	close_fixture(&f);
}

static void test_connections_to_the_old_address_are_not_used_again(void **state)
{
	struct fixture f = open_fixture(1);
	int peers[2];
	struct server_conn *used = connected(&f, &peers[0]);
	struct endpoint elsewhere = rig_address(1);

	(void)state;
	server_conn_put(connected(&f, &peers[1]));
	assert_int_equal(server_set_target(f.s, &elsewhere), 0);
	assert_null(server_conn_take(f.s, ready, NULL)); /* even before the flush came round */
	server_conn_put(used);
	assert_int_equal(server_idle_connections(f.s), 0);
	loop_turn(&rig_loop, 0);
	close(peers[0]);
	close(peers[1]);
	close_fixture(&f);
}

static void test_unused_ones_are_closed_by_halves(void **state)
{
	struct fixture f = open_fixture(1);
	struct server_conn *sc[4];
	int peers[4];

	(void)state;
	f.s->pool_purge_delay_ms = 1000;
	for (int i = 0; i < 4; i++)
		sc[i] = connected(&f, &peers[i]);
	for (int i = 0; i < 4; i++)
		server_conn_put(sc[i]);
	rig_turn_for(700);
	assert_int_equal(server_idle_connections(f.s), 4);
	rig_turn_for(600);
	assert_int_equal(server_idle_connections(f.s), 2);
	rig_turn_for(1000);
	assert_int_equal(server_idle_connections(f.s), 1);
	rig_turn_for(1000);
	assert_int_equal(server_idle_connections(f.s), 0);
	for (int i = 0; i < 4; i++)
		close(peers[i]);
	close_fixture(&f);
}

static void test_connecting_to_nobody_says_why(void **state)
{
	struct backend *b = rig_backend(1, 1);
	struct server_conn *sc;
	int error = 0;

	(void)state;
	assert_int_equal(backend_start(b, 1), 0);
	sc = server_conn_open(b->servers[0], NULL, ready, NULL, &error);
	if (sc) {
		rig_turn_for(20);
		error = conn_finish_connect(&sc->conn);
		server_conn_drop(sc, false);
	}
	assert_int_equal(error, -ECONNREFUSED);
	assert_int_equal(server_used_connections(b->servers[0]), 0);
	loop_turn(&rig_loop, 0);
	rig_drop(b);
}

static void test_a_server_without_an_address_cannot_be_reached(void **state)
{
	struct backend *b = backend_new("app");
	struct server *s = server_new(b, "s1");
	int error = 0;

	(void)state;
	assert_int_equal(backend_start(b, 1), 0);
	assert_null(server_conn_open(s, NULL, ready, NULL, &error));
	assert_int_equal(error, -EADDRNOTAVAIL);
	rig_drop(b);
}

static void test_an_offset_moves_the_clients_port(void **state)
{
	struct fixture f = open_fixture(1);
	struct server_conn *sc;
	union addr peer;
	uint16_t port;
	int error, accepted, listener = rig_listen(&port);

	(void)state;
	f.s->has_port_offset = true;
	f.s->port_offset = 5;
	f.s->follows_client = true;
	peer.v4 = (struct sockaddr_in){ .sin_family = AF_INET };
	addr_set_port(&peer, (uint16_t)(port - 5));
	sc = server_conn_open(f.s, &peer, ready, NULL, &error);
	assert_non_null(sc);
	accepted = rig_accept(listener);
	conn_peer_addr(&sc->conn, &peer);
	assert_int_equal(addr_port(&peer), port);
	server_conn_drop(sc, true);
	close(accepted);
	close(listener);
	close_fixture(&f);
}

/* --- two threads --- */

struct other {
	struct fixture *f;
	struct loop loop;
	struct server_conn *taken;
	bool attached;
};

static void *take_elsewhere(void *arg)
{
	struct other *o = arg;

	assert_int_equal(hazard_thread_enter(), 0);
	loop_enter(&o->loop);
	o->taken = server_conn_take(o->f->s, ready, o);
	if (o->taken) {
		o->attached = o->taken->thread == 1 && o->taken->user == o;
		server_conn_drop(o->taken, false);
	}
	loop_turn(&o->loop, 0);
	server_pool_thread_free();
	hazard_thread_exit();
	return NULL;
}

static void test_what_one_thread_does_not_use_another_may_take(void **state)
{
	struct fixture f = open_fixture(2);
	struct other o = { .f = &f };
	struct server_conn *sc[2];
	pthread_t thread;
	int peers[2];

	(void)state;
	assert_int_equal(loop_init(&o.loop, 1), 0);
	for (int i = 0; i < 2; i++)
		sc[i] = connected(&f, &peers[i]);
	for (int i = 0; i < 2; i++)
		server_conn_put(sc[i]);
	rig_turn_for(1200);
	assert_int_equal(f.s->shared_count, 1);
	assert_int_equal(server_idle_connections(f.s), 2);
	assert_int_equal(pthread_create(&thread, NULL, take_elsewhere, &o), 0);
	pthread_join(thread, NULL);
	assert_non_null(o.taken);
	assert_true(o.attached);
	assert_int_equal(f.s->shared_count, 0);
	assert_int_equal(server_idle_connections(f.s), 1);
	loop_free(&o.loop);
	for (int i = 0; i < 2; i++)
		close(peers[i]);
	close_fixture(&f);
}

static void test_a_shared_one_that_ended_meanwhile_is_not_used(void **state)
{
	struct fixture f = open_fixture(2);
	int peer;

	(void)state;
	server_conn_put(connected(&f, &peer));
	rig_turn_for(1200);
	assert_int_equal(f.s->shared_count, 1);
	close(peer);
	usleep(2000);
	assert_null(server_conn_take(f.s, ready, NULL));
	assert_int_equal(f.s->shared_count, 0);
	close_fixture(&f);
}

static void test_a_shared_one_comes_back_alive(void **state)
{
	struct fixture f = open_fixture(2);
	struct server_conn *sc;
	int peer;
	char c;

	(void)state;
	server_conn_put(connected(&f, &peer));
	rig_turn_for(1200);
	sc = server_conn_take(f.s, ready, NULL);
	assert_non_null(sc);
	readies = 0;
	assert_int_equal(send(peer, "y", 1, 0), 1);
	rig_turn_for(20);
	assert_true(readies > 0);
	assert_int_equal(conn_recv(&sc->conn, &c, 1), 1);
	server_conn_drop(sc, false);
	close(peer);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_kept_connection_is_taken_again),
		cmocka_unit_test(test_the_most_recent_goes_first),
		cmocka_unit_test(test_one_that_the_server_closes_is_dropped),
		cmocka_unit_test(test_one_on_which_the_server_speaks_unasked_is_dropped),
		cmocka_unit_test(test_one_with_bytes_left_over_is_not_kept),
		cmocka_unit_test(test_a_guess_that_it_may_be_readable_does_no_harm),
		cmocka_unit_test(test_private_and_broken_ones_are_not_kept),
		cmocka_unit_test(test_limits_of_the_pool),
		cmocka_unit_test(test_a_server_that_goes_down_loses_its_idle_connections),
		cmocka_unit_test(test_connections_to_the_old_address_are_not_used_again),
		cmocka_unit_test(test_unused_ones_are_closed_by_halves),
		cmocka_unit_test(test_connecting_to_nobody_says_why),
		cmocka_unit_test(test_a_server_without_an_address_cannot_be_reached),
		cmocka_unit_test(test_an_offset_moves_the_clients_port),
		cmocka_unit_test(test_what_one_thread_does_not_use_another_may_take),
		cmocka_unit_test(test_a_shared_one_that_ended_meanwhile_is_not_used),
		cmocka_unit_test(test_a_shared_one_comes_back_alive),
	};
	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
