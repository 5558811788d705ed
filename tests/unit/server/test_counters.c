/* Tests of ballast/server/counters.h. */
#include "ballast/server/counters.h"

#include "../cmocka_all.h"

struct holder { /* counters lie inside other structs */
	int before;
	struct counters counters;
};

static void test_a_rate_is_that_of_the_last_whole_second(void **state)
{
	struct rate r = { 0 };

	(void)state;
	assert_int_equal(rate_read(&r, 100), 0);
	for (int i = 0; i < 5; i++)
		rate_count(&r, 100);
	assert_int_equal(rate_read(&r, 100), 0);
	assert_int_equal(rate_read(&r, 101), 5);
	assert_int_equal(rate_read(&r, 102), 0);
	rate_count(&r, 101);
	assert_int_equal(rate_read(&r, 101), 5);
	assert_int_equal(rate_read(&r, 102), 1);
	assert_int_equal(r.max, 5);
}

static void test_a_silent_second_counts_nothing(void **state)
{
	struct rate r = { 0 };

	(void)state;
	rate_count(&r, 100);
	rate_count(&r, 102);
	assert_int_equal(rate_read(&r, 102), 0);
	assert_int_equal(rate_read(&r, 103), 1);
}

static void test_sums_go_over_all_threads(void **state)
{
	static struct holder h[3];
	const struct counters *first = &h[0].counters;

	(void)state;
	for (int i = 0; i < 3; i++) {
		count_add(&h[i].counters, COUNT_REQ, 10u + (unsigned)i);
		count_current(&h[i].counters, 1);
		atomic_store(&h[i].counters.last_session_s, 50u - (unsigned)i);
		rate_count(&h[i].counters.req_rate, 7);
	}
	count_current(&h[1].counters, 1);
	count_current(&h[1].counters, -1);
	assert_int_equal(counters_sum(first, sizeof h[0], 3, COUNT_REQ), 33);
	assert_int_equal(counters_sum(first, sizeof h[0], 3, COUNT_BYTES_IN), 0);
	assert_int_equal(counters_current(first, sizeof h[0], 3), 3);
	assert_int_equal(counters_current_max(first, sizeof h[0], 3), 4);
	assert_int_equal(counters_last_session_s(first, sizeof h[0], 3), 50);
	assert_int_equal(counters_rate(first, sizeof h[0], 3, offsetof(struct counters, req_rate), 8), 3);
	assert_int_equal(counters_rate(first, sizeof h[0], 3, offsetof(struct counters, sess_rate), 8), 0);
	assert_int_equal(counters_rate_max(first, sizeof h[0], 3, offsetof(struct counters, req_rate)), 3);
}

static void test_nothing_sums_to_nothing(void **state)
{
	(void)state;
	assert_int_equal(counters_sum(NULL, 0, 4, COUNT_REQ), 0);
	assert_int_equal(counters_current(NULL, 0, 4), 0);
}

static void test_clear_keeps_what_is_there_now(void **state)
{
	static struct holder h[2];
	struct counters *first = &h[0].counters;

	(void)state;
	count_add(first, COUNT_REQ, 5);
	count_current(first, 1);
	count_current(first, 1);
	count_current(first, -1);
	rate_count(&first->sess_rate, 9);
	counters_clear(first, sizeof h[0], 2, false);
	assert_int_equal(counters_sum(first, sizeof h[0], 2, COUNT_REQ), 5);
	assert_int_equal(counters_current_max(first, sizeof h[0], 2), 1);
	assert_int_equal(counters_rate_max(first, sizeof h[0], 2, offsetof(struct counters, sess_rate)), 0);
	assert_int_equal(counters_rate(first, sizeof h[0], 2, offsetof(struct counters, sess_rate), 10), 1);
	counters_clear(first, sizeof h[0], 2, true);
	assert_int_equal(counters_sum(first, sizeof h[0], 2, COUNT_REQ), 0);
	assert_int_equal(counters_current(first, sizeof h[0], 2), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rate_is_that_of_the_last_whole_second),
		cmocka_unit_test(test_a_silent_second_counts_nothing),
		cmocka_unit_test(test_sums_go_over_all_threads),
		cmocka_unit_test(test_nothing_sums_to_nothing),
		cmocka_unit_test(test_clear_keeps_what_is_there_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
