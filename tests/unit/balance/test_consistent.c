/* Tests of src/balance/consistent.c and bounded.c, through `hash`. */
#include "../cmocka_all.h"

#include <string.h>

#include "ballast/balance/hash_key.h"
#include "pick_reference.h"

static struct picker *consistent_picker(const struct farm *f, uint32_t factor, uint32_t unit)
{
	struct pick_input in = farm_input(f);

	in.method = pick_method_find(SLICE("consistent"));
	in.balance_factor = factor;
	in.weight_unit = unit;
	return pick_build(pick_algorithm_find(SLICE("hash")), 0, &in, 1);
}

static int choose_hash(const struct picker *p, uint64_t hash, const uint64_t *avoid)
{
	struct pick_thread t;
	struct pick_request r = { .thread = &t, .hash = hash, .has_hash = true, .avoid = avoid };

	pick_thread_init(&t, 0);
	return pick_choose(p, &r);
}

/* The server of the point nearest to the key, looked for among all points; of two as near the one below. */
static int reference(const struct farm *f, uint32_t key)
{
	uint32_t *slots = malloc(f->count * sizeof(*slots)), n = reference_in_use(f, slots), nearest = 0;
	int best = PICK_NONE;
	bool best_below = false;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t points = 16u * f->weight[slots[i]] < 4096 ? 16u * f->weight[slots[i]] : 4096;

		for (uint32_t c = 0; c < points; c++) {
			uint32_t at = hash_avalanche(f->id[slots[i]] * 4096 + c), up = at - key, down = key - at;
			uint32_t distance = up < down ? up : down;
			bool below = down <= up;

			if (best == PICK_NONE || distance < nearest || (distance == nearest && below && !best_below)) {
				best = (int)slots[i];
				nearest = distance;
				best_below = below;
			}
		}
	}
	free(slots);
	return best;
}

/* What HAProxy 3.2 answered with `hash-type consistent none`: servers of weight 1, 2, 5, 3 with the ids 7, 1, 1000,
 * 123456. */
