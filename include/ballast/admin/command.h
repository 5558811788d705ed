/* command: one command of the runtime API is one row: its words, who may use it, one line of help, its function.
 *
 * Each file of commands has one table; src/admin/command.c lists the tables.  Who looks a command up, completes it or
 * writes the manual's reference reads these rows.
 */
#ifndef BALLAST_ADMIN_COMMAND_H
#define BALLAST_ADMIN_COMMAND_H

#include "ballast/base/strbuf.h"
#include "ballast/config/graph.h"

struct admin_session;

enum { COMMAND_WORDS = 4, COMMAND_ARGS_MAX = 64 };

struct command_row {
	const char *words[COMMAND_WORDS]; /* { "show", "servers", "state" }, NULL-ended */
	const char *args;                 /* for help: "[<backend>]"; may be NULL */
	const char *help;                 /* one line; NULL: not listed */
	enum admin_level level;           /* at least this one */
	/* Adds the answer to command_out().  args[0..count) are the words behind the command's own; all further ones up to
	 * COMMAND_ARGS_MAX are "".  Runs on thread 0; may go on after it returned (command_hold). */
	void (*run)(struct admin_session *s, char **args, int count);
};

struct command_table {
	const struct command_row *rows;
	size_t count;
};

/* --- for the functions of commands --- */

/* The answer so far.  Empty lines are the end of an answer to the reader: never add one. */
struct strbuf *command_out(struct admin_session *s);
/* Adds one line; the end of line is added. */
void command_say(struct admin_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const struct graph *command_graph(struct admin_session *s);
enum admin_level command_level(const struct admin_session *s);
/* The command goes on behind its return, until command_release(), on thread 0: the session takes no other meanwhile.  A
 * session whose client left stays until then. */
void command_hold(struct admin_session *s);
void command_release(struct admin_session *s);

/* --- for who lists them --- */

/* Row by index over all tables; NULL behind the last. */
const struct command_row *command_at(size_t index);
/* The row whose words are the first of words[0..count); *used gets their number.  NULL: unknown. */
const struct command_row *command_find(char *const *words, int count, int *used);
/* "show stat [...]" into text. */
void command_usage(const struct command_row *r, struct strbuf *text);

#endif
