/* Tests of `option httpchk` and `http-check` lines (src/server/check_parse.c). */
#include "ballast/sample/release.h"
#include "rig.h"

static struct arena arena;
static struct diag diag;

static int parse(struct backend *b, const char *text)
{
	return rig_parse_check(b, text, &arena, &diag);
}

/* The step that the last line made. */
static const struct check_step *last(const struct backend *b)
{
	return &b->checks.http->steps[b->checks.http->step_count - 1];
}

static void assert_request(const struct backend *b, const char *expected)
{
	const struct check_step *step = b->checks.http ? b->checks.http->sealed : NULL;

	assert_non_null(step);
	while (step->kind != STEP_HTTP_SEND)
		step++;
	assert_int_equal(step->http_send.request.len, strlen(expected));
	assert_memory_equal(step->http_send.request.ptr, expected, strlen(expected));
}

static int setup(void **state)
{
	arena_init_heap(&arena);
	diag_init(&diag);
	*state = backend_new("app");
	return 0;
}

static int teardown(void **state)
{
	backend_free(*state);
	diag_free(&diag);
	sample_release(&arena);
	arena_reset(&arena);
	return 0;
}

static void refuse(struct backend *b, const char *text, const char *why)
{
	unsigned before = diag.count[DIAG_ALERT];
	struct slice all;

	assert_int_equal(parse(b, text), -EINVAL);
	assert_int_equal(diag.count[DIAG_ALERT], before + 1);
	all = diag_render(&diag, DIAG_WARNING);
	if (!memmem(all.ptr, all.len, why, strlen(why)))
		fail_msg("'%s': no '%s' in %.*s", text, why, (int)all.len, all.ptr);
}

static void test_httpchk_takes_up_to_four_words(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "option httpchk"), 0);
	assert_request(b, "OPTIONS / HTTP/1.0\r\nConnection: close\r\n\r\n");
	assert_int_equal(parse(b, "option httpchk /health?x=1"), 0);
	assert_request(b, "OPTIONS /health?x=1 HTTP/1.0\r\nConnection: close\r\n\r\n");
	assert_int_equal(parse(b, "option httpchk HEAD /"), 0);
	assert_request(b, "HEAD / HTTP/1.0\r\nConnection: close\r\n\r\n");
	assert_int_equal(parse(b, "option httpchk OPTIONS * HTTP/1.1 www"), 0);
	assert_request(b, "OPTIONS * HTTP/1.1\r\nHost: www\r\nConnection: close\r\n\r\n");
	assert_int_equal(b->checks.method, CHECK_HTTP);
}

static void test_header_fields_behind_the_version_still_work(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "option httpchk GET / HTTP/1.1\r\nHost:_www"), 0);
	assert_request(b, "GET / HTTP/1.1\r\nHost: www\r\nConnection: close\r\n\r\n");
	assert_int_equal(diag.count[DIAG_WARNING], 1);
}

static void test_send_completes_the_request(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "http-check send meth POST uri /x ver HTTP/1.1 hdr Host a.example hdr X-Y 100%% body "
				  "hello"),
		0);
	assert_int_equal(b->checks.method, CHECK_CONNECTS);
	assert_request(b, "POST /x HTTP/1.1\r\nHost: a.example\r\nX-Y: 100%\r\nContent-Length: 5\r\nConnection: "
			  "close\r\n\r\nhello");
	assert_int_equal(parse(b, "option httpchk"), 0);
	assert_int_equal(b->checks.method, CHECK_HTTP);
	assert_int_equal(b->checks.http->steps[0].http_send.body.text.len, 5);
}

static void test_a_connection_field_of_ones_own_is_the_only_one(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "http-check send hdr connection keep-alive"), 0);
	assert_request(b, "OPTIONS / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
}

static void test_framing_fields_are_ignored_with_a_warning(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "http-check send hdr Content-Length 5 hdr transfer-encoding chunked"), 0);
	assert_request(b, "OPTIONS / HTTP/1.0\r\nConnection: close\r\n\r\n");
	assert_int_equal(diag.count[DIAG_WARNING], 2);
}

