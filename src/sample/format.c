/* Reading log-format strings (HAProxy's manual, section 8.2.6), and the table of their variables.
 *
 * An item is `%`, `(name:type)`, `{flags}` and then `[expression]` or a variable's name.  Names of items are of use to
 * encodings only, which are not here yet: they are checked and have no effect, as the manual says. */
#include <ctype.h>
#include <stdlib.h>

#include "format_private.h"
#include "private.h"

static const struct log_var_row **log_vars; /* written before any thread starts */
static unsigned log_var_count;
atomic_bool format_has_passing;

int log_register_vars(const struct log_var_row *rows, unsigned count)
{
	const struct log_var_row **now = reallocarray(log_vars, log_var_count + count, sizeof *now);
	if (!now)
		return -ENOMEM;
	log_vars = now;
	for (unsigned i = 0; i < count; i++)
		log_vars[log_var_count++] = &rows[i];
	return 0;
}

const struct log_var_row *log_var_at(unsigned i)
{
	return i < log_var_count ? log_vars[log_var_count - 1 - i] : NULL;
}

static const struct log_var_row *log_var_find(struct slice name)
{
	const struct log_var_row *row;
	for (unsigned i = 0; (row = log_var_at(i)); i++)
		if (slice_eq(slice_from_str(row->name), name))
			return row;
	return NULL;
}

struct format_job {
	struct reader r;
	enum format_kind kind;
	unsigned phases;
	unsigned flags; /* that %o set for all that follows */
	struct arena *a;
	struct diag *d;
	struct item *items; /* [items_max] */
	uint32_t count;
	bool needs_http;
	bool space_last; /* the text so far is empty or ends with a space, which swallows the next */
	char *text;      /* literal bytes being gathered: [text, text_at) */
	char *text_at;
};

static int refuse(struct format_job *j, const char *from, size_t len, const char *hint, const char *what)
{
	struct place at = reader_place(&j->r, from, len);
	diag_error(j->d, &at, hint, "%s", what);
	return -EINVAL;
}

static void add_item(struct format_job *j, struct item item)
{
	j->items[j->count++] = item;
	j->space_last = false;
}

static void end_text(struct format_job *j)
{
	struct item item = { .kind = ITEM_TEXT, .text = slice_of(j->text, (size_t)(j->text_at - j->text)) };
	if (j->text_at != j->text)
		j->items[j->count++] = item;
	j->text = j->text_at;
}

/* A literal byte; in logs, spaces in a row are one and none leads. */
static void add_byte(struct format_job *j, char c)
{
	bool space = c == ' ' && j->kind == FORMAT_LOG;
	if (!(space && j->space_last))
		*j->text_at++ = c;
	j->space_last = space;
}

/* ---- `(name:type)` and `{flags}` ---- */

static int parse_name(struct format_job *j)
{
	const char *from = ++j->r.at, *end = strchr(from, ')');
	if (!end)
		return refuse(j, from - 1, 1, NULL, "this '(' has no ')'");
	const char *colon = memchr(from, ':', (size_t)(end - from));
	struct slice type = colon ? slice_of(colon + 1, (size_t)(end - colon - 1)) : SLICE("str");
	if (!slice_eq(type, SLICE("str")) && !slice_eq(type, SLICE("sint")) && !slice_eq(type, SLICE("bool")))
		return refuse(j, type.ptr, type.len, "one of str, sint, bool", "unknown type of an item");
	j->r.at = end + 1;
	return 0;
}

static int parse_flag(struct format_job *j, struct slice word, unsigned *flags)
{
	static const struct {
		const char *name;
		unsigned flag; /* 0: HAProxy's, not here */
	} known[] = {
		{ "Q", FORMAT_QUOTE },
		{ "X", FORMAT_HEX },
		{ "E", FORMAT_ESCAPE },
		{ "bin", 0 },
		{ "json", 0 },
		{ "utf8", 0 },
		{ "cbor", 0 },
	};
	struct slice name = slice_skip(word, 1);
	if (!name.len || (word.ptr[0] != '+' && word.ptr[0] != '-'))
		return refuse(j, word.ptr, word.len, "such as %{+Q}r", "a flag is '+' or '-' and its name");
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
		if (!slice_eq(name, slice_from_str(known[i].name)))
			continue;
		if (!known[i].flag)
			return refuse(j, name.ptr, name.len, NULL, "this flag is not supported by Ballast (yet)");
		*flags = word.ptr[0] == '+' ? *flags | known[i].flag : *flags & ~known[i].flag;
		return 0;
	}
	return refuse(j, name.ptr, name.len, "Q quotes, X is hexadecimal, E escapes", "unknown flag");
}

