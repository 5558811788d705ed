/* test_acl: naming ACLs, completing them, and those that are always there. */
#include "sample_test.h"

static struct acl_set set;

static int add(const char *text)
{
	struct line l = line_of(text);
	forget_messages();
	return acl_parse(&l, &set, &world.config, &world.diag);
}

static int setup(void **state)
{
	acl_set_init(&set);
	return world_setup(state);
}

static void test_named_acl_matches(void **state)
{
	(void)state;
	set_request("GET /img/a.png HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
	assert_int_equal(add("acl static path_beg /img /css"), 0);
	assert_int_equal(add("acl host_www hdr_beg(host) -i WWW."), 0);
	assert_true(matches_in("static", &set));
	assert_true(matches_in("static host_www", &set));
	assert_false(matches_in("!static", &set));
}

static void test_same_name_completes(void **state)
{
	(void)state;
	set_request("GET /a.css HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(add("acl static path_beg /img"), 0);
	assert_false(matches_in("static", &set));
	assert_int_equal(add("acl static path_end .css"), 0);
	assert_true(matches_in("static", &set));
}

static void test_completion_reaches_conditions_before_it(void **state)
{
	struct line l = line_of("if static");
	(void)state;
	set_request("GET /a.css HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(add("acl static path_beg /img"), 0);
	struct cond *c = cond_parse(&l, 0, &set, PHASE_REQUEST, &world.config, &world.diag);
	assert_non_null(c);
	assert_false(cond_eval(c, &world.ctx));
	assert_int_equal(add("acl static path_end .css"), 0);
	assert_true(cond_eval(c, &world.ctx));
}

static void test_names_have_case(void **state)
{
	(void)state;
	assert_int_equal(add("acl my_acl always_true"), 0);
	assert_int_equal(add("acl My_Acl always_false"), 0);
	assert_true(matches_in("my_acl", &set));
	assert_false(matches_in("My_Acl", &set));
}

static void test_names_are_checked(void **state)
{
	(void)state;
	assert_int_equal(add("acl a-b_c.d:E9 always_true"), 0);
	assert_int_equal(add("acl a/b always_true"), -EINVAL);
	assert_string_equal(first_message(), "'/' may not be in the name of an ACL");
	assert_int_equal(add("acl or always_true"), -EINVAL);
	assert_string_equal(first_message(), "an ACL cannot be named 'or'");
	assert_int_equal(add("acl '' always_true"), -EINVAL);
	assert_string_equal(first_message(), "the name of an ACL is empty");
}

static void test_missing_words_are_told(void **state)
{
	(void)state;
	assert_int_equal(add("acl"), -EINVAL);
	assert_string_equal(first_message(), "acl needs a name and a criterion");
	assert_int_equal(add("acl x"), -EINVAL);
	assert_string_equal(first_message(), "acl needs a criterion behind its name");
	assert_int_equal(add("acl x -i"), -EINVAL);
}

static void test_failed_acl_is_not_kept(void **state)
{
	(void)state;
	assert_int_equal(add("acl x pth /a"), -EINVAL);
	assert_string_equal(condition_error("if x", &set), "no such ACL: 'x'");
}

static bool predefined(const char *name)
{
	return matches_in(name, &set);
}

static void test_predefined_acls(void **state)
{
	(void)state;
	set_request("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
	assert_true(predefined("TRUE"));
	assert_false(predefined("FALSE"));
	assert_true(predefined("HTTP"));
	assert_true(predefined("HTTP_1.1"));
	assert_false(predefined("HTTP_1.0"));
	assert_false(predefined("HTTP_2.0"));
	assert_false(predefined("HTTP_3.0"));
	assert_true(predefined("HTTP_CONTENT"));
	assert_true(predefined("HTTP_URL_SLASH"));
	assert_false(predefined("HTTP_URL_ABS"));
	assert_false(predefined("HTTP_URL_STAR"));
	assert_true(predefined("METH_GET"));
	assert_false(predefined("METH_HEAD"));
	assert_false(predefined("METH_POST"));
}

static void test_predefined_methods(void **state)
{
	static const char *const methods[] = { "CONNECT", "DELETE", "HEAD", "OPTIONS", "POST", "PUT", "TRACE" };
	char head[128], name[32];
	(void)state;
	for (unsigned i = 0; i < sizeof methods / sizeof *methods; i++) {
		snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: h:1\r\n\r\n", methods[i], i ? "/" : "h:1");
		set_request(head);
		for (unsigned k = 0; k < sizeof methods / sizeof *methods; k++) {
			snprintf(name, sizeof name, "METH_%s", methods[k]);
			assert_int_equal(predefined(name), i == k);
		}
		assert_int_equal(predefined("METH_GET"), strcmp(methods[i], "HEAD") == 0);
	}
}

static void test_predefined_forms_of_targets(void **state)
{
	(void)state;
	set_request("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(predefined("HTTP_URL_ABS"));
	assert_false(predefined("HTTP_URL_SLASH"));
	set_request("GET /r?u=http://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_false(predefined("HTTP_URL_ABS"));
	set_request("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
	assert_false(predefined("HTTP_URL_ABS"));
	set_request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(predefined("HTTP_URL_STAR"));
	assert_false(predefined("HTTP_CONTENT"));
}

static void test_predefined_localhost(void **state)
{
	(void)state;
	assert_false(predefined("LOCALHOST"));
	set_source("127.9.9.9", 1);
	assert_true(predefined("LOCALHOST"));
	set_source("::1", 1);
	assert_true(predefined("LOCALHOST"));
}

static void test_own_acl_hides_a_predefined(void **state)
{
	(void)state;
	assert_int_equal(add("acl TRUE always_false"), 0);
	assert_false(predefined("TRUE"));
}

int main(void)
{
#define acl_test(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		acl_test(test_named_acl_matches),
		acl_test(test_same_name_completes),
		acl_test(test_completion_reaches_conditions_before_it),
		acl_test(test_names_have_case),
		acl_test(test_names_are_checked),
		acl_test(test_missing_words_are_told),
		acl_test(test_failed_acl_is_not_kept),
		acl_test(test_predefined_acls),
		acl_test(test_predefined_methods),
		acl_test(test_predefined_forms_of_targets),
		acl_test(test_predefined_localhost),
		acl_test(test_own_acl_hides_a_predefined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
