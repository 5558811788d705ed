/* Listeners on loopback and unix sockets: opening, accepting, being full, pausing, handing over. */
#include "ballast/net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ballast/base/clock.h"
#include "../cmocka_all.h"

static struct loop loop, *all[1] = { &loop };
static struct diag diag;
static struct listener *listener;
static char dir[64], path[100];
static unsigned accepted, places;
static int accepted_fd;
static union addr accepted_peer;

static void on_accept(struct listener *l, int fd, const union addr *peer)
{
	(void)l;
	accepted++;
	accepted_peer = *peer;
	close(accepted_fd);
	accepted_fd = fd;
}

static bool take(struct listener *l)
{
	(void)l;
	return places ? places--, true : false;
}

static void untake(struct listener *l)
{
	(void)l;
	places++;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ballast-listener-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	assert_int_equal(loop_init(&loop, 0), 0);
	loop_enter(&loop);
	loop_set_all(all, 1);
	diag_init(&diag);
	accepted = 0;
	accepted_fd = -1;
	listener = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	listener_free(listener);
	close(accepted_fd);
	loop_set_all(NULL, 0);
	loop_free(&loop);
	diag_free(&diag);
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* nothing else was left */
	return 0;
}

/* An address of loopback with a port that is free now. */
static struct endpoint free_address(void)
{
	struct endpoint at = { .fd = -1, .len = sizeof at.ip.v4 };
	socklen_t len = sizeof at.ip.v4;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	at.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, &at.sa, at.len), 0);
	assert_int_equal(getsockname(fd, &at.sa, &len), 0);
	close(fd);
	return at;
}

static struct endpoint unix_address(const char *at_path)
{
	struct endpoint at = { .fd = -1 };
	at.un.sun_family = AF_UNIX;
	strcpy(at.un.sun_path, at_path);
	at.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(at_path) + 1);
	return at;
}

static struct listener *make(struct endpoint at)
{
	struct listener *l = listener_new(&at);
	l->on_accept = on_accept;
	return l;
}

static void open_and_start(struct endpoint at)
{
	listener = make(at);
	assert_int_equal(listener_open(listener, 1, NULL, &diag), 0);
	assert_int_equal(listener_publish(listener, &diag), 0);
	assert_int_equal(listener_start(listener), 0);
}

