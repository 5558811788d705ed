/* What the operator does to servers, frontends and limits: the change, and HAProxy's words where there is none. */
#include "ballast/server/check.h"
#include "world.h"

static struct server *first_server(struct world *w)
{
	return w->graph.backends->servers[0];
}

static void ask(struct world *w, const char *line, const char *expected)
{
	assert_string_equal(world_ask(w, LEVEL_ADMIN, line), expected);
}

static void test_servers_are_named_by_name_or_number(void **state)
{
	struct world *w = *state;

	ask(w, "get weight app/s1\n", "10 (initial 10)\n\n");
	ask(w, "get weight #3/#1\n", "10 (initial 10)\n\n");
	ask(w, "get weight\n", "Require 'backend/server'.\n\n");
	ask(w, "get weight app\n", "Require 'backend/server'.\n\n");
	ask(w, "get weight app/\n", "Require 'backend/server'.\n\n");
	ask(w, "get weight nope/s1\n", "No such backend.\n\n");
	ask(w, "get weight #4/s1\n", "No such backend.\n\n");
	ask(w, "get weight app/nope\n", "No such server.\n\n");
	ask(w, "get weight app/#9\n", "No such server.\n\n");
}

static void test_weights_are_absolute_or_relative(void **state)
{
	struct world *w = *state;

	ask(w, "set weight app/s1 50%;get weight app/s1\n", "\n5 (initial 10)\n\n");
	ask(w, "set server app/s1 weight 256;get weight app/s1\n", "\n256 (initial 10)\n\n");
	ask(w, "set weight app/s1 1000000%;get weight app/s1\n", "\n256 (initial 10)\n\n");
	ask(w, "set weight app/s1 0;get weight app/s1\n", "\n0 (initial 10)\n\n");
	ask(w, "set weight app/s1\n", "Require <weight> or <weight%>.\n\n");
	ask(w, "set weight app/s1 x\n", "Empty weight string empty or preceded by garbage\n\n");
	ask(w, "set weight app/s1 3x\n", "Trailing garbage in weight string\n\n");
	ask(w, "set weight app/s1 257\n", "Absolute weight can only be between 0 and 256 inclusive.\n\n");
	ask(w, "set weight app/s1 -1\n", "Absolute weight can only be between 0 and 256 inclusive.\n\n");
	ask(w, "set weight app/s1 -1%\n", "Relative weight must be positive.\n\n");
	assert_int_equal(atomic_load(&first_server(w)->weight), 0);
}

static void test_states_are_forced(void **state)
{
	struct world *w = *state;
	struct server *s = first_server(w);

	ask(w, "set server app/s1 state drain\n", "\n");
	assert_int_equal(atomic_load(&s->admin), SERVER_DRAIN);
	ask(w, "set server app/s1 state maint\n", "\n");
	assert_true(atomic_load(&s->admin) & SERVER_MAINT);
	assert_false(server_alive(s));
	ask(w, "set server app/s1 state ready\n", "\n");
	assert_int_equal(atomic_load(&s->admin), 0);
	ask(w, "disable server app/s1\n", "\n");
	assert_true(atomic_load(&s->admin) & SERVER_MAINT);
	ask(w, "enable server app/s1\n", "\n");
	assert_true(server_usable(s));
	ask(w, "set server app/s1 state x\n", "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n");
}

static void test_health_is_forced(void **state)
{
	struct world *w = *state;
	struct server *s = first_server(w);

	ask(w, "set server app/s1 health down\n", "\n");
	assert_int_equal(atomic_load(&s->health), SERVER_DOWN);
	ask(w, "set server app/s1 health stopping\n", "\n");
	assert_int_equal(atomic_load(&s->health), SERVER_STOPPING);
	ask(w, "set server app/s1 health up\n", "\n");
	assert_int_equal(atomic_load(&s->health), SERVER_UP);
	ask(w, "set server app/s1 health x\n", "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n");
}

static void test_addresses_change_in_part_or_whole(void **state)
{
	struct world *w = *state;
	char text[ADDR_TEXT_MAX];

	ask(w, "set server app/s1 addr 127.0.0.2\n",
		"IP changed from '127.0.0.1' to '127.0.0.2' by 'stats socket command'\n\n");
	ask(w, "set server app/s1 addr 127.0.0.2 port 80\n",
		"port changed from '8001' to '80' by 'stats socket command'\n\n");
	ask(w, "set server app/s1 addr [::1] port 81\n",
		"IP changed from '127.0.0.2' to '::1', port changed from '80' to '81' by 'stats socket command'\n\n");
	assert_string_equal(server_address_text(first_server(w), text), "[::1]:81");
	ask(w, "set server app/s1 addr ::1\n", "nothing changed\n\n");
	ask(w, "set server app/s1 addr\n", "set server <b>/<s> addr requires an address and optionally a port.\n\n");
	ask(w, "set server app/s1 addr name\n", "Invalid addr 'name'\n\n");
	ask(w, "set server app/s1 addr ::1 port 65536\n", "Invalid port '65536'\n\n");
	ask(w, "set server app/s1 addr ::1 port\n", "Invalid port ''\n\n");
	assert_string_equal(server_address_text(first_server(w), text), "[::1]:81");
}

