/* test_msg_edit: rules that rewrite the start line keep target, path, query and Host in step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "http_parse.h"

static struct parsed p;
static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	parse_request(&p, "GET /a/b?c=d HTTP/1.1\r\nHost: h\r\n\r\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

static void assert_slice(struct slice s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.ptr, text, s.len);
}

static void test_new_path_keeps_the_query(void **state)
{
	(void)state;
	assert_int_equal(msg_set_path(&p.msg, SLICE("/x"), &arena), 0);
	assert_slice(p.msg.target, "/x?c=d");
	assert_slice(p.msg.path, "/x");
	assert_slice(p.msg.query, "c=d");
	assert_sent(&p, "GET /x?c=d HTTP/1.1\r\nHost: h\r\n", 2);
}

static void test_new_path_may_bring_a_query(void **state)
{
	(void)state;
	assert_int_equal(msg_set_path(&p.msg, SLICE("/x?y"), &arena), 0);
	assert_slice(p.msg.path, "/x");
	assert_slice(p.msg.query, "y?c=d");
}

static void test_new_query_keeps_the_path(void **state)
{
	(void)state;
	assert_int_equal(msg_set_query(&p.msg, SLICE("n=1"), &arena), 0);
	assert_slice(p.msg.target, "/a/b?n=1");
	assert_sent(&p, "GET /a/b?n=1 HTTP/1.1\r\nHost: h\r\n", 2);
}

static void test_empty_query_keeps_the_question_mark(void **state)
{
	(void)state;
	assert_int_equal(msg_set_query(&p.msg, SLICE(""), &arena), 0);
	assert_slice(p.msg.target, "/a/b?");
}

static void test_empty_query_adds_no_question_mark(void **state)
{
	(void)state;
	parse_request(&p, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(msg_set_query(&p.msg, SLICE(""), &arena), 0);
	assert_slice(p.msg.target, "/a");
	assert_sent(&p, "GET /a HTTP/1.1\r\nHost: h\r\n", 1);
}

static void test_absolute_form_keeps_scheme_and_authority(void **state)
{
	(void)state;
	parse_request(&p, "GET http://h:1/a?b HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(msg_set_path(&p.msg, SLICE("/n"), &arena), 0);
	assert_slice(p.msg.target, "http://h:1/n?b");
	assert_int_equal(msg_set_query(&p.msg, SLICE("q"), &arena), 0);
	assert_slice(p.msg.target, "http://h:1/n?q");
	assert_sent(&p, "GET /n?q HTTP/1.1\r\nHost: h:1\r\n", 2);
}

static void test_absolute_target_becomes_the_host(void **state)
{
	(void)state;
	assert_int_equal(msg_set_target(&p.msg, SLICE("https://new/z"), &arena), 0);
	assert_true(p.msg.flags & MSG_ABSOLUTE_FORM);
	assert_slice(p.msg.authority, "new");
	assert_null(p.msg.query.ptr);
	assert_sent(&p, "GET /z HTTP/1.1\r\nHost: new\r\n", 2);
}

static void test_origin_target_ends_the_absolute_form(void **state)
{
	(void)state;
	parse_request(&p, "GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(msg_set_target(&p.msg, SLICE("/c"), &arena), 0);
	assert_false(p.msg.flags & MSG_ABSOLUTE_FORM);
	assert_sent(&p, "GET /c HTTP/1.1\r\nHost: h\r\n", 2);
}

static void test_path_of_asterisk_becomes_origin_form(void **state)
{
	(void)state;
	parse_request(&p, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(msg_set_path(&p.msg, SLICE("/x"), &arena), 0);
	assert_false(p.msg.flags & MSG_ASTERISK_FORM);
	assert_sent(&p, "OPTIONS /x HTTP/1.1\r\nHost: h\r\n", 2);
}

static void test_what_would_split_the_request_is_refused(void **state)
{
	static const char *const bad[] = { "/a b", "/a\r\nX: y", "/\t", "/\n", "/#", "/\x7f", "/\x80", "", "x" };

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(msg_set_path(&p.msg, slice_from_str(bad[i]), &arena), -EINVAL);
		assert_int_equal(msg_set_target(&p.msg, slice_from_str(bad[i]), &arena), -EINVAL);
	}
	assert_int_equal(msg_set_path(&p.msg, slice_of("/\0", 2), &arena), -EINVAL);
	assert_int_equal(msg_set_query(&p.msg, SLICE("a b"), &arena), -EINVAL);
	assert_int_equal(msg_set_query(&p.msg, SLICE("a#b"), &arena), -EINVAL);
	assert_sent(&p, "GET /a/b?c=d HTTP/1.1\r\nHost: h\r\n", 1);
}

static void test_connect_has_no_path(void **state)
{
	(void)state;
	parse_request(&p, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
	assert_int_equal(msg_set_path(&p.msg, SLICE("/x"), &arena), -EINVAL);
	assert_int_equal(msg_set_query(&p.msg, SLICE("x"), &arena), -EINVAL);
	assert_int_equal(msg_set_target(&p.msg, SLICE("o:2"), &arena), 0);
	assert_sent(&p, "CONNECT o:2 HTTP/1.1\r\nHost: o:2\r\n", 2);
}

static void test_host_without_room_is_refused(void **state)
{
	(void)state;
	parse_request(&p, "GET / HTTP/1.0\r\n\r\n");
	p.msg.field_max = 0;
	assert_int_equal(msg_set_target(&p.msg, SLICE("http://h/"), &arena), -ENOSPC);
}

static void test_new_method(void **state)
{
	(void)state;
	msg_set_method(&p.msg, SLICE("POST"));
	assert_int_equal(p.msg.method, METHOD_POST);
	assert_sent(&p, "POST /a/b?c=d HTTP/1.1\r\nHost: h\r\n", 2);
}

static void test_new_status(void **state)
{
	(void)state;
	parse_response(&p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	msg_set_status(&p.msg, 503, slice_of(NULL, 0));
	assert_sent(&p, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n", 2);
	msg_set_status(&p.msg, 299, SLICE("Mine"));
	assert_sent(&p, "HTTP/1.1 299 Mine\r\nContent-Length: 0\r\n", 2);
	msg_set_status(&p.msg, 200, SLICE(""));
	assert_sent(&p, "HTTP/1.1 200 \r\nContent-Length: 0\r\n", 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new_path_keeps_the_query),
		TEST(test_new_path_may_bring_a_query),
		TEST(test_new_query_keeps_the_path),
		TEST(test_empty_query_keeps_the_question_mark),
		TEST(test_empty_query_adds_no_question_mark),
		TEST(test_absolute_form_keeps_scheme_and_authority),
		TEST(test_absolute_target_becomes_the_host),
		TEST(test_origin_target_ends_the_absolute_form),
		TEST(test_path_of_asterisk_becomes_origin_form),
		TEST(test_what_would_split_the_request_is_refused),
		TEST(test_connect_has_no_path),
		TEST(test_host_without_room_is_refused),
		TEST(test_new_method),
		TEST(test_new_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
