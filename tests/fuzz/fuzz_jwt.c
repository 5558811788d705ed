/* fuzz_jwt: tokens of any bytes are verified and asked by each algorithm; nothing that was not signed here is good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/diag.h"
#include "ballast/sample/expr.h"
#include "ballast/sample/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { COUNT = 5 };

static struct expr *exprs[COUNT];
static struct sample_ctx ctx;
static struct arena config;

/* Rows take a text that a fetch gives; here it is the input itself. */
static int run_input(struct sample_ctx *c, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return sample_set_str(out, *(const struct slice *)c->exchange);
}

static const struct fetch_row row[] = { { "input", { 0 }, SAMPLE_STR, PHASE_ALL, 0, run_input, NULL, "" } };

static void give_up(void)
{
	sample_release(&config);
	arena_reset(&config);
}

static void start(void)
{
	static const char *const texts[COUNT] = { "input,jwt_verify(HS256,a secret that nobody knows)",
		"input,jwt_header_query('$.alg')", "input,jwt_payload_query('$.a.b[1]')", "input,jwt_header_query",
		"input,json(utf8s)" };
	struct diag d;

	arena_init_heap(&config);
	diag_init(&d);
	sample_register_fetches(row, 1);
	for (unsigned i = 0; i < COUNT; i++) {
		struct token t = { texts[i], strlen(texts[i]), { 0 } };
		exprs[i] = expr_parse_token(&t, PHASE_REQUEST, &config, &d);
	}
	diag_free(&d);
	atexit(give_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice text = slice_of((const char *)data, len);
	struct arena a;
	struct sample s;

	if (memchr(data, 0, len))
		return 0;
	if (!config.heap)
		start();
	arena_init_heap(&a);
	ctx = (struct sample_ctx){ .arena = &a, .exchange = &text, .phase = PHASE_REQUEST };
	for (unsigned i = 0; i < COUNT; i++) {
		if (!exprs[i]) /* without OpenSSL */
			continue;
		bool found = expr_eval(exprs[i], &ctx, SAMPLE_ANY, &s);
		if (i == 0 && found && s.num == 1)
			abort();
	}
	arena_reset(&a);
	return 0;
}