static void test_what_is_not_there_yet_says_so(void **state)
{
	struct world *w = *state;

	ask(w, "set server app/s1 agent up\n", "agent checks are not enabled on this server.\n\n");
	ask(w, "set server app/s1 fqdn x\n", "set server <b>/<s> fqdn failed because no resolution is configured.\n\n");
	ask(w, "set server app/s1 check-port 81\n", "health checks are not enabled on this server\n\n");
	ask(w, "set server app/s1 check-addr ::1\n", "health checks are not enabled on this server\n\n");
	ask(w, "set server app/s1 x\n",
		"usage: set server <backend>/<server> addr | agent[-addr|-port|-send] | breaker | check-addr | "
		"check-port | health | state | "
		"weight\n\n");
	ask(w, "set server app/s1\n",
		"usage: set server <backend>/<server> addr | agent[-addr|-port|-send] | breaker | check-addr | "
		"check-port | health | state | "
		"weight\n\n");
	ask(w, "enable health app/s1\n", "Health check was not configured on this server, cannot enable.\n\n");
}

static void test_the_place_of_checks_changes(void **state)
{
	struct world *w = *state;
	struct server *s = first_server(w);
	char text[ADDR_TEXT_MAX];

	s->check = check_new(s);
	assert_non_null(s->check);
	ask(w, "set server app/s1 check-port 8081\n", "\n");
	assert_true(s->has_check_port);
	assert_int_equal(s->check_port, 8081);
	ask(w, "set server app/s1 check-addr ::1\n", "\n");
	assert_string_equal(addr_ip_text(&s->check_addr.ip, text).ptr, "::1");
	ask(w, "set server app/s1 check-addr 127.0.0.9 port 0\n", "\n");
	assert_string_equal(addr_ip_text(&s->check_addr.ip, text).ptr, "127.0.0.9");
	assert_false(s->has_check_port);
	ask(w, "set server app/s1 check-port\n", "set server <b>/<s> check-port requires a port.\n\n");
	ask(w, "set server app/s1 check-port x\n", "provided port is not an integer\n\n");
	ask(w, "set server app/s1 check-port 65536\n", "provided port is invalid\n\n");
	ask(w, "set server app/s1 check-addr\n",
		"set server <b>/<s> check-addr requires an address and optionally a port.\n\n");
	ask(w, "set server app/s1 check-addr nowhere\n", "invalid addr 'nowhere'\n\n");
	ask(w, "set server app/s1 check-addr 127.0.0.8 port x\n", "provided port is not an integer\n\n");
	assert_string_equal(addr_ip_text(&s->check_addr.ip, text).ptr, "127.0.0.9");
}

static void test_rates_change(void **state)
{
	struct world *w = *state;

	ask(w, "set rate-limit connections global 5\n", "\n");
	assert_int_equal(rate_gate_limit(frontend_connection_rate()), 5);
	ask(w, "set rate-limit sessions global 6\n", "\n");
	assert_int_equal(rate_gate_limit(frontend_session_rate()), 6);
	ask(w, "set rate-limit ssl-sessions global 7\n", "\n");
	ask(w, "set rate-limit sessions global\n", "Expects an integer value.\n\n");
	ask(w, "set rate-limit sessions global 6x\n", "Expects an integer value.\n\n");
	ask(w, "set rate-limit sessions global -1\n", "Value out of range.\n\n");
	ask(w, "set rate-limit http-compression global 1\n",
		"'set rate-limit http-compression' is not supported by Ballast (yet).\n\n");
	ask(w,
		"set rate-limit connections global 0;set rate-limit sessions global 0;set rate-limit ssl-sessions "
		"global 0\n",
		"\n\n\n");
}

