/* lexer: one pass over the bytes of a line; the word that is being built grows in one buffer.
 *
 * Where HAProxy's program and its manual differ we read what the program reads, since the configurations that
 * people bring were written against it: an unquoted "\$" keeps its backslash (a regex's literal dollar).  Only a
 * line's first fault is reported; the rest of the line is still read as well as it can be, so that whoever opens
 * a section with it is not followed by errors about everything in that section.
 */
#include "ballast/config/lexer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct cut {
	struct lexer *lx;
	const char *text;
	size_t len, at; /* the line, and where reading is */
	char quote;     /* '"', '\'' or 0 */
	size_t quote_at;

	char *word; /* being built */
	size_t used, room;
	size_t begin, end; /* its bytes in the line */
	bool open;         /* it has begun, even if it is empty */
	bool may_vanish;   /* "${NAME[*]}" is in it: empty means no word at all */
	size_t expanded;   /* bytes in all words of the line */
	int err;

	struct token words[LEXER_WORDS_MAX + 1];
	size_t count;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_name_start(char c)
{
	return (unsigned char)(ascii_lower((unsigned char)c) - 'a') < 26 || c == '_';
}

static bool is_name(char c)
{
	return is_name_start(c) || (c >= '0' && c <= '9');
}

/* The byte `ahead` of the current one; NUL at the line's end. */
static char peek(const struct cut *c, size_t ahead)
{
	return ahead < c->len - c->at ? c->text[c->at + ahead] : '\0';
}

static struct place place_at(const struct cut *c, size_t from, size_t to)
{
	return (struct place){
		.file = c->lx->file,
		.line_text = c->text,
		.line = c->lx->line,
		.column = (unsigned)from + 1,
		.width = to > from ? (unsigned)(to - from) : 1,
	};
}

/* The first fault of a line is told. */
__attribute__((format(printf, 5, 6))) static void fault(struct cut *c, size_t from, size_t to, const char *hint,
	const char *fmt, ...)
{
	struct place at = place_at(c, from, to);
	va_list ap;

	if (c->err)
		return;
	c->err = -EINVAL;
	va_start(ap, fmt);
	diag_vadd(c->lx->diag, DIAG_ALERT, &at, hint, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 5, 6))) static void warn(struct cut *c, size_t from, size_t to, const char *hint,
	const char *fmt, ...)
{
	struct place at = place_at(c, from, to);
	va_list ap;

	if (c->lx->quiet)
		return;
	va_start(ap, fmt);
	diag_vadd(c->lx->diag, DIAG_WARNING, &at, hint, fmt, ap);
	va_end(ap);
}

static void out_of_memory(struct cut *c)
{
	struct place at = place_at(c, 0, c->len);

	if (c->err != -ENOMEM)
		diag_error(c->lx->diag, &at, NULL, "out of memory");
	c->err = -ENOMEM;
	c->at = c->len;
}

/* Bytes [from, to) of the line belong to the word that is being built. */
static void touch(struct cut *c, size_t from, size_t to)
{
	if (!c->open) {
		c->open = true;
		c->may_vanish = false;
		c->begin = from;
		c->used = 0;
	}
	c->end = to;
}

static void put(struct cut *c, const char *bytes, size_t len)
{
	c->expanded += len;
	if (c->expanded > LEXER_LINE_MAX) {
		fault(c, c->begin, c->len, NULL, "the line is longer than %u bytes once its variables are expanded",
			LEXER_LINE_MAX);
		c->at = c->len;
		return;
	}
	if (len > c->room - c->used) {
		size_t room = 2 * (c->used + len) + 64;
		char *word = realloc(c->word, room);
		if (!word) {
			out_of_memory(c);
			return;
		}
		c->word = word;
		c->room = room;
	}
	if (len)
		memcpy(c->word + c->used, bytes, len);
	c->used += len;
}

