/* Tests of outlier ejection and of retry budgets (src/server/outlier.c, retry_budget.c) with a clock of the tests' own. */
#include "ballast/server/outlier.h"
#include "ballast/server/retry_budget.h"
#include "rig.h"

static struct backend *b;
static uint64_t now;

static const struct outlier_settings usual = { .on = true,
	.errors_percent = 20,
	.latency_percent = 300,
	.latency_floor_ms = 50,
	.over_ms = 10000,
	.min = 10,
	.every_ms = 1000,
	.for_ms = 30000,
	.up_to_ms = 70000,
	.max_percent = 50 };

static void start(unsigned servers, const struct outlier_settings *set)
{
	now = 1000000;
	b = rig_backend(servers, 1);
	b->mode = MODE_HTTP;
	b->set.outlier = *set;
	assert_int_equal(backend_start(b, 1), 0);
	rig_logged();
}

static int begin(void **state)
{
	(void)state;
	start(4, &usual);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_drop(b);
	return 0;
}

static void results(unsigned server, unsigned good, unsigned bad, uint32_t latency_us)
{
	struct server_result r = { .outcome = OUTCOME_ANSWERED,
		.status = 200,
		.measured = true,
		.latency_us = latency_us,
		.now_ms = now };

	while (good--)
		server_report(b->servers[server], &r);
	r.status = 500;
	while (bad--)
		server_report(b->servers[server], &r);
}

static bool is_ejected(unsigned server)
{
	return !server_usable(b->servers[server]);
}

static void pass(uint32_t ms)
{
	now += ms;
	outliers_tick(b, now);
}

static void test_far_above_the_peers_median_is_out(void **state)
{
	(void)state;
	results(0, 99, 1, 1000);
	results(1, 98, 2, 1000);
	results(2, 77, 23, 1000);
	results(3, 100, 0, 1000);
	pass(0);
	assert_false(is_ejected(0) || is_ejected(1) || is_ejected(3));
	assert_true(is_ejected(2));
	assert_non_null(strstr(rig_logged(),
		"<132>Server app/s3 is ejected as an outlier for 30s, reason: 23% of its requests failed in the last "
		"10s, its peers' median is 1%. 3 active and 0 backup servers left."));
	assert_int_equal(outliers_ejected(b), 1);
}

static void test_a_little_above_it_stays(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		results(i, 90, 10, 1000);
	results(3, 71, 29, 1000);
	pass(0);
	assert_false(is_ejected(3));
}

static void test_two_servers_are_no_peers(void **state)
{
	(void)state;
	results(0, 100, 0, 1000);
	results(1, 0, 100, 1000);
	pass(0);
	assert_false(is_ejected(1));
	results(2, 100, 0, 1000);
	pass(1000);
	assert_true(is_ejected(1));
}

static void test_who_had_too_few_requests_is_not_judged(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		results(i, 100, 0, 1000);
	results(3, 0, 9, 1000);
	pass(0);
	assert_false(is_ejected(3));
	results(3, 0, 1, 1000);
	pass(1000);
	assert_true(is_ejected(3));
}

static void test_much_slower_than_the_peers_is_out_above_the_floor(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		results(i, 20, 0, 10000);
	results(3, 20, 0, 49000);
	pass(0);
	assert_false(is_ejected(3));
	results(3, 20, 0, 60000);
	pass(1000);
	assert_true(is_ejected(3));
	assert_non_null(strstr(rig_logged(),
		"reason: answers took 54.5ms in the mean of the last 10s, its peers' median is 10.0ms"));
}

static void test_the_worst_go_first_and_the_cap_holds(void **state)
{
	struct outlier_settings set = usual;

	(void)state;
	rig_drop(b);
	set.max_percent = 40; /* two of six */
	start(6, &set);
	for (unsigned i = 0; i < 3; i++)
		results(i, 100, 0, 1000);
	results(3, 60, 40, 1000);
	results(4, 10, 90, 1000);
	results(5, 50, 50, 1000);
	pass(0);
	assert_true(is_ejected(4) && is_ejected(5));
	assert_false(is_ejected(3));
}

static void test_one_may_be_ejected_whatever_the_cap(void **state)
{
	struct outlier_settings set = usual;

	(void)state;
	rig_drop(b);
	set.max_percent = 1;
	start(4, &set);
	results(0, 100, 0, 1000);
	results(1, 100, 0, 1000);
	results(2, 0, 100, 1000);
	results(3, 0, 90, 1000);
	pass(0);
	assert_int_equal(outliers_ejected(b), 1);
}

