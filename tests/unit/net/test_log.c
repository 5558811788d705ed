/* `log` lines as they are written, and what then arrives at a socket or pipe. */
#include "ballast/net/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../cmocka_all.h"

static struct arena arena;
static struct diag diag;
static struct log_targets targets;

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	arena_init_heap(&arena);
	diag_init(&diag);
	log_targets_init(&targets);
	log_set_global(NULL, NULL, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_reset(&arena);
	diag_free(&diag);
	return 0;
}

/* Parses `log ARGS` as the lexer would cut it. */
static int parse(struct log_targets *into, const char *args)
{
	enum { WORDS = 16 };
	struct token *words = arena_zalloc(&arena, (WORDS + 1) * sizeof *words);
	struct line line = { .words = words };
	char *copy = arena_strdup(&arena, args), *save;
	unsigned column = 5;
	words[line.count++] = (struct token){ .text = "log",
		.len = 3,
		.at = { .file = "t.cfg", .line = 1, .column = 1, .width = 3 } };
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct token *t = &words[line.count++];
		*t = (struct token){ .text = w,
			.len = strlen(w),
			.at = { .file = "t.cfg", .line = 1, .column = column } };
		t->at.width = (unsigned)t->len;
		column += (unsigned)t->len + 1;
	}
	words[line.count] =
		(struct token){ .text = "", .at = { .file = "t.cfg", .line = 1, .column = column, .width = 1 } };
	return log_target_parse(&line, 1, into, &arena, &diag);
}

static void refused(const char *args, unsigned column, const char *words)
{
	diag_free(&diag);
	diag_init(&diag);
	assert_int_equal(parse(&targets, args), -EINVAL);
	assert_int_equal(diag.count[DIAG_ALERT], 1);
	assert_int_equal(diag.first->at.column, column);
	if (!strstr(diag.first->text, words))
		fail_msg("'%s' is not in '%s'", words, diag.first->text);
}

static struct log_target *first(struct log_targets *t)
{
	return list_first(&t->list, struct log_target, link);
}

/* A target that writes to a pipe with these further words; the reading end. */
static int pipe_target(struct log_targets *into, const char *rest)
{
	int fd[2];
	char args[128];
	assert_int_equal(pipe(fd), 0);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	snprintf(args, sizeof args, "fd@%d %s", fd[1], rest);
	assert_int_equal(parse(into, args), 0);
	return fd[0];
}

static void drop_pipe(struct log_targets *t, int fd)
{
	close(atomic_load(&first(t)->fd));
	close(fd);
}

static void expect_line(int fd, const char *pattern)
{
	char got[5000];
	regex_t re;
	ssize_t n = read(fd, got, sizeof got - 1);
	got[n > 0 ? n : 0] = '\0';
	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, got, 0, NULL, 0))
		fail_msg("'%s' does not match '%s'", got, pattern);
	regfree(&re);
}

static void test_the_words_of_a_target(void **state)
{
	(void)state;
	assert_int_equal(parse(&targets, "192.0.2.1 len 4096 format rfc5424 sample 1,3-5:10 local3 notice err"), 0);
	struct log_target *t = first(&targets);
	char text[ADDR_TEXT_MAX];
	assert_string_equal(endpoint_text(&t->at, text).ptr, "192.0.2.1:514");
	assert_int_equal(t->max_length, 4096);
	assert_int_equal(t->format, LOG_RFC5424);
	assert_int_equal(t->facility, 19);
	assert_int_equal(t->max_level, LOG_L_NOTICE);
	assert_int_equal(t->min_level, LOG_L_ERR);
	assert_int_equal(t->sample_size, 10);
	assert_int_equal(t->sample_ranges, 0x1d);
	assert_false(t->stream);
}

static void test_where_targets_may_be(void **state)
{
	(void)state;
	static const char *const words[][2] = { { "[::1]:515 daemon", "[::1]:515" },
		{ "udp@127.0.0.1 daemon", "127.0.0.1:514" }, { "/dev/log daemon", "unix@/dev/log" },
		{ "stdout daemon", "fd@1" }, { "stderr daemon", "fd@2" }, { "fd@7 daemon", "fd@7" },
		{ "localhost:516 daemon", ":516" } };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char text[ADDR_TEXT_MAX];
		struct log_targets t;
		log_targets_init(&t);
		assert_int_equal(parse(&t, words[i][0]), 0);
		assert_non_null(strstr(endpoint_text(&first(&t)->at, text).ptr, words[i][1]));
		assert_int_equal(first(&t)->max_level, LOG_L_DEBUG);
	}
}

