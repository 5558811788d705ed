/* Two conns with TLS between them, over a socket pair whose buffers are small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificates.h"
#include "tls/private.h"

static struct loop loop;
static struct tls_context *accepting, *connecting;
static struct conn server, client;

static void unused(struct watch *w, unsigned bits)
{
	(void)w, (void)bits;
}

/* As an event would. */
static void wake(struct conn *c)
{
	c->flags |= CONN_READABLE | CONN_WRITABLE;
}

static void open_pair(void)
{
	int fds[2], small = 8192;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	conn_open_unwatched(&server, fds[0], unused);
	conn_open_unwatched(&client, fds[1], unused);
	assert_int_equal(tls_accept(&server, accepting), 0);
	assert_int_equal(tls_connect(&client, connecting, "a.test"), 0);
}

static void shake_hands(void)
{
	open_pair();
	for (int i = 0; i < 10 && (server.flags | client.flags) & CONN_HANDSHAKING; i++) {
		wake(&client);
		wake(&server);
		if (client.flags & CONN_HANDSHAKING)
			assert_true(conn_finish_connect(&client) <= 0);
		if (server.flags & CONN_HANDSHAKING)
			server.transport->handshake(&server);
	}
	assert_false((server.flags | client.flags) & CONN_HANDSHAKING);
}

static void close_pair(void **state)
{
	(void)state;
	conn_close(&client);
	conn_close(&server);
	loop_turn(&loop, 0);
}

static void test_what_is_sent_arrives(void **state)
{
	char buf[100];

	(void)state;
	shake_hands();
	assert_int_equal(conn_send(&client, "hello", 5), 5);
	wake(&server);
	assert_int_equal(conn_recv(&server, buf, sizeof buf), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_false(server.flags & CONN_READABLE); /* a short read: drained */
	assert_int_equal(conn_recv(&server, buf, sizeof buf), -EAGAIN);
	assert_string_equal(tls_version_name(&server), "TLSv1.3");
	assert_int_equal(tls_sni(&server).len, 6);
}

static void test_plaintext_that_is_held_keeps_the_conn_readable(void **state)
{
	char buf[4];

	(void)state;
	shake_hands();
	assert_int_equal(conn_send(&client, "123456", 6), 6);
	wake(&server);
	assert_int_equal(conn_recv(&server, buf, 4), 4);
	assert_true(server.flags & CONN_READABLE); /* no event will tell of the rest */
	assert_int_equal(conn_recv(&server, buf, 4), 2);
	assert_false(server.flags & CONN_READABLE);
}

static void test_ciphertext_that_is_held_keeps_the_conn_readable(void **state)
{
	char buf[8];

	(void)state;
	shake_hands();
	for (int i = 0; i < 5; i++)
		assert_int_equal(conn_send(&client, "123", 3), 3);
	wake(&server);
	for (int i = 0; i < 5; i++) {
		assert_true(server.flags & CONN_READABLE);
		assert_int_equal(conn_recv(&server, buf, 3), 3);
	}
	assert_int_equal(conn_recv(&server, buf, 3), -EAGAIN);
	assert_false(server.flags & CONN_READABLE);
}

static size_t bytes_waiting(const struct conn *c)
{
	static char sink[65536];
	ssize_t n = recv(c->watch.fd, sink, sizeof sink, MSG_PEEK);
	return n > 0 ? (size_t)n : 0;
}

static void test_many_pieces_become_one_record(void **state)
{
	struct iovec v[40];
	char sink[100];

	(void)state;
	shake_hands();
	assert_int_equal(conn_send(&server, "x", 1), 1); /* the ticket goes with it */
	wake(&client);
	assert_int_equal(conn_recv(&client, sink, sizeof sink), 1);
	for (int i = 0; i < 40; i++)
		v[i] = (struct iovec){ (void *)"0123456789", 10 };
	v[7].iov_len = v[39].iov_len = 0;
	assert_int_equal(conn_sendv(&server, v, 40, false), 380);
	assert_int_equal(bytes_waiting(&client), 380 + 22); /* head, type and tag of one */
}

/* Sends `len` bytes that tell their place, as an owner does: again what was not taken. */
static void pump(struct conn *from, struct conn *to, size_t len, int pieces)
{
	static char data[1 << 20], got[1 << 20];
	size_t sent = 0, received = 0;
	struct iovec v[64];

	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	while (received < len) {
		wake(from);
		wake(to);
		if (sent < len) {
			size_t left = len - sent, part = left / (size_t)pieces + 1, at = sent;
			int n = 0;
			for (; at < len; n++) {
				size_t some = part < len - at ? part : len - at;
				v[n] = (struct iovec){ data + at, some };
				at += some;
			}
			ssize_t taken = conn_sendv(from, v, n, false);
			assert_true(taken > 0 || taken == -EAGAIN);
			if (taken < (ssize_t)left)
				assert_false(from->flags & CONN_WRITABLE);
			sent += taken > 0 ? (size_t)taken : 0;
		}
		while (to->flags & CONN_READABLE) {
			ssize_t n = conn_recv(to, got + received, sizeof got - received);
			if (n == -EAGAIN)
				break;
			assert_true(n > 0);
			received += (size_t)n;
		}
	}
	assert_int_equal(received, len);
	assert_memory_equal(data, got, len);
}

static void test_a_full_socket_loses_and_doubles_nothing(void **state)
{
	static const size_t sizes[] = { 1, 2, 16383, 16384, 16385, 65536, 65737, 81920, 81921, 300000, 1000000 };

	(void)state;
	shake_hands();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int pieces = 1; pieces < 40; pieces += 13) {
			pump(&server, &client, sizes[i], pieces);
			pump(&client, &server, sizes[i], pieces);
		}
}

