/* The lexer: quotes, escapes, variables and comments of a line, and the place of each word and mistake. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ballast/config/lexer.h"

static char *environment[] = { "A=a b", "X=1", "EMPTY=", "S= a  b\tc ", "SPACES=   ", "ONE=x", "_u9=under", NULL };

static struct config_env env;
static struct arena arena;
static struct diag diag;
static struct lexer lx;

static int setup(void **state)
{
	(void)state;
	arena_init_heap(&arena);
	diag_init(&diag);
	lx = (struct lexer){ .arena = &arena, .diag = &diag, .env = &env, .file = "lb.cfg", .line = 7 };
	return config_env_init(&env, environment);
}

static int teardown(void **state)
{
	(void)state;
	config_env_free(&env);
	diag_free(&diag);
	arena_reset(&arena);
	return 0;
}

/* The words as "[one][two]". */
static const char *joined(const struct line *l)
{
	struct slice text = SLICE("");

	for (size_t i = 0; i < l->count; i++)
		text = arena_printf(&arena, "%s[%s]", text.ptr, l->words[i].text);
	return text.ptr;
}

static struct line cut(const char *text, int expected)
{
	struct line l;

	assert_int_equal(lexer_line(&lx, text, strlen(text), &l), expected);
	assert_int_equal(diag.count[DIAG_ALERT] > 0, expected < 0);
	assert_true(l.count == 0 || l.words[l.count].len == 0);
	return l;
}

static void gives(const char *text, const char *words)
{
	struct line l = cut(text, *words != '\0');

	assert_string_equal(joined(&l), words);
	assert_int_equal(diag.count[DIAG_WARNING], 0);
}

static void warns(const char *text, const char *words, const char *part)
{
	unsigned before = diag.count[DIAG_WARNING];
	struct line l = cut(text, *words != '\0');

	assert_string_equal(joined(&l), words);
	assert_true(diag.count[DIAG_WARNING] > before);
	assert_non_null(strstr(diag_render(&diag, DIAG_WARNING).ptr, part));
}

/* The one error's text has `part` in it and its caret is under `column`; the words are those read so far. */
static void fails(const char *text, unsigned column, const char *part, const char *words)
{
	struct line l = cut(text, -EINVAL);

	assert_int_equal(diag.count[DIAG_ALERT], 1);
	if (!strstr(diag.first->text, part))
		fail_msg("'%s' is not in '%s'", part, diag.first->text);
	assert_int_equal(diag.first->at.column, column);
	assert_int_equal(diag.first->at.line, 7);
	assert_string_equal(diag.first->at.file, "lb.cfg");
	assert_string_equal(joined(&l), words);
	assert_int_equal(diag.count[DIAG_WARNING], 0);
	diag_free(&diag);
}

static void test_words_are_separated_by_any_space(void **state)
{
	(void)state;
	gives("a b", "[a][b]");
	gives("  \t mode\t\thttp   ", "[mode][http]");
	gives("a\vb\fc", "[a][b][c]");
}

static void test_empty_lines_have_no_words(void **state)
{
	(void)state;
	gives("", "");
	gives(" \t ", "");
	gives("# comment", "");
	gives("   # \"unclosed", "");
}

static void test_a_hash_begins_a_comment_anywhere(void **state)
{
	(void)state;
	gives("global#this is the global section", "[global]");
	gives("mode http # or 'tcp", "[mode][http]");
	gives("a \\#b '#'\"#\"c #d", "[a][#b][##c]");
}

static void test_a_hash_is_a_character_where_comments_are_off(void **state)
{
	(void)state;
	lx.no_comments = true;
	gives("a#b # c", "[a#b][#][c]");
}

static void test_backslash_escapes_outside_of_quotes(void **state)
{
	(void)state;
	gives("1\\'2\\#3\\ 4\\\"5\\\\6", "[1'2#3 4\"5\\6]");
	gives("a\\nb\\rc\\td", "[a\nb\rc\td]");
	gives("a\\\tb", "[a\tb]");
	gives("\\x41\\x7a\\x7Aq", "[Azzq]");
	gives("%{+Q}o\\ %t\\ %s\\ %{-Q}r", "[%{+Q}o %t %s %{-Q}r]");
}

static void test_an_unknown_escape_keeps_its_backslash(void **state)
{
	(void)state;
	gives("\\.php\\q \\(", "[\\.php\\q][\\(]");
	gives("\"\\.php\\q\"", "[\\.php\\q]");
}

