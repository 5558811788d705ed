/* test_known: words of HAProxy's manual are told from misspelt ones. */
#include "sample/private.h"
#include "sample_test.h"

static const char *refused(enum known_kind kind, const char *name)
{
	forget_messages();
	known_refuse(kind, slice_from_str(name), NULL, &world.diag);
	return first_message();
}

static void test_words_of_the_manual(void **state)
{
	static const char *const fetches[] = { "ssl_fc", "req.body", "var", "sc0_http_req_rate", "bc_http_major",
		"51d.all", "unique-id", "nbsrv", "internal.strm.is_htx" };
	static const char *const converters[] = { "xxh3", "51d.single", "map", "map_ip", "json_query", "jwt_verify",
		"http_date", "word", "table_idle", "unset-var" };
	static const char *const vars[] = { "B", "tsc", "ci", "Tr", "OG", "o", "sslc" };
	(void)state;
	for (unsigned i = 0; i < sizeof fetches / sizeof *fetches; i++)
		assert_true(known_in_haproxy(KNOWN_FETCH, slice_from_str(fetches[i])));
	for (unsigned i = 0; i < sizeof converters / sizeof *converters; i++)
		assert_true(known_in_haproxy(KNOWN_CONVERTER, slice_from_str(converters[i])));
	for (unsigned i = 0; i < sizeof vars / sizeof *vars; i++)
		assert_true(known_in_haproxy(KNOWN_LOG_VAR, slice_from_str(vars[i])));
	assert_false(known_in_haproxy(KNOWN_FETCH, SLICE("ssl_f")));
	assert_false(known_in_haproxy(KNOWN_CONVERTER, SLICE("")));
}

static void test_refusals(void **state)
{
	(void)state;
	assert_string_equal(refused(KNOWN_FETCH, "ssl_fc"), "fetch 'ssl_fc' is not supported by Ballast (yet)");
	assert_string_equal(refused(KNOWN_FETCH, "ssl_fcx"), "unknown fetch 'ssl_fcx'");
	assert_string_equal(refused(KNOWN_CONVERTER, "uper"), "unknown converter 'uper'");
	assert_string_equal(world.diag.first->hint, "did you mean 'upper'?");
}

/* Every word of the tables that HAProxy has too is spelt as there. */
static void test_own_words_are_those_of_the_manual(void **state)
{
	const struct fetch_row *f;
	const struct converter_row *c;
	(void)state;
	for (unsigned i = 0; (f = sample_fetch_at(i)); i++)
		if (!known_in_haproxy(KNOWN_FETCH, slice_from_str(f->name)))
			fail_msg("fetch '%s' is not in HAProxy's manual", f->name);
	for (unsigned i = 0; (c = sample_converter_at(i)); i++)
		if (!known_in_haproxy(KNOWN_CONVERTER, slice_from_str(c->name)))
			fail_msg("converter '%s' is not in HAProxy's manual", c->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_words_of_the_manual),
		world_test(test_refusals),
		world_test(test_own_words_are_those_of_the_manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
