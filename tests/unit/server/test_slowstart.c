/* Tests of `slowstart` (src/server/slowstart.c). */
#include "rig.h"

#include "../../../src/server/internal.h"

static struct backend *slow(uint32_t slowstart_ms, uint32_t maxconn)
{
	struct backend *b = rig_backend(2, 1);

	b->servers[0]->slowstart_ms = slowstart_ms;
	b->servers[0]->weight_config = 100;
	b->servers[0]->maxconn = maxconn;
	assert_int_equal(backend_start(b, 1), 0);
	checks_start_thread(b);
	return b;
}

static void stop(struct backend *b)
{
	checks_stop_thread(b);
	rig_drop(b);
}

static void test_warmth_grows_in_equal_steps(void **state)
{
	(void)state;
	assert_int_equal(slowstart_warmth(0, 1600), 1);
	assert_int_equal(slowstart_warmth(99, 1600), 1);
	assert_int_equal(slowstart_warmth(100, 1600), 2);
	assert_int_equal(slowstart_warmth(800, 1600), 9);
	assert_int_equal(slowstart_warmth(1499, 1600), 15);
	assert_int_equal(slowstart_warmth(1500, 1600), WARMTH_FULL);
	assert_int_equal(slowstart_warmth(1u << 31, 1), WARMTH_FULL);
	assert_int_equal(slowstart_warmth(0, 1), 1);
}

static void test_a_server_starts_warm_with_the_process(void **state)
{
	struct backend *b = slow(10000, 40);

	(void)state;
	assert_int_equal(b->servers[0]->warmth, WARMTH_FULL);
	assert_int_equal(server_limit(b->servers[0]), 40);
	stop(b);
}

static void test_weight_and_limit_begin_small_when_it_comes_back(void **state)
{
	struct backend *b = slow(100000, 40);
	struct server *s = b->servers[0];

	(void)state;
	server_set_health(s, SERVER_DOWN, NULL);
	assert_int_equal(s->warmth, WARMTH_FULL);
	server_set_health(s, SERVER_UP, NULL);
	assert_int_equal(s->warmth, 1);
	assert_int_equal(server_weight_now(s), 7); /* 100 / 16, rounded up */
	assert_int_equal(server_limit(s), 3);
	assert_int_equal(b->maxconn[0], 3);
	assert_int_equal(b->servers[1]->warmth, WARMTH_FULL);
	stop(b);
}

static void test_a_limit_of_one_stays_one(void **state)
{
	struct backend *b = slow(100000, 1);
	struct server *s = b->servers[0];

	(void)state;
	server_set_health(s, SERVER_DOWN, NULL);
	server_set_health(s, SERVER_UP, NULL);
	assert_int_equal(server_limit(s), 1);
	stop(b);
}

static bool is_warm(void *server)
{
	return ((struct server *)server)->warmth == WARMTH_FULL;
}

static void test_it_becomes_warm_with_a_picker_for_each_step(void **state)
{
	struct backend *b = slow(80, 40);
	struct server *s = b->servers[0];
	unsigned built;

	(void)state;
	server_set_admin(s, SERVER_MAINT, 0);
	server_set_admin(s, 0, SERVER_MAINT);
	built = pickers_built;
	assert_int_equal(s->warmth, 1);
	assert_true(rig_until(is_warm, s));
	assert_in_range(pickers_built - built, 4, WARMTH_FULL - 1);
	assert_int_equal(server_limit(s), 40);
	assert_int_equal(b->maxconn[0], 40);
	stop(b);
}

static void test_one_that_goes_down_again_begins_anew(void **state)
{
	struct backend *b = slow(200, 40);
	struct server *s = b->servers[0];
	unsigned built;

	(void)state;
	server_set_health(s, SERVER_DOWN, NULL);
	server_set_health(s, SERVER_UP, NULL);
	rig_turn_for(60);
	assert_in_range(s->warmth, 2, 15);
	server_set_health(s, SERVER_DOWN, NULL);
	built = pickers_built;
	rig_turn_for(30);
	assert_int_equal(pickers_built, built);
	server_set_health(s, SERVER_UP, NULL);
	assert_int_equal(s->warmth, 1);
	stop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warmth_grows_in_equal_steps),
		cmocka_unit_test(test_a_server_starts_warm_with_the_process),
		cmocka_unit_test(test_weight_and_limit_begin_small_when_it_comes_back),
		cmocka_unit_test(test_a_limit_of_one_stays_one),
		cmocka_unit_test(test_it_becomes_warm_with_a_picker_for_each_step),
		cmocka_unit_test(test_one_that_goes_down_again_begins_anew),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
