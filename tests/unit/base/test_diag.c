/* Tests of ballast/base/diag.h. */
#include "ballast/base/diag.h"

#include "../cmocka_all.h"

static void expect_render(struct diag *d, enum diag_level min, const char *want)
{
	struct slice got = diag_render(d, min);

	assert_non_null(got.ptr);
	assert_string_equal(got.ptr, want);
}

static void test_an_error_shows_line_caret_and_hint(void **state)
{
	struct place at = { "lb.cfg", "\tblance roundrobin", 12, 2, 6 };
	struct diag d;

	(void)state;
	diag_init(&d);
	diag_error(&d, &at, "did you mean 'balance'?", "unknown directive '%s'", "blance");
	expect_render(&d, DIAG_NOTE,
		"lb.cfg:12:2: error: unknown directive 'blance'\n"
		"    \tblance roundrobin\n"
		"    \t^~~~~~\n"
		"    did you mean 'balance'?\n");
	assert_int_equal(d.count[DIAG_ALERT], 1);
	diag_free(&d);
	assert_int_equal(d.count[DIAG_ALERT], 0);
}

static void test_places_may_lack_parts(void **state)
{
	struct place no_column = { "a", "text", 3, 0, 0 }, no_line = { .file = "a" };
	struct place no_text = { "a", NULL, 3, 4, 1 };
	struct diag d;

	(void)state;
	diag_init(&d);
	diag_warn(&d, NULL, NULL, "one");
	diag_warn(&d, &no_line, NULL, "two");
	diag_warn(&d, &no_column, NULL, "three");
	diag_warn(&d, &no_text, NULL, "four");
	expect_render(&d, DIAG_NOTE,
		"warning: one\n"
		"a: warning: two\n"
		"a:3: warning: three\n"
		"    text\n"
		"a:3:4: warning: four\n");
	diag_free(&d);
}

static void test_a_caret_stays_within_its_line(void **state)
{
	struct place beyond = { "f", "ab", 1, 9, 5 }, wide = { "f", "abc", 2, 3, 9 },
		     utf8 = { "f", "\xc3\xa4 bad\x01", 3, 4, 3 };
	struct diag d;

	(void)state;
	diag_init(&d);
	diag_error(&d, &beyond, NULL, "a");
	diag_error(&d, &wide, NULL, "b");
	diag_error(&d, &utf8, NULL, "c");
	expect_render(&d, DIAG_NOTE,
		"f:1:9: error: a\n    ab\n      ^\n"
		"f:2:3: error: b\n    abc\n      ^\n"
		"f:3:4: error: c\n    \xc3\xa4 bad?\n      ^~~\n");
	diag_free(&d);
}

static void test_entries_are_ordered_and_notes_follow_theirs(void **state)
{
	struct place a9 = { .file = "a", .line = 9 }, a2 = { .file = "a", .line = 2 }, b1 = { .file = "b", .line = 1 };
	struct diag d;

	(void)state;
	diag_init(&d);
	diag_error(&d, &a9, NULL, "late");
	diag_add(&d, DIAG_NOTE, &a2, NULL, "first defined here");
	diag_error(&d, &b1, NULL, "other file");
	diag_warn(&d, &a2, NULL, "early");
	diag_error(&d, &a2, NULL, "early too");
	expect_render(&d, DIAG_NOTE,
		"a:2: warning: early\n"
		"a:2: error: early too\n"
		"a:9: error: late\n"
		"a:2: note: first defined here\n"
		"b:1: error: other file\n");
	expect_render(&d, DIAG_ALERT,
		"a:2: error: early too\n"
		"a:9: error: late\n"
		"b:1: error: other file\n");
	diag_free(&d);
}

static void test_an_empty_diag_prints_nothing(void **state)
{
	struct diag d;

	(void)state;
	diag_init(&d);
	expect_render(&d, DIAG_NOTE, "");
	diag_free(&d);
}

static const char *nearest(const char *word)
{
	static const char *const words[] = { "balance", "backend", "bind", "mode", "timeout", "roundrobin", "id" };

	return diag_nearest(slice_from_str(word), words, sizeof(words) / sizeof(words[0]));
}

static void test_the_nearest_word_is_found(void **state)
{
	(void)state;
	assert_string_equal(nearest("blance"), "balance");
	assert_string_equal(nearest("balacne"), "balance");
	assert_string_equal(nearest("BALANCE"), "balance");
	assert_string_equal(nearest("bnid"), "bind");
	assert_string_equal(nearest("roudnrobbin"), "roundrobin");
	assert_string_equal(nearest("mod"), "mode");
	assert_string_equal(nearest("timeouts"), "timeout");
}

static void test_far_words_are_not_near(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, 'b', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(nearest("server"));
	assert_null(nearest("mdoex"));
	assert_null(nearest("x"));
	assert_null(nearest(""));
	assert_null(nearest("rundrbn"));
	assert_null(nearest(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_error_shows_line_caret_and_hint),
		cmocka_unit_test(test_places_may_lack_parts),
		cmocka_unit_test(test_a_caret_stays_within_its_line),
		cmocka_unit_test(test_entries_are_ordered_and_notes_follow_theirs),
		cmocka_unit_test(test_an_empty_diag_prints_nothing),
		cmocka_unit_test(test_the_nearest_word_is_found),
		cmocka_unit_test(test_far_words_are_not_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
