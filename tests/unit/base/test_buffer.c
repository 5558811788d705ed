/* Tests of ballast/base/buffer.h. */
#include "ballast/base/buffer.h"

#include <pthread.h>
#include <string.h>

#include "../cmocka_all.h"

#define MARK (1024 * 1024)

static int setup(void **state)
{
	(void)state;
	buffer_set_high_mark(MARK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_set_poison(-1);
	buffer_set_largest(16384);
	buffer_fail_from(0);
	return 0;
}

static struct buffer_stats stats(enum buffer_class c)
{
	struct buffer_stats s;

	buffer_stats(c, &s);
	return s;
}

static void test_the_smallest_class_that_holds_is_chosen(void **state)
{
	(void)state;
	assert_int_equal(buffer_class_for(0), BUFFER_64);
	assert_int_equal(buffer_class_for(64), BUFFER_64);
	assert_int_equal(buffer_class_for(65), BUFFER_256);
	assert_int_equal(buffer_class_for(1024), BUFFER_1K);
	assert_int_equal(buffer_class_for(4097), BUFFER_16K);
	assert_int_equal(buffer_class_for(16384), BUFFER_16K);
	assert_int_equal(buffer_class_for(16385), BUFFER_CLASS_COUNT);
}

static void test_the_largest_class_can_be_set_within_bounds(void **state)
{
	(void)state;
	buffer_set_largest(32768);
	assert_int_equal(buffer_class_for(32768), BUFFER_16K);
	buffer_set_largest(1);
	assert_int_equal(buffer_class_bytes(BUFFER_16K), 1024);
	assert_int_equal(buffer_class_for(4096), BUFFER_4K);
	assert_int_equal(buffer_class_for(4097), BUFFER_CLASS_COUNT);
	buffer_set_largest(SIZE_MAX);
	assert_int_equal(buffer_class_bytes(BUFFER_16K), 1024 * 1024);
}

static void test_the_piece_given_last_is_taken_first(void **state)
{
	(void)state;
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		void *a = buffer_take(c), *b = buffer_take(c);
		assert_true(a && b && a != b);
		assert_int_equal((uintptr_t)a % 16, 0);
		memset(a, 1, buffer_class_bytes(c));
		memset(b, 2, buffer_class_bytes(c));
		buffer_give(c, a);
		buffer_give(c, b);
		assert_ptr_equal(buffer_take(c), b);
		assert_ptr_equal(buffer_take(c), a);
		buffer_give(c, b);
		buffer_give(c, a);
	}
}

static void test_null_may_be_given(void **state)
{
	struct buffer_stats before = stats(BUFFER_64);

	(void)state;
	buffer_give(BUFFER_64, NULL);
	buffer_give(BUFFER_64, buffer_take(BUFFER_64));
	buffer_give(BUFFER_64, NULL);
	assert_true(stats(BUFFER_64).given == before.given + 1);
}

static void test_a_burst_goes_back_to_malloc(void **state)
{
	enum { PIECES = 300, KEPT = MARK / 16384 };
	void *pieces[PIECES];

	(void)state;
	buffer_trim();
	struct buffer_stats before = stats(BUFFER_16K);
	for (int i = 0; i < PIECES; i++)
		pieces[i] = buffer_take(BUFFER_16K);
	for (int i = 0; i < PIECES; i++)
		buffer_give(BUFFER_16K, pieces[i]);
	struct buffer_stats after = stats(BUFFER_16K);
	assert_int_equal(after.free, KEPT);
	assert_true(after.taken - before.taken == PIECES && after.given - before.given == PIECES);
	assert_true(after.from_malloc - before.from_malloc == PIECES);
	assert_true(after.to_malloc - before.to_malloc == PIECES - KEPT);
}

static void test_trim_leaves_nothing_unused(void **state)
{
	(void)state;
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++)
		buffer_give(c, buffer_take(c));
	buffer_trim();
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		assert_int_equal(stats(c).free, 0);
		assert_true(stats(c).from_malloc == stats(c).to_malloc);
	}
}

static void test_failures_come_on_demand(void **state)
{
	(void)state;
	buffer_give(BUFFER_1K, buffer_take(BUFFER_1K));
	buffer_fail_from(3);
	void *a = buffer_take(BUFFER_1K), *b = buffer_take(BUFFER_64);
	assert_true(a && b);
	assert_null(buffer_take(BUFFER_1K));
	buffer_give(BUFFER_1K, a);
	assert_null(buffer_take(BUFFER_1K));
	buffer_fail_from(0);
	buffer_give(BUFFER_64, b);
	buffer_give(BUFFER_64, buffer_take(BUFFER_64));
}

static void test_poison_fills_what_is_taken_and_given(void **state)
{
	(void)state;
	buffer_set_poison(0x5a);
	unsigned char *p = buffer_take(BUFFER_256);
	assert_true(p[0] == 0x5a && p[255] == 0x5a);
	memset(p, 0, 256);
	buffer_give(BUFFER_256, p);
	assert_int_equal(stats(BUFFER_256).free, 1);
	assert_ptr_equal(buffer_take(BUFFER_256), p);
	assert_true(p[0] == 0x5a && p[8] == 0x5a && p[255] == 0x5a);
	buffer_give(BUFFER_256, p);
}

static void give_twice(void)
{
	void *a = buffer_take(BUFFER_64), *b = buffer_take(BUFFER_64);

	buffer_give(BUFFER_64, a);
	buffer_give(BUFFER_64, b);
	buffer_give(BUFFER_64, a);
}

static void write_after_give(void)
{
	char *a = buffer_take(BUFFER_64);

	buffer_give(BUFFER_64, a);
	a[40] = 'x';
	buffer_take(BUFFER_64);
}

static void test_poison_finds_misuse(void **state)
{
	(void)state;
	buffer_set_poison(0xff);
	assert_true(dies(give_twice));
	assert_true(dies(write_after_give));
}

static void *in_thread(void *seen)
{
	void *piece = buffer_take(BUFFER_4K);

	memset(piece, 1, 4096);
	buffer_give(BUFFER_4K, piece);
	*(uint64_t *)seen = stats(BUFFER_4K).taken;
	buffer_trim();
	return NULL;
}

static void test_each_thread_has_its_own_pool(void **state)
{
	struct buffer_stats before = stats(BUFFER_4K);
	uint64_t seen = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, in_thread, &seen), 0);
	pthread_join(thread, NULL);
	assert_true(seen == 1);
	assert_true(stats(BUFFER_4K).taken == before.taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_smallest_class_that_holds_is_chosen),
		cmocka_unit_test_teardown(test_the_largest_class_can_be_set_within_bounds, teardown),
		cmocka_unit_test(test_the_piece_given_last_is_taken_first),
		cmocka_unit_test(test_null_may_be_given),
		cmocka_unit_test(test_a_burst_goes_back_to_malloc),
		cmocka_unit_test(test_trim_leaves_nothing_unused),
		cmocka_unit_test_teardown(test_failures_come_on_demand, teardown),
		cmocka_unit_test_teardown(test_poison_fills_what_is_taken_and_given, teardown),
		cmocka_unit_test_teardown(test_poison_finds_misuse, teardown),
		cmocka_unit_test(test_each_thread_has_its_own_pool),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