static void test_an_unquoted_escaped_dollar_keeps_its_backslash(void **state)
{
	(void)state;
	gives("^/a\\$ ^/b$", "[^/a\\$][^/b$]");
}

static void test_double_quotes_protect_space_hash_and_single_quotes(void **state)
{
	(void)state;
	gives("a \"b c # 'd\"e", "[a][b c # 'de]");
	gives("\"a\tb\"", "[a\tb]");
	gives("\"1\\'2\\#3\\ 4\\$5\\\\6\\\"7\\n\"", "[1'2#3 4$5\\6\"7\n]");
	gives("\"\\x41\"", "[A]");
}

static void test_single_quotes_protect_everything(void **state)
{
	(void)state;
	gives("'a b # \" \\n \\x $X ${A}'", "[a b # \" \\n \\x $X ${A}]");
	gives("'\\'", "[\\]");
}

static void test_pieces_of_one_word_may_be_quoted_differently(void **state)
{
	(void)state;
	gives("\"%{+Q}o %t\"' %s %{-Q}r'", "[%{+Q}o %t %s %{-Q}r]");
	gives("\"%{+Q}o %t\"' %s'\\ %{-Q}r", "[%{+Q}o %t %s %{-Q}r]");
	gives("\"glo\"bal", "[global]");
}

static void test_second_level_quotes_pass(void **state)
{
	(void)state;
	gives("set-path %[path,regsub(\\\"(foo|bar)\\\",blah,g)]", "[set-path][%[path,regsub(\"(foo|bar)\",blah,g)]]");
	gives("str(\\\\\\'foo\\\\\\') str(\"\\\\'foo\\\\'\")", "[str(\\'foo\\')][str(\\'foo\\')]");
}

static void test_variables_expand_in_double_quotes(void **state)
{
	(void)state;
	gives("\"$X\" \"${X}\" \"a${X}b$X\"", "[1][1][a1b1]");
	gives("\"$A\"", "[a b]");
	gives("\"$_u9\" \"$X-y\"", "[under][1-y]");
	gives("\"x$NOPE\" \"y${NOPE}\"", "[x][y]");
	gives("fd@\"$X\"", "[fd@1]");
}

static void test_variables_do_not_expand_elsewhere(void **state)
{
	(void)state;
	gives("$X '$X' \"\\$X\" '${X}'", "[$X][$X][$X][${X}]");
}

static void test_an_unquoted_brace_is_taken_literally_with_a_warning(void **state)
{
	(void)state;
	warns("bind :${X}", "[bind][:${X}]", "only in double quotes");
	assert_int_equal(diag.first->at.column, 7);
	assert_int_equal(diag.first->at.width, 4);
}

static void test_a_dollar_of_a_regex_is_no_reason_to_warn(void **state)
{
	(void)state;
	gives("^/a$ ${ ${1} ${X", "[^/a$][${][${1}][${X]");
}

static void test_values_are_not_expanded_again(void **state)
{
	(void)state;
	config_env_set(&env, "D", "$X \"\\n#");
	gives("\"$D\"", "[$X \"\\n#]");
}

static void test_a_default_replaces_only_what_does_not_exist(void **state)
{
	(void)state;
	gives("\"${NOPE-127.0.0.1}:514\"", "[127.0.0.1:514]");
	gives("\"${X-2}\" \"x${EMPTY-2}\" \"y${NOPE-}\"", "[1][x][y]");
}

static void test_a_default_is_raw_up_to_the_brace(void **state)
{
	(void)state;
	gives("\"${N-d}f}\"", "[df}]");
	gives("\"${N-d e f[*]}\"", "[d e f[*]]");
	gives("\"${N-\\x41\\\"}f\"", "[\\x41\\\"f]");
	gives("\"${N-\"x\"}f\"", "[\"x\"f]");
	gives("\"${N-$A}f\" \"${N-x#y}\" \"${N- x}\"", "[$Af][x#y][ x]");
}

static void test_a_list_expands_to_several_words(void **state)
{
	(void)state;
	gives("use \"${A[*]}\" end", "[use][a][b][end]");
	gives("\"x${S[*]}y\"", "[x][a][b][c][y]");
	gives("l \"${S[*]}\"", "[l][a][b][c]");
	gives("\"x${ONE[*]} y\"", "[xx y]");
	gives("\"${N[*]-d e f}\"", "[d][e][f]");
	config_env_set(&env, "NL", "q\nr");
	gives("\"${NL[*]}\"", "[q][r]");
}

