/* test_converter_date: dates of HTTP and strftime(3); values as HAProxy 3.2 gave them. */
#include "sample_test.h"

static void test_http_date(void **state)
{
	(void)state;
	assert_eval("int(784111777),http_date", "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_eval("int(784111777),http_date(3600)", "Sun, 06 Nov 1994 09:49:37 GMT");
	assert_eval("int(784111777000),http_date(0,ms)", "Sun, 06 Nov 1994 08:49:37.000 GMT");
	assert_eval("int(784111777000000),http_date(-1000000,us)", "Sun, 06 Nov 1994 08:49:36.000000 GMT");
	assert_eval("int(9223372036854775807),http_date(1)", "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_eval("int(1),http_date(0,x)", "error: converter 'http_date' expects 's', 'ms' or 'us' as unit");
}

static void test_date_reads_three_forms(void **state)
{
	(void)state;
	assert_eval("str(\"Sun, 06 Nov 1994 08:49:37 GMT\"),date", "784111777");
	assert_eval("str(\"Sunday, 06-Nov-94 08:49:37 GMT\"),date", "784111777");
	assert_eval("str(\"Sun Nov  6 08:49:37 1994\"),date", "784111777");
	assert_eval("str(\"Sunday, 06-Nov-30 08:49:37 GMT\"),date", "1920185377"); /* the world's clock says 2023 */
	assert_eval("str(x),date", "(none)");
	assert_eval("str(\"Sun, 06 Nov 1994 08:49:37 GMT \"),date", "(none)");
	assert_eval("str(\"Sunday, 06-Nov-\"),date", "(none)");
	assert_eval("str(),date", "(none)");
}

static void test_times_as_strftime_has_them(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	assert_eval("int(784111777),utime(\"%Y-%m-%d %H:%M:%S %z\")", "1994-11-06 08:49:37 +0000");
	assert_eval("int(784111777),utime(%S,60)", "37");
	assert_eval("int(784111777),utime(%M,60)", "50");
	assert_eval("int(784111777),ltime(%Y%m%d%H%M%S)", "19941106084937");
	assert_eval("int(9223372036854775807),utime(%Y)", "(none)");
}

static void test_fractions_of_seconds(void **state)
{
	(void)state;
	assert_eval("int(784111777123),ms_utime(%H:%M:%S.%3N)", "08:49:37.123");
	assert_eval("int(784111777123),ms_utime(%H:%M:%S.%N)", "08:49:37.123000000");
	assert_eval("int(784111777123),ms_utime(%%N%S)", "%N37");
	assert_eval("int(784111777123456),us_utime(%H:%M:%S.%6N)", "08:49:37.123456");
	assert_eval("int(784111777123456),us_utime(%S.%0N)", "37.");
	assert_eval("int(784111777123456),us_ltime(%M:%S.%9N,1000000)", "49:38.123456000");
	assert_eval("int(-1500),ms_utime(%H:%M:%S.%3N)", "23:59:58.500");
	assert_eval("int(0),utime(%N)", "%N");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_http_date),
		world_test(test_date_reads_three_forms),
		world_test(test_times_as_strftime_has_them),
		world_test(test_fractions_of_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
