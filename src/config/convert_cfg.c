/* convert_cfg: the dialect's lines as YAML.
 *
 * Words are not looked into: the first one of a line is the key, all behind it the value, as written, since YAML's values
 * are cut by the same rules.  A section in which a directive comes again behind another one is a list, so that order is
 * kept; sections are grouped by kind where that keeps their order, too.
 */
#include <errno.h>
#include <string.h>

#include "ballast/config/lexer.h"
#include "convert.h"

enum row_kind { ROW_BLANK, ROW_COMMENT, ROW_LINE };

struct row {
	enum row_kind kind;
	bool section;                     /* it begins one */
	bool odd;                         /* its first word is not written as it reads */
	struct slice word, args, comment; /* the comment with its '#' */
	struct place at;
};

struct cfg {
	const struct convert *c;
	struct row *rows;
	size_t count;
	bool tops_are_list;
	int err;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of the word at s[at], and of its quotes. */
static size_t skip_word(struct slice s, size_t at)
{
	char quote = 0;

	for (; at < s.len; at++) {
		char c = s.ptr[at];
		if (c == '\\' && quote != '\'')
			at++;
		else if (quote == '"' && c == '$' && at + 1 < s.len && s.ptr[at + 1] == '{')
			while (at + 1 < s.len && s.ptr[at] != '}')
				at++;
		else if (quote && c == quote)
			quote = 0;
		else if (!quote && (c == '"' || c == '\''))
			quote = c;
		else if (!quote && (is_space(c) || c == '#'))
			break;
	}
	return at < s.len ? at : s.len;
}

static size_t skip_space(struct slice s, size_t at)
{
	while (at < s.len && is_space(s.ptr[at]))
		at++;
	return at;
}

/* Cuts a line that has words. */
static void cut(struct row *r, struct slice s)
{
	size_t at = skip_word(s, 0), end = at;

	r->word = slice_of(s.ptr, at);
	size_t from = at = skip_space(s, at);
	while (at < s.len && s.ptr[at] != '#') {
		end = skip_word(s, at);
		at = skip_space(s, end);
	}
	if (end > from)
		r->args = slice_of(s.ptr + from, end - from);
	if (at < s.len)
		r->comment = slice_skip(s, at);
}

static int read_row(struct cfg *f, struct lexer *lx, struct row *r, struct slice s)
{
	struct line l;

	while (s.len && s.ptr[s.len - 1] == '\r')
		s.len--;
	const char *text = arena_copy(f->c->arena, s).ptr;
	if (!text)
		return -ENOMEM;
	r->at = (struct place){ f->c->file, text, lx->line, 1, 1 };
	int err = lexer_line(lx, text, s.len, &l);
	if (err < 0)
		return err;
	s = slice_of(text, s.len);
	s = slice_skip(s, skip_space(s, 0));
	r->kind = !s.len ? ROW_BLANK : s.ptr[0] == '#' ? ROW_COMMENT : ROW_LINE;
	if (r->kind == ROW_COMMENT)
		r->comment = s;
	if (r->kind == ROW_LINE)
		cut(r, s);
	r->section = l.count && convert_is_section(l.words[0].text);
	r->odd = l.count && !slice_eq(r->word, token_slice(&l.words[0]));
	return 0;
}

static int read_rows(struct cfg *f)
{
	struct slice rest = f->c->text;
	struct lexer lx = { .arena = f->c->arena, .diag = f->c->diag, .file = f->c->file, .quiet = true };
	size_t lines = 1;

	if (slice_starts_with(rest, SLICE("\xef\xbb\xbf")))
		rest = slice_skip(rest, 3);
	for (size_t i = 0; i < rest.len; i++)
		lines += rest.ptr[i] == '\n';
	f->rows = arena_zalloc(f->c->arena, lines * sizeof(*f->rows));
	if (!f->rows)
		return -ENOMEM;
	while (rest.len) {
		ptrdiff_t lf = slice_find_byte(rest, '\n');
		size_t len = lf < 0 ? rest.len : (size_t)lf;
		lx.line++;
		int err = read_row(f, &lx, &f->rows[f->count++], slice_of(rest.ptr, len));
		if (err == -ENOMEM)
			return err;
		if (err)
			f->err = -EINVAL;
		rest = slice_skip(rest, len + 1);
	}
	return f->err;
}

/* ---- what YAML cannot say ---- */

static void fault(struct cfg *f, const struct row *r, const char *text)
{
	diag_error(f->c->diag, &r->at, NULL, "%s", text);
	f->err = -EINVAL;
}

static bool is_word(const struct row *r, const char *word)
{
	return slice_eq(r->word, slice_from_str(word));
}

/* Keys that YAML takes for something else. */
static void check_key(struct cfg *f, const struct row *r, bool in_defaults)
{
	bool nameless = is_word(r, "global") || is_word(r, "defaults");

	if (r->section && r->odd)
		fault(f, r, "a section's kind in quotes cannot be written in YAML");
	if (r->section && !nameless && !r->args.len)
		fault(f, r, "a section without its name cannot be written in YAML");
	if (!r->section && (is_word(r, "from") || (in_defaults && is_word(r, "name"))))
		fault(f, r, "a directive of this name cannot be written in YAML");
}

static int check_blocks(struct cfg *f)
{
	unsigned depth = 0;
	bool in_section = false, in_defaults = false;

	for (size_t i = 0; i < f->count; i++) {
		const struct row *r = &f->rows[i];
		if (r->kind != ROW_LINE)
			continue;
		in_section |= r->section;
		in_defaults = r->section ? is_word(r, "defaults") : in_defaults;
		check_key(f, r, in_defaults);
		if (!in_section)
			fault(f, r, "a line before any section cannot be written in YAML");
		if (r->section && depth)
			fault(f, r, "a section within .if cannot be written in YAML");
		depth += is_word(r, ".if");
		depth -= depth && is_word(r, ".endif");
	}
	return f->err;
}

/* UTF-8 without what YAML takes for control characters or line ends. */
static bool is_fit(const unsigned char *s, size_t len, size_t *used)
{
	size_t want = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (!want || want > len)
		return false;
	for (size_t i = 1; i < want; i++)
		if ((s[i] & 0xc0) != 0x80)
			return false;
	*used = want;
	if (want == 1)
		return s[0] == '\t' || (s[0] >= 0x20 && s[0] != 0x7f);
	if (want == 2)
		return s[0] != 0xc2 || s[1] >= 0xa0;
	if (want == 3) {
		bool surrogate = s[0] == 0xed && s[1] >= 0xa0,
		     line_end = s[0] == 0xe2 && s[1] == 0x80 && (s[2] | 1) == 0xa9;
		bool none = s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe,
		     mark = s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf;
		return !(s[0] == 0xe0 && s[1] < 0xa0) && !surrogate && !line_end && !none && !mark;
	}
	return !(s[0] == 0xf0 && s[1] < 0x90) && !(s[0] == 0xf4 && s[1] >= 0x90);
}

static int check_text(struct cfg *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const char *text = f->rows[i].at.line_text;
		size_t len = strlen(text), used = 0;
		for (size_t at = 0; at < len; at += used)
			if (!is_fit((const unsigned char *)text + at, len - at, &used)) {
				f->rows[i].at.column = (unsigned)at + 1;
				fault(f, &f->rows[i], "this byte cannot be written in YAML");
				break;
			}
	}
	return f->err;
}

