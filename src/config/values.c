/* values: arguments of directives that mean the same wherever they stand. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "directive.h"

int out_of_memory(struct cfg_context *c, const struct place *at)
{
	diag_error(c->diag, at, NULL, "out of memory");
	return -ENOMEM;
}

int no_more_words(struct cfg_context *c, const struct line *l, size_t last)
{
	if (last + 1 >= l->count)
		return 0;
	diag_error(c->diag, &l->words[last + 1].at, NULL, "unexpected '%s' behind '%s'", l->words[last + 1].text,
		l->words[last].text);
	return -EINVAL;
}

int need_word(struct cfg_context *c, const struct line *l, size_t at, const char *of, const char *what)
{
	if (at < l->count && l->words[at].len > 0)
		return 0;
	const struct place *place = at < l->count ? &l->words[at].at : &l->words[l->count].at;
	diag_error(c->diag, place, NULL, "'%s' needs %s", of, what);
	return -EINVAL;
}

int value_interval(struct cfg_context *c, const struct line *l, size_t *at, uint32_t *out)
{
	const char *what = l->words[*at - 1].text;
	const struct token *t = &l->words[(*at)++];
	uint32_t ms;

	if (token_time_ms(t, what, "ms", &ms, c->diag))
		return -EINVAL;
	if (ms == 0) {
		diag_error(c->diag, &t->at, NULL, "%s cannot be 0", what);
		return -EINVAL;
	}
	*out = ms;
	return 0;
}

int value_string(struct cfg_context *c, const struct line *l, size_t at, const char *what, const char **out)
{
	if (need_word(c, l, at, l->words[0].text, what) || no_more_words(c, l, at))
		return -EINVAL;
	*out = l->words[at].text;
	return 0;
}

int value_u32(struct cfg_context *c, const struct line *l, size_t at, const char *what, uint32_t min, uint32_t max,
	uint32_t *out)
{
	const struct token *t = at < l->count ? &l->words[at] : &l->words[l->count];
	int64_t n;

	if (token_int(t, what, min, max, &n, c->diag) || (at < l->count && no_more_words(c, l, at)))
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

int value_time(struct cfg_context *c, const struct line *l, size_t at, const char *what, const char *unit,
	uint32_t *out_ms)
{
	const struct token *t = at < l->count ? &l->words[at] : &l->words[l->count];
	uint32_t ms;

	if (token_time_ms(t, what, unit, &ms, c->diag) || (at < l->count && no_more_words(c, l, at)))
		return -EINVAL;
	*out_ms = ms;
	return 0;
}

int value_user(struct cfg_context *c, const struct token *t, uid_t *out)
{
	const struct passwd *p = getpwnam(t->text);

	if (!p) {
		diag_error(c->diag, &t->at, NULL, "there is no user '%s' on this system", t->text);
		return -EINVAL;
	}
	*out = p->pw_uid;
	return 0;
}

int value_group(struct cfg_context *c, const struct token *t, gid_t *out)
{
	const struct group *g = getgrnam(t->text);

	if (!g) {
		diag_error(c->diag, &t->at, NULL, "there is no group '%s' on this system", t->text);
		return -EINVAL;
	}
	*out = g->gr_gid;
	return 0;
}

int value_file_mode(struct cfg_context *c, const struct token *t, mode_t *out)
{
	size_t digits = strspn(t->text, "01234567");
	unsigned mode = 0;

	if (digits == 0 || t->text[digits] || digits > 5 || sscanf(t->text, "%o", &mode) != 1 || mode > 07777) {
		diag_error(c->diag, &t->at, "an octal number such as 660", "mode cannot be '%s'", t->text);
		return -EINVAL;
	}
	*out = (mode_t)mode;
	return 0;
}

/* Letters, digits, '-', '_', '.' and ':' (manual, section 4). */
bool is_name(const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;
		bool alnum = (unsigned char)(ch - '0') < 10 || (unsigned char)((ch | 0x20) - 'a') < 26;
		if (!alnum && !strchr("-_.:", ch))
			return false;
	}
	return true;
}

void *array_room(struct arena *a, void *array, uint32_t count, uint32_t *room, size_t size)
{
	if (count < *room)
		return array;
	uint32_t grown = *room ? *room * 2 : 4;
	void *p = arena_alloc(a, grown * size);
	if (!p)
		return NULL;
	if (count)
		memcpy(p, array, count * size);
	*room = grown;
	return p;
}
