/* Tests of ballast/base/token.h. */
#include "ballast/base/token.h"

#include <errno.h>

#include "../cmocka_all.h"

static struct diag d;

static int setup(void **state)
{
	(void)state;
	diag_init(&d);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	diag_free(&d);
	return 0;
}

static struct token word(const char *text)
{
	size_t len = strlen(text);
	return (struct token){ text, len, { "f", text, 1, 1, len ? (unsigned)len : 1 } };
}

/* The text of the last entry. */
static const char *last_text(void)
{
	return container_of(d.last, struct diag_entry, next)->text;
}

static const struct diag_entry *last_entry(void)
{
	return container_of(d.last, struct diag_entry, next);
}

static int int_of(const char *text, int64_t min, int64_t max, int64_t *out)
{
	struct token t = word(text);
	return token_int(&t, "weight", min, max, out, &d);
}

static void test_whole_numbers_within_bounds_are_read(void **state)
{
	int64_t v = 0;

	(void)state;
	assert_int_equal(int_of("0", 0, 256, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(int_of("256", 0, 256, &v), 0);
	assert_int_equal(v, 256);
	assert_int_equal(int_of("-5", -10, 10, &v), 0);
	assert_int_equal(v, -5);
	assert_int_equal(int_of("+5", 0, 10, &v), 0);
	assert_int_equal(int_of("9223372036854775807", 0, INT64_MAX, &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(d.count[DIAG_ALERT], 0);
}

static void test_numbers_out_of_bounds_are_refused(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_int_equal(int_of("257", 0, 256, &v), -EINVAL);
	assert_string_equal(last_text(), "weight must be from 0 to 256, not 257");
	assert_int_equal(int_of("-1", 0, 256, &v), -EINVAL);
	assert_int_equal(int_of("99999999999999999999", 0, 256, &v), -EINVAL);
	assert_int_equal(int_of("9223372036854775808", 0, INT64_MAX, &v), -EINVAL);
	assert_string_equal(last_text(), "weight must be at least 0, not 9223372036854775808");
	assert_int_equal(v, 7);
}

static void test_what_is_no_number_is_refused(void **state)
{
	static const char *const bad[] = { "", "-", "+", "--1", "1x", "1.5", "x", " 1" };
	int64_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(int_of(bad[i], -100, 100, &v), -EINVAL);
	assert_int_equal(d.count[DIAG_ALERT], sizeof(bad) / sizeof(bad[0]));
	assert_string_equal(last_text(), "weight needs a whole number, not ' 1'");
	assert_int_equal(v, 7);
}

static uint32_t ms_of(const char *text, const char *unit)
{
	struct token t = word(text);
	uint32_t ms = UINT32_MAX;
	int ret = token_time_ms(&t, "timeout connect", unit, &ms, &d);

	assert_true(ret == 0 || (ret == -EINVAL && ms == UINT32_MAX));
	return ms;
}

static void test_times_have_units(void **state)
{
	(void)state;
	assert_int_equal(ms_of("0", "ms"), 0);
	assert_int_equal(ms_of("5000", "ms"), 5000);
	assert_int_equal(ms_of("5", "s"), 5000);
	assert_int_equal(ms_of("5ms", "s"), 5);
	assert_int_equal(ms_of("5s", "ms"), 5000);
	assert_int_equal(ms_of("2m", "ms"), 120000);
	assert_int_equal(ms_of("1h", "ms"), 3600000);
	assert_int_equal(ms_of("24d", "ms"), 2073600000);
	assert_int_equal(d.count[DIAG_ALERT], 0);
}

static void test_microseconds_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(ms_of("1us", "ms"), 1);
	assert_int_equal(ms_of("1000us", "ms"), 1);
	assert_int_equal(ms_of("1001us", "ms"), 2);
}

static void test_times_over_31_bits_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ms_of("2147483647", "ms"), 2147483647);
	assert_int_equal(ms_of("2147483648", "ms"), UINT32_MAX);
	assert_int_equal(ms_of("25d", "ms"), UINT32_MAX);
	assert_int_equal(ms_of("99999999999999999999", "ms"), UINT32_MAX);
	assert_int_equal(ms_of("9999999999999999999d", "ms"), UINT32_MAX);
	assert_int_equal(d.count[DIAG_ALERT], 4);
}

static void test_an_unknown_time_unit_is_pointed_at(void **state)
{
	(void)state;
	assert_int_equal(ms_of("10sec", "ms"), UINT32_MAX);
	assert_string_equal(last_text(), "timeout connect has the unknown time unit 'sec'");
	assert_string_equal(last_entry()->hint, "did you mean '10s'?");
	assert_int_equal(last_entry()->at.column, 3);
	assert_int_equal(last_entry()->at.width, 3);
	assert_int_equal(ms_of("10MS", "ms"), UINT32_MAX);
	assert_string_equal(last_entry()->hint, "did you mean '10ms'?");
	assert_int_equal(ms_of("10y", "ms"), UINT32_MAX);
	assert_string_equal(last_entry()->hint, "units are us, ms, s, m, h and d");
	assert_int_equal(ms_of("1.5s", "ms"), UINT32_MAX);
	assert_int_equal(ms_of("-1s", "ms"), UINT32_MAX);
	assert_int_equal(ms_of("s", "ms"), UINT32_MAX);
	assert_int_equal(ms_of("", "ms"), UINT32_MAX);
}

static void test_a_quoted_word_is_pointed_at_as_a_whole(void **state)
{
	struct token t = word("10y");
	uint32_t ms;

	(void)state;
	t.at.width = 5; /* "10y" with its quotes */
	assert_int_equal(token_time_ms(&t, "inter", "ms", &ms, &d), -EINVAL);
	assert_int_equal(last_entry()->at.column, 1);
	assert_int_equal(last_entry()->at.width, 5);
}

static uint64_t size_of(const char *text, uint64_t max)
{
	struct token t = word(text);
	uint64_t bytes = 7;
	int ret = token_size(&t, "tune.bufsize", max, &bytes, &d);

	assert_true(ret == 0 || (ret == -EINVAL && bytes == 7));
	return bytes;
}

static void test_sizes_have_units(void **state)
{
	(void)state;
	assert_true(size_of("16384", UINT64_MAX) == 16384);
	assert_true(size_of("16k", UINT64_MAX) == 16384);
	assert_true(size_of("2M", UINT64_MAX) == 2097152);
	assert_true(size_of("3g", UINT64_MAX) == 3221225472u);
	assert_true(size_of("0", 0) == 0);
	assert_int_equal(d.count[DIAG_ALERT], 0);
}

static void test_bad_sizes_are_refused(void **state)
{
	static const char *const bad[] = { "", "k", "1kb", "1t", "-1", "1.5k", "99999999999999999999",
		"99999999999999999g", "1025" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(size_of(bad[i], 1024) == 7);
	assert_int_equal(d.count[DIAG_ALERT], sizeof(bad) / sizeof(bad[0]));
	assert_string_equal(last_text(), "tune.bufsize must be at most 1024 bytes, not 1025");
}

static void test_a_choice_is_one_of_its_words(void **state)
{
	static const char *const modes[] = { "http", "tcp", "health", NULL };
	struct token good = word("tcp"), bad = word("htpt"), far = word("spop"), empty = word("");
	unsigned index = 9;

	(void)state;
	assert_int_equal(token_choice(&good, "mode", modes, &index, &d), 0);
	assert_int_equal(index, 1);
	assert_int_equal(token_choice(&bad, "mode", modes, &index, &d), -EINVAL);
	assert_string_equal(last_text(), "mode must be http, tcp or health, not 'htpt'");
	assert_string_equal(last_entry()->hint, "did you mean 'http'?");
	assert_int_equal(token_choice(&far, "mode", modes, &index, &d), -EINVAL);
	assert_null(last_entry()->hint);
	assert_int_equal(token_choice(&empty, "mode", modes, &index, &d), -EINVAL);
	assert_string_equal(last_text(), "mode needs http, tcp or health");
	assert_int_equal(index, 1);
}

static void test_many_choices_are_cut_short(void **state)
{
	enum { COUNT = 200 };
	const char *words[COUNT + 1] = { 0 };
	struct token t = word("zzzzzz");
	unsigned index;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		words[i] = "something";
	assert_int_equal(token_choice(&t, "x", words, &index, &d), -EINVAL);
	assert_non_null(strstr(last_text(), "something, ..., not 'zzzzzz'"));
}

static int args(size_t given, size_t min, size_t max)
{
	struct token words[6];

	for (size_t i = 0; i < 6; i++) {
		words[i] = word(i ? "arg" : "bind");
		words[i].at.column = (unsigned)(i + 1);
	}
	return line_args(&(struct line){ words, given + 1 }, min, max, &d);
}

static void test_the_number_of_arguments_is_checked(void **state)
{
	(void)state;
	assert_int_equal(args(1, 1, 1), 0);
	assert_int_equal(args(3, 1, 3), 0);
	assert_int_equal(args(0, 1, 1), -EINVAL);
	assert_string_equal(last_text(), "'bind' needs 1 argument, but 0 are given");
	assert_int_equal(last_entry()->at.column, 2);
	assert_int_equal(args(1, 2, 4), -EINVAL);
	assert_string_equal(last_text(), "'bind' needs at least 2 arguments, but 1 is given");
	assert_int_equal(args(4, 1, 2), -EINVAL);
	assert_string_equal(last_text(), "'bind' takes at most 2 arguments, and this is one more");
	assert_int_equal(last_entry()->at.column, 4);
	assert_int_equal(args(1, 0, 0), -EINVAL);
	assert_string_equal(last_text(), "'bind' takes no argument");
	assert_int_equal(last_entry()->at.column, 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_whole_numbers_within_bounds_are_read),
		CASE(test_numbers_out_of_bounds_are_refused),
		CASE(test_what_is_no_number_is_refused),
		CASE(test_times_have_units),
		CASE(test_microseconds_are_rounded_up),
		CASE(test_times_over_31_bits_are_refused),
		CASE(test_an_unknown_time_unit_is_pointed_at),
		CASE(test_a_quoted_word_is_pointed_at_as_a_whole),
		CASE(test_sizes_have_units),
		CASE(test_bad_sizes_are_refused),
		CASE(test_a_choice_is_one_of_its_words),
		CASE(test_many_choices_are_cut_short),
		CASE(test_the_number_of_arguments_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
