/* format_test: a few variables, and rendering to a string. */
#ifndef FORMAT_TEST_H
#define FORMAT_TEST_H

#include "sample_test.h"

static const char *string_value = "text";

static void run_string(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	(void)ctx, (void)flags;
	strbuf_str(out, string_value);
}

static void run_number(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	(void)ctx;
	strbuf_str(out, flags & FORMAT_HEX ? "FF" : "255");
}

static void run_nothing(struct sample_ctx *ctx, unsigned flags, struct strbuf *out)
{
	(void)ctx, (void)flags, (void)out;
}

#define ANYWHERE (PHASE_LOG | PHASE_REQUEST)
static const struct log_var_row rows[] = {
	{ "r", LOG_VAR_TEXT, PHASE_LOG | PHASE_REQUEST, true, run_string, "a string" },
	{ "ST", LOG_VAR_PLAIN, PHASE_LOG, false, run_number, "a number" },
	{ "s", LOG_VAR_TEXT, PHASE_LOG, false, run_nothing, "nothing" },
	{ "sp", LOG_VAR_PLAIN, PHASE_LOG, false, run_nothing, "nothing" },
	{ "hsl", LOG_VAR_LIST, PHASE_LOG, false, run_nothing, "nothing" },
};

static inline struct format *parse(const char *text, enum format_kind kind, unsigned phases)
{
	const char *copy = arena_strdup(&world.config, text);
	struct place *at = arena_alloc(&world.config, sizeof *at);
	*at = (struct place){ "test.cfg", copy, 1, 1, (unsigned)strlen(copy) };
	forget_messages();
	return format_parse(copy, at, kind, phases, &world.config, &world.diag);
}

static inline const char *render(const char *text, enum format_kind kind, unsigned phases)
{
	struct format *f = parse(text, kind, phases);
	struct strbuf out;
	if (!f) {
		snprintf(world.text, sizeof world.text, "error: %s", first_message());
		return world.text;
	}
	strbuf_init_fixed(&out, world.text, sizeof world.text);
	world.ctx.phase = phases;
	format_render(f, &world.ctx, &out);
	return world.text;
}

#define assert_log(text, value) assert_string_equal(render(text, FORMAT_LOG, PHASE_LOG), value)
#define assert_value(text, value) assert_string_equal(render(text, FORMAT_VALUE, PHASE_REQUEST), value)

static int register_rows(void **state)
{
	(void)state;
	return log_register_vars(rows, sizeof rows / sizeof *rows);
}

#endif
