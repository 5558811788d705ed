/* Tests of src/balance/leastconn.c. */
#include "../cmocka_all.h"

#include <math.h>

#include "pick_reference.h"

/* Where the weights have no small common multiple, loads that differ by less than 1 in 2^15 may count as equal. */
static void check_choice(const struct farm *f, int chosen, int expected)
{
	if (chosen == expected)
		return;
	assert_true(chosen >= 0 && expected >= 0);
	double a = (double)f->load[chosen] / f->weight[chosen], b = (double)f->load[expected] / f->weight[expected];
	assert_true(a > b && a <= b * (1 + 1.0 / 32768));
}

static void choose_some(struct farm *f, uint64_t *seed)
{
	struct picker *p = farm_picker(f, "leastconn", 0, 1);
	struct pick_thread t;

	pick_thread_init(&t, 0);
	for (int i = 0; i < 10 && p->usable > 1; i++) {
		bool with_avoid = roll(seed, 4) == 0;
		struct pick_request r = { .thread = &t, .avoid = with_avoid ? f->avoid : NULL };

		/* The thread's first choice sets its turn; later ones are compared. */
		uint32_t turn = t.turn;
		int slot = pick_choose(p, &r);
		if (i > 0 || turn == 0)
			check_choice(f, slot, reference_leastconn(f, i > 0 ? turn : 0, with_avoid));
		f->load[slot]++;
		f->load[roll(seed, f->count)] = roll(seed, 3);
		t.turn = roll(seed, 3) ? t.turn : roll(seed, f->count + 5);
	}
	pick_free(p);
}

static void test_every_variant_chooses_as_the_reference(void **state)
{
	static const uint32_t counts[] = { 2, 3, 4, 5, 8, 15, 16, 17, 18, 23, 32, 33, 63, 64, 65, 100, 257 };
	uint64_t seed = 41;
	struct farm f;

	(void)state;
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		for (uint32_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
			farm_make(&f, counts[i]);
			for (int round = 0; round < 60; round++) {
				farm_shake(&f, &seed);
				choose_some(&f, &seed);
			}
			farm_free(&f);
		}
	}
}

/* Few servers in use, far apart: their slots reach over more than their size class. */
static void test_few_servers_in_use_of_a_large_farm(void **state)
{
	uint64_t seed = 43;
	struct farm f;

	(void)state;
	farm_make(&f, 500);
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		for (int round = 0; round < 60; round++) {
			uint32_t up = 1 + roll(&seed, 20);

			farm_shake(&f, &seed);
			for (uint32_t i = 0; i < f.count; i++)
				f.usable[i] = f.backup[i] = false;
			for (uint32_t i = 0; i < up; i++)
				f.usable[roll(&seed, f.count)] = true;
			choose_some(&f, &seed);
		}
	}
	farm_free(&f);
}

static void test_equals_share_evenly(void **state)
{
	static const uint32_t counts[] = { 2, 3, 4, 7, 16, 40, 333 };
	struct farm f;
	struct pick_thread t;

	(void)state;
	for (uint32_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
		uint32_t n = counts[c];

		farm_make(&f, n);
		unsigned *hits = calloc(n, sizeof(*hits));
		/* One server is busier than the rest, so the equals have a gap. */
		f.load[n / 2] = 1;
		struct picker *p = farm_picker(&f, "leastconn", 0, 1);
		pick_thread_init(&t, 0);
		for (uint32_t i = 0; i < 10 * (n - 1); i++) {
			struct pick_request r = { .thread = &t };

			hits[pick_choose(p, &r)]++;
		}
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(hits[i], i == n / 2 ? 0 : 10);
		free(hits);
		pick_free(p);
		farm_free(&f);
	}
}

/* Requests that never end: the loads grow in proportion to the weights. */
static void test_loads_grow_in_proportion_to_the_weights(void **state)
{
	static const uint32_t counts[] = { 2, 4, 6, 16, 50 };
	struct farm f;
	struct pick_thread t;

	(void)state;
	for (uint32_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
		farm_make(&f, counts[c]);
		for (uint32_t i = 0; i < f.count; i++)
			f.weight[i] = (uint16_t)(1 + i * 13 % 100);
		struct picker *p = farm_picker(&f, "leastconn", 0, 1);

		pick_thread_init(&t, 0);
		for (uint32_t i = 0; i < 20 * p->total_weight; i++) {
			struct pick_request r = { .thread = &t };

			f.load[pick_choose(p, &r)]++;
		}
		for (uint32_t i = 0; i < f.count; i++)
			assert_true(fabs((double)f.load[i] - 20.0 * f.weight[i]) <= 1);
		pick_free(p);
		farm_free(&f);
	}
}

static void test_loads_may_change_while_a_snapshot_lives(void **state)
{
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	farm_make(&f, 30);
	for (uint32_t i = 0; i < f.count; i++)
		f.load[i] = 10;
	struct picker *p = farm_picker(&f, "leastconn", 0, 1);
	pick_thread_init(&t, 0);
	for (uint32_t i = 0; i < f.count; i++) {
		f.load[i] = 9;
		assert_int_equal(pick_choose(p, &r), i);
		f.load[i] = 0x90000000u;
	}
	pick_free(p);
	farm_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_variant_chooses_as_the_reference),
		cmocka_unit_test(test_few_servers_in_use_of_a_large_farm),
		cmocka_unit_test(test_equals_share_evenly),
		cmocka_unit_test(test_loads_grow_in_proportion_to_the_weights),
		cmocka_unit_test(test_loads_may_change_while_a_snapshot_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
