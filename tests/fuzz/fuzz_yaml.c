/* fuzz_yaml: any bytes as a configuration in YAML, read and converted.
 *
 * Checked beyond memory: it is refused exactly where an error was added, each message can be shown; and the lb.cfg that a
 * YAML file was converted to has the same words, and makes the round back to YAML.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/config/source.h"
#include "config/convert.h"

static void expect(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static int on_line(void *arg, struct line *l)
{
	FILE *to = arg;

	for (size_t i = 0; i < l->count; i++) {
		expect(l->words[i].len == strlen(l->words[i].text), "a word's length");
		expect(l->words[i].at.line > 0 && l->words[i].at.line_text, "a word's place");
		fprintf(to, "%zu:%s ", l->words[i].len, l->words[i].text);
	}
	fputc('\n', to);
	return 0;
}

/* The words of a text, to be freed; NULL where it is refused. */
static char *words_of(const char *name, struct slice text)
{
	struct config_env env;
	struct config_source src;
	struct arena a;
	struct diag d;
	char *words = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&words, &len);

	expect(to && config_env_init(&env, NULL) == 0, "the environment");
	diag_init(&d);
	arena_init_heap(&a);
	config_source_init(&src, &env);
	src.is_section = convert_is_section;
	expect(config_source_add_text(&src, name, text) == 0, "the text");
	int err = config_read(&src, &a, &d, on_line, to);
	expect(!err == !d.count[DIAG_ALERT], "it is refused where there is an error");
	diag_render(&d, DIAG_NOTE);
	fclose(to);
	config_source_free(&src);
	config_env_free(&env);
	arena_reset(&a);
	diag_free(&d);
	if (!err)
		return words;
	free(words);
	return NULL;
}

/* The other form, to be freed; NULL where it is refused. */
static char *other_form(const char *name, struct slice text, bool yaml)
{
	struct diag d;
	char *other = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&other, &len);

	expect(to != NULL, "a stream");
	diag_init(&d);
	struct convert c = { .file = name, .text = text, .arena = &d.arena, .diag = &d, .to = to };
	int err = yaml ? convert_from_yaml(&c) : convert_from_cfg(&c);
	expect(!err == !d.count[DIAG_ALERT], "a conversion is refused where there is an error");
	fclose(to);
	diag_free(&d);
	if (!err)
		return other;
	free(other);
	return NULL;
}

/* Words that are empty in the middle, and what depends on the line's number or the file's name read otherwise elsewhere. */
static bool depends_on_place(const char *words, struct slice text)
{
	return !words || memmem(text.ptr, text.len, "${", 2) || memmem(text.ptr, text.len, "$.", 2) ||
	       memmem(text.ptr, text.len, "\"$", 2) || memmem(text.ptr, text.len, "''", 2) ||
	       memmem(text.ptr, text.len, "\"\"", 2);
}

static void same_words(const char *name, const char *text, const char *before)
{
	char *words = words_of(name, slice_from_str(text));

	if (!words || strcmp(words, before) != 0)
		fprintf(stderr, "before:\n%s\nthe other form:\n%s\nnow:\n%s\n", before, text,
			words ? words : "refused");
	expect(words && strcmp(words, before) == 0, "the other form has other words");
	free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	struct slice text = slice_of((const char *)data, size);
	char *words = words_of("fuzz.yaml", text), *cfg = other_form("fuzz.yaml", text, true);
	if (cfg && !depends_on_place(words, text))
		same_words("fuzz.cfg", cfg, words);
	free(words);
	free(cfg);
	words = words_of("fuzz.cfg", text);
	char *yaml = other_form("fuzz.cfg", text, false);
	if (yaml && !depends_on_place(words, text))
		same_words("fuzz.yaml", yaml, words);
	free(words);
	free(yaml);
	return 0;
}
