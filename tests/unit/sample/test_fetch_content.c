/* test_fetch_content: bytes that are withheld of a session, and what is undecided until more of them come. */
#include "sample_test.h"

/* The bytes so far, of which `final` says whether they are all. */
static void set_bytes(const char *bytes, size_t len, bool final)
{
	world.ctx.req = NULL;
	world.ctx.phase = PHASE_REQUEST;
	world.ctx.req_bytes = slice_of(bytes, len);
	world.ctx.final = final;
	world.ctx.http_pending = false;
}

static enum cond_verdict verdict(const char *condition)
{
	struct line l = line_of(arena_printf(&world.config, "if %s", condition).ptr);
	forget_messages();
	struct cond *c = cond_parse(&l, 0, NULL, world.ctx.phase, &world.config, &world.diag);
	if (!c)
		fail_msg("%s: %s", condition, first_message());
	return cond_decide(c, &world.ctx);
}

static void test_a_count_decides_once_it_matches(void **state)
{
	(void)state;
	set_bytes("abc", 3, false);
	assert_eval("req.len", "3");
	assert_int_equal(verdict("{ req.len gt 2 }"), COND_YES);
	assert_int_equal(verdict("{ req.len gt 3 }"), COND_LATER);
	assert_int_equal(verdict("!{ req.len gt 3 }"), COND_LATER);
	assert_int_equal(verdict("REQ_CONTENT"), COND_YES);
	set_bytes("abc", 3, true);
	assert_int_equal(verdict("{ req.len gt 3 }"), COND_NO);
	assert_int_equal(verdict("!{ req.len gt 3 }"), COND_YES);
}

static void test_without_a_session_there_are_no_bytes(void **state)
{
	(void)state;
	world.ctx.phase = PHASE_REQUEST;
	assert_eval("req.len", "(none)");
	assert_eval("req.payload(0,1)", "(none)");
	assert_eval("req.ssl_sni", "(none)");
	assert_int_equal(verdict("{ req.len ge 0 }"), COND_NO);
}

static void test_payload_is_there_once_all_of_it_is(void **state)
{
	(void)state;
	set_bytes("abcd", 4, false);
	assert_eval("req.payload(1,2)", "bc");
	assert_eval("req.payload(2,0)", "cd");
	assert_eval("req.payload(2,3)", "(none)");
	assert_eval("payload(0,1)", "a");
	assert_int_equal(verdict("{ req.payload(0,2) -m str xx }"), COND_NO);
	assert_int_equal(verdict("{ req.payload(0,5) -m str abcde }"), COND_LATER);
	assert_int_equal(verdict("{ req.payload(0,0) -m sub x }"), COND_LATER);
	assert_int_equal(verdict("{ req.payload(0,2) 6162 }"), COND_YES);
}

static void test_a_value_stands_behind_its_length(void **state)
{
	(void)state;
	set_bytes("\x01\x00\x03"
		  "abcdef",
		9, false);
	assert_eval("req.payload_lv(1,2)", "abc");
	assert_eval("req.payload_lv(1,2,+2)", "cde");
	assert_eval("req.payload_lv(1,2,4)", "bcd");
	assert_eval("req.payload_lv(1,2,-9)", "(none)");
	assert_int_equal(verdict("{ req.payload_lv(8,2) -m found }"), COND_LATER);
	assert_eval("req.payload_lv(1,9)",
		"error: fetch 'req.payload_lv' expects the offset of a length from 0, and its size from 1 to 8 bytes");
}

static void test_wait_end_waits_for_the_end(void **state)
{
	(void)state;
	set_bytes("", 0, false);
	assert_int_equal(verdict("WAIT_END"), COND_LATER);
	assert_int_equal(verdict("FALSE WAIT_END"), COND_NO);
	assert_int_equal(verdict("FALSE WAIT_END or TRUE"), COND_YES);
	assert_int_equal(verdict("WAIT_END FALSE"), COND_NO);
	set_bytes("", 0, true);
	assert_int_equal(verdict("WAIT_END"), COND_YES);
}

