/* Conditions of .if and -cc: what each predicate and operator gives, and which mistakes are told where. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ballast/config/cond.h"
#include "ballast/config/features.h"
#include "ballast/tls/tls.h"

static char *environment[] = { "X=1", "EMPTY=", "SPACED=a b", NULL };

static struct config_env env;
static struct arena arena;
static struct diag diag;
static struct cond_facts facts;

static int setup(void **state)
{
	(void)state;
	arena_init_heap(&arena);
	diag_init(&diag);
	int err = config_env_init(&env, environment);
	facts = cond_facts_here(&env);
	return err;
}

static int teardown(void **state)
{
	(void)state;
	config_env_free(&env);
	diag_free(&diag);
	arena_reset(&arena);
	return 0;
}

static void is(const char *text, int expected)
{
	int got = cond_evaluate(text, &facts, &arena, &diag);

	if (got != expected)
		fail_msg("'%s' is %d, not %d: %s", text, got, expected, diag_render(&diag, DIAG_NOTE).ptr);
	assert_int_equal(diag.count[DIAG_ALERT], 0);
}

static void fails(const char *text, unsigned column, const char *part, const char *hint)
{
	int got = cond_evaluate(text, &facts, &arena, &diag);

	if (got != -EINVAL)
		fail_msg("'%s' is %d and no error", text, got);
	assert_int_equal(diag.count[DIAG_ALERT], 1);
	if (!strstr(diag.first->text, part))
		fail_msg("'%s' is not in '%s'", part, diag.first->text);
	if (diag.first->at.column != column)
		fail_msg("'%s': column %u, not %u", text, diag.first->at.column, column);
	if (hint && (!diag.first->hint || !strstr(diag.first->hint, hint)))
		fail_msg("'%s' is not in '%s'", hint, diag.first->hint);
	diag_free(&diag);
}

static void test_nothing_is_false(void **state)
{
	(void)state;
	is("", 0);
	is("  ", 0);
	is("'  '", 0);
	assert_int_equal(cond_words(NULL, 0, &facts, &arena, &diag), 0);
}

static void test_only_the_integer_zero_is_false(void **state)
{
	(void)state;
	is("0", 0);
	is("00", 0);
	is("-0", 0);
	is("1", 1);
	is("2", 1);
	is("10", 1);
	is("01", 1);
	is("-1", 1);
	is("+1", 1);
	is(" 1 ", 1);
	is("\"1\"", 1);
	is("99999999999999999999999999", 1);
}

static void test_exclamation_marks_negate(void **state)
{
	(void)state;
	is("!1", 0);
	is("!0", 1);
	is("!!1", 1);
	is("! ! 1", 1);
	is("!defined(NOPE)", 1);
	is("!(1 && 0)", 1);
	is("!0 && !0", 1);
}

static void test_and_binds_before_or(void **state)
{
	(void)state;
	is("1 || 0 && 0", 1);
	is("(1 || 0) && 0", 0);
	is("0 && 0 || 1", 1);
	is("0 && 1 || 0 && 1", 0);
	is("1&&1", 1);
	is("1&&0", 0);
	is("0||1", 1);
	is("0||0", 0);
	is("1 && 1 && 1 && 0", 0);
	is("0 || 0 || 0 || 1", 1);
	is("!0&&1", 1);
	is("!1||1", 1);
}

static void test_parentheses_nest(void **state)
{
	(void)state;
	is("(1)", 1);
	is("( 1 )", 1);
	is("((((((((0))))))))", 0);
	is("1&&(0||(1&&!0))", 1);
}

static void test_defined_reads_the_environment(void **state)
{
	(void)state;
	is("defined(X)", 1);
	is("defined(EMPTY)", 1);
	is("defined(NOPE)", 0);
	is("defined(HAPROXY_BRANCH)", 1);
	is("defined( X )", 0);
	is("defined(\"X\")", 1);
	is("'defined(\"X\")'", 1);
	is("defined()", 0);
	is("defined", 0);
	is("defined(.LINE)", 0);
	config_env_unset(&env, "X");
	is("defined(X)", 0);
	facts.env = NULL;
	is("defined(EMPTY)", 0);
}

static void test_streq_compares_every_byte(void **state)
{
	(void)state;
	is("streq(a,a)", 1);
	is("streq(a,b)", 0);
	is("streq(a,A)", 0);
	is("streq(a,aa)", 0);
	is("streq(,)", 1);
	is("streq(a,)", 0);
	is("streq(a b,\"a b\")", 1);
	is("streq( a,a)", 0);
	is("streq(a, a)", 0);
	is("streq( a , a )", 1);
	is("streq(a(b,a(b)", 1);
	is("streq($X,1)", 0);
	is("streq(\"$X\",1)", 1);
	is("streq(\"$SPACED\",a b)", 1);
	is("streq(\\x41,A)", 1);
	is("streq(a#b,\"a#b\")", 1);
}

static void test_strneq_is_the_opposite_of_streq(void **state)
{
	(void)state;
	is("strneq(a,b)", 1);
	is("strneq(a,a)", 0);
	is("strneq(\"$NOPE\",yes)", 1);
}

static void test_strstr_finds_the_second_in_the_first(void **state)
{
	(void)state;
	is("strstr(foobar,oba)", 1);
	is("strstr(foobar,foobar)", 1);
	is("strstr(oba,foobar)", 0);
	is("strstr(foobar,)", 1);
	is("strstr(,a)", 0);
	is("strstr(,)", 1);
	is("strstr(\"a b\" , b)", 1);
}

static void test_arguments_have_quotes_of_their_own(void **state)
{
	(void)state;
	is("'streq(\"a,b\",\"a,b\")'", 1);
	is("'streq(\"a)b\",\"a)b\")'", 1);
	is("'streq(\"a\"b,ab)'", 1);
	is("'streq(a\"b\",ab)'", 1);
	is("'streq(\"\",)'", 1);
	is("\"streq('a,b','a,b')\"", 1);
	is("\"streq('a\\\\n',a)\"", 0);
	is("'streq(\"a\\\"b\",a\\\"b)'", 1);
}

static void test_arguments_have_escapes_of_their_own(void **state)
{
	(void)state;
	is("'streq(a\\tb,\"a\tb\")'", 1);
	is("'streq(a\\\\b,\"a\\b\")'", 1);
	is("'streq(a\\qb,\"a\\qb\")'", 1);
	is("'streq(a\\x41b,aAb)'", 0);
	is("'streq(a$b,\"a$b\")'", 1);
	fails("'streq(a\\,b,c)'", 1, "too many arguments", NULL);
}

static void test_features_are_those_that_ballast_has(void **state)
{
	(void)state;
	is("feature(THREAD)", 1);
	is("feature(EPOLL)", 1);
	is("feature(LINUX_SPLICE)", 1);
	is("feature(OPENSSL)", tls_library() != NULL);
	is("feature(LUA)", 0);
	is("feature(ZLIB)", 0);
	is("feature(thread)", 0);
	is("feature( THREAD)", 0);
	is("feature(NO_SUCH_THING)", 0);
	is("feature()", 0);
}

static void test_the_feature_list_is_sorted_and_without_doubles(void **state)
{
	size_t count;
	const struct feature *f = features_all(&count);

	(void)state;
	assert_true(count > 40);
	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(f[i - 1].name, f[i].name) < 0);
}

static void test_enabled_knows_the_switches(void **state)
{
	(void)state;
	is("enabled(EPOLL)", 1);
	is("enabled(SPLICE)", 1);
	is("enabled(REUSEPORT)", 1);
	is("enabled(GETADDRINFO)", 1);
	is("enabled(FAST-FORWARD)", 1);
	is("enabled(POLL)", 0);
	is("enabled(KQUEUE)", 0);
	is("enabled(EVPORTS)", 0);
	is("enabled(SERVER-SSL-VERIFY-NONE)", 0);
	is("enabled(NOPE)", 0);
	is("enabled(epoll)", 0);
}

static void test_the_dialects_version_is_3_4(void **state)
{
	(void)state;
	is("version_atleast(3.4)", 1);
	is("version_atleast(3.4.0)", 1);
	is("version_atleast(3)", 1);
	is("version_atleast(2.4-dev19)", 1);
	is("version_atleast(3.4.1)", 0);
	is("version_atleast(3.5)", 0);
	is("version_atleast(4)", 0);
	is("version_before(3.4)", 0);
	is("version_before(3.4.1)", 1);
	is("version_before(3.5-dev0)", 1);
	is("version_before(3.10)", 1);
	is("version_before(2.9)", 0);
}

static void test_versions_are_ordered_as_they_were_released(void **state)
{
	static const char *const sorted[] = { "2.9.99", "3.4-dev1", "3.4-dev12", "3.4-rc1", "3.4", "3.4-1", "3.4-2",
		"3.4.0.1", "3.4.1-dev3", "3.4.1", "3.4.2", "3.4.10", "3.5" };
	const size_t count = sizeof(sorted) / sizeof(*sorted);
	char text[64];

	(void)state;
	for (size_t i = 0; i < count; i++) {
		facts.version = sorted[i];
		for (size_t j = 0; j < count; j++) {
			snprintf(text, sizeof(text), "version_atleast(%s)", sorted[j]);
			is(text, i >= j);
			snprintf(text, sizeof(text), "version_before(%s)", sorted[j]);
			is(text, i < j);
		}
	}
}

static void test_what_follows_a_version_does_not_count(void **state)
{
	(void)state;
	facts.version = "3.2.26-1-gabc123";
	is("version_atleast(3.2.26-1)", 1);
	is("version_atleast(3.2.26-2)", 0);
	is("version_atleast(3.2.26-1-gdef)", 1);
	is("version_atleast(3.2.26-gdef)", 1);
}

static void test_what_is_no_version_is_refused(void **state)
{
	(void)state;
	fails("version_atleast(x)", 1, "'x' is not a version", "version_atleast(");
	fails("version_atleast()", 1, "'' is not a version", NULL);
	fails("version_before(3.x)", 1, "not a version", NULL);
	fails("version_before(3.)", 1, "not a version", NULL);
	fails("1 && version_before( 3.4)", 6, "not a version", NULL);
	fails("version_atleast(3.4dev1)", 1, "not a version", NULL);
}

static void test_without_tls_no_openssl_version_holds(void **state)
{
	(void)state;
	facts.openssl_version = facts.tls_library = NULL;
	is("openssl_version_atleast(1.1.1)", 0);
	is("openssl_version_before(9.0.0)", 0);
	is("ssllib_name_startswith(OpenSSL)", 0);
	is("ssllib_name_startswith()", 0);
	fails("openssl_version_before(x)", 1, "not a version", NULL);
}

static void test_openssl_versions_are_ordered(void **state)
{
	static const char *const sorted[] = { "0.9.8zh", "1.1.1", "1.1.1a", "1.1.1w", "3.0.0-alpha17", "3.0.0-beta2",
		"3.0.0", "3.0.15", "3.6.5" };
	const size_t count = sizeof(sorted) / sizeof(*sorted);
	char text[64];

	(void)state;
	facts.tls_library = "OpenSSL";
	is("ssllib_name_startswith(Open)", 1);
	is("ssllib_name_startswith(wolfSSL)", 0);
	for (size_t i = 1; i < count; i++) {
		facts.openssl_version = sorted[i];
		for (size_t j = 1; j < count; j++) {
			snprintf(text, sizeof(text), "openssl_version_atleast(%s)", sorted[j]);
			is(text, i >= j);
			snprintf(text, sizeof(text), "openssl_version_before(%s)", sorted[j]);
			is(text, i < j);
		}
	}
	fails("openssl_version_atleast(3)", 1, "not a version", "openssl_version_atleast(");
	fails("openssl_version_atleast(3.0)", 1, "not a version", NULL);
	fails("openssl_version_atleast(3.0.0.0)", 1, "not a version", NULL);
}

static void test_unknown_predicates_are_refused_with_the_nearest(void **state)
{
	(void)state;
	fails("featur(THREAD)", 1, "unknown predicate 'featur'", "did you mean 'feature'?");
	fails("1 && Defined(X)", 6, "unknown predicate 'Defined'", "did you mean 'defined'?");
	fails("0 && garbage(", 6, "unknown predicate 'garbage'", NULL);
	fails("1||garbage", 4, "unknown predicate 'garbage'", NULL);
	fails("true", 1, "unknown predicate 'true'", "an integer or a predicate");
}

static void test_the_number_of_arguments_is_checked(void **state)
{
	(void)state;
	fails("streq(a)", 1, "'streq' needs 2 arguments", "streq(STRING1,STRING2)");
	fails("streq()", 1, "needs 2 arguments", NULL);
	fails("streq", 1, "needs 2 arguments", NULL);
	fails("streq(a,b,c)", 10, "too many arguments of 'streq'", NULL);
	fails("defined(X,Y)", 10, "too many arguments of 'defined'", "defined(NAME)");
}

static void test_open_parentheses_are_refused(void **state)
{
	(void)state;
	fails("defined(", 8, "parenthesis of 'defined' is not closed", NULL);
	fails("defined(X", 8, "parenthesis of 'defined' is not closed", NULL);
	fails("(1", 1, "parenthesis is not closed", NULL);
	fails("((1)", 1, "parenthesis is not closed", NULL);
	fails("streq(\"a#b\",a", 1, "parenthesis of 'streq' is not closed", NULL);
	fails("'streq(\"a,b)'", 1, "quote (\") of an argument", NULL);
}

static void test_missing_operands_are_refused(void **state)
{
	(void)state;
	fails("1 &&", 5, "ends where an operand is expected", NULL);
	fails("!", 2, "ends where an operand is expected", NULL);
	fails("&& 1", 1, "'&' where an operand", NULL);
	fails("()", 2, "')' where an operand", NULL);
	fails("1 || || 1", 6, "'|' where an operand", NULL);
	fails("-", 1, "'-' where an operand", NULL);
}

static void test_what_follows_a_condition_is_refused(void **state)
{
	(void)state;
	fails("1a", 2, "'a' behind the end", NULL);
	fails("1 1", 3, "'1' behind the end", NULL);
	fails("1 & 1", 3, "'&' behind the end", "written '&&'");
	fails("1 or 0", 3, "'o' behind the end", "written '||'");
	fails("(1))", 4, "')' behind the end", NULL);
	fails("defined (X)", 9, "'(' behind the end", "no space");
	fails("streq(a,a)!1", 11, "'!' behind the end", NULL);
	fails("1 # x", 3, "'#' behind the end", NULL);
}

static void test_a_fault_in_an_expanded_word_points_to_the_whole_word(void **state)
{
	(void)state;
	fails("1 && \"$SPACED\"", 6, "unknown predicate 'a'", NULL);
	fails("\"1 2\"", 1, "'2' behind the end", NULL);
}

static void test_too_deep_parentheses_are_refused(void **state)
{
	char text[10000];

	(void)state;
	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fails(text, 201, "more than 200", NULL);
	memset(text, '!', sizeof(text) - 2);
	text[sizeof(text) - 2] = '0';
	is(text, (sizeof(text) - 2) & 1);
}

static void test_faults_of_the_lexer_are_told_as_well(void **state)
{
	(void)state;
	fails("streq(\"a,b)", 7, "quote (\") is not closed", NULL);
	fails("1 \"$\"", 4, "name must begin", NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nothing_is_false),
		T(test_only_the_integer_zero_is_false),
		T(test_exclamation_marks_negate),
		T(test_and_binds_before_or),
		T(test_parentheses_nest),
		T(test_defined_reads_the_environment),
		T(test_streq_compares_every_byte),
		T(test_strneq_is_the_opposite_of_streq),
		T(test_strstr_finds_the_second_in_the_first),
		T(test_arguments_have_quotes_of_their_own),
		T(test_arguments_have_escapes_of_their_own),
		T(test_features_are_those_that_ballast_has),
		T(test_the_feature_list_is_sorted_and_without_doubles),
		T(test_enabled_knows_the_switches),
		T(test_the_dialects_version_is_3_4),
		T(test_versions_are_ordered_as_they_were_released),
		T(test_what_follows_a_version_does_not_count),
		T(test_what_is_no_version_is_refused),
		T(test_without_tls_no_openssl_version_holds),
		T(test_openssl_versions_are_ordered),
		T(test_unknown_predicates_are_refused_with_the_nearest),
		T(test_the_number_of_arguments_is_checked),
		T(test_open_parentheses_are_refused),
		T(test_missing_operands_are_refused),
		T(test_what_follows_a_condition_is_refused),
		T(test_a_fault_in_an_expanded_word_points_to_the_whole_word),
		T(test_too_deep_parentheses_are_refused),
		T(test_faults_of_the_lexer_are_told_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
