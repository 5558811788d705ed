/* cond: a recursive descent over the joined words, which evaluates while it reads.
 *
 *     condition := and { '||' and }
 *     and       := term { '&&' term }
 *     term      := '!' term | '(' condition ')' | integer | predicate [ '(' argument { ',' argument } ')' ]
 *
 * Arguments have a second level of quotes and escapes (section 2.2), and spaces in them count.
 */
#include "ballast/config/cond.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/config/features.h"
#include "ballast/config/lexer.h"
#include "ballast/tls/tls.h"
#include "version.h"

#define DEPTH_MAX 200 /* of parentheses, for the stack's sake */
#define ARGS_MAX 2

struct reading {
	const char *text; /* the joined words */
	size_t len, at;
	const struct token *words; /* where they came from */
	size_t count;
	unsigned depth;
	const struct cond_facts *facts;
	struct arena *arena;
	struct diag *diag;
};

struct call {
	struct reading *r;
	const struct predicate *p;
	struct slice args[ARGS_MAX];
	size_t count, at; /* arguments; where the name is */
};

struct predicate {
	const char *name;
	size_t arity;
	int (*ask)(const struct call *c); /* 1, 0 or -EINVAL with an error added */
	const char *usage;
};

/* The place of one byte of the joined text.  Where a word was quoted or expanded its bytes are not those of the
 * line, and the whole word is shown. */
static struct place place_of(const struct reading *r, size_t at, size_t width)
{
	size_t begin = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct token *w = &r->words[i];
		size_t end = begin + w->len;
		if (at < end || (at == end && i + 1 == r->count)) {
			struct place p = w->at;
			if (p.width != w->len || at < begin)
				return p;
			p.column += (unsigned)(at - begin);
			p.width = (unsigned)(width < end - at ? width : end - at);
			p.width += !p.width;
			return p;
		}
		begin = end + 1;
	}
	return r->words[r->count - 1].at;
}