static void test_wrong_words_are_named(void **state)
{
	(void)state;
	refused("", 5, "needs a target and a facility");
	refused("stdout", 12, "facility");
	refused("stdout local8", 12, "local8");
	refused("stdout format raw", 23, "facility");
	refused("stdout format rav daemon", 19, "rav");
	refused("stdout len 79 daemon", 16, "len");
	refused("stdout len 65536 daemon", 16, "len");
	refused("stdout daemon loud", 19, "level");
	refused("stdout daemon info loud", 24, "minimum level");
	refused("stdout daemon info err extra", 28, "unexpected 'extra'");
	refused("stdout sample 1 daemon", 19, "size of the sample is missing");
	refused("stdout sample 5:4 daemon", 19, "beyond the size");
	refused("stdout sample 2-1:4 daemon", 19, "ends before it begins");
	refused("stdout sample 0:4 daemon", 19, "number from 1");
	refused("stdout sample 1:65 daemon", 19, "from 1 to 64");
	refused("stdout sample :4 daemon", 19, "ranges are missing");
	refused("stdout profile x daemon", 12, "'profile' is not supported by Ballast (yet)");
	refused("ring@r local0", 5, "'ring@' is not supported by Ballast (yet)");
	refused("backend@b local0", 5, "'backend@' is not supported by Ballast (yet)");
	refused("tcp@127.0.0.1:514 local0", 5, "not supported here by Ballast (yet)");
	refused("no-such-name.invalid local0", 5, "was not found");
	refused("global local0", 12, "no further argument");
	assert_int_equal(parse(&targets, "global"), 0);
	refused("global", 5, "second time");
}

static void expect_format(const char *format, const char *pattern)
{
	struct log_targets t;
	char rest[64];
	log_targets_init(&t);
	snprintf(rest, sizeof rest, "%s local0", format);
	int fd = pipe_target(&t, rest);
	log_send(&t, LOG_L_INFO, SLICE("hello"));
	expect_line(fd, pattern);
	assert_int_equal(atomic_load(&first(&t)->sent), 1);
	drop_pipe(&t, fd);
}

#define DATE_3164 "[A-Z][a-z]{2} [ 123][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
#define DATE_ISO "20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}[+-][0-9]{2}:[0-9]{2}"

static void test_formats_are_haproxys(void **state)
{
	(void)state;
	expect_format("", "^<134>" DATE_3164 " ballast\\[[0-9]+\\]: hello\n$");
	expect_format("format local", "^<134>" DATE_3164 " ballast\\[[0-9]+\\]: hello\n$");
	expect_format("format rfc3164", "^<134>" DATE_3164 " localhost ballast\\[[0-9]+\\]: hello\n$");
	expect_format("format rfc5424", "^<134>1 " DATE_ISO " - ballast [0-9]+ - - hello\n$");
	expect_format("format priority", "^<134>hello\n$");
	expect_format("format short", "^<6>hello\n$");
	expect_format("format timed", "^<6>" DATE_ISO " hello\n$");
	expect_format("format iso", "^" DATE_ISO " hello\n$");
	expect_format("format raw", "^hello\n$");
}

static void test_host_name_and_tag(void **state)
{
	(void)state;
	log_set_global(NULL, "lb", "gate");
	expect_format("",
		"^<134>" DATE_3164 " gate lb\\[[0-9]+\\]: hello\n$"); /* a host name makes rfc3164 the default */
	expect_format("format local", "^<134>" DATE_3164 " lb\\[[0-9]+\\]: hello\n$");
	expect_format("format rfc5424", "^<134>1 " DATE_ISO " gate lb [0-9]+ - - hello\n$");
	int fd = pipe_target(&targets, "format local daemon");
	targets.tag = "shop";
	log_send(&targets, LOG_L_INFO, SLICE("x"));
	expect_line(fd, "^<30>.* shop\\[");
	drop_pipe(&targets, fd);
}

static void test_levels_filter_and_cap(void **state)
{
	(void)state;
	int fd = pipe_target(&targets, "format short daemon notice err");
	assert_true(log_wanted(&targets, LOG_L_NOTICE));
	assert_false(log_wanted(&targets, LOG_L_INFO));
	log_send(&targets, LOG_L_INFO, SLICE("no"));
	log_send(&targets, LOG_L_EMERG, SLICE("capped"));
	log_send(&targets, LOG_L_WARNING, SLICE("same"));
	expect_line(fd, "^<3>capped\n<4>same\n$");
	drop_pipe(&targets, fd);
}

