/* Tests of hash_type_parse and hash_uri_parse (ballast/balance/hash_key.h). */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "ballast/balance/hash_key.h"
#include "ballast/balance/pick.h"

enum { WORDS_MAX = 10 };

static struct diag d;
static char text[200];
static struct token words[WORDS_MAX + 1];

/* The line cut at its blanks, as the lexer gives it. */
static struct line line_of(const char *written)
{
	struct line l = { words, 0 };

	snprintf(text, sizeof(text), "%s", written);
	for (char *rest = text, *word; (word = strsep(&rest, " ")) && l.count < WORDS_MAX;) {
		size_t len = strlen(word);

		words[l.count++] = (struct token){ word, len,
			{ "lb.cfg", written, 1, (unsigned)(word - text) + 1, (unsigned)len } };
	}
	words[l.count] = (struct token){ "", 0, { "lb.cfg", written, 1, (unsigned)strlen(written) + 1, 1 } };
	return l;
}

static int parse_type(const char *written, struct hash_options *o)
{
	struct line l = line_of(written);

	return hash_type_parse(&l, o, &d);
}

static int parse_uri(const char *written, struct hash_options *o)
{
	struct line l = line_of(written);

	return hash_uri_parse(&l, 2, o, &d);
}

static int setup(void **state)
{
	(void)state;
	diag_init(&d);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	diag_free(&d);
	return 0;
}

static void test_method_function_and_modifier(void **state)
{
	struct hash_options o = { .function = HASH_FUNCTION_NONE, .avalanche = true, .uri_len = 3 };

	(void)state;
	assert_int_equal(parse_type("hash-type map-based", &o), 0);
	assert_int_equal(o.function, HASH_FUNCTION_SDBM);
	assert_false(o.avalanche);
	assert_int_equal(o.uri_len, 3);
	assert_int_equal(parse_type("hash-type map-based djb2", &o), 0);
	assert_int_equal(o.function, HASH_FUNCTION_DJB2);
	assert_false(o.avalanche);
	assert_int_equal(parse_type("hash-type map-based crc32 avalanche", &o), 0);
	assert_int_equal(o.function, HASH_FUNCTION_CRC32);
	assert_true(o.avalanche);
	assert_int_equal(parse_type("hash-type map-based none", &o), 0);
	assert_int_equal(o.function, HASH_FUNCTION_NONE);
	assert_int_equal(d.count[DIAG_ALERT], 0);
}

/* sdbm with avalanche unless a function is named; then only where it is asked for. */
static void test_methods_but_map_based_have_a_default_of_their_own(void **state)
{
	static const char *const methods[] = { "consistent", "maglev" };
	char line[64];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct hash_options o = { .function = HASH_FUNCTION_NONE };

		snprintf(line, sizeof(line), "hash-type %s", methods[i]);
		assert_int_equal(parse_type(line, &o), 0);
		assert_string_equal(o.method->name, methods[i]);
		assert_true(o.function == HASH_FUNCTION_SDBM && o.avalanche);
		snprintf(line, sizeof(line), "hash-type %s djb2", methods[i]);
		assert_int_equal(parse_type(line, &o), 0);
		assert_true(o.function == HASH_FUNCTION_DJB2 && !o.avalanche);
		snprintf(line, sizeof(line), "hash-type %s sdbm avalanche", methods[i]);
		assert_int_equal(parse_type(line, &o), 0);
		assert_true(o.function == HASH_FUNCTION_SDBM && o.avalanche);
	}
}

/* The error is at `column` and has `part` in its text or hint. */
static void check_error(int ret, unsigned column, const char *part)
{
	const struct diag_entry *e = d.first;

	assert_int_equal(ret, -EINVAL);
	assert_int_equal(d.count[DIAG_ALERT], 1);
	if (!strstr(e->text, part) && !(e->hint && strstr(e->hint, part)))
		fail_msg("'%s' (%s) does not speak of '%s'", e->text, e->hint ? e->hint : "", part);
	assert_int_equal(e->at.column, column);
	diag_free(&d);
	diag_init(&d);
}

static void test_wrong_hash_types_are_refused_at_their_word(void **state)
{
	struct hash_options o;

	(void)state;
	check_error(parse_type("hash-type", &o), 10, "");
	check_error(parse_type("hash-type mapbased", &o), 11, "map-based");
	check_error(parse_type("hash-type map-based sdmb", &o), 21, "sdbm");
	check_error(parse_type("hash-type map-based sdbm avalance", &o), 26, "avalanche");
	check_error(parse_type("hash-type map-based sdbm avalanche x", &o), 36, "");
}

static void test_what_haproxy_has_and_ballast_has_not_is_named(void **state)
{
	struct hash_options o;

	(void)state;
	check_error(parse_type("hash-type map-based wt6", &o), 21, "'hash-type wt6' is not supported by Ballast (yet)");
}

static void test_options_of_uri_stand_in_any_order(void **state)
{
	struct hash_options o = { .function = HASH_FUNCTION_DJB2 };

	(void)state;
	assert_int_equal(parse_uri("balance uri", &o), 0);
	assert_true(o.uri_len == 0 && o.uri_depth == 0 && !o.uri_whole && !o.uri_path_only);
	assert_int_equal(parse_uri("balance uri whole depth 3 path-only len 12", &o), 0);
	assert_true(o.uri_len == 12 && o.uri_depth == 3 && o.uri_whole && o.uri_path_only);
	assert_int_equal(parse_uri("balance uri depth 1", &o), 0);
	assert_true(o.uri_len == 0 && o.uri_depth == 1 && !o.uri_whole && !o.uri_path_only);
	assert_int_equal(o.function, HASH_FUNCTION_DJB2);
}

static void test_wrong_options_of_uri_are_refused_at_their_word(void **state)
{
	struct hash_options o;

	(void)state;
	check_error(parse_uri("balance uri hole", &o), 13, "whole");
	check_error(parse_uri("balance uri len", &o), 16, "len");
	check_error(parse_uri("balance uri len 0", &o), 17, "len");
	check_error(parse_uri("balance uri whole depth x", &o), 25, "depth");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_method_function_and_modifier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_methods_but_map_based_have_a_default_of_their_own, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_wrong_hash_types_are_refused_at_their_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_haproxy_has_and_ballast_has_not_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options_of_uri_stand_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_options_of_uri_are_refused_at_their_word, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