static void test_send_refuses_what_it_cannot_do(void **state)
{
	struct backend *b = *state;

	refuse(b, "http-check send meth", "'meth' needs a value");
	refuse(b, "http-check send hdr X", "'hdr' needs a name and a value");
	refuse(b, "http-check send meth G(T", "not an HTTP method");
	refuse(b, "http-check send uri /a_b", "no spaces");
	refuse(b, "http-check send ver HTTP/2.0", "not supported by Ballast (yet)");
	refuse(b, "http-check send hdr X:Y z", "not the name of a header field");
	refuse(b, "http-check send hdr X %[path]", "path");
	refuse(b, "http-check send hdr X a\r\nb", "control bytes");
	refuse(b, "http-check send uri-lf /a_b", "spaces and control bytes");
	refuse(b, "http-check send uri-lf /%[x]", "x");
	refuse(b, "http-check send metth GET", "meth");
	refuse(b, "option httpchk GET / HTTP/3", "HTTP/1.1");
	refuse(b, "option httpchk GET / HTTP/1.1 a b", "");
	assert_int_equal(parse(b, "http-check send"), 0);
	refuse(b, "http-check send", "a connection carries one request");
}

static void test_a_request_is_sent_before_what_is_expected(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "http-check expect status 200"), 0);
	refuse(b, "http-check send uri /late", "a connection carries one request");
}

static void test_what_send_says_counts_more_than_the_option(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "http-check send meth GET hdr host a"), 0);
	assert_int_equal(parse(b, "option httpchk HEAD /x HTTP/1.1 b"), 0);
	assert_request(b, "GET /x HTTP/1.1\r\nhost: a\r\nConnection: close\r\n\r\n");
}

static void test_statuses_are_lists_and_ranges(void **state)
{
	struct backend *b = *state;
	const struct check_expect *e;

	assert_int_equal(parse(b, "http-check expect status 200,201,300-310"), 0);
	e = &last(b)->expect;
	assert_int_equal(e->kind, EXPECT_STATUS);
	assert_int_equal(e->range_count, 3);
	assert_int_equal(e->ranges[2].low, 300);
	assert_int_equal(e->ranges[2].high, 310);
	assert_false(e->negate);
}

static void test_a_match_can_be_negated_both_ways(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "http-check expect min-recv 10 comment x ! string SQL_Error"), 0);
	assert_true(last(b)->expect.negate);
	assert_int_equal(last(b)->expect.min_recv, 10);
	assert_true(slice_eq(last(b)->expect.value.text.text, SLICE("SQL Error")));
	assert_int_equal(parse(b, "http-check expect !status 500-599 comment behind"), 0);
	assert_true(last(b)->expect.negate);
	assert_string_equal(last(b)->comment, "behind");
	assert_int_equal(b->checks.http->step_count, 3);
}

static void test_a_comment_is_of_the_next_rule_only(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "http-check comment first"), 0);
	assert_int_equal(parse(b, "http-check expect status 200"), 0);
	assert_string_equal(last(b)->comment, "first");
	assert_int_equal(parse(b, "http-check expect string x"), 0);
	assert_null(last(b)->comment);
}

static void test_expect_refuses_what_it_cannot_do(void **state)
{
	struct backend *b = *state;

	refuse(b, "http-check expect", "match of http-check expect");
	refuse(b, "http-check expect !", "match of http-check expect");
	refuse(b, "http-check expect status", "'status' needs a value");
	refuse(b, "http-check expect status 99", "not a status");
	refuse(b, "http-check expect status 200-", "not a status");
	refuse(b, "http-check expect status 300-200", "not a status");
	refuse(b, "http-check expect status 200,", "not a status");
	refuse(b, "http-check expect status 2xx", "not a status");
	refuse(b, "http-check expect string a b", "unexpected argument 'b'");
	refuse(b, "http-check expect min-recv x string a", "min-recv");
	refuse(b, "http-check expect rstatus ^(2",
		"this regular expression cannot be used: missing closing parenthesis at byte 4");
	refuse(b, "http-check expect ok-status L7STS status 200", "ok-status");
	refuse(b, "http-check expect error-status L7OK status 200", "error-status");
	refuse(b, "http-check expect tout-status L7OK status 200", "tout-status");
	refuse(b, "http-check expect status-code path status 200", "path");
	refuse(b, "http-check expect on-error %[nothing] status 200", "nothing");
	refuse(b, "http-check expect hdr X-A", "'name' or 'name-lf'");
	refuse(b, "http-check expect hdr name", "'name' needs a value");
	refuse(b, "http-check expect hdr name -m re X", "way to match");
	refuse(b, "http-check expect hdr name X value-lf -m reg x", "cannot be a regular expression");
	refuse(b, "http-check expect hdr name X value", "'value' needs a value");
	refuse(b, "http-check expect ! ! status 200", "match of http-check expect");
	refuse(b, "http-check send-state", "'send-state' in http-check is not supported by Ballast (yet)");
	refuse(b, "http-check expect binary 00", "match of http-check expect");
	refuse(b, "http-check expct status 200", "expect");
	refuse(b, "http-check", "http-check rule");
}

