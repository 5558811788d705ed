/* test_fetch_internal: constants, dates, random values, environment. */
#include <unistd.h>

#include "sample_test.h"

static void test_constants(void **state)
{
	(void)state;
	assert_eval("always_true", "1");
	assert_eval("always_false", "0");
	assert_eval("str(x)", "x");
	assert_eval("int(-3)", "-3");
	assert_eval("bool(true)", "1");
	assert_eval("bool(1)", "1");
	assert_eval("bool(false)", "0");
	assert_eval("bool(0)", "0");
	assert_eval("ipv4(1.2.3.4)", "1.2.3.4");
	assert_eval("ipv6(::1)", "::1");
	assert_eval("meth(PATCH)", "PATCH");
	assert_eval("bin(4a4B)", "JK");
}

static void test_constants_are_checked(void **state)
{
	(void)state;
	assert_eval("bool(yes)", "error: fetch 'bool' expects 'true', 'false', '1' or '0'");
	assert_eval("bin(abc)", "error: fetch 'bin' expects an even number of hexadecimal digits");
	assert_eval("bin(zz)", "error: fetch 'bin' expects an even number of hexadecimal digits");
}

static void test_date_has_unit_and_offset(void **state)
{
	(void)state;
	assert_eval("date", "1700000000");
	assert_eval("date(10)", "1700000010");
	assert_eval("date(-10,s)", "1699999990");
	assert_eval("date(5,ms)", "1700000000128");
	assert_eval("date(,us)", "1700000000123456");
	assert_eval("date(9223372036854775807)", "9223372036854775807");
	assert_eval("date(1,q)", "error: fetch 'date' expects 's', 'ms' or 'us' as unit");
}

static void test_env_is_read_at_load(void **state)
{
	struct token t = token_of("env(BALLAST_TEST_VALUE)");
	struct sample s;
	(void)state;
	setenv("BALLAST_TEST_VALUE", "before", 1);
	struct expr *e = expr_parse_token(&t, PHASE_REQUEST, &world.config, &world.diag);
	setenv("BALLAST_TEST_VALUE", "after", 1);
	assert_true(expr_eval(e, &world.ctx, SAMPLE_STR, &s));
	assert_string_equal(keep_text(s.str), "before");
	unsetenv("BALLAST_TEST_VALUE");
	assert_eval("env(BALLAST_TEST_VALUE)", "(none)");
}

static void test_hostname_is_this_host(void **state)
{
	char name[256];
	(void)state;
	assert_int_equal(gethostname(name, sizeof name), 0);
	assert_eval("hostname", name);
}

static void test_rand_stays_in_its_range(void **state)
{
	unsigned seen[4] = { 0 };
	(void)state;
	for (int i = 0; i < 2000; i++) {
		int64_t n = strtoll(eval("rand(4)"), NULL, 10);
		assert_in_range(n, 0, 3);
		seen[n]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(seen[i], 350, 650);
	assert_eval("rand(1)", "0");
	assert_eval("rand(0)", "0");
	assert_eval("rand(-1)", "error: fetch 'rand' expects a range that is not negative");
}

static void test_rand_defaults_to_32_bits(void **state)
{
	uint64_t all = 0;
	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t n = strtoull(eval("rand"), NULL, 10);
		assert_true(n <= UINT32_MAX);
		all |= n;
	}
	assert_int_equal(all, UINT32_MAX);
}

static void check_uuid(const char *uuid, char version)
{
	assert_int_equal(strlen(uuid), 36);
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		assert_true(dash ? uuid[i] == '-' : strchr("0123456789abcdef", uuid[i]) != NULL);
	}
	assert_int_equal(uuid[14], version);
	assert_non_null(strchr("89ab", uuid[19]));
}

static void test_uuid_is_of_its_version(void **state)
{
	const char *first;
	(void)state;
	check_uuid(eval("uuid(4)"), '4');
	first = arena_strdup(&world.config, eval("uuid"));
	check_uuid(first, '4');
	assert_string_not_equal(eval("uuid"), first);
	assert_eval("uuid(5)", "error: fetch 'uuid' knows the versions 4 and 7 only");
}

static void test_uuid_7_begins_with_the_time(void **state)
{
	char time[32];
	(void)state;
	check_uuid(eval("uuid(7)"), '7');
	snprintf(time, sizeof time, "%012llx", 1700000000123ull);
	assert_memory_equal(world.text, time, 8);
	assert_memory_equal(world.text + 9, time + 8, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_constants),
		world_test(test_constants_are_checked),
		world_test(test_date_has_unit_and_offset),
		world_test(test_env_is_read_at_load),
		world_test(test_hostname_is_this_host),
		world_test(test_rand_stays_in_its_range),
		world_test(test_rand_defaults_to_32_bits),
		world_test(test_uuid_is_of_its_version),
		world_test(test_uuid_7_begins_with_the_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
