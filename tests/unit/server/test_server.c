/* Tests of the state of servers (src/server/server.c): what changes do, what the log says, what is shown. */
#include "rig.h"

static struct backend *started(unsigned servers)
{
	struct backend *b = rig_backend(servers, 1);

	assert_int_equal(backend_start(b, 1), 0);
	rig_logged();
	return b;
}

static void assert_status(struct server *s, const char *expected)
{
	char buf[32];

	assert_string_equal(server_status_text(s, buf, sizeof buf), expected);
}

static void test_down_and_up_are_logged_in_haproxys_words(void **state)
{
	struct backend *b = started(2);
	struct server *s = b->servers[0];

	(void)state;
	server_set_health(s, SERVER_DOWN, "changed from CLI");
	assert_string_equal(rig_logged(),
		"<129>Server app/s1 is DOWN, changed from CLI. 1 active and 0 backup servers left. 0 sessions active, "
		"0 requeued, 0 remaining in queue.\n");
	assert_false(server_alive(s));
	server_set_health(s, SERVER_DOWN, "changed from CLI");
	assert_string_equal(rig_logged(), "");
	server_set_health(s, SERVER_UP, "changed from CLI");
	assert_string_equal(rig_logged(),
		"<133>Server app/s1 is UP, changed from CLI. 2 active and 0 backup servers online. "
		"0 sessions requeued, 0 total in queue.\n");
	assert_true(server_usable(s));
	assert_int_equal(s->down_transitions, 1);
	rig_drop(b);
}

static void test_the_last_server_down_is_an_emergency(void **state)
{
	struct backend *b = started(1);

	(void)state;
	server_set_health(b->servers[0], SERVER_DOWN, NULL);
	assert_string_equal(rig_logged(),
		"<129>Server app/s1 is DOWN. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, "
		"0 remaining in queue.\n<128>backend app has no server available!\n");
	assert_false(b->was_up);
	assert_int_equal(b->down_transitions, 1);
	server_set_health(b->servers[0], SERVER_UP, NULL);
	assert_true(b->was_up);
	rig_drop(b);
}

static void test_running_on_backup_is_said(void **state)
{
	struct backend *b = rig_backend(2, 1);

	(void)state;
	b->servers[1]->backup = true;
	assert_int_equal(backend_start(b, 1), 0);
	server_set_health(b->servers[0], SERVER_DOWN, NULL);
	assert_string_equal(rig_logged(),
		"<129>Server app/s1 is DOWN. 0 active and 1 backup servers left. Running on backup. 0 sessions active, "
		"0 requeued, 0 remaining in queue.\n");
	server_set_health(b->servers[1], SERVER_DOWN, NULL);
	assert_non_null(strstr(rig_logged(),
		"<129>Backup Server app/s2 is DOWN. 0 active and 0 backup servers left. 0 sessions"));
	rig_drop(b);
}

static void test_maintenance_comes_and_goes(void **state)
{
	struct backend *b = started(2);
	struct server *s = b->servers[0];

	(void)state;
	server_set_admin(s, SERVER_MAINT, 0);
	assert_string_equal(rig_logged(),
		"<129>Server app/s1 is going DOWN for maintenance. 1 active and 0 backup servers left. "
		"0 sessions active, 0 requeued, 0 remaining in queue.\n");
	assert_status(s, "MAINT");
	assert_false(server_alive(s));
	assert_int_equal(s->down_transitions, 1);
	server_set_admin(s, 0, SERVER_MAINT);
	assert_string_equal(rig_logged(), "<133>Server app/s1 is UP/READY (leaving forced maintenance).\n");
	assert_true(server_usable(s));
	rig_drop(b);
}

static void test_a_server_that_is_down_enters_maintenance_and_leaves_it_up(void **state)
{
	struct backend *b = started(2);
	struct server *s = b->servers[0];

	(void)state;
	server_set_health(s, SERVER_DOWN, NULL);
	rig_logged();
	server_set_admin(s, SERVER_MAINT, 0);
	assert_string_equal(rig_logged(), "<133>Server app/s1 was DOWN and now enters maintenance.\n");
	server_set_admin(s, 0, SERVER_MAINT);
	assert_true(server_alive(s));
	rig_drop(b);
}

