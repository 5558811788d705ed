/* Tests of src/balance/roundrobin.c and the wheel beneath it. */
#include "../cmocka_all.h"

#include <string.h>

#include "pick_reference.h"

static int next(const struct picker *p, struct pick_thread *t)
{
	struct pick_request r = { .thread = t };

	return pick_choose(p, &r);
}

/* One turn from where the thread stands: each server in use exactly as often as it has units. */
static void check_one_turn(const struct farm *f, const struct picker *p, struct pick_thread *t)
{
	uint32_t *slots = malloc(f->count * sizeof(*slots)), *units = malloc(f->count * sizeof(*units));
	uint32_t n = reference_in_use(f, slots), total = reference_units(f, units);
	uint32_t *hits = calloc(f->count, sizeof(*hits));

	for (uint32_t i = 0; i < total; i++)
		hits[next(p, t)]++;
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(hits[slots[i]], units[i]);
	free(slots);
	free(units);
	free(hits);
}

static void check_shares(const char *algorithm)
{
	static const uint32_t counts[] = { 1, 2, 3, 4, 5, 16, 17, 60, 200 };
	uint64_t seed = 21;
	struct farm f;
	struct pick_thread t;

	for (uint32_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		farm_make(&f, counts[i]);
		for (uint32_t round = 0; round < 20; round++) {
			farm_shake(&f, &seed);
			struct picker *p = farm_picker(&f, algorithm, 0, 1);

			pick_thread_init(&t, round);
			for (int turn = 0; turn < 3 && pick_usable(p) > 0; turn++) {
				check_one_turn(&f, p, &t);
				for (uint32_t off = roll(&seed, 5); off > 0; off--)
					next(p, &t);
			}
			pick_free(p);
		}
		farm_free(&f);
	}
}

static void test_shares_of_a_turn_are_exactly_the_weights(void **state)
{
	(void)state;
	check_shares("roundrobin");
}

static void test_the_order_is_that_of_the_reference(void **state)
{
	uint64_t seed = 4;
	struct farm f;
	struct pick_thread t;

	(void)state;
	for (uint32_t count = 2; count < 140; count += 1 + count / 3) {
		farm_make(&f, count);
		for (uint32_t i = 0; i < count; i++)
			f.weight[i] = (uint16_t)(1 + roll(&seed, count < 40 ? 256 : 50));
		struct picker *p = farm_picker(&f, "roundrobin", 0, 1);
		uint16_t *map = reference_map(&f);

		pick_thread_init(&t, 0);
		for (uint32_t i = 0; i < 2 * p->units; i++)
			assert_int_equal(next(p, &t), map[i % p->units]);
		free(map);
		pick_free(p);
		farm_free(&f);
	}
}

static void test_equal_servers_follow_in_order_however_many(void **state)
{
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 30000);
	memset(f.weight, 0x02, f.count * sizeof(*f.weight));
	struct picker *p = farm_picker(&f, "roundrobin", 0, 1);
	pick_thread_init(&t, 0);
	for (uint32_t i = 0; i < 2 * f.count; i++)
		assert_int_equal(next(p, &t), i % f.count);
	pick_free(p);
	farm_free(&f);
}

/* At every moment each server has had its share within `slack` requests. */
static void check_smooth(const struct farm *f, double slack)
{
	struct picker *p = farm_picker(f, "roundrobin", 0, 1);
	uint32_t *hits = calloc(f->count, sizeof(*hits));
	struct pick_thread t;

	pick_thread_init(&t, 0);
	for (uint32_t i = 1; i <= p->units; i++) {
		int slot = next(p, &t);

		hits[slot]++;
		double share = (double)i * f->weight[slot] / p->total_weight;
		assert_true(hits[slot] < share + slack && hits[slot] > share - slack);
	}
	free(hits);
	pick_free(p);
}

static void test_the_turn_is_smooth(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 3);
	f.weight[0] = 5;
	check_smooth(&f, 1.01);
	farm_free(&f);
	farm_make(&f, 40);
	for (uint32_t i = 0; i < 40; i++)
		f.weight[i] = (uint16_t)(1 + i * i % 97);
	check_smooth(&f, 1.3);
	farm_free(&f);
}

/* More units than are stored one by one. */
static void test_large_turns_are_exact_and_smooth_too(void **state)
{
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 600);
	for (uint32_t i = 0; i < f.count; i++)
		f.weight[i] = (uint16_t)(1 + i * 7 % 256);
	struct picker *p = farm_picker(&f, "roundrobin", 0, 1);
	assert_true(p->units > 70000);
	pick_thread_init(&t, 1);
	check_one_turn(&f, p, &t);
	pick_free(p);
	check_smooth(&f, 4);
	farm_free(&f);
	farm_make(&f, 3);
	f.weight[0] = 4096;
	f.weight[1] = 4095;
	f.weight[2] = 4093 * 4;
	p = farm_picker(&f, "roundrobin", 0, 2);
	check_one_turn(&f, p, &t);
	pick_free(p);
	check_smooth(&f, 4);
	farm_free(&f);
}

static void test_weights_change_with_the_next_snapshot(void **state)
{
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 4);
	pick_thread_init(&t, 2);
	for (uint32_t generation = 1; generation < 200; generation++) {
		f.weight[generation % 4] = (uint16_t)(16 * (1 + generation * 37 % 256));
		struct picker *p = farm_picker(&f, "roundrobin", 0, generation);
		check_one_turn(&f, p, &t);
		pick_free(p);
	}
	farm_free(&f);
}

static void test_redispatch_spreads_over_the_others(void **state)
{
	unsigned hits[4] = { 0 };
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 4);
	f.avoid[0] = 1 << 2;
	struct picker *p = farm_picker(&f, "roundrobin", 0, 1);
	pick_thread_init(&t, 0);
	for (int i = 0; i < 300; i++) {
		struct pick_request r = { .thread = &t, .avoid = f.avoid };

		hits[pick_choose(p, &r)]++;
	}
	assert_int_equal(hits[2], 0);
	assert_int_equal(hits[0], 100);
	assert_int_equal(hits[1], 100);
	assert_int_equal(hits[3], 100);
	pick_free(p);
	farm_free(&f);
}

static void test_redispatch_finds_the_one_other_server_of_a_large_farm(void **state)
{
	struct farm f;
	struct pick_thread t;

	(void)state;
	farm_make(&f, 5000);
	memset(f.avoid, 0xff, (f.count + 63) / 64 * sizeof(*f.avoid));
	f.avoid[4321 / 64] &= ~((uint64_t)1 << 4321 % 64);
	f.weight[7] = 100;
	struct picker *p = farm_picker(&f, "roundrobin", 0, 1);
	pick_thread_init(&t, 0);
	for (int i = 0; i < 100; i++) {
		struct pick_request r = { .thread = &t, .avoid = f.avoid };

		assert_int_equal(pick_choose(p, &r), 4321);
	}
	pick_free(p);
	farm_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_of_a_turn_are_exactly_the_weights),
		cmocka_unit_test(test_the_order_is_that_of_the_reference),
		cmocka_unit_test(test_equal_servers_follow_in_order_however_many),
		cmocka_unit_test(test_the_turn_is_smooth),
		cmocka_unit_test(test_large_turns_are_exact_and_smooth_too),
		cmocka_unit_test(test_weights_change_with_the_next_snapshot),
		cmocka_unit_test(test_redispatch_spreads_over_the_others),
		cmocka_unit_test(test_redispatch_finds_the_one_other_server_of_a_large_farm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
