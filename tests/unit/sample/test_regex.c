/* test_regex: matches, groups, replacements, and patterns that would never end. */
#include <time.h>

#include "ballast/sample/regex.h"
#include "ballast/sample/release.h"
#include "sample_test.h"

static int teardown(void **state)
{
	sample_release(&world.config);
	return world_teardown(state);
}

static const char *replaced(const char *pattern, const char *text, const char *format, bool all)
{
	char error[REGEX_ERROR_TEXT], room[256];
	struct strbuf out;
	struct regex *r = regex_new(slice_from_str(pattern), false, error);
	assert_non_null(r);
	strbuf_init_fixed(&out, room, sizeof room);
	bool found = regex_replace(r, slice_from_str(text), slice_from_str(format), all, &out);
	regex_free(r);
	return found ? keep_text(strbuf_slice(&out)) : "(none)";
}

static void test_replacements(void **state)
{
	(void)state;
	assert_string_equal(replaced("b", "abcb", "X", false), "aXcb");
	assert_string_equal(replaced("b", "abcb", "X", true), "aXcX");
	assert_string_equal(replaced("x*", "abc", "-", true), "-a-b-c-");
	assert_string_equal(replaced("^a", "aaa", "b", true), "baa");
	assert_string_equal(replaced("(a)(b)?", "ac", "[\\2\\1\\0\\9\\\\]", false), "[aa\\]c");
	assert_string_equal(replaced("z", "abc", "X", true), "(none)");
	assert_string_equal(replaced("$", "", "end", true), "end");
}

static void test_regsub(void **state)
{
	(void)state;
	assert_eval("str(/////a///b/c/xzxyz/),regsub('/+','/','g')", "/a/b/c/xzxyz/");
	assert_eval("str(foo12bar3),regsub(\"(foo|bar)([0-9]+)?\",\"\\2\\1\")", "12foobar3");
	assert_eval("str(AbAb),regsub(a,x,ig)", "xbxb");
	assert_eval("str(none),regsub(a,x)", "none");
	assert_eval("str(a),regsub(a)", "error: converter 'regsub' has too few arguments");
	assert_eval("str(a),regsub('(',x)", "error: converter 'regsub' has a regular expression that cannot be used: "
					    "missing closing parenthesis at "
					    "byte 2");
	assert_eval("str(a),regsub(a,b,q)", "error: converter 'regsub' knows the flags 'g' and 'i' only");
}

static void test_conditions_match_by_regular_expression(void **state)
{
	(void)state;
	set_request("GET /images/a.PNG HTTP/1.1\r\nHost: www.example.com\r\nX-A: 1\r\nX-A: two\r\n\r\n");
	assert_true(matches("path_reg ^/images/"));
	assert_false(matches("path_reg \\.png$"));
	assert_true(matches("path_reg -i \\.png$"));
	assert_true(matches("path -m reg nothing \\.PNG$"));
	assert_true(matches("hdr_reg(x-a) ^t"));
	assert_true(matches("hdr(host),lower -m reg ^www\\."));
	assert_string_equal(condition_error("if { path_reg ( }", NULL),
		"this regular expression cannot be used: missing closing parenthesis at byte 2");
}

static void test_a_pattern_that_would_never_end_is_stopped(void **state)
{
	static const char *const patterns[] = { "^(a+)+$", "^(a|aa)+$", "(.*)*b\\1c", "^(([a-z])+.)+[A-Z]([a-z])+$" };
	char text[8192], error[REGEX_ERROR_TEXT];
	(void)state;
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '!';
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct regex *r = regex_new(slice_from_str(patterns[i]), false, error);
		clock_t begun = clock();
		assert_false(regex_match(r, slice_of(text, sizeof text)));
		double ms = (double)(clock() - begun) * 1000 / CLOCKS_PER_SEC;
		if (ms > 500)
			fail_msg("'%s' took %.0f ms", patterns[i], ms);
		regex_free(r);
	}
}

#define test(f) cmocka_unit_test_setup_teardown(f, world_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_replacements),
		test(test_regsub),
		test(test_conditions_match_by_regular_expression),
		test(test_a_pattern_that_would_never_end_is_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
