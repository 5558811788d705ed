/* lexer: cuts one line of a configuration into words, by HAProxy's rules (manual, sections 2.2 and 2.3).
 *
 * Words end at unquoted space, a comment begins at an unquoted '#'.  '...' is taken as it stands; in "..." and
 * outside of quotes a backslash escapes; "$NAME", "${NAME}", "${NAME-default}" and "${NAME[*]}" are expanded in
 * double quotes only.  There is no continuation of lines.  What a line is called in messages (file, number, text)
 * is kept by each word, to the byte.
 */
#ifndef BALLAST_CONFIG_LEXER_H
#define BALLAST_CONFIG_LEXER_H

#include "ballast/base/arena.h"
#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/config/env.h"

#define LEXER_WORDS_MAX 64u       /* words of a line, as HAProxy */
#define LEXER_LINE_MAX (1u << 20) /* bytes of a line, and of all its words once expanded */

/* Filled by the caller, who may change `line`, `section` and `quiet` between two lines. */
struct lexer {
	struct arena *arena; /* owns the words */
	struct diag *diag;
	const struct config_env *env; /* NULL: no variable exists */
	const char *file;             /* for places and "${.FILE}"; NULL: not from a file */
	const char *section;          /* for "${.SECTION}"; NULL: before the first one */
	unsigned line;                /* for places and "${.LINE}", from 1 */
	bool quiet;                   /* no warnings: the line is in a block whose condition is false */
	bool no_comments;             /* '#' is a character like any other (a condition given with -cc) */
};

/* Cuts `text`, which is one line without its end, `len` bytes and a NUL behind them; it must live as long as the
 * arena's users and the diag, for the places point to it.
 * 1: *out has words; 0: it has none (an empty line, a comment, or only words that expand to nothing).
 * -EINVAL: an error was added, and *out has the words as well as they could be read (perhaps none);
 * -EILSEQ: the same for a line with a NUL byte, which no text file has;
 * -ENOMEM: an error was added, *out is empty. */
int lexer_line(struct lexer *lx, const char *text, size_t len, struct line *out);

#endif
