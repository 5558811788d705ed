/* test_uri: bytes, hosts and forms of a target (more of them in tests/corpus/h1/target.txt and host.txt). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "ballast/http/uri.h"

static ptrdiff_t first_bad(const char *text)
{
	return uri_find_bad(text, text + strlen(text)) - text;
}

static void test_first_bad_byte(void **state)
{
	(void)state;
	assert_int_equal(first_bad(""), 0);
	assert_int_equal(first_bad("/a?b"), 4);
	assert_int_equal(first_bad("/a b"), 2);
	assert_int_equal(first_bad("/%20x"), 5);
	assert_int_equal(first_bad("/%2"), 1);
	assert_int_equal(first_bad("/%20%zz"), 4);
	assert_int_equal(first_bad("/a#"), 2);
}

static void test_every_byte_is_in_the_grammar_or_not(void **state)
{
	static const char good[] = "-._~!$&'()*+,;=:@/?[]";

	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool wanted = alnum || (c && strchr(good, c));
		assert_int_equal(uri_find_bad(&byte, &byte + 1) == &byte + 1, wanted);
	}
}

static void test_port_of_connect(void **state)
{
	(void)state;
	assert_true(uri_authority_with_port_valid(SLICE("a:1")));
	assert_true(uri_authority_with_port_valid(SLICE("[::1]:65535")));
	assert_false(uri_authority_with_port_valid(SLICE("a")));
	assert_false(uri_authority_with_port_valid(SLICE("a:")));
	assert_false(uri_authority_with_port_valid(SLICE("a:0")));
	assert_false(uri_authority_with_port_valid(SLICE("a:65536")));
	assert_false(uri_authority_with_port_valid(SLICE(":1")));
	assert_false(uri_authority_with_port_valid(SLICE("")));
}

static void test_empty_host_is_valid(void **state)
{
	(void)state;
	assert_true(uri_host_valid(SLICE("")));
	assert_true(uri_host_valid(slice_of(NULL, 0)));
	assert_true(uri_host_valid(SLICE("a:")));
	assert_false(uri_host_valid(SLICE(":")));
	assert_false(uri_host_valid(slice_of("[::1\0]", 6)));
}

static void test_forms_follow_the_method(void **state)
{
	struct msg get = { .method = METHOD_GET }, options = { .method = METHOD_OPTIONS },
		   connect = { .method = METHOD_CONNECT };

	(void)state;
	assert_int_equal(uri_split_target(&get, SLICE("*")), -EINVAL);
	assert_int_equal(uri_split_target(&get, SLICE("a:1")), -EINVAL);
	assert_int_equal(uri_split_target(&get, SLICE("")), -EINVAL);
	assert_int_equal(uri_split_target(&get, SLICE("/p?q")), 0);
	assert_int_equal(get.path.len, 2);
	assert_int_equal(get.query.len, 1);
	assert_int_equal(uri_split_target(&options, SLICE("*")), 0);
	assert_true(options.flags & MSG_ASTERISK_FORM);
	assert_int_equal(uri_split_target(&connect, SLICE("/")), -EINVAL);
	assert_int_equal(uri_split_target(&connect, SLICE("a:1")), 0);
	assert_true(connect.flags & MSG_AUTHORITY_FORM);
	assert_int_equal(connect.path.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_bad_byte),
		cmocka_unit_test(test_every_byte_is_in_the_grammar_or_not),
		cmocka_unit_test(test_port_of_connect),
		cmocka_unit_test(test_empty_host_is_valid),
		cmocka_unit_test(test_forms_follow_the_method),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
