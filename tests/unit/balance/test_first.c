/* Tests of src/balance/first.c. */
#include "../cmocka_all.h"

#include "pick_reference.h"

static void choose_some(struct farm *f, uint64_t *seed)
{
	struct picker *p = farm_picker(f, "first", 0, 1);
	struct pick_thread t;

	pick_thread_init(&t, 0);
	for (int i = 0; i < 10 && p->usable > 1; i++) {
		bool with_avoid = roll(seed, 3) == 0;
		struct pick_request r = { .thread = &t, .avoid = with_avoid ? f->avoid : NULL };
		int slot = pick_choose(p, &r);

		assert_int_equal(slot, reference_first(f, with_avoid));
		f->load[slot]++;
		f->maxconn[roll(seed, f->count)] = roll(seed, 5);
	}
	pick_free(p);
}

static void shuffle_ids(struct farm *f, uint64_t *seed)
{
	for (uint32_t i = f->count - 1; i > 0; i--) {
		uint32_t j = roll(seed, i + 1), id = f->id[i];

		f->id[i] = f->id[j];
		f->id[j] = id;
	}
}

static void test_every_variant_chooses_as_the_reference(void **state)
{
	static const uint32_t counts[] = { 2, 3, 4, 5, 6, 8, 15, 16, 17, 33, 70, 150 };
	uint64_t seed = 51;
	struct farm f;

	(void)state;
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		for (uint32_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
			farm_make(&f, counts[i]);
			for (int round = 0; round < 60; round++) {
				farm_shake(&f, &seed);
				if (round == 40)
					shuffle_ids(&f, &seed);
				choose_some(&f, &seed);
			}
			farm_free(&f);
		}
	}
}

static void test_servers_fill_up_one_after_the_other(void **state)
{
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	farm_make(&f, 20);
	for (uint32_t i = 0; i < f.count; i++)
		f.maxconn[i] = 3;
	struct picker *p = farm_picker(&f, "first", 0, 1);
	pick_thread_init(&t, 0);
	for (uint32_t i = 0; i < 3 * f.count; i++) {
		int slot = pick_choose(p, &r);

		assert_int_equal(slot, i / 3);
		f.load[slot]++;
	}
	/* All full: the queues grow together. */
	for (uint32_t i = 0; i < f.count; i++) {
		int slot = pick_choose(p, &r);

		assert_int_equal(slot, i);
		f.load[slot]++;
	}
	f.load[4] = 2;
	assert_int_equal(pick_choose(p, &r), 4);
	pick_free(p);
	farm_free(&f);
}

static void test_the_lowest_id_comes_first_wherever_it_stands(void **state)
{
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	farm_make(&f, 6);
	for (uint32_t i = 0; i < f.count; i++) {
		f.id[i] = 100 - i;
		f.maxconn[i] = 1;
	}
	struct picker *p = farm_picker(&f, "first", 0, 1);
	pick_thread_init(&t, 0);
	for (uint32_t i = 0; i < f.count; i++) {
		int slot = pick_choose(p, &r);

		assert_int_equal(slot, 5 - i);
		f.load[slot]++;
	}
	pick_free(p);
	farm_free(&f);
}

static void test_without_limits_the_first_takes_all(void **state)
{
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	farm_make(&f, 40);
	f.load[0] = 1000000;
	pick_thread_init(&t, 0);
	struct picker *p = farm_picker(&f, "first", 0, 1);
	assert_int_equal(pick_choose(p, &r), 0);
	pick_free(p);
	struct pick_input in = farm_input(&f);
	in.maxconn = NULL;
	p = pick_build(pick_algorithm_find(SLICE("first")), 0, &in, 1);
	assert_int_equal(pick_choose(p, &r), 0);
	f.avoid[0] = 3;
	r.avoid = f.avoid;
	assert_int_equal(pick_choose(p, &r), 2);
	f.avoid[0] = UINT64_MAX;
	assert_int_equal(pick_choose(p, &r), 0);
	pick_free(p);
	farm_free(&f);
}

static void test_weights_do_not_count(void **state)
{
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	farm_make(&f, 5);
	f.weight[3] = 256;
	pick_thread_init(&t, 0);
	struct picker *p = farm_picker(&f, "first", 0, 1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(pick_choose(p, &r), 0);
	pick_free(p);
	farm_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_variant_chooses_as_the_reference),
		cmocka_unit_test(test_servers_fill_up_one_after_the_other),
		cmocka_unit_test(test_the_lowest_id_comes_first_wherever_it_stands),
		cmocka_unit_test(test_without_limits_the_first_takes_all),
		cmocka_unit_test(test_weights_do_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
