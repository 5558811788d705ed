/* test_fetch_header: lists, occurrences, counts, numbers and addresses, as HAProxy 3.2 answered. */
#include "sample_test.h"

static const char request[] = "GET / HTTP/1.1\r\n"
			      "Host: h\r\n"
			      "A: 1, 2 ,\"x,y\",\r\n"
			      "B: \r\n"
			      "a:  3\r\n"
			      "N: 12abc\r\n"
			      "N: -7, zz\r\n"
			      "I: 1.2.3.4, 5.6.7.8:80 , bad\r\n"
			      "I6: 2001:db8::1\r\n"
			      "I7: [2001:db8::1]:80\r\n"
			      "I8: 1.2.3.4:99999\r\n"
			      "I9: [::1]\r\n"
			      "I10: \"1.2.3.4\"\r\n"
			      "\r\n";

static void test_value_is_the_last_of_the_list(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.hdr(a)", "3");
	assert_eval("hdr(A)", "3");
	assert_eval("req.hdr(b)", "");
	assert_eval("req.hdr(nope)", "(none)");
	assert_eval("req.fhdr(a)", "3");
	assert_eval("hdr(host)", "h");
}

static void test_occurrences_count_from_either_end(void **state)
{
	static const char *const from_first[] = { "1", "2", "\"x,y\"", "", "3", "(none)" };
	char text[32];
	(void)state;
	set_request(request);
	for (int i = 0; i < 6; i++) {
		snprintf(text, sizeof text, "req.hdr(a,%d)", i + 1);
		assert_eval(text, from_first[i]);
		snprintf(text, sizeof text, "req.hdr(a,%d)", i - 5);
		if (i < 5)
			assert_eval(text, from_first[i]);
	}
	assert_eval("req.hdr(a,-6)", "(none)");
	assert_eval("req.hdr(a,0)", "3");
	assert_eval("req.hdr(a,-11)", "error: fetch 'req.hdr' goes back 10 values at most");
}

static void test_ten_values_back_in_a_long_list(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: h\r\nX: 1,2,3,4,5,6,7,8,9,10,11,12,13\r\n\r\n");
	assert_eval("req.hdr(x,-10)", "4");
	assert_eval("req.hdr(x,-1)", "13");
	assert_eval("req.hdr(x,13)", "13");
	assert_eval("req.hdr(x,14)", "(none)");
}

static void test_backslash_keeps_a_quote_inside_quotes(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: h\r\nX: \"a\\\",b\", c\r\nY: \"open,x\r\n\r\n");
	assert_string_equal(eval_all("req.hdr(x)"), "\"a\\\",b\"|c|");
	assert_string_equal(eval_all("req.hdr(y)"), "\"open,x|");
}

static void test_whole_lines(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.fhdr(a,1)", "1, 2 ,\"x,y\",");
	assert_eval("req.fhdr(a,2)", "3");
	assert_eval("req.fhdr(a,3)", "(none)");
	assert_eval("req.fhdr(a,-2)", "1, 2 ,\"x,y\",");
	assert_eval("req.fhdr(b)", "");
}

static void test_counts(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.hdr_cnt(a)", "5");
	assert_eval("hdr_cnt(a)", "5");
	assert_eval("req.fhdr_cnt(a)", "2");
	assert_eval("req.hdr_cnt(b)", "1");
	assert_eval("req.fhdr_cnt(b)", "1");
	assert_eval("req.hdr_cnt(nope)", "0");
	assert_eval("req.fhdr_cnt", "12");
	assert_eval("req.hdr_cnt", "18");
}

static void test_numbers(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.hdr_val(n)", "0");
	assert_eval("hdr_val(n,1)", "12");
	assert_eval("req.hdr_val(n,2)", "-7");
	assert_eval("req.hdr_val(b)", "0");
	assert_eval("req.hdr_val(nope)", "(none)");
}

static void test_addresses_follow_rfc_7239(void **state)
{
	(void)state;
	set_request(request);
	assert_eval("req.hdr_ip(i)", "(none)");
	assert_eval("hdr_ip(i,1)", "1.2.3.4");
	assert_eval("req.hdr_ip(i,2)", "5.6.7.8");
	assert_eval("req.hdr_ip(i6)", "2001:db8::1");
	assert_eval("req.hdr_ip(i7)", "(none)");
	assert_eval("req.hdr_ip(i8)", "(none)");
	assert_eval("req.hdr_ip(i9)", "::1");
	assert_eval("req.hdr_ip(i10)", "(none)");
}

static void test_all_values_are_gone_through(void **state)
{
	(void)state;
	set_request(request);
	assert_string_equal(eval_all("req.hdr(a)"), "1|2|\"x,y\"||3|");
	assert_string_equal(eval_all("req.fhdr(a)"), "1, 2 ,\"x,y\",|3|");
	assert_string_equal(eval_all("req.hdr(b)"), "|");
	assert_string_equal(eval_all("req.hdr(nope)"), "");
	assert_string_equal(eval_all("req.hdr(a,2)"), "2|");
	assert_string_equal(eval_all("req.hdr_val(n)"), "12|-7|0|");
	assert_string_equal(eval_all("req.hdr_ip(i)"), "1.2.3.4|5.6.7.8|");
	assert_string_equal(eval_all("req.hdr_cnt(a)"), "5|");
}

static void test_without_name_all_fields_are_gone_through(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: h\r\nA: 1,2\r\nB: 3\r\n\r\n");
	assert_string_equal(eval_all("req.hdr"), "h|1|2|3|");
	assert_eval("req.hdr(,1)", "h");
	msg_delete(&world.req, SLICE("a"));
	assert_string_equal(eval_all("req.hdr"), "h|3|");
	assert_eval("req.fhdr_cnt", "2");
}

static void test_hdr_is_of_the_message_at_hand(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: h\r\nX: request\r\n\r\n");
	assert_eval("hdr(x)", "request");
	set_response("HTTP/1.1 200 OK\r\nX: response, two\r\n\r\n");
	assert_eval("hdr(x,1)", "response");
	assert_eval("res.hdr(x)", "two");
	assert_eval("shdr(x)", "two");
	assert_eval("res.fhdr(x)", "response, two");
	assert_eval("res.hdr_cnt(x)", "2");
	assert_eval("shdr_cnt(x)", "2");
	assert_eval("res.fhdr_cnt(x)", "1");
	assert_eval("res.hdr_val(x)", "0");
	assert_eval("shdr_val(x)", "0");
	assert_eval("res.hdr_ip(x)", "(none)");
	assert_eval("shdr_ip(x)", "(none)");
	world.ctx.phase = PHASE_CHECK;
	assert_eval("hdr(x,1)", "response");
	assert_eval("res.hdr(x)", "two");
}

static void test_without_message_there_is_no_value(void **state)
{
	(void)state;
	assert_eval("req.hdr(a)", "(none)");
	assert_eval("req.hdr_cnt(a)", "(none)");
	assert_eval("req.hdr_val(a)", "(none)");
	assert_eval("req.hdr_ip(a)", "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_value_is_the_last_of_the_list),
		world_test(test_occurrences_count_from_either_end),
		world_test(test_ten_values_back_in_a_long_list),
		world_test(test_backslash_keeps_a_quote_inside_quotes),
		world_test(test_whole_lines),
		world_test(test_counts),
		world_test(test_numbers),
		world_test(test_addresses_follow_rfc_7239),
		world_test(test_all_values_are_gone_through),
		world_test(test_without_name_all_fields_are_gone_through),
		world_test(test_hdr_is_of_the_message_at_hand),
		world_test(test_without_message_there_is_no_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
