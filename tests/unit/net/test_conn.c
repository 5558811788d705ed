/* Connections over loopback: readiness, ends, errors. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cmocka_all.h"

#include "ballast/net/conn.h"

struct world {
	struct loop loop;
	struct conn conn;
	unsigned events;
	int listener, peer;
	struct endpoint at;
};

static struct world *world;

static void ready(struct watch *w, unsigned bits)
{
	conn_note(container_of(w, struct conn, watch), bits);
	world->events++;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	socklen_t len = sizeof w->at.ip;
	world = *state = w;
	assert_int_equal(loop_init(&w->loop, 0), 0);
	loop_enter(&w->loop);
	w->peer = -1;
	w->conn.watch.fd = -1;
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	w->at.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	w->at.len = sizeof w->at.ip.v4;
	assert_int_equal(bind(w->listener, &w->at.sa, w->at.len), 0);
	assert_int_equal(listen(w->listener, 8), 0);
	assert_int_equal(getsockname(w->listener, &w->at.sa, &len), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	conn_close(&w->conn);
	if (w->peer >= 0)
		close(w->peer);
	close(w->listener);
	loop_free(&w->loop);
	free(w);
	return 0;
}

static void connect_pair(struct world *w)
{
	assert_int_equal(conn_connect(&w->conn, &w->at, NULL, ready), 0);
	while (w->conn.flags & CONN_CONNECTING) {
		loop_turn(&w->loop, 1000);
		assert_int_equal(conn_finish_connect(&w->conn), 0);
	}
	w->peer = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(w->peer >= 0);
}

static void test_bytes_go_both_ways(void **state)
{
	struct world *w = *state;
	char buf[64];
	connect_pair(w);
	assert_true(w->conn.flags & CONN_WRITABLE);
	struct iovec iov[2] = { { "hel", 3 }, { "lo", 2 } };
	assert_int_equal(conn_sendv(&w->conn, iov, 2, false), 5);
	assert_int_equal(recv(w->peer, buf, sizeof buf, 0), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(conn_send(&w->conn, "x", 1), 1);
	assert_int_equal(send(w->peer, "abc", 3, 0), 3);
	while (!(w->conn.flags & CONN_READABLE))
		loop_turn(&w->loop, 1000);
	assert_int_equal(conn_recv(&w->conn, buf, 2), 2);
	assert_true(w->conn.flags & CONN_READABLE); /* all that was asked for came: there may be more */
	assert_int_equal(conn_recv(&w->conn, buf, sizeof buf), 1);
	assert_false(w->conn.flags & CONN_READABLE); /* less than asked for: drained */
	assert_int_equal(conn_recv(&w->conn, buf, sizeof buf), -EAGAIN);
}

static void test_a_short_read_with_the_peers_end_behind_it_stays_readable(void **state)
{
	struct world *w = *state;
	char buf[64];
	connect_pair(w);
	send(w->peer, "bye", 3, 0);
	shutdown(w->peer, SHUT_WR);
	while (!(w->conn.flags & CONN_PEER_ENDED))
		loop_turn(&w->loop, 1000);
	assert_int_equal(conn_recv(&w->conn, buf, sizeof buf), 3);
	assert_true(w->conn.flags & CONN_READABLE);
	assert_int_equal(conn_recv(&w->conn, buf, sizeof buf), 0);
	assert_true(w->conn.flags & CONN_EOF_READ);
	assert_false(w->conn.flags & CONN_READABLE);
}

static void test_a_full_socket_clears_writable_and_an_event_sets_it(void **state)
{
	struct world *w = *state;
	static char big[1 << 20];
	connect_pair(w);
	while (w->conn.flags & CONN_WRITABLE) {
		ssize_t n = conn_send(&w->conn, big, sizeof big);
		assert_true(n > 0 || n == -EAGAIN);
	}
	while (recv(w->peer, big, sizeof big, 0) > 0 || !(w->conn.flags & CONN_WRITABLE))
		loop_turn(&w->loop, 10);
	assert_true(w->conn.flags & CONN_WRITABLE);
}

