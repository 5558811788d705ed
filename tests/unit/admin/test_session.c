/* Sessions over a socket pair: modes, ends, levels, pace. */
#include "world.h"

static void test_one_line_is_answered_and_the_connection_ends(void **state)
{
	struct world *w = *state;

	world_connect(w, LEVEL_ADMIN);
	world_send(w, "show version\n");
	assert_true(world_run(w));
	assert_string_equal(w->text, "1.2.3\n\n");
}

static void test_a_line_may_come_in_pieces(void **state)
{
	struct world *w = *state;
	const char *line = "show version\n";

	world_connect(w, LEVEL_ADMIN);
	for (size_t i = 0; line[i]; i++) {
		assert_false(world_run(w));
		assert_int_equal(send(w->peer, line + i, 1, 0), 1);
	}
	assert_true(world_run(w));
	assert_string_equal(w->text, "1.2.3\n\n");
}

static void test_further_lines_are_not_run_without_interaction(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "show version\nshow version\n"), "1.2.3\n\n");
}

static void test_a_line_that_was_not_ended_is_not_run(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "show version"), "");
}

static void test_commands_of_one_line_answer_in_turn(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "show version;show cli level;;show version\n"),
		"1.2.3\n\nadmin\n\n\n1.2.3\n\n");
}

static void test_the_prompt_keeps_the_session_open(void **state)
{
	struct world *w = *state;

	world_connect(w, LEVEL_ADMIN);
	world_send(w, "prompt\n");
	assert_false(world_run(w));
	assert_string_equal(w->text, "\n> ");
	world_send(w, "show version\n\n");
	assert_false(world_run(w));
	assert_string_equal(w->text, "\n> 1.2.3\n\n> \n> ");
	world_send(w, "prompt\n");
	assert_true(world_run(w));
	assert_string_equal(w->text, "\n> 1.2.3\n\n> \n> \n");
}

static void test_interaction_without_a_prompt(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "prompt i\nshow version\nshow version;quit\nshow version\n"),
		"\n1.2.3\n\n1.2.3\n\n");
}

static void test_the_timed_prompt_tells_the_uptime(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "prompt timed\nprompt timed\n"), "\n[0:00:00:00]> \n> ");
}

static void test_quit_answers_nothing(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "quit;show version\n"), "");
}

static void test_a_payload_is_passed_over(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "prompt i\nshow version <<\nquit\nquit\n\nshow cli level\n"),
		"\n1.2.3\n\nadmin\n\n");
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "show version <<%END%\nquit\n\n%END%\n"), "1.2.3\n\n");
}

static void test_an_open_payload_has_a_prompt_of_its_own(void **state)
{
	struct world *w = *state;

	world_connect(w, LEVEL_ADMIN);
	world_send(w, "prompt\nshow version <<\n");
	assert_false(world_run(w));
	assert_string_equal(w->text, "\n> + ");
	world_send(w, "x\n\n");
	assert_false(world_run(w));
	assert_string_equal(w->text, "\n> + 1.2.3\n\n> ");
}

static void test_a_line_too_long_ends_the_session(void **state)
{
	struct world *w = *state;
	static char line[SESSION_INPUT_MAX + 16];

	memset(line, 'x', sizeof line - 1);
	assert_string_equal(world_ask(w, LEVEL_ADMIN, line), "The command is too long.\n");
	/* the longest that fits is read */
	line[SESSION_INPUT_MAX - 1] = '\n';
	line[SESSION_INPUT_MAX] = '\0';
	assert_memory_equal(world_ask(w, LEVEL_ADMIN, line), "Unknown command: 'xxx", 21);
}

static void test_too_many_words_are_refused(void **state)
{
	char line[512] = "show version";

	for (unsigned i = 0; i < COMMAND_ARGS_MAX; i++)
		strcat(line, " x");
	strcat(line, "\n");
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, line), "Too many arguments.\n\n");
}

static void test_levels_only_go_down(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "operator;show cli level;user;show cli level;operator\n"),
		"\noperator\n\n\nuser\n\nPermission denied\n\n");
	assert_string_equal(world_ask(*state, LEVEL_USER, "disable server app/s1;show errors;clear counters\n"),
		"Permission denied\n\nPermission denied\n\nPermission denied\n\n");
	assert_string_equal(world_ask(*state, LEVEL_OPERATOR,
				    "set weight app/s1 3;clear counters;clear counters all\n"),
		"Permission denied\n\n\nPermission denied\n\n");
}

static void test_an_idle_session_ends_after_its_timeout(void **state)
{
	struct world *w = *state;

	world_connect(w, LEVEL_ADMIN);
	world_send(w, "prompt;set timeout cli 20ms\n");
	assert_false(world_run(w));
	for (unsigned i = 0; i < 50; i++)
		loop_turn(&w->loop, 10);
	assert_true(world_run(w));
	assert_string_equal(w->text, "\n\n> ");
}