static void fail_again(void)
{
	for (unsigned i = 0; i < 3; i++)
		results(i, 100, 0, 1000);
	results(3, 0, 100, 1000);
	pass(1000);
	assert_true(is_ejected(3));
}

static void test_each_ejection_takes_longer_up_to_the_most(void **state)
{
	static const uint32_t times[] = { 30000, 60000, 70000, 70000 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		fail_again();
		pass(times[i] - 1);
		assert_true(is_ejected(3));
		pass(1);
		assert_false(is_ejected(3));
	}
	assert_int_equal(b->servers[3]->outlier->ejections, 4);
}

static void test_good_conduct_makes_the_next_ejection_shorter(void **state)
{
	(void)state;
	fail_again();
	pass(30000);
	pass(30000); /* one step less: none */
	fail_again();
	pass(30000);
	assert_false(is_ejected(3));
}

static void test_after_an_ejection_it_is_judged_anew(void **state)
{
	(void)state;
	fail_again();
	for (unsigned i = 0; i < 30; i++) {
		results(3, 0, 10, 1000);
		pass(1000);
	}
	assert_false(is_ejected(3));
	pass(1000);
	assert_false(is_ejected(3));
}

static void test_a_server_that_is_down_is_not_judged(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		results(i, 100, 0, 1000);
	results(3, 0, 100, 1000);
	server_set_health(b->servers[3], SERVER_DOWN, NULL);
	pass(0);
	assert_int_equal(outliers_ejected(b), 0);
}

/* --- retry budget --- */

static void start_budget(uint32_t percent, uint32_t min)
{
	rig_drop(b);
	now = 1000000;
	b = rig_backend(1, 1);
	b->set.retry_budget =
		(struct retry_budget_settings){ .on = true, .percent = percent, .min = min, .over_ms = 10000 };
	assert_int_equal(backend_start(b, 2), 0);
	rig_logged();
}

static unsigned retries_granted(unsigned wanted)
{
	unsigned n = 0;

	for (unsigned i = 0; i < wanted; i++)
		n += retry_budget_take(b, i % 2, now);
	return n;
}

static void requests(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		retry_budget_count_request(b->retry_budget, i % 2, now);
}

static void test_the_least_is_always_there(void **state)
{
	(void)state;
	start_budget(20, 3);
	assert_int_equal(retries_granted(10), 3);
	requests(10);
	assert_int_equal(retries_granted(10), 0);
}

static void test_retries_are_a_share_of_the_requests_of_all_threads(void **state)
{
	(void)state;
	start_budget(20, 3);
	requests(100);
	assert_int_equal(retries_granted(100), 20);
	assert_int_equal(counters_sum(b->counters, sizeof b->counters[0], 2, COUNT_RETRIES_REFUSED), 80);
}

static void test_the_budget_fills_again_with_time(void **state)
{
	(void)state;
	start_budget(20, 3);
	requests(100);
	assert_int_equal(retries_granted(100), 20);
	now += 10000;
	assert_int_equal(retries_granted(100), 3);
}

static void test_that_it_is_used_up_is_told_once_in_its_time(void **state)
{
	(void)state;
	start_budget(0, 1);
	retries_granted(50);
	assert_string_equal(rig_logged(),
		"<132>backend app has used up its retry budget: 1 retries for 0 requests in the last 10s, where 1 are "
		"allowed; failures are answered\n");
	now += 9999;
	retries_granted(5);
	assert_string_equal(rig_logged(), "");
	now += 1;
	retries_granted(5);
	assert_non_null(strstr(rig_logged(), "used up"));
}

static void test_without_a_budget_all_is_granted(void **state)
{
	(void)state;
	assert_int_equal(retries_granted(1000), 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_far_above_the_peers_median_is_out),
		T(test_a_little_above_it_stays),
		T(test_two_servers_are_no_peers),
		T(test_who_had_too_few_requests_is_not_judged),
		T(test_much_slower_than_the_peers_is_out_above_the_floor),
		T(test_the_worst_go_first_and_the_cap_holds),
		T(test_one_may_be_ejected_whatever_the_cap),
		T(test_each_ejection_takes_longer_up_to_the_most),
		T(test_good_conduct_makes_the_next_ejection_shorter),
		T(test_after_an_ejection_it_is_judged_anew),
		T(test_a_server_that_is_down_is_not_judged),
		T(test_the_least_is_always_there),
		T(test_retries_are_a_share_of_the_requests_of_all_threads),
		T(test_the_budget_fills_again_with_time),
		T(test_that_it_is_used_up_is_told_once_in_its_time),
		T(test_without_a_budget_all_is_granted),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
