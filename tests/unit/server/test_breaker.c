/* Tests of circuit breakers (src/server/breaker.c) with a clock of the tests' own. */
#include "ballast/server/breaker.h"
#include "rig.h"

static struct backend *b;
static struct server *s;
static uint64_t now;

static const struct breaker_settings usual = { .on = true,
	.errors_percent = 50,
	.over_ms = 10000,
	.min = 10,
	.slow_percent = 50,
	.open_ms = 5000,
	.open_max_ms = 15000,
	.half_open = 3 };

static void start(const struct breaker_settings *set, enum proxy_mode mode)
{
	now = 1000000;
	b = rig_backend(2, 1);
	b->mode = mode;
	b->set.breaker = *set;
	assert_int_equal(backend_start(b, 1), 0);
	s = b->servers[0];
	rig_logged();
}

static int begin(void **state)
{
	(void)state;
	start(&usual, MODE_HTTP);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_drop(b);
	return 0;
}

static void restart(const struct breaker_settings *set, enum proxy_mode mode)
{
	rig_drop(b);
	start(set, mode);
}

static void result(enum server_outcome o, unsigned status, uint32_t latency_ms)
{
	server_report(s, &(struct server_result){ .outcome = o,
				 .status = status,
				 .measured = true,
				 .latency_us = latency_ms * 1000,
				 .now_ms = now });
}

static void answers(unsigned count, unsigned status)
{
	while (count--)
		result(OUTCOME_ANSWERED, status, 0);
}

static void assert_state(enum breaker_state expected)
{
	assert_int_equal(atomic_load(&s->breaker->state), expected);
	assert_int_equal(server_usable(s), expected != BREAKER_OPEN);
}

static void pass(uint32_t ms)
{
	now += ms;
	breaker_tick(s, now);
}

/* --- opening --- */

static void test_it_opens_at_the_share_and_not_before(void **state)
{
	(void)state;
	answers(6, 200);
	answers(5, 500);
	assert_state(BREAKER_CLOSED);
	answers(1, 500);
	assert_state(BREAKER_OPEN);
	assert_non_null(strstr(rig_logged(),
		"<132>Server app/s1 is shut out by its circuit breaker for 5s, reason: 6 of 12 requests failed in the "
		"last 10s (50%, limit 50%), the last one with status 500. 1 active and 0 backup servers left."));
}

static void test_fewer_requests_than_the_least_do_not_open_it(void **state)
{
	(void)state;
	answers(9, 500);
	assert_state(BREAKER_CLOSED);
	answers(1, 500);
	assert_state(BREAKER_OPEN);
}

static void test_errors_that_are_too_old_do_not_count(void **state)
{
	(void)state;
	answers(9, 500);
	pass(10000);
	answers(5, 200);
	answers(4, 500);
	assert_state(BREAKER_CLOSED);
}

static void test_every_kind_of_failure_is_an_error_and_no_answer_of_the_client_is(void **state)
{
	static const enum server_outcome bad[] = { OUTCOME_UNREACHABLE, OUTCOME_CONNECT_TIMEOUT, OUTCOME_EMPTY,
		OUTCOME_JUNK, OUTCOME_TIMEOUT, OUTCOME_BROKEN };
	static const unsigned good[] = { 200, 204, 301, 404, 429, 499, 501, 505 };
	struct breaker_settings set = usual;

	(void)state;
	set.consecutive = 1;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		restart(&set, MODE_HTTP);
		result(bad[i], 0, 1);
		assert_state(BREAKER_OPEN);
	}
	restart(&set, MODE_HTTP);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		result(OUTCOME_ANSWERED, good[i], 1);
	result(OUTCOME_CONNECTED, 0, 1);
	assert_state(BREAKER_CLOSED);
}

static void test_a_success_ends_the_row_of_errors(void **state)
{
	struct breaker_settings set = usual;

	(void)state;
	set.consecutive = 3;
	set.errors_percent = 0;
	restart(&set, MODE_HTTP);
	answers(2, 503);
	answers(1, 200);
	answers(2, 503);
	assert_state(BREAKER_CLOSED);
	result(OUTCOME_CONNECTED, 0, 1);
	answers(1, 503);
	assert_state(BREAKER_OPEN);
}

