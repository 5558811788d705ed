/* Tests of src/balance/random.c.  Its numbers cannot be foreseen, so shares are judged by chi-square with a
 * threshold that chance passes once in about 10^7 runs. */
#include "../cmocka_all.h"

#include <errno.h>
#include <math.h>

#include "pick_reference.h"

/* Wilson and Hilferty: a chi-square of k degrees of freedom as a standard normal deviate. */
static double deviate(double chi_square, double k)
{
	return (cbrt(chi_square / k) - (1 - 2 / (9 * k))) / sqrt(2 / (9 * k));
}

/* `shares[slot]` need not sum up to 1; 0: never. */
static void check_shares(const struct farm *f, const double *shares, int64_t draws, const uint64_t *avoid)
{
	uint32_t rounds = 400 * f->count + 20000, kinds = 0;
	double sum = 0, chi_square = 0;
	uint32_t *hits = calloc(f->count, sizeof(*hits));
	struct picker *p = farm_picker(f, "random", draws, 1);
	struct pick_thread t;

	pick_thread_init(&t, 0);
	for (uint32_t i = 0; i < rounds; i++) {
		struct pick_request r = { .thread = &t, .avoid = avoid };

		hits[pick_choose(p, &r)]++;
	}
	for (uint32_t i = 0; i < f->count; i++)
		sum += shares[i];
	for (uint32_t i = 0; i < f->count; i++) {
		double expected = rounds * shares[i] / sum;

		if (shares[i] == 0) {
			assert_int_equal(hits[i], 0);
			continue;
		}
		chi_square += (hits[i] - expected) * (hits[i] - expected) / expected;
		kinds++;
	}
	assert_true(fabs(deviate(chi_square, kinds - 1)) < 5.2);
	free(hits);
	pick_free(p);
}

static void test_shares_follow_the_weights_in_every_size_class(void **state)
{
	static const uint32_t counts[] = { 2, 3, 4, 5, 11, 16, 17, 100, 400 };
	struct farm f;

	(void)state;
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		for (uint32_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
			double *shares = calloc(counts[c], sizeof(*shares));

			farm_make(&f, counts[c]);
			for (uint32_t i = 0; i < f.count; i++)
				shares[i] = f.weight[i] = (uint16_t)(1 + i * 5 % 9);
			check_shares(&f, shares, 1, NULL);
			/* Idle servers are equals: a second draw changes nothing. */
			check_shares(&f, shares, 2, NULL);
			for (uint32_t i = 0; i < f.count; i++)
				shares[i] = f.weight[i] = 3;
			check_shares(&f, shares, 1, NULL);
			farm_free(&f);
			free(shares);
		}
	}
}

static void test_the_busiest_loses_every_draw_against_another(void **state)
{
	/* Drawn twice from n equals: all but the busiest tie; the busiest is left with both draws its own. */
	double shares[5];
	struct farm f;

	(void)state;
	farm_make(&f, 5);
	f.load[3] = 1;
	for (int i = 0; i < 5; i++)
		shares[i] = i == 3 ? 1.0 / 25 : 24.0 / 25 / 4;
	check_shares(&f, shares, 2, NULL);
	check_shares(&f, shares, 0, NULL);
	for (int i = 0; i < 5; i++)
		shares[i] = i == 3 ? 1.0 / 125 : 124.0 / 125 / 4;
	check_shares(&f, shares, 3, NULL);
	farm_free(&f);
}

static void test_load_counts_in_proportion_to_weight(void **state)
{
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };
	unsigned heavy = 0;

	(void)state;
	farm_make(&f, 2);
	f.weight[1] = 10;
	f.load[0] = 2;
	f.load[1] = 10;
	struct picker *p = farm_picker(&f, "random", 1000, 1);
	pick_thread_init(&t, 0);
	for (int i = 0; i < 100; i++)
		heavy += pick_choose(p, &r) == 1;
	assert_int_equal(heavy, 100);
	pick_free(p);
	farm_free(&f);
}

static void test_redispatch_keeps_the_weights_of_the_others(void **state)
{
	double shares[30];
	struct farm f;

	(void)state;
	farm_make(&f, 30);
	for (uint32_t i = 0; i < 30; i++) {
		f.weight[i] = (uint16_t)(1 + i % 7);
		shares[i] = i % 3 == 1 ? 0 : f.weight[i];
		if (shares[i] == 0)
			f.avoid[0] |= (uint64_t)1 << i;
	}
	check_shares(&f, shares, 2, f.avoid);
	farm_free(&f);
}

static void test_two_draws_balance_better_than_one(void **state)
{
	uint32_t most[3];
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	pick_thread_init(&t, 0);
	for (int64_t draws = 1; draws <= 2; draws++) {
		farm_make(&f, 1000);
		struct picker *p = farm_picker(&f, "random", draws, 1);

		for (uint32_t i = 0; i < 10 * f.count; i++)
			f.load[pick_choose(p, &r)]++;
		most[draws] = 0;
		for (uint32_t i = 0; i < f.count; i++)
			most[draws] = f.load[i] > most[draws] ? f.load[i] : most[draws];
		pick_free(p);
		farm_free(&f);
	}
	assert_in_range(most[2], 11, 14);
	assert_in_range(most[1], 18, 60);
}

static void test_the_number_of_draws_is_parsed(void **state)
{
	const struct pick_algorithm *a = pick_algorithm_find(SLICE("random"));
	static const char *const wrong[] = { "", "0", "-1", "1001", "two", "2 ", "99999999999999999999" };
	const char *why = NULL;
	int64_t draws = 0;

	(void)state;
	assert_int_equal(a->args_max, 1);
	assert_int_equal(a->parse(NULL, &draws, &why), 0);
	assert_int_equal(draws, 2);
	assert_int_equal(a->parse("1", &draws, &why), 0);
	assert_int_equal(draws, 1);
	assert_int_equal(a->parse("1000", &draws, &why), 0);
	assert_int_equal(draws, 1000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		why = NULL;
		assert_int_equal(a->parse(wrong[i], &draws, &why), -EINVAL);
		assert_non_null(why);
	}
}

/* `hash-balance-factor`: one draw does not look at loads, the bound does. */
static void test_a_balance_factor_keeps_loads_below_their_bound(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 6);
	f.weight[4] = 3;
	struct pick_input in = farm_input(&f);
	in.balance_factor = 110;
	struct picker *p = pick_build(pick_algorithm_find(SLICE("random")), 1, &in, 1);
	for (uint32_t n = 0; n < 5000; n++) {
		struct pick_thread t;
		struct pick_request r = { .thread = &t };
		int slot = pick_choose(p, &r);

		f.load[slot]++;
		/* ceil(1.1 * (n + 1) * weight / 8) */
		assert_true(f.load[slot] <= (110 * (n + 1) * f.weight[slot] + 799) / 800);
	}
	f.avoid[0] = 0x2f;
	for (int i = 0; i < 100; i++) {
		struct pick_thread t;
		struct pick_request r = { .thread = &t, .avoid = f.avoid };

		assert_int_equal(pick_choose(p, &r), 4);
	}
	pick_free(p);
	farm_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_follow_the_weights_in_every_size_class),
		cmocka_unit_test(test_the_busiest_loses_every_draw_against_another),
		cmocka_unit_test(test_load_counts_in_proportion_to_weight),
		cmocka_unit_test(test_redispatch_keeps_the_weights_of_the_others),
		cmocka_unit_test(test_two_draws_balance_better_than_one),
		cmocka_unit_test(test_the_number_of_draws_is_parsed),
		cmocka_unit_test(test_a_balance_factor_keeps_loads_below_their_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
