/* test_fetch_http: the request line and the status line, in every form of a target. */
#include "sample_test.h"

static void test_parts_of_a_target(void **state)
{
	(void)state;
	set_request("GET /a/b.png;x=0?p=1&q=?r HTTP/1.1\r\nHost: Example.COM:80\r\n\r\n");
	assert_eval("path", "/a/b.png;x=0");
	assert_eval("pathq", "/a/b.png;x=0?p=1&q=?r");
	assert_eval("url", "/a/b.png;x=0?p=1&q=?r");
	assert_eval("query", "p=1&q=?r");
	assert_eval("query(with_qm)", "?p=1&q=?r");
	assert_eval("base", "Example.COM:80/a/b.png;x=0");
	assert_eval("baseq", "Example.COM:80/a/b.png;x=0?p=1&q=?r");
}

static void test_absent_and_empty_query_differ(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_eval("query", "(none)");
	assert_eval("query(with_qm)", "(none)");
	assert_eval("pathq", "/");
	set_request("GET /? HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_eval("query", "");
	assert_eval("query(with_qm)", "");
	assert_eval("pathq", "/?");
	assert_eval("query(x)", "error: fetch 'query' knows the option with_qm only");
}

static void test_absolute_target(void **state)
{
	(void)state;
	set_request("GET http://1.2.3.4:8080/p?x HTTP/1.1\r\nHost: 1.2.3.4:8080\r\n\r\n");
	assert_eval("url", "http://1.2.3.4:8080/p?x");
	assert_eval("path", "/p");
	assert_eval("pathq", "/p?x");
	assert_eval("base", "1.2.3.4:8080/p");
	set_request("GET http://Ex.com?x HTTP/1.1\r\nHost: Ex.com\r\n\r\n");
	assert_eval("path", "/");
	assert_eval("pathq", "/?x");
	assert_eval("baseq", "Ex.com/?x");
}

static void test_asterisk_and_authority_have_no_path(void **state)
{
	(void)state;
	set_request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_eval("url", "*");
	assert_eval("path", "(none)");
	assert_eval("pathq", "(none)");
	assert_eval("base", "a");
	set_request("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	assert_eval("url", "h:443");
	assert_eval("path", "(none)");
}

static void test_base_without_host(void **state)
{
	(void)state;
	set_request("GET /x HTTP/1.0\r\n\r\n");
	assert_eval("base", "/x");
}

static void test_method_and_versions(void **state)
{
	(void)state;
	set_request("PURGE /x HTTP/1.0\r\n\r\n");
	assert_eval("method", "PURGE");
	assert_eval("req.ver", "1.0");
	set_request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_eval("req_ver", "1.1");
	world.req.flags |= MSG_H2;
	assert_eval("req.ver", "2.0");
	assert_eval("req.proto_http", "1");
	world.ctx.req = NULL;
	assert_eval("req.proto_http", "0");
	assert_eval("req_proto_http", "0");
}

static void test_response(void **state)
{
	(void)state;
	set_request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
	set_response("HTTP/1.0 404 Not Found\r\n\r\n");
	assert_eval("status", "404");
	assert_eval("res.ver", "1.0");
	assert_eval("resp_ver", "1.0");
	assert_eval("method", "GET");
	world.ctx.phase = PHASE_LOG;
	assert_eval("status", "404");
}

static void test_without_message_there_is_no_value(void **state)
{
	static const char *const request[] = { "path", "pathq", "url", "query", "base", "baseq", "method", "req.ver" };
	(void)state;
	for (unsigned i = 0; i < sizeof request / sizeof *request; i++)
		assert_eval(request[i], "(none)");
	world.ctx.phase = PHASE_RESPONSE;
	assert_eval("status", "(none)");
	assert_eval("res.ver", "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_parts_of_a_target),
		world_test(test_absent_and_empty_query_differ),
		world_test(test_absolute_target),
		world_test(test_asterisk_and_authority_have_no_path),
		world_test(test_base_without_host),
		world_test(test_method_and_versions),
		world_test(test_response),
		world_test(test_without_message_there_is_no_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
