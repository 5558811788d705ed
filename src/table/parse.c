/* `stick-table type <type> size <size> [expire <time>] [nopurge] [store <data>[,...]]*` (HAProxy's manual, section 11.1).
 *
 * A row a keyword and a row a type of data (table_data_rows); what HAProxy has and Ballast has not is refused by name.
 */
#include <errno.h>
#include <string.h>

#include "ballast/table/reference.h"

struct parse {
	const struct line *line;
	size_t at; /* next word */
	struct table_settings *set;
	struct arena *arena;
	struct diag *diag;
	bool typed;
};

static const char *const absent_data[] = { "gpc", "gpc_rate", "gpt", "glitch_cnt", "glitch_rate", "server_key" };
static const char *const absent_words[] = { "peers", "srvkey", "brates-factor", "recv-only", "write-to" };

static const struct token *argument(struct parse *p, const char *of, const char *what)
{
	if (p->at < p->line->count)
		return &p->line->words[p->at++];
	diag_error(p->diag, &p->line->words[p->line->count].at, NULL, "'%s' expects %s", of, what);
	return NULL;
}

static bool is_one_of(struct slice name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_eq(name, slice_from_str(list[i])))
			return true;
	return false;
}

/* A part of a word; the whole word's place where it was quoted or escaped. */
static struct token part_of(struct parse *p, const struct token *t, struct slice s)
{
	struct token part = { arena_copy(p->arena, s).ptr, s.len, t->at };

	if (t->at.width == t->len) {
		part.at.column += (unsigned)(s.ptr - t->text);
		part.at.width = s.len ? (unsigned)s.len : 1;
	}
	return part;
}

/* ---- type ---- */

static int parse_key_bytes(struct parse *p)
{
	const struct token *t;
	int64_t len = 32;

	if (p->at < p->line->count && token_is(&p->line->words[p->at], "len")) {
		p->at++;
		t = argument(p, "len", "a number of bytes");
		if (!t || token_int(t, "len", 1, TABLE_KEY_MAX, &len, p->diag))
			return -EINVAL;
	}
	p->set->key_bytes = (uint32_t)len;
	return 0;
}

static int parse_type(struct parse *p)
{
	static const char *const names[] = { "ip", "ipv6", "integer", "string", "binary", "ipv4", NULL };
	static const uint8_t bytes[] = { [TABLE_IP] = 4, [TABLE_IPV6] = 16, [TABLE_INTEGER] = 4 };
	const struct token *t = argument(p, "type", "what keys are: ip, ipv6, integer, string or binary");
	unsigned type;

	if (!t || token_choice(t, "type of keys", names, &type, p->diag))
		return -EINVAL;
	if (type == TABLE_TYPE_COUNT) /* ipv4: HAProxy's newer word for ip */
		type = TABLE_IP;
	p->set->type = (uint8_t)type;
	p->typed = true;
	if (type == TABLE_STRING || type == TABLE_BINARY)
		return parse_key_bytes(p);
	p->set->key_bytes = bytes[type];
	return 0;
}

/* ---- store ---- */

static int no_such_data(struct parse *p, const struct token *t, struct slice name)
{
	const char *names[DATA_COUNT], *near;
	struct slice hint = { 0 };

	if (is_one_of(name, absent_data, sizeof absent_data / sizeof *absent_data)) {
		diag_error(p->diag, &t->at, NULL, "data '%.*s' is not supported by Ballast (yet)", (int)name.len,
			name.ptr);
		return -EINVAL;
	}
	for (unsigned d = 0; d < DATA_COUNT; d++)
		names[d] = table_data_rows[d].name;
	near = diag_nearest(name, names, DATA_COUNT);
	if (near)
		hint = arena_printf(&p->diag->arena, "did you mean '%s'?", near);
	diag_error(p->diag, &t->at, hint.ptr, "a table cannot store '%.*s'", (int)name.len, name.ptr);
	return -EINVAL;
}

/* `(10s)` behind a rate. */
static int parse_period(struct parse *p, const struct token *t, struct slice arg, uint32_t *period_ms)
{
	struct token word;

	if (arg.len < 3 || arg.ptr[0] != '(' || arg.ptr[arg.len - 1] != ')') {
		diag_error(p->diag, &t->at, "such as conn_rate(10s)", "a rate needs its period in parentheses");
		return -EINVAL;
	}
	word = part_of(p, t, slice_of(arg.ptr + 1, arg.len - 2));
	if (!word.text)
		return -ENOMEM;
	if (token_time_ms(&word, "period", "ms", period_ms, p->diag))
		return -EINVAL;
	if (*period_ms)
		return 0;
	diag_error(p->diag, &word.at, NULL, "a period must be longer than nothing");
	return -EINVAL;
}

static int parse_data(struct parse *p, const struct token *t)
{
	struct slice text = token_slice(t), name = text, arg;
	ptrdiff_t paren = slice_find_byte(text, '(');
	enum table_data d;

	if (paren >= 0)
		name.len = (size_t)paren;
	arg = slice_skip(text, name.len);
	d = table_data_find(name);
	if (d == DATA_NONE)
		return no_such_data(p, t, name);
	if (p->set->stored[d]) {
		diag_error(p->diag, &t->at, NULL, "'%s' is stored already", table_data_rows[d].name);
		return -EINVAL;
	}
	p->set->stored[d] = true;
	if (table_data_rows[d].kind == DATA_RATE)
		return parse_period(p, t, arg, &p->set->period_ms[d]);
	if (!arg.len)
		return 0;
	diag_error(p->diag, &t->at, NULL, "'%s' takes no argument", table_data_rows[d].name);
	return -EINVAL;
}

