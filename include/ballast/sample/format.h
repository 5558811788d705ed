/* format: log-format strings, `text %var %{+Q}var %[expr] %%` (HAProxy's manual, section 8.2.6).
 *
 * One language for log lines and for values of header fields, paths and bodies; they differ in what happens to bytes
 * which must not appear raw (section 8.6).  Compiled at load, immutable after, rendered by any thread.
 * What a client sent can neither end a line nor forge a field of it.
 * The variables are rows that the room which knows their values registers.
 */
#ifndef BALLAST_SAMPLE_FORMAT_H
#define BALLAST_SAMPLE_FORMAT_H

#include <stdatomic.h>

#include "ballast/base/diag.h"
#include "ballast/base/strbuf.h"
#include "ballast/sample/sample.h"

enum format_kind {
	FORMAT_LOG, /* a log line: others than 0x20-0x7e, '"' and '#' become "#XX"; spaces merge; empty values are "-" */
	FORMAT_VALUE, /* header field, path, body: what a field must not hold becomes "%XX", in values only: literal text,
		       * which the administrator wrote, goes out as it is */
};

enum format_flags {
	FORMAT_QUOTE = 1,  /* +Q: strings between '"' */
	FORMAT_HEX = 2,    /* +X: addresses, ports, counters in hexadecimal */
	FORMAT_ESCAPE = 4, /* +E: '"', '\' and ']' get a '\' before them */
};

/* What a variable's text is. */
enum log_var_kind {
	LOG_VAR_TEXT,           /* string or address: escaped, quoted with +Q */
	LOG_VAR_PLAIN,          /* number, date, state: goes out as it is */
	LOG_VAR_LIST,           /* text that a log leaves out where there is none, with the space behind it: captures */
	LOG_VAR_WORDS,          /* the same, which quotes and escapes its parts by itself */
	LOG_VAR_PASSING = 0x80, /* a bit: of something that ends before the log line is written */
};

struct log_var_row {
	const char *name;
	uint8_t kind;   /* enum log_var_kind */
	uint8_t phases; /* PHASE_* in which it is there; PHASE_LOG at least for those of logs */
	bool http_only; /* mode http only */
	/* Appends the raw value, nothing else; nothing for none ("-" in a log, '""' with +Q).  `flags` are enum
	 * format_flags (of interest: FORMAT_HEX). */
	void (*run)(struct sample_ctx *ctx, unsigned flags, struct strbuf *out);
	const char *help;
};

/* Whether a format that was read so far has a variable of kind LOG_VAR_PASSING: whoever ends what it tells of must keep
 * its value before. */
extern atomic_bool format_has_passing;

/* Adds rows; before any thread. 0 or -ENOMEM. */
int log_register_vars(const struct log_var_row *rows, unsigned count);
const struct log_var_row *log_var_at(unsigned i); /* NULL behind the last */

struct format;

/* `text` is the whole word at `at` (NULL: none, a built-in format). `phases`: where it will be rendered, as in
 * expr_parse.  NULL after a diagnosis. Memory from `a`. */
struct format *format_parse(const char *text, const struct place *at, enum format_kind kind, unsigned phases,
	struct arena *a, struct diag *d);
/* Appends. Where memory runs out the text is cut (see strbuf.h). */
void format_render(const struct format *f, struct sample_ctx *ctx, struct strbuf *out);
/* True where it has no variable part; then *text, if not NULL, is all of it. */
bool format_is_literal(const struct format *f, struct slice *text);
/* Whether a variable for `mode http` only is in it (a tcp proxy refuses or warns). */
bool format_needs_http(const struct format *f);

#endif
