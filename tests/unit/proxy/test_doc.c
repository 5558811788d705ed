/* test_doc: doc/expressions.md lists every fetch and converter that the tables have, doc/rules.md every rule set and
 * action, each with its help.
 *
 * `test_doc print` writes their tables anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cmocka_all.h"
#include "ballast/proxy/register.h"
#include "ballast/proxy/rules.h"
#include "ballast/sample/sample.h"
#include "ballast/table/register.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Rows of a table as they stand in the page. */
static size_t fetch_lines(char **line, size_t room)
{
	const struct fetch_row *f;
	size_t n = 0;
	for (unsigned i = 0; n < room && (f = sample_fetch_at(i)); i++) {
		const char *args = f->args.text ? f->args.text : "";
		if (asprintf(&line[n++], "| `%s%s%s%s` | %s | %s |", f->name, *args ? "(" : "", args, *args ? ")" : "",
			    sample_type_name(f->type), f->help) < 0)
			abort();
	}
	return n;
}

static size_t converter_lines(char **line, size_t room)
{
	const struct converter_row *c;
	size_t n = 0;
	for (unsigned i = 0; n < room && (c = sample_converter_at(i)); i++) {
		const char *args = c->args.text ? c->args.text : "";
		if (asprintf(&line[n++], "| `%s%s%s%s` | %s | %s | %s |", c->name, *args ? "(" : "", args,
			    *args ? ")" : "", sample_type_name(c->in), sample_type_name(c->out), c->help) < 0)
			abort();
	}
	return n;
}

static size_t set_lines(char **line, size_t room)
{
	(void)room;
	for (unsigned set = 0; set < RULES_SET_COUNT; set++)
		if (asprintf(&line[set], "| `%s` | %s |", rule_set_rows[set].name, rule_set_rows[set].when) < 0)
			abort();
	return RULES_SET_COUNT;
}

/* A column for each set but `redirect`, which has one action. */
static char *marks(const struct action_row *r)
{
	static char text[128];
	size_t n = 0;

	for (unsigned set = 0; set < RULES_SET_COUNT; set++)
		if (set != RULES_REDIRECT)
			n += (size_t)sprintf(text + n, " %s |", r->sets >> set & 1 ? "x" : "");
	return text;
}

static size_t action_lines(char **line, size_t room)
{
	const struct action_row *r;
	size_t n = 0;
	for (size_t i = 0; n < room && (r = rules_action_at(i)); i++) {
		const char *args = r->args ? r->args : "";
		if (asprintf(&line[n++], "| `%s%s%s` |%s %s |", r->name, *args ? " " : "", args, marks(r), r->help) < 0)
			abort();
	}
	return n;
}

enum { ROOM = 1024 };
static const struct {
	size_t (*lines)(char **line, size_t room);
	const char *page;
	bool in_order; /* as the rows are; else sorted */
} tables[] = {
	{ fetch_lines, "expressions.md", false },
	{ converter_lines, "expressions.md", false },
	{ set_lines, "rules.md", true },
	{ action_lines, "rules.md", false },
};

static void read_page(const char *name, char *page, size_t room)
{
	char path[512];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof path, "%s/doc/%s", top ? top : ".", name);
	FILE *f = fopen(path, "re");
	if (!f)
		fail_msg("cannot open %s", path);
	page[fread(page, 1, room - 1, f)] = 0;
	fclose(f);
}

static void test_every_row_is_in_its_page(void **state)
{
	static char page[256 * 1024];
	(void)state;
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		char *line[ROOM];
		size_t n = tables[t].lines(line, ROOM);
		assert_true(n < ROOM);
		read_page(tables[t].page, page, sizeof page);
		for (size_t i = 0; i < n; i++) {
			/* the name and its arguments: what the page says of it may be more */
			char *name = strchr(line[i], '`'), *end = name ? strchr(name + 1, '`') : NULL;
			assert_non_null(end);
			end[1] = 0;
			if (!strstr(page, name))
				print_error("doc/%s lacks %s\n", tables[t].page, name);
			assert_non_null(strstr(page, name));
			free(line[i]);
		}
	}
}

static void print(void)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		char *line[ROOM];
		size_t n = tables[t].lines(line, ROOM);
		if (!tables[t].in_order)
			qsort(line, n, sizeof *line, compare);
		for (size_t i = 0; i < n; i++) {
			puts(line[i]);
			free(line[i]);
		}
		puts("");
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_row_is_in_its_page) };
	if (table_register() || proxy_register())
		return 1;
	if (argc > 1 && strcmp(argv[1], "print") == 0) {
		print();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