static void close_word(struct cut *c)
{
	if (!c->open || c->err == -ENOMEM)
		return;
	c->open = false;
	if (c->used == 0 && c->may_vanish)
		return;
	if (c->count == LEXER_WORDS_MAX) {
		fault(c, c->begin, c->end, NULL, "more than %u words in a line", LEXER_WORDS_MAX);
		c->at = c->len;
		return;
	}
	struct slice copy = c->used ? arena_copy(c->lx->arena, slice_of(c->word, c->used)) : SLICE("");
	if (!copy.ptr) {
		out_of_memory(c);
		return;
	}
	c->words[c->count++] = (struct token){ copy.ptr, copy.len, place_at(c, c->begin, c->end) };
}

/* `taken` bytes of the line give the one byte `value`. */
static void take(struct cut *c, size_t taken, char value)
{
	touch(c, c->at, c->at + taken);
	c->at += taken;
	put(c, &value, 1);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)ascii_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void take_hex(struct cut *c)
{
	int high = hex_digit(peek(c, 2)), low = high < 0 ? -1 : hex_digit(peek(c, 3));

	if (low < 0) {
		fault(c, c->at, c->at + 2, "write \\x41 for 'A', \\\\ for a backslash",
			"\\x needs two hexadecimal digits behind it");
		take(c, 1, '\\');
		return;
	}
	if (high == 0 && low == 0) {
		fault(c, c->at, c->at + 4, NULL, "a word cannot have a NUL byte");
		c->at += 4;
		return;
	}
	take(c, 4, (char)(high * 16 + low));
}

static void take_escape(struct cut *c)
{
	char next = peek(c, 1);

	switch (next) {
	case 'n': take(c, 2, '\n'); return;
	case 'r': take(c, 2, '\r'); return;
	case 't': take(c, 2, '\t'); return;
	case 'x': take_hex(c); return;
	case ' ':
	case '\t':
	case '#':
	case '\\':
	case '\'':
	case '"': take(c, 2, next); return;
	case '$':
		if (c->quote)
			take(c, 2, next);
		else
			take(c, 1, '\\');
		return;
	default: break;
	}
	if (!c->quote && c->at + 1 == c->len)
		warn(c, c->at, c->len, "write it all in one line; \\\\ is a backslash that is meant",
			"a backslash does not continue a line");
	take(c, 1, '\\');
}

/* A reference as it is read: bytes [c->at, end) of the line. */
struct reference {
	struct slice name;
	struct slice fallback; /* ptr NULL: none */
	bool split;            /* [*] */
	size_t end;
};

/* What stands between the name and the closing brace.  False after a fault. */
static bool read_brace(struct cut *c, struct reference *r)
{
	size_t at = r->end;
	struct slice rest = slice_of(c->text + at, c->len - at);

	if (slice_starts_with(rest, SLICE("["))) {
		if (!slice_starts_with(rest, SLICE("[*]"))) {
			fault(c, at, at + 1, "\"${NAME[*]}\" gives each word of the variable",
				"only [*] may follow here");
			return false;
		}
		r->split = true;
		at += 3;
		rest = slice_skip(rest, 3);
	}
	if (slice_starts_with(rest, SLICE("-"))) {
		ptrdiff_t len = slice_find_byte(rest, '}');
		r->fallback = slice_of(rest.ptr + 1, len < 0 ? 0 : (size_t)len - 1);
		at = len < 0 ? c->len : at + (size_t)len;
	}
	if (at >= c->len || c->text[at] != '}') {
		const char *hint =
			at < c->len && c->text[at] == ':' ? "a default is written \"${NAME-default}\"" : NULL;
		fault(c, c->at, at, hint, "the variable's brace is not closed");
		return false;
	}
	r->end = at + 1;
	return true;
}

