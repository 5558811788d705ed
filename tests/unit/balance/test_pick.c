/* Tests of ballast/balance/pick.h: what holds for every algorithm. */
#include "../cmocka_all.h"

#include <string.h>

#include "pick_reference.h"

static const char *const names[] = { "roundrobin", "static-rr", "leastconn", "first", "random", "source", "uri",
	"url_param", "hdr", "hash", "p2c", "ewma", "hash/consistent", "hash/maglev" };
enum { NAMES = sizeof(names) / sizeof(*names), ALGORITHMS = 12 };

static void test_the_registry_knows_each_algorithm_once(void **state)
{
	size_t rows = 0;

	(void)state;
	while (pick_algorithm_at(rows))
		rows++;
	assert_int_equal(rows, ALGORITHMS);
	for (size_t i = 0; i < ALGORITHMS; i++) {
		const struct pick_algorithm *a = pick_algorithm_find(slice_from_str(names[i]));

		assert_non_null(a);
		assert_ptr_equal(a, pick_algorithm_at(i));
		assert_string_equal(a->name, names[i]);
		assert_true(a->help && *a->help);
	}
	assert_null(pick_algorithm_find(SLICE("roundrobi")));
	assert_null(pick_algorithm_find(SLICE("")));
}

static void test_the_registry_knows_each_method_once(void **state)
{
	static const char *const methods[] = { "map-based", "consistent", "maglev" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct pick_method *m = pick_method_find(slice_from_str(methods[i]));

		assert_non_null(m);
		assert_ptr_equal(m, pick_method_at(i));
		assert_true(m->help && *m->help);
	}
	assert_null(pick_method_at(3));
	assert_null(pick_method_find(SLICE("map")));
}

/* A few choices by each algorithm from this farm, with and without avoid: all allowed. */
static void choose_from(const struct farm *f, uint64_t *seed)
{
	struct pick_thread t;

	pick_thread_init(&t, roll(seed, 100));
	for (uint32_t a = 0; a < NAMES; a++) {
		/* Its table takes milliseconds to build. */
		if (strstr(names[a], "maglev") && roll(seed, 8))
			continue;
		struct picker *p = farm_picker(f, names[a], 2, 1 + a);

		assert_non_null(p);
		for (int i = 0; i < 12; i++) {
			bool with_avoid = i % 2;
			struct pick_request r = { .thread = &t,
				.hash = dice(seed),
				.has_hash = roll(seed, 3) > 0,
				.avoid = with_avoid ? f->avoid : NULL };
			int slot = pick_choose(p, &r);

			if (pick_usable(p) == 0)
				assert_int_equal(slot, PICK_NONE);
			else
				assert_true(slot >= 0 && reference_may_serve(f, (uint32_t)slot, with_avoid));
		}
		pick_free(p);
	}
}

static void test_only_servers_in_use_are_chosen_and_avoided_ones_only_for_want_of_others(void **state)
{
	static const uint32_t counts[] = { 1, 2, 3, 4, 5, 7, 15, 16, 17, 18, 31, 64, 65, 130, 300 };
	uint64_t seed = 1;
	struct farm f;

	(void)state;
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		for (uint32_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
			farm_make(&f, counts[i]);
			for (int round = 0; round < 40; round++) {
				farm_shake(&f, &seed);
				choose_from(&f, &seed);
			}
			farm_free(&f);
		}
	}
}

/* Which of up to 64 slots 200 choices meet, as bits. */
static uint64_t met_by(const struct farm *f, const char *algorithm, uint32_t *usable, bool *on_backup)
{
	struct picker *p = farm_picker(f, algorithm, 0, 1);
	struct pick_thread t;
	uint64_t met = 0, seed = 5;

	pick_thread_init(&t, 0);
	*usable = pick_usable(p);
	*on_backup = p->on_backup;
	for (int i = 0; i < 200; i++) {
		struct pick_request r = { .thread = &t, .hash = dice(&seed), .has_hash = true };
		int slot = pick_choose(p, &r);

		if (slot != PICK_NONE)
			met |= (uint64_t)1 << slot;
	}
	pick_free(p);
	return met;
}

static void check_met(const struct farm *f, uint64_t expected, bool backup)
{
	for (uint32_t a = 0; a < NAMES; a++) {
		uint32_t usable;
		bool on_backup;
		uint64_t met = met_by(f, names[a], &usable, &on_backup);

		assert_int_equal(on_backup, backup);
		assert_int_equal(usable, __builtin_popcountll(expected));
		/* `first` has no limits to go by here: one is enough. */
		if (names[a][0] == 'f')
			assert_int_equal(met, expected & -expected);
		else
			assert_int_equal(met, expected);
	}
}

static void test_backups_are_used_only_when_no_active_server_is_left(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 6);
	f.backup[1] = f.backup[4] = f.backup[5] = true;
	check_met(&f, 0x0d, false);
	f.usable[0] = f.usable[2] = false;
	check_met(&f, 0x08, false);
	f.usable[3] = false;
	check_met(&f, 0x02, true);
	f.usable[1] = false;
	check_met(&f, 0x10, true);
	f.usable[1] = f.all_backups = true;
	check_met(&f, 0x32, true);
	f.usable[2] = true;
	check_met(&f, 0x04, false);
	f.usable[1] = f.usable[2] = f.usable[4] = f.usable[5] = false;
	check_met(&f, 0, false);
	farm_free(&f);
}