static int parse_flags(struct format_job *j, unsigned *flags)
{
	const char *end = strchr(j->r.at, '}');
	if (!end)
		return refuse(j, j->r.at, 1, NULL, "this '{' has no '}'");
	struct slice rest = slice_of(j->r.at + 1, (size_t)(end - j->r.at - 1));
	while (rest.len) {
		ptrdiff_t comma = slice_find_byte(rest, ',');
		struct slice word = comma < 0 ? rest : slice_of(rest.ptr, (size_t)comma);
		int err = parse_flag(j, slice_trim_ows(word), flags);
		if (err)
			return err;
		rest = slice_skip(rest, word.len + 1);
	}
	j->r.at = end + 1;
	return 0;
}

/* ---- items ---- */

static int parse_expr(struct format_job *j, unsigned flags)
{
	const char *opened = j->r.at++;
	struct expr *e = expr_parse(&j->r, j->phases, j->a, j->d);
	if (!e)
		return -EINVAL;
	if (!*j->r.at)
		return refuse(j, opened, 1, NULL, "this '[' has no ']'");
	if (*j->r.at != ']')
		return refuse(j, j->r.at, 1, NULL, "expected ',' and a converter, or ']'");
	j->r.at++;
	add_item(j, (struct item){ .kind = ITEM_EXPR, .flags = (uint8_t)flags, .expr = e });
	return 0;
}

static int check_phases(struct format_job *j, const struct log_var_row *row, struct slice name)
{
	if (!(j->phases & ~row->phases))
		return 0;
	struct place at = reader_place(&j->r, name.ptr, name.len);
	diag_error(j->d, &at, NULL, "log variable '%%%s' is not available at this point", row->name);
	return -EINVAL;
}

static int parse_var(struct format_job *j, unsigned flags)
{
	struct slice name = slice_of(j->r.at, 0);
	while (isalnum((unsigned char)name.ptr[name.len]))
		name.len++;
	j->r.at += name.len;
	if (slice_eq(name, SLICE("o"))) {
		j->flags = flags;
		return 0;
	}
	const struct log_var_row *row = log_var_find(name);
	if (!row) {
		struct place at = reader_place(&j->r, name.ptr, name.len);
		known_refuse(KNOWN_LOG_VAR, name, &at, j->d);
		return -EINVAL;
	}
	int err = check_phases(j, row, name);
	if (err)
		return err;
	j->needs_http |= row->http_only;
	if (row->kind & LOG_VAR_PASSING)
		atomic_store_explicit(&format_has_passing, true, memory_order_relaxed);
	add_item(j, (struct item){ .kind = ITEM_VAR, .flags = (uint8_t)flags, .var = row });
	return 0;
}

static int parse_item(struct format_job *j)
{
	const char *from = j->r.at++;
	unsigned flags = j->flags;
	int err = 0;
	end_text(j);
	if (*j->r.at == '(')
		err = parse_name(j);
	if (!err && *j->r.at == '{')
		err = parse_flags(j, &flags);
	if (err)
		return err;
	if (*j->r.at == '[')
		return parse_expr(j, flags);
	if (isalnum((unsigned char)*j->r.at))
		return parse_var(j, flags);
	return refuse(j, from, (size_t)(j->r.at - from), "write '%%' for a percent sign",
		"'%' must be followed by a variable or by '[' and an expression");
}

static int parse_all(struct format_job *j)
{
	while (*j->r.at) {
		if (j->r.at[0] != '%') {
			add_byte(j, *j->r.at++);
			continue;
		}
		if (j->r.at[1] == '%') {
			add_byte(j, '%');
			j->r.at += 2;
			continue;
		}
		int err = parse_item(j);
		if (err)
			return err;
	}
	end_text(j);
	return 0;
}

struct format *format_parse(const char *text, const struct place *at, enum format_kind kind, unsigned phases,
	struct arena *a, struct diag *d)
{
	size_t len = strlen(text), items_max = 1;
	for (const char *p = text; *p; p++)
		items_max += 2 * (*p == '%');
	struct format_job job = { .r = { text, text, at }, .kind = kind, .phases = phases, .a = a, .d = d };
	struct format *f = arena_zalloc(a, sizeof *f);
	job.items = arena_alloc(a, items_max * sizeof *job.items);
	job.text = job.text_at = arena_alloc(a, len + 1);
	job.space_last = kind == FORMAT_LOG;
	if (!f || !job.items || !job.text || parse_all(&job))
		return NULL;
	f->kind = kind;
	f->needs_http = job.needs_http;
	f->count = job.count;
	f->items = job.items;
	return f;
}

bool format_is_literal(const struct format *f, struct slice *text)
{
	if (f->count > 1 || (f->count && f->items[0].kind != ITEM_TEXT))
		return false;
	if (text)
		*text = f->count ? f->items[0].text : SLICE("");
	return true;
}

bool format_needs_http(const struct format *f)
{
	return f->needs_http;
}
