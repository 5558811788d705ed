/* test_cond: how terms are joined, what is refused, what is known at load. */
#include "sample_test.h"

static struct acl_set set;

static int setup(void **state)
{
	world_setup(state);
	acl_set_init(&set);
	set_request("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	return 0;
}

static bool holds(const char *text)
{
	struct line l = line_of(text);
	forget_messages();
	struct cond *c = cond_parse(&l, 0, &set, world.ctx.phase, &world.config, &world.diag);
	if (!c)
		fail_msg("%s: %s", text, first_message());
	return cond_eval(c, &world.ctx);
}

static void test_terms_are_joined_by_and(void **state)
{
	(void)state;
	assert_true(holds("if TRUE TRUE"));
	assert_false(holds("if TRUE FALSE"));
	assert_false(holds("if FALSE TRUE"));
	assert_true(holds("if { path /a } { method GET }"));
	assert_true(holds("if TRUE and TRUE"));
	assert_false(holds("if TRUE && FALSE"));
}

static void test_or_joins_conjunctions(void **state)
{
	(void)state;
	assert_true(holds("if FALSE or TRUE"));
	assert_true(holds("if FALSE || TRUE"));
	assert_true(holds("if FALSE FALSE or TRUE"));
	assert_true(holds("if TRUE or FALSE FALSE"));
	assert_false(holds("if TRUE FALSE or FALSE"));
	assert_false(holds("if TRUE FALSE or FALSE TRUE"));
	assert_true(holds("if FALSE TRUE TRUE or FALSE or TRUE TRUE"));
}

/* Every disjunction of two conjunctions of two terms, each negated or not, against plain logic. */
static void test_all_small_conditions(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 256; bits++) {
		const char *term[4];
		bool value[4];
		char text[128];
		static const char *const words[] = { "FALSE", "TRUE", "!FALSE", "! TRUE" };
		for (unsigned i = 0; i < 4; i++) {
			unsigned pick = bits >> 2 * i & 3;
			term[i] = words[pick];
			value[i] = pick == 1 || pick == 2;
		}
		snprintf(text, sizeof text, "if %s %s or %s %s", term[0], term[1], term[2], term[3]);
		assert_int_equal(holds(text), (value[0] && value[1]) || (value[2] && value[3]));
		snprintf(text, sizeof text, "unless %s or %s %s || %s", term[0], term[1], term[2], term[3]);
		assert_int_equal(holds(text), !(value[0] || (value[1] && value[2]) || value[3]));
	}
}

static void test_negation(void **state)
{
	(void)state;
	assert_false(holds("if !TRUE"));
	assert_false(holds("if ! TRUE"));
	assert_true(holds("if !!TRUE"));
	assert_true(holds("if ! ! TRUE"));
	assert_true(holds("if !{ path /b }"));
	assert_true(holds("if ! { path /b }"));
	assert_false(holds("if !{ path /a }"));
}

static void test_unless_turns_it(void **state)
{
	(void)state;
	assert_false(holds("unless TRUE"));
	assert_true(holds("unless FALSE"));
	assert_true(holds("unless { path /b }"));
}

static void test_sample_that_is_not_there_does_not_match(void **state)
{
	(void)state;
	world.ctx.req = NULL;
	assert_false(holds("if { path /a }"));
	assert_true(holds("if !{ path /a }"));
	assert_false(holds("if { hdr_cnt(x) 0 }"));
}

static void test_mistakes_are_told(void **state)
{
	(void)state;
	assert_string_equal(condition_error("if", &set), "the condition ends where an ACL or '{' is expected");
	assert_string_equal(condition_error("if TRUE or", &set), "the condition ends where an ACL or '{' is expected");
	assert_string_equal(condition_error("if TRUE and", &set), "the condition ends where an ACL or '{' is expected");
	assert_string_equal(condition_error("if or TRUE", &set), "expected an ACL or '{'");
	assert_string_equal(condition_error("if TRUE or or TRUE", &set), "expected an ACL or '{'");
	assert_string_equal(condition_error("if !", &set), "expected an ACL or '{'");
	assert_string_equal(condition_error("if ! or TRUE", &set), "expected an ACL or '{'");
	assert_string_equal(condition_error("if { path /a", &set),
		"this '{' has no '}' (both must be words of their own)");
	assert_string_equal(condition_error("if TRUE }", &set), "no such ACL: '}'");
	assert_string_equal(condition_error("if {path /a}", &set), "no such ACL: '{path'");
	assert_string_equal(condition_error("if nosuch", &set), "no such ACL: 'nosuch'");
}

