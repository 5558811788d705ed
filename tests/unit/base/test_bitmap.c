/* Tests of ballast/base/bitmap.h and atomics.h. */
#include "ballast/base/bitmap.h"

#include "ballast/base/atomics.h"

#include "../cmocka_all.h"

static void test_words_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(bitmap_words(0), 0);
	assert_int_equal(bitmap_words(1), 1);
	assert_int_equal(bitmap_words(64), 1);
	assert_int_equal(bitmap_words(65), 2);
}

static void test_bits_are_set_cleared_and_counted(void **state)
{
	uint64_t map[3] = { 0 };

	(void)state;
	bitmap_set(map, 0);
	bitmap_set(map, 63);
	bitmap_set(map, 64);
	bitmap_assign(map, 150, true);
	assert_true(bitmap_test(map, 63) && bitmap_test(map, 64) && bitmap_test(map, 150) && !bitmap_test(map, 1));
	assert_int_equal(bitmap_count(map, 151), 4);
	bitmap_clear(map, 63);
	bitmap_assign(map, 150, false);
	assert_int_equal(bitmap_count(map, 151), 2);
	bitmap_zero(map, 151);
	assert_int_equal(bitmap_count(map, 151), 0);
}

static void test_fill_sets_no_bit_beyond(void **state)
{
	(void)state;
	for (size_t bits = 0; bits <= 130; bits++) {
		uint64_t map[4] = { 0 };
		bitmap_fill(map, bits);
		assert_int_equal(bitmap_count(map, 256), bits);
		assert_true(bits == 0 || bitmap_test(map, bits - 1));
	}
}

static void test_next_and_select_walk_the_set_bits(void **state)
{
	static const size_t set[] = { 0, 5, 63, 64, 127, 128, 190 };
	enum { BITS = 200, COUNT = sizeof(set) / sizeof(set[0]) };
	uint64_t map[4] = { 0 };
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		bitmap_set(map, set[i]);
	for (size_t i = 0; i < COUNT; i++, at++) {
		at = bitmap_next(map, BITS, at);
		assert_int_equal(at, set[i]);
		assert_int_equal(bitmap_select(map, BITS, i), set[i]);
	}
	assert_int_equal(bitmap_next(map, BITS, at), BITS);
	assert_int_equal(bitmap_next(map, BITS, 1000), BITS);
	assert_int_equal(bitmap_select(map, BITS, COUNT), BITS);
	assert_int_equal(bitmap_next(map, 0, 0), 0);
}

static void test_a_counter_counts(void **state)
{
	_Atomic uint64_t counter = 0;

	(void)state;
	counter_add(&counter, 5);
	counter_sub(&counter, 2);
	assert_int_equal(counter_get(&counter), 3);
	counter_max(&counter, 2);
	assert_int_equal(counter_get(&counter), 3);
	counter_max(&counter, 9);
	assert_int_equal(counter_get(&counter), 9);
	counter_set(&counter, 0);
	assert_int_equal(counter_get(&counter), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_rounded_up),
		cmocka_unit_test(test_bits_are_set_cleared_and_counted),
		cmocka_unit_test(test_fill_sets_no_bit_beyond),
		cmocka_unit_test(test_next_and_select_walk_the_set_bits),
		cmocka_unit_test(test_a_counter_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
