/* Tests of ballast/base/lines.h. */
#include "ballast/base/lines.h"

#include "../cmocka_all.h"

static void test_memory_is_zeroed_and_begins_a_cache_line(void **state)
{
	static const char zeros[200];
	char *p = lines_new(sizeof zeros);

	(void)state;
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 64, 0);
	assert_memory_equal(p, zeros, sizeof zeros);
	lines_drop(p);
}

static void test_it_lives_until_the_last_owner_drops_it(void **state)
{
	char *p = lines_new(1);

	(void)state;
	assert_ptr_equal(lines_share(p), p);
	*p = 7;
	lines_drop(p);
	assert_int_equal(*p, 7);
	lines_drop(p);
}

static void test_nothing_may_be_dropped(void **state)
{
	(void)state;
	lines_drop(NULL);
}

static void test_none_is_one_line(void **state)
{
	char *p = lines_new(0);

	(void)state;
	p[63] = 1;
	lines_drop(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed_and_begins_a_cache_line),
		cmocka_unit_test(test_it_lives_until_the_last_owner_drops_it),
		cmocka_unit_test(test_nothing_may_be_dropped),
		cmocka_unit_test(test_none_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
