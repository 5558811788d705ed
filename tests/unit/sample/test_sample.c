/* test_sample: the tables, and rows that other rooms register. */
#include "sample_test.h"

static int run_exchange(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return ctx->exchange ? sample_set_int(out, *(int *)ctx->exchange) : -ENOENT;
}

static int run_double(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	s->num *= 2;
	return 0;
}

static const struct fetch_row more_fetches[] = {
	{ "test.exchange", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_exchange, NULL, "a test's" },
	{ "url", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_exchange, NULL, "replaces" },
};
static int run_same(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args, (void)s;
	return 0;
}

static const struct converter_row more_converters[] = {
	{ "test.any", { 0 }, SAMPLE_ANY, SAMPLE_SAME, run_same, NULL, "a test's" },
	{ "test.ip", { 0 }, SAMPLE_ADDR, SAMPLE_SAME, run_same, NULL, "a test's" },
	{ "test.ipv6", { 0 }, SAMPLE_IPV6, SAMPLE_SAME, run_same, NULL, "a test's" },
	{ "test.double", { 0 }, SAMPLE_INT, SAMPLE_INT, run_double, NULL, "a test's" },
};

static void test_registered_rows_are_used(void **state)
{
	int value = 21;
	(void)state;
	assert_eval("test.exchange", "error: unknown fetch 'test.exchange'");
	assert_int_equal(sample_register_fetches(more_fetches, 2), 0);
	assert_int_equal(sample_register_converters(more_converters, 4), 0);
	assert_eval("test.exchange", "(none)");
	world.ctx.exchange = &value;
	assert_eval("test.exchange,test.double", "42");
}

static unsigned type_of(const char *text)
{
	struct token t = token_of(text);
	struct expr *e = expr_parse_token(&t, PHASE_REQUEST, &world.config, &world.diag);
	assert_non_null(e);
	return expr_type(e);
}

static void test_type_that_a_converter_keeps(void **state)
{
	(void)state;
	assert_int_equal(type_of("src_port,test.any"), SAMPLE_INT);
	assert_int_equal(type_of("src,test.any"), SAMPLE_ADDR);
	assert_int_equal(type_of("src,test.ip"), SAMPLE_ADDR);
	assert_int_equal(type_of("ipv4(1.2.3.4),test.ip"), SAMPLE_IPV4);
	assert_int_equal(type_of("str(1.2.3.4),test.ip"), SAMPLE_ADDR);
	assert_int_equal(type_of("ipv4(1.2.3.4),test.ipv6"), SAMPLE_IPV6);
	assert_eval("str(x),test.any", "x");
	assert_eval("ipv4(1.2.3.4),test.ipv6", "::ffff:1.2.3.4");
	assert_eval("str(x),test.ip", "(none)");
}

static void test_registered_row_replaces_a_name(void **state)
{
	int value = 7;
	(void)state;
	world.ctx.exchange = &value;
	assert_eval("url", "7");
}

static void test_names_are_unique_and_have_help(void **state)
{
	const struct fetch_row *f;
	const struct converter_row *c;
	unsigned fetches = 0, converters = 0;
	(void)state;
	for (; (f = sample_fetch_at(fetches)); fetches++) {
		assert_true(strlen(f->help) > 3);
		assert_true(f->phases && f->args.max <= ARGS_MAX && f->args.min <= f->args.max);
		if (strcmp(f->name, "url") != 0)
			assert_ptr_equal(sample_fetch_find(slice_from_str(f->name)), f);
	}
	for (; (c = sample_converter_at(converters)); converters++) {
		assert_true(strlen(c->help) > 3);
		assert_ptr_equal(sample_converter_find(slice_from_str(c->name)), c);
	}
	assert_true(fetches > 50 && converters > 30);
	assert_null(sample_fetch_find(SLICE("")));
	assert_null(sample_converter_find(SLICE("lowe")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_registered_rows_are_used),
		world_test(test_type_that_a_converter_keeps),
		world_test(test_registered_row_replaces_a_name),
		world_test(test_names_are_unique_and_have_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
