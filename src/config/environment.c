/* environment: setenv and its kin; what they change is seen from the next line on. */
#include <errno.h>

#include "ballast/config/lexer.h"
#include "directive.h"

static int set(struct cfg_context *c, const struct line *l, int (*how)(struct config_env *, const char *, const char *))
{
	int err = need_word(c, l, 1, l->words[0].text, "the name of a variable");

	if (!err && l->count < 3) {
		diag_error(c->diag, &l->words[l->count].at, NULL, "'%s' needs a value for '%s'", l->words[0].text,
			l->words[1].text);
		err = -EINVAL;
	}
	if (err || (err = no_more_words(c, l, 2)))
		return err;
	err = how(&c->graph->env, l->words[1].text, l->words[2].text);
	if (err == -EINVAL)
		diag_error(c->diag, &l->words[1].at, NULL, "'%s' cannot be the name of a variable", l->words[1].text);
	return err;
}

static int parse_setenv(struct cfg_context *c, const struct line *l)
{
	return set(c, l, config_env_set);
}

static int parse_presetenv(struct cfg_context *c, const struct line *l)
{
	return set(c, l, config_env_preset);
}

static int parse_unsetenv(struct cfg_context *c, const struct line *l)
{
	if (need_word(c, l, 1, "unsetenv", "the name of a variable"))
		return -EINVAL;
	for (size_t i = 1; i < l->count; i++)
		config_env_unset(&c->graph->env, l->words[i].text);
	return 0;
}

static int parse_resetenv(struct cfg_context *c, const struct line *l)
{
	const char *keep[LEXER_WORDS_MAX];
	size_t count = 0;

	for (size_t i = 1; i < l->count && count < LEXER_WORDS_MAX; i++)
		keep[count++] = l->words[i].text;
	config_env_reset(&c->graph->env, keep, count);
	return 0;
}

const struct directive environment_directives[] = {
	{ "setenv", SECTION_GLOBAL, "<name> <value>", "set a variable", parse_setenv, false, false },
	{ "presetenv", SECTION_GLOBAL, "<name> <value>", "set a variable that does not exist", parse_presetenv, false,
		false },
	{ "unsetenv", SECTION_GLOBAL, "<name>...", "remove variables", parse_unsetenv, false, false },
	{ "resetenv", SECTION_GLOBAL, "[<name>...]", "remove all variables but these", parse_resetenv, false, false },
	{ 0 },
};