static void test_timeouts_are_checked(void **state)
{
	assert_string_equal(world_ask(*state, LEVEL_ADMIN, "set timeout cli x;set timeout cli;set timeout x 1\n"),
		"Invalid timeout value.\n\nExpects an integer value.\n\n'set timeout' only supports 'cli'.\n\n");
}

/* The client reads nothing: no further command may run, and nothing is lost once it does. */
static void test_a_slow_reader_stops_the_commands(void **state)
{
	struct world *w = *state;
	struct admin_session *s;
	char line[8192] = "prompt i\n";
	size_t expected;

	for (unsigned i = 0; i < 250; i++)
		strcat(line, "show stat\n");
	strcat(line, "quit\n");
	world_connect(w, LEVEL_ADMIN);
	world_send(w, line);
	for (unsigned i = 0; i < 100; i++)
		loop_turn(&w->loop, 0);
	s = list_entry(w->admin->sessions.next, struct admin_session, link);
	assert_true(s->out.len - s->sent > SESSION_OUTPUT_HIGH);
	assert_true(s->out.len - s->sent < SESSION_OUTPUT_HIGH + 65536);
	assert_true(world_run(w));
	w->text[w->used] = '\0';
	expected = w->used - 1; /* the answer to `prompt` */
	assert_int_equal(expected % 250, 0);
}

static void test_a_client_that_leaves_ends_its_session(void **state)
{
	struct world *w = *state;

	world_connect(w, LEVEL_ADMIN);
	world_send(w, "prompt\n");
	world_run(w);
	assert_ptr_not_equal(w->admin->sessions.next, &w->admin->sessions);
	close(w->peer);
	w->peer = -1;
	for (unsigned i = 0; i < 3; i++)
		loop_turn(&w->loop, 0);
	assert_ptr_equal(w->admin->sessions.next, &w->admin->sessions);
}

/* A tour is posted to the loop, and the client is gone when it comes home. */
static void test_a_client_may_leave_while_its_command_goes_on(void **state)
{
	struct world *w = *state;
	struct loop *loops[1] = { &w->loop };

	loop_set_all(loops, 1);
	world_connect(w, LEVEL_ADMIN);
	world_send(w, "show info\n");
	close(w->peer);
	w->peer = -1;
	for (unsigned i = 0; i < 5; i++)
		loop_turn(&w->loop, 0);
	loop_set_all(NULL, 0);
	assert_ptr_equal(w->admin->sessions.next, &w->admin->sessions);
}

static void test_a_command_over_the_threads_answers_in_its_place(void **state)
{
	struct world *w = *state;
	struct loop *loops[1] = { &w->loop };
	const char *info, *level;

	loop_set_all(loops, 1);
	world_ask(w, LEVEL_ADMIN, "show version;show info;show sess;show cli level\n");
	loop_set_all(NULL, 0);
	assert_memory_equal(w->text, "1.2.3\n\nName: Ballast\nVersion: 1.2.3\n", 35);
	info = strstr(w->text, "\nnode: here\n");
	level = strstr(w->text, " exp= rc=0\n\nadmin\n\n"); /* behind its own session */
	assert_true(info && level && info < level);
}

static void test_a_stop_ends_sessions_that_wait(void **state)
{
	struct world *w = *state;

	world_connect(w, LEVEL_ADMIN);
	world_send(w, "prompt\n");
	assert_false(world_run(w));
	admin_stop(w->admin);
	assert_true(world_run(w));
}

int main(void)
{
#define SESSION_TEST(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
		SESSION_TEST(test_one_line_is_answered_and_the_connection_ends),
		SESSION_TEST(test_a_line_may_come_in_pieces),
		SESSION_TEST(test_further_lines_are_not_run_without_interaction),
		SESSION_TEST(test_a_line_that_was_not_ended_is_not_run),
		SESSION_TEST(test_commands_of_one_line_answer_in_turn),
		SESSION_TEST(test_the_prompt_keeps_the_session_open),
		SESSION_TEST(test_interaction_without_a_prompt),
		SESSION_TEST(test_the_timed_prompt_tells_the_uptime),
		SESSION_TEST(test_quit_answers_nothing),
		SESSION_TEST(test_a_payload_is_passed_over),
		SESSION_TEST(test_an_open_payload_has_a_prompt_of_its_own),
		SESSION_TEST(test_a_line_too_long_ends_the_session),
		SESSION_TEST(test_too_many_words_are_refused),
		SESSION_TEST(test_levels_only_go_down),
		SESSION_TEST(test_an_idle_session_ends_after_its_timeout),
		SESSION_TEST(test_timeouts_are_checked),
		SESSION_TEST(test_a_slow_reader_stops_the_commands),
		SESSION_TEST(test_a_client_that_leaves_ends_its_session),
		SESSION_TEST(test_a_client_may_leave_while_its_command_goes_on),
		SESSION_TEST(test_a_command_over_the_threads_answers_in_its_place),
		SESSION_TEST(test_a_stop_ends_sessions_that_wait),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
