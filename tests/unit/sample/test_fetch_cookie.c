/* test_fetch_cookie: cookies of requests and responses, as HAProxy 3.2 answered. */
#include "sample_test.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n"
			      "Cookie: c1=v1; c2 = v2 ;c1=v3; c4=; c5; =c6; c7=\"q;r\"; c8=a=b\r\n"
			      "cookie: c1=last; e=1,f=2\r\n\r\n";

static void test_named_cookie_is_the_last(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.cook(c1)", "last");
	assert_eval("cook(c2)", "v2");
	assert_eval("cookie(c1)", "last");
	assert_eval("req.cook(c4)", "");
	assert_eval("req.cook(c7)", "\"q;r\"");
	assert_eval("req.cook(c8)", "a=b");
	assert_eval("req.cook(e)", "1");
	assert_eval("req.cook(f)", "2");
}

static void test_what_is_no_cookie_is_not_found(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.cook(c5)", "(none)");
	assert_eval("req.cook(C1)", "(none)");
	assert_eval("req.cook(r\")", "error: fetch 'req.cook' has a quote that is never closed");
	assert_eval("req.cook(nope)", "(none)");
}

static void test_unnamed_cookie_is_the_first(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.cook", "v1");
}

static void test_all_cookies_are_gone_through(void **state)
{
	(void)state;
	set_request(request);
	assert_string_equal(eval_all("req.cook(c1)"), "v1|v3|last|");
	assert_string_equal(eval_all("req.cook"), "v1|v2|v3||c6|\"q;r\"|a=b|last|1|2|");
}

static void test_counts_and_numbers(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.cook_cnt(c1)", "3");
	assert_eval("cook_cnt", "10");
	assert_eval("req.cook_cnt(nope)", "0");
	assert_eval("req.cook_val(e)", "1");
	assert_eval("cook_val(c1)", "0");
	assert_eval("req.cook_val(nope)", "(none)");
}

static void test_response_sets_one_cookie_a_field(void **state)
{
	(void)state;
	set_response("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/; Max-Age=5\r\nSet-Cookie: b=2\r\nSet-Cookie: a=3; "
		     "Secure\r\n\r\n");
	assert_eval("res.cook(a)", "3");
	assert_eval("scook(b)", "2");
	assert_eval("cookie(b)", "2");
	assert_eval("res.cook", "1");
	assert_eval("res.cook(Path)", "(none)");
	assert_eval("res.cook_cnt", "3");
	assert_eval("scook_cnt(a)", "2");
	assert_eval("res.cook_val(a)", "3");
	assert_eval("scook_val(b)", "2");
	assert_string_equal(eval_all("res.cook(a)"), "1|3|");
}

static void test_messages_without_cookies(void **state)
{
	(void)state;
	assert_eval("req.cook", "(none)");
	assert_eval("req.cook_cnt", "(none)");
	assert_eval("req.cook_val", "(none)");
	set_request("GET / HTTP/1.1\r\nHost: h\r\nCookie: \r\nCookie: ;;,\r\n\r\n");
	assert_eval("req.cook", "(none)");
	assert_eval("req.cook_cnt", "0");
	assert_eval("req.cook(a)", "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_named_cookie_is_the_last),
		world_test(test_what_is_no_cookie_is_not_found),
		world_test(test_unnamed_cookie_is_the_first),
		world_test(test_all_cookies_are_gone_through),
		world_test(test_counts_and_numbers),
		world_test(test_response_sets_one_cookie_a_field),
		world_test(test_messages_without_cookies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