static void test_slow_answers_open_it_where_that_is_asked_for(void **state)
{
	struct breaker_settings set = usual;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		result(OUTCOME_ANSWERED, 200, 60000);
	assert_state(BREAKER_CLOSED);
	set.slow_ms = 500;
	restart(&set, MODE_HTTP);
	for (unsigned i = 0; i < 5; i++)
		result(OUTCOME_ANSWERED, 200, 500);
	for (unsigned i = 0; i < 4; i++)
		result(OUTCOME_ANSWERED, 200, 501);
	assert_state(BREAKER_CLOSED);
	result(OUTCOME_ANSWERED, 200, 501);
	assert_state(BREAKER_OPEN);
}

static void test_a_time_that_a_client_took_is_not_held_against_the_server(void **state)
{
	struct breaker_settings set = usual;

	(void)state;
	set.slow_ms = 500;
	restart(&set, MODE_HTTP);
	for (unsigned i = 0; i < 20; i++)
		server_report(s, &(struct server_result){ .outcome = OUTCOME_ANSWERED,
					 .status = 200,
					 .latency_us = 9000000,
					 .now_ms = now });
	assert_state(BREAKER_CLOSED);
}

static void test_in_tcp_a_connection_is_a_success(void **state)
{
	struct breaker_settings set = usual;

	(void)state;
	set.consecutive = 2;
	restart(&set, MODE_TCP);
	result(OUTCOME_UNREACHABLE, 0, 1);
	result(OUTCOME_CONNECTED, 0, 1);
	result(OUTCOME_UNREACHABLE, 0, 1);
	assert_state(BREAKER_CLOSED);
	result(OUTCOME_BROKEN, 0, 1);
	assert_state(BREAKER_OPEN);
}

/* --- half open --- */

static void open_it(void)
{
	answers(10, 500);
	assert_state(BREAKER_OPEN);
}

static void test_its_time_is_over_when_it_is_over(void **state)
{
	(void)state;
	open_it();
	pass(4999);
	assert_state(BREAKER_OPEN);
	assert_false(server_enter(s));
	pass(1);
	assert_state(BREAKER_HALF_OPEN);
}

static void test_so_many_probes_as_it_says_and_no_more(void **state)
{
	(void)state;
	open_it();
	pass(5000);
	for (unsigned i = 0; i < 3; i++)
		assert_true(server_enter(s));
	assert_false(server_enter(s));
	assert_false(server_takes(s));
	assert_false(server_usable(s));
	assert_int_equal(server_served(s), 3);
	for (unsigned i = 0; i < 3; i++)
		server_leave(s);
}

static void test_it_closes_when_all_probes_went_well(void **state)
{
	(void)state;
	open_it();
	pass(5000);
	answers(2, 200);
	assert_state(BREAKER_HALF_OPEN);
	answers(1, 200);
	assert_state(BREAKER_CLOSED);
	assert_true(server_enter(s));
	server_leave(s);
	answers(9, 500); /* what was before is forgotten */
	assert_state(BREAKER_CLOSED);
}

static void test_a_failed_probe_opens_it_for_twice_as_long_up_to_the_most(void **state)
{
	static const uint32_t times[] = { 10000, 15000, 15000 };

	(void)state;
	open_it();
	pass(5000);
	for (unsigned i = 0; i < 3; i++) {
		answers(1, 200);
		result(OUTCOME_TIMEOUT, 0, 0);
		assert_state(BREAKER_OPEN);
		pass(times[i] - 1);
		assert_state(BREAKER_OPEN);
		pass(1);
		assert_state(BREAKER_HALF_OPEN);
	}
	answers(3, 200);
	open_it();
	pass(5000); /* and it begins anew */
	assert_state(BREAKER_HALF_OPEN);
	assert_int_equal(s->breaker->opened, 5);
}

static void test_results_of_attempts_from_before_are_passed_over(void **state)
{
	(void)state;
	open_it();
	pass(5000);
	now += 10;
	result(OUTCOME_TIMEOUT, 0, 3000);
	for (unsigned i = 0; i < 5; i++)
		result(OUTCOME_ANSWERED, 200, 3000);
	assert_state(BREAKER_HALF_OPEN);
	result(OUTCOME_ANSWERED, 500, 5);
	assert_state(BREAKER_OPEN);
}

