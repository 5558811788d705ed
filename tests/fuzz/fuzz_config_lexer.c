/* fuzz_config_lexer: any bytes as a configuration file, line by line through the lexer and the conditions.
 *
 * Checked beyond memory: places stay within their line, words have the length they claim, and a line that was
 * refused has an error.  What setenv and its like do to the environment is followed, as global does.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/config/cond.h"
#include "ballast/config/lexer.h"

static void expect(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void check_words(const struct line *l, size_t line_len)
{
	for (size_t i = 0; l->words && i <= l->count; i++) {
		const struct token *t = &l->words[i];
		expect(strlen(t->text) == t->len, "a word's length");
		expect(t->at.column >= 1 && t->at.width >= 1, "a place");
		expect(t->at.column - 1 + t->at.width <= line_len + (i == l->count), "a place within the line");
	}
}

static void follow(struct config_env *env, const struct lexer *lx, const struct line *l)
{
	struct cond_facts facts = cond_facts_here(env);

	if (token_is(&l->words[0], "setenv") && l->count > 2 && l->words[2].len < 4096)
		config_env_set(env, l->words[1].text, l->words[2].text);
	else if (token_is(&l->words[0], "unsetenv") && l->count > 1)
		config_env_unset(env, l->words[1].text);
	else if (token_is(&l->words[0], ".if"))
		cond_words(l->words + 1, l->count - 1, &facts, lx->arena, lx->diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *environment[] = { "X=1", "LIST= a b  c ", "EMPTY=", NULL };
	struct arena arena;
	struct diag diag;
	struct config_env env;
	struct lexer lx = { .arena = &arena, .diag = &diag, .env = &env, .file = "fuzz.cfg" };

	arena_init_heap(&arena);
	diag_init(&diag);
	expect(config_env_init(&env, environment) == 0, "the environment");
	while (size) {
		const uint8_t *lf = memchr(data, '\n', size);
		size_t len = lf ? (size_t)(lf - data) : size;
		char *text = arena_alloc(&arena, len + 1);
		unsigned errors = diag.count[DIAG_ALERT];
		struct line l;
		*(char *)mempcpy(text, data, len) = '\0';
		lx.line++;
		lx.quiet = lx.line % 2;
		int result = lexer_line(&lx, text, len, &l);
		expect((result < 0) == (diag.count[DIAG_ALERT] > errors), "an error that is told");
		expect(result < 0 || result == (l.count > 0), "the answer");
		check_words(&l, len);
		if (result == 1)
			follow(&env, &lx, &l);
		data += len + (lf ? 1 : 0);
		size -= len + (lf ? 1 : 0);
	}
	diag_render(&diag, DIAG_NOTE);
	config_env_free(&env);
	diag_free(&diag);
	arena_reset(&arena);
	return 0;
}
