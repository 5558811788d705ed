/* The table of commands: each can be found, reads well, and is what a level may see. */
#include <ctype.h>

#include "world.h"

static void test_every_row_is_found_by_its_words(void **state)
{
	const struct command_row *r;
	size_t i;

	(void)state;
	for (i = 0; (r = command_at(i)); i++) {
		char *words[COMMAND_WORDS + 1] = { NULL };
		int n = 0, used;
		for (; n < COMMAND_WORDS && r->words[n]; n++)
			words[n] = (char *)r->words[n];
		words[n] = (char *)"more";
		assert_ptr_equal(command_find(words, n + 1, &used), r);
		assert_int_equal(used, n);
	}
	assert_true(i > 30);
}

static void test_every_row_has_a_function_and_one_line_of_help(void **state)
{
	const struct command_row *r;

	(void)state;
	for (size_t i = 0; (r = command_at(i)); i++) {
		char text[128];
		struct strbuf usage;
		strbuf_init_fixed(&usage, text, sizeof text);
		command_usage(r, &usage);
		assert_non_null(r->run);
		if (!r->help) /* for programs */
			continue;
		assert_null(strpbrk(r->help, "\n\t"));
		assert_false(usage.incomplete);
		assert_true(usage.len <= 40);
	}
}

static void test_half_a_command_is_none(void **state)
{
	char *words[] = { (char *)"show", (char *)"servers", (char *)"stat" };
	int used;

	(void)state;
	assert_null(command_find(words, 1, &used));
	assert_null(command_find(words, 2, &used));
	assert_null(command_find(words, 3, &used));
}

static void test_an_unknown_command_lists_what_is_near(void **state)
{
	const char *answer = world_ask(*state, LEVEL_ADMIN, "shwo info\n");

	assert_memory_equal(answer, "Unknown command: 'shwo', but maybe one of the following", 55);
	assert_non_null(strstr(answer, "\n  show info "));
	assert_non_null(strstr(answer, "\n  help "));
	assert_non_null(strstr(answer, "\n  prompt "));
	assert_non_null(strstr(answer, "\n  quit "));
	assert_string_equal(answer + strlen(answer) - 2, "\n\n");
}

static void test_what_haproxy_has_beyond_is_named(void **state)
{
	struct world *w = *state;

	assert_string_equal(world_ask(w, LEVEL_ADMIN, "show trace x\n"),
		"'show trace' is not supported by Ballast (yet).\n\n");
	assert_string_equal(world_ask(w, LEVEL_ADMIN, "trace\n"), "'trace' is not supported by Ballast (yet).\n\n");
	assert_memory_equal(world_ask(w, LEVEL_ADMIN, "show tracers\n"), "Unknown command: 'show'", 23);
	assert_memory_equal(world_ask(w, LEVEL_ADMIN, "show\n"), "Unknown command: 'show'", 23);
}

/* Rows win over that list: what is done one day must leave it. */
static void test_nothing_is_both_there_and_not(void **state)
{
	const struct command_row *r;

	(void)state;
	for (size_t i = 0; (r = command_at(i)); i++) {
		char *words[COMMAND_WORDS] = { NULL };
		int n = 0;
		for (; n < COMMAND_WORDS && r->words[n]; n++)
			words[n] = (char *)r->words[n];
		assert_null(command_unsupported(words, n));
	}
}

static void test_a_beginning_lists_what_it_begins(void **state)
{
	const char *answer = world_ask(*state, LEVEL_ADMIN, "set maxconn\n");

	assert_non_null(strstr(answer, "\n  set maxconn frontend "));
	assert_non_null(strstr(answer, "\n  set maxconn global "));
	assert_non_null(strstr(answer, "\n  set maxconn server "));
	assert_null(strstr(answer, "set weight"));
	answer = world_ask(*state, LEVEL_ADMIN, "show servers stat\n");
	assert_non_null(strstr(answer, "\n  show servers state "));
	assert_null(strstr(answer, "show stat "));
}

static void test_help_lists_what_the_level_may_use(void **state)
{
	const char *answer = world_ask(*state, LEVEL_USER, "help\n");

	assert_memory_equal(answer, "The following commands are valid at this level:\n", 48);
	assert_non_null(strstr(answer, "\n  show stat "));
	assert_null(strstr(answer, "disable server"));
	answer = world_ask(*state, LEVEL_ADMIN, "help\n");
	assert_non_null(strstr(answer, "\n  disable server "));
	answer = world_ask(*state, LEVEL_ADMIN, "help set server\n");
	assert_non_null(strstr(answer, "\n  set server "));
	assert_null(strstr(answer, "show stat"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_found_by_its_words),
		cmocka_unit_test(test_every_row_has_a_function_and_one_line_of_help),
		cmocka_unit_test(test_half_a_command_is_none),
		cmocka_unit_test_setup_teardown(test_an_unknown_command_lists_what_is_near, world_up, world_down),
		cmocka_unit_test_setup_teardown(test_what_haproxy_has_beyond_is_named, world_up, world_down),
		cmocka_unit_test(test_nothing_is_both_there_and_not),
		cmocka_unit_test_setup_teardown(test_a_beginning_lists_what_it_begins, world_up, world_down),
		cmocka_unit_test_setup_teardown(test_help_lists_what_the_level_may_use, world_up, world_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
