/* Bytes through a pipe, between socket pairs. */
#include "ballast/net/splice.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "../cmocka_all.h"

static struct loop loop;
static struct conn in, out;
static int from, to; /* the far ends */

static void ready(struct watch *w, unsigned bits)
{
	conn_note(container_of(w, struct conn, watch), bits);
}

static int set_up(void **state)
{
	int pair[2];
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(loop_init(&loop, 0), 0);
	loop_enter(&loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	from = pair[0];
	assert_int_equal(conn_open(&in, pair[1], ready), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	to = pair[0];
	assert_int_equal(conn_open(&out, pair[1], ready), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	conn_close(&in);
	conn_close(&out);
	close(from);
	close(to);
	loop_free(&loop);
	return 0;
}

static void test_bytes_pass_unchanged(void **state)
{
	(void)state;
	char buf[16];
	struct splice_pipe *p = splice_pipe_take();
	assert_non_null(p);
	assert_true(p->capacity >= 64 * 1024);
	send(from, "hello", 5, 0);
	in.flags |= CONN_READABLE;
	assert_int_equal(splice_in(p, &in, 3), 3);
	assert_int_equal(splice_in(p, &in, 100), 2);
	assert_int_equal(p->filled, 5);
	assert_int_equal(splice_out(p, &out, false), 5);
	assert_int_equal(p->filled, 0);
	assert_int_equal(recv(to, buf, sizeof buf, 0), 5);
	assert_memory_equal(buf, "hello", 5);
	splice_pipe_give(p);
}

static void test_only_an_empty_pipe_tells_that_the_socket_is_drained(void **state)
{
	(void)state;
	struct splice_pipe *p = splice_pipe_take();
	send(from, "x", 1, 0);
	in.flags |= CONN_READABLE;
	assert_int_equal(splice_in(p, &in, 100), 1);
	assert_int_equal(splice_in(p, &in, 100), -EAGAIN);
	assert_true(in.flags & CONN_READABLE); /* it could be that the pipe is full */
	assert_int_equal(splice_out(p, &out, false), 1);
	assert_int_equal(splice_in(p, &in, 100), -EAGAIN);
	assert_false(in.flags & CONN_READABLE);
	splice_pipe_give(p);
}

static void test_a_full_socket_clears_writable(void **state)
{
	(void)state;
	static char big[64 * 1024];
	struct splice_pipe *p = splice_pipe_take();
	ssize_t n = 0;
	for (unsigned i = 0; i < 1000 && n >= 0; i++) {
		while (send(from, big, sizeof big, 0) > 0)
			;
		splice_in(p, &in, sizeof big);
		n = splice_out(p, &out, true);
	}
	assert_int_equal(n, -EAGAIN);
	assert_false(out.flags & CONN_WRITABLE);
	assert_true(p->filled > 0);
	splice_pipe_give(p);
}

static void test_the_peers_end_and_a_closed_peer(void **state)
{
	(void)state;
	struct splice_pipe *p = splice_pipe_take();
	send(from, "x", 1, 0);
	shutdown(from, SHUT_WR);
	assert_int_equal(splice_in(p, &in, 100), 1);
	assert_int_equal(splice_in(p, &in, 100), 0);
	assert_true(in.flags & CONN_EOF_READ);
	shutdown(to, SHUT_RD);
	assert_int_equal(splice_out(p, &out, false), -EPIPE);
	assert_true(out.flags & CONN_ERROR);
	splice_pipe_give(p);
}

static void test_a_pipe_with_bytes_in_it_is_not_given_to_another(void **state)
{
	(void)state;
	struct splice_pipe *p = splice_pipe_take();
	splice_pipe_give(p);
	assert_ptr_equal(splice_pipe_take(), p);
	send(from, "secret", 6, 0);
	assert_int_equal(splice_in(p, &in, 100), 6);
	int fd = p->fd[0];
	splice_pipe_give(p);
	char byte;
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EBADF);
	splice_pipe_give(NULL);
}

static void *take_and_give(void *arg)
{
	struct splice_pipe *p = splice_pipe_take();
	*(int *)arg = p->fd[0];
	splice_pipe_give(p);
	return NULL;
}

static void test_a_threads_pipes_end_with_it(void **state)
{
	(void)state;
	pthread_t t;
	int fd;
	char byte;
	pthread_create(&t, NULL, take_and_give, &fd);
	pthread_join(t, NULL);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EBADF);
}

/* The last one: there is no way back. What a thread has kept is still used. */
static void test_disabled_there_are_no_new_pipes(void **state)
{
	struct splice_pipe *p;
	(void)state;
	splice_disable();
	for (unsigned i = 0; (p = splice_pipe_take()) && i < 1000; i++)
		p->filled = 1, splice_pipe_give(p); /* one that holds bytes is closed */
	assert_null(p);
}

int main(void)
{
#define SPLICE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		SPLICE_TEST(test_bytes_pass_unchanged),
		SPLICE_TEST(test_only_an_empty_pipe_tells_that_the_socket_is_drained),
		SPLICE_TEST(test_a_full_socket_clears_writable),
		SPLICE_TEST(test_the_peers_end_and_a_closed_peer),
		SPLICE_TEST(test_a_pipe_with_bytes_in_it_is_not_given_to_another),
		SPLICE_TEST(test_a_threads_pipes_end_with_it),
		SPLICE_TEST(test_disabled_there_are_no_new_pipes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
