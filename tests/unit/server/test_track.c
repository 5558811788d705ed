/* Tests of servers that track others (src/server/track.c, server_follow). */
#include "rig.h"

/* app/s1 is tracked by app/s2, and that one by app/s3. */
static struct backend *chain(void)
{
	struct backend *b = rig_backend(3, 1);

	for (unsigned i = 1; i < 3; i++) {
		b->servers[i]->tracked = b->servers[i - 1];
		b->servers[i - 1]->trackers = b->servers[i];
	}
	b->servers[0]->check_enabled = true;
	assert_int_equal(backend_start(b, 1), 0);
	rig_logged();
	return b;
}

static void settle(void)
{
	for (int i = 0; i < 4; i++)
		loop_turn(&rig_loop, 0);
}

static void assert_logged(const char *line)
{
	const char *log = rig_logged();

	if (!strstr(log, line))
		fail_msg("no '%s' in:\n%s", line, log);
}

static void test_a_chain_goes_down_and_comes_up_together(void **state)
{
	struct backend *b = chain();

	(void)state;
	server_set_health(b->servers[0], SERVER_DOWN, NULL);
	settle();
	assert_int_equal(b->servers[1]->health, SERVER_DOWN);
	assert_int_equal(b->servers[2]->health, SERVER_DOWN);
	assert_logged("Server app/s3 is DOWN via app/s2. 0 active");
	server_set_health(b->servers[0], SERVER_UP, NULL);
	settle();
	assert_int_equal(b->servers[2]->health, SERVER_UP);
	assert_logged("Server app/s2 is UP via app/s1. 2 active");
	rig_drop(b);
}

static void test_maintenance_is_inherited_by_its_own_bit(void **state)
{
	struct backend *b = chain();
	char text[160];

	(void)state;
	server_set_admin(b->servers[0], SERVER_MAINT, 0);
	settle();
	assert_int_equal(b->servers[2]->admin, SERVER_MAINT_VIA);
	assert_string_equal(server_status_text(b->servers[2], text, sizeof text), "MAINT (via app/s2)");
	assert_logged("Server app/s2 is going DOWN for maintenance via app/s1.");
	server_set_admin(b->servers[0], 0, SERVER_MAINT);
	settle();
	assert_int_equal(b->servers[2]->admin, 0);
	assert_logged("Server app/s3 is UP/READY (leaving maintenance).");
	rig_drop(b);
}

static void test_ones_own_maintenance_outlasts_the_inherited_one(void **state)
{
	struct backend *b = chain();

	(void)state;
	server_set_admin(b->servers[1], SERVER_MAINT, 0);
	server_set_admin(b->servers[0], SERVER_MAINT, 0);
	settle();
	server_set_admin(b->servers[0], 0, SERVER_MAINT);
	settle();
	assert_int_equal(b->servers[1]->admin, SERVER_MAINT);
	assert_int_equal(b->servers[2]->admin, SERVER_MAINT_VIA);
	server_set_admin(b->servers[1], 0, SERVER_MAINT);
	settle();
	assert_true(server_usable(b->servers[1]));
	assert_true(server_usable(b->servers[2]));
	rig_drop(b);
}

static void test_leaving_forced_maintenance_into_an_inherited_one_is_told(void **state)
{
	struct backend *b = chain();

	(void)state;
	server_set_admin(b->servers[0], SERVER_MAINT, 0);
	settle();
	server_set_admin(b->servers[1], SERVER_MAINT, 0);
	rig_logged();
	server_set_admin(b->servers[1], 0, SERVER_MAINT);
	assert_logged("Server app/s2 is leaving forced maintenance but remains in maintenance.");
	assert_false(server_alive(b->servers[1]));
	rig_drop(b);
}

static void test_draining_is_inherited(void **state)
{
	struct backend *b = chain();
	char text[160];

	(void)state;
	server_set_admin(b->servers[0], SERVER_DRAIN, 0);
	settle();
	assert_int_equal(b->servers[2]->admin, SERVER_DRAIN_VIA);
	assert_string_equal(server_status_text(b->servers[2], text, sizeof text), "DRAIN");
	assert_logged("Server app/s3 enters drain state via app/s2.");
	server_set_admin(b->servers[0], 0, SERVER_DRAIN);
	settle();
	assert_logged("Server app/s3 is UP (leaving forced drain).");
	rig_drop(b);
}

static void test_one_that_is_down_and_leaves_maintenance_stays_down_with_the_tracked_one(void **state)
{
	struct backend *b = chain();

	(void)state;
	server_set_admin(b->servers[1], SERVER_MAINT, 0);
	server_set_health(b->servers[0], SERVER_DOWN, NULL);
	settle();
	rig_logged();
	server_set_admin(b->servers[1], 0, SERVER_MAINT);
	settle();
	assert_int_equal(b->servers[1]->health, SERVER_DOWN);
	assert_logged("Server app/s2 is DOWN/READY (leaving forced maintenance).");
	rig_drop(b);
}

static void test_what_it_is_from_the_start_is_followed(void **state)
{
	struct backend *b = rig_backend(2, 1);

	(void)state;
	b->servers[1]->tracked = b->servers[0];
	b->servers[0]->trackers = b->servers[1];
	b->servers[0]->disabled_config = true;
	assert_int_equal(backend_start(b, 1), 0);
	checks_start_thread(b);
	settle();
	assert_int_equal(b->servers[1]->admin, SERVER_MAINT_VIA);
	checks_stop_thread(b);
	rig_drop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_chain_goes_down_and_comes_up_together),
		cmocka_unit_test(test_maintenance_is_inherited_by_its_own_bit),
		cmocka_unit_test(test_ones_own_maintenance_outlasts_the_inherited_one),
		cmocka_unit_test(test_leaving_forced_maintenance_into_an_inherited_one_is_told),
		cmocka_unit_test(test_draining_is_inherited),
		cmocka_unit_test(test_one_that_is_down_and_leaves_maintenance_stays_down_with_the_tracked_one),
		cmocka_unit_test(test_what_it_is_from_the_start_is_followed),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
