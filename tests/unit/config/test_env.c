/* The environment of a load: setenv, presetenv, unsetenv and resetenv, and what a line sees of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ballast/config/env.h"

static char *outer[] = { "PATH=/bin", "A=first", "A=second", "EMPTY=", "=odd", "noequals", "Z=a=b", NULL };

static const char *value(const struct config_env *e, const char *name)
{
	return config_env_get(e, slice_from_str(name));
}

static int setup(void **state)
{
	static struct config_env e;

	*state = &e;
	return config_env_init(&e, outer);
}

static int teardown(void **state)
{
	config_env_free(*state);
	return 0;
}

static void test_the_process_environment_is_seen(void **state)
{
	struct config_env *e = *state;

	assert_string_equal(value(e, "PATH"), "/bin");
	assert_string_equal(value(e, "EMPTY"), "");
	assert_string_equal(value(e, "Z"), "a=b");
	assert_string_equal(value(e, "A"), "first");
	assert_null(value(e, "noequals"));
	assert_null(value(e, ""));
	assert_null(value(e, "PAT"));
	assert_null(value(e, "PATHS"));
	assert_null(value(e, "path"));
}

static void test_the_dialect_is_predefined(void **state)
{
	assert_string_equal(value(*state, "HAPROXY_BRANCH"), "3.4");
	assert_string_equal(value(*state, "HAPROXY_STARTUP_VERSION"), "3.4");
}

static void test_the_dialect_wins_over_an_inherited_variable(void **state)
{
	char *inherited[] = { "HAPROXY_BRANCH=1.8", NULL };
	struct config_env e;

	(void)state;
	assert_int_equal(config_env_init(&e, inherited), 0);
	assert_string_equal(value(&e, "HAPROXY_BRANCH"), "3.4");
	config_env_free(&e);
}

static void test_set_creates_and_overwrites(void **state)
{
	assert_int_equal(config_env_set(*state, "NEW", "1"), 0);
	assert_string_equal(value(*state, "NEW"), "1");
	assert_int_equal(config_env_set(*state, "NEW", ""), 0);
	assert_string_equal(value(*state, "NEW"), "");
}

static void test_a_variable_may_be_set_from_its_own_value(void **state)
{
	assert_int_equal(config_env_set(*state, "A", value(*state, "A")), 0);
	assert_string_equal(value(*state, "A"), "first");
}

static void test_preset_leaves_an_existing_variable(void **state)
{
	assert_int_equal(config_env_preset(*state, "EMPTY", "x"), 0);
	assert_int_equal(config_env_preset(*state, "NEW", "x"), 0);
	assert_string_equal(value(*state, "EMPTY"), "");
	assert_string_equal(value(*state, "NEW"), "x");
}

static void test_impossible_names_are_refused(void **state)
{
	assert_int_equal(config_env_set(*state, "", "x"), -EINVAL);
	assert_int_equal(config_env_set(*state, "A=B", "x"), -EINVAL);
	assert_int_equal(config_env_preset(*state, "=", "x"), -EINVAL);
}

static void test_unset_removes_and_tolerates_the_missing(void **state)
{
	config_env_unset(*state, "PATH");
	config_env_unset(*state, "PATH");
	config_env_unset(*state, "NEVER");
	assert_null(value(*state, "PATH"));
	assert_string_equal(value(*state, "A"), "first");
}

static void test_reset_keeps_only_what_is_named(void **state)
{
	static const char *const keep[] = { "A", "NEVER", "Z" };
	struct config_env *e = *state;

	config_env_reset(e, keep, 3);
	assert_int_equal(e->count, 2);
	assert_string_equal(value(e, "A"), "first");
	assert_string_equal(value(e, "Z"), "a=b");
	config_env_reset(e, NULL, 0);
	assert_int_equal(e->count, 0);
}

static void test_many_variables_are_all_found(void **state)
{
	char name[16], text[16];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "V%u", i * 7919 % 1000);
		assert_int_equal(config_env_set(*state, name, name + 1), 0);
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "V%u", i);
		snprintf(text, sizeof(text), "%u", i);
		assert_string_equal(value(*state, name), text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_process_environment_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_dialect_is_predefined, setup, teardown),
		cmocka_unit_test(test_the_dialect_wins_over_an_inherited_variable),
		cmocka_unit_test_setup_teardown(test_set_creates_and_overwrites, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_variable_may_be_set_from_its_own_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preset_leaves_an_existing_variable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_impossible_names_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unset_removes_and_tolerates_the_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset_keeps_only_what_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_variables_are_all_found, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
