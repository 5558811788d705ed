/* test_msg_serialize: pieces of an unchanged, an edited and a made message. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "http_parse.h"

static void test_unchanged_request_is_one_piece_of_the_buffer(void **state)
{
	struct parsed p;
	struct iovec out[4];
	struct arena a;

	(void)state;
	arena_init(&a);
	parse_request(&p, "\r\nGET / HTTP/1.1\r\nHost: a\r\nAccept:  */*  \r\n\r\n");
	assert_int_equal(msg_serialize_head(&p.msg, out, 4, &a), 1);
	assert_ptr_equal(out[0].iov_base, p.buf + 2);
	assert_int_equal(out[0].iov_len, p.len - 4);
	assert_int_equal(arena_size(&a), 0);
}

static void test_unchanged_response_is_one_piece(void **state)
{
	struct parsed p;

	(void)state;
	parse_response(&p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX:\r\n\r\n");
	assert_sent(&p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX:\r\n", 1);
}

static void test_message_made_here(void **state)
{
	struct field fields[2];
	struct parsed p = { .msg = { .flags = MSG_RESPONSE, .status = 404, .fields = fields, .field_max = 2 } };

	(void)state;
	msg_add(&p.msg, SLICE("A"), SLICE("1"));
	msg_add(&p.msg, SLICE("B"), slice_of(NULL, 0));
	assert_sent(&p, "HTTP/1.1 404 Not Found\r\nA: 1\r\nB: \r\n", 2);
}

static void test_request_of_http2_has_a_made_line(void **state)
{
	struct parsed p = {
		.msg = { .flags = MSG_H2, .method_name = SLICE("GET"), .path = SLICE("/x"), .query = SLICE("y") }
	};

	(void)state;
	assert_sent(&p, "GET /x?y HTTP/1.1\r\n", 1);
}

static void test_too_few_pieces_is_told(void **state)
{
	struct parsed p;
	struct iovec out[3];
	struct arena a;

	(void)state;
	arena_init(&a);
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
	msg_delete(&p.msg, SLICE("A"));
	assert_int_equal(msg_serialize_head(&p.msg, out, 1, &a), -ENOSPC);
	assert_int_equal(msg_serialize_head(&p.msg, out, 2, &a), 2);
	msg_set_value_at(&p.msg, 2, SLICE("x"));
	assert_int_equal(msg_serialize_head(&p.msg, out, 2, &a), -ENOSPC);
	assert_int_equal(msg_serialize_head(&p.msg, out, 3, &a), 3);
	assert_int_equal(msg_serialize_head(&p.msg, out, 0, &a), -ENOSPC);
	arena_reset(&a);
}

static void test_neighbours_that_were_made_share_a_piece(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
	msg_set_value_at(&p.msg, 1, SLICE("x"));
	msg_delete_at(&p.msg, 2);
	msg_set_value_at(&p.msg, 3, SLICE("y"));
	assert_sent(&p, "GET / HTTP/1.1\r\nHost: a\r\nA: x\r\nC: y\r\n", 2);
}

static void test_fields_alone(void **state)
{
	struct parsed p;
	struct iovec out[2];
	struct arena a;

	(void)state;
	arena_init(&a);
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(msg_serialize_fields(&p.msg, out, 2, &a), 1);
	assert_int_equal(out[0].iov_len, 9);
	msg_delete_at(&p.msg, 0);
	assert_int_equal(msg_serialize_fields(&p.msg, out, 2, &a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unchanged_request_is_one_piece_of_the_buffer),
		cmocka_unit_test(test_unchanged_response_is_one_piece),
		cmocka_unit_test(test_message_made_here),
		cmocka_unit_test(test_request_of_http2_has_a_made_line),
		cmocka_unit_test(test_too_few_pieces_is_told),
		cmocka_unit_test(test_neighbours_that_were_made_share_a_piece),
		cmocka_unit_test(test_fields_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
