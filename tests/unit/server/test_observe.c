/* Tests of `observe` (src/server/observe.c, check_observed). */
#include "ballast/server/report.h"
#include "rig.h"

static struct backend *watched(enum observe mode, enum on_error on_error)
{
	struct backend *b = rig_backend(1, 1);
	struct server *s = b->servers[0];

	s->check_enabled = true;
	s->inter_ms = 100000;
	s->fastinter_ms = 50000;
	s->observe = (uint8_t)mode;
	s->on_error = (uint8_t)on_error;
	s->error_limit = 3;
	assert_int_equal(backend_start(b, 1), 0);
	s->check_count = 4;
	rig_logged();
	checks_start_thread(b);
	loop_timer_set(&s->check->next, s->inter_ms);
	return b;
}

static void stop(struct backend *b)
{
	checks_stop_thread(b);
	rig_drop(b);
}

static void tell(struct backend *b, enum server_outcome o, unsigned status, unsigned times)
{
	while (times--)
		server_report(b->servers[0], &(struct server_result){ .outcome = o, .status = status });
}

static void test_errors_in_a_row_are_a_failed_check(void **state)
{
	struct backend *b = watched(OBSERVE_LAYER7, ON_ERROR_FAIL_CHECK);
	const struct check *c = b->servers[0]->check;

	(void)state;
	tell(b, OUTCOME_ANSWERED, 500, 2);
	assert_int_equal(b->servers[0]->check_count, 4);
	tell(b, OUTCOME_EMPTY, 0, 1);
	assert_int_equal(b->servers[0]->check_count, 3);
	assert_int_equal(c->status, CHECK_HANA);
	assert_int_equal(c->observed, 1);
	assert_string_equal(c->text, "Detected 3 consecutive errors, last one was: Close from server (http)");
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	stop(b);
}

static void test_a_success_begins_the_count_anew(void **state)
{
	struct backend *b = watched(OBSERVE_LAYER7, ON_ERROR_MARK_DOWN);

	(void)state;
	tell(b, OUTCOME_TIMEOUT, 0, 2);
	tell(b, OUTCOME_ANSWERED, 404, 1);
	tell(b, OUTCOME_JUNK, 0, 2);
	tell(b, OUTCOME_ANSWERED, 501, 1);
	tell(b, OUTCOME_BROKEN, 0, 2);
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	tell(b, OUTCOME_UNREACHABLE, 0, 1);
	assert_int_equal(b->servers[0]->health, SERVER_DOWN);
	stop(b);
}

static void test_which_statuses_are_errors(void **state)
{
	static const struct {
		unsigned status;
		bool error;
	} cases[] = { { 200, false }, { 404, false }, { 499, false }, { 500, true }, { 501, false }, { 502, true },
		{ 504, true }, { 505, false }, { 506, true } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct backend *b = watched(OBSERVE_LAYER7, ON_ERROR_FAIL_CHECK);
		tell(b, OUTCOME_ANSWERED, cases[i].status, 3);
		assert_int_equal(b->servers[0]->check->observed, cases[i].error);
		stop(b);
	}
}

static void test_layer4_looks_at_connections_only(void **state)
{
	struct backend *b = watched(OBSERVE_LAYER4, ON_ERROR_MARK_DOWN);

	(void)state;
	tell(b, OUTCOME_ANSWERED, 500, 10);
	tell(b, OUTCOME_TIMEOUT, 0, 10);
	tell(b, OUTCOME_UNREACHABLE, 0, 2);
	tell(b, OUTCOME_ANSWERED, 200, 1); /* tells nothing */
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	tell(b, OUTCOME_CONNECT_TIMEOUT, 0, 1);
	assert_int_equal(b->servers[0]->health, SERVER_DOWN);
	assert_non_null(strstr(rig_logged(), "Server app/s1 is DOWN, reason: Health analyze, info: \"Detected 3 "
					     "consecutive errors, last one was: L4 "
					     "unsuccessful connection\". 0 active"));
	stop(b);
}

static void test_sudden_death_leaves_one_failed_check(void **state)
{
	struct backend *b = watched(OBSERVE_LAYER7, ON_ERROR_SUDDEN_DEATH);

	(void)state;
	tell(b, OUTCOME_TIMEOUT, 0, 3);
	assert_int_equal(b->servers[0]->check_count, b->servers[0]->rise);
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	tell(b, OUTCOME_TIMEOUT, 0, 3);
	assert_int_equal(b->servers[0]->health, SERVER_DOWN);
	stop(b);
}

static void test_fastinter_only_brings_the_next_check_nearer(void **state)
{
	struct backend *b = watched(OBSERVE_LAYER7, ON_ERROR_FASTINTER);
	const struct check *c = b->servers[0]->check;
	uint64_t due = c->next.due_ms;

	(void)state;
	tell(b, OUTCOME_TIMEOUT, 0, 3);
	loop_turn(&rig_loop, 0);
	assert_in_range(c->next.due_ms, due - 50100, due - 49000);
	assert_int_equal(b->servers[0]->check_count, 4);
	assert_int_equal(c->status, CHECK_INI);
	stop(b);
}

static void test_nothing_is_observed_in_maintenance(void **state)
{
	struct backend *b = watched(OBSERVE_LAYER7, ON_ERROR_MARK_DOWN);

	(void)state;
	server_set_admin(b->servers[0], SERVER_MAINT, 0);
	tell(b, OUTCOME_TIMEOUT, 0, 3);
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	assert_int_equal(b->servers[0]->check->observed, 0);
	stop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_in_a_row_are_a_failed_check),
		cmocka_unit_test(test_a_success_begins_the_count_anew),
		cmocka_unit_test(test_which_statuses_are_errors),
		cmocka_unit_test(test_layer4_looks_at_connections_only),
		cmocka_unit_test(test_sudden_death_leaves_one_failed_check),
		cmocka_unit_test(test_fastinter_only_brings_the_next_check_nearer),
		cmocka_unit_test(test_nothing_is_observed_in_maintenance),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