/* Kinds of what is run, a letter each: c(onnect), s(end), e(xpect), S, E of HTTP, v(ariable). */
static void assert_sealed(const struct check_script *s, const char *kinds)
{
	static const char letters[] = "cseSEv";
	char text[32];

	for (uint32_t i = 0; i < s->sealed_count; i++)
		text[i] = letters[s->sealed[i].kind];
	text[s->sealed_count] = 0;
	assert_string_equal(text, kinds);
}

static void test_what_is_run_connects_first_and_expects_something_of_each_last_request(void **state)
{
	struct backend *b = *state;

	assert_sealed(check_script_of(&b->checks), "c");
	assert_int_equal(parse(b, "option httpchk GET /a"), 0);
	assert_sealed(check_script_of(&b->checks), "cSE");
	assert_int_equal(parse(b, "http-check set-var(check.x) int(1)"), 0);
	assert_sealed(b->checks.http, "vcSE");
	assert_int_equal(parse(b, "http-check connect port 8080"), 0);
	assert_sealed(b->checks.http, "vcSE");
	assert_request(b, "GET /a HTTP/1.0\r\nConnection: close\r\n\r\n");
	assert_int_equal(parse(b, "http-check send hdr X y"), 0);
	assert_int_equal(parse(b, "http-check expect status 200"), 0);
	assert_int_equal(parse(b, "http-check connect port 8081 linger"), 0);
	assert_int_equal(parse(b, "http-check send uri /b"), 0);
	assert_sealed(b->checks.http, "vcSEcSE");
	assert_request(b, "GET /a HTTP/1.0\r\nX: y\r\nConnection: close\r\n\r\n");
	assert_true(slice_eq(b->checks.http->sealed[5].http_send.request,
		SLICE("OPTIONS /b HTTP/1.0\r\nConnection: close\r\n\r\n")));
	assert_int_equal(b->checks.http->sealed[4].connect.port, 8081);
	assert_true(check_script_names_ports(b->checks.http));
}

static void test_tcp_checks_are_numbered_by_their_lines(void **state)
{
	struct backend *b = *state;
	const struct check_step *s;

	assert_int_equal(parse(b, "option tcp-check"), 0);
	assert_sealed(check_script_of(&b->checks), "c");
	assert_int_equal(parse(b, "tcp-check connect"), 0);
	assert_int_equal(parse(b, "tcp-check comment why"), 0);
	assert_int_equal(parse(b, "tcp-check send PING\r\n"), 0);
	assert_int_equal(parse(b, "tcp-check send-binary 00ff41"), 0);
	assert_int_equal(parse(b, "tcp-check expect ! rbinary ^00"), 0);
	assert_int_equal(parse(b, "tcp-check expect comment c binary 0A0b"), 0);
	s = b->checks.tcp->sealed;
	assert_sealed(b->checks.tcp, "cssee");
	assert_int_equal(s[1].number, 3);
	assert_string_equal(s[1].comment, "why");
	assert_true(slice_eq(s[2].send.text, slice_of("\0\377A", 3)));
	assert_int_equal(s[3].expect.kind, EXPECT_HEX);
	assert_true(s[3].expect.negate);
	assert_int_equal(s[4].number, 6);
	assert_true(slice_eq(s[4].expect.value.text.text, SLICE("\n\v")));
}

static void test_the_last_option_decides(void **state)
{
	struct backend *b = *state;

	assert_int_equal(parse(b, "option httpchk"), 0);
	assert_int_equal(parse(b, "option redis-check"), 0);
	assert_sealed(check_script_of(&b->checks), "cse");
	assert_int_equal(parse(b, "option smtpchk EHLO a.example"), 0);
	assert_true(slice_eq(check_script_of(&b->checks)->sealed[2].send.text, SLICE("EHLO a.example\r\n")));
	assert_int_equal(parse(b, "option tcp-check"), 0);
	assert_sealed(check_script_of(&b->checks), "c");
	assert_int_equal(parse(b, "option mysql-check user me pre-41"), 0);
	assert_true(slice_eq(check_script_of(&b->checks)->sealed[2].send.text,
		slice_of("\x09\0\0\1\x00\x80\0\0\1me\0\0\1\0\0\0\1", 18)));
}

