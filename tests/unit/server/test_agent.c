/* Tests of agent checks (src/server/agent.c) against a scripted agent on loopback. */
#include "ballast/server/agent.h"
#include "rig.h"

static int listener;

/* One server with an agent that is asked every 10 ms; static weights where `fixed`. */
static struct backend *made(void)
{
	uint16_t port;
	struct backend *b;
	struct server *s;

	listener = rig_listen(&port);
	b = rig_backend(2, 1);
	s = b->servers[0];
	s->weight_config = 10;
	s->maxconn = 50;
	s->agent_enabled = true;
	s->agent_inter_ms = 10;
	s->agent_settings = calloc(1, sizeof *s->agent_settings);
	s->agent_settings->addr.fd = -1;
	s->agent_settings->addr = rig_address(0);
	s->agent_settings->port = port;
	assert_int_equal(backend_start(b, 1), 0);
	rig_logged();
	checks_start_thread(b);
	return b;
}

static void stop(struct backend *b)
{
	checks_stop_thread(b);
	rig_drop(b);
	close(listener);
}

/* The agent says this once, and the check is through with it. */
static void says(struct backend *b, const char *line)
{
	int fd = rig_accept(listener);
	uint64_t end = clock_mono_ns() + 1000000000u;

	if (*line)
		assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	close(fd);
	while (b->servers[0]->agent->running && clock_mono_ns() < end)
		loop_turn(&rig_loop, 2);
	assert_false(b->servers[0]->agent->running);
}

static void test_weights_are_parts_of_the_configured_one_or_absolute(void **state)
{
	struct backend *b = made();
	struct server *s = b->servers[0];

	(void)state;
	says(b, "75%\r\n");
	assert_int_equal(s->weight, 7);
	says(b, "weight:20\n");
	assert_int_equal(s->weight, 20);
	says(b, "weight:50%\n");
	assert_int_equal(s->weight, 5);
	says(b, "0%\n");
	assert_int_equal(s->weight, 0);
	says(b, "99999%\n");
	assert_int_equal(s->weight, 256);
	assert_int_equal(s->agent->status, CHECK_CHECKED);
	assert_string_equal(s->agent->text, "");
	says(b, "weight:257 100%%\n");
	assert_int_equal(s->weight, 256);
	assert_string_equal(s->agent->text, "agent reports an error : weight:257");
	stop(b);
}

static void test_down_stays_until_up_is_said(void **state)
{
	struct backend *b = made();
	struct server *s = b->servers[0];
	char text[160];

	(void)state;
	says(b, "down # gone fishing\n");
	assert_int_equal(s->health, SERVER_DOWN);
	assert_int_equal(s->agent->status, CHECK_L7STS);
	assert_string_equal(s->agent->text, "via agent : down (gone fishing)");
	assert_string_equal(server_status_text(s, text, sizeof text), "DOWN (agent)");
	assert_non_null(strstr(rig_logged(), "Server app/s1 is DOWN, reason: Layer7 wrong status, code: 0, info: \"via "
					     "agent : down (gone fishing)\", check duration: "));
	says(b, "50%\n");
	assert_int_equal(s->health, SERVER_DOWN);
	says(b, "stopped\n");
	assert_string_equal(s->agent->text, "via agent : stopped");
	says(b, "");
	assert_int_equal(s->health, SERVER_DOWN);
	says(b, "up\n");
	assert_int_equal(s->health, SERVER_UP);
	assert_string_equal(s->agent->text, "via agent : up");
	says(b, "fail#broken\n");
	assert_int_equal(s->health, SERVER_DOWN);
	assert_string_equal(s->agent->text, "via agent : fail (broken)");
	stop(b);
}

static void test_administrative_words(void **state)
{
	struct backend *b = made();
	struct server *s = b->servers[0];
	char text[160];

	(void)state;
	says(b, "drain\n");
	assert_int_equal(s->admin, SERVER_DRAIN);
	assert_string_equal(server_status_text(s, text, sizeof text), "DRAIN (agent)");
	says(b, "maint\n");
	assert_true(s->admin & SERVER_MAINT);
	says(b, "Ready,UP\tmaxconn:7\n"); /* asked in maintenance, too */
	assert_int_equal(s->admin, 0);
	assert_int_equal(s->maxconn_now, 7);
	assert_string_equal(s->agent->text, "via agent : up");
	stop(b);
}

static void test_what_is_no_answer_changes_nothing(void **state)
{
	struct backend *b = made();
	struct server *s = b->servers[0];

	(void)state;
	says(b, "down");
	assert_int_equal(s->agent->status, CHECK_L7TOUT);
	assert_string_equal(s->agent->text, "Ignoring incomplete line from agent");
	says(b, "");
	assert_int_equal(s->agent->status, CHECK_L7RSP);
	says(b, "banana\n");
	assert_int_equal(s->agent->status, CHECK_CHECKED);
	assert_string_equal(s->agent->text, "agent reports an error : banana");
	assert_int_equal(s->health, SERVER_UP);
	assert_int_equal(s->weight, 10);
	stop(b);
}

static void test_an_agent_that_cannot_be_reached_is_no_error(void **state)
{
	struct backend *b = made();
	struct server *s = b->servers[0];

	(void)state;
	close(listener);
	rig_turn_for(60);
	assert_int_equal(s->agent->status, CHECK_L4CON);
	assert_int_equal(s->health, SERVER_UP);
	listener = dup(0);
	stop(b);
}

static void test_a_good_check_does_not_bring_up_what_the_agent_took_down(void **state)
{
	struct backend *b = made();
	struct server *s = b->servers[0];

	(void)state;
	s->check_count = 0;
	says(b, "down\n");
	agent_force(s, true);
	assert_int_equal(s->health, SERVER_UP); /* no check that would be against it */
	agent_force(s, false);
	assert_int_equal(s->health, SERVER_DOWN);
	agent_set_enabled(s, false);
	assert_int_equal(s->health, SERVER_UP);
	stop(b);
}

static void test_its_text_is_sent_first(void **state)
{
	struct backend *b = made();
	struct agent_settings set;
	char got[32] = "";
	int fd;

	(void)state;
	agent_read_settings(b->servers[0], &set);
	strcpy(set.send, "app\n");
	agent_change_settings(b->servers[0], &set);
	says(b, "up\n");
	fd = rig_accept(listener);
	for (int i = 0; i < 200 && recv(fd, got, sizeof got - 1, MSG_DONTWAIT) <= 0; i++)
		loop_turn(&rig_loop, 2);
	assert_string_equal(got, "app\n");
	close(fd);
	stop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights_are_parts_of_the_configured_one_or_absolute),
		cmocka_unit_test(test_down_stays_until_up_is_said),
		cmocka_unit_test(test_administrative_words),
		cmocka_unit_test(test_what_is_no_answer_changes_nothing),
		cmocka_unit_test(test_an_agent_that_cannot_be_reached_is_no_error),
		cmocka_unit_test(test_a_good_check_does_not_bring_up_what_the_agent_took_down),
		cmocka_unit_test(test_its_text_is_sent_first),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
