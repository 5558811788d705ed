/* Commands: the list of their tables, looking one up, what is said where there is none.
 *
 * A new command is one row in the table of its file; a new file of commands is one entry in tables[].
 */
#include <string.h>

#include "internal.h"

static const struct command_table *const tables[] = {
	&counter_commands, &server_commands, &frontend_commands, &limit_commands, &var_commands, &map_commands,
	&exchange_commands, &process_commands, &error_commands, &info_commands, &server_list_commands, &stat_commands,
	&handout_commands, &table_commands, &breaker_commands, &reload_commands,
	&session_commands, /* last, as HAProxy lists help, prompt and quit */
};
enum { TABLE_COUNT = sizeof tables / sizeof *tables, SUGGESTIONS_MAX = 5 };

const struct command_row *command_at(size_t index)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (index < tables[i]->count)
			return &tables[i]->rows[index];
		index -= tables[i]->count;
	}
	return NULL;
}

static int words_of(const struct command_row *r)
{
	int n = 0;

	while (n < COMMAND_WORDS && r->words[n])
		n++;
	return n;
}

/* How many of the first words are those of the row. */
static int words_in_common(const struct command_row *r, char *const *words, int count)
{
	int n = 0;

	while (n < count && n < words_of(r) && strcmp(r->words[n], words[n]) == 0)
		n++;
	return n;
}

const struct command_row *command_find(char *const *words, int count, int *used)
{
	const struct command_row *best = NULL;
	const struct command_row *r;

	*used = 0;
	for (size_t i = 0; (r = command_at(i)); i++) {
		int n = words_of(r);
		if (n > *used && words_in_common(r, words, count) == n) {
			best = r;
			*used = n;
		}
	}
	return best;
}

void command_usage(const struct command_row *r, struct strbuf *text)
{
	for (int i = 0; i < words_of(r); i++) {
		if (i)
			strbuf_byte(text, ' ');
		strbuf_str(text, r->words[i]);
	}
	if (r->args) {
		strbuf_byte(text, ' ');
		strbuf_str(text, r->args);
	}
}

static void list_row(struct admin_session *s, const struct command_row *r)
{
	char usage[128];
	struct strbuf text;

	strbuf_init_fixed(&text, usage, sizeof usage);
	command_usage(r, &text);
	strbuf_printf(command_out(s), "  %-40s: %s\n", usage, r->help);
}

/* --- what fits words that are no command --- */

struct suggestion {
	const struct command_row *row;
	unsigned distance;
};

/* Levenshtein's distance of two short texts, bytes beyond 63 ignored. */
static unsigned text_distance(const char *a, const char *b)
{
	unsigned line[64];
	size_t len = strnlen(b, 63);

	for (size_t j = 0; j <= len; j++)
		line[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = line[0];
		line[0] = (unsigned)i + 1;
		for (size_t j = 0; j < len; j++) {
			unsigned best = diagonal + (a[i] != b[j]), above = line[j + 1];
			if (above + 1 < best)
				best = above + 1;
			if (line[j] + 1 < best)
				best = line[j] + 1;
			diagonal = above;
			line[j + 1] = best;
		}
	}
	return line[len];
}

/* The distance of the typed words from the row's, word by word; a missing word of the typed ones costs little. */
static unsigned row_distance(const struct command_row *r, char *const *words, int count)
{
	unsigned sum = 0;

	for (int i = 0; i < words_of(r); i++)
		sum += i < count ? 2 * text_distance(words[i], r->words[i]) : 1;
	return sum;
}

/* help, prompt and quit are listed at the end of every answer. */
static bool is_helper(const struct command_row *r)
{
	return !strcmp(r->words[0], "help") || !strcmp(r->words[0], "prompt") || !strcmp(r->words[0], "quit");
}

static bool is_offered(const struct admin_session *s, const struct command_row *r)
{
	return r->help && s->level >= r->level;
}

/* Keeps the nearest ones, in order. */
static void suggest(struct suggestion *list, unsigned *count, struct suggestion one)
{
	unsigned at = *count;

	if (*count == SUGGESTIONS_MAX) {
		if (one.distance >= list[SUGGESTIONS_MAX - 1].distance)
			return;
		at--;
	} else {
		(*count)++;
	}
	for (; at && list[at - 1].distance > one.distance; at--)
		list[at] = list[at - 1];
	list[at] = one;
}

static void list_nearest(struct admin_session *s, char *const *words, int count)
{
	struct suggestion list[SUGGESTIONS_MAX];
	const struct command_row *r;
	unsigned n = 0;

	for (size_t i = 0; (r = command_at(i)); i++)
		if (is_offered(s, r) && !is_helper(r))
			suggest(list, &n, (struct suggestion){ r, row_distance(r, words, count) });
	for (unsigned i = 0; i < n; i++)
		list_row(s, list[i].row);
}

/* The rows that begin with these words, or which these words begin with; false where there are none. */
static bool list_beginning(struct admin_session *s, char *const *words, int count)
{
	const struct command_row *r;
	bool any = false;

	for (size_t i = 0; (r = command_at(i)); i++) {
		int needed = count < words_of(r) ? count : words_of(r);
		if (!is_offered(s, r) || words_in_common(r, words, count) < needed)
			continue;
		if (!is_helper(r))
			list_row(s, r);
		any = true;
	}
	return any;
}

static void list_fitting(struct admin_session *s, char *const *words, int count)
{
	const struct command_row *r;
	bool any = list_beginning(s, words, count);

	for (int n = count - 1; !any && n > 1; n--) /* "show servers" of "show servers states" */
		any = list_beginning(s, words, n);
	if (!any)
		list_nearest(s, words, count);
	for (size_t i = 0; (r = command_at(i)); i++)
		if (is_helper(r))
			list_row(s, r);
}

void command_list(struct admin_session *s, char *const *words, int count)
{
	command_say(s, "The following commands are valid at this level:");
	list_fitting(s, words, count);
}

static void unknown_command(struct admin_session *s, char *const *words, int count)
{
	const char *name = command_unsupported(words, count);

	if (name) {
		command_say(s, "'%s' is not supported by Ballast (yet).", name);
		return;
	}
	command_say(s, "Unknown command: '%s', but maybe one of the following ones is a better match:", words[0]);
	list_fitting(s, words, count);
}

void command_run(struct admin_session *s, char **words, int count)
{
	int used;
	const struct command_row *r = command_find(words, count, &used);

	if (!r) {
		unknown_command(s, words, count);
		return;
	}
	if (s->level < r->level) {
		command_say(s, "Permission denied");
		return;
	}
	r->run(s, words + used, count - used);
}