static void test_an_empty_list_leaves_no_word(void **state)
{
	(void)state;
	gives("a \"${NOPE[*]}\" b", "[a][b]");
	gives("a \"${EMPTY[*]}\" \"${SPACES[*]}\"", "[a]");
	gives("\"${NOPE[*]}\"", "");
	gives("\"${EMPTY[*]}x\" \"x${EMPTY[*]}\"", "[x][x]");
}

static void test_a_suffix_without_braces_is_text(void **state)
{
	(void)state;
	gives("\"$X[*]\" \"$X-d\"", "[1[*]][1-d]");
}

static void test_pseudo_variables_tell_the_place(void **state)
{
	(void)state;
	gives("\"${.FILE}:${.LINE}\" \"$.LINE\"", "[lb.cfg:7][7]");
	gives("\"<${.SECTION}>\"", "[<>]");
	lx.section = "www";
	gives("\"<${.SECTION}>\" \"${.LINE-x}\"", "[<www>][7]");
	lx.file = NULL;
	gives("\"<${.FILE}>\"", "[<>]");
}

static void test_an_unknown_pseudo_variable_is_refused(void **state)
{
	(void)state;
	fails("notice \"x${.FLIE}\"", 10, "unknown pseudo-variable '.FLIE'", "[notice][x]");
	fails("\"$.line\"", 2, "unknown pseudo-variable '.line'", "");
}

static void test_the_nearest_pseudo_variable_is_named(void **state)
{
	(void)state;
	cut("\"${.SECTON}\"", -EINVAL);
	assert_string_equal(diag.first->hint, "did you mean '.SECTION'?");
}

static void test_bad_variable_names_are_refused(void **state)
{
	(void)state;
	fails("a \"$\"", 4, "name must begin", "[a][$]");
	fails("a \"$1\"", 4, "name must begin", "[a][$1]");
	fails("a \"${1}\"", 4, "name must begin", "[a][${1}]");
	fails("a \"${}\"", 4, "name must begin", "[a][${}]");
	fails("a \"$$\"", 4, "name must begin", "[a][$$]");
	fails("a \"${.}\"", 4, "name must begin", "[a][${.}]");
	fails("a \"^/foo$\" b", 9, "name must begin", "[a][^/foo$][b]");
}

static void test_open_braces_are_refused(void **state)
{
	(void)state;
	fails("a \"${X\"", 4, "brace is not closed", "[a][${X]");
	fails("a \"${X-d\" b", 4, "brace is not closed", "[a][${X-d][b]");
	fails("a \"${X }\"", 4, "brace is not closed", "[a][${X }]");
	fails("a \"${X:-d}\"", 4, "brace is not closed", "[a][${X:-d}]");
	fails("a \"${X", 4, "brace is not closed", "[a][${X]");
}

static void test_only_a_star_may_stand_in_brackets(void **state)
{
	(void)state;
	fails("a \"${X[1]}\"", 7, "only [*]", "[a][${X[1]}]");
	fails("a \"${X[*}\"", 7, "only [*]", "[a][${X[*}]");
}

static void test_unclosed_quotes_are_refused_at_their_beginning(void **state)
{
	(void)state;
	fails("  bind \"*:80 name x", 8, "quote (\") is not closed", "[bind][*:80 name x]");
	fails("a 'b # c", 3, "quote (') is not closed", "[a][b # c]");
	fails("a \"b\\\"", 3, "quote (\") is not closed", "[a][b\"]");
	fails("\"", 1, "quote (\") is not closed", "");
}

static void test_bad_hexadecimal_escapes_are_refused(void **state)
{
	(void)state;
	fails("a\\x4", 2, "two hexadecimal digits", "[a\\x4]");
	fails("b \"a\\x\"", 5, "two hexadecimal digits", "[b][a\\x]");
	fails("a\\xzz c", 2, "two hexadecimal digits", "[a\\xzz][c]");
	fails("a\\x4g", 2, "two hexadecimal digits", "[a\\x4g]");
	fails("\\x", 1, "two hexadecimal digits", "[\\x]");
}

static void test_a_word_cannot_have_a_nul(void **state)
{
	(void)state;
	fails("a\\x00b", 2, "NUL", "[ab]");
}

static void test_a_line_with_a_nul_is_no_text(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(lexer_line(&lx, "a b\0c", 5, &l), -EILSEQ);
	assert_int_equal(l.count, 0);
	assert_int_equal(diag.first->at.column, 4);
}

static void test_a_nul_in_a_comment_is_no_text_either(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(lexer_line(&lx, "a #\0", 4, &l), -EILSEQ);
}

