/* lookup: finding a word in the tables, and what to say where it is not there: it exists in HAProxy only, it belongs
 * elsewhere, or it is a mistake for a word that exists.
 */
#include <errno.h>
#include <stdio.h>

#include "directive.h"

const struct unsupported *unsupported_find(const struct unsupported *list, const char *name)
{
	for (; list->name; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

void names_add(struct names *n, const char *name)
{
	if (n->count < sizeof(n->name) / sizeof(n->name[0]))
		n->name[n->count++] = name;
}

int unknown_word(struct cfg_context *c, const struct token *t, const char *what, const struct names *n)
{
	const char *near = diag_nearest(token_slice(t), n->name, n->count);
	char hint[128];

	if (near)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", near);
	diag_error(c->diag, &t->at, near ? hint : NULL, "unknown %s '%s'", what, t->text);
	return -EINVAL;
}

int unsupported_word(struct cfg_context *c, const struct place *at, const struct unsupported *u)
{
	diag_error(c->diag, at, u->instead, "'%s' is not supported by Ballast (yet)", u->name);
	return -EINVAL;
}

const char *section_name(unsigned section)
{
	switch (section) {
	case SECTION_GLOBAL: return "global";
	case SECTION_DEFAULTS: return "defaults";
	case SECTION_FRONTEND: return "frontend";
	case SECTION_LISTEN: return "listen";
	case SECTION_BACKEND: return "backend";
	case SECTION_USERLIST: return "userlist";
	case SECTION_HTTP_ERRORS: return "http-errors";
	default: return "";
	}
}

const char *section_list(unsigned sections, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned bit = 1; bit <= SECTION_LAST; bit <<= 1) {
		if (!(sections & bit))
			continue;
		const char *before = at == 0 ? "" : sections & ~(bit * 2 - 1) ? ", " : " and ";
		int n = snprintf(buf + at, len - at, "%s%s", before, section_name(bit));
		if (n < 0 || (size_t)n >= len - at)
			return buf;
		at += (size_t)n;
	}
	return buf;
}

const char *config_sections_text(unsigned sections, char *buf, size_t len)
{
	return section_list(sections, buf, len);
}

struct place two_words(const struct line *l, size_t first)
{
	struct place at = l->words[first].at;
	const struct place *next = &l->words[first + 1].at;

	if (first + 1 < l->count && next->column > at.column)
		at.width = next->column + next->width - at.column;
	return at;
}

static const struct keyword_row *keyword_find(const struct keyword_row *rows, const char *name)
{
	for (; rows->name; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

static int unknown_keyword(struct cfg_context *c, const struct keyword_row *rows, const struct unsupported *unsupported,
	const char *what, const struct token *t)
{
	const struct unsupported *u = unsupported_find(unsupported, t->text);
	struct names n = { .count = 0 };

	if (u)
		return unsupported_word(c, &t->at, u);
	if (rows == stats_keywords && keyword_find(bind_keywords, t->text)) /* HAProxy has them in both places */
		return unsupported_word(c, &t->at, &(struct unsupported){ t->text, NULL });
	for (; rows->name; rows++)
		names_add(&n, rows->name);
	const char *near = diag_nearest(token_slice(t), n.name, n.count);
	char hint[128];
	if (near)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", near);
	diag_error(c->diag, &t->at, near ? hint : NULL, "unknown keyword '%s' of '%s'", t->text, what);
	return -EINVAL;
}

int keywords_parse(struct cfg_context *c, const struct keyword_row *rows, const struct unsupported *unsupported,
	const char *what, void *into, const struct line *l, size_t at)
{
	int ret = 0;

	while (at < l->count) {
		const struct token *t = &l->words[at++];
		const struct keyword_row *row = keyword_find(rows, t->text);
		if (!row)
			return unknown_keyword(c, rows, unsupported, what, t);
		if (row->args && row->args[0] == '<' && at >= l->count) {
			diag_error(c->diag, &l->words[l->count].at, NULL, "'%s' needs %s behind it", row->name,
				row->args);
			return -EINVAL;
		}
		size_t before = at;
		int err = row->parse(c, into, l, &at);
		if (err && err != -EINVAL)
			return err;
		if (err) { /* its arguments are passed over, so that what follows is read too */
			ret = err;
			if (at == before && row->args)
				at++;
		}
	}
	return ret;
}