static void test_a_single_byte_waits_for_a_full_socket(void **state)
{
	static char junk[200000];
	char got[65536];
	ssize_t n;

	(void)state;
	shake_hands();
	assert_true(conn_send(&server, junk, sizeof junk) < (ssize_t)sizeof junk);
	assert_int_equal(conn_send(&server, junk, 1), -EAGAIN); /* it is the byte that is encrypted already */
	assert_int_equal(conn_send(&server, junk, 1), -EAGAIN);
	for (int i = 0; i < 100; i++) {
		wake(&client);
		while ((n = conn_recv(&client, got, sizeof got)) > 0)
			;
		wake(&server);
		n = conn_send(&server, junk, 1);
		if (n == 1)
			return;
		assert_int_equal(n, -EAGAIN);
	}
	fail();
}

static void test_the_end_comes_behind_what_was_sent(void **state)
{
	char buf[100];

	(void)state;
	shake_hands();
	assert_int_equal(conn_send(&client, "last", 4), 4);
	conn_shut_write(&client);
	wake(&server);
	assert_int_equal(conn_recv(&server, buf, sizeof buf), 4);
	assert_true(server.flags & CONN_READABLE);
	assert_int_equal(conn_recv(&server, buf, sizeof buf), 0);
	assert_true(server.flags & CONN_EOF_READ);
}

static void test_a_reset_says_no_good_bye(void **state)
{
	(void)state;
	shake_hands();
	conn_reset(&server);
	assert_int_equal(bytes_waiting(&client), 0);
}

static void test_damaged_ciphertext_is_an_error_for_good(void **state)
{
	char buf[100];

	(void)state;
	shake_hands();
	assert_int_equal(send(client.watch.fd, "\x17\x03\x03\x00\x20________________________________", 37, 0), 37);
	wake(&server);
	assert_true(conn_recv(&server, buf, sizeof buf) < 0);
	assert_true(conn_recv(&server, buf, sizeof buf) < 0);
	assert_true(conn_send(&server, "x", 1) < 0);
}

static void test_a_quiet_connection_may_hold_a_ticket_but_no_data(void **state)
{
	char buf[10];

	(void)state;
	shake_hands();
	assert_int_equal(conn_send(&server, "x", 1), 1);
	wake(&client);
	assert_int_equal(conn_recv(&client, buf, 10), 1);
	wake(&client);
	assert_true(conn_is_quiet(&client));
	assert_int_equal(conn_send(&server, "y", 1), 1);
	wake(&client);
	assert_false(conn_is_quiet(&client));
}

static int setup(void **state)
{
	struct tls_file file = { 0 };
	struct tls_settings set = { .crts = &file };
	struct diag d;

	(void)state;
	cert_folder_make();
	diag_init(&d);
	file.path = cert_make("a.pem", "a.test", NULL, false);
	accepting = tls_accept_context(&set, &d);
	set.crts = NULL;
	connecting = tls_connect_context(&set, &d);
	diag_free(&d);
	loop_init(&loop, 0);
	loop_enter(&loop);
	return accepting && connecting ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	tls_context_free(accepting);
	tls_context_free(connecting);
	loop_free(&loop);
	cert_folder_remove();
	return 0;
}

static int after(void **state)
{
	close_pair(state);
	return 0;
}

#define T(name) cmocka_unit_test_teardown(name, after)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_what_is_sent_arrives),
		T(test_plaintext_that_is_held_keeps_the_conn_readable),
		T(test_ciphertext_that_is_held_keeps_the_conn_readable),
		T(test_many_pieces_become_one_record),
		T(test_a_full_socket_loses_and_doubles_nothing),
		T(test_a_single_byte_waits_for_a_full_socket),
		T(test_the_end_comes_behind_what_was_sent),
		T(test_a_reset_says_no_good_bye),
		T(test_damaged_ciphertext_is_an_error_for_good),
		T(test_a_quiet_connection_may_hold_a_ticket_but_no_data),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
