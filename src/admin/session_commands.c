/* Commands about the session itself: help, prompt, quit, levels, time-outs. */
#include <string.h>

#include "internal.h"

static void run_help(struct admin_session *s, char **args, int count)
{
	command_list(s, args, count);
}

static void prompt_help(struct admin_session *s)
{
	command_say(s, "Usage: prompt [help | n | i | p | timed]*");
	command_say(s, "Chooses how lines are taken and whether a prompt is shown:");
	command_say(s, "  help    displays this");
	command_say(s, "  n       one line, then the connection ends (no prompt)");
	command_say(s, "  i       further lines are taken, without a prompt");
	command_say(s, "  p       further lines are taken, with a prompt");
	command_say(s, "  timed   with a prompt, which shows the uptime or no longer does");
	command_say(s, "Without an argument: p from n or i, and n from p.");
}

static bool prompt_word(struct admin_session *s, const char *word)
{
	if (!strcmp(word, "n")) {
		s->mode = MODE_SINGLE;
	} else if (!strcmp(word, "i")) {
		s->mode = MODE_INTERACTIVE;
	} else if (!strcmp(word, "p")) {
		s->mode = MODE_PROMPT;
	} else if (!strcmp(word, "timed")) {
		s->mode = MODE_PROMPT;
		s->timed = !s->timed;
	} else {
		prompt_help(s);
		return false;
	}
	return true;
}

static void run_prompt(struct admin_session *s, char **args, int count)
{
	if (!count)
		s->mode = s->mode == MODE_PROMPT ? MODE_SINGLE : MODE_PROMPT;
	for (int i = 0; i < count; i++)
		if (!prompt_word(s, args[i]))
			return;
}

static void run_quit(struct admin_session *s, char **args, int count)
{
	(void)args, (void)count;
	s->ending = true;
}

static void run_echo(struct admin_session *s, char **args, int count)
{
	for (int i = 0; i < count; i++)
		strbuf_printf(command_out(s), "%s%s", i ? " " : "", args[i]);
	if (count)
		strbuf_byte(command_out(s), '\n');
}

static void run_operator(struct admin_session *s, char **args, int count)
{
	(void)args, (void)count;
	s->level = LEVEL_OPERATOR;
}

static void run_user(struct admin_session *s, char **args, int count)
{
	(void)args, (void)count;
	s->level = LEVEL_USER;
}

static const char *level_name(enum admin_level level)
{
	return level == LEVEL_ADMIN ? "admin" : level == LEVEL_OPERATOR ? "operator" : "user";
}

static void run_show_cli_level(struct admin_session *s, char **args, int count)
{
	(void)args, (void)count;
	command_say(s, "%s", level_name(s->level));
}

static void run_show_cli_sockets(struct admin_session *s, char **args, int count)
{
	char text[ADDR_TEXT_MAX];

	(void)args, (void)count;
	command_say(s, "# socket lvl processes");
	for (uint32_t i = 0; i < s->admin->listener_count; i++) {
		const struct stats_socket *k = &s->admin->sockets[i];
		command_say(s, "%s %s all", endpoint_text(&k->at, text).ptr, level_name(k->level));
	}
}

static void run_set_timeout(struct admin_session *s, char **args, int count)
{
	struct token word = { args[1], strlen(args[1]), { 0 } };
	struct diag d;
	uint32_t ms;

	(void)count;
	if (strcmp(args[0], "cli") != 0) {
		command_say(s, "'set timeout' only supports 'cli'.");
		return;
	}
	if (!word.len) {
		command_say(s, "Expects an integer value.");
		return;
	}
	diag_init(&d);
	if (token_time_ms(&word, "timeout", "s", &ms, &d) || !ms)
		command_say(s, "Invalid timeout value.");
	else
		session_set_timeout(s, ms);
	diag_free(&d);
}

static const struct command_row rows[] = {
	{ { "echo" }, "<text>", "print text to the output", LEVEL_USER, run_echo },
	{ { "set", "timeout" }, "cli <delay>", "change a timeout setting", LEVEL_USER, run_set_timeout },
	{ { "show", "cli", "level" }, NULL, "display the level of this session", LEVEL_USER, run_show_cli_level },
	{ { "show", "cli", "sockets" }, NULL, "list the stats sockets", LEVEL_USER, run_show_cli_sockets },
	{ { "operator" }, NULL, "lower the level of this session to operator", LEVEL_OPERATOR, run_operator },
	{ { "user" }, NULL, "lower the level of this session to user", LEVEL_USER, run_user },
	{ { "help" }, "[<command>]", "list matching or all commands", LEVEL_USER, run_help },
	{ { "prompt" }, "[help | n | i | p | timed ]*", "toggle interactive mode with prompt", LEVEL_USER, run_prompt },
	{ { "quit" }, NULL, "disconnect", LEVEL_USER, run_quit },
};
const struct command_table session_commands = { rows, sizeof rows / sizeof *rows };
