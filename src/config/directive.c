/* directive: runs one line of a section: finds its row, sees that it may stand there, and calls it.
 *
 * As in HAProxy, a directive for the other side of a proxy (`balance` in a frontend) is passed over with a warning,
 * and one that belongs to another kind of section is an error.
 */
#include <errno.h>
#include <stdio.h>

#include "directive.h"

static const struct directive *const tables[] = { global_directives, environment_directives, stats_directives,
	cpu_directives, proxy_directives, bind_directives, routing_directives, rule_directives, capture_directives,
	persist_directives, server_directives, balance_directives, outgoing_directives, check_directives,
	timeout_directives, limit_directives, log_directives, variable_directives, option_directives, tls_directives,
	table_directives, userlist_directives, error_directives, resilience_directives };
enum { TABLE_COUNT = sizeof(tables) / sizeof(tables[0]) };

#define for_each_directive(row) \
	for (size_t table_ = 0; table_ < TABLE_COUNT; table_++) \
		for (const struct directive *row = tables[table_]; row->name; row++)

/* Is `name` "word" or, with a second word, "word second"? */
static bool is_called(const char *name, const char *word, const char *second)
{
	size_t len = strlen(word);

	if (strncmp(name, word, len) != 0)
		return false;
	return second ? name[len] == ' ' && strcmp(name + len + 1, second) == 0 : name[len] == '\0';
}

/* The row of this name which may stand here, else any of the name: a word may have one for global and one for proxies. */
static const struct directive *find(const struct cfg_context *c, const char *word, const char *second)
{
	const struct directive *elsewhere = NULL;

	for_each_directive(row)
	{
		if (!is_called(row->name, word, second))
			continue;
		if (row->sections & c->section)
			return row;
		elsewhere = row;
	}
	return elsewhere;
}

static const struct unsupported *find_unsupported(const struct cfg_context *c, const char *name)
{
	const struct unsupported *own = c->section == SECTION_GLOBAL ? unsupported_global : unsupported_proxy;
	const struct unsupported *other = c->section == SECTION_GLOBAL ? unsupported_proxy : unsupported_global;
	const struct unsupported *u = unsupported_find(own, name);

	return u ? u : unsupported_find(other, name);
}

/* "timeout foo": the first word is known, with other words behind it. */
static int unknown_member(struct cfg_context *c, const struct line *l, size_t at)
{
	const char *word = l->words[at].text;
	size_t len = strlen(word);
	struct names n = { .count = 0 };

	for_each_directive(row) if (strncmp(row->name, word, len) == 0 && row->name[len] == ' ' &&
				    row->sections & c->section) names_add(&n, row->name + len + 1);
	if (n.count == 0)
		return 0;
	if (at + 1 < l->count)
		return unknown_word(c, &l->words[at + 1], word, &n);
	char list[256] = "";
	for (size_t i = 0, used = 0; i < n.count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
			i == 0            ? ""
			: i + 1 < n.count ? ", "
					  : " or ",
			n.name[i]);
	diag_error(c->diag, &l->words[l->count].at, NULL, "'%s' needs %s behind it", word, list);
	return -EINVAL;
}

static int unknown_directive(struct cfg_context *c, const struct line *l)
{
	const struct token *t = &l->words[0];
	struct names n = { .count = 0 };
	char joined[160];

	snprintf(joined, sizeof(joined), "%s %s", t->text, l->count > 1 ? l->words[1].text : "");
	const struct unsupported *u = find_unsupported(c, joined);
	struct place both = two_words(l, 0);
	if (u)
		return unsupported_word(c, &both, u);
	if (unknown_member(c, l, 0))
		return -EINVAL;
	u = find_unsupported(c, t->text);
	if (u)
		return unsupported_word(c, &t->at, u);
	for_each_directive(row) if (row->sections & c->section && !strchr(row->name, ' ')) names_add(&n, row->name);
	for (const struct unsupported *s = unsupported_sections; s->name; s++)
		names_add(&n, s->name);
	for (unsigned bit = 1; bit <= SECTION_LAST; bit <<= 1)
		names_add(&n, section_name(bit));
	names_add(&n, c->section == SECTION_GLOBAL ? "stats" : "timeout");
	return unknown_word(c, t, "directive", &n);
}

/* 0: it may stand here; 1: it is passed over; -EINVAL. */
static int check_section(struct cfg_context *c, const struct directive *row, const struct place *at)
{
	const unsigned sides = SECTION_FRONTEND | SECTION_LISTEN | SECTION_BACKEND;
	const char *hint = NULL;
	char list[64];

	if (row->sections & c->section)
		return 0;
	section_list(row->sections, list, sizeof(list));
	if (!(c->section & sides) || !(row->sections & sides) || row->strict) {
		diag_error(c->diag, at, NULL, "'%s' cannot stand in a %s section: it belongs to %s", row->name,
			section_name(c->section), list);
		return -EINVAL;
	}
	if (strcmp(row->name, "maxconn") == 0)
		hint = "did you mean 'fullconn'?";
	if (strcmp(row->name, "fullconn") == 0)
		hint = "did you mean 'maxconn'?";
	diag_warn(c->diag, at, hint, "'%s' is ignored in a %s section: it belongs to %s", row->name,
		section_name(c->section), list);
	return 1;
}

static bool is_negation(const struct token *t)
{
	return token_is(t, "no") || token_is(t, "default");
}

int directive_run(struct cfg_context *c, struct line *l)
{
	struct line rest = *l;

	c->negated = is_negation(&l->words[0]);
	if (c->negated) {
		if (l->count < 2) {
			diag_error(c->diag, &l->words[1].at, "no option httpclose", "'%s' needs a directive behind it",
				l->words[0].text);
			return -EINVAL;
		}
		rest = (struct line){ l->words + 1, l->count - 1 };
	}
	const struct token *t = &rest.words[0];
	const struct directive *row = rest.count > 1 ? find(c, t->text, rest.words[1].text) : NULL;
	struct place at = row ? two_words(&rest, 0) : t->at;
	if (!row)
		row = find(c, t->text, NULL);
	if (!row)
		return unknown_directive(c, &rest);
	int ret = check_section(c, row, &at);
	if (ret)
		return ret < 0 ? ret : 0;
	if (c->negated && !row->negatable) {
		diag_error(c->diag, &l->words[0].at, NULL, "'%s' cannot stand before '%s': it is for options and 'log'",
			l->words[0].text, row->name);
		return -EINVAL;
	}
	return row->parse(c, &rest);
}

static void show_keywords(const struct keyword_row *rows, enum word_kind kind,
	void (*show)(const struct config_word *w, void *arg), void *arg)
{
	for (; rows->name; rows++)
		show(&(struct config_word){ kind, rows->name, rows->args ? rows->args : "", rows->help, 0 }, arg);
}

void config_words(void (*show)(const struct config_word *w, void *arg), void *arg)
{
	const struct pick_algorithm *a;

	for_each_directive(row)
		show(&(struct config_word){ WORD_DIRECTIVE, row->name, row->args, row->help, row->sections }, arg);
	for (const struct option_row *o = option_rows; o->name; o++)
		show(&(struct config_word){ WORD_OPTION, o->name, o->args ? o->args : "", o->help, o->sections }, arg);
	show_keywords(bind_keywords, WORD_BIND, show, arg);
	show_keywords(server_keywords, WORD_SERVER, show, arg);
	show_keywords(stats_keywords, WORD_STATS_SOCKET, show, arg);
	for (size_t i = 0; (a = pick_algorithm_at(i)); i++)
		show(&(struct config_word){ WORD_ALGORITHM, a->name, "", a->help, 0 }, arg);
}
