/* test_var: scopes and their lives, conditions, converters that take variables. */
#include "ballast/sample/var.h"

#include "sample_test.h"

static struct vars exchange_vars, session_vars;

static int setup(void **state)
{
	world_setup(state);
	exchange_vars = session_vars = (struct vars){ 0 };
	world.ctx.vars = &exchange_vars;
	world.ctx.session_vars = &session_vars;
	set_request("GET /p?a=1 HTTP/1.1\r\nHost: h\r\n\r\n");
	return 0;
}

static int teardown(void **state)
{
	var_session_free(&session_vars);
	return world_teardown(state);
}

static void test_value_keeps_its_type(void **state)
{
	(void)state;
	assert_eval("int(7),set-var(txn.n)", "7");
	assert_eval("var(txn.n),add(1)", "8");
	assert_eval("src,set-var(txn.a)", "192.0.2.7");
	assert_eval("var(txn.a),ipmask(24)", "192.0.2.0");
	assert_eval("str(ab),set-var(txn.n),length", "2");
	assert_eval("var(txn.n)", "ab");
	assert_true(matches("var(txn.a) -m ip 192.0.2.0/24"));
	assert_false(matches("var(txn.none) -m found"));
}

static void test_default_is_given_where_it_is_not_set(void **state)
{
	(void)state;
	assert_eval("var(txn.unknown)", "(none)");
	assert_eval("var(txn.unknown,else)", "else");
	assert_eval("str(x),set-var(txn.unknown)", "x");
	assert_eval("var(txn.unknown,else)", "x");
	assert_eval("str(y),unset-var(txn.unknown)", "y");
	assert_eval("var(txn.unknown)", "(none)");
}

static void test_scopes_are_apart(void **state)
{
	(void)state;
	assert_eval("str(t),set-var(txn.x)", "t");
	assert_eval("str(r),set-var(req.x)", "r");
	assert_eval("str(s),set-var(sess.x)", "s");
	assert_eval("str(p),set-var(proc.x)", "p");
	assert_eval("var(txn.x),concat(,req.x),concat(,sess.x),concat(,proc.x)", "trsp");
	assert_eval("str(),unset-var(proc.x)", "");
	assert_eval("var(proc.x)", "(none)");
}

static void test_req_ends_where_res_begins(void **state)
{
	(void)state;
	assert_eval("str(r),set-var(req.y)", "r");
	assert_eval("str(r),set-var(res.y)", "(none)");
	assert_eval("str(t),set-var(txn.y)", "t");
	set_response("HTTP/1.1 200 OK\r\n\r\n");
	assert_eval("var(req.y)", "(none)");
	assert_eval("var(txn.y)", "t");
	assert_eval("str(s),set-var(res.y)", "s");
	assert_eval("var(res.y)", "s");
}

static void test_session_variables_outlive_the_exchange(void **state)
{
	(void)state;
	assert_eval("path,set-var(sess.p)", "/p");
	assert_eval("path,set-var(txn.p)", "/p");
	arena_reset(&world.exchange);
	exchange_vars = (struct vars){ 0 };
	assert_eval("var(sess.p)", "/p");
	assert_eval("var(txn.p)", "(none)");
	assert_eval("var(sess.p),upper,set-var(sess.p),concat(!)", "/P!");
	assert_eval("var(sess.p),unset-var(sess.p),concat(!)", "/P!");
}