/* A client's socket; -1 where it was refused. */
static int client(const struct endpoint *to)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM, 0);
	if (connect(fd, &to->sa, to->len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void turns(unsigned count)
{
	while (count--)
		loop_turn(&loop, 0);
}

static void test_a_connection_in_any_early_turn_is_accepted(void **state)
{
	(void)state;
	open_and_start(free_address());
	for (unsigned before = 1; before <= 3; before++) {
		turns(1);
		int fd = client(&listener->at);
		turns(1);
		assert_int_equal(accepted, before);
		close(fd);
	}
}

static void test_connections_get_the_user_timeout(void **state)
{
	unsigned ms = 0;
	socklen_t len = sizeof ms;

	(void)state;
	listener = make(free_address());
	listener->options.user_timeout_ms = 4321;
	assert_int_equal(listener_open(listener, 1, NULL, &diag), 0);
	assert_int_equal(listener_start(listener), 0);
	int fd = client(&listener->at);
	turns(1);
	assert_int_equal(accepted, 1);
	assert_int_equal(getsockopt(accepted_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &len), 0);
	assert_int_equal(ms, 4321);
	close(fd);
}

static void test_a_connection_is_accepted_with_its_peer(void **state)
{
	(void)state;
	open_and_start(free_address());
	int fd = client(&listener->at);
	union addr mine;
	socklen_t len = sizeof mine;
	turns(1);
	assert_int_equal(accepted, 1);
	getsockname(fd, &mine.sa, &len);
	assert_true(addr_equal(&mine, &accepted_peer, true));
	assert_true(fcntl(accepted_fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(accepted_fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void test_many_connections_take_few_turns(void **state)
{
	(void)state;
	enum { COUNT = 100 };
	int fds[COUNT];
	open_and_start(free_address());
	for (unsigned i = 0; i < COUNT; i++)
		fds[i] = client(&listener->at);
	turns(8);
	assert_int_equal(accepted, COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		close(fds[i]);
}

static void test_an_address_in_use_is_named(void **state)
{
	(void)state;
	struct endpoint at = free_address();
	char text[ADDR_TEXT_MAX];
	int fd = socket(AF_INET, SOCK_STREAM, 0); /* without SO_REUSEPORT */
	assert_int_equal(bind(fd, &at.sa, at.len), 0);
	assert_int_equal(listen(fd, 1), 0);
	listener = make(at);
	listener->declared = (struct place){ .file = "t.cfg", .line = 7 };
	assert_int_equal(listener_open(listener, 1, NULL, &diag), -EADDRINUSE);
	assert_int_equal(diag.first->at.line, 7);
	assert_non_null(strstr(diag.first->text, endpoint_text(&at, text).ptr));
	assert_non_null(strstr(diag.first->text, "Address already in use"));
	close(fd);
}

static void test_being_full_stops_polling_until_a_release(void **state)
{
	(void)state;
	listener = make(free_address());
	listener->maxconn = 1;
	assert_int_equal(listener_open(listener, 1, NULL, &diag), 0);
	assert_int_equal(listener_start(listener), 0);
	int a = client(&listener->at), b = client(&listener->at);
	turns(20);
	assert_int_equal(accepted, 1);
	assert_int_equal(atomic_load(&listener->waiting), 1);
	/* It sleeps, and does not spin on the backlog.  The look after LISTENER_RETRY_MS may cut one sleep short, on a slow
	 * machine the first one; two in a row it cannot. */
	uint64_t slept = 0;
	for (unsigned i = 0; i < 2 && slept <= 40000000; i++) {
		uint64_t begin = clock_mono_ns();
		loop_turn(&loop, 50);
		slept = clock_mono_ns() - begin;
	}
	assert_true(slept > 40000000);
	listener_release(listener);
	turns(4);
	assert_int_equal(accepted, 2);
	close(a);
	close(b);
}

static void test_a_full_owner_is_asked_again_without_being_woken(void **state)
{
	(void)state;
	listener = make(free_address());
	listener->take = take;
	listener->untake = untake;
	places = 0;
	assert_int_equal(listener_open(listener, 1, NULL, &diag), 0);
	assert_int_equal(listener_start(listener), 0);
	int fd = client(&listener->at);
	turns(5);
	assert_int_equal(accepted, 0);
	places = 2;
	for (unsigned i = 0; i < 100 && !accepted; i++)
		loop_turn(&loop, 10);
	assert_int_equal(accepted, 1);
	assert_int_equal(places, 1); /* a place that no connection came for was given back */
	close(fd);
}

static unsigned asked;

static bool take_at_the_second_time(struct listener *l)
{
	(void)l;
	return asked++ > 0;
}

static void test_a_place_freed_while_the_socket_begins_to_wait_is_taken(void **state)
{
	(void)state;
	listener = make(free_address());
	listener->take = take_at_the_second_time;
	asked = 0;
	assert_int_equal(listener_open(listener, 1, NULL, &diag), 0);
	assert_int_equal(listener_start(listener), 0);
	int fd = client(&listener->at);
	turns(1);
	assert_int_equal(accepted, 1);
	assert_int_equal(atomic_load(&listener->waiting), 0);
	close(fd);
}

static void test_out_of_descriptors_waits_and_recovers(void **state)
{
	(void)state;
	struct rlimit old, tight;
	open_and_start(free_address());
	int fd = client(&listener->at), probe = dup(fd);
	close(probe);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)probe;
	setrlimit(RLIMIT_NOFILE, &tight);
	turns(10);
	assert_int_equal(accepted, 0);
	uint64_t events = atomic_load(&loop.events);
	turns(10);
	assert_int_equal(atomic_load(&loop.events), events); /* no event: it is not polled */
	setrlimit(RLIMIT_NOFILE, &old);
	for (unsigned i = 0; i < 100 && !accepted; i++)
		loop_turn(&loop, 10);
	assert_int_equal(accepted, 1);
	close(fd);
}

static void test_a_paused_listener_refuses_and_a_resumed_one_accepts(void **state)
{
	(void)state;
	open_and_start(free_address());
	listener_pause(listener);
	turns(3);
	assert_int_equal(client(&listener->at), -1);
	listener_resume(listener);
	turns(3);
	int fd = client(&listener->at);
	assert_true(fd >= 0);
	turns(3);
	assert_int_equal(accepted, 1);
	close(fd);
}

static void test_a_listener_paused_before_it_starts_does_not_accept(void **state)
{
	(void)state;
	listener = make(free_address());
	assert_int_equal(listener_open(listener, 1, NULL, &diag), 0);
	listener_pause(listener);
	assert_int_equal(listener_start(listener), 0);
	turns(3);
	assert_int_equal(client(&listener->at), -1);
}

static void test_a_closed_listener_is_gone(void **state)
{
	(void)state;
	open_and_start(free_address());
	listener_close(listener);
	listener_close(listener);
	turns(3);
	assert_int_equal(client(&listener->at), -1);
	assert_int_equal(listener->fd_count, 0);
	listener_resume(listener);
	turns(3);
}

static void test_a_unix_socket_takes_its_place_when_published(void **state)
{
	(void)state;
	struct stat file;
	listener = make(unix_address(path));
	listener->options.has_mode = true;
	listener->options.mode = 0600;
	assert_int_equal(listener_open(listener, 2, NULL, &diag), 0);
	assert_int_equal(listener->fd_count, 1); /* shared by the threads */
	assert_int_equal(lstat(path, &file), -1);
	assert_int_equal(listener_publish(listener, &diag), 0);
	assert_int_equal(lstat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_int_equal(listener_start(listener), 0);
	int fd = client(&listener->at);
	turns(3);
	assert_int_equal(accepted, 1);
	assert_int_equal(accepted_peer.family, AF_UNSPEC);
	close(fd);
}

static void test_a_replaced_unix_socket_is_not_removed(void **state)
{
	(void)state;
	open_and_start(unix_address(path));
	struct listener *newer = make(unix_address(path));
	assert_int_equal(listener_open(newer, 1, NULL, &diag), 0);
	assert_int_equal(listener_publish(newer, &diag), 0);
	listener_free(listener);
	assert_int_equal(access(path, F_OK), 0);
	listener = newer;
	int fd = client(&newer->at);
	assert_true(fd >= 0);
	close(fd);
	listener_free(listener);
	listener = NULL;
	assert_int_equal(access(path, F_OK), -1);
}

static void test_a_child_process_does_not_remove_the_file(void **state)
{
	(void)state;
	int status;
	open_and_start(unix_address(path));
	pid_t child = fork();
	if (!child) {
		listener_free(listener);
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_a_file_that_is_no_socket_stays(void **state)
{
	(void)state;
	close(open(path, O_CREAT | O_WRONLY, 0600));
	listener = make(unix_address(path));
	assert_int_equal(listener_open(listener, 1, NULL, &diag), -EEXIST);
	assert_non_null(strstr(diag.first->text, path));
}

static void test_a_directory_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct listener *l = make(unix_address("/nonexistent/s"));
	assert_int_equal(listener_open(l, 1, NULL, &diag), -ENOENT);
	assert_non_null(strstr(diag.first->text, "unix@/nonexistent/s"));
	listener_free(l);
}

/* What an old process hands over: the descriptors of `l`, which then must not close them. */
static struct inherited_fds hand_over(struct listener *l)
{
	struct inherited_fds fds = { .fds = calloc(l->fd_count, sizeof(int)), .count = l->fd_count };
	for (unsigned i = 0; i < l->fd_count; i++)
		fds.fds[i] = dup(l->fds[i]);
	return fds;
}

static void test_inherited_sockets_are_taken_where_they_fit(void **state)
{
	(void)state;
	struct listener *old = make(free_address());
	assert_int_equal(listener_open(old, 2, NULL, &diag), 0);
	assert_int_equal(old->fd_count, 2);
	struct inherited_fds fds = hand_over(old);
	int first = fds.fds[0];
	struct endpoint at = old->at;
	listener_free(old);
	int waiting = client(&at); /* in the backlog while nobody has a listener */
	assert_true(waiting >= 0);
	struct listener *other = make(free_address());
	assert_int_equal(listener_open(other, 1, &fds, &diag), 0);
	assert_int_equal(fds.fds[0], first);
	listener_free(other);
	listener = make(at);
	assert_int_equal(listener_open(listener, 1, &fds, &diag), 0);
	assert_int_equal(listener->fds[0], first);
	assert_int_equal(fds.fds[0], -1);
	assert_true(fds.fds[1] >= 0);
	inherited_fds_close(&fds);
	close(waiting);
	free(fds.fds);
}

static void test_an_inherited_unix_socket_keeps_its_file(void **state)
{
	(void)state;
	struct listener *old = make(unix_address(path));
	assert_int_equal(listener_open(old, 1, NULL, &diag), 0);
	assert_int_equal(listener_publish(old, &diag), 0);
	struct inherited_fds fds = hand_over(old);
	old->opened_by = 0; /* as in a process that ends without cleaning up */
	listener_free(old);
	char longer[110];
	snprintf(longer, sizeof longer, "%s2", path);
	struct listener *other = make(unix_address(longer));
	assert_int_equal(listener_open(other, 1, &fds, &diag), 0);
	assert_int_not_equal(fds.fds[0], -1);
	listener_free(other);
	listener = make(unix_address(path));
	assert_int_equal(listener_open(listener, 1, &fds, &diag), 0);
	assert_int_equal(fds.fds[0], -1);
	assert_int_equal(listener_publish(listener, &diag), 0);
	assert_int_equal(listener_start(listener), 0);
	int fd = client(&listener->at);
	turns(2);
	assert_int_equal(accepted, 1);
	close(fd);
	free(fds.fds);
}

static void test_a_given_descriptor_is_listened_on(void **state)
{
	(void)state;
	struct endpoint at = free_address(), given = { .len = 0 };
	given.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(given.fd, &at.sa, at.len), 0);
	open_and_start(given);
	int fd = client(&at);
	turns(2);
	assert_int_equal(accepted, 1);
	close(fd);
}

static void test_a_given_descriptor_must_be_a_stream_socket(void **state)
{
	(void)state;
	struct endpoint given = { .len = 0, .fd = 987 };
	listener = make(given);
	assert_int_equal(listener_open(listener, 1, NULL, &diag), -EBADF);
	assert_non_null(strstr(diag.first->text, "fd@987"));
	listener_free(listener);
	given.fd = socket(AF_INET, SOCK_DGRAM, 0);
	listener = make(given);
	assert_int_equal(listener_open(listener, 1, NULL, &diag), -ESOCKTNOSUPPORT);
	close(given.fd);
}

static void test_shards_say_how_many_sockets(void **state)
{
	(void)state;
	listener = make(free_address());
	listener->options.shards = 2;
	assert_int_equal(listener_open(listener, 3, NULL, &diag), 0);
	assert_int_equal(listener->fd_count, 2);
}

/* Two threads with a place for three connections, many clients: never more than three at a time, and all are served. */

enum { THREADS = 2, CLIENTS = 300, PLACES = 3 };

static struct loop workers[THREADS], *worker_at[THREADS] = { &workers[0], &workers[1] };
static _Atomic unsigned now, most, served;

static void serve(struct listener *l, int fd, const union addr *peer)
{
	(void)peer;
	unsigned n = atomic_fetch_add(&now, 1) + 1, seen = atomic_load(&most);
	while (n > seen && !atomic_compare_exchange_weak(&most, &seen, n))
		;
	usleep(50);
	close(fd);
	atomic_fetch_sub(&now, 1);
	listener_release(l);
	if (atomic_fetch_add(&served, 1) + 1 == CLIENTS)
		for (unsigned i = 0; i < THREADS; i++)
			loop_stop(&workers[i]);
}

static void *work(void *arg)
{
	loop_enter(arg);
	assert_int_equal(listener_start(listener), 0);
	loop_run(arg);
	return NULL;
}

static void test_threads_share_the_places_and_forget_nobody(void **state)
{
	(void)state;
	pthread_t t[THREADS];
	listener = make(free_address());
	listener->on_accept = serve;
	listener->maxconn = PLACES;
	loop_set_all(worker_at, THREADS);
	assert_int_equal(listener_open(listener, THREADS, NULL, &diag), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(loop_init(&workers[i], i), 0);
		pthread_create(&t[i], NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		int fd = client(&listener->at);
		assert_true(fd >= 0);
		close(fd);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_true(most <= PLACES);
	assert_int_equal(atomic_load(&listener->connections), 0);
	for (unsigned i = 0; i < THREADS; i++)
		loop_free(&workers[i]);
	loop_enter(&loop);
}

int main(void)
{
#define LISTENER_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LISTENER_TEST(test_connections_get_the_user_timeout),
		LISTENER_TEST(test_a_connection_is_accepted_with_its_peer),
		LISTENER_TEST(test_a_connection_in_any_early_turn_is_accepted),
		LISTENER_TEST(test_many_connections_take_few_turns),
		LISTENER_TEST(test_an_address_in_use_is_named),
		LISTENER_TEST(test_being_full_stops_polling_until_a_release),
		LISTENER_TEST(test_a_full_owner_is_asked_again_without_being_woken),
		LISTENER_TEST(test_a_place_freed_while_the_socket_begins_to_wait_is_taken),
		LISTENER_TEST(test_out_of_descriptors_waits_and_recovers),
		LISTENER_TEST(test_a_paused_listener_refuses_and_a_resumed_one_accepts),
		LISTENER_TEST(test_a_listener_paused_before_it_starts_does_not_accept),
		LISTENER_TEST(test_a_closed_listener_is_gone),
		LISTENER_TEST(test_a_unix_socket_takes_its_place_when_published),
		LISTENER_TEST(test_a_replaced_unix_socket_is_not_removed),
		LISTENER_TEST(test_a_child_process_does_not_remove_the_file),
		LISTENER_TEST(test_a_file_that_is_no_socket_stays),
		LISTENER_TEST(test_a_directory_that_is_not_there_is_named),
		LISTENER_TEST(test_inherited_sockets_are_taken_where_they_fit),
		LISTENER_TEST(test_an_inherited_unix_socket_keeps_its_file),
		LISTENER_TEST(test_a_given_descriptor_is_listened_on),
		LISTENER_TEST(test_a_given_descriptor_must_be_a_stream_socket),
		LISTENER_TEST(test_shards_say_how_many_sockets),
		LISTENER_TEST(test_threads_share_the_places_and_forget_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
