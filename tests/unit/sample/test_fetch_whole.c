/* test_fetch_whole: hashes, names and headers of messages; values as HAProxy 3.2 gave them. */
#include "sample_test.h"

static void test_hashes_of_what_is_asked_for(void **state)
{
	(void)state;
	set_source("127.0.0.1", 1);
	set_request("GET /a/b;c?x=1&y=2 HTTP/1.1\r\nHost: Example.org:8080\r\n\r\n");
	assert_eval("base32", "3720586684");
	assert_eval("base32+src,hex", "DDC3A5BC7F000001");
	assert_eval("url32", "3042264277");
	assert_eval("url32+src,hex", "B55544D57F000001");
	assert_eval("base,sdbm(1)", "3720586684");
}

static void test_addresses_in_absolute_urls(void **state)
{
	(void)state;
	set_request("GET http://192.0.2.1:81/ HTTP/1.1\r\nHost: 192.0.2.1:81\r\n\r\n");
	assert_eval("url_ip", "192.0.2.1");
	assert_eval("url_port", "81");
	set_request("GET http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n");
	assert_eval("url_port", "80");
	set_request("GET http://name/ HTTP/1.1\r\nHost: name\r\n\r\n");
	assert_eval("url_ip", "(none)");
	set_request("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_eval("url_ip", "(none)");
}

static void test_names_are_joined(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n\r\n");
	assert_eval("req.hdr_names", "host,x-a,cookie,cookie");
	assert_eval("req.hdr_names(;)", "host;x-a;cookie;cookie");
	assert_eval("req.cook_names", "a,b,c");
	assert_eval("req.cook_names(|)", "a|b|c");
	assert_eval("req.hdrs", "host: h\r\nx-a: 1\r\ncookie: a=1; b=2\r\ncookie: c=3\r\n\r\n");
	set_response("HTTP/1.1 200 OK\r\nSet-Cookie: s=1; Path=/\r\nSet-Cookie: t=2\r\n\r\n");
	assert_eval("res.cook_names", "s,t");
	assert_eval("res.hdr_names", "set-cookie,set-cookie");
	assert_eval("res.hdrs", "set-cookie: s=1; Path=/\r\nset-cookie: t=2\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_hashes_of_what_is_asked_for),
		world_test(test_addresses_in_absolute_urls),
		world_test(test_names_are_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
