/* `reload`, `show reload`: the process does it, the answer comes when it is done. */
#include "internal.h"

static void say_lines(struct admin_session *s, const char *text)
{
	if (*text)
		strbuf_str(command_out(s), text);
}

static void ended(void *session, bool good, const char *text)
{
	struct admin_session *s = session;

	command_say(s, "Success=%d", good);
	command_say(s, "--");
	say_lines(s, text);
	command_release(s);
}

static void run_reload(struct admin_session *s, char **args, int count)
{
	const struct admin_reload *r = &s->admin->reload;

	(void)args;
	(void)count;
	if (!r->ask) {
		command_say(s, "This process cannot reload.");
		return;
	}
	command_hold(s);
	if (r->ask(r->arg, ended, s))
		return;
	command_say(s, "Too many wait for a reload already.");
	command_release(s);
}

static void run_show(struct admin_session *s, char **args, int count)
{
	const struct admin_reload *r = &s->admin->reload;

	(void)args;
	(void)count;
	if (r->show)
		r->show(r->arg, command_out(s));
	else
		command_say(s, "This process cannot reload.");
}

static const struct command_row rows[] = {
	{ { "reload" }, NULL, "read the configuration anew and serve it, or say why not", LEVEL_ADMIN, run_reload },
	{ { "show", "reload" }, NULL, "generations of the configuration that live, and the last reload", LEVEL_OPERATOR,
		run_show },
};

const struct command_table reload_commands = { rows, sizeof rows / sizeof *rows };