static void test_a_refused_connect_says_so(void **state)
{
	struct world *w = *state;
	close(w->listener);
	int err = conn_connect(&w->conn, &w->at, NULL, ready);
	for (unsigned i = 0; err == 0 && i < 10; i++) {
		loop_turn(&w->loop, 1000);
		err = conn_finish_connect(&w->conn);
		if (err != -EAGAIN)
			break;
		err = 0;
	}
	assert_int_equal(err, -ECONNREFUSED);
	w->listener = socket(AF_INET, SOCK_STREAM, 0);
}

static void test_connecting_is_not_finished_before_an_event(void **state)
{
	struct world *w = *state;
	connect_pair(w);
	w->conn.flags = CONN_CONNECTING;
	assert_int_equal(conn_finish_connect(&w->conn), -EAGAIN);
	conn_note(&w->conn, LOOP_WRITE);
	assert_int_equal(conn_finish_connect(&w->conn), 0);
	assert_false(w->conn.flags & CONN_CONNECTING);
}

static void test_a_source_address_is_used(void **state)
{
	struct world *w = *state;
	struct endpoint source = { .len = sizeof source.ip.v4, .fd = -1 };
	source.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000009) };
	struct conn_options o = { .source = &source, .keepalive = true };
	assert_int_equal(conn_connect(&w->conn, &w->at, &o, ready), 0);
	union addr from;
	char text[ADDR_TEXT_MAX];
	conn_local_addr(&w->conn, &from);
	assert_string_equal(addr_ip_text(&from, text).ptr, "127.0.0.9");
	conn_peer_addr(&w->conn, &from);
	assert_true(addr_equal(&from, &w->at.ip, true));
}

static void test_a_source_that_is_not_ours_fails_at_once(void **state)
{
	struct world *w = *state;
	struct endpoint source = { .len = sizeof source.ip.v4, .fd = -1 };
	source.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xcb007101) };
	struct conn_options o = { .source = &source };
	assert_int_equal(conn_connect(&w->conn, &w->at, &o, ready), -EADDRNOTAVAIL);
	assert_false(conn_is_open(&w->conn));
}

/* The first of two ports that no other run of this test uses. */
static uint16_t two_ports(void)
{
	return (uint16_t)(10000 + getpid() % 10000 * 2);
}

static unsigned own_port(const struct conn *c)
{
	union addr own;
	conn_local_addr(c, &own);
	return addr_port(&own);
}

static void test_ports_of_a_range_are_used_in_turn(void **state)
{
	struct world *w = *state;
	struct endpoint source = { .len = sizeof source.ip.v4, .fd = -1 };
	source.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000009) };
	struct port_range *ports = port_range_new(two_ports(), two_ports() + 1);
	uint16_t first, second, none = 0;
	struct conn_options o = { .source = &source, .ports = ports, .port = &first };
	struct conn other = { .watch.fd = -1 }, third = { .watch.fd = -1 };
	assert_int_equal(conn_connect(&w->conn, &w->at, &o, ready), 0);
	assert_int_equal(own_port(&w->conn), first);
	o.port = &second;
	assert_int_equal(conn_connect(&other, &w->at, &o, ready), 0);
	assert_int_equal(own_port(&other), second);
	assert_int_not_equal(first, second);
	o.port = &none;
	assert_int_equal(conn_connect(&third, &w->at, &o, ready), -EADDRNOTAVAIL);
	assert_int_equal(none, 0);
	conn_reset(&other);
	loop_turn(&w->loop, 0);
	port_range_give(ports, second);
	assert_int_equal(conn_connect(&third, &w->at, &o, ready), 0);
	assert_int_equal(none, second);
	conn_close(&third);
	free(ports);
}