static void test_a_carriage_return_within_a_line_is_refused(void **state)
{
	(void)state;
	fails("a\rb", 2, "carriage return", "[ab]");
	fails("a '\r'", 4, "carriage return", "[a]");
	fails("a \r b", 3, "carriage return", "[a][b]");
}

static void test_only_the_first_fault_of_a_line_is_told(void **state)
{
	(void)state;
	fails("a \"$ $ \\x ${", 4, "name must begin", "[a][$ $ \\x ${]");
}

static void test_a_backslash_does_not_continue_a_line(void **state)
{
	(void)state;
	warns("bind :80 \\", "[bind][:80][\\]", "does not continue");
	assert_int_equal(diag.first->at.column, 10);
}

static void test_an_escaped_backslash_may_end_a_line(void **state)
{
	(void)state;
	gives("a \\\\", "[a][\\]");
	gives("a '\\'", "[a][\\]");
}

static void test_empty_words_at_the_end_are_left_out_with_a_warning(void **state)
{
	(void)state;
	warns("server s 1.1.1.1:80 \"$EMPTY\"", "[server][s][1.1.1.1:80]", "word 4 is empty and is left out");
	assert_int_equal(diag.first->at.column, 21);
	assert_int_equal(diag.first->at.width, 8);
	warns("a '' \"\"", "[a]", "word 2 is empty and is left out");
	warns("\"\"", "", "word 1 is empty and is left out");
}

static void test_empty_words_in_the_middle_stay_with_a_warning(void **state)
{
	(void)state;
	warns("log-tag \"\" x", "[log-tag][][x]", "word 2 is empty");
	warns("'' x", "[][x]", "word 1 is empty");
}

static void test_a_quiet_lexer_gives_no_warnings_but_errors(void **state)
{
	(void)state;
	lx.quiet = true;
	gives("a \"\" b \"\"", "[a][][b]");
	gives("${X} \\", "[${X}][\\]");
	fails("\"a", 1, "not closed", "[a]");
}

static void place_is(const struct line *l, size_t i, unsigned column, unsigned width)
{
	assert_int_equal(l->words[i].at.column, column);
	assert_int_equal(l->words[i].at.width, width);
	assert_int_equal(l->words[i].at.line, 7);
	assert_string_equal(l->words[i].at.file, "lb.cfg");
}

static void test_each_word_knows_its_bytes_in_the_line(void **state)
{
	static const char text[] = "\tbind  \"*:80\" a\\ b'c' # x";
	struct line l = cut(text, 1);

	(void)state;
	place_is(&l, 0, 2, 4);
	place_is(&l, 1, 8, 6);
	place_is(&l, 2, 15, 7);
	place_is(&l, 3, 22, 1);
	assert_ptr_equal(l.words[0].at.line_text, text);
}

static void test_words_of_a_list_are_placed_at_its_reference(void **state)
{
	struct line l = cut("u \"x${S[*]}y\" z", 1);

	(void)state;
	assert_string_equal(joined(&l), "[u][x][a][b][c][y][z]");
	place_is(&l, 1, 3, 9);
	place_is(&l, 2, 5, 7);
	place_is(&l, 3, 5, 7);
	place_is(&l, 4, 5, 7);
	place_is(&l, 5, 12, 2);
	place_is(&l, 6, 15, 1);
}

static void test_the_word_behind_the_last_is_at_the_lines_end(void **state)
{
	struct line l = cut("server s", 1);

	(void)state;
	place_is(&l, 2, 9, 1);
	assert_string_equal(l.words[2].text, "");
}

static void test_sixty_four_words_are_the_most(void **state)
{
	char text[2 * 65 + 1];

	(void)state;
	for (size_t i = 0; i < 65; i++)
		memcpy(text + 2 * i, "w ", 3);
	text[2 * 64] = '\0';
	struct line l = cut(text, 1);
	assert_int_equal(l.count, 64);
	text[2 * 64] = 'w';
	l = cut(text, -EINVAL);
	assert_int_equal(l.count, 64);
	assert_int_equal(diag.first->at.column, 129);
}

static void test_a_long_line_is_read_and_a_longer_one_refused(void **state)
{
	char *text = malloc(LEXER_LINE_MAX + 2);
	struct line l;

	(void)state;
	memset(text, 'x', LEXER_LINE_MAX + 1);
	text[LEXER_LINE_MAX] = '\0';
	assert_int_equal(lexer_line(&lx, text, LEXER_LINE_MAX, &l), 1);
	assert_int_equal(l.words[0].len, LEXER_LINE_MAX);
	text[LEXER_LINE_MAX] = 'x';
	text[LEXER_LINE_MAX + 1] = '\0';
	assert_int_equal(lexer_line(&lx, text, LEXER_LINE_MAX + 1, &l), -EINVAL);
	assert_int_equal(l.count, 0);
	free(text);
}

