/* Tests of src/balance/p2c.c, two.c and draw.h. */
#include "../cmocka_all.h"

#include "pick_reference.h"

enum { DRAWS = 200000 };

static int choose(const struct picker *p, const uint64_t *avoid)
{
	struct pick_thread t;
	struct pick_request r = { .thread = &t, .avoid = avoid };

	pick_thread_init(&t, 0);
	return pick_choose(p, &r);
}

static bool near(double value, double expected, double tolerance)
{
	return value > expected * (1 - tolerance) && value < expected * (1 + tolerance);
}

/* Both are always looked at: the loaded one never wins. */
static void test_of_two_servers_the_loaded_one_is_never_chosen(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 2);
	struct picker *p = farm_picker(&f, "p2c", 0, 1);
	f.load[1] = 1;
	for (int i = 0; i < 2000; i++)
		assert_int_equal(choose(p, NULL), 0);
	pick_free(p);
	farm_free(&f);
}

static void test_the_most_loaded_server_is_never_chosen(void **state)
{
	uint64_t seed = 91;
	struct farm f;

	(void)state;
	for (uint32_t count = 3; count < 100; count += count) {
		farm_make(&f, count);
		for (uint32_t i = 0; i < count; i++)
			f.weight[i] = (uint16_t)(count % 2 ? 1 + i % 3 : 1);
		struct picker *p = farm_picker(&f, "p2c", 0, 1);
		for (int round = 0; round < 20; round++) {
			uint32_t worst = roll(&seed, count);

			for (uint32_t i = 0; i < count; i++)
				f.load[i] = i == worst ? 1000 : roll(&seed, 50);
			for (int i = 0; i < 200; i++)
				assert_int_not_equal(choose(p, NULL), worst);
		}
		pick_free(p);
		farm_free(&f);
	}
}

/* With k-th least load of n a server wins against the n - k above it: 2 (n - k) / (n (n - 1)). */
static void test_every_pair_is_as_likely(void **state)
{
	enum { SERVERS = 7 };
	unsigned hits[SERVERS] = { 0 };
	struct farm f;

	(void)state;
	farm_make(&f, SERVERS);
	for (uint32_t i = 0; i < SERVERS; i++)
		f.load[i] = i;
	struct picker *p = farm_picker(&f, "p2c", 0, 1);
	for (int i = 0; i < DRAWS; i++)
		hits[choose(p, NULL)]++;
	for (uint32_t i = 0; i + 1 < SERVERS; i++)
		assert_true(near(hits[i], DRAWS * 2.0 * (SERVERS - 1 - i) / (SERVERS * (SERVERS - 1)), 0.06));
	assert_int_equal(hits[SERVERS - 1], 0);
	pick_free(p);
	farm_free(&f);
}

/* Loads that grow with each choice end in proportion to the weights, in every size class. */
static void test_loads_grow_by_weight(void **state)
{
	static const uint32_t counts[] = { 3, 10, 40 };
	struct farm f;

	(void)state;
	for (int c = 0; c < 3; c++) {
		farm_make(&f, counts[c]);
		uint32_t sum = 0;
		for (uint32_t i = 0; i < f.count; i++) {
			f.weight[i] = (uint16_t)(1 + i % 5);
			sum += f.weight[i];
		}
		struct picker *p = farm_picker(&f, "p2c", 0, 1);
		for (uint32_t i = 0; i < sum * 1000; i++)
			f.load[choose(p, NULL)]++;
		for (uint32_t i = 0; i < f.count; i++)
			assert_true(near(f.load[i], 1000.0 * f.weight[i], 0.02));
		pick_free(p);
		farm_free(&f);
	}
}

/* Unloaded servers are drawn by weight: of two, a first with w_a / W, else as second with w_a / (W - w_b). */
static void test_the_second_is_drawn_among_the_others_by_weight(void **state)
{
	unsigned hits[3] = { 0 };
	struct farm f;

	(void)state;
	farm_make(&f, 3);
	f.weight[0] = 1;
	f.weight[1] = 2;
	f.weight[2] = 3;
	/* Server 0 wins each pair that it is in, 2 none but where 0 and 1 are not. */
	f.load[1] = 1000;
	f.load[2] = 100000;
	struct picker *p = farm_picker(&f, "p2c", 0, 1);
	for (int i = 0; i < DRAWS; i++)
		hits[choose(p, NULL)]++;
	double drawn = 1.0 / 6 + 2.0 / 6 * 1 / 4 + 3.0 / 6 * 1 / 3;
	assert_true(near(hits[0], DRAWS * drawn, 0.02));
	assert_true(near(hits[1], DRAWS * (1 - drawn), 0.02));
	pick_free(p);
	farm_free(&f);
}

static void test_redispatch_takes_the_least_loaded_that_is_left(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 5);
	for (uint32_t i = 0; i < 5; i++)
		f.load[i] = i;
	struct picker *p = farm_picker(&f, "p2c", 0, 1);
	f.avoid[0] = 3;
	for (int i = 0; i < 100; i++)
		assert_int_equal(choose(p, f.avoid), 2);
	f.avoid[0] = 31;
	for (int i = 0; i < 100; i++)
		assert_int_not_equal(choose(p, f.avoid), 4);
	pick_free(p);
	farm_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_two_servers_the_loaded_one_is_never_chosen),
		cmocka_unit_test(test_the_most_loaded_server_is_never_chosen),
		cmocka_unit_test(test_every_pair_is_as_likely),
		cmocka_unit_test(test_loads_grow_by_weight),
		cmocka_unit_test(test_the_second_is_drawn_among_the_others_by_weight),
		cmocka_unit_test(test_redispatch_takes_the_least_loaded_that_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
