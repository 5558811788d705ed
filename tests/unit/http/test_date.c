/* test_date: IMF-fixdate. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ballast/http/date.h"

static void assert_date(time_t t, const char *text)
{
	char out[HTTP_DATE_BYTES];

	http_date_format(t, out);
	assert_memory_equal(out, text, HTTP_DATE_BYTES);
}

static void test_dates(void **state)
{
	(void)state;
	assert_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 section 5.6.7 */
	assert_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_date(951782399, "Mon, 28 Feb 2000 23:59:59 GMT");
	assert_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
	assert_date(2147483648, "Tue, 19 Jan 2038 03:14:08 GMT");
	assert_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void test_years_without_four_digits_are_clamped(void **state)
{
	(void)state;
	assert_date(253402300800, "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_date(INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT");
}

static void test_cache_follows_the_second(void **state)
{
	(void)state;
	assert_memory_equal(http_date(0).ptr, "Thu, 01 Jan 1970 00:00:00 GMT", 29);
	assert_memory_equal(http_date(1).ptr, "Thu, 01 Jan 1970 00:00:01 GMT", 29);
	assert_memory_equal(http_date(1).ptr, "Thu, 01 Jan 1970 00:00:01 GMT", 29);
	assert_memory_equal(http_date(0).ptr, "Thu, 01 Jan 1970 00:00:00 GMT", 29);
	assert_int_equal(http_date(0).len, HTTP_DATE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_years_without_four_digits_are_clamped),
		cmocka_unit_test(test_cache_follows_the_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
