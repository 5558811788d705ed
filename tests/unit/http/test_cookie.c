/* Cookies of requests and responses: read, taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ballast/http/cookie.h"

static struct arena arena;
static struct field fields[8];
static struct msg m;

static int setup(void **state)
{
	(void)state;
	arena_init_heap(&arena);
	m = (struct msg){ .fields = fields, .field_max = 8 };
	msg_reset(&m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

static void with_cookie(const char *value)
{
	assert_int_equal(msg_add(&m, SLICE("Cookie"), slice_from_str(value)), 0);
}

/* The value of the only Cookie field; NULL: none is left. */
static void assert_cookie(const char *want)
{
	int at = msg_find_id(&m, FIELD_COOKIE, 0);

	if (!want) {
		assert_int_equal(at, -1);
		return;
	}
	assert_true(at >= 0);
	assert_true(slice_eq(field_value(&m.fields[at]), slice_from_str(want)));
}

static void test_pairs_come_in_order_with_their_white_space_cut(void **state)
{
	static const char *const want[][2] = { { "a", "1" }, { "b", "\"x;y\"" }, { "c", "" }, { "d", "2=3" } };
	struct slice rest = SLICE("a=1; b = \"x;y\" ,c=;d=2=3");
	struct cookie_pair p;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(cookie_next(&rest, &p));
		assert_true(slice_eq(p.name, slice_from_str(want[i][0])));
		assert_true(slice_eq(p.value, slice_from_str(want[i][1])));
	}
	assert_false(cookie_next(&rest, &p));
}

static void test_what_has_no_equals_sign_has_no_name(void **state)
{
	struct slice rest = SLICE("plain; a=1");
	struct cookie_pair p;

	(void)state;
	assert_true(cookie_next(&rest, &p));
	assert_null(p.name.ptr);
	assert_true(slice_eq(p.whole, SLICE("plain")));
	assert_false(cookie_of_set_cookie(SLICE("plain; path=/"), &p));
	assert_false(cookie_of_set_cookie(SLICE("=x; path=/"), &p));
}

static void test_set_cookie_is_its_first_pair_only(void **state)
{
	struct cookie_pair p;

	(void)state;
	assert_true(cookie_of_set_cookie(SLICE("s=v; path=/; SRV=A"), &p));
	assert_true(slice_eq(p.name, SLICE("s")));
	assert_true(slice_eq(p.value, SLICE("v")));
}

static void test_removal_leaves_the_others_as_they_are(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "SRV=A", NULL },
		{ "SRV=A; SRV=B", NULL },
		{ "x=1; SRV=B; y=2", "x=1; y=2" },
		{ "SRV=B;y=2", "y=2" },
		{ "x=1, SRV=B", "x=1" },
		{ "x=\"a;SRV=A\"; SRV=B", "x=\"a;SRV=A\"" },
		{ "SRV=B; z", "z" },
		{ "srv=B; XSRV=1;SRV", "srv=B; XSRV=1;SRV" },
		{ "a=1;SRV=x;b=2; SRV=y ;c", "a=1;b=2 ;c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		msg_reset(&m);
		with_cookie(cases[i].from);
		assert_int_equal(cookie_remove(&m, SLICE("SRV"), &arena), 0);
		assert_cookie(cases[i].to);
	}
}

static void test_removal_reaches_every_cookie_field(void **state)
{
	(void)state;
	with_cookie("SRV=A");
	with_cookie("x=1");
	with_cookie("SRV=B");
	assert_int_equal(cookie_remove(&m, SLICE("SRV"), &arena), 0);
	assert_cookie("x=1");
	assert_int_equal(msg_find_id(&m, FIELD_COOKIE, 2), -1);
}

static void test_a_prefix_goes_up_to_its_first_delimiter(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "S=A~foo", "S=foo" },
		{ "S=B~x~y", "S=x~y" },
		{ "S=A~", "S=" },
		{ "S=foo", "S=foo" },
		{ "a=1; S=B~q; c=A~3", "a=1; S=q; c=A~3" },
		{ "S=B~1; S=A~2", "S=1; S=2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		msg_reset(&m);
		with_cookie(cases[i].from);
		assert_int_equal(cookie_strip_prefix(&m, SLICE("S"), '~', &arena), 0);
		assert_cookie(cases[i].to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pairs_come_in_order_with_their_white_space_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_has_no_equals_sign_has_no_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_cookie_is_its_first_pair_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_leaves_the_others_as_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal_reaches_every_cookie_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_prefix_goes_up_to_its_first_delimiter, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
