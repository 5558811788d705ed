/* Tests of ballast/base/strmap.h. */
#include "ballast/base/strmap.h"

#include <errno.h>
#include <stdio.h>

#include "../cmocka_all.h"

enum { MANY = 5000 };

static char names[MANY][16];

static void *number(size_t n)
{
	return (void *)(uintptr_t)(n + 1);
}

static void put_many(struct strmap *m)
{
	for (size_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "name%zu", i);
		assert_int_equal(strmap_put(m, slice_from_str(names[i]), number(i)), 0);
	}
}

static void test_what_was_put_is_found(void **state)
{
	struct strmap m = { 0 };

	(void)state;
	assert_null(strmap_get(&m, SLICE("a")));
	put_many(&m);
	assert_int_equal(strmap_count(&m), MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(strmap_get(&m, slice_from_str(names[i])), number(i));
	assert_null(strmap_get(&m, SLICE("name5000")));
	strmap_free(&m);
	assert_int_equal(strmap_count(&m), 0);
}

static void test_keys_are_case_sensitive_bytes(void **state)
{
	struct strmap m;

	(void)state;
	strmap_init(&m);
	assert_int_equal(strmap_put(&m, SLICE("web"), number(1)), 0);
	assert_int_equal(strmap_put(&m, SLICE("Web"), number(2)), 0);
	assert_int_equal(strmap_put(&m, SLICE("we\0b"), number(3)), 0);
	assert_int_equal(strmap_put(&m, SLICE(""), number(4)), 0);
	assert_ptr_equal(strmap_get(&m, SLICE("Web")), number(2));
	assert_ptr_equal(strmap_get(&m, SLICE("we\0b")), number(3));
	assert_ptr_equal(strmap_get(&m, SLICE("")), number(4));
	assert_ptr_equal(strmap_get(&m, (struct slice){ 0 }), number(4));
	assert_null(strmap_get(&m, SLICE("we")));
	strmap_free(&m);
}

static void test_a_second_entry_of_a_name_is_refused(void **state)
{
	struct strmap m = { 0 };

	(void)state;
	assert_int_equal(strmap_put(&m, SLICE("a"), number(1)), 0);
	assert_int_equal(strmap_put(&m, SLICE("a"), number(2)), -EEXIST);
	assert_ptr_equal(strmap_get(&m, SLICE("a")), number(1));
	assert_int_equal(strmap_count(&m), 1);
	strmap_free(&m);
}

static void test_removed_entries_are_gone_and_others_stay(void **state)
{
	struct strmap m = { 0 };

	(void)state;
	put_many(&m);
	for (size_t i = 0; i < MANY; i += 2)
		assert_ptr_equal(strmap_remove(&m, slice_from_str(names[i])), number(i));
	assert_null(strmap_remove(&m, slice_from_str(names[0])));
	assert_int_equal(strmap_count(&m), MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(strmap_get(&m, slice_from_str(names[i])), i % 2 ? number(i) : NULL);
	for (size_t i = 0; i < MANY; i += 2)
		assert_int_equal(strmap_put(&m, slice_from_str(names[i]), number(i)), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(strmap_get(&m, slice_from_str(names[i])), number(i));
	strmap_free(&m);
}

static void test_adding_and_removing_for_long_needs_no_more_room(void **state)
{
	struct strmap m = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(strmap_put(&m, SLICE("again"), number(1)), 0);
		assert_ptr_equal(strmap_remove(&m, SLICE("again")), number(1));
	}
	assert_true(m.index_size <= 32);
	strmap_free(&m);
}

static void test_entries_are_visited_in_the_order_of_adding(void **state)
{
	struct strmap m = { 0 };
	size_t expected = 0;

	(void)state;
	assert_null(strmap_next(&m, NULL));
	put_many(&m);
	strmap_remove(&m, slice_from_str(names[0]));
	strmap_for_each(e, &m) {
		assert_ptr_equal(e->value, number(++expected));
		assert_true(slice_eq(e->key, slice_from_str(names[expected])));
		if (expected % 3 == 0)
			strmap_remove(&m, e->key);
	}
	assert_int_equal(expected, MANY - 1);
	strmap_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_put_is_found),
		cmocka_unit_test(test_keys_are_case_sensitive_bytes),
		cmocka_unit_test(test_a_second_entry_of_a_name_is_refused),
		cmocka_unit_test(test_removed_entries_are_gone_and_others_stay),
		cmocka_unit_test(test_adding_and_removing_for_long_needs_no_more_room),
		cmocka_unit_test(test_entries_are_visited_in_the_order_of_adding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