static void test_limits_change(void **state)
{
	struct world *w = *state;

	ask(w, "set maxconn server app/s1 7\n", "\n");
	assert_int_equal(atomic_load(&first_server(w)->maxconn_now), 7);
	ask(w, "set maxconn server app/s1\n", "Require <maxconn>.\n\n");
	ask(w, "set maxconn server app/s1 7x\n", "maxconn string empty or preceded by garbage\n\n");
	ask(w, "set maxconn frontend web 5\n", "\n");
	assert_int_equal(atomic_load(&w->graph.frontends->live->maxconn), 5);
	ask(w, "set maxconn frontend #2 6\n", "\n");
	assert_int_equal(atomic_load(&w->graph.frontends->live->maxconn), 6);
	ask(w, "set maxconn frontend web\n", "Integer value expected.\n\n");
	ask(w, "set maxconn frontend nope 1\n", "No such frontend.\n\n");
	ask(w, "set maxconn frontend\n", "A frontend name is expected.\n\n");
}

static void test_the_process_limit_stays_below_that_of_the_start(void **state)
{
	struct world *w = *state;

	ask(w, "set maxconn global 50\n", "\n");
	assert_int_equal(frontend_process_maxconn(), 50);
	ask(w, "set maxconn global 101\n", "Value out of range.\n\n");
	ask(w, "set maxconn global -1\n", "Value out of range.\n\n");
	ask(w, "set maxconn global\n", "Expects an integer value.\n\n");
	assert_int_equal(frontend_process_maxconn(), 50);
	ask(w, "set maxconn global 0\n", "\n");
	assert_int_equal(frontend_process_maxconn(), 100);
}

static void test_frontends_stop_and_go_on(void **state)
{
	struct world *w = *state;
	struct frontend *f = w->graph.frontends;

	ask(w, "disable frontend web\n", "\n");
	assert_true(atomic_load(&f->live->paused));
	ask(w, "disable frontend web\n", "All sockets are already disabled.\n\n");
	ask(w, "enable frontend #2\n", "\n");
	assert_false(atomic_load(&f->live->paused));
	ask(w, "enable frontend web\n", "All sockets are already enabled.\n\n");
	ask(w, "enable frontend app\n", "No such frontend.\n\n");
	ask(w, "enable frontend\n", "A frontend name is expected.\n\n");
}

static void test_counters_are_cleared_in_part_or_whole(void **state)
{
	struct world *w = *state;
	struct counters *c = &w->graph.frontends->thread[0].counters;

	count_session(c, 100);
	count_current(c, 1);
	count_current(c, -1);
	count_time(c, COUNT_TIME_TOTAL_MS, 30);
	ask(w, "clear counters\n", "\n");
	assert_int_equal(atomic_load(&c->current_max), 0);
	assert_int_equal(atomic_load(&c->time_max_ms[3]), 0);
	assert_int_equal(counters_sum(c, sizeof *c, 1, COUNT_SESS), 1);
	ask(w, "clear counters all\n", "\n");
	assert_int_equal(counters_sum(c, sizeof *c, 1, COUNT_SESS), 0);
}

static void test_a_session_to_end_is_named_by_number(void **state)
{
	struct world *w = *state;

	ask(w, "shutdown session 0x12\n", "No such session (use 'show sess').\n\n");
	ask(w, "shutdown session\n", "Session pointer expected (use 'show sess').\n\n");
	ask(w, "shutdown session x\n", "Session pointer expected (use 'show sess').\n\n");
	ask(w, "shutdown session 12x\n", "Session pointer expected (use 'show sess').\n\n");
	ask(w, "shutdown sessions server app/s1\n", "\n");
	ask(w, "show sess 0x12\n", "Session not found.\n\n");
	ask(w, "show sess x\n", "Unsupported option 'x', try 'help' for more info.\n\n");
	ask(w, "show sess older\n", "Expects a minimum age (in seconds by default).\n\n");
}

int main(void)
{
#define ADMIN_TEST(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_servers_are_named_by_name_or_number),
		ADMIN_TEST(test_weights_are_absolute_or_relative),
		ADMIN_TEST(test_states_are_forced),
		ADMIN_TEST(test_health_is_forced),
		ADMIN_TEST(test_addresses_change_in_part_or_whole),
		ADMIN_TEST(test_what_is_not_there_yet_says_so),
		ADMIN_TEST(test_the_place_of_checks_changes),
		ADMIN_TEST(test_rates_change),
		ADMIN_TEST(test_limits_change),
		ADMIN_TEST(test_the_process_limit_stays_below_that_of_the_start),
		ADMIN_TEST(test_frontends_stop_and_go_on),
		ADMIN_TEST(test_counters_are_cleared_in_part_or_whole),
		ADMIN_TEST(test_a_session_to_end_is_named_by_number),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
