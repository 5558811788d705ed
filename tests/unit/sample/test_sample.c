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
static const struct converter_row more_converters[] = {
	{ "test.double", { 0 }, SAMPLE_INT, SAMPLE_INT, run_double, NULL, "a test's" },
};

static void test_registered_rows_are_used(void **state)
{
	int value = 21;
	(void)state;
	assert_eval("test.exchange", "error: unknown fetch 'test.exchange'");
	assert_int_equal(sample_register_fetches(more_fetches, 2), 0);
	assert_int_equal(sample_register_converters(more_converters, 1), 0);
	assert_eval("test.exchange", "(none)");
	world.ctx.exchange = &value;
	assert_eval("test.exchange,test.double", "42");
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
		world_test(test_registered_row_replaces_a_name),
		world_test(test_names_are_unique_and_have_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