__attribute__((format(printf, 5, 6))) static int fault(const struct reading *r, size_t at, size_t width,
	const char *hint, const char *fmt, ...)
{
	struct place p = place_of(r, at, width);
	va_list ap;

	va_start(ap, fmt);
	diag_vadd(r->diag, DIAG_ALERT, &p, hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static char peek(const struct reading *r)
{
	return r->at < r->len ? r->text[r->at] : '\0';
}

static void skip_space(struct reading *r)
{
	while (peek(r) == ' ' || peek(r) == '\t')
		r->at++;
}

static bool take_operator(struct reading *r, const char *op)
{
	skip_space(r);
	if (!slice_starts_with(slice_of(r->text + r->at, r->len - r->at), slice_from_str(op)))
		return false;
	r->at += strlen(op);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || c == '_' || (unsigned char)(ascii_lower((unsigned char)c) - 'a') < 26;
}

/* How `have` stands to the argument: *order below 0 where it is older.  -EINVAL with an error. */
static int compare_versions(const struct call *c, const char *have, int (*parse)(struct slice, struct version *),
	int *order)
{
	struct version mine, asked;

	if (parse(c->args[0], &asked) < 0)
		return fault(c->r, c->at, strlen(c->p->name), c->p->usage, "'%.*s' is not a version",
			(int)c->args[0].len, c->args[0].ptr);
	if (have && parse(slice_from_str(have), &mine) < 0)
		return fault(c->r, c->at, strlen(c->p->name), NULL, "the version here, '%s', cannot be compared", have);
	*order = have ? version_compare(&mine, &asked) : 0;
	return 0;
}

static int ask_version_atleast(const struct call *c)
{
	int order, err = compare_versions(c, c->r->facts->version, version_parse, &order);

	return err ? err : order >= 0;
}

static int ask_version_before(const struct call *c)
{
	int order, err = compare_versions(c, c->r->facts->version, version_parse, &order);

	return err ? err : order < 0;
}

static int ask_openssl_version_atleast(const struct call *c)
{
	int order, err = compare_versions(c, c->r->facts->openssl_version, openssl_version_parse, &order);

	return err ? err : c->r->facts->openssl_version && order >= 0;
}

static int ask_openssl_version_before(const struct call *c)
{
	int order, err = compare_versions(c, c->r->facts->openssl_version, openssl_version_parse, &order);

	return err ? err : c->r->facts->openssl_version && order < 0;
}

static int ask_tls_library(const struct call *c)
{
	const char *name = c->r->facts->tls_library;

	return name && slice_starts_with(slice_from_str(name), c->args[0]);
}

static int ask_defined(const struct call *c)
{
	return c->r->facts->env && config_env_get(c->r->facts->env, c->args[0]);
}

static int ask_feature(const struct call *c)
{
	return feature_present(c->args[0]);
}

static int ask_enabled(const struct call *c)
{
	return option_enabled(c->args[0]);
}

static int ask_streq(const struct call *c)
{
	return slice_eq(c->args[0], c->args[1]);
}

static int ask_strneq(const struct call *c)
{
	return !slice_eq(c->args[0], c->args[1]);
}

static int ask_strstr(const struct call *c)
{
	return c->args[1].len == 0 || memmem(c->args[0].ptr, c->args[0].len, c->args[1].ptr, c->args[1].len);
}

static const struct predicate predicates[] = {
	{ "defined", 1, ask_defined, "defined(NAME): an environment variable exists" },
	{ "enabled", 1, ask_enabled, "enabled(OPTION): POLL, EPOLL, SPLICE, GETADDRINFO, REUSEPORT, FAST-FORWARD..." },
	{ "feature", 1, ask_feature, "feature(NAME): a name of the feature list of -vv" },
	{ "openssl_version_atleast", 1, ask_openssl_version_atleast, "openssl_version_atleast(3.0.0)" },
	{ "openssl_version_before", 1, ask_openssl_version_before, "openssl_version_before(3.0.0)" },
	{ "ssllib_name_startswith", 1, ask_tls_library, "ssllib_name_startswith(OpenSSL)" },
	{ "streq", 2, ask_streq, "streq(STRING1,STRING2): both are equal" },
	{ "strneq", 2, ask_strneq, "strneq(STRING1,STRING2): they differ" },
	{ "strstr", 2, ask_strstr, "strstr(STRING1,STRING2): the second is found in the first" },
	{ "version_atleast", 1, ask_version_atleast, "version_atleast(2.4-dev19)" },
	{ "version_before", 1, ask_version_before, "version_before(2.4-dev19)" },
};

#define PREDICATE_COUNT (sizeof(predicates) / sizeof(*predicates))

static int unknown_word(const struct reading *r, struct slice name)
{
	const char *names[PREDICATE_COUNT];
	char hint[64];

	for (size_t i = 0; i < PREDICATE_COUNT; i++)
		names[i] = predicates[i].name;
	const char *nearest = diag_nearest(name, names, PREDICATE_COUNT);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", nearest);
	return fault(r, r->at, name.len,
		nearest ? hint : "a condition is an integer or a predicate, such as defined(NAME)",
		"unknown predicate '%.*s'", (int)name.len, name.ptr);
}

/* The byte that a backslash and `next` stand for within an argument; 0 where the backslash is itself. */
static char unescape(char next)
{
	switch (next) {
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case ' ':
	case '\\':
	case '\'':
	case '"': return next;
	default: return '\0';
	}
}

/* Reads up to an unquoted ',' or ')'; the argument is at most as long as its text. */
static int read_argument(struct reading *r, struct slice *out)
{
	char *to = arena_alloc(r->arena, r->len - r->at + 1), quote = 0;
	size_t len = 0, quote_at = 0;

	if (!to)
		return -ENOMEM;
	for (; r->at < r->len; r->at++) {
		char byte = r->text[r->at];
		char escaped = byte == '\\' && quote != '\'' && r->at + 1 < r->len ? unescape(r->text[r->at + 1]) : 0;
		if (escaped) {
			to[len++] = escaped;
			r->at++;
		} else if (quote ? byte == quote : byte == '"' || byte == '\'') {
			quote = quote ? 0 : byte;
			quote_at = r->at;
		} else if (!quote && (byte == ',' || byte == ')')) {
			break;
		} else {
			to[len++] = byte;
		}
	}
	if (quote)
		return fault(r, quote_at, 1, NULL, "the quote (%c) of an argument is not closed", quote);
	*out = slice_of(to, len);
	return 0;
}

static int read_arguments(struct call *c)
{
	struct reading *r = c->r;
	size_t open = r->at;
	int err;

	do {
		r->at++;
		if (c->count == c->p->arity)
			return fault(r, r->at - 1, 1, c->p->usage, "too many arguments of '%s'", c->p->name);
		err = read_argument(r, &c->args[c->count]);
		if (err)
			return err;
		c->count++;
	} while (peek(r) == ',');
	if (peek(r) != ')')
		return fault(r, open, 1, c->p->usage, "the parenthesis of '%s' is not closed", c->p->name);
	r->at++;
	return 0;
}

static int read_predicate(struct reading *r)
{
	struct call c = { .r = r, .at = r->at };
	size_t end = r->at;
	int err;

	while (end < r->len && is_word(r->text[end]))
		end++;
	struct slice name = slice_of(r->text + r->at, end - r->at);
	for (size_t i = 0; i < PREDICATE_COUNT; i++)
		if (slice_eq(name, slice_from_str(predicates[i].name)))
			c.p = &predicates[i];
	if (!c.p)
		return unknown_word(r, name);
	r->at = end;
	err = peek(r) == '(' ? read_arguments(&c) : 0;
	if (err)
		return err;
	/* As in HAProxy, one empty argument need not be written: "defined" is "defined()". */
	if (c.count < c.p->arity && c.p->arity > 1)
		return fault(r, c.at, name.len, c.p->usage, "'%s' needs %zu arguments", c.p->name, c.p->arity);
	return c.p->ask(&c);
}

/* Any integer; only a zero is false, so its size does not matter. */
static int read_integer(struct reading *r)
{
	int value = 0;

	if (!is_digit(peek(r)))
		r->at++;
	for (; is_digit(peek(r)); r->at++)
		value |= peek(r) != '0';
	return value;
}

static int read_condition(struct reading *r);

static int read_parenthesis(struct reading *r)
{
	size_t open = r->at;

	if (r->depth == DEPTH_MAX)
		return fault(r, open, 1, NULL, "more than %d parentheses within each other", DEPTH_MAX);
	r->at++;
	r->depth++;
	int value = read_condition(r);
	r->depth--;
	if (value < 0)
		return value;
	if (!take_operator(r, ")"))
		return fault(r, open, 1, NULL, "the parenthesis is not closed");
	return value;
}

static int read_term(struct reading *r)
{
	int negate = 0, value;

	for (; take_operator(r, "!");)
		negate = !negate;
	char byte = peek(r), next = r->at + 1 < r->len ? r->text[r->at + 1] : '\0';
	if (byte == '(')
		value = read_parenthesis(r);
	else if (is_digit(byte) || ((byte == '-' || byte == '+') && is_digit(next)))
		value = read_integer(r);
	else if (is_word(byte))
		value = read_predicate(r);
	else if (!byte)
		return fault(r, r->len, 1, NULL, "the condition ends where an operand is expected");
	else
		return fault(r, r->at, 1, NULL, "'%c' where an operand is expected", byte);
	return value < 0 ? value : value ^ negate;
}

static int read_and(struct reading *r)
{
	int value = read_term(r);

	while (value >= 0 && take_operator(r, "&&")) {
		int other = read_term(r);
		value = other < 0 ? other : value & other;
	}
	return value;
}

static int read_condition(struct reading *r)
{
	int value = read_and(r);

	while (value >= 0 && take_operator(r, "||")) {
		int other = read_and(r);
		value = other < 0 ? other : value | other;
	}
	return value;
}

static int join(const struct token *words, size_t count, struct arena *a, struct slice *out)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += words[i].len + 1;
	char *text = arena_alloc(a, len), *to = text;
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (i)
			*to++ = ' ';
		to = mempcpy(to, words[i].text, words[i].len);
	}
	*out = slice_of(text, (size_t)(to - text));
	return 0;
}

