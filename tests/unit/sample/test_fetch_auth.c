/* test_fetch_auth: what is read of an Authorization field, and which of it counts as none. */
#include "ballast/sample/release.h"
#include "ballast/sample/userlist.h"
#include "sample_test.h"

static void authorize(const char *value)
{
	static char head[512];
	snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nX-Tok: Bearer abc def\r\n\r\n",
		value);
	set_request(head);
}

static void test_basic_has_a_name_and_a_password(void **state)
{
	(void)state;
	authorize("basic dTpw");
	assert_eval("http_auth_type", "Basic");
	assert_eval("http_auth_user", "u");
	assert_eval("http_auth_pass", "p");
	assert_eval("http_auth_bearer", "(none)");
	authorize("Basic   dTpwOng="); /* u:p:x */
	assert_eval("http_auth_pass", "p:x");
	authorize("Basic Og==");
	assert_eval("http_auth_user", "");
	assert_eval("http_auth_pass", "");
}

static void test_what_is_no_basic_is_none(void **state)
{
	static const char *const bad[] = { "Basic dQ==" /* u */, "Basic", "Basic !!", "Digest dTpw", "dTpw",
		"Basic dTpw=" };
	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		authorize(bad[i]);
		assert_eval("http_auth_user", "(none)");
		assert_eval("http_auth_pass", "(none)");
		assert_eval("http_auth_type", "(none)");
	}
	authorize("Basic dQA6cA=="); /* u NUL : p */
	assert_eval("http_auth_user", "(none)");
	assert_eval("http_auth_pass", "p");
}

static void test_bearer_is_a_token_of_any_field(void **state)
{
	(void)state;
	authorize("Bearer  tok ");
	assert_eval("http_auth_type", "Bearer");
	assert_eval("http_auth_bearer", "tok");
	assert_eval("http_auth_bearer(x-tok)", "abc def");
	assert_eval("http_auth_bearer(x-none)", "(none)");
	authorize("Bearer");
	assert_eval("http_auth_bearer", "(none)");
}

static void test_a_list_knows_its_users_and_their_groups(void **state)
{
	struct token name = token_of("L");
	struct userlist *l = userlist_define(&world.config, &name, &world.diag);
	struct line user = line_of("user u insecure-password p groups a,b"), a = line_of("group a"),
		    b = line_of("group b"), other = line_of("user v insecure-password p");
	(void)state;
	userlist_add_user(l, &user, &world.diag);
	userlist_add_user(l, &other, &world.diag);
	userlist_add_group(l, &a, &world.diag);
	userlist_add_group(l, &b, &world.diag);
	assert_int_equal(userlists_resolve(&world.config, &world.diag), 0);
	authorize("Basic dTpw"); /* u:p */
	assert_eval("http_auth(L)", "1");
	assert_eval("http_auth_group(L)", "u");
	assert_true(matches("http_auth(L)"));
	assert_true(matches("http_auth_group(L) b"));
	assert_true(matches("http_auth_group(L) x a"));
	assert_false(matches("http_auth_group(L) u"));
	authorize("Basic dTpx"); /* u:x */
	assert_eval("http_auth(L)", "0");
	assert_eval("http_auth_group(L)", "(none)");
	assert_false(matches("http_auth_group(L) a"));
	authorize("Basic djpw"); /* v:p */
	assert_true(matches("http_auth(L)"));
	assert_false(matches("http_auth_group(L) a b"));
	set_request("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_eval("http_auth(L)", "(none)");
	assert_false(matches("http_auth(L)"));
	sample_release(&world.config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_basic_has_a_name_and_a_password),
		world_test(test_what_is_no_basic_is_none),
		world_test(test_bearer_is_a_token_of_any_field),
		world_test(test_a_list_knows_its_users_and_their_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
