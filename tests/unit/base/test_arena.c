/* Tests of ballast/base/arena.h. */
#include "ballast/base/arena.h"

#include "ballast/base/buffer.h"

#include "../cmocka_all.h"

static void test_a_new_arena_owns_nothing(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(arena_size(&a), 0);
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 1));
	assert_int_equal(arena_size(&a), 1024);
	arena_reset(&a);
	assert_int_equal(arena_size(&a), 0);
}

/* Allocates pieces of many sizes, fills each with its number, then checks all. */
static void fill_and_check(struct arena *a)
{
	enum { PIECES = 400 };
	static const size_t sizes[] = { 1, 15, 16, 17, 100, 1000, 1008, 1009, 4096, 0, 3, 20000, 64, 300000 };
	unsigned char *pieces[PIECES];

	for (unsigned i = 0; i < PIECES; i++) {
		size_t bytes = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
		pieces[i] = arena_alloc(a, bytes);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)(i & 0xff), bytes);
	}
	for (unsigned i = 0; i < PIECES; i++)
		for (size_t k = 0; k < sizes[i % (sizeof(sizes) / sizeof(sizes[0]))]; k++)
			assert_int_equal(pieces[i][k], i & 0xff);
}

static void test_pieces_are_aligned_and_apart(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	fill_and_check(&a);
	arena_reset(&a);
	fill_and_check(&a);
	arena_reset(&a);
	arena_init_heap(&a);
	fill_and_check(&a);
	arena_reset(&a);
	assert_true(a.heap);
}

static void test_a_large_piece_leaves_the_small_chunk_in_use(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	char *first = arena_alloc(&a, 16);
	assert_non_null(arena_alloc(&a, 100000));
	assert_ptr_equal(arena_alloc(&a, 16), first + 16);
	arena_reset(&a);
}

static void test_chunks_grow_with_the_arena(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 8; i++)
		assert_non_null(arena_alloc(&a, 500));
	assert_int_equal(arena_size(&a), 1024 + 4096);
	arena_reset(&a);
}

static void test_reset_gives_all_chunks_back_to_the_pool(void **state)
{
	struct buffer_stats before, after;
	struct arena a;

	(void)state;
	buffer_stats(BUFFER_1K, &before);
	arena_init(&a);
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(&a, 1000));
	arena_reset(&a);
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		buffer_stats(c, &after);
		assert_true(after.taken == after.given);
	}
	buffer_stats(BUFFER_1K, &after);
	assert_true(after.taken == before.taken + 1);
}

static void test_a_small_largest_class_holds_no_more_than_it_can(void **state)
{
	struct arena a;

	(void)state;
	buffer_set_largest(1024);
	arena_init(&a);
	fill_and_check(&a);
	arena_reset(&a);
	buffer_trim();
	buffer_set_largest(16384);
}

static void test_no_bytes_are_a_piece_too(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	char *none = arena_alloc(&a, 0), *one = arena_alloc(&a, 1);
	assert_non_null(none);
	assert_ptr_equal(one, none + 16);
	assert_ptr_equal(arena_alloc(&a, 0), one + 16);
	assert_int_equal(arena_size(&a), 1024);
	arena_reset(&a);
}

static void test_impossible_sizes_are_refused(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	assert_null(arena_alloc(&a, SIZE_MAX - 31));
	assert_null(arena_alloc(&a, (size_t)PTRDIFF_MAX));
	assert_non_null(arena_alloc(&a, 8));
	arena_reset(&a);
	arena_init_heap(&a);
	assert_null(arena_alloc(&a, SIZE_MAX / 2 + 1));
	arena_reset(&a);
}

static void test_no_memory_is_null_and_leaves_the_arena_usable(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	buffer_fail_from(1);
	assert_null(arena_alloc(&a, 100));
	assert_null(arena_zalloc(&a, 100));
	assert_null(arena_copy(&a, SLICE("x")).ptr);
	assert_null(arena_printf(&a, "%d", 1).ptr);
	buffer_fail_from(0);
	assert_non_null(arena_strdup(&a, "again"));
	arena_reset(&a);
}

static void test_copies_end_with_nul_and_zeroed_is_zero(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	struct slice s = arena_copy(&a, slice_of("a\0b", 3));
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.ptr, "a\0b\0", 4);
	s = arena_copy(&a, (struct slice){ 0 });
	assert_non_null(s.ptr);
	assert_int_equal(s.ptr[0], 0);
	assert_string_equal(arena_strdup(&a, "text"), "text");
	s = arena_printf(&a, "%s=%d", "x", 42);
	assert_true(slice_eq(s, SLICE("x=42")));
	assert_int_equal(s.ptr[s.len], 0);
	s = arena_printf(&a, "%5000d", 1);
	assert_int_equal(s.len, 5000);
	arena_reset(&a);
	memset(arena_alloc(&a, 900), 0xff, 900);
	arena_reset(&a);
	const char *zero = arena_zalloc(&a, 900);
	for (int i = 0; i < 900; i++)
		assert_int_equal(zero[i], 0);
	arena_reset(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_arena_owns_nothing),
		cmocka_unit_test(test_pieces_are_aligned_and_apart),
		cmocka_unit_test(test_a_large_piece_leaves_the_small_chunk_in_use),
		cmocka_unit_test(test_chunks_grow_with_the_arena),
		cmocka_unit_test(test_reset_gives_all_chunks_back_to_the_pool),
		cmocka_unit_test(test_a_small_largest_class_holds_no_more_than_it_can),
		cmocka_unit_test(test_no_bytes_are_a_piece_too),
		cmocka_unit_test(test_impossible_sizes_are_refused),
		cmocka_unit_test(test_no_memory_is_null_and_leaves_the_arena_usable),
		cmocka_unit_test(test_copies_end_with_nul_and_zeroed_is_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