static void test_weight_zero_gets_nothing_and_leaves_the_farm_to_the_backups(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 4);
	f.backup[2] = f.backup[3] = true;
	f.weight[0] = 0;
	check_met(&f, 0x02, false);
	f.weight[1] = f.weight[2] = 0;
	check_met(&f, 0x08, true);
	f.weight[3] = 0;
	check_met(&f, 0, false);
	farm_free(&f);
}

static void test_an_empty_backend_has_no_server_to_choose(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 0);
	check_met(&f, 0, false);
	farm_free(&f);
}

static int choose_once(const struct farm *f, const char *algorithm, struct pick_thread *t, uint32_t generation)
{
	struct picker *p = farm_picker(f, algorithm, 0, generation);
	struct pick_request r = { .thread = t };
	int slot = pick_choose(p, &r);

	pick_free(p);
	return slot;
}

static void test_thread_0_starts_at_the_first_server_and_the_others_elsewhere(void **state)
{
	static const char *const turning[] = { "roundrobin", "static-rr", "leastconn", "uri" };
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 8);
	for (uint32_t a = 0; a < 4; a++) {
		unsigned met = 0;

		for (uint32_t thread = 0; thread < 8; thread++) {
			pick_thread_init(&t, thread);
			int slot = choose_once(&f, turning[a], &t, 1);
			assert_true(thread > 0 || slot == 0);
			met |= 1u << slot;
		}
		assert_true(__builtin_popcount(met) >= 6);
	}
	farm_free(&f);
}

static void test_a_new_snapshot_of_the_same_turn_goes_on_where_the_last_one_stood(void **state)
{
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 5);
	pick_thread_init(&t, 0);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(choose_once(&f, "roundrobin", &t, 1 + i), i % 5);
	farm_free(&f);
}

/* A server that comes and goes with every request must not make the thread start at the same place each time. */
static void test_a_farm_that_changes_with_every_request_is_still_served_evenly(void **state)
{
	enum { ROUNDS = 8000, SERVERS = 8 };
	static const char *const turning[] = { "roundrobin", "static-rr", "leastconn", "uri" };
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, SERVERS);
	for (uint32_t a = 0; a < 4; a++) {
		unsigned hits[SERVERS] = { 0 };

		pick_thread_init(&t, 0);
		for (uint32_t i = 0; i < ROUNDS; i++) {
			f.usable[SERVERS - 1] = i % 2;
			hits[choose_once(&f, turning[a], &t, 1 + i)]++;
		}
		for (uint32_t s = 0; s < SERVERS - 1; s++) {
			double fair = ROUNDS / 2.0 / 7 + ROUNDS / 2.0 / 8;

			assert_true(hits[s] > 0.85 * fair && hits[s] < 1.15 * fair);
		}
		assert_true(hits[SERVERS - 1] > 0.8 * ROUNDS / 2 / 8);
	}
	farm_free(&f);
}

static void test_a_swap_at_run_time_takes_a_server_out_and_brings_it_back(void **state)
{
	uint64_t seed = 9;
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 20);
	pick_thread_init(&t, 3);
	for (uint32_t a = 0; a < NAMES; a++) {
		for (uint32_t generation = 1; generation < 30; generation++) {
			uint32_t changed = roll(&seed, 20);

			f.usable[changed] = !f.usable[changed];
			f.weight[roll(&seed, 20)] = (uint16_t)roll(&seed, 5);
			struct picker *p = farm_picker(&f, names[a], 0, generation);
			for (int i = 0; i < 50; i++) {
				struct pick_request r = { .thread = &t, .hash = dice(&seed), .has_hash = true };
				int slot = pick_choose(p, &r);

				assert_true(slot == PICK_NONE ? pick_usable(p) == 0
							      : reference_may_serve(&f, (uint32_t)slot, false));
			}
			pick_free(p);
		}
	}
	farm_free(&f);
}

static void no_load(void)
{
	struct farm f;

	farm_make(&f, 2);
	struct pick_input in = farm_input(&f);
	in.load = NULL;
	pick_build(pick_algorithm_find(SLICE("leastconn")), 0, &in, 1);
}

static void no_latency(void)
{
	struct farm f;

	farm_make(&f, 2);
	struct pick_input in = farm_input(&f);
	in.latency = NULL;
	in.fallback = pick_algorithm_find(SLICE("ewma"));
	pick_build(pick_algorithm_find(SLICE("hash")), 0, &in, 1);
}

static void test_an_algorithm_is_not_built_without_what_it_needs(void **state)
{
	(void)state;
	assert_true(dies(no_load));
	assert_true(dies(no_latency));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_registry_knows_each_algorithm_once),
		cmocka_unit_test(test_the_registry_knows_each_method_once),
		cmocka_unit_test(test_only_servers_in_use_are_chosen_and_avoided_ones_only_for_want_of_others),
		cmocka_unit_test(test_backups_are_used_only_when_no_active_server_is_left),
		cmocka_unit_test(test_weight_zero_gets_nothing_and_leaves_the_farm_to_the_backups),
		cmocka_unit_test(test_an_empty_backend_has_no_server_to_choose),
		cmocka_unit_test(test_thread_0_starts_at_the_first_server_and_the_others_elsewhere),
		cmocka_unit_test(test_a_new_snapshot_of_the_same_turn_goes_on_where_the_last_one_stood),
		cmocka_unit_test(test_a_farm_that_changes_with_every_request_is_still_served_evenly),
		cmocka_unit_test(test_a_swap_at_run_time_takes_a_server_out_and_brings_it_back),
		cmocka_unit_test(test_an_algorithm_is_not_built_without_what_it_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
