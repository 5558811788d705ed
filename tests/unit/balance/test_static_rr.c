/* Tests of src/balance/static_rr.c: the search among cumulative weights, and the walk over them. */
#include "../cmocka_all.h"

#include "pick_reference.h"

/* A whole turn: the owner of each place is that of the reference, and no place is met twice. */
static void check_turn(const struct farm *f)
{
	struct picker *p = farm_picker(f, "static-rr", 0, 1);
	bool *met = calloc(p->units + 1, sizeof(*met));
	struct pick_thread t;

	pick_thread_init(&t, 0);
	for (uint32_t i = 0; p->usable > 1 && i < p->units; i++) {
		struct pick_request r = { .thread = &t };
		uint32_t place = (uint32_t)t.position;

		assert_true(place < p->units && !met[place]);
		met[place] = true;
		/* The reference is slow: not every place of a large turn. */
		int slot = pick_choose(p, &r);
		if (p->units < 25000 || i % 37 == 0)
			assert_int_equal(slot, reference_range(f, place));
	}
	free(met);
	pick_free(p);
}

static void test_each_place_belongs_to_its_range_in_every_size_class(void **state)
{
	static const uint32_t counts[] = { 2, 3, 4, 5, 15, 16, 17, 33, 100, 350 };
	uint64_t seed = 31;
	struct farm f;

	(void)state;
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		for (uint32_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
			farm_make(&f, counts[i]);
			for (int round = 0; round < 6; round++) {
				farm_shake(&f, &seed);
				check_turn(&f);
			}
			farm_free(&f);
		}
	}
}

/* Hundreds of light servers in one entry of the guide. */
static void test_crowds_of_light_servers_beside_heavy_ones_are_found(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 500);
	for (uint32_t i = 0; i < f.count; i++)
		f.weight[i] = i % 100 == 99 ? 4096 : 1;
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++)
		if (pick_simd_force((enum simd_level)level))
			check_turn(&f);
	farm_free(&f);
}

static void test_equal_servers_follow_in_order(void **state)
{
	struct farm f;
	struct pick_thread t;

	(void)state;
	for (uint32_t count = 2; count < 100; count += 7) {
		farm_make(&f, count);
		struct picker *p = farm_picker(&f, "static-rr", 0, 1);

		pick_thread_init(&t, 0);
		for (uint32_t i = 0; i < 3 * count; i++) {
			struct pick_request r = { .thread = &t };

			assert_int_equal(pick_choose(p, &r), i % count);
		}
		pick_free(p);
		farm_free(&f);
	}
}

static void test_a_heavy_server_is_not_served_in_one_run(void **state)
{
	uint32_t run = 0, longest = 0;
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 3);
	f.weight[0] = 100;
	f.weight[1] = f.weight[2] = 50;
	f.weight[2]--;
	struct picker *p = farm_picker(&f, "static-rr", 0, 1);
	pick_thread_init(&t, 0);
	for (uint32_t i = 0; i < 3 * p->units; i++) {
		struct pick_request r = { .thread = &t };

		run = pick_choose(p, &r) == 0 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	assert_in_range(longest, 1, 2);
	pick_free(p);
	farm_free(&f);
}

static void test_its_weights_are_the_configured_ones(void **state)
{
	(void)state;
	assert_true(pick_algorithm_find(SLICE("static-rr"))->static_weight);
	assert_false(pick_algorithm_find(SLICE("roundrobin"))->static_weight);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_place_belongs_to_its_range_in_every_size_class),
		cmocka_unit_test(test_crowds_of_light_servers_beside_heavy_ones_are_found),
		cmocka_unit_test(test_equal_servers_follow_in_order),
		cmocka_unit_test(test_a_heavy_server_is_not_served_in_one_run),
		cmocka_unit_test(test_its_weights_are_the_configured_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