static void test_the_places_on_the_ring_are_those_of_haproxy(void **state)
{
	static const struct {
		uint32_t key;
		int slot;
	} seen[] = {
		{ 0x7687a66e, 2 },
		{ 0x9cfbac6e, 2 },
		{ 0x5f915ef0, 2 },
		{ 0x4462ebfc, 3 },
		{ 0x237751aa, 1 },
		{ 0x2fa73207, 1 },
		{ 0xddd6ff55, 3 },
		{ 0xad38835e, 3 },
		{ 0x01a5ba50, 3 },
		{ 0x569c8036, 2 },
		{ 0x80b65386, 0 },
		{ 0x76b67451, 2 },
		{ 0xe5f6db1d, 3 },
		{ 0x9acd8acd, 3 },
		{ 0x14b044d7, 2 },
		{ 0x558298e2, 1 },
		{ 0x8de4ab47, 2 },
		{ 0xefb6fbfe, 2 },
		{ 0x9ddcc6f8, 2 },
		{ 0xb339a476, 3 },
		{ 0x0a78250f, 2 },
		{ 0xba6ace6c, 2 },
		{ 0x61076dc3, 3 },
		{ 0x2b5ebaa0, 3 },
		{ 0xb4174a67, 1 },
		{ 0xf23b2cc4, 2 },
		{ 0x73b7a490, 2 },
		{ 0xf3868254, 3 },
		{ 0xb99de255, 2 },
		{ 0x6c2ea417, 2 },
		{ 0x283b73a6, 3 },
		{ 0x2b1e1885, 2 },
		{ 0x3cee5e2c, 3 },
		{ 0x0d243a16, 2 },
		{ 0x1c670ea9, 2 },
		{ 0x21e6a46f, 1 },
		{ 0x819ad93b, 2 },
		{ 0xdf2965b3, 3 },
		{ 0xec801bdf, 1 },
		{ 0xfdb119a9, 2 },
		{ 0x972651da, 1 },
		{ 0x10363c5f, 3 },
		{ 0xc632976a, 0 },
		{ 0xb03da701, 2 },
		{ 0x6237dbe6, 2 },
		{ 0xca22e4c7, 1 },
		{ 0xbf00188d, 2 },
		{ 0xe323bb2a, 2 },
		{ 0x1a070205, 1 },
		{ 0xeb40a9b8, 2 },
		{ 0x4a8aa593, 3 },
		{ 0x3478442b, 0 },
		{ 0xac9abb0c, 1 },
		{ 0x396bcb8f, 1 },
		{ 0xb9c7e435, 2 },
		{ 0xcb01c357, 1 },
		{ 0x6bf82959, 2 },
		{ 0xe3bb41b3, 2 },
		{ 0x1674518d, 2 },
		{ 0xc5c7d186, 0 },
		{ 0x4448a6a1, 3 },
		{ 0xe9502700, 2 },
		{ 0x35bb5c11, 1 },
		{ 0x6583d614, 3 },
		{ 0x47fbb3b4, 3 },
		{ 0x5777039e, 3 },
		{ 0xcf3c17e5, 3 },
		{ 0x0b0ecf26, 2 },
		{ 0x33115519, 2 },
		{ 0xb573f6c5, 1 },
		{ 0xe2eb17c8, 2 },
		{ 0x01597ac1, 3 },
		{ 0xe11e99fb, 2 },
		{ 0x694398c5, 1 },
		{ 0x0e06acd4, 2 },
		{ 0xe553fb51, 2 },
		{ 0x60fa1c95, 3 },
		{ 0xd886c5d0, 1 },
		{ 0x7de0d208, 1 },
		{ 0x239edd3a, 1 },
		{ 0x0602fe0c, 2 },
		{ 0x3c9a8df5, 3 },
		{ 0x6cbaccf1, 2 },
		{ 0xbc79ce03, 2 },
		{ 0xe80a86cf, 3 },
		{ 0xd9c98c23, 1 },
		{ 0x1caf107a, 2 },
		{ 0xf6c986f2, 1 },
		{ 0x98cae043, 1 },
		{ 0x00fded65, 3 },
		{ 0x1f0916cb, 2 },
		{ 0xc3ad4d99, 2 },
		{ 0x9425b3e2, 1 },
		{ 0x329a8613, 2 },
		{ 0xe5329b4e, 2 },
		{ 0xda298ade, 1 },
		{ 0x33fb4b4f, 2 },
		{ 0x548914ef, 3 },
		{ 0x021cd6ff, 3 },
		{ 0xe4794195, 2 },
		{ 0x15607df9, 2 },
		{ 0x22184e82, 1 },
		{ 0x8a2e547e, 3 },
		{ 0xeaeb999b, 2 },
		{ 0x04789365, 2 },
		{ 0x8034a6a7, 0 },
		{ 0x15b7d95f, 2 },
		{ 0x92aeb20c, 2 },
		{ 0x7f2a75ec, 1 },
		{ 0x899f57f7, 3 },
		{ 0xebc1d3d2, 2 },
		{ 0x32bba064, 2 },
		{ 0x6b8c290d, 2 },
		{ 0x119e333a, 3 },
		{ 0x65ec29f8, 0 },
		{ 0x3131b13d, 2 },
		{ 0xa382fe10, 1 },
		{ 0xc3d0560d, 2 },
		{ 0x17ea3a98, 2 },
		{ 0xb36ac084, 3 },
		{ 0x00000000, 3 },
		{ 0xffffffff, 3 },
	};
	static const uint32_t ids[] = { 7, 1, 1000, 123456 };
	static const uint16_t weights[] = { 1, 2, 5, 3 };
	struct farm f;

	(void)state;
	farm_make(&f, 4);
	memcpy(f.id, ids, sizeof(ids));
	memcpy(f.weight, weights, sizeof(weights));
	struct picker *p = consistent_picker(&f, 0, 0);
	for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++)
		assert_int_equal(choose_hash(p, seen[i].key, NULL), seen[i].slot);
	pick_free(p);
	farm_free(&f);
}