static void test_a_port_that_somebody_else_has_is_passed_over(void **state)
{
	struct world *w = *state;
	struct endpoint source = { .len = sizeof source.ip.v4, .fd = -1 };
	source.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000009),
		.sin_port = htons(two_ports()) };
	struct port_range *ports = port_range_new(two_ports(), two_ports() + 1);
	uint16_t port;
	struct conn_options o = { .source = &source, .ports = ports, .port = &port };
	int holder = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(holder, &source.sa, source.len), 0);
	assert_int_equal(listen(holder, 1), 0);
	assert_int_equal(conn_connect(&w->conn, &w->at, &o, ready), 0);
	assert_int_equal(port, two_ports() + 1);
	close(holder);
	assert_int_equal(port_range_take(ports), two_ports());
	free(ports);
}

static void test_the_user_timeout_is_set(void **state)
{
	struct world *w = *state;
	struct conn_options o = { .user_timeout_ms = 1234 };
	unsigned ms = 0;
	socklen_t len = sizeof ms;
	assert_int_equal(conn_connect(&w->conn, &w->at, &o, ready), 0);
	assert_int_equal(getsockopt(w->conn.watch.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &len), 0);
	assert_int_equal(ms, 1234);
}

static void test_an_inherited_descriptor_cannot_be_connected_to(void **state)
{
	struct world *w = *state;
	struct endpoint fd = { .len = 0, .fd = 3 };
	assert_int_equal(conn_connect(&w->conn, &fd, NULL, ready), -EAFNOSUPPORT);
	assert_false(conn_is_open(&w->conn));
}

