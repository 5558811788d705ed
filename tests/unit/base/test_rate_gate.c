/* Tests of limits by the second (ballast/base/rate_gate.h). */
#include <pthread.h>

#include "ballast/base/rate_gate.h"

#include "../cmocka_all.h"

#define SECOND 1000000000ull

static void test_so_many_pass_in_a_second(void **state)
{
	struct rate_gate g = { 3, 0 };

	(void)state;
	for (uint64_t s = 5; s < 8; s++) {
		for (int i = 0; i < 3; i++)
			assert_true(rate_gate_pass(&g, s * SECOND + (uint64_t)i));
		assert_false(rate_gate_pass(&g, s * SECOND + 999999999));
	}
}

static void test_without_a_limit_all_pass(void **state)
{
	struct rate_gate g = { 0, 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(rate_gate_pass(&g, SECOND));
	rate_gate_set(&g, 1);
	assert_true(rate_gate_pass(&g, SECOND));
	assert_false(rate_gate_pass(&g, SECOND));
	rate_gate_set(&g, 2);
	assert_true(rate_gate_pass(&g, SECOND));
}

static void test_who_did_not_come_leaves_the_place(void **state)
{
	struct rate_gate g = { 1, 0 };

	(void)state;
	assert_true(rate_gate_pass(&g, SECOND));
	rate_gate_undo(&g, SECOND + 1);
	assert_true(rate_gate_pass(&g, SECOND + 2));
	rate_gate_undo(&g, 2 * SECOND); /* of another second: nothing to take back */
	assert_false(rate_gate_pass(&g, SECOND + 3));
	assert_true(rate_gate_pass(&g, 2 * SECOND));
	rate_gate_undo(&g, 2 * SECOND);
	rate_gate_undo(&g, 2 * SECOND);
	assert_true(rate_gate_pass(&g, 2 * SECOND));
	assert_false(rate_gate_pass(&g, 2 * SECOND));
}

static struct rate_gate shared = { 1000, 0 };
static _Atomic unsigned passed;

static void *pass_often(void *arg)
{
	for (int i = 0; i < 5000; i++)
		if (rate_gate_pass(&shared, 7 * SECOND))
			passed++;
	return arg;
}

static void test_threads_share_the_limit(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, pass_often, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(passed, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_so_many_pass_in_a_second),
		cmocka_unit_test(test_without_a_limit_all_pass),
		cmocka_unit_test(test_who_did_not_come_leaves_the_place),
		cmocka_unit_test(test_threads_share_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
