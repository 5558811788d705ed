/* brief: --listen, --backend and their kin, which stand for a small lb.cfg: the short form (config/short_form.h).
 *
 * It is written as text and read like a file, so that a reload, messages and -c know nothing of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/config/short_form.h"
#include "process.h"

struct brief {
	struct short_form form;
	struct arena arena; /* owns what was cut out of words */
};

static struct brief *brief_of(struct options *o)
{
	if (o->brief)
		return o->brief;
	o->brief = calloc(1, sizeof *o->brief);
	if (o->brief)
		arena_init_heap(&o->brief->arena);
	return o->brief;
}

static struct raw_word word_of(const char *text, bool whole)
{
	return (struct raw_word){ .text = text, .len = strlen(text), .whole = whole };
}

int brief_listen(struct options *o, const char *word)
{
	struct brief *b = brief_of(o);

	if (!b)
		return -ENOMEM;
	if (b->form.listen_count == SHORT_LISTEN_MAX) {
		say(SAY_ALERT, "--listen: more than %u addresses.", SHORT_LISTEN_MAX);
		return -EINVAL;
	}
	b->form.listen[b->form.listen_count++] = word_of(word, true);
	return 0;
}

/* "weight=2" is `weight 2`, "backup" is `backup`. */
static int add_keyword(struct short_server *s, char *text)
{
	char *value = strchr(text, '=');

	if (s->word_count + 2 > SHORT_WORDS_MAX) {
		say(SAY_ALERT, "--backend: too many keywords.");
		return -EINVAL;
	}
	if (value)
		*value++ = '\0';
	if (!*text || (value && !*value)) {
		say(SAY_ALERT, "--backend: a keyword is written KEYWORD or KEYWORD=VALUE.");
		return -EINVAL;
	}
	s->words[s->word_count++] = word_of(text, true);
	if (value)
		s->words[s->word_count++] = word_of(value, true);
	return 0;
}

int brief_backend(struct options *o, const char *word)
{
	struct brief *b = brief_of(o);
	char *text = b ? arena_strdup(&b->arena, word) : NULL;
	int err = 0;

	if (!text)
		return -ENOMEM;
	struct short_form *f = &b->form;
	struct short_server *more = realloc(f->servers, (f->server_count + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	f->servers = more;
	struct short_server *s = &more[f->server_count++];
	memset(s, 0, sizeof *s);
	s->address = word_of(strsep(&text, ","), true);
	while (text && !err)
		err = add_keyword(s, strsep(&text, ","));
	return err;
}

int brief_strategy(struct options *o, const char *word)
{
	struct brief *b = brief_of(o);

	if (!b)
		return -ENOMEM;
	b->form.strategy = word_of(word, false);
	return 0;
}

int brief_health(struct options *o, const char *word)
{
	struct brief *b = brief_of(o);

	if (!b)
		return -ENOMEM;
	b->form.health = true;
	if (strcmp(word, "connect") == 0)
		return 0;
	if (word[0] != '/') {
		say(SAY_ALERT, "--health: '%s' is neither a path (/healthz) nor 'connect'.", word);
		return -EINVAL;
	}
	b->form.path = word_of(word, true);
	return 0;
}

int brief_tls(struct options *o, const char *word)
{
	struct brief *b = brief_of(o);

	if (!b)
		return -ENOMEM;
	b->form.tls = word_of(word, true);
	return 0;
}

int brief_sticky(struct options *o, const char *word)
{
	struct brief *b = brief_of(o);

	(void)word;
	if (!b)
		return -ENOMEM;
	b->form.sticky = true;
	return 0;
}

int brief_check(const struct options *o)
{
	const struct short_form *f = o->brief ? &o->brief->form : NULL;

	if (!f || !f->listen_count || !f->server_count) {
		say(SAY_ALERT, "a balancer on the command line needs %s: --listen :8080 --backend 127.0.0.1:9001.",
			f && f->listen_count   ? "--backend"
			: f && f->server_count ? "--listen"
					       : "--listen and --backend");
		return -EINVAL;
	}
	return 0;
}

void brief_print(const struct options *o, FILE *to)
{
	short_form_write(&o->brief->form, to);
}

int brief_add(const struct options *o, struct config_source *src)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return -ENOMEM;
	brief_print(o, to);
	int err = fclose(to) ? -ENOMEM : config_source_add_text(src, "<command line>", slice_of(text, len));
	free(text);
	return err;
}

void brief_free(struct options *o)
{
	if (!o->brief)
		return;
	free(o->brief->form.servers);
	arena_reset(&o->brief->arena);
	free(o->brief);
	o->brief = NULL;
}
