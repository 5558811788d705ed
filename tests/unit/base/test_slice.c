/* Tests of ballast/base/slice.h. */
#include "ballast/base/slice.h"

#include <errno.h>

#include "../cmocka_all.h"

static void expect_members(const char *text, size_t count, const char *const *want)
{
	struct slice rest = slice_from_str(text), member;
	size_t i = 0;

	while (slice_next_member(&rest, &member)) {
		assert_true(i < count);
		assert_true(slice_eq(member, slice_from_str(want[i])));
		i++;
	}
	assert_int_equal(i, count);
}
#define EXPECT_MEMBERS(text, ...) \
	expect_members(text, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[]){ __VA_ARGS__ })

static void test_members_are_trimmed(void **state)
{
	(void)state;
	EXPECT_MEMBERS("a,b", "a", "b");
	EXPECT_MEMBERS(" close\t,  Keep-Alive ", "close", "Keep-Alive");
	EXPECT_MEMBERS("one", "one");
}

static void test_empty_members_are_returned(void **state)
{
	(void)state;
	EXPECT_MEMBERS("a,", "a", "");
	EXPECT_MEMBERS(",a", "", "a");
	EXPECT_MEMBERS("a, ,b", "a", "", "b");
	EXPECT_MEMBERS("", "");
	EXPECT_MEMBERS(",", "", "");
}

static void test_a_slice_without_pointer_has_no_member(void **state)
{
	struct slice rest = { 0 }, member;

	(void)state;
	assert_false(slice_next_member(&rest, &member));
}

static void test_commas_in_quotes_do_not_separate(void **state)
{
	(void)state;
	EXPECT_MEMBERS("a=\"1,2\",b", "a=\"1,2\"", "b");
	EXPECT_MEMBERS("\"x\\\",y\",z", "\"x\\\",y\"", "z");
	EXPECT_MEMBERS("\"open,a", "\"open,a");
	EXPECT_MEMBERS("\"a\\", "\"a\\");
}

static int parse(const char *text, uint64_t *out)
{
	return slice_to_u64(slice_from_str(text), out);
}

static void test_numbers_up_to_64_bits_are_read(void **state)
{
	uint64_t value = 1;

	(void)state;
	assert_int_equal(parse("0", &value), 0);
	assert_true(value == 0);
	assert_int_equal(parse("00042", &value), 0);
	assert_true(value == 42);
	assert_int_equal(parse("18446744073709551615", &value), 0);
	assert_true(value == UINT64_MAX);
}

static void test_numbers_over_64_bits_are_a_range_error(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(parse("18446744073709551616", &value), -ERANGE);
	assert_int_equal(parse("99999999999999999999999", &value), -ERANGE);
	assert_true(value == 7);
}

static void test_other_bytes_are_no_number(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x10", "1a", "99999999999999999999999x", "1:" };
	uint64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &value), -EINVAL);
	assert_int_equal(slice_to_u64(slice_of("1\0", 2), &value), -EINVAL);
	assert_true(value == 7);
}

static void test_case_folding_is_for_letters_only(void **state)
{
	(void)state;
	assert_true(slice_eq_icase(SLICE("Content-LENGTH"), SLICE("content-length")));
	assert_false(slice_eq_icase(SLICE("a@"), SLICE("a`")));
	assert_false(slice_eq_icase(SLICE("[x"), SLICE("{x")));
	assert_false(slice_eq_icase(SLICE("a"), SLICE("ab")));
}

static void test_prefix_suffix_find_and_skip(void **state)
{
	struct slice s = SLICE("/a/b.png");

	(void)state;
	assert_true(slice_starts_with(s, SLICE("/a/")) && slice_starts_with(s, SLICE("")));
	assert_false(slice_starts_with(SLICE("/"), SLICE("/a")));
	assert_true(slice_ends_with(s, SLICE(".png")) && !slice_ends_with(SLICE("g"), SLICE("ng")));
	assert_int_equal(slice_find_byte(s, 'b'), 3);
	assert_int_equal(slice_find_byte(s, 'z'), -1);
	assert_int_equal(slice_find_byte((struct slice){ 0 }, 'z'), -1);
	assert_int_equal(slice_skip(s, 3).len, 5);
	assert_int_equal(slice_skip(s, 99).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_are_trimmed),
		cmocka_unit_test(test_empty_members_are_returned),
		cmocka_unit_test(test_a_slice_without_pointer_has_no_member),
		cmocka_unit_test(test_commas_in_quotes_do_not_separate),
		cmocka_unit_test(test_numbers_up_to_64_bits_are_read),
		cmocka_unit_test(test_numbers_over_64_bits_are_a_range_error),
		cmocka_unit_test(test_other_bytes_are_no_number),
		cmocka_unit_test(test_case_folding_is_for_letters_only),
		cmocka_unit_test(test_prefix_suffix_find_and_skip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