static void test_tcp_checks_refuse_what_they_cannot_do(void **state)
{
	struct backend *b = *state;

	refuse(b, "tcp-check", "tcp-check rule");
	refuse(b, "tcp-check send", "");
	refuse(b, "tcp-check send a b", "unexpected argument 'b'");
	refuse(b, "tcp-check send a comment", "'comment' needs a value");
	refuse(b, "tcp-check send-binary 123", "not an even number of hexadecimal digits");
	refuse(b, "tcp-check send-binary zz", "not an even number of hexadecimal digits");
	refuse(b, "tcp-check send-lf %[path]", "path");
	refuse(b, "tcp-check expect status 200", "match of tcp-check expect");
	refuse(b, "tcp-check expect binary 5", "hexadecimal");
	refuse(b, "tcp-check connect port 0", "port");
	refuse(b, "tcp-check connect port 65536", "port");
	refuse(b, "tcp-check connect port nothing", "nothing");
	refuse(b, "tcp-check connect via-socks4", "'via-socks4' is not supported by Ballast (yet)");
	refuse(b, "tcp-check connect proto h2", "'proto h2' are not supported by Ballast (yet)");
	refuse(b, "tcp-check connect sni a", "'sni' belongs to a connection over TLS");
	refuse(b, "tcp-check connect quickly", "argument of connect");
	refuse(b, "tcp-check set-var(txn.x) int(1)", "scopes proc, sess and check");
	refuse(b, "tcp-check set-var(check.x,now) int(1)", "no condition");
	refuse(b, "tcp-check set-var(check.x int(1)", "closing parenthesis");
	refuse(b, "tcp-check unset-var(check.x,ifset)", "no condition");
	refuse(b, "option smtpchk HELO", "'HELO' needs a value");
	refuse(b, "option mysql-check user", "needs 'user' and a name");
	refuse(b, "option pgsql-check", "needs 'user' and a name");
	refuse(b, "option redis-check now", "");
	assert_int_equal(parse(b, "tcp-check send x"), 0);
	refuse(b, "tcp-check connect", "the first step must be a connect");
	assert_int_equal(parse(b, "option httpchk"), 0);
	assert_int_equal(parse(b, "http-check connect"), 0);
	assert_int_equal(parse(b, "http-check send"), 0);
	assert_int_equal(parse(b, "http-check connect"), 0);
	refuse(b, "http-check expect status 200", "nothing was sent on this connection");
}

static void test_a_refused_line_changes_nothing(void **state)
{
	struct backend *b = *state;
	const struct check_script *before;

	assert_int_equal(parse(b, "option httpchk GET /a"), 0);
	before = b->checks.http;
	refuse(b, "http-check expect status 1", "not a status");
	assert_ptr_equal(b->checks.http, before);
}

static void test_rules_from_defaults_are_replaced_and_never_changed(void **state)
{
	struct backend *defaults = *state, *b = backend_new("b"), *c = backend_new("c");

	assert_int_equal(parse(defaults, "option httpchk GET /d"), 0);
	assert_int_equal(parse(defaults, "http-check send hdr X d"), 0);
	assert_int_equal(parse(defaults, "http-check expect string d"), 0);
	b->checks = c->checks = defaults->checks;
	assert_int_equal(parse(b, "http-check send hdr Y b"), 0);
	assert_request(b, "GET /d HTTP/1.0\r\nY: b\r\nConnection: close\r\n\r\n");
	assert_int_equal(b->checks.http->step_count, 1);
	assert_int_equal(parse(b, "http-check expect status 200"), 0);
	assert_request(c, "GET /d HTTP/1.0\r\nX: d\r\nConnection: close\r\n\r\n");
	assert_int_equal(last(c)->expect.kind, EXPECT_BODY);
	assert_int_equal(parse(c, "option httpchk GET /c"), 0);
	assert_request(c, "GET /c HTTP/1.0\r\nX: d\r\nConnection: close\r\n\r\n");
	assert_request(defaults, "GET /d HTTP/1.0\r\nX: d\r\nConnection: close\r\n\r\n");
	backend_free(b);
	backend_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_httpchk_takes_up_to_four_words),
		TEST(test_header_fields_behind_the_version_still_work),
		TEST(test_send_completes_the_request),
		TEST(test_a_connection_field_of_ones_own_is_the_only_one),
		TEST(test_framing_fields_are_ignored_with_a_warning),
		TEST(test_send_refuses_what_it_cannot_do),
		TEST(test_a_request_is_sent_before_what_is_expected),
		TEST(test_what_send_says_counts_more_than_the_option),
		TEST(test_a_comment_is_of_the_next_rule_only),
		TEST(test_statuses_are_lists_and_ranges),
		TEST(test_a_match_can_be_negated_both_ways),
		TEST(test_expect_refuses_what_it_cannot_do),
		TEST(test_what_is_run_connects_first_and_expects_something_of_each_last_request),
		TEST(test_tcp_checks_are_numbered_by_their_lines),
		TEST(test_the_last_option_decides),
		TEST(test_tcp_checks_refuse_what_they_cannot_do),
		TEST(test_a_refused_line_changes_nothing),
		TEST(test_rules_from_defaults_are_replaced_and_never_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