static void test_probes_whose_results_never_come_are_renewed(void **state)
{
	(void)state;
	open_it();
	pass(5000);
	for (unsigned i = 0; i < 3; i++)
		assert_true(server_enter(s));
	answers(1, 200);
	pass(4999);
	assert_false(server_takes(s));
	pass(1);
	assert_true(server_takes(s));
	assert_int_equal(atomic_load(&s->probes), 2);
	for (unsigned i = 0; i < 3; i++)
		server_leave(s);
}

/* --- the operator --- */

static void test_the_operators_word_goes_first(void **state)
{
	(void)state;
	breaker_set_order(s, BREAKER_KEEP_OPEN, now);
	pass(100000);
	assert_state(BREAKER_OPEN);
	breaker_set_order(s, BREAKER_KEEP_CLOSED, now);
	assert_state(BREAKER_CLOSED);
	answers(50, 500);
	assert_state(BREAKER_CLOSED);
	breaker_set_order(s, BREAKER_KEEP_OPEN, now);
	breaker_set_order(s, BREAKER_AUTO, now);
	assert_state(BREAKER_HALF_OPEN);
	answers(3, 200);
	assert_state(BREAKER_CLOSED);
}

static void test_the_last_server_shut_out_is_an_emergency(void **state)
{
	(void)state;
	server_set_admin(b->servers[1], SERVER_MAINT, 0);
	rig_logged();
	open_it();
	assert_non_null(strstr(rig_logged(), "<128>backend app has no server available!"));
}

/* --- panic --- */

static void test_in_panic_health_and_breakers_are_ignored_but_not_the_operator(void **state)
{
	(void)state;
	b->set.panic_percent = 60;
	answers(10, 500);
	assert_true(atomic_load(&b->panic));
	assert_true(server_takes(s) && !server_healthy(s));
	assert_true(server_enter(s));
	server_leave(s);
	server_set_health(b->servers[1], SERVER_DOWN, NULL);
	assert_true(server_takes(b->servers[1]));
	server_set_admin(b->servers[1], SERVER_MAINT, 0);
	assert_false(server_takes(b->servers[1]));
}

static void test_weights_decide_about_panic(void **state)
{
	(void)state;
	b->set.panic_percent = 50;
	server_set_weight(b->servers[1], 3);
	server_set_health(s, SERVER_DOWN, NULL);
	assert_false(atomic_load(&b->panic));
	server_set_weight(b->servers[1], 1);
	assert_false(atomic_load(&b->panic));
	server_set_weight(s, 2);
	assert_true(atomic_load(&b->panic));
	server_set_health(s, SERVER_UP, NULL);
	assert_false(atomic_load(&b->panic));
	assert_int_equal(b->panics, 1);
}

static void test_a_healthy_backup_goes_before_panic(void **state)
{
	struct breaker_settings off = { 0 };

	(void)state;
	restart(&off, MODE_HTTP);
	b->servers[1]->backup = true;
	b->set.panic_percent = 50;
	server_set_health(s, SERVER_DOWN, NULL);
	assert_false(atomic_load(&b->panic));
	server_set_health(b->servers[1], SERVER_DOWN, NULL);
	assert_true(atomic_load(&b->panic));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_it_opens_at_the_share_and_not_before),
		T(test_fewer_requests_than_the_least_do_not_open_it),
		T(test_errors_that_are_too_old_do_not_count),
		T(test_every_kind_of_failure_is_an_error_and_no_answer_of_the_client_is),
		T(test_a_success_ends_the_row_of_errors),
		T(test_slow_answers_open_it_where_that_is_asked_for),
		T(test_a_time_that_a_client_took_is_not_held_against_the_server),
		T(test_in_tcp_a_connection_is_a_success),
		T(test_its_time_is_over_when_it_is_over),
		T(test_so_many_probes_as_it_says_and_no_more),
		T(test_it_closes_when_all_probes_went_well),
		T(test_a_failed_probe_opens_it_for_twice_as_long_up_to_the_most),
		T(test_results_of_attempts_from_before_are_passed_over),
		T(test_probes_whose_results_never_come_are_renewed),
		T(test_the_operators_word_goes_first),
		T(test_the_last_server_shut_out_is_an_emergency),
		T(test_in_panic_health_and_breakers_are_ignored_but_not_the_operator),
		T(test_weights_decide_about_panic),
		T(test_a_healthy_backup_goes_before_panic),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
