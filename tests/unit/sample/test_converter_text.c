/* test_converter_text: text that has a form of its own; values as HAProxy 3.2 gave them where it follows its manual. */
#include "sample_test.h"

static void test_trimming(void **state)
{
	(void)state;
	assert_eval("str(  ab ),ltrim(\" \")", "ab ");
	assert_eval("str(xxabxx),ltrim(x),rtrim(x)", "ab");
	assert_eval("str(xyx),ltrim(xy)", "");
	assert_eval("str(xyx),rtrim(yx)", "");
	assert_eval("bin(610a62),cut_crlf", "a");
	assert_eval("bin(610d62),cut_crlf", "a");
	assert_eval("str(abc),cut_crlf", "abc");
}

static void test_percent_encoding(void **state)
{
	(void)state;
	assert_eval("str(a b&c=d/\xc3\xa9~-_.!),url_enc", "a%20b%26c%3Dd%2F%C3%A9~-_.%21");
	assert_eval("str(a b),url_enc(query)", "a%20b");
	assert_eval("str(),url_enc", "");
	assert_eval("str(a),url_enc(other)", "error: converter 'url_enc' knows the type 'query' only");
}

static void test_parameters(void **state)
{
	(void)state;
	assert_eval("str(a=b&c=d&a=r),param(a)", "b");
	assert_eval("str(a&b=c),param(a)", "");
	assert_eval("str(a=&b&c=a),param(b)", "");
	assert_eval("str(a=1;b=2;c=4),param(b,;)", "2");
	assert_eval("str(ab=1),param(a)", "(none)");
	assert_eval("str(),param(a)", "(none)");
	assert_eval("str(a),param(a,&&)", "error: converter 'param' expects one character as delimiter");
}

static void test_hosts_and_ports(void **state)
{
	(void)state;
	assert_eval("str(Example.org:8080),host_only", "example.org");
	assert_eval("str(Example.org:8080),port_only", "8080");
	assert_eval("str([::1]:80),host_only", "[::1]");
	assert_eval("str([::1]:80),port_only", "80");
	assert_eval("str([::1]),host_only", "[::1]");
	assert_eval("str([::1]),port_only", "0");
	assert_eval("str(Example.org:),host_only", "example.org");
	assert_eval("str(Example.org:),port_only", "0");
	assert_eval("str(Example.org),port_only", "0");
	assert_eval("str(127.0.0.1:80),host_only", "127.0.0.1");
	assert_eval("str(::1),host_only", "::1");
	assert_eval("str(8080),port_only", "0");
	assert_eval("str(),host_only", "");
	assert_eval("str(:),host_only", "");
}

static void test_hexadecimal_numbers(void **state)
{
	(void)state;
	assert_eval("str(0a1F),hex2i", "2591");
	assert_eval("str(f),hex2i", "15");
	assert_eval("str(),hex2i", "0");
	assert_eval("str(ffffffffffffffff),hex2i", "-1");
	assert_eval("str(0x1),hex2i", "(none)");
	assert_eval("int(305419896),htonl,hex", "12345678");
	assert_eval("int(-1),htonl,hex", "FFFFFFFF");
}

static void test_control_characters(void **state)
{
	(void)state;
	assert_eval("bin(0a),has_ctl", "1");
	assert_eval("bin(7f),has_ctl", "1");
	assert_eval("bin(09),has_ctl", "0");
	assert_eval("bin(09),has_ctl(any)", "1");
	assert_eval("bin(0d),has_ctl(http)", "1");
	assert_eval("bin(7f),has_ctl(http)", "0");
	assert_eval("bin(7f),has_ctl(0x100002401)", "1");
	assert_eval("bin(2080ff),has_ctl(any)", "0");
	assert_eval("str(a),has_ctl(x)", "error: converter 'has_ctl' expects 'any', 'http' or a mask of 33 bits");
	assert_eval("str(a),has_ctl(0x200000000)",
		"error: converter 'has_ctl' expects 'any', 'http' or a mask of 33 bits");
}

static void test_languages(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: h\r\nAccept-Language: fr;q=0.5, en-US, es;q=0.8\r\n\r\n");
	assert_eval("req.fhdr(accept-language),language(es;fr;en)", "en");
	assert_eval("req.fhdr(accept-language),language(es;fr)", "es");
	assert_eval("req.fhdr(accept-language),language(fr)", "fr");
	assert_eval("req.fhdr(accept-language),language(en-US;es)", "en-US");
	assert_eval("req.fhdr(accept-language),language(de,xx)", "xx");
	assert_eval("req.fhdr(accept-language),language(de)", "(none)");
	assert_eval("str(\"a;q=0,b;q=0.001,c\"),language(a;b)", "b");
	assert_eval("str(\"b,a\"),language(a;b)", "b");
	assert_eval("str(\",;q=1,\"),language(a)", "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_trimming),
		world_test(test_percent_encoding),
		world_test(test_parameters),
		world_test(test_hosts_and_ports),
		world_test(test_hexadecimal_numbers),
		world_test(test_control_characters),
		world_test(test_languages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