static void test_the_nearest_point_owns_the_key(void **state)
{
	uint64_t seed = 71;
	struct farm f;

	(void)state;
	for (uint32_t count = 2; count < 60; count += 1 + count / 2) {
		farm_make(&f, count);
		for (int round = 0; round < 6; round++) {
			farm_shake(&f, &seed);
			struct picker *p = consistent_picker(&f, 0, 0);

			for (int i = 0; i < 60 && p->usable > 1; i++) {
				uint32_t key = (uint32_t)dice(&seed);

				assert_int_equal(choose_hash(p, key, NULL), reference(&f, key));
			}
			pick_free(p);
		}
		farm_free(&f);
	}
}

static void test_keys_on_and_beside_points_and_at_the_ends_of_the_ring(void **state)
{
	static const uint32_t near[] = { 0, 1, 2, UINT32_MAX, UINT32_MAX - 1, 1u << 31 };
	struct farm f;

	(void)state;
	farm_make(&f, 3);
	f.weight[1] = 3;
	struct picker *p = consistent_picker(&f, 0, 0);
	for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++)
		assert_int_equal(choose_hash(p, near[i], NULL), reference(&f, near[i]));
	for (uint32_t slot = 0; slot < 3; slot++)
		for (uint32_t c = 0; c < 16; c++)
			for (int d = -1; d <= 1; d++) {
				uint32_t key = hash_avalanche(f.id[slot] * 4096 + c) + (uint32_t)d;

				assert_int_equal(choose_hash(p, key, NULL), reference(&f, key));
			}
	pick_free(p);
	farm_free(&f);
}

