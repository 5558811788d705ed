/* Tests of counts over the last while (src/server/window.c). */
#include <pthread.h>

#include "ballast/server/window.h"

#include "../cmocka_all.h"

enum { OVER_MS = 1600, SLOT_MS = 100, START_MS = 10000000 };

static struct window w;

static int fresh(void **state)
{
	(void)state;
	window_init(&w, OVER_MS);
	return 0;
}

static void assert_pair(uint64_t at, uint64_t total, uint64_t bad)
{
	struct window_pair p = window_pair(&w, at);

	assert_int_equal(p.total, total);
	assert_int_equal(p.bad, bad);
}

static void test_a_new_window_is_empty_at_any_time(void **state)
{
	(void)state;
	assert_pair(0, 0, 0);
	assert_pair(START_MS, 0, 0);
	assert_int_equal(window_sum(&w, 1), 0);
}

static void test_counts_add_up_over_slots(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WINDOW_BUCKETS; i++)
		window_count(&w, START_MS + i * SLOT_MS, 2, i % 2);
	assert_pair(START_MS + (WINDOW_BUCKETS - 1) * SLOT_MS, 2 * WINDOW_BUCKETS, WINDOW_BUCKETS / 2);
}

static void test_what_is_older_than_the_window_no_longer_counts(void **state)
{
	(void)state;
	window_count(&w, START_MS, 5, 5);
	assert_pair(START_MS + OVER_MS - 1, 5, 5);
	assert_pair(START_MS + OVER_MS, 0, 0);
	window_count(&w, START_MS + OVER_MS, 1, 0);
	assert_pair(START_MS + OVER_MS, 1, 0);
}

static void test_time_moves_one_slot_out_at_once(void **state)
{
	(void)state;
	window_count(&w, START_MS, 1, 1);
	window_count(&w, START_MS + SLOT_MS, 10, 0);
	assert_pair(START_MS + OVER_MS, 10, 0);
}

static void test_a_thread_whose_clock_is_a_little_behind_counts_in_its_own_slot(void **state)
{
	(void)state;
	window_count(&w, START_MS + SLOT_MS, 1, 0);
	window_count(&w, START_MS + SLOT_MS - 1, 1, 1);
	assert_pair(START_MS + SLOT_MS, 2, 1);
}

static void test_a_full_bucket_keeps_its_share(void **state)
{
	enum { MOST = (1 << 20) - 1 };

	(void)state;
	window_count(&w, START_MS, MOST, MOST / 2);
	window_count(&w, START_MS, 1, 1);
	assert_pair(START_MS, MOST, MOST / 2);
}

static void test_amounts_add_up_and_are_capped(void **state)
{
	(void)state;
	window_add(&w, START_MS, 1000000);
	window_add(&w, START_MS + SLOT_MS, 2000000);
	assert_int_equal(window_sum(&w, START_MS + SLOT_MS), 3000000);
	window_add(&w, START_MS + 2 * SLOT_MS, UINT64_MAX);
	assert_int_equal(window_sum(&w, START_MS + 2 * SLOT_MS), 3000000 + (((uint64_t)1 << 40) - 1));
}

static void test_the_number_of_a_slot_may_wrap(void **state)
{
	uint64_t wrap = ((uint64_t)1 << 24) * SLOT_MS;

	(void)state;
	window_count(&w, wrap - 1, 3, 1);
	window_count(&w, wrap, 3, 1);
	assert_pair(wrap, 6, 2);
	assert_pair(wrap + OVER_MS - 1, 3, 1);
}

static void test_the_shortest_window_has_slots_of_a_millisecond(void **state)
{
	(void)state;
	window_init(&w, 1);
	window_count(&w, START_MS, 1, 0);
	assert_pair(START_MS + WINDOW_BUCKETS, 0, 0);
}

static void test_percent_of_none_is_none(void **state)
{
	(void)state;
	assert_int_equal(window_percent((struct window_pair){ 0, 0 }), 0);
	assert_int_equal(window_percent((struct window_pair){ 3, 2 }), 66);
}

enum { THREADS = 4, COUNTS = 50000 };

static void *count_many(void *arg)
{
	uint64_t at = START_MS;

	(void)arg;
	for (unsigned i = 0; i < COUNTS; i++)
		window_count(&w, at + i % WINDOW_BUCKETS * SLOT_MS, 1, i & 1);
	return NULL;
}

static void test_threads_lose_no_count(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_many, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_pair(START_MS + (WINDOW_BUCKETS - 1) * SLOT_MS, THREADS * COUNTS, THREADS * COUNTS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_new_window_is_empty_at_any_time, fresh),
		cmocka_unit_test_setup(test_counts_add_up_over_slots, fresh),
		cmocka_unit_test_setup(test_what_is_older_than_the_window_no_longer_counts, fresh),
		cmocka_unit_test_setup(test_time_moves_one_slot_out_at_once, fresh),
		cmocka_unit_test_setup(test_a_thread_whose_clock_is_a_little_behind_counts_in_its_own_slot, fresh),
		cmocka_unit_test_setup(test_a_full_bucket_keeps_its_share, fresh),
		cmocka_unit_test_setup(test_amounts_add_up_and_are_capped, fresh),
		cmocka_unit_test_setup(test_the_number_of_a_slot_may_wrap, fresh),
		cmocka_unit_test_setup(test_the_shortest_window_has_slots_of_a_millisecond, fresh),
		cmocka_unit_test_setup(test_percent_of_none_is_none, fresh),
		cmocka_unit_test_setup(test_threads_lose_no_count, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
