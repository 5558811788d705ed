/* Rates over a sliding period. */
#include "../cmocka_all.h"

#include "ballast/table/rate.h"

static void test_events_of_the_present_period_count_in_full(void **state)
{
	struct table_rate r = { .start_ms = 1000 };

	(void)state;
	table_rate_add(&r, 1000, 1000, 1);
	table_rate_add(&r, 1000, 1999, 2);
	assert_int_equal(table_rate_value(&r, 1000, 1999), 3);
}

static void test_the_period_before_counts_for_what_the_window_covers(void **state)
{
	struct table_rate r = { .start_ms = 1000 };

	(void)state;
	table_rate_add(&r, 1000, 1000, 10);
	assert_int_equal(table_rate_value(&r, 1000, 2000), 10);
	assert_int_equal(table_rate_value(&r, 1000, 2500), 5);
	assert_int_equal(table_rate_value(&r, 1000, 2900), 1);
	table_rate_add(&r, 1000, 2500, 4);
	assert_int_equal(table_rate_value(&r, 1000, 2500), 9);
	assert_int_equal(table_rate_value(&r, 1000, 3000), 4);
}

static void test_nothing_is_left_after_two_periods(void **state)
{
	struct table_rate r = { .start_ms = 1000 };

	(void)state;
	table_rate_add(&r, 1000, 1000, 10);
	assert_int_equal(table_rate_value(&r, 1000, 3000), 0);
	assert_int_equal(table_rate_value(&r, 1000, 500000), 0);
	table_rate_add(&r, 1000, 500000, 2);
	assert_int_equal(table_rate_value(&r, 1000, 500000), 2);
}

static void test_clock_that_is_a_little_behind_does_no_harm(void **state)
{
	struct table_rate r = { .start_ms = 1000 };

	(void)state;
	table_rate_add(&r, 1000, 990, 3);
	assert_int_equal(table_rate_value(&r, 1000, 985), 3);
	assert_int_equal(table_rate_value(&r, 1000, 1500), 3);
}

static void test_clock_may_wrap_around(void **state)
{
	struct table_rate r = { .start_ms = UINT32_MAX - 499 };

	(void)state;
	table_rate_add(&r, 1000, UINT32_MAX - 499, 8);
	assert_int_equal(table_rate_value(&r, 1000, 499), 8);
	assert_int_equal(table_rate_value(&r, 1000, 1000), 4);
}

static void test_counts_do_not_overflow(void **state)
{
	struct table_rate r = { .start_ms = 0 };

	(void)state;
	table_rate_add(&r, 1000, 0, UINT32_MAX);
	table_rate_add(&r, 1000, 1, UINT64_C(1) << 33);
	assert_int_equal(table_rate_value(&r, 1000, 1), UINT32_MAX);
}

static void test_set_rate_reads_as_such_and_fades(void **state)
{
	struct table_rate r;

	(void)state;
	table_rate_set(&r, 5000, 100);
	assert_int_equal(table_rate_value(&r, 1000, 5000), 100);
	assert_int_equal(table_rate_value(&r, 1000, 5250), 75);
	assert_int_equal(table_rate_value(&r, 1000, 6000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_of_the_present_period_count_in_full),
		cmocka_unit_test(test_the_period_before_counts_for_what_the_window_covers),
		cmocka_unit_test(test_nothing_is_left_after_two_periods),
		cmocka_unit_test(test_clock_that_is_a_little_behind_does_no_harm),
		cmocka_unit_test(test_clock_may_wrap_around),
		cmocka_unit_test(test_counts_do_not_overflow),
		cmocka_unit_test(test_set_rate_reads_as_such_and_fades),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
