/* debug: -d: what happens is seen on the terminal: every log line of every proxy goes to stderr too. */
#include <string.h>

#include "process.h"

/* As if `log stderr format raw daemon debug` stood in the section. */
static int add_target(struct log_targets *t, struct arena *a, struct diag *d)
{
	static const char *const text[] = { "log", "stderr", "format", "raw", "daemon", "debug", "" };
	enum { WORDS = sizeof text / sizeof text[0] };
	struct token *words = arena_zalloc(a, sizeof(struct token[WORDS]));
	struct line line = { .words = words, .count = WORDS - 1 };

	if (!words)
		return -1;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = (struct token){ .text = text[i], .len = strlen(text[i]) };
	return log_target_parse(&line, 1, t, a, d);
}

int debug_add_targets(struct graph *g, struct diag *d)
{
	int err = add_target(&g->global.log, &g->arena, d);

	/* Those that use the global targets have it by now. */
	for (struct frontend *f = g->frontends; f && !err; f = f->next)
		if (!f->log.use_global)
			err = add_target(&f->log, &g->arena, d);
	for (struct backend *b = g->backends; b && !err; b = b->next)
		if (!b->log.use_global)
			err = add_target(&b->log, &g->arena, d);
	return err;
}
