/* Tests of ballast/base/assert.h. */
#include "ballast/base/assert.h"

#include <string.h>

#include "ballast/base/list.h"

#include "../cmocka_all.h"

static void assert_false_thing(void)
{
	int two = 2;
	BL_ASSERT(two == 3);
}

static void assert_true_thing(void)
{
	int two = 2;
	BL_ASSERT(two == 2);
}

static void test_a_failed_assertion_aborts(void **state)
{
	(void)state;
	assert_true(dies(assert_false_thing));
	assert_false(dies(assert_true_thing));
}

static void test_a_failed_assertion_says_what_and_where(void **state)
{
	char text[4096] = "";
	size_t len = 0;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		assert_false_thing();
		_exit(0);
	}
	close(fds[1]);
	for (ssize_t n; len < sizeof(text) - 1 && (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;)
		len += (size_t)n;
	close(fds[0]);
	waitpid(child, NULL, 0);
	assert_non_null(strstr(text, "two == 3"));
	assert_non_null(strstr(text, "test_assert.c:"));
	assert_non_null(strstr(text, "assert_false_thing"));
}

struct item {
	int value;
	struct list link;
};

static void test_a_list_keeps_order_and_removal_is_idempotent(void **state)
{
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };
	struct list head;
	int seen = 0;

	(void)state;
	list_init(&head);
	assert_null(list_first(&head, struct item, link));
	list_push_back(&head, &b.link);
	list_push_back(&head, &c.link);
	list_push_front(&head, &a.link);
	list_for_each(it, &head)
		seen = seen * 10 + list_entry(it, struct item, link)->value;
	assert_int_equal(seen, 123);
	list_for_each_safe(it, &head)
		if (list_entry(it, struct item, link)->value == 2)
			list_remove(it);
	list_remove(&b.link);
	seen = 0;
	list_for_each(it, &head)
		seen = seen * 10 + list_entry(it, struct item, link)->value;
	assert_int_equal(seen, 13);
	assert_ptr_equal(list_first(&head, struct item, link), &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_failed_assertion_aborts),
		cmocka_unit_test(test_a_failed_assertion_says_what_and_where),
		cmocka_unit_test(test_a_list_keeps_order_and_removal_is_idempotent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