static void test_what_may_become_http_is_undecided(void **state)
{
	(void)state;
	set_bytes("GET / HT", 8, false);
	world.ctx.http_pending = true;
	assert_int_equal(verdict("HTTP"), COND_LATER);
	assert_int_equal(verdict("!HTTP"), COND_LATER);
	assert_int_equal(verdict("{ path / }"), COND_LATER);
	assert_int_equal(verdict("{ src 10.0.0.1 }"), COND_NO);
	world.ctx.http_pending = false;
	assert_int_equal(verdict("!HTTP"), COND_YES);
}

static void test_the_cookie_of_rdp(void **state)
{
	static const char rdp[] = "\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00"
				  "Cookie: mstshash=user1\r\n\x01\x00\x08\x00\x03\x00\x00\x00";
	(void)state;
	set_bytes(rdp, sizeof rdp - 1, false);
	assert_eval("req.rdp_cookie", "user1");
	assert_eval("req.rdp_cookie(MSTShash)", "user1");
	assert_eval("req.rdp_cookie(msts)", "(none)");
	assert_eval("req.rdp_cookie_cnt", "1");
	assert_int_equal(verdict("RDP_COOKIE"), COND_YES);
	set_bytes(rdp, 20, false);
	assert_int_equal(verdict("RDP_COOKIE"), COND_LATER);
	set_bytes("\x16\x03", 2, false);
	assert_int_equal(verdict("RDP_COOKIE"), COND_NO);
}

static void test_a_hello_is_known_when_it_is_whole(void **state)
{
	static const char hello[] = "\x16\x03\x01\x00\x4b\x01\x00\x00\x47\x03\x03"
				    "01234567890123456789012345678901"
				    "\x00\x00\x02\x13\x01\x01\x00\x00\x1c"
				    "\x00\x00\x00\x08\x00\x06\x00\x00\x03"
				    "A.b"
				    "\x00\x10\x00\x0c\x00\x0a\x02h2\x06"
				    "spdy/1";
	(void)state;
	set_bytes(hello, sizeof hello - 1, false);
	assert_eval("req.ssl_hello_type", "1");
	assert_eval("req.ssl_sni,lower", "a.b");
	assert_eval("req.ssl_alpn", "h2");
	assert_string_equal(eval_all("req.ssl_alpn"), "h2|spdy/1|");
	assert_eval("req.ssl_ver", "196611");
	assert_eval("req.ssl_st_ext", "0");
	assert_eval("req.ssl_ec_ext", "0");
	assert_int_equal(verdict("{ req.ssl_ver 3.3 }"), COND_YES);
	assert_int_equal(verdict("{ req.ssl_ver 3.0:3.2 }"), COND_NO);
	assert_int_equal(verdict("{ req.ssl_ver gt 3 }"), COND_YES);
	assert_int_equal(verdict("{ req.ssl_alpn spdy/1 }"), COND_YES);
	assert_int_equal(verdict("{ req.ssl_sni -i a.B }"), COND_YES);
	assert_int_equal(verdict("{ req.ssl_sni other }"), COND_NO);
	set_bytes(hello, sizeof hello - 2, false);
	assert_eval("req.ssl_sni", "(none)");
	assert_int_equal(verdict("{ req.ssl_sni other }"), COND_LATER);
	set_bytes("SSH-2.0", 7, false);
	assert_int_equal(verdict("{ req.ssl_hello_type 1 }"), COND_NO);
}

static void test_a_servers_bytes_are_those_of_the_response(void **state)
{
	(void)state;
	world.ctx.phase = PHASE_RESPONSE;
	world.ctx.res_bytes = SLICE("220 ready");
	world.ctx.final = true;
	assert_eval("res.len", "9");
	assert_eval("res.payload(0,3)", "220");
	assert_eval("payload(4,0)", "ready");
	assert_eval("res.ssl_hello_type", "(none)");
}

int main(void)
{
#define content_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		content_test(test_a_count_decides_once_it_matches),
		content_test(test_without_a_session_there_are_no_bytes),
		content_test(test_payload_is_there_once_all_of_it_is),
		content_test(test_a_value_stands_behind_its_length),
		content_test(test_wait_end_waits_for_the_end),
		content_test(test_what_may_become_http_is_undecided),
		content_test(test_the_cookie_of_rdp),
		content_test(test_a_hello_is_known_when_it_is_whole),
		content_test(test_a_servers_bytes_are_those_of_the_response),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
