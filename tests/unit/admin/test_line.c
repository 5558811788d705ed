/* A line cut into commands and words. */
#include <string.h>

#include "../cmocka_all.h"

#include "admin/internal.h"

/* "show|stat;quit": words joined by '|', commands by ';'. */
static void assert_cut(const char *line, const char *expected)
{
	char text[256], out[256] = "", *rest = text, *words[16];
	bool first = true;

	strcpy(text, line);
	while (rest) {
		int count = line_next_command(&rest, words, 16);
		assert_true(count >= 0);
		if (!first)
			strcat(out, ";");
		first = false;
		for (int i = 0; i < count; i++) {
			strcat(out, i ? "|" : "");
			strcat(out, words[i]);
		}
	}
	assert_string_equal(out, expected);
}

static void test_words_end_at_blanks(void **state)
{
	(void)state;
	assert_cut("show stat", "show|stat");
	assert_cut("  show \t stat  ", "show|stat");
	assert_cut("", "");
	assert_cut("   ", "");
	assert_cut("show stat\r", "show|stat");
}

static void test_commands_end_at_semicolons(void **state)
{
	(void)state;
	assert_cut("a;b c;d", "a;b|c;d");
	assert_cut("a ; b", "a;b");
	assert_cut("a;;b", "a;;b");
	assert_cut(";", ";");
	assert_cut("a;", "a;");
}

static void test_a_backslash_takes_the_next_byte(void **state)
{
	(void)state;
	assert_cut("echo a\\;b", "echo|a;b");
	assert_cut("echo a\\ b c", "echo|a b|c");
	assert_cut("echo \\\\", "echo|\\");
	assert_cut("echo \\", "echo|\\");
}

static void test_too_many_words_are_told(void **state)
{
	char text[] = "a b c", *rest = text, *words[2];

	(void)state;
	assert_int_equal(line_next_command(&rest, words, 2), -1);
}

static void assert_payload(const char *line, bool takes, const char *left, const char *pattern)
{
	char text[64], found[8] = "";

	strcpy(text, line);
	assert_int_equal(line_takes_payload(text, found), takes);
	assert_string_equal(text, left);
	assert_string_equal(found, pattern);
}

static void test_a_payload_is_asked_for_by_the_last_word(void **state)
{
	(void)state;
	assert_payload("add x <<", true, "add x ", "");
	assert_payload("add x <<EOF", true, "add x ", "EOF");
	assert_payload("add x <<1234567", true, "add x ", "1234567");
	assert_payload("add x <<12345678", false, "add x <<12345678", "");
	assert_payload("add x<<", false, "add x<<", "");
	assert_payload("add << x", false, "add << x", "");
	assert_payload("<<", false, "<<", "");
	assert_payload("", false, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_end_at_blanks),
		cmocka_unit_test(test_commands_end_at_semicolons),
		cmocka_unit_test(test_a_backslash_takes_the_next_byte),
		cmocka_unit_test(test_too_many_words_are_told),
		cmocka_unit_test(test_a_payload_is_asked_for_by_the_last_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
