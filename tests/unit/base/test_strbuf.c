/* Tests of ballast/base/strbuf.h. */
#include "ballast/base/strbuf.h"

#include "../cmocka_all.h"

static struct strbuf b;

static int setup(void **state)
{
	(void)state;
	strbuf_init(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	strbuf_free(&b);
	return 0;
}

static void expect(const char *want)
{
	assert_string_equal(b.ptr, want);
	assert_int_equal(b.len, strlen(want));
	assert_true(b.len <= b.cap);
}

static void test_pieces_follow_one_another(void **state)
{
	(void)state;
	expect("");
	strbuf_str(&b, "a");
	strbuf_add(&b, SLICE("bc"));
	strbuf_byte(&b, 'd');
	strbuf_printf(&b, "%d-%s", 5, "e");
	strbuf_u64(&b, 0);
	strbuf_u64(&b, UINT64_MAX);
	strbuf_i64(&b, INT64_MIN);
	strbuf_i64(&b, 7);
	strbuf_add(&b, (struct slice){ 0 });
	expect("abcd5-e018446744073709551615-92233720368547758087");
	assert_false(b.incomplete);
}

static void test_it_grows(void **state)
{
	(void)state;
	for (int i = 0; i < 10000; i++)
		strbuf_printf(&b, "%04d", i);
	assert_int_equal(b.len, 40000);
	assert_memory_equal(b.ptr + 4 * 9876, "9876", 4);
	strbuf_printf(&b, "%100000d", 1);
	assert_int_equal(b.len, 140000);
	assert_false(b.incomplete);
}

static void test_it_can_be_cleared_and_cut(void **state)
{
	(void)state;
	strbuf_truncate(&b, 3);
	strbuf_str(&b, "abcdef");
	strbuf_truncate(&b, 9);
	strbuf_truncate(&b, 3);
	expect("abc");
	strbuf_clear(&b);
	expect("");
	strbuf_free(&b);
	strbuf_clear(&b);
	expect("");
}

static void test_a_detached_text_is_the_callers(void **state)
{
	(void)state;
	char *text = strbuf_detach(&b);
	assert_string_equal(text, "");
	free(text);
	strbuf_str(&b, "mine");
	text = strbuf_detach(&b);
	assert_string_equal(text, "mine");
	expect("");
	free(text);
	strbuf_str(&b, "lost");
	b.incomplete = true;
	assert_null(strbuf_detach(&b));
}

static void test_reserved_room_can_be_committed(void **state)
{
	(void)state;
	char *at = strbuf_reserve(&b, 1000);
	memcpy(at, "xyz", 3);
	strbuf_commit(&b, 3);
	expect("xyz");
	assert_null(strbuf_reserve(&b, SIZE_MAX - 2));
	assert_true(b.incomplete);
	expect("xyz");
}

static void test_an_array_is_filled_and_the_rest_cut_off(void **state)
{
	char array[9];

	(void)state;
	memset(array, 'Z', sizeof(array));
	strbuf_init_fixed(&b, array, 8);
	strbuf_str(&b, "1234");
	assert_false(b.incomplete);
	strbuf_str(&b, "5678");
	expect("1234567");
	assert_true(b.incomplete);
	strbuf_clear(&b);
	assert_false(b.incomplete);
	strbuf_printf(&b, "%s", "abcdefg");
	expect("abcdefg");
	assert_false(b.incomplete);
	strbuf_printf(&b, "%s", "");
	assert_false(b.incomplete);
	strbuf_byte(&b, 'h');
	assert_true(b.incomplete);
	strbuf_clear(&b);
	strbuf_printf(&b, "%s%d", "abcdefg", 1);
	expect("abcdefg");
	assert_true(b.incomplete);
	assert_int_equal(array[8], 'Z');
}

static void test_an_array_of_one_byte_holds_nothing(void **state)
{
	char array[1] = { 'x' };

	(void)state;
	strbuf_init_fixed(&b, array, 1);
	strbuf_str(&b, "");
	strbuf_printf(&b, "%s", "");
	assert_false(b.incomplete);
	strbuf_str(&b, "a");
	strbuf_printf(&b, "b");
	expect("");
	assert_true(b.incomplete);
}

static void expect_json(struct slice s, const char *want)
{
	strbuf_clear(&b);
	strbuf_json(&b, s);
	expect(want);
}

static void test_json_strings_are_escaped(void **state)
{
	(void)state;
	expect_json(SLICE(""), "\"\"");
	expect_json(SLICE("plain"), "\"plain\"");
	expect_json(SLICE("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
	expect_json(SLICE("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
	expect_json(SLICE("\0\x1f\x7f"), "\"\\u0000\\u001f\\u007f\"");
	expect_json(SLICE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void test_what_is_not_utf8_is_replaced_in_json(void **state)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
		"\xf5\x80\x80\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xe2\x82", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char want[64] = "\"a";
		for (size_t k = 0; k < strlen(bad[i]); k++)
			strcat(want, "\\ufffd");
		strcat(want, "z\"");
		strbuf_clear(&b);
		struct strbuf text;
		char array[16];
		strbuf_init_fixed(&text, array, sizeof(array));
		strbuf_printf(&text, "a%sz", bad[i]);
		expect_json(strbuf_slice(&text), want);
	}
	expect_json(slice_of("\xe2\x82\xac", 2), "\"\\ufffd\\ufffd\"");
}

static void expect_csv(struct slice s, const char *want)
{
	strbuf_clear(&b);
	strbuf_csv(&b, s);
	expect(want);
}

static void test_csv_fields_are_quoted_where_needed(void **state)
{
	(void)state;
	expect_csv(SLICE(""), "");
	expect_csv(SLICE("plain text"), "plain text");
	expect_csv(SLICE("a,b"), "\"a,b\"");
	expect_csv(SLICE("say \"x\""), "\"say \"\"x\"\"\"");
	expect_csv(SLICE("a\nb"), "\"a\nb\"");
	expect_csv(SLICE("\r"), "\"\r\"");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pieces_follow_one_another),
		CASE(test_it_grows),
		CASE(test_it_can_be_cleared_and_cut),
		CASE(test_a_detached_text_is_the_callers),
		CASE(test_reserved_room_can_be_committed),
		CASE(test_an_array_is_filled_and_the_rest_cut_off),
		CASE(test_an_array_of_one_byte_holds_nothing),
		CASE(test_json_strings_are_escaped),
		CASE(test_what_is_not_utf8_is_replaced_in_json),
		CASE(test_csv_fields_are_quoted_where_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
