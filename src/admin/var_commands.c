/* `get var`, `set var`: variables of the whole process. */
#include "ballast/sample/var.h"

#include <string.h>

#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"
#include "internal.h"

static const struct var_name *find_var(struct admin_session *s, const char *word)
{
	const struct var_name *name = var_find(slice_from_str(word));

	if (!*word)
		command_say(s, "Missing variable name.");
	else if (strncmp(word, "proc.", 5) != 0)
		command_say(s, "Only variables of scope 'proc' can be named here.");
	else if (name)
		return name;
	else
		command_say(s, "Variable not found.");
	return NULL;
}

/* It may come from a client: where a control byte stood, there is a dot, as HAProxy has it. */
static void add_text(struct strbuf *to, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		strbuf_byte(to, c < ' ' || c == 127 ? '.' : (char)c);
	}
}

/* `proc.x: type=int value=<7>` */
static void run_get(struct admin_session *s, char **args, int count)
{
	const struct var_name *name = find_var(s, args[0]);
	struct sample_ctx ctx = { .phase = PHASE_CONNECTION };
	struct arena a;
	struct sample v;

	(void)count;
	if (!name)
		return;
	if (!var_get(&ctx, name, &v)) {
		command_say(s, "%s: undefined", args[0]);
		return;
	}
	arena_init_heap(&a);
	const char *type = sample_type_name(v.type);
	if (sample_cast(&v, SAMPLE_STR, &a) == 0) {
		strbuf_printf(command_out(s), "%s: type=%s value=<", args[0], type);
		add_text(command_out(s), v.str);
		strbuf_str(command_out(s), ">\n");
	}
	arena_reset(&a);
}

/* Words cut at spaces are one expression again. */
static struct slice join_words(struct arena *a, char **args, int count)
{
	struct slice text = SLICE("");

	for (int i = 0; i < count && text.ptr; i++)
		text = arena_printf(a, "%.*s%s%s", (int)text.len, text.ptr, i ? " " : "", args[i]);
	return text;
}

static void set_var(struct admin_session *s, const struct var_name *name, bool format, struct slice text)
{
	struct place place = { .file = "command", .line_text = text.ptr, .line = 1, .column = 1 };
	struct token t = { .text = text.ptr, .len = text.len, .at = place };
	struct arena a;
	struct diag d;

	arena_init_heap(&a);
	diag_init(&d);
	struct sample_ctx ctx = { .arena = &a, .wall_us = loop_self->wall_us, .phase = PHASE_CONNECTION };
	struct sample v = { .type = SAMPLE_STR };
	unsigned phases = PHASE_CONNECTION | PHASE_CHECK;
	struct expr *e = format ? NULL : expr_parse_token(&t, phases, &a, &d);
	struct format *f = format ? format_parse(t.text, &t.at, FORMAT_VALUE, phases, &a, &d) : NULL;
	struct strbuf out;
	strbuf_init(&out);
	if (f) {
		format_render(f, &ctx, &out);
		v.str = strbuf_slice(&out);
	}
	if (!e && !f)
		command_say(s, "Could not parse: %s.", d.first ? d.first->text : "out of memory");
	else if (e && !expr_eval(e, &ctx, SAMPLE_ANY, &v))
		command_say(s, "The expression has no value.");
	else if (out.incomplete || var_set(&ctx, name, 0, &v))
		command_say(s, "Out of memory.");
	strbuf_free(&out);
	diag_free(&d);
	arena_reset(&a);
}

static void run_set(struct admin_session *s, char **args, int count)
{
	const struct var_name *name = find_var(s, args[0]);
	bool format = count > 1 && strcmp(args[1], "fmt") == 0;
	bool expr = count > 1 && strcmp(args[1], "expr") == 0;
	struct arena a;

	if (!name)
		return;
	int from = format || expr ? 2 : 1;
	if (count <= from) {
		command_say(s, "Expects a variable name, then 'expr' and an expression, or 'fmt' and a format.");
		return;
	}
	arena_init_heap(&a);
	struct slice text = join_words(&a, args + from, count - from);
	if (text.ptr)
		set_var(s, name, format, text);
	arena_reset(&a);
}

static const struct command_row rows[] = {
	{ { "get", "var" }, "<name>", "retrieve contents of a process-wide variable", LEVEL_OPERATOR, run_get },
	{ { "set", "var" }, "<name> [fmt|expr] {<fmt>|<expr>}", "set variable from an expression/format", LEVEL_ADMIN,
		run_set },
};
const struct command_table var_commands = { rows, sizeof rows / sizeof *rows };