static void test_conditions(void **state)
{
	(void)state;
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "str(a),set-var(txn.c,ifset)", NULL },
		{ "str(a),set-var(txn.c,ifexists)", NULL },
		{ "str(),set-var(txn.c,ifnotempty)", NULL },
		{ "str(a),set-var(txn.c,ifempty)", NULL },
		{ "int(0),set-var(txn.c,ifempty)", NULL },
		{ "str(a),set-var(txn.c,ifnotset,ifnotempty)", "a" },
		{ "str(b),set-var(txn.c,ifnotset)", "a" },
		{ "str(b),set-var(txn.c,ifexists,ifset)", "b" },
		{ "str(c),set-var(txn.c,ifnotexists)", "b" },
		{ "int(5),set-var(txn.c,ifgt)", "5" },
		{ "int(7),set-var(txn.c,ifgt)", "5" },
		{ "int(7),set-var(txn.c,iflt)", "7" },
		{ "int(5),set-var(txn.c,iflt)", "7" },
		{ "int(5),set-var(txn.c,ifgt)", "5" },
		{ "int(1),unset-var(txn.c)", NULL },
		{ "int(1),set-var(txn.c,ifnotexists)", NULL },
		{ "int(1),set-var(txn.c,ifexists,ifnotset)", "1" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		eval(cases[i].text);
		assert_string_equal(eval("var(txn.c)"), cases[i].value ? cases[i].value : "(none)");
	}
}

static void test_converters_take_variables(void **state)
{
	(void)state;
	eval("int(3),set-var(txn.three)");
	eval("str(two),set-var(txn.word)");
	assert_eval("int(10),add(txn.three)", "13");
	assert_eval("int(10),sub(txn.three),mul(txn.three)", "21");
	assert_eval("int(10),div(txn.three)", "3");
	assert_eval("int(10),mod(txn.three),or(txn.three),and(txn.three),xor(txn.three)", "0");
	assert_eval("int(10),add(txn.nothing)", "(none)");
	assert_eval("str(a),concat(-,txn.word,-)", "a-two-");
	assert_eval("str(a),concat(-,txn.nothing,-)", "a--");
	assert_eval("str(a),add_item(',',txn.word)", "a,two");
	assert_eval("str(),add_item(',',txn.word)", "two");
	assert_eval("str(a),add_item(',',txn.nothing)", "a");
	assert_eval("str(a),add_item(',',,b)", "a,b");
	assert_eval("str(two),strcmp(txn.word)", "0");
	assert_true(atoi(eval("str(tw),strcmp(txn.word)")) < 0);
	assert_true(atoi(eval("str(zoo),strcmp(txn.word)")) > 0);
	assert_eval("str(two),secure_memcmp(txn.word)", "1");
	assert_eval("str(twO),secure_memcmp(txn.word)", "0");
	assert_eval("str(tw),secure_memcmp(txn.word)", "0");
}

static void test_wrong_use_is_refused(void **state)
{
	(void)state;
	const char *wanted =
		"error: fetch 'var' expects a variable here: a scope (proc, sess, txn, req, res), a dot and "
		"a name";
	assert_eval("var(x)", wanted);
	assert_eval("var(txn.)", wanted);
	assert_eval("var(txn.a-b)", wanted);
	assert_eval("var(top.a)", wanted);
	assert_eval("var", "error: fetch 'var' needs arguments");
	assert_eval("int(1),add(x)", "error: converter 'add' expects a whole number or a variable here");
	assert_eval("str(a),add_item(;)",
		"error: converter 'add_item' needs a variable or a suffix behind the delimiter");
	assert_eval("str(a),set-var(txn.a,ifever)",
		"error: converter 'set-var' knows the conditions ifexists, ifnotexists, ifempty, ifnotempty, ifset, "
		"ifnotset, ifgt and iflt only");
}

static void test_without_a_store_nothing_is_kept(void **state)
{
	(void)state;
	world.ctx.vars = NULL;
	world.ctx.session_vars = NULL;
	assert_eval("str(a),set-var(txn.z)", "(none)");
	assert_eval("var(sess.z)", "(none)");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_value_keeps_its_type),
		test(test_default_is_given_where_it_is_not_set),
		test(test_scopes_are_apart),
		test(test_req_ends_where_res_begins),
		test(test_session_variables_outlive_the_exchange),
		test(test_conditions),
		test(test_converters_take_variables),
		test(test_wrong_use_is_refused),
		test(test_without_a_store_nothing_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