static bool read_reference(struct cut *c, struct reference *r)
{
	bool brace = peek(c, 1) == '{';
	size_t at = c->at + (brace ? 2 : 1), from = at;
	bool pseudo = at < c->len && c->text[at] == '.';

	at += pseudo;
	if (at >= c->len || !is_name_start(c->text[at])) {
		fault(c, c->at, at, "write \\$ for a dollar sign, or put the word in single quotes",
			"a variable's name must begin with a letter or '_'");
		return false;
	}
	while (at < c->len && is_name(c->text[at]))
		at++;
	*r = (struct reference){ .name = slice_of(c->text + from, at - from), .end = at };
	return !brace || read_brace(c, r);
}

static const char *const pseudo_names[] = { ".FILE", ".LINE", ".SECTION" };

/* The value; ptr NULL after a fault. */
static struct slice pseudo_value(struct cut *c, const struct reference *r, char number[16])
{
	static const struct slice none;
	const char *values[] = { c->lx->file, number, c->lx->section };
	const size_t count = sizeof(pseudo_names) / sizeof(*pseudo_names);
	char hint[64];

	snprintf(number, 16, "%u", c->lx->line);
	for (size_t i = 0; i < count; i++)
		if (slice_eq(r->name, slice_from_str(pseudo_names[i])))
			return slice_from_str(values[i] ? values[i] : "");
	const char *nearest = diag_nearest(r->name, pseudo_names, count);
	snprintf(hint, sizeof(hint), nearest ? "did you mean '%s'?" : "there are .FILE, .LINE and .SECTION", nearest);
	fault(c, c->at, r->end, hint, "unknown pseudo-variable '%.*s'", (int)r->name.len, r->name.ptr);
	return none;
}

static struct slice variable_value(const struct cut *c, const struct reference *r)
{
	const char *value = c->lx->env ? config_env_get(c->lx->env, r->name) : NULL;

	if (value)
		return slice_from_str(value);
	return r->fallback.ptr ? r->fallback : SLICE("");
}

/* Each word of the value is a word of the line; what stands against it on either side joins the outer ones. */
static void put_split(struct cut *c, struct slice value, size_t from, size_t to)
{
	for (size_t i = 0; i < value.len && c->at < c->len; i++) {
		if (!is_space(value.ptr[i])) {
			touch(c, from, to);
			put(c, &value.ptr[i], 1);
		} else if (c->open && c->used) {
			touch(c, from, to);
			close_word(c);
		}
	}
}

static void take_variable(struct cut *c)
{
	struct reference r;
	char number[16];
	size_t from = c->at;

	if (!read_reference(c, &r)) {
		take(c, 1, '$');
		return;
	}
	struct slice value = r.name.ptr[0] == '.' ? pseudo_value(c, &r, number) : variable_value(c, &r);
	if (r.split) {
		put_split(c, value, from, r.end);
		if (c->open) {
			touch(c, from, r.end);
			c->may_vanish = true;
		}
	} else {
		touch(c, from, r.end);
		put(c, value.ptr, value.len);
	}
	if (c->at == from)
		c->at = r.end;
}

/* Outside of quotes a dollar is a dollar; "${NAME}" there is nearly always meant as a variable. */
static void take_bare_dollar(struct cut *c)
{
	size_t end = c->at + 2;

	if (peek(c, 1) == '{' && is_name_start(peek(c, 2))) {
		while (end < c->len && is_name(c->text[end]))
			end++;
		if (end < c->len && c->text[end] == '}')
			warn(c, c->at, end + 1, "put the word in double quotes, or in single quotes if it is meant so",
				"a variable is expanded only in double quotes");
	}
	take(c, 1, '$');
}

static void take_quote(struct cut *c)
{
	if (!c->quote) {
		touch(c, c->at, c->at + 1);
		c->quote = c->text[c->at];
		c->quote_at = c->at;
	} else {
		/* The last word of a "${NAME[*]}" may have ended before its quote does. */
		if (c->open)
			touch(c, c->at, c->at + 1);
		c->quote = 0;
	}
	c->at++;
}

