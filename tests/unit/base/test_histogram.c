/* Tests of ballast/base/histogram.h. */
#include "ballast/base/histogram.h"

#include <pthread.h>
#include <string.h>

#include "../cmocka_all.h"

static struct histogram h;
static struct histogram_view view;

static int setup(void **state)
{
	(void)state;
	histogram_clear(&h);
	memset(&view, 0, sizeof(view));
	return 0;
}

static void test_buckets_are_in_order_without_gaps(void **state)
{
	unsigned previous = histogram_bucket(0);

	(void)state;
	assert_int_equal(previous, 0);
	for (uint64_t v = 1; v < 1000000; v++) {
		unsigned bucket = histogram_bucket(v);
		assert_true(bucket == previous || bucket == previous + 1);
		previous = bucket;
	}
	assert_int_equal(histogram_bucket(HISTOGRAM_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_each_value_is_reported_within_one_percent(void **state)
{
	(void)state;
	for (uint64_t v = 1; v < HISTOGRAM_MAX / 2; v += 1 + v / 1000) {
		setup(NULL);
		histogram_record(&h, v);
		histogram_record(&h, HISTOGRAM_MAX);
		histogram_merge(&view, &h);
		uint64_t got = histogram_percentile(&view, 50);
		uint64_t error = got > v ? got - v : v - got;
		assert_true(error * 100 <= v);
		assert_true(v >= 128 || error == 0);
	}
}

static void test_percentiles_of_a_range(void **state)
{
	(void)state;
	for (uint64_t v = 1; v <= 1000; v++)
		histogram_record(&h, v);
	histogram_merge(&view, &h);
	assert_int_equal(view.count, 1000);
	assert_int_equal(histogram_percentile(&view, 0), 1);
	assert_int_equal(histogram_percentile(&view, 0.1), 1);
	assert_int_equal(histogram_percentile(&view, 10), 100);
	assert_in_range(histogram_percentile(&view, 50), 495, 505);
	assert_in_range(histogram_percentile(&view, 99), 981, 999);
	assert_int_equal(histogram_percentile(&view, 100), 1000);
	assert_true(histogram_mean(&view) == 500.5);
}

static void test_an_empty_one_has_zeros(void **state)
{
	(void)state;
	histogram_merge(&view, &h);
	assert_int_equal(view.count, 0);
	assert_int_equal(histogram_percentile(&view, 99), 0);
	assert_true(histogram_mean(&view) == 0);
	assert_int_equal(histogram_count_to(&view, 1000), 0);
}

static void test_the_largest_value_is_exact_and_bounded(void **state)
{
	(void)state;
	histogram_record(&h, 123457);
	histogram_merge(&view, &h);
	assert_int_equal(histogram_percentile(&view, 50), 123457);
	assert_int_equal(view.max, 123457);
	histogram_record(&h, UINT64_MAX);
	histogram_merge(&view, &h);
	assert_int_equal(histogram_percentile(&view, 100), HISTOGRAM_MAX);
}

static void test_views_sum_several_histograms(void **state)
{
	static struct histogram second;

	(void)state;
	for (int i = 0; i < 10; i++)
		histogram_record(&h, 10);
	for (int i = 0; i < 30; i++)
		histogram_record(&second, 100);
	histogram_merge(&view, &h);
	histogram_merge(&view, &second);
	assert_int_equal(view.count, 40);
	assert_int_equal(view.sum, 3100);
	assert_int_equal(histogram_percentile(&view, 25), 10);
	assert_int_equal(histogram_percentile(&view, 26), 100);
}

static void test_values_up_to_a_bound_are_counted(void **state)
{
	(void)state;
	histogram_record(&h, 0);
	histogram_record(&h, 5);
	histogram_record(&h, 6);
	histogram_record(&h, 1000000);
	histogram_merge(&view, &h);
	assert_int_equal(histogram_count_to(&view, 0), 1);
	assert_int_equal(histogram_count_to(&view, 5), 2);
	assert_int_equal(histogram_count_to(&view, 900000), 3);
	assert_int_equal(histogram_count_to(&view, 1000000), 4);
	assert_int_equal(histogram_count_to(&view, UINT64_MAX), 4);
}

static void *record_many(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < 200000; i++)
		histogram_record(&h, i % 500);
	return NULL;
}

static void test_reading_while_another_thread_records(void **state)
{
	uint64_t last = 0;
	pthread_t writer;

	(void)state;
	pthread_create(&writer, NULL, record_many, NULL);
	for (int i = 0; i < 100; i++) {
		memset(&view, 0, sizeof(view));
		histogram_merge(&view, &h);
		assert_true(view.count >= last && histogram_percentile(&view, 99) < 500);
		last = view.count;
	}
	pthread_join(writer, NULL);
	memset(&view, 0, sizeof(view));
	histogram_merge(&view, &h);
	assert_int_equal(view.count, 200000);
}

#define CASE(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_buckets_are_in_order_without_gaps),
		CASE(test_each_value_is_reported_within_one_percent),
		CASE(test_percentiles_of_a_range),
		CASE(test_an_empty_one_has_zeros),
		CASE(test_the_largest_value_is_exact_and_bounded),
		CASE(test_views_sum_several_histograms),
		CASE(test_values_up_to_a_bound_are_counted),
		CASE(test_reading_while_another_thread_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
