/* rig: what the tests of this room share: a loop on this thread, a backend with stand-in pickers, its log in a string,
 * and a tiny origin on loopback. */
#ifndef TESTS_UNIT_SERVER_RIG_H
#define TESTS_UNIT_SERVER_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "ballast/base/clock.h"
#include "ballast/server/check.h"

#include "../cmocka_all.h"

#define UNUSED __attribute__((unused))

/* --- pickers: only that there is one counts here --- */

static unsigned pickers_built, pickers_alive;
static bool picker_fails;

static int rig_start(struct backend *b)
{
	(void)b;
	return 0;
}

static void rig_stop(struct backend *b)
{
	(void)b;
}

static bool rig_needs_load(const struct backend *b)
{
	return b->algorithm_param != 0;
}

static struct picker *rig_build(struct backend *b, uint32_t generation)
{
	uint32_t *p = picker_fails ? NULL : malloc(sizeof *p);

	(void)b;
	if (p) {
		*p = generation;
		pickers_built++;
		pickers_alive++;
	}
	return (struct picker *)(void *)p;
}

static void rig_free(void *picker, void *arg)
{
	(void)arg;
	pickers_alive--;
	free(picker);
}

static const struct backend_balance_ops rig_ops = {
	.start = rig_start,
	.stop = rig_stop,
	.needs_load = rig_needs_load,
	.build = rig_build,
	.free = rig_free,
};

/* --- the log --- */

static int log_pipe[2] = { -1, -1 };
static struct log_target log_target;
static char log_text[65536];

static UNUSED void rig_log(struct backend *b)
{
	if (log_pipe[0] < 0) {
		assert_int_equal(pipe2(log_pipe, O_NONBLOCK | O_CLOEXEC), 0);
		log_target = (struct log_target){ .at = { .fd = log_pipe[1] },
			.format = LOG_PRIORITY,
			.facility = 16,
			.max_level = LOG_L_DEBUG,
			.max_length = 1024,
			.stream = true };
		atomic_init(&log_target.fd, log_pipe[1]);
	}
	list_init(&b->log.list);
	list_push_back(&b->log.list, &log_target.link);
}

/* All lines since the last call. */
static UNUSED const char *rig_logged(void)
{
	ssize_t n = read(log_pipe[0], log_text, sizeof log_text - 1);

	log_text[n > 0 ? n : 0] = 0;
	return log_text;
}

/* --- loop and backends --- */

static struct loop rig_loop;
static struct loop *rig_loops[1] = { &rig_loop };

static UNUSED void rig_open(void)
{
	assert_int_equal(hazard_thread_enter(), 0);
	assert_int_equal(loop_init(&rig_loop, 0), 0);
	loop_enter(&rig_loop);
	loop_set_all(rig_loops, 1);
	backend_set_balance_ops(&rig_ops);
}

static UNUSED void rig_close(void)
{
	server_pool_thread_free();
	loop_turn(&rig_loop, 0);
	loop_free(&rig_loop);
	hazard_thread_exit();
}

static UNUSED int rig_setup(void **state)
{
	(void)state;
	rig_open();
	return 0;
}

static UNUSED int rig_teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

/* Turns the loop until `done` or two seconds have passed; what `done` says at the end. */
static UNUSED bool rig_until(bool (*done)(void *arg), void *arg)
{
	uint64_t end = clock_mono_ns() + 2000000000u;

	while (!done(arg) && clock_mono_ns() < end)
		loop_turn(&rig_loop, 5);
	return done(arg);
}

static UNUSED void rig_turn_for(unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * 1000000ull;

	while (clock_mono_ns() < end)
		loop_turn(&rig_loop, 2);
}

static UNUSED struct endpoint rig_address(uint16_t port)
{
	struct endpoint e = { .len = sizeof(struct sockaddr_in), .fd = -1 };

	e.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	return e;
}

/* A backend "app" with `count` servers s1, s2, ... at `port`; not started. */
static UNUSED struct backend *rig_backend(unsigned count, uint16_t port)
{
	static const char *const names[] = { "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8" };
	struct backend *b = backend_new("app");
	struct endpoint at = rig_address(port);

	assert_non_null(b);
	rig_log(b);
	for (unsigned i = 0; i < count; i++) {
		struct server *s = server_new(b, names[i]);
		assert_non_null(s);
		assert_int_equal(server_set_target(s, &at), 0);
	}
	return b;
}

/* Frees it after the messages about it have run. */
static UNUSED void rig_drop(struct backend *b)
{
	loop_turn(&rig_loop, 0);
	rig_logged();
	backend_free(b);
}

/* --- an origin --- */

/* A listening socket on a free port of loopback. */
static UNUSED int rig_listen(uint16_t *port)
{
	struct endpoint e = rig_address(0);
	socklen_t len = sizeof e.ip;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &e.sa, e.len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, &e.sa, &len), 0);
	*port = addr_port(&e.ip);
	return fd;
}

/* The next connection; the loop turns while there is none. */
static UNUSED int rig_accept(int listener)
{
	int fd = -1;

	for (int i = 0; i < 400 && fd < 0; i++) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			loop_turn(&rig_loop, 5);
	}
	assert_true(fd >= 0);
	return fd;
}

/* --- lines of http-check --- */

static struct token rig_words[32];

/* Cuts at single spaces; '_' in a word stands for a space. */
static UNUSED struct line rig_line(const char *text, struct arena *a)
{
	struct line l = { .words = rig_words };
	const struct place at = { .file = "t", .line = 1, .column = 1 };
	char *save, *word = strtok_r(arena_strdup(a, text), " ", &save);

	memset(rig_words, 0, sizeof rig_words);
	for (; word; word = strtok_r(NULL, " ", &save), l.count++) {
		for (char *c = word; *c; c++)
			if (*c == '_')
				*c = ' ';
		rig_words[l.count] = (struct token){ .text = word, .len = strlen(word), .at = at };
	}
	rig_words[l.count] = (struct token){ .text = "", .at = at };
	return l;
}

static UNUSED int rig_parse_check(struct backend *b, const char *text, struct arena *a, struct diag *d)
{
	struct line l = rig_line(text, a);

	if (token_is(&l.words[0], "http-check"))
		return http_check_parse_rule(b, &l, a, d);
	if (token_is(&l.words[0], "tcp-check"))
		return tcp_check_parse_rule(b, &l, a, d);
	if (token_is(&l.words[1], "httpchk"))
		return http_check_parse_option(b, &l, a, d);
	if (token_is(&l.words[1], "tcp-check"))
		return tcp_check_parse_option(b, &l, a, d);
	return ready_check_parse_option(b, &l, a, d);
}

#endif