static void test_expansion_cannot_exceed_the_bound(void **state)
{
	char *value = malloc(LEXER_LINE_MAX / 2 + 1);
	struct line l;

	(void)state;
	memset(value, 'v', LEXER_LINE_MAX / 2);
	value[LEXER_LINE_MAX / 2] = '\0';
	assert_int_equal(config_env_set(&env, "BIG", value), 0);
	assert_int_equal(lexer_line(&lx, "\"$BIG$BIG\"", 10, &l), 1);
	assert_int_equal(lexer_line(&lx, "\"$BIG$BIG\" x", 12, &l), -EINVAL);
	assert_int_equal(lexer_line(&lx, "\"$BIG\" \"${BIG[*]}x\"", 19, &l), -EINVAL);
	free(value);
}

static void test_a_split_value_cannot_exceed_the_words(void **state)
{
	char value[2 * 70 + 1];

	(void)state;
	for (size_t i = 0; i < 70; i++)
		memcpy(value + 2 * i, "v ", 3);
	config_env_set(&env, "MANY", value);
	struct line l = cut("\"${MANY[*]}\" rest", -EINVAL);
	assert_int_equal(l.count, 64);
}

static void test_bytes_above_127_are_ordinary(void **state)
{
	(void)state;
	gives("n\xc3\xa9 \xff\xfe\xa0", "[n\xc3\xa9][\xff\xfe\xa0]");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_words_are_separated_by_any_space),
		T(test_empty_lines_have_no_words),
		T(test_a_hash_begins_a_comment_anywhere),
		T(test_a_hash_is_a_character_where_comments_are_off),
		T(test_backslash_escapes_outside_of_quotes),
		T(test_an_unknown_escape_keeps_its_backslash),
		T(test_an_unquoted_escaped_dollar_keeps_its_backslash),
		T(test_double_quotes_protect_space_hash_and_single_quotes),
		T(test_single_quotes_protect_everything),
		T(test_pieces_of_one_word_may_be_quoted_differently),
		T(test_second_level_quotes_pass),
		T(test_variables_expand_in_double_quotes),
		T(test_variables_do_not_expand_elsewhere),
		T(test_an_unquoted_brace_is_taken_literally_with_a_warning),
		T(test_a_dollar_of_a_regex_is_no_reason_to_warn),
		T(test_values_are_not_expanded_again),
		T(test_a_default_replaces_only_what_does_not_exist),
		T(test_a_default_is_raw_up_to_the_brace),
		T(test_a_list_expands_to_several_words),
		T(test_an_empty_list_leaves_no_word),
		T(test_a_suffix_without_braces_is_text),
		T(test_pseudo_variables_tell_the_place),
		T(test_an_unknown_pseudo_variable_is_refused),
		T(test_the_nearest_pseudo_variable_is_named),
		T(test_bad_variable_names_are_refused),
		T(test_open_braces_are_refused),
		T(test_only_a_star_may_stand_in_brackets),
		T(test_unclosed_quotes_are_refused_at_their_beginning),
		T(test_bad_hexadecimal_escapes_are_refused),
		T(test_a_word_cannot_have_a_nul),
		T(test_a_line_with_a_nul_is_no_text),
		T(test_a_nul_in_a_comment_is_no_text_either),
		T(test_a_carriage_return_within_a_line_is_refused),
		T(test_only_the_first_fault_of_a_line_is_told),
		T(test_a_backslash_does_not_continue_a_line),
		T(test_an_escaped_backslash_may_end_a_line),
		T(test_empty_words_at_the_end_are_left_out_with_a_warning),
		T(test_empty_words_in_the_middle_stay_with_a_warning),
		T(test_a_quiet_lexer_gives_no_warnings_but_errors),
		T(test_each_word_knows_its_bytes_in_the_line),
		T(test_words_of_a_list_are_placed_at_its_reference),
		T(test_the_word_behind_the_last_is_at_the_lines_end),
		T(test_sixty_four_words_are_the_most),
		T(test_a_long_line_is_read_and_a_longer_one_refused),
		T(test_expansion_cannot_exceed_the_bound),
		T(test_a_split_value_cannot_exceed_the_words),
		T(test_bytes_above_127_are_ordinary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
