/* Tests of src/balance/map_hash.c, through `source` and `uri`. */
#include "../cmocka_all.h"

#include <string.h>

#include "pick_reference.h"

static int choose_hash(const struct picker *p, uint64_t hash, const uint64_t *avoid)
{
	struct pick_thread t;
	struct pick_request r = { .thread = &t, .hash = hash, .has_hash = true, .avoid = avoid };

	pick_thread_init(&t, 0);
	return pick_choose(p, &r);
}

/* What HAProxy 3.2 answered for the keys 0, 1, 2 ... with `hash-type map-based none`. */
static void test_the_map_is_that_of_haproxy(void **state)
{
	static const struct {
		uint16_t weights[6];
		const char *servers;
	} seen[] = {
		{ { 5, 1, 1 }, "0001002" },
		{ { 1, 2, 3, 4, 5 }, "014324234123434" },
		{ { 2, 4, 6 }, "021212021212" },
		{ { 7, 3, 2, 2 }, "00101023001023" },
	};
	struct farm f;

	(void)state;
	for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
		uint32_t count = 0, length = (uint32_t)strlen(seen[i].servers);

		while (seen[i].weights[count])
			count++;
		farm_make(&f, count);
		memcpy(f.weight, seen[i].weights, count * sizeof(*f.weight));
		struct picker *p = farm_picker(&f, "source", 0, 1);
		for (uint32_t hash = 0; hash < 4 * length; hash++)
			assert_int_equal(choose_hash(p, hash, NULL), seen[i].servers[hash % length] - '0');
		pick_free(p);
		farm_free(&f);
	}
}

static void test_the_map_is_that_of_the_reference(void **state)
{
	uint64_t seed = 61;
	struct farm f;

	(void)state;
	for (uint32_t count = 2; count < 200; count += 1 + count / 2) {
		farm_make(&f, count);
		for (int round = 0; round < 6; round++) {
			farm_shake(&f, &seed);
			struct picker *p = farm_picker(&f, "uri", 0, 1);
			uint16_t *map = p->units <= 16384 ? reference_map(&f) : NULL;

			for (int i = 0; i < 500 && p->usable > 1; i++) {
				uint64_t hash = dice(&seed);
				uint32_t place = (uint32_t)(hash % p->units);

				assert_int_equal(choose_hash(p, hash, NULL),
					map ? map[place] : reference_range(&f, place));
			}
			free(map);
			pick_free(p);
		}
		farm_free(&f);
	}
}

static void test_keys_spread_in_proportion_to_the_weights(void **state)
{
	enum { KEYS = 400000 };
	uint64_t seed = 62;
	struct farm f;

	(void)state;
	/* Once with a stored map, once with ranges. */
	for (uint32_t most = 20; most <= 2000; most *= 100) {
		unsigned hits[50] = { 0 };

		farm_make(&f, 50);
		for (uint32_t i = 0; i < f.count; i++)
			f.weight[i] = (uint16_t)(most - most / 2 * i / 50);
		struct picker *p = farm_picker(&f, "source", 0, 1);
		for (int i = 0; i < KEYS; i++)
			hits[choose_hash(p, dice(&seed), NULL)]++;
		for (uint32_t i = 0; i < f.count; i++) {
			double expected = (double)KEYS * f.weight[i] / p->total_weight;

			assert_true(hits[i] > 0.93 * expected && hits[i] < 1.07 * expected);
		}
		pick_free(p);
		farm_free(&f);
	}
}

static void test_the_same_key_meets_the_same_server_in_every_thread_and_snapshot(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 9);
	f.weight[2] = 4;
	struct picker *a = farm_picker(&f, "uri", 0, 1), *b = farm_picker(&f, "uri", 0, 2);
	for (uint32_t hash = 0; hash < 100; hash++) {
		struct pick_thread t;
		struct pick_request r = { .thread = &t, .hash = hash, .has_hash = true };

		pick_thread_init(&t, hash);
		assert_int_equal(pick_choose(b, &r), choose_hash(a, hash, NULL));
	}
	pick_free(a);
	pick_free(b);
	farm_free(&f);
}

static void test_without_a_key_requests_go_round(void **state)
{
	unsigned hits[4] = { 0 };
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	farm_make(&f, 4);
	f.weight[1] = 7;
	struct picker *p = farm_picker(&f, "source", 0, 1);
	pick_thread_init(&t, 0);
	for (int i = 0; i < 100; i++)
		hits[pick_choose(p, &r)]++;
	assert_int_equal(hits[0], 10);
	assert_int_equal(hits[1], 70);
	f.avoid[0] = 2;
	r.avoid = f.avoid;
	for (int i = 0; i < 99; i++)
		assert_int_not_equal(pick_choose(p, &r), 1);
	pick_free(p);
	farm_free(&f);
}

static void test_redispatch_moves_only_the_keys_of_the_avoided_server_by_weight(void **state)
{
	unsigned moved[3] = { 0 };
	struct farm f;

	(void)state;
	farm_make(&f, 3);
	f.weight[0] = 6;
	f.weight[1] = 4;
	f.weight[2] = 3;
	f.avoid[0] = 1;
	struct picker *p = farm_picker(&f, "source", 0, 1);
	for (uint32_t hash = 0; hash < 13000; hash++) {
		int before = choose_hash(p, hash, NULL), after = choose_hash(p, hash, f.avoid);

		if (before != 0)
			assert_int_equal(after, before);
		else
			moved[after]++;
	}
	assert_int_equal(moved[0], 0);
	assert_int_equal(moved[1] + moved[2], 6000);
	assert_in_range(moved[1], 6000 * 4 / 7 - 150, 6000 * 4 / 7 + 150);
	f.avoid[0] = 7;
	for (uint32_t hash = 0; hash < 13; hash++)
		assert_int_equal(choose_hash(p, hash, f.avoid), choose_hash(p, hash, NULL));
	pick_free(p);
	farm_free(&f);
}

static void test_both_need_a_hash_and_their_configured_weights(void **state)
{
	static const char *const names[] = { "source", "uri" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct pick_algorithm *a = pick_algorithm_find(slice_from_str(names[i]));

		assert_true(a->needs_hash && pick_static_weight(a, NULL) && !a->needs_load);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_map_is_that_of_haproxy),
		cmocka_unit_test(test_the_map_is_that_of_the_reference),
		cmocka_unit_test(test_keys_spread_in_proportion_to_the_weights),
		cmocka_unit_test(test_the_same_key_meets_the_same_server_in_every_thread_and_snapshot),
		cmocka_unit_test(test_without_a_key_requests_go_round),
		cmocka_unit_test(test_redispatch_moves_only_the_keys_of_the_avoided_server_by_weight),
		cmocka_unit_test(test_both_need_a_hash_and_their_configured_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
