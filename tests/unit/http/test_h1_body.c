/* test_h1_body: steps over a body, and what the corpus cannot show: splice, limits over many chunks, trailers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_parse.h"

static struct h1_body body_of(uint32_t flags, uint64_t length)
{
	struct msg m = { .flags = flags, .content_length = length };
	struct h1_body b;

	h1_body_init(&b, &m, &parsed_limits);
	return b;
}

static void test_no_body_is_done_at_once(void **state)
{
	struct h1_body none = body_of(MSG_NO_BODY, 0), zero = body_of(MSG_LENGTH, 0);
	struct slice data;
	size_t used;

	(void)state;
	assert_true(h1_body_done(&none));
	assert_true(h1_body_done(&zero));
	assert_int_equal(h1_body_next(&none, "abc", 3, &data, &used, NULL), H1_DONE);
	assert_int_equal(used, 0);
	assert_int_equal(data.len, 0);
}

static void test_head_answer_with_length_has_no_body(void **state)
{
	struct h1_body b = body_of(MSG_NO_BODY, 50);

	(void)state;
	assert_true(h1_body_done(&b));
}

static void test_length_ends_where_it_says(void **state)
{
	struct h1_body b = body_of(MSG_LENGTH, 5);
	struct slice data;
	size_t used;

	(void)state;
	assert_int_equal(h1_body_next(&b, "ab", 2, &data, &used, NULL), H1_MORE);
	assert_int_equal(used, 2);
	assert_int_equal(b.left, 3);
	assert_int_equal(h1_body_next(&b, "cdefg", 5, &data, &used, NULL), H1_DONE);
	assert_int_equal(used, 3);
	assert_int_equal(b.total, 5);
	assert_true(h1_body_done(&b));
}

static void test_skipped_bytes_count(void **state)
{
	struct h1_body b = body_of(MSG_LENGTH, 10), close = body_of(MSG_UNTIL_CLOSE, 0);

	(void)state;
	h1_body_skip(&b, 4);
	assert_int_equal(b.left, 6);
	assert_false(h1_body_end_of_input(&b));
	h1_body_skip(&b, 6);
	assert_true(h1_body_done(&b));
	assert_int_equal(b.total, 10);
	h1_body_skip(&close, 1000);
	assert_false(h1_body_done(&close));
	assert_true(h1_body_end_of_input(&close));
	assert_true(h1_body_done(&close));
}

static void test_cut_chunked_body_is_incomplete(void **state)
{
	struct h1_body b = body_of(MSG_CHUNKED, 0);
	struct slice data;
	size_t used;

	(void)state;
	assert_int_equal(h1_body_next(&b, "5\r\nhello\r\n", 10, &data, &used, NULL), H1_MORE);
	assert_int_equal(used, 10);
	assert_int_equal(data.len, 5);
	assert_false(h1_body_end_of_input(&b));
}

static void test_whole_chunked_body_is_one_step(void **state)
{
	struct h1_body b = body_of(MSG_CHUNKED, 0);
	struct slice data;
	size_t used;

	(void)state;
	assert_int_equal(h1_body_next(&b, "5\r\nhello\r\n0\r\n\r\nGET", 18, &data, &used, NULL), H1_DONE);
	assert_int_equal(used, 15);
	assert_memory_equal(data.ptr, "hello", 5);
}

static void test_step_stops_before_the_second_chunk(void **state)
{
	const char *text = "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
	struct h1_body b = body_of(MSG_CHUNKED, 0);
	struct slice data;
	size_t used;

	(void)state;
	assert_int_equal(h1_body_next(&b, text, 18, &data, &used, NULL), H1_MORE);
	assert_int_equal(data.len, 1);
	assert_int_equal(used, 9);
	assert_int_equal(b.left, 2);
	assert_int_equal(h1_body_next(&b, text + used, 18 - used, &data, &used, NULL), H1_DONE);
	assert_memory_equal(data.ptr, "bc", 2);
}

static void test_trailers_wait_until_they_are_whole(void **state)
{
	struct field fields[4];
	struct msg trailers = { .fields = fields, .field_max = 4 };
	struct h1_body b = body_of(MSG_CHUNKED, 0);
	struct slice data;
	size_t used;

	(void)state;
	assert_int_equal(h1_body_next(&b, "0\r\nA: 1\r\nB: 2\r\n", 15, &data, &used, &trailers), H1_MORE);
	assert_int_equal(used, 3);
	assert_int_equal(trailers.field_count, 0);
	assert_int_equal(h1_body_next(&b, "A: 1\r\nB: 2\r\n\r\n", 14, &data, &used, &trailers), H1_DONE);
	assert_int_equal(used, 14);
	assert_int_equal(trailers.field_count, 2);
	assert_memory_equal(trailers.fields[1].value, "2", 1);
}

static void test_trailers_that_do_not_fit_are_refused(void **state)
{
	struct field fields[1];
	struct msg trailers = { .fields = fields, .field_max = 1 };
	struct h1_body b = body_of(MSG_CHUNKED, 0);
	struct slice data;
	size_t used;

	(void)state;
	assert_int_equal(h1_body_next(&b, "0\r\nA: 1\r\nB: 2\r\n\r\n", 17, &data, &used, &trailers), H1_ERROR);
	assert_int_equal(b.error, H1_ERR_TRAILER);
	assert_int_equal(trailers.field_count, 0);
}

static void test_endless_extensions_are_refused(void **state)
{
	struct h1_body b = body_of(MSG_CHUNKED, 0);
	char chunk[1100];
	int chunks = 0;

	(void)state;
	memset(chunk, 'e', sizeof(chunk));
	memcpy(chunk, "1;", 2);
	memcpy(chunk + 1000, "\r\na\r\n", 5);
	for (enum h1_result r = H1_MORE; r == H1_MORE && chunks < 100; chunks++) {
		struct slice data;
		size_t used;
		r = h1_body_next(&b, chunk, 1005, &data, &used, NULL);
	}
	assert_int_equal(b.error, H1_ERR_CHUNK_SIZE);
	assert_in_range(chunks, 16, 18);
}

static void test_many_chunks_without_extensions_are_fine(void **state)
{
	struct h1_body b = body_of(MSG_CHUNKED, 0);
	struct slice data;
	size_t used;

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(h1_body_next(&b, "1\r\na\r\n", 6, &data, &used, NULL), H1_MORE);
	assert_int_equal(b.total, 100000);
}

static void test_every_error_has_words_and_a_status(void **state)
{
	(void)state;
	for (enum h1_error e = H1_OK + 1; e < H1_ERR_COUNT; e++) {
		assert_non_null(h1_error_text(e));
		assert_in_range(h1_error_status(e), 400, 505);
	}
	assert_int_equal(h1_error_status(H1_ERR_TARGET_TOO_LONG), 414);
	assert_int_equal(h1_error_status(H1_ERR_COUNT), 400);
	assert_non_null(h1_error_text(H1_ERR_COUNT));
}

static void test_finished_parser_stays_finished(void **state)
{
	struct parsed p;
	struct h1_parser parser;

	(void)state;
	parsed_init(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\nmore");
	h1_request_init(&parser, &p.msg, &parsed_limits);
	assert_int_equal(h1_parse_head(&parser, p.buf, p.len), H1_DONE);
	assert_int_equal(h1_parse_head(&parser, p.buf, p.len), H1_DONE);
	assert_int_equal(parser.head_len, p.len - 4);
	parsed_init(&p, "GET / \r\n\r\n");
	h1_request_init(&parser, &p.msg, &parsed_limits);
	assert_int_equal(h1_parse_head(&parser, p.buf, p.len), H1_ERROR);
	assert_int_equal(h1_parse_head(&parser, p.buf, p.len), H1_ERROR);
	assert_int_equal(parser.error, H1_ERR_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_body_is_done_at_once),
		cmocka_unit_test(test_head_answer_with_length_has_no_body),
		cmocka_unit_test(test_length_ends_where_it_says),
		cmocka_unit_test(test_skipped_bytes_count),
		cmocka_unit_test(test_cut_chunked_body_is_incomplete),
		cmocka_unit_test(test_whole_chunked_body_is_one_step),
		cmocka_unit_test(test_step_stops_before_the_second_chunk),
		cmocka_unit_test(test_trailers_wait_until_they_are_whole),
		cmocka_unit_test(test_trailers_that_do_not_fit_are_refused),
		cmocka_unit_test(test_endless_extensions_are_refused),
		cmocka_unit_test(test_many_chunks_without_extensions_are_fine),
		cmocka_unit_test(test_every_error_has_words_and_a_status),
		cmocka_unit_test(test_finished_parser_stays_finished),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