static void test_a_long_line_is_cut_header_and_end_counted(void **state)
{
	(void)state;
	char text[200], got[300];
	int fd = pipe_target(&targets, "len 80 format short daemon");
	memset(text, 'x', sizeof text);
	log_send(&targets, LOG_L_INFO, slice_of(text, sizeof text));
	assert_int_equal(read(fd, got, sizeof got), 80);
	assert_int_equal(got[79], '\n');
	log_set_global(NULL, text, NULL); /* a header that is longer than that alone */
	text[150] = '\0';
	first(&targets)->format = LOG_LOCAL;
	log_send(&targets, LOG_L_INFO, SLICE("never seen"));
	assert_int_equal(read(fd, got, sizeof got), 80);
	drop_pipe(&targets, fd);
}

static void test_samples_take_their_lines_of_each_round(void **state)
{
	(void)state;
	char text[16];
	int fd = pipe_target(&targets, "format raw sample 2,4:4 daemon");
	for (int i = 1; i <= 8; i++) {
		snprintf(text, sizeof text, "%d", i);
		log_send(&targets, LOG_L_INFO, slice_from_str(text));
	}
	expect_line(fd, "^2\n4\n6\n8\n$");
	drop_pipe(&targets, fd);
}

static void test_a_full_pipe_drops_and_counts_and_never_blocks(void **state)
{
	(void)state;
	char text[1000], got[4096];
	int fd = pipe_target(&targets, "format raw daemon");
	uint64_t before = log_dropped_total();
	struct log_target *t = first(&targets);
	memset(text, 'y', sizeof text);
	alarm(20);
	for (unsigned i = 0; i < 200; i++)
		log_send(&targets, LOG_L_INFO, slice_of(text, sizeof text));
	alarm(0);
	assert_true(atomic_load(&t->dropped) > 50);
	assert_int_equal(atomic_load(&t->sent) + atomic_load(&t->dropped), 200);
	assert_int_equal(log_dropped_total() - before, atomic_load(&t->dropped));
	uint64_t lines = 0;
	for (ssize_t n; (n = read(fd, got, sizeof got)) > 0;)
		for (ssize_t i = 0; i < n; i++)
			lines += got[i] == '\n';
	assert_int_equal(lines, atomic_load(&t->sent)); /* whole lines only */
	log_send(&targets, LOG_L_INFO, SLICE("again"));
	expect_line(fd, "^again\n$");
	drop_pipe(&targets, fd);
}

static void test_a_line_cut_by_a_full_pipe_is_ended_by_the_next(void **state)
{
	(void)state;
	static char text[60000], got[70000];
	int fd = pipe_target(&targets, "len 65535 format raw daemon");
	memset(text, 'z', sizeof text);
	log_send(&targets, LOG_L_INFO, slice_of(text, sizeof text));
	log_send(&targets, LOG_L_INFO, slice_of(text, sizeof text)); /* part of it fits */
	while (read(fd, got, sizeof got) > 0)
		;
	log_send(&targets, LOG_L_INFO, SLICE("next"));
	if (atomic_load(&first(&targets)->dropped))
		expect_line(fd, "^\n?next\n$");
	log_send(&targets, LOG_L_INFO, SLICE("last"));
	expect_line(fd, "last\n$");
	drop_pipe(&targets, fd);
}

static void test_datagrams_arrive_one_a_line_without_its_end(void **state)
{
	(void)state;
	struct sockaddr_in me = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof me;
	char args[64];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	bind(fd, (struct sockaddr *)&me, len);
	getsockname(fd, (struct sockaddr *)&me, &len);
	snprintf(args, sizeof args, "127.0.0.1:%u format priority local7", ntohs(me.sin_port));
	assert_int_equal(parse(&targets, args), 0);
	log_event(&targets, LOG_L_ALERT, "Server %s is DOWN", "b/s");
	expect_line(fd, "^<185>Server b/s is DOWN$");
	close(atomic_load(&first(&targets)->fd));
	close(fd);
}

static void test_a_restarted_unix_daemon_is_found_again(void **state)
{
	(void)state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	snprintf(un.sun_path, sizeof un.sun_path, "/tmp/ballast-log-%d", (int)getpid());
	char args[160];
	snprintf(args, sizeof args, "%s format raw daemon", un.sun_path);
	assert_int_equal(parse(&targets, args), 0);
	log_send(&targets, LOG_L_INFO, SLICE("lost"));
	assert_int_equal(atomic_load(&first(&targets)->dropped), 1);
	for (unsigned round = 0; round < 2; round++) {
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
		log_send(&targets, LOG_L_INFO, SLICE("here"));
		expect_line(fd, "^here$");
		close(fd);
		unlink(un.sun_path);
	}
	close(atomic_load(&first(&targets)->fd));
}

