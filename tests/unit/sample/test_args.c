/* test_args: the second level of quoting, counts and types of arguments. */
#include "sample_test.h"

static void test_quotes_keep_delimiters(void **state)
{
	(void)state;
	assert_eval("str(\"a,b\")", "a,b");
	assert_eval("str('a,b)')", "a,b)");
	assert_eval("str(\"a\"b'c')", "abc");
	assert_eval("str('a'\\''b')", "a'b");
	assert_eval("str(a b)", "a b");
	assert_eval("str( a )", " a ");
	assert_eval("str(%20$x#)", "%20$x#");
}

static void test_backslash_escapes_what_is_known_only(void **state)
{
	(void)state;
	assert_eval("str(a\\nb\\tc\\rd)", "a\nb\tc\rd");
	assert_eval("str(\"a\\nb\\\"c\")", "a\nb\"c");
	assert_eval("str(a\\\\b\\ c\\\"d\\'e)", "a\\b c\"d'e");
	assert_eval("str(a\\qb\\#c\\x41)", "a\\qb\\#c\\x41");
	assert_eval("str('a\\nb')", "a\\nb");
}

static void test_backslash_does_not_protect_delimiters(void **state)
{
	(void)state;
	assert_eval("str(a\\,b)", "error: fetch 'str' has too many arguments");
	assert_eval("str(a\\)b)", "error: unexpected text behind an expression");
}

static void test_unclosed_quotes_and_parentheses_are_refused(void **state)
{
	(void)state;
	assert_eval("str(a\"b)", "error: fetch 'str' has a quote that is never closed");
	assert_eval("str('a)", "error: fetch 'str' has a quote that is never closed");
	assert_eval("str(a", "error: fetch 'str' lacks a ')' behind its arguments");
	assert_eval("str(", "error: fetch 'str' lacks a ')' behind its arguments");
	assert_eval("str(a(b))", "error: unexpected text behind an expression");
}

static void test_counts_are_checked(void **state)
{
	(void)state;
	assert_eval("path(3)", "error: fetch 'path' takes no arguments");
	assert_eval("int", "error: fetch 'int' needs arguments");
	assert_eval("str(a),field(1)", "error: converter 'field' has too few arguments");
	assert_eval("str(a),field", "error: converter 'field' needs arguments");
	assert_eval("str(a),add(1,2)", "error: converter 'add' has too many arguments");
	assert_eval("str(a),lower(,)", "error: converter 'lower' takes no arguments");
}

static void test_empty_parentheses_are_no_arguments(void **state)
{
	(void)state;
	assert_eval("always_true()", "1");
	assert_eval("str()", "");
	assert_eval("str", "");
	assert_eval("str(A),lower()", "a");
}

static void test_types_are_checked(void **state)
{
	(void)state;
	assert_eval("int(1x)", "error: fetch 'int' expects a whole number here");
	assert_eval("int(0x10)", "error: fetch 'int' expects a whole number here");
	assert_eval("int()", "error: fetch 'int' expects a whole number here");
	assert_eval("int(-)", "error: fetch 'int' expects a whole number here");
	assert_eval("ipv4(1.2.3)", "error: fetch 'ipv4' expects an IPv4 address here");
	assert_eval("ipv6(1.2.3.4)", "error: fetch 'ipv6' expects an IPv6 address here");
	assert_eval("src,ipmask(33)",
		"error: converter 'ipmask' expects an IPv4 mask here, such as 24 or 255.255.255.0");
	assert_eval("src,ipmask(24,129)",
		"error: converter 'ipmask' expects an IPv6 mask here, such as 64 or ffff:ffff::");
	assert_eval("str(a),add(foo)", "error: converter 'add' expects a whole number or a variable here");
}

static void test_integers_keep_their_sign(void **state)
{
	(void)state;
	assert_eval("int(-5)", "-5");
	assert_eval("int(+5)", "5");
	assert_eval("int(010)", "10");
	assert_eval("int(-9223372036854775809)", "-9223372036854775808");
}

static void test_masks_are_bits_or_addresses(void **state)
{
	(void)state;
	assert_eval("ipv4(1.2.3.4),ipmask(0)", "0.0.0.0");
	assert_eval("ipv4(1.2.3.4),ipmask(255.0.255.0)", "1.0.3.0");
	assert_eval("ipv4(1.2.3.4),ipmask(31)", "1.2.3.4");
	assert_eval("ipv6(2001:db8:ffff::1),ipmask(0,33)", "2001:db8:8000::");
	assert_eval("ipv6(2001:db8:ffff::1),ipmask(0,0)", "::");
	assert_eval("ipv6(2001:db8:ffff::1),ipmask(0,128)", "2001:db8:ffff::1");
	assert_eval("ipv6(2001:db8:ffff::1),ipmask(0,ffff::)", "2001::");
}

static void test_error_names_the_column_of_the_argument(void **state)
{
	struct token t = token_of("src,ipmask(24,129)");
	(void)state;
	assert_null(expr_parse_token(&t, PHASE_REQUEST, &world.config, &world.diag));
	assert_int_equal(world.diag.first->at.column, 15);
	assert_int_equal(world.diag.first->at.width, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_quotes_keep_delimiters),
		world_test(test_backslash_escapes_what_is_known_only),
		world_test(test_backslash_does_not_protect_delimiters),
		world_test(test_unclosed_quotes_and_parentheses_are_refused),
		world_test(test_counts_are_checked),
		world_test(test_empty_parentheses_are_no_arguments),
		world_test(test_types_are_checked),
		world_test(test_integers_keep_their_sign),
		world_test(test_masks_are_bits_or_addresses),
		world_test(test_error_names_the_column_of_the_argument),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