/* ---- writing ---- */

static void indent(struct cfg *f, unsigned by)
{
	fprintf(f->c->to, "%*s", (int)by, "");
}

static void write_scalar(struct cfg *f, struct slice s)
{
	static const char *const others[] = { "true", "false", "null" };
	bool plain = s.len &&
	             strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.$(+^", s.ptr[0]) &&
	             s.ptr[s.len - 1] != ':';

	for (size_t i = 0; i < 3; i++)
		plain &= !slice_eq(s, slice_from_str(others[i]));
	for (size_t i = 0; i + 1 < s.len; i++)
		plain &= s.ptr[i] != '\t' && !(s.ptr[i] == ':' && is_space(s.ptr[i + 1])) &&
		         !(is_space(s.ptr[i]) && s.ptr[i + 1] == '#');
	if (slice_eq(s, SLICE("...")) || slice_starts_with(s, SLICE("... ")))
		plain = false;
	if (plain) {
		fwrite(s.ptr, 1, s.len, f->c->to);
		return;
	}
	fputc('\'', f->c->to);
	for (size_t i = 0; i < s.len; i++)
		fputs(s.ptr[i] == '\'' ? "''" : (char[]){ s.ptr[i], 0 }, f->c->to);
	fputc('\'', f->c->to);
}

static void end_row(struct cfg *f, const struct row *r)
{
	if (r->comment.len)
		fprintf(f->c->to, " %.*s", (int)r->comment.len, r->comment.ptr);
	fputc('\n', f->c->to);
}

/* Comments and empty lines. */
static void write_loose(struct cfg *f, const struct row *r, unsigned by)
{
	if (r->kind == ROW_COMMENT)
		indent(f, by);
	fprintf(f->c->to, "%.*s\n", (int)r->comment.len, r->comment.ptr);
}

static void write_value(struct cfg *f, const struct row *r, struct slice value)
{
	if (value.len)
		write_scalar(f, value);
	else if (r->word.ptr[0] != '.')
		fputs("true", f->c->to);
	end_row(f, r);
}

/* The end of the run of lines with one word that begins at `at`: behind its last line. */
static size_t run_end(const struct cfg *f, size_t at, size_t end, size_t *lines)
{
	size_t last = at;

	*lines = 0;
	for (size_t i = at; i < end; i++) {
		if (f->rows[i].kind != ROW_LINE)
			continue;
		if (!slice_eq(f->rows[i].word, f->rows[at].word))
			break;
		last = i;
		++*lines;
	}
	return last + 1;
}

static struct slice first_arg(const struct row *r)
{
	return slice_of(r->args.ptr, skip_word(r->args, 0));
}

/* timeout: {connect: 5s}: each line has a name of its own and a value. */
static bool is_map(const struct cfg *f, size_t at, size_t end)
{
	if (!is_word(&f->rows[at], "timeout"))
		return false;
	for (size_t i = at; i < end; i++) {
		const struct row *r = &f->rows[i];
		if (r->kind != ROW_LINE)
			continue;
		if (first_arg(r).len == r->args.len)
			return false;
		for (size_t j = at; j < i; j++)
			if (f->rows[j].kind == ROW_LINE && slice_eq(first_arg(&f->rows[j]), first_arg(r)))
				return false;
	}
	return true;
}

static void write_map_row(struct cfg *f, const struct row *r)
{
	struct slice name = first_arg(r);

	write_scalar(f, name);
	fputs(": ", f->c->to);
	write_value(f, r, slice_skip(r->args, skip_space(r->args, name.len)));
}

static void write_run(struct cfg *f, size_t at, size_t end, size_t lines, unsigned by)
{
	bool map = is_map(f, at, end);

	write_scalar(f, f->rows[at].word);
	fputc(':', f->c->to);
	if (lines == 1 && !map) {
		if (f->rows[at].args.len || f->rows[at].word.ptr[0] != '.')
			fputc(' ', f->c->to);
		write_value(f, &f->rows[at], f->rows[at].args);
		return;
	}
	fputc('\n', f->c->to);
	for (; at < end; at++) {
		if (f->rows[at].kind != ROW_LINE) {
			write_loose(f, &f->rows[at], by + 2);
			continue;
		}
		indent(f, by + 2);
		if (map) {
			write_map_row(f, &f->rows[at]);
		} else {
			fputs("- ", f->c->to);
			write_value(f, &f->rows[at], f->rows[at].args);
		}
	}
}

/* Does a word come again behind another one? */
static bool has_order(const struct cfg *f, size_t at, size_t end)
{
	size_t lines;

	for (size_t i = at; i < end; i++) {
		if (f->rows[i].kind != ROW_LINE)
			continue;
		size_t behind = run_end(f, i, end, &lines);
		for (size_t j = behind; j < end; j++)
			if (f->rows[j].kind == ROW_LINE && slice_eq(f->rows[j].word, f->rows[i].word))
				return true;
		i = behind - 1;
	}
	return false;
}

/* Rows [at, end): the last is a line. */
static void write_body(struct cfg *f, size_t at, size_t end, unsigned by, bool list)
{
	size_t lines;

	while (at < end) {
		if (f->rows[at].kind != ROW_LINE) {
			write_loose(f, &f->rows[at++], by);
			continue;
		}
		size_t behind = run_end(f, at, end, &lines);
		indent(f, by);
		if (list)
			fputs("- ", f->c->to);
		write_run(f, at, behind, lines, by + (list ? 2 : 0));
		at = behind;
	}
}

/* ---- sections ---- */

/* Behind the last line of the section that begins at `at`. */
static size_t section_end_of(const struct cfg *f, size_t at, size_t *next)
{
	size_t last = at, i = at + 1;

	for (; i < f->count && !f->rows[i].section; i++)
		if (f->rows[i].kind == ROW_LINE)
			last = i;
	*next = i;
	return last + 1;
}

static bool same_header(const struct row *a, const struct row *b)
{
	return slice_eq(a->word, b->word) && slice_eq(a->args, b->args);
}

static bool has_quotes(struct slice s)
{
	return slice_find_byte(s, '"') >= 0 || slice_find_byte(s, '\'') >= 0 || slice_find_byte(s, '\\') >= 0;
}

/* May the sections of this kind stand together under its plural?  They are neighbours and have nothing but a name. */
static bool is_group(const struct cfg *f, const struct row *one)
{
	bool inside = false, over = false;

	if (f->tops_are_list || is_word(one, "global") || is_word(one, "defaults"))
		return false;
	for (const struct row *r = f->rows; r < f->rows + f->count; r++) {
		if (!r->section)
			continue;
		bool same = slice_eq(r->word, one->word);
		over |= inside && !same;
		inside |= same;
		if (same && (over || !r->args.len || first_arg(r).len != r->args.len || has_quotes(r->args)))
			return false;
	}
	return true;
}

static bool is_first_of_kind(const struct cfg *f, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (f->rows[i].section && slice_eq(f->rows[i].word, f->rows[at].word))
			return false;
	return true;
}

/* The section at `at`: its key has been written up to the ':'. */
static void write_section(struct cfg *f, size_t at, size_t end, unsigned by)
{
	const struct row *header = &f->rows[at];
	bool list = has_order(f, at + 1, end), lone = is_word(header, "defaults") && !header->args.len;

	if (at + 1 == end)
		fputs(" {}", f->c->to);
	end_row(f, header);
	if (list && lone) { /* a list of one section, which is a list */
		indent(f, by);
		fputs("-\n", f->c->to);
		by += 2;
	}
	write_body(f, at + 1, end, by, list);
}

static void write_header(struct cfg *f, const struct row *r, bool named)
{
	struct slice whole =
		r->args.len ? slice_of(r->word.ptr, (size_t)(r->args.ptr + r->args.len - r->word.ptr)) : r->word;

	write_scalar(f, named ? r->args : whole);
	fputc(':', f->c->to);
}

/* What stands before a section belongs to it. */
static unsigned loose_indent(const struct cfg *f, size_t at)
{
	while (at < f->count && !f->rows[at].section)
		at++;
	return at < f->count && is_group(f, &f->rows[at]) && !is_first_of_kind(f, at) ? 2 : 0;
}

static void write_sections(struct cfg *f)
{
	size_t at = 0, next;

	while (at < f->count) {
		const struct row *r = &f->rows[at];
		bool group = r->section && is_group(f, r);
		if (group && is_first_of_kind(f, at))
			fprintf(f->c->to, "%.*s%s:\n", (int)r->word.len, r->word.ptr,
				slice_ends_with(r->word, SLICE("s")) ? "" : "s");
		if (!r->section) {
			write_loose(f, r, loose_indent(f, at));
			at++;
			continue;
		}
		size_t end = section_end_of(f, at, &next);
		if (f->tops_are_list)
			fputs("- ", f->c->to);
		indent(f, group ? 2 : 0);
		write_header(f, r, group);
		write_section(f, at, end, group || f->tops_are_list ? 4 : 2);
		at = end;
	}
}

static bool has_header_twice(const struct cfg *f)
{
	for (size_t i = 0; i < f->count; i++)
		for (size_t j = 0; f->rows[i].section && j < i; j++)
			if (f->rows[j].section && same_header(&f->rows[i], &f->rows[j]))
				return true;
	return false;
}

int convert_from_cfg(const struct convert *c)
{
	struct cfg f = { .c = c };
	int err = read_rows(&f);

	if (!err)
		err = check_blocks(&f);
	if (!err)
		err = check_text(&f);
	if (err)
		return err;
	f.tops_are_list = has_header_twice(&f);
	write_sections(&f);
	return 0;
}
