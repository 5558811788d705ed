/* test_format: reading log-formats. */
#include "format_test.h"

static void test_literals(void **state)
{
	struct slice text;
	(void)state;
	assert_value("", "");
	assert_value("a  b\tc", "a  b\tc");
	assert_value("%%x%%", "%x%");
	struct format *f = parse("a %% b", FORMAT_VALUE, PHASE_REQUEST);
	assert_true(format_is_literal(f, &text));
	assert_string_equal(keep_text(text), "a % b");
	assert_true(format_is_literal(parse("", FORMAT_VALUE, PHASE_REQUEST), &text));
	assert_int_equal(text.len, 0);
	assert_false(format_is_literal(parse("a%[src]", FORMAT_VALUE, PHASE_REQUEST), NULL));
	assert_false(format_is_literal(parse("%r", FORMAT_VALUE, PHASE_REQUEST), NULL));
}

static void test_spaces_of_logs_are_merged(void **state)
{
	(void)state;
	assert_log("a  b   c    %ST  %ST", "a b c 255 255");
	assert_log("  lead %ST trail  ", "lead 255 trail ");
	assert_log("%{+Q}o %ST", "255");
	assert_value("  a  ", "  a  ");
}

static void test_variables_end_where_their_name_ends(void **state)
{
	(void)state;
	assert_log("%ST%ST/%ST:", "255255/255:");
	assert_log("%{}ST", "255");
	assert_log("%STx", "error: unknown log variable 'STx'");
}

static void test_unknown_and_unsupported_variables(void **state)
{
	(void)state;
	assert_log("%zz", "error: unknown log variable 'zz'");
	assert_log("%sslv", "error: log variable 'sslv' is not supported by Ballast (yet)");
	assert_log("%hs", "error: log variable 'hs' is not supported by Ballast (yet)");
	assert_log("%SP", "error: unknown log variable 'SP'");
}

static void test_percent_must_be_followed(void **state)
{
	(void)state;
	assert_log("%", "error: '%' must be followed by a variable or by '[' and an expression");
	assert_log("a% b", "error: '%' must be followed by a variable or by '[' and an expression");
	assert_log("%{+Q}", "error: '%' must be followed by a variable or by '[' and an expression");
	assert_log("%{+Q}%", "error: '%' must be followed by a variable or by '[' and an expression");
	assert_log("%(n)", "error: '%' must be followed by a variable or by '[' and an expression");
}

static void test_flags_are_checked(void **state)
{
	(void)state;
	assert_log("%{Q}r", "error: a flag is '+' or '-' and its name");
	assert_log("%{+}r", "error: a flag is '+' or '-' and its name");
	assert_log("%{+Z}r", "error: unknown flag");
	assert_log("%{+Q +E}r", "error: unknown flag");
	assert_log("%{+json}o", "error: this flag is not supported by Ballast (yet)");
	assert_log("%{+Q", "error: this '{' has no '}'");
}

static void test_names_of_items_are_checked_and_ignored(void **state)
{
	(void)state;
	assert_log("%(name)ST", "255");
	assert_log("%(name:sint){+Q}r", "\"text\"");
	assert_log("%(:str)[int(5)]", "5");
	assert_log("%(a:float)ST", "error: unknown type of an item");
	assert_log("%(aST", "error: this '(' has no ')'");
}

static void test_expressions(void **state)
{
	(void)state;
	set_request("GET /Ab?q HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_value("<%[path,lower]|%[query]>", "</ab|q>");
	assert_value("%[str(a]b)]", "a]b");
	assert_value("%[path", "error: this '[' has no ']'");
	assert_value("%[path lower]", "error: expected ',' and a converter, or ']'");
	assert_value("%[]", "error: expected a fetch (where a value comes from)");
	assert_value("%[pth]", "error: unknown fetch 'pth'");
	assert_value("%[status]", "error: fetch 'status' is not available on requests");
	assert_log("%[path]", "error: fetch 'path' is not available in logs");
}

static void test_variables_have_their_phases(void **state)
{
	(void)state;
	assert_value("%r", "text");
	assert_value("%ST", "error: log variable '%ST' is not available at this point");
}

static void test_error_is_at_its_column(void **state)
{
	(void)state;
	assert_null(parse("a %r %[path,lowr] b", FORMAT_VALUE, PHASE_REQUEST));
	assert_int_equal(world.diag.first->at.column, 13);
	assert_int_equal(world.diag.first->at.width, 4);
	assert_null(parse("ab %zz", FORMAT_VALUE, PHASE_REQUEST));
	assert_int_equal(world.diag.first->at.column, 5);
	assert_null(parse("ab %{+W}r", FORMAT_VALUE, PHASE_REQUEST));
	assert_int_equal(world.diag.first->at.column, 7);
}

static void test_built_in_formats_have_no_place(void **state)
{
	(void)state;
	assert_null(format_parse("%zz", NULL, FORMAT_LOG, PHASE_LOG, &world.config, &world.diag));
	assert_null(world.diag.first->at.file);
	assert_non_null(format_parse("%ST", NULL, FORMAT_LOG, PHASE_LOG, &world.config, &world.diag));
}

static void test_http_variables_are_known(void **state)
{
	(void)state;
	assert_true(format_needs_http(parse("%ST %r", FORMAT_LOG, PHASE_LOG)));
	assert_false(format_needs_http(parse("%ST", FORMAT_LOG, PHASE_LOG)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_literals),
		world_test(test_spaces_of_logs_are_merged),
		world_test(test_variables_end_where_their_name_ends),
		world_test(test_unknown_and_unsupported_variables),
		world_test(test_percent_must_be_followed),
		world_test(test_flags_are_checked),
		world_test(test_names_of_items_are_checked_and_ignored),
		world_test(test_expressions),
		world_test(test_variables_have_their_phases),
		world_test(test_error_is_at_its_column),
		world_test(test_built_in_formats_have_no_place),
		world_test(test_http_variables_are_known),
	};
	return cmocka_run_group_tests(tests, register_rows, NULL);
}
