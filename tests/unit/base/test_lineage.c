/* Tests of ballast/base/lineage.h. */
#include "ballast/base/lineage.h"

#include "../cmocka_all.h"

struct thing {
	struct lineage lineage;
	bool gone;
};

static struct thing a, b, c;

static void mark(void *self)
{
	((struct thing *)self)->gone = true;
}

static int setup(void **state)
{
	(void)state;
	lineage_init(&a.lineage, &a);
	lineage_init(&b.lineage, &b);
	lineage_init(&c.lineage, &c);
	return 0;
}

static void test_a_thing_is_its_own_current_one(void **state)
{
	(void)state;
	assert_ptr_equal(a.lineage.current, &a);
}

static void test_all_before_find_the_newest(void **state)
{
	(void)state;
	lineage_succeed(&b.lineage, &a.lineage);
	assert_ptr_equal(a.lineage.current, &b);
	lineage_succeed(&c.lineage, &b.lineage);
	assert_ptr_equal(a.lineage.current, &c);
	assert_ptr_equal(b.lineage.current, &c);
	assert_ptr_equal(c.lineage.current, &c);
}

static void test_one_in_the_middle_may_leave(void **state)
{
	(void)state;
	lineage_succeed(&b.lineage, &a.lineage);
	lineage_succeed(&c.lineage, &b.lineage);
	lineage_leave(&b.lineage);
	assert_ptr_equal(a.lineage.current, &c);
	assert_ptr_equal(lineage_next(&a.lineage), &c.lineage);
	assert_ptr_equal(lineage_next(&c.lineage), &a.lineage);
}

static void test_after_the_end_each_is_on_its_own(void **state)
{
	(void)state;
	lineage_succeed(&b.lineage, &a.lineage);
	lineage_end(&b.lineage, mark);
	assert_true(a.gone && b.gone && !c.gone);
	assert_ptr_equal(a.lineage.current, &a);
	assert_ptr_equal(b.lineage.current, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_thing_is_its_own_current_one, setup),
		cmocka_unit_test_setup(test_all_before_find_the_newest, setup),
		cmocka_unit_test_setup(test_one_in_the_middle_may_leave, setup),
		cmocka_unit_test_setup(test_after_the_end_each_is_on_its_own, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