static void take_byte(struct cut *c)
{
	char byte = c->text[c->at];

	if (byte == '\r') {
		fault(c, c->at, c->at + 1, "lines end with LF or CR LF; \\r stands for a carriage return in a word",
			"a carriage return in the middle of a line");
		c->at++;
	} else if (c->quote == '\'') {
		if (byte == '\'')
			take_quote(c);
		else
			take(c, 1, byte);
	} else if (byte == '\\') {
		take_escape(c);
	} else if (byte == '"' || (byte == '\'' && !c->quote)) {
		take_quote(c);
	} else if (byte == '$') {
		if (c->quote)
			take_variable(c);
		else
			take_bare_dollar(c);
	} else {
		take(c, 1, byte);
	}
}

static void cut_words(struct cut *c)
{
	while (c->at < c->len) {
		char byte = c->text[c->at];
		if (!c->quote && is_space(byte) && byte != '\r') {
			close_word(c);
			c->at++;
		} else if (!c->quote && byte == '#' && !c->lx->no_comments) {
			break;
		} else {
			take_byte(c);
		}
	}
	if (c->quote)
		fault(c, c->quote_at, c->quote_at + 1,
			c->text[c->len - 1] == '\\' ? "a backslash does not continue a line: write it all in one"
						    : NULL,
			"the quote (%c) is not closed", c->quote);
	close_word(c);
}

/* In HAProxy an empty word ends the line.  So one at the end is as good as absent, which is what an optional
 * "$VARIABLE" wants; behind one in the middle something would be lost, and the directive must judge. */
static void drop_empty_words(struct cut *c)
{
	size_t kept = c->count;

	while (kept && c->words[kept - 1].len == 0)
		kept--;
	for (size_t i = 0; i < c->count; i++) {
		const struct place *at = &c->words[i].at;
		if (c->words[i].len || c->lx->quiet || c->err)
			continue;
		if (i >= kept)
			diag_warn(c->lx->diag, at, "\"${NAME[*]}\" leaves no word where the variable is empty",
				"word %zu is empty and is left out", i + 1);
		else
			diag_warn(c->lx->diag, at, "HAProxy ignores the rest of the line behind an empty word",
				"word %zu is empty", i + 1);
	}
	c->count = kept;
}

static int finish(struct cut *c, struct line *out)
{
	*out = (struct line){ 0 };
	if (c->err == -ENOMEM)
		return c->err;
	size_t end = c->count ? c->words[c->count - 1].at.column - 1 + c->words[c->count - 1].at.width : c->len;
	c->words[c->count] = (struct token){ "", 0, place_at(c, end, end + 1) };
	out->words = arena_alloc(c->lx->arena, (c->count + 1) * sizeof(*out->words));
	if (!out->words) {
		out_of_memory(c);
		return c->err;
	}
	memcpy(out->words, c->words, (c->count + 1) * sizeof(*out->words));
	out->count = c->count;
	return c->err ? c->err : c->count > 0;
}

int lexer_line(struct lexer *lx, const char *text, size_t len, struct line *out)
{
	struct cut c;
	const char *nul = memchr(text, '\0', len);

	/* Not an initialiser: the words are 4 KiB that need not be cleared for each line. */
	memset(&c, 0, offsetof(struct cut, words));
	c.count = 0;
	c.lx = lx;
	c.text = text;
	c.len = len;
	if (nul) {
		fault(&c, (size_t)(nul - text), (size_t)(nul - text) + 1, "is it a text file?", "a NUL byte");
		c.err = -EILSEQ;
	} else if (len > LEXER_LINE_MAX) {
		fault(&c, 0, 1, NULL, "the line is longer than %u bytes", LEXER_LINE_MAX);
	} else {
		cut_words(&c);
		drop_empty_words(&c);
	}
	int result = finish(&c, out);
	free(c.word);
	return result;
}