static int parse_store(struct parse *p)
{
	const struct token *t = argument(p, "store", "what is stored, such as http_req_rate(10s)");
	struct slice rest;

	if (!t)
		return -EINVAL;
	rest = token_slice(t);
	do {
		ptrdiff_t comma = slice_find_byte(rest, ',');
		struct slice item = slice_of(rest.ptr, comma < 0 ? rest.len : (size_t)comma);
		struct token word = part_of(p, t, item);
		int rc = word.text ? parse_data(p, &word) : -ENOMEM;
		if (rc)
			return rc;
		rest = slice_skip(rest, comma < 0 ? rest.len : (size_t)comma + 1);
	} while (rest.len);
	return 0;
}

/* ---- the others ---- */

static int parse_size(struct parse *p)
{
	const struct token *t = argument(p, "size", "a number of entries");
	uint64_t size;

	if (!t || token_size(t, "size", INT32_MAX, &size, p->diag))
		return -EINVAL;
	if (!size) {
		diag_error(p->diag, &t->at, NULL, "a table needs room for one entry at least");
		return -EINVAL;
	}
	p->set->size = (uint32_t)size;
	return 0;
}

static int parse_expire(struct parse *p)
{
	const struct token *t = argument(p, "expire", "a time");

	return t ? token_time_ms(t, "expire", "ms", &p->set->expire_ms, p->diag) : -EINVAL;
}

static int parse_nopurge(struct parse *p)
{
	p->set->nopurge = true;
	return 0;
}

static const struct word_row {
	const char *name;
	int (*parse)(struct parse *p);
} word_rows[] = {
	{ "type", parse_type },
	{ "size", parse_size },
	{ "expire", parse_expire },
	{ "nopurge", parse_nopurge },
	{ "store", parse_store },
};
enum { WORD_COUNT = sizeof word_rows / sizeof *word_rows };

static int unknown_word(struct parse *p, const struct token *t)
{
	const char *names[WORD_COUNT], *near;
	struct slice hint = { 0 };

	if (is_one_of(token_slice(t), absent_words, sizeof absent_words / sizeof *absent_words)) {
		diag_error(p->diag, &t->at, NULL, "'%s' of stick-table is not supported by Ballast (yet)", t->text);
		return -EINVAL;
	}
	for (unsigned i = 0; i < WORD_COUNT; i++)
		names[i] = word_rows[i].name;
	near = diag_nearest(token_slice(t), names, WORD_COUNT);
	if (near)
		hint = arena_printf(&p->diag->arena, "did you mean '%s'?", near);
	diag_error(p->diag, &t->at, hint.ptr, "unknown word '%s' of stick-table", t->text);
	return -EINVAL;
}

static int parse_word(struct parse *p)
{
	const struct token *t = &p->line->words[p->at++];

	for (unsigned i = 0; i < WORD_COUNT; i++)
		if (token_is(t, word_rows[i].name))
			return word_rows[i].parse(p);
	return unknown_word(p, t);
}

static int check(const struct parse *p)
{
	const struct place *end = &p->line->words[p->line->count].at;

	if (!p->typed) {
		diag_error(p->diag, end, "type ip", "a stick-table needs the type of its keys");
		return -EINVAL;
	}
	if (!p->set->size) {
		diag_error(p->diag, end, "size 100k",
			"a stick-table needs its size, the most entries that it may have");
		return -EINVAL;
	}
	if (p->set->nopurge && !p->set->expire_ms)
		diag_warn(p->diag, &p->line->words[0].at, "expire 30m",
			"with 'nopurge' and without 'expire', no entry ever leaves the table: once full, it takes no "
			"new key");
	return 0;
}

int table_parse(struct table_loading *l, const struct line *line, struct diag *d)
{
	struct table_draft *draft = arena_zalloc(l->arena, sizeof *draft);
	struct parse p = { .line = line, .at = 1, .arena = l->arena, .diag = d };
	int rc = 0;

	if (!draft)
		return -ENOMEM;
	for (const struct table_draft *other = l->drafts; other; other = other->next)
		if (strcmp(other->name, l->section) == 0) {
			diag_error(d, &line->words[0].at,
				"a table has its section's name; another section can hold a second",
				"there is a stick-table '%s' already", l->section);
			diag_add(d, DIAG_NOTE, &other->at, NULL, "the first one is here");
			return -EINVAL;
		}
	draft->name = l->section;
	draft->at = line->words[0].at;
	p.set = &draft->set;
	while (rc == 0 && p.at < line->count)
		rc = parse_word(&p);
	if (rc == 0)
		rc = check(&p);
	/* a faulty one counts, too: what refers to it needs no message of its own */
	*l->last_draft = draft;
	l->last_draft = &draft->next;
	return rc;
}
