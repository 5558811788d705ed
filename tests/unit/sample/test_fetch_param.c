/* test_fetch_param: parameters in the URL, as HAProxy 3.2 answered. */
#include "sample_test.h"

static const char request[] = "GET /a/b.png;x=0?p=1&q=&p=2;r=3&&=e&Q=4&z HTTP/1.1\r\nHost: h\r\n\r\n";

static void test_named_parameter_is_the_first(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("urlp(p)", "1");
	assert_eval("url_param(p)", "1");
	assert_eval("urlp(q)", "");
	assert_eval("urlp(r)", "3");
	assert_eval("urlp(Q)", "4");
	assert_eval("urlp(P)", "(none)");
	assert_eval("urlp(P,,i)", "1");
	assert_eval("urlp(nope)", "(none)");
}

static void test_name_without_equals_is_no_parameter(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("urlp(z)", "(none)");
}

static void test_without_name_any_matches(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("urlp", "1");
	assert_eval("urlp()", "1");
	assert_string_equal(eval_all("urlp"), "1||2|3|e|4|");
	assert_string_equal(eval_all("urlp(p)"), "1|2|");
}

static void test_own_delimiter_begins_in_the_path(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("urlp(x)", "(none)");
	assert_eval("urlp(x,;)", "0?p=1");
	assert_eval("urlp(p,;)", "2");
	assert_eval("urlp(,;)", "0?p=1");
	set_request("GET /a;s=1 HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_eval("urlp(s,;)", "1");
	assert_eval("urlp(s)", "(none)");
	set_request("GET /a?s=1!t=2 HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_eval("urlp(t,!)", "2");
	assert_eval("urlp(t)", "(none)");
}

static void test_values_come_undecoded(void **state)
{
	(void)state;
	set_request("GET /p?x=%41+b?c=d HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_eval("urlp(x)", "%41+b?c=d");
	assert_eval("urlp(x),url_dec(1)", "A b?c=d");
}

static void test_value_as_integer(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("urlp_val(p)", "1");
	assert_eval("urlp_val(q)", "0");
	assert_eval("urlp_val(nope)", "(none)");
	assert_string_equal(eval_all("urlp_val(p)"), "1|2|");
}

static void test_requests_without_parameters(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /? HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /?&&; HTTP/1.1\r\nHost: h\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	};
	(void)state;
	assert_eval("urlp", "(none)");
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
		set_request(heads[i]);
		assert_eval("urlp", "(none)");
		assert_eval("urlp(a,;)", "(none)");
	}
}

static void test_third_argument_is_checked(void **state)
{
	(void)state;
	assert_eval("urlp(a,,x)", "error: fetch 'urlp' knows 'i' only as its third argument");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_named_parameter_is_the_first),
		world_test(test_name_without_equals_is_no_parameter),
		world_test(test_without_name_any_matches),
		world_test(test_own_delimiter_begins_in_the_path),
		world_test(test_values_come_undecoded),
		world_test(test_value_as_integer),
		world_test(test_requests_without_parameters),
		world_test(test_third_argument_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
