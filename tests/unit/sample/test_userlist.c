/* test_userlist: who is let in, what a list refuses, and that a password which was tried is remembered as that. */
#include "ballast/sample/release.h"
#include "ballast/sample/userlist.h"
#include "sample_test.h"

#define SHA512 \
	"$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2." \
	"peKEg2VGUqIJJu1"
#define YESCRYPT "$y$j9T$abcdefgh$A4KVsmum.FSMya4cz0BdkNdOw.hwsu.Anw.gqoHqmeC"

static struct userlist *list;

static int list_setup(void **state)
{
	world_setup(state);
	struct token name = token_of("L");
	list = userlist_define(&world.config, &name, &world.diag);
	return !list;
}

static int list_teardown(void **state)
{
	sample_release(&world.config);
	return world_teardown(state);
}

static int add(const char *text)
{
	struct line l = line_of(text);
	return token_is(&l.words[0], "user") ? userlist_add_user(list, &l, &world.diag)
	                                     : userlist_add_group(list, &l, &world.diag);
}

static bool lets_in(const char *name, const char *password)
{
	return userlist_check(list, slice_from_str(name), slice_from_str(password));
}

static void test_plain_password_must_be_equal(void **state)
{
	(void)state;
	assert_int_equal(add("user u insecure-password secret"), 0);
	assert_int_equal(add("user empty insecure-password ''"), -EINVAL);
	assert_int_equal(add("user none"), 0);
	assert_true(lets_in("u", "secret"));
	assert_false(lets_in("u", "secre"));
	assert_false(lets_in("u", "secrets"));
	assert_false(lets_in("u", "secretsecret"));
	assert_false(lets_in("u", ""));
	assert_false(lets_in("none", ""));
	assert_false(lets_in("nobody", "secret"));
	assert_false(userlist_check(list, SLICE("u"), slice_of("secret\0x", 8)));
}

static void test_hashed_password_is_compared_by_crypt(void **state)
{
	(void)state;
	assert_int_equal(add("user u password " SHA512), 0);
	for (int again = 0; again < 2; again++) { /* the second time from what is remembered */
		assert_true(lets_in("u", "secret"));
		assert_false(lets_in("u", "Secret"));
		assert_false(lets_in("u", SHA512));
	}
}

static void test_what_is_remembered_of_one_user_is_not_taken_for_another(void **state)
{
	(void)state;
	assert_int_equal(add("user u password " SHA512), 0);
	assert_int_equal(add("user v password " YESCRYPT), 0);
	assert_true(lets_in("u", "secret"));
	assert_true(lets_in("v", "y"));
	assert_false(lets_in("v", "secret"));
	assert_false(lets_in("u", "y"));
}

static void test_what_is_no_hash_is_refused(void **state)
{
	(void)state;
	assert_int_equal(add("user u password $9$nonsense"), -EINVAL);
	assert_non_null(strstr(first_message(), "no hash that crypt(3)"));
}

static void test_a_long_password_is_refused(void **state)
{
	char long_one[300];
	(void)state;
	assert_int_equal(add("user u insecure-password x"), 0);
	memset(long_one, 'x', sizeof long_one);
	assert_false(userlist_check(list, SLICE("u"), slice_of(long_one, sizeof long_one)));
}

static void test_groups_may_be_named_on_either_side(void **state)
{
	const struct userlist_user *u;
	(void)state;
	assert_int_equal(add("group G1 users u"), 0);
	assert_int_equal(add("group G2"), 0);
	assert_int_equal(add("user u insecure-password p groups G2"), 0);
	assert_int_equal(userlists_resolve(&world.config, &world.diag), 0);
	assert_string_equal(first_message(), "");
	u = userlist_check(list, SLICE("u"), SLICE("p"));
	assert_non_null(u);
	assert_string_equal(userlist_group(u, 0), "G1");
	assert_string_equal(userlist_group(u, 1), "G2");
	assert_null(userlist_group(u, 2));
}

static void assert_wrong(const char *text, const char *message)
{
	forget_messages();
	if (add(text) == 0)
		userlists_resolve(&world.config, &world.diag);
	assert_string_equal(first_message(), message);
}

static void test_what_is_wrong_is_told(void **state)
{
	(void)state;
	assert_int_equal(add("user u"), 0);
	assert_int_equal(add("group G"), 0);
	assert_wrong("user u", "userlist 'L' has a user 'u' already");
	assert_wrong("group G", "userlist 'L' has a group 'G' already");
	assert_wrong("user", "'user' expects a name");
	assert_wrong("user w password", "'password' expects a password");
	assert_wrong("user a insecure-password x insecure-password y", "user 'a' has a password already");
	assert_wrong("user b groups G,,H", "a group's name is missing in 'G,,H'");
	assert_wrong("group H x y", "'x' is not expected behind a group's name");
	assert_wrong("user c groups G9", "user 'c' is to be in group 'G9', which userlist 'L' has not");
}

static void test_a_group_of_nobody_is_refused(void **state)
{
	(void)state;
	assert_wrong("group G users nobody", "group 'G' names a user 'nobody' who is not in userlist 'L'");
}

static void test_a_list_that_is_named_must_be_defined_once(void **state)
{
	struct token again = token_of("L");
	(void)state;
	assert_null(userlist_define(&world.config, &again, &world.diag));
	assert_string_equal(first_message(), "there is a userlist 'L' already");
	forget_messages();
	assert_non_null(userlist_refer(&world.config, SLICE("M"), NULL));
	assert_ptr_equal(userlist_refer(&world.config, SLICE("L"), NULL), list);
	userlists_resolve(&world.config, &world.diag);
	assert_string_equal(first_message(), "there is no userlist 'M'");
}

#define list_test(f) cmocka_unit_test_setup_teardown(f, list_setup, list_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		list_test(test_plain_password_must_be_equal),
		list_test(test_hashed_password_is_compared_by_crypt),
		list_test(test_what_is_remembered_of_one_user_is_not_taken_for_another),
		list_test(test_what_is_no_hash_is_refused),
		list_test(test_a_long_password_is_refused),
		list_test(test_groups_may_be_named_on_either_side),
		list_test(test_what_is_wrong_is_told),
		list_test(test_a_group_of_nobody_is_refused),
		list_test(test_a_list_that_is_named_must_be_defined_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