static void test_drain_keeps_a_server_alive_but_not_usable(void **state)
{
	struct backend *b = started(2);
	struct server *s = b->servers[0];

	(void)state;
	server_set_admin(s, SERVER_DRAIN, 0);
	assert_string_equal(rig_logged(),
		"<133>Server app/s1 enters drain state. 1 active and 0 backup servers online. "
		"0 sessions requeued, 0 total in queue.\n");
	assert_status(s, "DRAIN");
	assert_true(server_alive(s));
	assert_false(server_usable(s));
	server_set_admin(s, 0, SERVER_DRAIN);
	assert_string_equal(rig_logged(), "<133>Server app/s1 is UP (leaving forced drain).\n");
	rig_drop(b);
}

static void test_from_maintenance_to_drain_at_once(void **state)
{
	struct backend *b = started(2);
	struct server *s = b->servers[0];

	(void)state;
	server_set_admin(s, SERVER_MAINT, 0);
	rig_logged();
	server_set_admin(s, SERVER_DRAIN, SERVER_MAINT);
	assert_string_equal(rig_logged(), "<133>Server app/s1 is UP/DRAIN (leaving forced maintenance).\n"
					  "<133>Server app/s1 remains in forced drain mode.\n");
	assert_status(s, "DRAIN");
	rig_drop(b);
}

static void test_requests_in_work_and_in_queues_are_told(void **state)
{
	struct backend *b = rig_backend(2, 1);
	struct server *s = b->servers[0];
	struct server_wait own = { 0 }, other = { 0 };
	bool retry;

	(void)state;
	s->maxconn = b->servers[1]->maxconn = 1;
	assert_int_equal(backend_start(b, 1), 0);
	assert_true(server_enter(s) && server_enter(b->servers[1]));
	assert_true(server_wait_join(&own, b, s, &retry));
	assert_true(server_wait_join(&other, b, b->servers[1], &retry));
	server_set_health(s, SERVER_DOWN, NULL);
	assert_non_null(strstr(rig_logged(), "1 sessions active, 1 requeued, 1 remaining in queue."));
	server_wait_cancel(&own);
	server_wait_cancel(&other);
	server_leave(s);
	server_leave(b->servers[1]);
	loop_turn(&rig_loop, 0);
	rig_drop(b);
}

static void test_status_counts_rises_and_falls(void **state)
{
	struct backend *b = rig_backend(1, 1);
	struct server *s = b->servers[0];

	(void)state;
	s->check_enabled = true;
	assert_int_equal(backend_start(b, 1), 0);
	assert_status(s, "UP 1/3"); /* not checked yet: the first failure takes it down */
	s->check_count = 4;
	assert_status(s, "UP");
	s->check_count = 3;
	assert_status(s, "UP 2/3");
	server_set_health(s, SERVER_DOWN, NULL);
	assert_status(s, "DOWN");
	s->check_count = 1;
	assert_status(s, "DOWN 1/2");
	server_set_health(s, SERVER_STOPPING, NULL);
	assert_status(s, "NOLB");
	assert_true(server_alive(s));
	assert_false(server_usable(s));
	rig_drop(b);
}

static void test_status_of_a_server_that_nobody_checks(void **state)
{
	struct backend *b = rig_backend(3, 1);

	(void)state;
	b->servers[1]->disabled_config = true;
	atomic_store(&b->servers[2]->admin, SERVER_UNRESOLVED);
	assert_int_equal(backend_start(b, 1), 0);
	assert_status(b->servers[0], "no check");
	assert_status(b->servers[1], "MAINT");
	assert_status(b->servers[2], "MAINT (resolution)");
	server_set_health(b->servers[0], SERVER_DOWN, NULL);
	assert_status(b->servers[0], "DOWN");
	rig_drop(b);
}