static void test_nearest_name_is_told(void **state)
{
	struct line l = line_of("acl is_static path_beg /static");
	(void)state;
	assert_int_equal(acl_parse(&l, &set, &world.config, &world.diag), 0);
	condition_error("if is_statc", &set);
	assert_string_equal(world.diag.first->hint, "did you mean 'is_static'?");
	condition_error("if METH_GTE", &set);
	assert_string_equal(world.diag.first->hint, "did you mean 'METH_GET'?");
}

static void test_every_mistake_of_a_line_is_told(void **state)
{
	(void)state;
	condition_error("if nosuch1 { pth /a } or nosuch2", &set);
	assert_int_equal(world.diag.count[DIAG_ALERT], 3);
}

static void test_fetch_of_another_phase_never_matches_and_is_warned_of(void **state)
{
	(void)state;
	assert_string_equal(condition_error("if { status 200 }", &set),
		"this never matches: 'status' is not available at this point");
	assert_int_equal(world.diag.count[DIAG_ALERT], 0);
	set_response("HTTP/1.1 200 OK\r\n\r\n");
	assert_true(holds("if { status 200 }"));
	assert_true(holds("if METH_GET"));
	assert_string_equal(condition_error("if HTTP_1.1", &set),
		"ACL 'HTTP_1.1' never matches here: 'req.ver' is not available at this point");
	assert_false(holds("if { path /a }"));
}

static void test_condition_is_found_in_a_line(void **state)
{
	struct line l = line_of("use_backend if_x if TRUE");
	(void)state;
	assert_int_equal(cond_find(&l, 1), 2);
	assert_int_equal(cond_find(&l, 3), 4);
	l = line_of("deny unless TRUE");
	assert_int_equal(cond_find(&l, 0), 1);
}

static int constant(const char *text)
{
	struct line l = line_of(text);
	bool value;
	struct cond *c = cond_parse(&l, 0, &set, world.ctx.phase, &world.config, &world.diag);
	assert_non_null(c);
	return cond_is_constant(c, &value) ? value : -1;
}

static void test_constant_conditions_are_known(void **state)
{
	(void)state;
	assert_int_equal(constant("if TRUE"), 1);
	assert_int_equal(constant("if FALSE"), 0);
	assert_int_equal(constant("unless TRUE"), 0);
	assert_int_equal(constant("if !FALSE TRUE"), 1);
	assert_int_equal(constant("if { path /a } or { always_true }"), 1);
	assert_int_equal(constant("if FALSE { path /a }"), 0);
	assert_int_equal(constant("if { path /a } FALSE or FALSE"), 0);
	assert_int_equal(constant("if { path /a }"), -1);
	assert_int_equal(constant("if TRUE { path /a }"), -1);
	assert_int_equal(constant("unless { path /a } or FALSE"), -1);
	assert_int_equal(constant("if { always_true,not }"), -1);
}

static void test_without_a_set_predefined_ones_are_there(void **state)
{
	(void)state;
	assert_true(matches_in("TRUE METH_GET", NULL));
}

int main(void)
{
#define cond_test(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		cond_test(test_terms_are_joined_by_and),
		cond_test(test_or_joins_conjunctions),
		cond_test(test_all_small_conditions),
		cond_test(test_negation),
		cond_test(test_unless_turns_it),
		cond_test(test_sample_that_is_not_there_does_not_match),
		cond_test(test_mistakes_are_told),
		cond_test(test_nearest_name_is_told),
		cond_test(test_every_mistake_of_a_line_is_told),
		cond_test(test_fetch_of_another_phase_never_matches_and_is_warned_of),
		cond_test(test_condition_is_found_in_a_line),
		cond_test(test_constant_conditions_are_known),
		cond_test(test_without_a_set_predefined_ones_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
