/* test_converter_json: types of what is found, strings for JSON, parts of tokens; values as HAProxy 3.2 gave them but where
 * it loses digits. */
#include "sample_test.h"

static void set_json(const char *doc)
{
	static char head[1024];
	snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: h\r\nJ: %s\r\n\r\n", doc);
	set_request(head);
}

static void test_values_have_types(void **state)
{
	(void)state;
	set_json("{\"i\":4,\"f\":4.5,\"e\":1e3,\"n\":-7,\"t\":true,\"o\":false,\"z\":null,\"l\":[1, \"x\"],\"d\":{},"
		 "\"s\":\"x\\u00e9\\\"y\",\"q\":\"12\",\"big\":9007199254740993,\"huge\":99999999999999999999,\"\":0}");
	assert_eval("req.fhdr(j),json_query('$.i')", "4");
	assert_eval("req.fhdr(j),json_query('$.i','int'),add(1)", "5");
	assert_eval("req.fhdr(j),json_query('$.f')", "4.5");
	assert_eval("req.fhdr(j),json_query('$.f','int')", "4");
	assert_eval("req.fhdr(j),json_query('$.n')", "-7");
	assert_eval("req.fhdr(j),json_query('$.t')", "1");
	assert_eval("req.fhdr(j),json_query('$.o')", "0");
	assert_eval("req.fhdr(j),json_query('$.z')", "(none)");
	assert_eval("req.fhdr(j),json_query('$.d')", "(none)");
	assert_eval("req.fhdr(j),json_query('$.l')", "[1, \"x\"]");
	assert_eval("req.fhdr(j),json_query('$.s')", "x\xc3\xa9\"y");
	assert_eval("req.fhdr(j),json_query('$.q','int'),add(1)", "13");
	assert_eval("req.fhdr(j),json_query('$.big')", "9007199254740993");
	assert_eval("req.fhdr(j),json_query('$.huge')", "99999999999999999999");
	assert_true(matches("req.fhdr(j),json_query('$.t') 1"));
	assert_true(matches("req.fhdr(j),json_query('$.i') -m int gt 3"));
	assert_eval("str(a),json_query('$.a','x')", "error: converter 'json_query' knows the output type 'int' only");
	assert_eval("str(a),json_query(a)",
		"error: converter 'json_query' expects a path such as $.name, $.list[0] or $['a name']");
}

static void test_a_string_never_holds_nul(void **state)
{
	(void)state;
	set_json("{\"s\":\"a\\u0000b\"}");
	assert_eval("req.fhdr(j),json_query('$.s')", "(none)");
}

static void test_parts_of_tokens(void **state)
{
	(void)state;
	set_json("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJtZSIsIm4iOjV9.c2ln");
	assert_eval("req.fhdr(j),jwt_header_query", "{\"alg\":\"HS256\"}");
	assert_eval("req.fhdr(j),jwt_header_query('$.alg')", "HS256");
	assert_eval("req.fhdr(j),jwt_payload_query", "{\"iss\":\"me\",\"n\":5}");
	assert_eval("req.fhdr(j),jwt_payload_query('$.n','int'),add(1)", "6");
	assert_eval("req.fhdr(j),jwt_payload_query('$.x')", "(none)");
	set_json("eyJhbGciOiJIUzI1NiJ9");
	assert_eval("req.fhdr(j),jwt_header_query('$.alg')", "HS256");
	assert_eval("req.fhdr(j),jwt_payload_query('$.alg')", "(none)");
	set_json("eyJhbGciOiJIUzI1NiJ9.b.c.d");
	assert_eval("req.fhdr(j),jwt_header_query", "(none)");
	set_json("!!.b.c");
	assert_eval("req.fhdr(j),jwt_header_query", "(none)");
	set_json("YQBi.b.c"); /* a NUL b */
	assert_eval("req.fhdr(j),jwt_header_query", "(none)");
}

static void test_strings_for_json(void **state)
{
	(void)state;
	set_json("a\"b/c\\d");
	assert_eval("req.fhdr(j),json", "a\\\"b\\/c\\\\d");
	assert_eval("req.fhdr(j),json(utf8)", "a\\\"b\\/c\\\\d");
	assert_eval("str(\xc3\xa9\xe2\x82\xac),json", "\\u00c3\\u00a9\\u00e2\\u0082\\u00ac");
	assert_eval("str(\xc3\xa9\xe2\x82\xac),json(utf8)", "\\u00e9\\u20ac");
	assert_eval("bin(010a097f),json(utf8)", "\\u0001\\n\\t\\u007f");
	assert_eval("str(a),json(latin1)",
		"error: converter 'json' knows the codes ascii, utf8, utf8s, utf8p and utf8ps");
}

static void test_what_is_no_utf8(void **state)
{
	(void)state;
	assert_eval("bin(ff61),json(utf8)", "(none)");
	assert_eval("bin(ff61),json(utf8s)", "a");
	assert_eval("bin(c18161),json(utf8)", "(none)");
	assert_eval("bin(c18161),json(utf8p)", "Aa");
	assert_eval("bin(c161),json(utf8ps)", "a");
	assert_eval("bin(eda08061),json(utf8s)", "a");
	assert_eval("bin(f09f988061),json(utf8)", "(none)");
	assert_eval("bin(f09f988061),json(utf8s)", "a");
	assert_eval("bin(e282),json(utf8s)", "");
	assert_eval("bin(8061),json(utf8s)", "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_values_have_types),
		world_test(test_a_string_never_holds_nul),
		world_test(test_parts_of_tokens),
		world_test(test_strings_for_json),
		world_test(test_what_is_no_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
