/* keywords: `-dK`: the words that this program knows, from the rows of their tables: for people, and for tools that keep
 * documentation, highlighting or completion in step.
 */
#include <errno.h>
#include <string.h>

#include "ballast/admin/command.h"
#include "ballast/balance/pick.h"
#include "ballast/config/directives.h"
#include "ballast/proxy/register.h"
#include "ballast/sample/sample.h"
#include "ballast/table/register.h"
#include "process.h"

static void print_word(const struct config_word *w, void *arg)
{
	static const char *const before[WORD_KIND_COUNT] = { [WORD_OPTION] = "option ",
		[WORD_BIND] = "bind ... ",
		[WORD_SERVER] = "server ... ",
		[WORD_STATS_SOCKET] = "stats socket ... ",
		[WORD_ALGORITHM] = "balance " };
	char sections[64];

	fprintf(arg, "%s%s%s%s  # %s%s%s\n", before[w->kind] ? before[w->kind] : "", w->name,
		w->args && *w->args ? " " : "", w->args ? w->args : "",
		w->sections ? config_sections_text(w->sections, sections, sizeof sections) : "",
		w->sections ? ": " : "", w->help);
}

static void print_config(FILE *to)
{
	config_words(print_word, to);
}

static void print_fetches(FILE *to)
{
	const struct fetch_row *f;

	for (unsigned i = 0; (f = sample_fetch_at(i)); i++)
		fprintf(to, "%c%c%c%c%c %s(%s) -> %s  # %s\n", f->phases & PHASE_CONNECTION ? 'c' : '.',
			f->phases & PHASE_REQUEST ? 'q' : '.', f->phases & PHASE_RESPONSE ? 's' : '.',
			f->phases & PHASE_LOG ? 'l' : '.', f->phases & PHASE_CHECK ? 'k' : '.', f->name,
			f->args.text ? f->args.text : "", sample_type_name(f->type), f->help);
}

static void print_converters(FILE *to)
{
	const struct converter_row *c;

	for (unsigned i = 0; (c = sample_converter_at(i)); i++)
		fprintf(to, "%s(%s): %s -> %s  # %s\n", c->name, c->args.text ? c->args.text : "",
			sample_type_name(c->in), c->out == SAMPLE_SAME ? "same" : sample_type_name(c->out), c->help);
}

static void print_algorithms(FILE *to)
{
	const struct pick_algorithm *a;

	for (size_t i = 0; (a = pick_algorithm_at(i)); i++)
		fprintf(to, "%s  # %s\n", a->name, a->help);
}

static void print_commands(FILE *to)
{
	const struct command_row *c;
	struct strbuf text;

	for (size_t i = 0; (c = command_at(i)); i++) {
		if (!c->help)
			continue;
		strbuf_init(&text);
		command_usage(c, &text);
		fprintf(to, "%s  # %s\n", text.ptr, c->help);
		strbuf_free(&text);
	}
}

static const struct class
{
	const char *name, *help;
	void (*print)(FILE *to);
} classes[] = {
	{ "cfg", "words of the configuration and the sections that they stand in", print_config },
	{ "smp", "sample fetches; where: c connection, q request, s response, l log, k health check", print_fetches },
	{ "cnv", "converters of samples", print_converters },
	{ "alg", "balancing algorithms", print_algorithms },
	{ "cli", "commands of the stats socket", print_commands },
};
enum { CLASSES = sizeof classes / sizeof classes[0] };

static int print_help(FILE *to)
{
	for (unsigned i = 0; i < CLASSES; i++)
		fprintf(to, "  %-4s %s\n", classes[i].name, classes[i].help);
	fputs("  all  all of these\n", to);
	return 0;
}

static int print_class(struct slice name, FILE *to)
{
	bool all = slice_eq(name, SLICE("all")), found = all;

	for (unsigned i = 0; i < CLASSES; i++) {
		if (!all && !slice_eq(name, slice_from_str(classes[i].name)))
			continue;
		fprintf(to, "# %s: %s\n", classes[i].name, classes[i].help);
		classes[i].print(to);
		found = true;
	}
	if (found)
		return 0;
	say(SAY_ALERT, "-dK: there is no class '%.*s'; -dKhelp lists them.", (int)name.len, name.ptr);
	return -EINVAL;
}

int keywords_print(const char *names, FILE *to)
{
	struct slice rest = slice_from_str(names), member;
	int err = table_register();

	if (!err)
		err = proxy_register();
	if (!*names || strcmp(names, "help") == 0)
		return print_help(to);
	while (!err && slice_next_member(&rest, &member))
		err = print_class(member, to);
	return err;
}
