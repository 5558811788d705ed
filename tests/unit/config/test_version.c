/* Versions of the dialect and of OpenSSL, as conditions compare them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/version.h"

static void is(const char *text, uint64_t a, uint64_t b, uint64_t c, uint64_t d, int stage, uint64_t step)
{
	struct version v;

	assert_int_equal(version_parse(slice_from_str(text), &v), 0);
	assert_int_equal(v.part[0], a);
	assert_int_equal(v.part[1], b);
	assert_int_equal(v.part[2], c);
	assert_int_equal(v.part[3], d);
	assert_int_equal(v.stage, stage);
	assert_int_equal(v.step, step);
}

static void test_missing_numbers_are_zero(void **state)
{
	(void)state;
	is("3", 3, 0, 0, 0, 0, 0);
	is("3.4", 3, 4, 0, 0, 0, 0);
	is("1.2.3.4", 1, 2, 3, 4, 0, 0);
}

static void test_stages_come_before_the_release(void **state)
{
	(void)state;
	is("2.4-dev19", 2, 4, 0, 0, -2, 19);
	is("1.5-rc1", 1, 5, 0, 0, -1, 1);
	is("3.2.26-1", 3, 2, 26, 0, 0, 1);
	is("3.2.26-1-gabc", 3, 2, 26, 0, 0, 1);
	is("3.2.26-gabc", 3, 2, 26, 0, 0, 0);
}

static void test_endless_numbers_do_not_wrap(void **state)
{
	struct version small, large;

	(void)state;
	assert_int_equal(version_parse(SLICE("4.1"), &small), 0);
	assert_int_equal(version_parse(SLICE("18446744073709551620.1"), &large), 0);
	assert_true(version_compare(&small, &large) < 0);
}

static void test_what_is_no_version_is_refused(void **state)
{
	static const char *const bad[] = { "", "x", "3.", ".3", "3..4", "3.4x", "v3", " 3", "1.2.3.4.5", "1.2.3.4." };
	struct version v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(version_parse(slice_from_str(bad[i]), &v), -EINVAL);
}

static void test_openssl_versions_have_three_numbers(void **state)
{
	struct version v;

	(void)state;
	assert_int_equal(openssl_version_parse(SLICE("1.1.1w"), &v), 0);
	assert_int_equal(v.part[3], 23);
	assert_int_equal(openssl_version_parse(SLICE("3.0.0-alpha17"), &v), 0);
	assert_int_equal(v.stage, -2);
	assert_int_equal(v.step, 17);
	assert_int_equal(openssl_version_parse(SLICE("3.0"), &v), -EINVAL);
	assert_int_equal(openssl_version_parse(SLICE("3"), &v), -EINVAL);
	assert_int_equal(openssl_version_parse(SLICE("3.0.0.0"), &v), -EINVAL);
	assert_int_equal(openssl_version_parse(SLICE(""), &v), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_numbers_are_zero),
		cmocka_unit_test(test_stages_come_before_the_release),
		cmocka_unit_test(test_endless_numbers_do_not_wrap),
		cmocka_unit_test(test_what_is_no_version_is_refused),
		cmocka_unit_test(test_openssl_versions_have_three_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