static int rising(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Halfway between two points, and beside that. */
static void test_a_key_as_near_to_two_points_belongs_to_the_lower_one(void **state)
{
	enum { POINTS = 4 * 16 };
	uint32_t at[POINTS];
	struct farm f;

	(void)state;
	farm_make(&f, 4);
	for (uint32_t i = 0; i < POINTS; i++)
		at[i] = hash_avalanche(f.id[i / 16] * 4096 + i % 16);
	qsort(at, POINTS, sizeof(*at), rising);
	struct picker *p = consistent_picker(&f, 0, 0);
	for (uint32_t i = 0; i < POINTS; i++)
		for (int d = -1; d <= 2; d++) {
			uint32_t key = at[i] + (at[(i + 1) % POINTS] - at[i]) / 2 + (uint32_t)d;

			assert_int_equal(choose_hash(p, key, NULL), reference(&f, key));
		}
	pick_free(p);
	farm_free(&f);
}

/* More arcs than 16 bits count. */
static void test_a_large_ring_is_searched_alike(void **state)
{
	uint64_t seed = 72;
	struct farm f;

	(void)state;
	farm_make(&f, 40);
	for (uint32_t i = 0; i < f.count; i++)
		f.weight[i] = (uint16_t)(100 + i);
	struct picker *p = consistent_picker(&f, 0, 0);
	for (int i = 0; i < 300; i++) {
		uint32_t key = (uint32_t)dice(&seed);

		assert_int_equal(choose_hash(p, key, NULL), reference(&f, key));
	}
	pick_free(p);
	farm_free(&f);
}

static void test_weights_in_finer_units_stand_at_the_same_places(void **state)
{
	uint64_t seed = 73;
	struct farm f;

	(void)state;
	farm_make(&f, 5);
	f.weight[3] = 4;
	struct picker *plain = consistent_picker(&f, 0, 0);
	for (uint32_t i = 0; i < f.count; i++)
		f.weight[i] = (uint16_t)(f.weight[i] * 16);
	struct picker *fine = consistent_picker(&f, 0, 16);
	for (int i = 0; i < 2000; i++) {
		uint64_t hash = dice(&seed);

		assert_int_equal(choose_hash(fine, hash, NULL), choose_hash(plain, hash, NULL));
	}
	pick_free(plain);
	pick_free(fine);
	farm_free(&f);
}

/* Only the keys of the server that goes move, and they are no more than its share by 10 %. */
static void test_a_server_that_goes_takes_only_its_own_keys_with_it(void **state)
{
	enum { KEYS = 60000, SERVERS = 10 };
	uint64_t seed = 74;
	int *before = malloc(KEYS * sizeof(*before));
	struct farm f;

	(void)state;
	farm_make(&f, SERVERS);
	for (uint32_t i = 0; i < SERVERS; i++)
		f.weight[i] = 100;
	struct picker *all = consistent_picker(&f, 0, 0);
	for (int i = 0; i < KEYS; i++)
		before[i] = choose_hash(all, dice(&seed), NULL);
	for (uint32_t gone = 0; gone < SERVERS; gone++) {
		unsigned moved = 0;

		f.usable[gone] = false;
		struct picker *p = consistent_picker(&f, 0, 0);
		f.usable[gone] = true;
		seed = 74;
		for (int i = 0; i < KEYS; i++) {
			int after = choose_hash(p, dice(&seed), NULL);

			assert_int_not_equal(after, gone);
			assert_true(after == before[i] || before[i] == (int)gone);
			moved += after != before[i];
		}
		assert_true(moved <= KEYS / SERVERS * 1.1);
		pick_free(p);
	}
	pick_free(all);
	farm_free(&f);
	free(before);
}

static void test_redispatch_goes_where_the_key_would_go_without_the_server(void **state)
{
	uint64_t seed = 75;
	struct farm f;

	(void)state;
	farm_make(&f, 6);
	struct picker *all = consistent_picker(&f, 0, 0);
	for (int i = 0; i < 3000; i++) {
		uint64_t hash = dice(&seed);
		int first = choose_hash(all, hash, NULL);

		f.avoid[0] = 1ull << first;
		int second = choose_hash(all, hash, f.avoid);
		assert_int_not_equal(second, first);
		assert_int_equal(second, choose_hash(all, hash, f.avoid));
	}
	f.avoid[0] = 63;
	for (int i = 0; i < 100; i++) {
		uint64_t hash = dice(&seed);

		assert_int_equal(choose_hash(all, hash, f.avoid), choose_hash(all, hash, NULL));
	}
	pick_free(all);
	farm_free(&f);
}

/* --- hash-balance-factor --- */

/* Every key the same: the load still spreads as the factor allows, by weight. */
static void test_no_server_gets_more_than_its_bounded_load(void **state)
{
	const uint32_t requests = 1000;
	struct farm f;

	(void)state;
	farm_make(&f, 5);
	f.weight[2] = 6;
	struct picker *p = consistent_picker(&f, 125, 0);
	int home = choose_hash(p, 12345, NULL);
	for (unsigned n = 0; n < requests; n++) {
		int slot = choose_hash(p, 12345, NULL);
		/* ceil(1.25 * (n + 1) * weight / 10) */
		uint32_t limit = (125 * (n + 1) * f.weight[slot] + 999) / 1000;

		assert_true(f.load[slot] + 1 <= limit);
		f.load[slot]++;
	}
	for (uint32_t i = 0; i < f.count; i++)
		assert_true(f.load[i] <= 125 * requests * f.weight[i] / 1000);
	assert_true(f.load[home] >= 125 * requests * f.weight[home] / 1000 - 1);
	pick_free(p);
	farm_free(&f);
}

static void test_keys_stay_while_loads_are_even(void **state)
{
	uint64_t seed = 76;
	struct farm f;

	(void)state;
	farm_make(&f, 8);
	struct picker *bounded = consistent_picker(&f, 150, 0), *plain = consistent_picker(&f, 0, 0);
	for (uint32_t load = 0; load < 100; load += 9) {
		for (uint32_t i = 0; i < f.count; i++)
			f.load[i] = load;
		for (int i = 0; i < 500; i++) {
			uint64_t hash = dice(&seed);

			assert_int_equal(choose_hash(bounded, hash, NULL), choose_hash(plain, hash, NULL));
		}
	}
	pick_free(bounded);
	pick_free(plain);
	farm_free(&f);
}

static void test_load_at_servers_that_are_down_does_not_raise_the_bound(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 4);
	f.usable[1] = false;
	f.load[1] = 100000;
	struct picker *p = consistent_picker(&f, 200, 0);
	int home = choose_hash(p, 99, NULL);
	f.load[home] = 50;
	assert_int_not_equal(choose_hash(p, 99, NULL), home);
	pick_free(p);
	farm_free(&f);
}

