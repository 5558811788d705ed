/* test_expr: chains, phases, names, places, running over several values. */
#include "sample_test.h"

static void test_chain_runs_from_left_to_right(void **state)
{
	(void)state;
	assert_eval("str(aBc),lower,concat(D,,e),upper,length,add(1)", "6");
	assert_eval("int(7),sub(3),mul(5),neg", "-20");
}

static void test_names_are_checked(void **state)
{
	(void)state;
	assert_eval("srcc", "error: unknown fetch 'srcc'");
	assert_string_equal(world.diag.first->hint, "did you mean 'src'?");
	assert_eval("src,lowr", "error: unknown converter 'lowr'");
	assert_string_equal(world.diag.first->hint, "did you mean 'lower'?");
	assert_eval("wholly_else", "error: unknown fetch 'wholly_else'");
	assert_null(world.diag.first->hint);
}

static void test_words_of_haproxy_are_told_from_misspelt_ones(void **state)
{
	(void)state;
	assert_eval("ssl_fc_sni", "error: fetch 'ssl_fc_sni' is not supported by Ballast (yet)");
	assert_eval("be_id+x", "error: unknown fetch 'be_id+x'");
	assert_eval("bc_rtt", "error: fetch 'bc_rtt' is not supported by Ballast (yet)");
}

static void test_missing_words_are_refused(void **state)
{
	(void)state;
	assert_eval("", "error: expected a fetch (where a value comes from)");
	assert_eval(",lower", "error: expected a fetch (where a value comes from)");
	assert_eval("src,", "error: expected a converter behind ','");
	assert_eval("src,,lower", "error: expected a converter behind ','");
	assert_eval("src, lower", "error: expected a converter behind ','");
	assert_eval("src ,lower", "error: unexpected text behind an expression");
}

static const char *place_of_error(const char *line, unsigned column, unsigned width, const char *word)
{
	static char text[64];
	struct token t = { word, strlen(word), { "f", line, 1, column, width } };
	forget_messages();
	assert_null(expr_parse_token(&t, PHASE_REQUEST, &world.config, &world.diag));
	const struct place *at = &world.diag.first->at;
	snprintf(text, sizeof text, "%u+%u %.*s", at->column, at->width, (int)at->width, line + at->column - 1);
	return text;
}

static void test_error_is_at_its_column_inside_the_word(void **state)
{
	(void)state;
	assert_string_equal(place_of_error("set x path,lowr", 7, 9, "path,lowr"), "12+4 lowr");
	assert_string_equal(place_of_error("set x status", 7, 6, "status"), "7+6 status");
	assert_string_equal(place_of_error("set x path,lower,field(1)", 7, 19, "path,lower,field(1)"), "23+3 (1)");
}

static void test_quotes_of_the_line_are_counted(void **state)
{
	(void)state;
	assert_string_equal(place_of_error("x 'path,lowr'", 3, 11, "path,lowr"), "9+4 lowr");
	assert_string_equal(place_of_error("x \"path\",\"lowr\"", 3, 13, "path,lowr"), "11+4 lowr");
	assert_string_equal(place_of_error("x str(a\\ b),lowr", 3, 14, "str(a b),lowr"), "13+4 lowr");
	assert_string_equal(place_of_error("x \"str('a\\$b'),lowr\"", 3, 19, "str('a$b'),lowr"), "16+4 lowr");
	assert_string_equal(place_of_error("x str(a\\$b\\q),lowr", 3, 16, "str(a\\$b\\q),lowr"), "15+4 lowr");
}

static void test_word_that_a_variable_made_is_marked_whole(void **state)
{
	(void)state;
	assert_string_equal(place_of_error("x \"${E}\"", 3, 6, "path,lowr"), "3+6 \"${E}\"");
}

static void test_without_the_line_the_place_is_that_of_the_word(void **state)
{
	struct token t = { "path,lowr", 9, { "f", NULL, 3, 7, 9 } };
	(void)state;
	assert_null(expr_parse_token(&t, PHASE_REQUEST, &world.config, &world.diag));
	assert_int_equal(world.diag.first->at.column, 7);
	assert_int_equal(world.diag.first->at.width, 9);
	assert_string_equal(place_of_error("x pat", 3, 9, "path,lowr"), "3+9 pat");
}