static void test_each_change_publishes_a_picker_and_old_ones_go(void **state)
{
	struct backend *b = started(2);
	unsigned before = pickers_built;

	(void)state;
	server_set_health(b->servers[0], SERVER_DOWN, NULL);
	server_set_weight(b->servers[1], 5);
	assert_int_equal(pickers_built, before + 2);
	assert_int_equal(b->servers[1]->weight, 5);
	hazard_scan();
	assert_int_equal(pickers_alive, 1);
	rig_drop(b);
	assert_int_equal(pickers_alive, 0);
}

static void test_a_picker_stays_while_it_is_held(void **state)
{
	struct backend *b = started(1);
	struct hazard_slot *reader = hazard_slot_new(); /* as another thread's */

	(void)state;
	hazard_protect(reader, (_Atomic(void *) *)&b->picker);
	server_set_weight(b->servers[0], 5);
	server_set_weight(b->servers[0], 6);
	hazard_scan();
	assert_int_equal(pickers_alive, 2);
	hazard_slot_free(reader);
	hazard_scan();
	assert_int_equal(pickers_alive, 1);
	assert_non_null(backend_picker_acquire(b));
	backend_picker_release();
	rig_drop(b);
}

static void test_without_memory_the_old_picker_stays(void **state)
{
	struct backend *b = started(1);
	struct picker *old = b->picker;

	(void)state;
	picker_fails = true;
	server_set_weight(b->servers[0], 5);
	picker_fails = false;
	assert_ptr_equal(b->picker, old);
	assert_non_null(strstr(rig_logged(), "no memory"));
	rig_drop(b);
}

static void test_weight_zero_takes_no_new_requests(void **state)
{
	struct backend *b = started(1);

	(void)state;
	server_set_weight(b->servers[0], 0);
	assert_false(server_usable(b->servers[0]));
	assert_true(server_alive(b->servers[0]));
	assert_string_equal(rig_logged(), "<128>backend app has no server available!\n");
	rig_drop(b);
}

static void test_the_address_can_be_changed(void **state)
{
	struct backend *b = started(1);
	struct server *s = b->servers[0];
	struct endpoint at = rig_address(81);
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_string_equal(server_address_text(s, text), "127.0.0.1:1");
	assert_int_equal(server_set_target(s, &at), 0);
	assert_string_equal(server_address_text(s, text), "127.0.0.1:81");
	loop_turn(&rig_loop, 0);
	rig_drop(b);
}

static void test_downtime_adds_up(void **state)
{
	struct backend *b = started(1);
	struct server *s = b->servers[0];

	(void)state;
	assert_int_equal(server_downtime_s(s), 0);
	server_set_health(s, SERVER_DOWN, NULL);
	s->last_change_s -= 10;
	b->last_change_s -= 10;
	assert_in_range(server_downtime_s(s), 10, 11);
	assert_in_range(backend_downtime_s(b), 10, 11);
	server_set_health(s, SERVER_UP, NULL);
	s->last_change_s -= 100;
	assert_in_range(server_downtime_s(s), 10, 11);
	assert_in_range(backend_downtime_s(b), 10, 11);
	rig_drop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down_and_up_are_logged_in_haproxys_words),
		cmocka_unit_test(test_the_last_server_down_is_an_emergency),
		cmocka_unit_test(test_running_on_backup_is_said),
		cmocka_unit_test(test_maintenance_comes_and_goes),
		cmocka_unit_test(test_a_server_that_is_down_enters_maintenance_and_leaves_it_up),
		cmocka_unit_test(test_drain_keeps_a_server_alive_but_not_usable),
		cmocka_unit_test(test_from_maintenance_to_drain_at_once),
		cmocka_unit_test(test_requests_in_work_and_in_queues_are_told),
		cmocka_unit_test(test_status_counts_rises_and_falls),
		cmocka_unit_test(test_status_of_a_server_that_nobody_checks),
		cmocka_unit_test(test_each_change_publishes_a_picker_and_old_ones_go),
		cmocka_unit_test(test_a_picker_stays_while_it_is_held),
		cmocka_unit_test(test_without_memory_the_old_picker_stays),
		cmocka_unit_test(test_weight_zero_takes_no_new_requests),
		cmocka_unit_test(test_the_address_can_be_changed),
		cmocka_unit_test(test_downtime_adds_up),
	};
	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