static void test_a_bound_and_a_redispatch_together(void **state)
{
	uint64_t seed = 77;
	struct farm f;

	(void)state;
	farm_make(&f, 4);
	struct picker *p = consistent_picker(&f, 110, 0);
	f.load[0] = 100;
	f.avoid[0] = 2;
	for (int i = 0; i < 200; i++)
		assert_in_range(choose_hash(p, dice(&seed), f.avoid), 2, 3);
	/* All that may be chosen are full: then one of these, never the avoided one. */
	f.load[2] = f.load[3] = 100;
	for (int i = 0; i < 200; i++)
		assert_int_not_equal(choose_hash(p, dice(&seed), f.avoid), 1);
	pick_free(p);
	farm_free(&f);
}

static void test_needs_follow_method_factor_and_fallback(void **state)
{
	const struct pick_algorithm *hash = pick_algorithm_find(SLICE("hash"));
	struct pick_input in = { 0 };

	(void)state;
	assert_true(pick_static_weight(hash, NULL));
	assert_false(pick_static_weight(hash, pick_method_find(SLICE("consistent"))));
	assert_false(pick_needs_load(hash, &in));
	in.balance_factor = 150;
	assert_false(pick_needs_load(hash, &in));
	in.method = pick_method_find(SLICE("consistent"));
	assert_true(pick_needs_load(hash, &in));
	in.balance_factor = 0;
	assert_false(pick_needs_load(hash, &in));
	in.fallback = pick_algorithm_find(SLICE("leastconn"));
	assert_true(pick_needs_load(hash, &in));
	assert_false(pick_needs_latency(hash, &in));
	in.fallback = pick_algorithm_find(SLICE("ewma"));
	assert_true(pick_needs_latency(hash, &in));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_places_on_the_ring_are_those_of_haproxy),
		cmocka_unit_test(test_the_nearest_point_owns_the_key),
		cmocka_unit_test(test_keys_on_and_beside_points_and_at_the_ends_of_the_ring),
		cmocka_unit_test(test_a_key_as_near_to_two_points_belongs_to_the_lower_one),
		cmocka_unit_test(test_a_large_ring_is_searched_alike),
		cmocka_unit_test(test_weights_in_finer_units_stand_at_the_same_places),
		cmocka_unit_test(test_a_server_that_goes_takes_only_its_own_keys_with_it),
		cmocka_unit_test(test_redispatch_goes_where_the_key_would_go_without_the_server),
		cmocka_unit_test(test_no_server_gets_more_than_its_bounded_load),
		cmocka_unit_test(test_keys_stay_while_loads_are_even),
		cmocka_unit_test(test_load_at_servers_that_are_down_does_not_raise_the_bound),
		cmocka_unit_test(test_a_bound_and_a_redispatch_together),
		cmocka_unit_test(test_needs_follow_method_factor_and_fallback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