static void test_reset_is_seen_as_reset(void **state)
{
	struct world *w = *state;
	char buf[8];
	connect_pair(w);
	conn_reset(&w->conn);
	assert_false(conn_is_open(&w->conn));
	conn_reset(&w->conn);
	loop_turn(&w->loop, 0); /* descriptors are closed at the end of a turn */
	assert_int_equal(recv(w->peer, buf, sizeof buf, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void test_writing_to_a_closed_peer_is_an_error_not_a_signal(void **state)
{
	struct world *w = *state;
	connect_pair(w);
	close(w->peer);
	w->peer = -1;
	ssize_t n = 0;
	for (unsigned i = 0; i < 100 && n >= 0; i++, usleep(1000))
		n = conn_send(&w->conn, "x", 1);
	assert_true(n == -EPIPE || n == -ECONNRESET);
	assert_true(w->conn.flags & CONN_ERROR);
}

static void test_ending_our_side_leaves_reading(void **state)
{
	struct world *w = *state;
	char buf[8];
	connect_pair(w);
	conn_shut_write(&w->conn);
	conn_shut_write(&w->conn);
	assert_int_equal(recv(w->peer, buf, sizeof buf, 0), 0);
	send(w->peer, "ok", 2, 0);
	while (!(w->conn.flags & CONN_READABLE))
		loop_turn(&w->loop, 1000);
	assert_int_equal(conn_recv(&w->conn, buf, sizeof buf), 2);
}

static void test_quiet_means_neither_bytes_nor_end(void **state)
{
	struct world *w = *state;
	char buf[8];
	connect_pair(w);
	assert_true(conn_is_quiet(&w->conn));
	send(w->peer, "x", 1, 0);
	while (!(w->conn.flags & CONN_READABLE))
		loop_turn(&w->loop, 1000);
	assert_false(conn_is_quiet(&w->conn));
	conn_recv(&w->conn, buf, sizeof buf);
	assert_true(conn_is_quiet(&w->conn));
	shutdown(w->peer, SHUT_WR);
	while (!(w->conn.flags & CONN_PEER_ENDED))
		loop_turn(&w->loop, 1000);
	assert_false(conn_is_quiet(&w->conn));
}

static void test_a_detached_connection_moves_to_another_loop(void **state)
{
	struct world *w = *state;
	struct loop other;
	connect_pair(w);
	conn_detach(&w->conn);
	assert_true(conn_is_open(&w->conn));
	assert_int_equal(loop_init(&other, 1), 0);
	loop_enter(&other);
	assert_int_equal(conn_attach(&w->conn), 0);
	w->events = 0;
	send(w->peer, "x", 1, 0);
	loop_turn(&other, 1000);
	assert_int_equal(w->events, 1);
	conn_close(&w->conn);
	loop_enter(&w->loop);
	loop_turn(&w->loop, 0);
	assert_int_equal(w->events, 1);
	loop_free(&other);
	loop_enter(&w->loop);
}

static void test_unix_backlog_full_is_an_error_at_once(void **state)
{
	struct world *w = *state;
	struct endpoint at = { .len = 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), queued = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	at.un.sun_family = AF_UNIX;
	socklen_t len = sizeof at.un;
	bind(fd, &at.sa, sizeof(sa_family_t)); /* autobind: an abstract name */
	listen(fd, 0);
	getsockname(fd, &at.sa, &len);
	at.len = len;
	assert_int_equal(connect(queued, &at.sa, len), 0);
	assert_int_equal(conn_connect(&w->conn, &at, NULL, ready), -EAGAIN);
	assert_false(conn_is_open(&w->conn));
	close(fd);
	close(queued);
}

static ssize_t loud_recv(struct conn *c, void *buf, size_t len)
{
	(void)c;
	memset(buf, 'T', len);
	return (ssize_t)len;
}

static unsigned freed;

static void loud_free(struct conn *c)
{
	(void)c;
	freed++;
}

static void test_a_transport_stands_between(void **state)
{
	struct world *w = *state;
	static const struct transport loud = { .name = "loud", .recv = loud_recv, .free = loud_free };
	char buf[4];
	connect_pair(w);
	assert_true(conn_can_splice(&w->conn));
	w->conn.transport = &loud;
	assert_false(conn_can_splice(&w->conn));
	assert_int_equal(conn_recv(&w->conn, buf, 4), 4);
	assert_memory_equal(buf, "TTTT", 4);
	conn_close(&w->conn);
	conn_close(&w->conn);
	assert_int_equal(freed, 1);
}

static void test_the_scratch_buffer_is_the_threads_own(void **state)
{
	(void)state;
	char *scratch = conn_scratch();
	memset(scratch, 1, CONN_SCRATCH_BYTES);
	assert_ptr_equal(scratch, conn_scratch());
}

int main(void)
{
#define CONN_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CONN_TEST(test_bytes_go_both_ways),
		CONN_TEST(test_a_short_read_with_the_peers_end_behind_it_stays_readable),
		CONN_TEST(test_a_full_socket_clears_writable_and_an_event_sets_it),
		CONN_TEST(test_a_refused_connect_says_so),
		CONN_TEST(test_connecting_is_not_finished_before_an_event),
		CONN_TEST(test_a_source_address_is_used),
		CONN_TEST(test_a_source_that_is_not_ours_fails_at_once),
		CONN_TEST(test_ports_of_a_range_are_used_in_turn),
		CONN_TEST(test_a_port_that_somebody_else_has_is_passed_over),
		CONN_TEST(test_the_user_timeout_is_set),
		CONN_TEST(test_an_inherited_descriptor_cannot_be_connected_to),
		CONN_TEST(test_reset_is_seen_as_reset),
		CONN_TEST(test_writing_to_a_closed_peer_is_an_error_not_a_signal),
		CONN_TEST(test_ending_our_side_leaves_reading),
		CONN_TEST(test_quiet_means_neither_bytes_nor_end),
		CONN_TEST(test_a_detached_connection_moves_to_another_loop),
		CONN_TEST(test_unix_backlog_full_is_an_error_at_once),
		CONN_TEST(test_a_transport_stands_between),
		CONN_TEST(test_the_scratch_buffer_is_the_threads_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