static void test_a_stream_socket_as_standard_output(void **state)
{
	(void)state;
	int pair[2];
	char args[64];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0); /* blocking, as a service manager gives it */
	snprintf(args, sizeof args, "fd@%d len 4096 format raw daemon", pair[1]);
	assert_int_equal(parse(&targets, args), 0);
	log_send(&targets, LOG_L_INFO, SLICE("to the journal"));
	expect_line(pair[0], "^to the journal\n$");
	alarm(20);
	for (unsigned i = 0; i < 100000 && !atomic_load(&first(&targets)->dropped); i++)
		log_send(&targets, LOG_L_INFO, SLICE("much"));
	alarm(0);
	assert_true(atomic_load(&first(&targets)->dropped) > 0);
	close(pair[0]);
	log_send(&targets, LOG_L_INFO, SLICE("to nobody")); /* no SIGPIPE either */
	close(pair[1]);
}

static void test_global_targets_serve_those_who_ask_for_them(void **state)
{
	(void)state;
	struct log_targets global;
	log_targets_init(&global);
	int fd = pipe_target(&global, "format raw daemon notice");
	assert_false(log_wanted(&targets, LOG_L_NOTICE));
	assert_int_equal(parse(&targets, "global"), 0);
	assert_false(log_wanted(&targets, LOG_L_NOTICE)); /* not set yet */
	log_set_global(&global, NULL, NULL);
	assert_true(log_wanted(&targets, LOG_L_NOTICE));
	assert_false(log_wanted(&targets, LOG_L_INFO));
	log_send(&targets, LOG_L_NOTICE, SLICE("a"));
	log_event(NULL, LOG_L_NOTICE, "%s", "b");
	log_event(NULL, LOG_L_INFO, "%s", "c");
	expect_line(fd, "^a\nb\n$");
	drop_pipe(&global, fd);
}

/* Threads write to the same pipe, and open the same socket. */

enum { WRITERS = 4, LINES = 500 };

static struct log_targets shared;

static void *write_lines(void *arg)
{
	char text[64];
	for (unsigned i = 0; i < LINES; i++) {
		snprintf(text, sizeof text, "writer %d line %u", (int)(intptr_t)arg, i);
		log_send(&shared, LOG_L_INFO, slice_from_str(text));
	}
	return NULL;
}

static void test_threads_log_whole_lines(void **state)
{
	(void)state;
	pthread_t t[WRITERS];
	char got[4096];
	unsigned lines = 0;
	log_targets_init(&shared);
	int fd = pipe_target(&shared, "format raw daemon");
	fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	assert_int_equal(parse(&shared, "127.0.0.1:9 daemon"), 0);
	for (intptr_t i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, write_lines, (void *)i);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	FILE *in = fdopen(fd, "r");
	while (fgets(got, sizeof got, in)) {
		int writer, line, end = 0;
		assert_int_equal(sscanf(got, "writer %d line %d\n%n", &writer, &line, &end), 2);
		assert_int_equal(got[end], '\0');
		lines++;
	}
	assert_int_equal(lines, atomic_load(&first(&shared)->sent));
	assert_int_equal(lines, WRITERS * LINES);
	close(atomic_load(&first(&shared)->fd));
	close(atomic_load(&list_entry(shared.list.prev, struct log_target, link)->fd));
	fclose(in);
}

int main(void)
{
#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LOG_TEST(test_the_words_of_a_target),
		LOG_TEST(test_where_targets_may_be),
		LOG_TEST(test_wrong_words_are_named),
		LOG_TEST(test_formats_are_haproxys),
		LOG_TEST(test_host_name_and_tag),
		LOG_TEST(test_levels_filter_and_cap),
		LOG_TEST(test_a_long_line_is_cut_header_and_end_counted),
		LOG_TEST(test_samples_take_their_lines_of_each_round),
		LOG_TEST(test_a_full_pipe_drops_and_counts_and_never_blocks),
		LOG_TEST(test_a_line_cut_by_a_full_pipe_is_ended_by_the_next),
		LOG_TEST(test_datagrams_arrive_one_a_line_without_its_end),
		LOG_TEST(test_a_restarted_unix_daemon_is_found_again),
		LOG_TEST(test_a_stream_socket_as_standard_output),
		LOG_TEST(test_global_targets_serve_those_who_ask_for_them),
		LOG_TEST(test_threads_log_whole_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
