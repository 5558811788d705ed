/* Tests of src/balance/kernels.h: every variant gives the answer of the portable one. */
#include "../cmocka_all.h"

#include <string.h>

#include "balance/kernels.h"
#include "ballast/balance/pick.h"
#include "pick_reference.h"

enum { SLOTS = 67, PADDING = 16 };

/* Live arrays end where their memory ends, so that a sanitizer sees a read beyond. */
struct table {
	_Atomic uint32_t *load, *maxconn;
	uint32_t dead[SLOTS + PADDING], mult[SLOTS + PADDING];
	struct kernel_loads loads;
};

static void table_make(struct table *t)
{
	t->load = calloc(SLOTS, sizeof(*t->load));
	t->maxconn = calloc(SLOTS, sizeof(*t->maxconn));
	t->loads = (struct kernel_loads){ t->load, t->dead, t->mult };
}

static void table_free(struct table *t)
{
	free(t->load);
	free(t->maxconn);
}

static void table_shake(struct table *t, uint64_t *state)
{
	static const uint32_t sides[] = { 2, 4, 50, 4000000000u };
	uint32_t kind = roll(state, 4);

	memset(t->dead, 0xff, sizeof(t->dead));
	for (uint32_t i = 0; i < SLOTS; i++) {
		bool dead = roll(state, 4) == 0;

		t->dead[i] = dead ? UINT32_MAX : 0;
		t->mult[i] = dead ? KERNEL_MULT_DEAD : 1 + roll(state, kind == 3 ? KERNEL_MULT_DEAD - 1 : 4);
		t->load[i] = roll(state, 2) ? roll(state, sides[kind]) : 0xfffffff0u;
		t->maxconn[i] = roll(state, 2) ? roll(state, sides[kind]) : roll(state, 2) ? UINT32_MAX : 0;
	}
}

static void compare(const struct pick_kernels *k, const struct table *t, uint64_t *state)
{
	const struct pick_kernels *plain = &pick_kernels_portable;
	uint32_t from = roll(state, SLOTS), to = from + 1 + roll(state, SLOTS - from);
	uint32_t count = to - from < 16 ? to - from : 16, start = roll(state, count);
	uint64_t key = 1, plain_key = 2;

	/* Where all are dead, any slot is as wrong: nobody asks. */
	bool alive = false, alive16 = false;
	for (uint32_t i = from; i < to; i++) {
		alive |= !t->dead[i];
		alive16 |= !t->dead[i] && i < from + count;
	}
	assert_int_equal(k->first_free(&t->loads, t->maxconn, from, to),
		plain->first_free(&t->loads, t->maxconn, from, to));
	assert_int_equal(k->sum(&t->loads, from, to), plain->sum(&t->loads, from, to));
	if (!alive)
		return;
	assert_int_equal(k->least_equal(&t->loads, from, to, &key),
		plain->least_equal(&t->loads, from, to, &plain_key));
	assert_int_equal(key, plain_key);
	assert_int_equal(k->least_weighted(&t->loads, from, to, &key),
		plain->least_weighted(&t->loads, from, to, &plain_key));
	assert_int_equal(key, plain_key);
	if (!alive16)
		return;
	assert_int_equal(k->least16_equal(&t->loads, from, count, start),
		plain->least16_equal(&t->loads, from, count, start));
	assert_int_equal(k->least16_weighted(&t->loads, from, count, start),
		plain->least16_weighted(&t->loads, from, count, start));
}

static void test_every_variant_scans_as_the_portable_one(void **state)
{
	uint64_t seed = 11;
	struct table t;

	(void)state;
	table_make(&t);
	for (int level = SIMD_AVX2; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		assert_int_equal(pick_kernels()->level, level);
		for (int round = 0; round < 4000; round++) {
			if (round % 10 == 0)
				table_shake(&t, &seed);
			compare(pick_kernels(), &t, &seed);
		}
	}
	table_free(&t);
}

static void test_a_server_at_its_maxconn_is_not_free_and_zero_is_no_limit(void **state)
{
	struct table t;

	(void)state;
	table_make(&t);
	memset(t.dead, 0, sizeof(t.dead));
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		for (uint32_t i = 0; i < SLOTS; i++) {
			t.load[i] = 10;
			t.maxconn[i] = 10;
		}
		assert_int_equal(pick_kernels()->first_free(&t.loads, t.maxconn, 0, SLOTS), SLOTS);
		t.maxconn[SLOTS - 1] = 11;
		assert_int_equal(pick_kernels()->first_free(&t.loads, t.maxconn, 0, SLOTS), SLOTS - 1);
		t.maxconn[33] = 0;
		assert_int_equal(pick_kernels()->first_free(&t.loads, t.maxconn, 0, SLOTS), 33);
		t.dead[33] = UINT32_MAX;
		assert_int_equal(pick_kernels()->first_free(&t.loads, t.maxconn, 0, SLOTS), SLOTS - 1);
		t.dead[33] = 0;
	}
	table_free(&t);
}

static void test_count16_compares_unsigned(void **state)
{
	uint32_t c[16];

	(void)state;
	for (uint32_t i = 0; i < 16; i++)
		c[i] = i < 8 ? 10 * i : 0x80000000u + i;
	for (int level = SIMD_PORTABLE; level < SIMD_LEVEL_COUNT; level++) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		assert_int_equal(pick_kernels()->count16(c, 0), 1);
		assert_int_equal(pick_kernels()->count16(c, 9), 1);
		assert_int_equal(pick_kernels()->count16(c, 10), 2);
		assert_int_equal(pick_kernels()->count16(c, 0x7fffffffu), 8);
		assert_int_equal(pick_kernels()->count16(c, 0x8000000au), 11);
		assert_int_equal(pick_kernels()->count16(c, UINT32_MAX), 16);
	}
}

static void test_a_level_that_is_not_there_is_refused(void **state)
{
	(void)state;
	assert_true(pick_simd_force(SIMD_PORTABLE));
	assert_false(pick_simd_force(SIMD_LEVEL_COUNT));
	assert_int_equal(pick_kernels()->level, SIMD_PORTABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_variant_scans_as_the_portable_one),
		cmocka_unit_test(test_a_server_at_its_maxconn_is_not_free_and_zero_is_no_limit),
		cmocka_unit_test(test_count16_compares_unsigned),
		cmocka_unit_test(test_a_level_that_is_not_there_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
