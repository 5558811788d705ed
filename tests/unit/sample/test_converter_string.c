/* test_converter_string: the examples of HAProxy's manual, and the edges that HAProxy 3.2 showed. */
#include "sample_test.h"

static void test_case_and_length(void **state)
{
	(void)state;
	assert_eval("str(aBc-\xe9Z),lower", "abc-\xe9z");
	assert_eval("str(aBc-\xe9z),upper", "ABC-\xe9Z");
	assert_eval("str(),lower", "");
	assert_eval("str(abc),length", "3");
	assert_eval("int(-55),length", "3");
}

static void test_concat(void **state)
{
	(void)state;
	assert_eval("str(a),concat(b)", "ab");
	assert_eval("str(a),concat(b,,c)", "abc");
	assert_eval("str(a),concat(,,c)", "ac");
	assert_eval("int(5),concat", "5");
	assert_eval("str(),concat('(',,')')", "()");
	assert_eval("str(a),concat(b,txn.x)", "ab");
}

static void test_field_examples_of_the_manual(void **state)
{
	(void)state;
	assert_eval("str(f1_f2_f3__f5),field(4,_)", "");
	assert_eval("str(f1_f2_f3__f5),field(5,_)", "f5");
	assert_eval("str(f1_f2_f3__f5),field(2,_,0)", "f2_f3__f5");
	assert_eval("str(f1_f2_f3__f5),field(2,_,2)", "f2_f3");
	assert_eval("str(f1_f2_f3__f5),field(-2,_,3)", "f2_f3_");
	assert_eval("str(f1_f2_f3__f5),field(-3,_,0)", "f1_f2_f3");
}

static void test_field_edges(void **state)
{
	(void)state;
	assert_eval("str(f1_f2),field(3,_)", "(none)");
	assert_eval("str(f1_f2),field(-3,_)", "(none)");
	assert_eval("str(a),field(1,_)", "a");
	assert_eval("str(a_),field(2,_)", "");
	assert_eval("str(_a),field(1,_)", "");
	assert_eval("str(),field(1,_)", "");
	assert_eval("str(a_b_c),field(2,_,9)", "b_c");
	assert_eval("str(a_b_c),field(-1,_,9)", "a_b_c");
	assert_eval("str(a.b_c),field(2,._)", "b");
	assert_eval("str(\"a,b\"),field(2,',')", "b");
	assert_eval("str(a),field(-9223372036854775808,_)", "(none)");
	assert_eval("str(a_b),field(1,)", "a_b");
}

static void test_word_examples_of_the_manual(void **state)
{
	(void)state;
	assert_eval("str(f1_f2_f3__f5),word(4,_)", "f5");
	assert_eval("str(f1_f2_f3__f5),word(5,_)", "(none)");
	assert_eval("str(f1_f2_f3__f5),word(2,_,0)", "f2_f3__f5");
	assert_eval("str(f1_f2_f3__f5),word(3,_,2)", "f3__f5");
	assert_eval("str(f1_f2_f3__f5),word(-2,_,3)", "f1_f2_f3");
	assert_eval("str(f1_f2_f3__f5),word(-3,_,0)", "f1_f2");
	assert_eval("str(/f1/f2/f3/f4),word(1,/)", "f1");
	assert_eval("str(/f1////f2/f3/f4),word(2,/)", "f2");
}

static void test_word_edges(void **state)
{
	(void)state;
	assert_eval("str(/a//b/),word(1,/,0)", "a//b/");
	assert_eval("str(/a//b/),word(-1,/,0)", "/a//b");
	assert_eval("str(/a//b/),word(-1,/)", "b");
	assert_eval("str(a/b/),word(2,/,5)", "b/");
	assert_eval("str(/a/b),word(-2,/,5)", "/a");
	assert_eval("str(a/b/c),word(1,/,2)", "a/b");
	assert_eval("str(///),word(1,/)", "(none)");
	assert_eval("str(),word(1,/)", "(none)");
	assert_eval("str(),word(-1,/)", "(none)");
}

static void test_pieces_check_their_numbers(void **state)
{
	(void)state;
	assert_eval("str(a),field(0,/)", "error: converter 'field' expects an index that is not 0");
	assert_eval("str(a),word(0,/)", "error: converter 'word' expects an index that is not 0");
	assert_eval("str(a),word(1,/,-1)", "error: converter 'word' expects a count that is not negative");
}

static void test_url_dec(void **state)
{
	(void)state;
	assert_eval("str(a%20b+c%41%7a%7A),url_dec", "a b+cAzz");
	assert_eval("str(a+b?c+d),url_dec", "a+b?c d");
	assert_eval("str(a+b?c+d),url_dec(1)", "a b?c d");
	assert_eval("str(a+b),url_dec(0)", "a+b");
	assert_eval("str(),url_dec", "");
}

static void test_url_dec_of_what_is_not_encoded_well_has_no_result(void **state)
{
	(void)state;
	assert_eval("str(a%zz),url_dec", "(none)");
	assert_eval("str(a%4),url_dec", "(none)");
	assert_eval("str(a%),url_dec", "(none)");
	assert_eval("str(a%4z),url_dec", "(none)");
	assert_eval("str(a%00b),url_dec", "(none)");
}

static void test_input_is_not_written_to(void **state)
{
	(void)state;
	set_request("GET /Ab HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_eval("path,lower", "/ab");
	assert_eval("path", "/Ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_case_and_length),
		world_test(test_concat),
		world_test(test_field_examples_of_the_manual),
		world_test(test_field_edges),
		world_test(test_word_examples_of_the_manual),
		world_test(test_word_edges),
		world_test(test_pieces_check_their_numbers),
		world_test(test_url_dec),
		world_test(test_url_dec_of_what_is_not_encoded_well_has_no_result),
		world_test(test_input_is_not_written_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