/* "&", "|" and words such as "and" are what people try. */
static const char *hint_for_rest(const struct reading *r)
{
	struct slice rest = slice_of(r->text + r->at, r->len - r->at);

	if (slice_starts_with(rest, SLICE("&")) || slice_starts_with(rest, SLICE("and ")))
		return "'and' is written '&&'";
	if (slice_starts_with(rest, SLICE("|")) || slice_starts_with(rest, SLICE("or ")))
		return "'or' is written '||'";
	if (slice_starts_with(rest, SLICE("(")))
		return "no space before the parenthesis of a predicate";
	return NULL;
}

int cond_words(const struct token *words, size_t count, const struct cond_facts *f, struct arena *a, struct diag *d)
{
	struct reading r = { .words = words, .count = count, .facts = f, .arena = a, .diag = d };
	struct slice text = { 0 };
	int err;

	if (count == 0)
		return 0;
	err = join(words, count, a, &text);
	r.text = text.ptr;
	r.len = text.len;
	skip_space(&r);
	if (!err && r.at == r.len)
		return 0;
	if (!err)
		err = read_condition(&r);
	if (err == -ENOMEM)
		diag_error(d, &words[0].at, NULL, "out of memory");
	skip_space(&r);
	if (err >= 0 && r.at < r.len)
		return fault(&r, r.at, r.len - r.at, hint_for_rest(&r), "'%c' behind the end of the condition",
			r.text[r.at]);
	return err;
}

int cond_evaluate(const char *text, const struct cond_facts *f, struct arena *a, struct diag *d)
{
	struct lexer lx = { .arena = a, .diag = d, .env = f->env, .no_comments = true };
	struct line line;
	int err = lexer_line(&lx, text, strlen(text), &line);

	return err < 0 ? err : cond_words(line.words, line.count, f, a, d);
}

struct cond_facts cond_facts_here(const struct config_env *env)
{
	return (struct cond_facts){ .env = env,
		.version = CONFIG_DIALECT,
		.openssl_version = tls_library_version(),
		.tls_library = tls_library() };
}
