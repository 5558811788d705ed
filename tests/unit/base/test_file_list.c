/* Tests of ballast/base/file_list.h. */
#include "ballast/base/file_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../cmocka_all.h"

static struct arena arena;
static struct file_list list;
static char folder[] = "/tmp/file_list.XXXXXX", path[64];

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/file_list.XXXXXX");
	arena_init_heap(&arena);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/f", folder);
	write_file("one");
	file_list_open(&list, &arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	rmdir(folder);
	arena_reset(&arena);
	return 0;
}

static void test_a_file_is_noted_once(void **state)
{
	(void)state;
	file_list_note(path);
	file_list_note(path);
	file_list_close(&list);
	file_list_note(folder);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.files[0].path, path);
}

static void test_a_change_is_seen_until_looked_at_again(void **state)
{
	(void)state;
	file_list_note(path);
	file_list_close(&list);
	assert_false(file_list_changed(&list));
	write_file("another");
	assert_true(file_list_changed(&list));
	file_list_look_again(&list);
	assert_false(file_list_changed(&list));
}

static void test_coming_and_going_are_changes(void **state)
{
	(void)state;
	file_list_note(path);
	file_list_close(&list);
	unlink(path);
	assert_true(file_list_changed(&list));
	file_list_look_again(&list);
	assert_false(file_list_changed(&list));
	write_file("one");
	assert_true(file_list_changed(&list));
}

static void test_many_files_are_kept(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "/nowhere/%d", i);
		file_list_note(name);
	}
	file_list_close(&list);
	assert_int_equal(list.count, 100);
	assert_string_equal(list.files[99].path, "/nowhere/99");
	assert_false(file_list_changed(&list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_file_is_noted_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_change_is_seen_until_looked_at_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_coming_and_going_are_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_files_are_kept, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
