/* Error files: what is accepted, refused and sent; the pages that are there without any. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ballast/proxy/answer.h"
#include "../cmocka_all.h"

static struct arena arena;
static struct diag diag;
static char path[64];
static struct token token;

static int setup(void **state)
{
	(void)state;
	arena_init_heap(&arena);
	diag_init(&diag);
	strcpy(path, "/tmp/test_answer.XXXXXX");
	close(mkstemp(path));
	token = (struct token){ .text = path, .len = strlen(path), .at = { .file = "lb.cfg", .line = 3 } };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	diag_free(&diag);
	arena_reset(&arena);
	return 0;
}

static int load(const void *bytes, size_t len, struct answer **out)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	return answer_load(path, &token, out, &arena, &diag);
}

static const struct answer *good(const char *text)
{
	struct answer *a;
	if (load(text, strlen(text), &a) < 0)
		fail_msg("refused: %s", diag_render(&diag, DIAG_NOTE).ptr);
	return a;
}

static void bad(const char *text, const char *part)
{
	struct answer *a;
	assert_int_equal(load(text, strlen(text), &a), -EINVAL);
	if (!strstr(diag_render(&diag, DIAG_NOTE).ptr, part))
		fail_msg("no '%s' in: %s", part, diag_render(&diag, DIAG_NOTE).ptr);
}

static void assert_slice(struct slice s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.ptr, text, s.len);
}

static void test_a_response_becomes_an_answer(void **state)
{
	(void)state;
	const struct answer *a = good("HTTP/1.0 503 Sorry\r\nContent-Type: text/x\r\nX-Q: 1\r\n\r\nbody\r\n\r\nhere");
	assert_int_equal(a->status, 503);
	assert_slice(a->reason, "Sorry");
	assert_int_equal(a->field_count, 2);
	assert_slice(a->field[0].name, "Content-Type");
	assert_slice(a->field[1].value, "1");
	assert_slice(a->body, "body\r\n\r\nhere");
	assert_false(a->close);
}

static void test_lines_may_end_with_a_line_feed_alone(void **state)
{
	(void)state;
	const struct answer *a = good("HTTP/1.1 403 Forbidden\nContent-Type: text/x\n\nno\n");
	assert_int_equal(a->field_count, 1);
	assert_slice(a->body, "no\n");
}

static void test_length_and_connection_are_left_to_the_sender(void **state)
{
	(void)state;
	const struct answer *a =
		good("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: x, close\r\nKeep-Alive: 3\r\n\r\nno");
	assert_int_equal(a->field_count, 0);
	assert_true(a->close);
	assert_int_equal(diag.count[DIAG_WARNING], 0);
}

static void test_an_empty_file_is_no_answer_at_all(void **state)
{
	(void)state;
	assert_int_equal(good("")->status, 0);
	struct answer *a;
	assert_int_equal(answer_load("/dev/null", &token, &a, &arena, &diag), 0);
	assert_int_equal(a->status, 0);
}

static void test_what_no_response_is(void **state)
{
	(void)state;
	bad("<html>hello</html>\n", "line 1");
	bad("HTTP/1.1 403 Forbidden\r\nA: b\r\n", "no empty line");
	bad("HTTP/1.1 403 Forbidden\r\nA: b\r\nB : c\r\n\r\n", "line 3");
	bad("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked");
	bad("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno", "Content-Length: 9");
	bad("HTTP/1.1 100 Continue\r\n\r\n", "200 to 599");
	bad("HTTP/1.1 700 X\r\n\r\n", "200 to 599");
	bad("HTTP/1.1 204 No Content\r\n\r\nbody", "does not allow a body");
}

static void test_a_file_larger_than_a_buffer_is_refused(void **state)
{
	(void)state;
	char *text = calloc(1, answer_limit() + 1);
	struct answer *a;
	memset(text, 'x', answer_limit() + 1);
	memcpy(text, "HTTP/1.1 200 OK\r\n\r\n", 19);
	assert_int_equal(load(text, answer_limit(), &a), 0);
	assert_int_equal(a->body.len, answer_limit() - 19);
	assert_int_equal(load(text, answer_limit() + 1, &a), -EINVAL);
	answer_set_limit(65536);
	assert_int_equal(load(text, 16385, &a), 0);
	answer_set_limit(16384);
	free(text);
}

static void test_a_file_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct answer *a;
	assert_int_equal(answer_load("/nonexistent/503.http", &token, &a, &arena, &diag), -EINVAL);
	assert_non_null(
		strstr(diag_render(&diag, DIAG_NOTE).ptr, "lb.cfg:3: error: cannot open '/nonexistent/503.http'"));
}

static void test_too_many_fields_are_refused(void **state)
{
	(void)state;
	char text[1024] = "HTTP/1.1 200 OK\r\n";
	for (int i = 0; i < ANSWER_FIELDS_MAX; i++)
		strcat(text, "A: b\r\n");
	strcat(text, "\r\n");
	assert_int_equal(good(text)->field_count, ANSWER_FIELDS_MAX);
	strcpy(text + strlen(text) - 2, "A: b\r\n\r\n");
	bad(text, "too many");
}

static void test_pages_of_one_section_go_before_those_of_another(void **state)
{
	(void)state;
	struct errors *backend = NULL, *frontend = NULL;
	good("HTTP/1.1 200 OK\r\n\r\nfrontend's");
	assert_int_equal(errors_load(&frontend, 503, path, &token, &arena, &diag), 0);
	assert_int_equal(errors_load(&frontend, 404, path, &token, &arena, &diag), 0);
	good("HTTP/1.1 200 OK\r\n\r\nbackend's");
	assert_int_equal(errors_load(&backend, 503, path, &token, &arena, &diag), 0);
	assert_slice(errors_answer(backend, frontend, 503)->body, "backend's");
	assert_slice(errors_answer(NULL, frontend, 503)->body, "frontend's");
	assert_slice(errors_answer(backend, frontend, 404)->body, "frontend's");
	assert_int_equal(errors_answer(backend, frontend, 400)->status, 400);
	struct errors *copy = errors_inherit(backend, &arena);
	assert_slice(errors_answer(copy, NULL, 503)->body, "backend's");
	assert_null(errors_inherit(NULL, &arena));
}

static void test_every_status_of_the_manual_has_a_page(void **state)
{
	(void)state;
	static const unsigned statuses[] = { 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 425, 429, 431, 500,
		501, 502, 503, 504 };
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		const struct answer *a = errors_answer(NULL, NULL, statuses[i]);
		assert_true(errors_has(statuses[i]));
		assert_int_equal(a->status, statuses[i]);
		assert_slice(a->content_type, "text/html");
		assert_slice(a->field[0].name, "Cache-Control");
		assert_slice(a->field[0].value, "no-cache");
		assert_int_equal(a->body.len, strlen(a->body.ptr));
	}
	assert_int_equal(errors_answer(NULL, NULL, 505)->status, 505);
	assert_int_equal(errors_answer(NULL, NULL, 417)->status, 400);
	assert_int_equal(errors_answer(NULL, NULL, 599)->status, 500);
}

static void test_a_status_without_a_page_is_refused(void **state)
{
	(void)state;
	struct errors *e = NULL;
	assert_int_equal(errors_load(&e, 418, path, &token, &arena, &diag), -EINVAL);
	assert_int_equal(errors_load(&e, 505, path, &token, &arena, &diag), -EINVAL);
	assert_non_null(strstr(diag_render(&diag, DIAG_NOTE).ptr, "200, 400"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_a_response_becomes_an_answer),
		T(test_lines_may_end_with_a_line_feed_alone),
		T(test_length_and_connection_are_left_to_the_sender),
		T(test_an_empty_file_is_no_answer_at_all),
		T(test_what_no_response_is),
		T(test_a_file_larger_than_a_buffer_is_refused),
		T(test_a_file_that_is_not_there_is_named),
		T(test_too_many_fields_are_refused),
		T(test_pages_of_one_section_go_before_those_of_another),
		T(test_every_status_of_the_manual_has_a_page),
		T(test_a_status_without_a_page_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