static void test_fetch_must_be_there_in_every_phase(void **state)
{
	(void)state;
	world.ctx.phase = PHASE_RESPONSE;
	assert_eval("path", "error: fetch 'path' is not available on responses");
	world.ctx.phase = PHASE_REQUEST;
	assert_eval("status", "error: fetch 'status' is not available on requests");
	world.ctx.phase = PHASE_LOG;
	assert_eval("res.hdr(a)", "error: fetch 'res.hdr' is not available in logs");
	world.ctx.phase = PHASE_CONNECTION;
	assert_eval("method", "error: fetch 'method' is not available when a connection is accepted");
	world.ctx.phase = PHASE_REQUEST | PHASE_RESPONSE;
	assert_eval("url", "error: fetch 'url' is not available on responses");
	world.ctx.phase = PHASE_CHECK;
	assert_eval("src", "error: fetch 'src' is not available in checks");
}

static void test_type_of_the_result_is_known(void **state)
{
	static const struct {
		const char *text;
		unsigned type;
	} cases[] = {
		{ "src", SAMPLE_ADDR },
		{ "path", SAMPLE_STR },
		{ "path,length", SAMPLE_INT },
		{ "path,hex,b64dec", SAMPLE_BIN },
		{ "method", SAMPLE_METHOD },
		{ "src_port,not", SAMPLE_BOOL },
		{ "ipv4(1.2.3.4)", SAMPLE_IPV4 },
	};
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct token t = token_of(cases[i].text);
		struct expr *e = expr_parse_token(&t, PHASE_REQUEST, &world.config, &world.diag);
		assert_non_null(e);
		assert_int_equal(expr_type(e), cases[i].type);
		assert_int_equal(expr_phases(e), sample_fetch_find(slice_from_str(expr_fetch_name(e)))->phases);
	}
}

static void test_value_without_result_ends_the_chain(void **state)
{
	(void)state;
	assert_eval("str(),add(1),upper", "(none)");
	assert_eval("env(NO_SUCH_VARIABLE),upper", "(none)");
}

static void test_all_values_are_run_through_the_chain(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: a\r\nX: a, b\r\nX: c\r\n\r\n");
	assert_string_equal(eval_all("req.hdr(x),upper"), "A|B|C|");
	assert_string_equal(eval_all("req.hdr(x),word(1,a)"), "b|c|");
	assert_string_equal(eval_all("str(x)"), "x|");
	assert_string_equal(eval_all("str(),add(1)"), "");
}

static void test_stops_at_the_byte_that_cannot_follow(void **state)
{
	struct reader r = { "path,lower]rest", "path,lower]rest", NULL };
	(void)state;
	assert_non_null(expr_parse(&r, PHASE_REQUEST, &world.config, &world.diag));
	assert_string_equal(r.at, "]rest");
}

static void test_too_many_converters_are_refused(void **state)
{
	char text[1024] = "path";
	(void)state;
	for (int i = 0; i < 65; i++)
		strcat(text, ",lower");
	assert_eval(text, "error: more than 64 converters in a row");
	text[strlen(text) - 6] = 0;
	set_request("GET /A HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_eval(text, "/a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_chain_runs_from_left_to_right),
		world_test(test_names_are_checked),
		world_test(test_words_of_haproxy_are_told_from_misspelt_ones),
		world_test(test_missing_words_are_refused),
		world_test(test_error_is_at_its_column_inside_the_word),
		world_test(test_quotes_of_the_line_are_counted),
		world_test(test_word_that_a_variable_made_is_marked_whole),
		world_test(test_without_the_line_the_place_is_that_of_the_word),
		world_test(test_fetch_must_be_there_in_every_phase),
		world_test(test_type_of_the_result_is_known),
		world_test(test_value_without_result_ends_the_chain),
		world_test(test_all_values_are_run_through_the_chain),
		world_test(test_stops_at_the_byte_that_cannot_follow),
		world_test(test_too_many_converters_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
