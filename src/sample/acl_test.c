/* Reading one test, `CRITERION [flags] [operator] [values]`, and running it (HAProxy's manual, section 7.1).
 *
 * A criterion is a fetch, or a name made of a fetch and a match (path_beg, hdr_sub); such a match counts only where no
 * converter follows and no -m is given. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/file_list.h"
#include "acl_private.h"
#include "private.h"

/* Names that mean another fetch, or another match, as criteria than as fetches. */
static const struct {
	const char *name, *fetch;
	enum match_kind match;
	bool derived; /* name_beg, name_sub ... exist */
} criteria[] = {
	{ "base", "base", MATCH_STR, true },
	{ "cook", "req.cook", MATCH_STR, true },
	{ "hdr", "req.hdr", MATCH_STR, true },
	{ "method", "method", MATCH_METHOD, false },
	{ "path", "path", MATCH_STR, true },
	{ "payload", "payload", MATCH_BIN, false },
	{ "payload_lv", "payload_lv", MATCH_BIN, false },
	{ "req.cook", "req.cook", MATCH_STR, true },
	{ "req.payload", "req.payload", MATCH_BIN, false },
	{ "req.payload_lv", "req.payload_lv", MATCH_BIN, false },
	{ "res.hdr", "res.hdr", MATCH_STR, true },
	{ "res.payload", "res.payload", MATCH_BIN, false },
	{ "res.payload_lv", "res.payload_lv", MATCH_BIN, false },
	{ "scook", "res.cook", MATCH_STR, true },
	{ "shdr", "res.hdr", MATCH_STR, true },
	{ "url", "url", MATCH_STR, true },
	{ "urlp", "urlp", MATCH_STR, true },
};
enum { CRITERIA = sizeof criteria / sizeof *criteria };

static const struct {
	const char *suffix;
	enum match_kind match;
} derivations[] = {
	{ "_beg", MATCH_BEG },
	{ "_dir", MATCH_DIR },
	{ "_dom", MATCH_DOM },
	{ "_end", MATCH_END },
	{ "_len", MATCH_LEN },
	{ "_sub", MATCH_SUB },
	{ "_reg", MATCH_REG },
};
enum { DERIVATIONS = sizeof derivations / sizeof *derivations };

static const char *const operator_names[] = {
	[OP_EQ] = "eq",
	[OP_GE] = "ge",
	[OP_GT] = "gt",
	[OP_LE] = "le",
	[OP_LT] = "lt",
};

enum { FILES_MAX = 16 };

struct pattern_file {
	const struct token *name;
	unsigned flags; /* those that stood before it */
};

/* What is read of one test before its patterns are made. */
struct test_job {
	const struct line *l;
	size_t at, end;
	struct arena *a;
	struct diag *d;
	struct expr *expr;
	enum match_kind match; /* MATCH_COUNT: not known yet */
	unsigned flags;
	bool closed; /* `--` stood there */
	bool dotted; /* patterns are versions: 3.1 is 3 * 65536 + 1 */
	bool as_map; /* -M: only the first word of a file's line is a pattern */
	struct pattern_file files[FILES_MAX];
	unsigned file_count;
};

static const struct token *word(const struct test_job *j)
{
	return &j->l->words[j->at];
}

/* ---- criterion ---- */

static bool derived_as(struct slice name, unsigned criterion, unsigned derivation)
{
	struct slice base = slice_from_str(criteria[criterion].name);
	return criteria[criterion].derived && slice_starts_with(name, base) &&
	       slice_eq(slice_skip(name, base.len), slice_from_str(derivations[derivation].suffix));
}

/* The nearest of all criteria to a name that is none. */
static const char *nearest_criterion(struct slice name, struct arena *a)
{
	const char *names[1024];
	const struct fetch_row *row;
	size_t count = 0;
	for (unsigned i = 0; i < CRITERIA; i++)
		for (unsigned k = 0; criteria[i].derived && k < DERIVATIONS; k++)
			names[count++] = arena_printf(a, "%s%s", criteria[i].name, derivations[k].suffix).ptr;
	for (unsigned i = 0; count < 1024 && (row = sample_fetch_at(i)); i++)
		names[count++] = row->name;
	for (size_t i = 0; i < count; i++)
		if (!names[i])
			return NULL;
	return diag_nearest(name, names, count);
}

static void refuse_criterion(struct test_job *j, struct slice name, const struct place *at)
{
	char hint[128];
	const char *near = known_in_haproxy(KNOWN_FETCH, name) ? NULL : nearest_criterion(name, j->a);
	if (!near) {
		known_refuse(KNOWN_FETCH, name, at, j->d);
		return;
	}
	snprintf(hint, sizeof hint, "did you mean '%s'?", near);
	diag_error(j->d, at, hint, "unknown criterion '%.*s'", (int)name.len, name.ptr);
}

/* The fetch that a criterion's name stands for, and its match; NULL after a diagnosis. */
static const struct fetch_row *find_criterion(struct test_job *j, struct slice name, const struct place *at)
{
	for (unsigned i = 0; i < CRITERIA; i++) {
		if (slice_eq(name, slice_from_str(criteria[i].name))) {
			j->match = criteria[i].match;
			return sample_fetch_find(slice_from_str(criteria[i].fetch));
		}
		for (unsigned k = 0; k < DERIVATIONS; k++) {
			if (!derived_as(name, i, k))
				continue;
			j->match = derivations[k].match;
			return sample_fetch_find(slice_from_str(criteria[i].fetch));
		}
	}
	const struct fetch_row *row = sample_fetch_find(name);
	if (!row)
		refuse_criterion(j, name, at);
	j->dotted = slice_ends_with(name, SLICE("ssl_ver"));
	return row;
}

static int parse_criterion(struct test_job *j)
{
	struct reader r = reader_of(word(j));
	struct slice name = slice_of(r.at, expr_name_length(r.at));
	struct place at = reader_place(&r, name.ptr, name.len);
	if (!name.len) {
		diag_error(j->d, &word(j)->at, NULL, "expected a criterion, such as path or hdr(host)");
		return -EINVAL;
	}
	const struct fetch_row *row = find_criterion(j, name, &at);
	j->expr = row ? expr_parse_as(&r, row, 0, j->a, j->d) : NULL;
	if (!j->expr)
		return -EINVAL;
	if (*r.at) {
		at = reader_place(&r, r.at, strlen(r.at));
		diag_error(j->d, &at, NULL, "unexpected text behind a criterion");
		return -EINVAL;
	}
	if (expr_has_converters(j->expr)) {
		j->match = MATCH_COUNT;
		j->dotted = false; /* a number is compared with numbers */
	}
	j->at++;
	return 0;
}

/* ---- flags ---- */

static int parse_match_name(struct test_job *j)
{
	const struct token *t = word(j);
	if (j->at == j->end) {
		diag_error(j->d, &t->at, NULL, "-m needs the name of a match");
		return -EINVAL;
	}
	for (enum match_kind k = 0; k < MATCH_COUNT; k++)
		if (*match_names[k] && token_is(t, match_names[k])) {
			j->match = k;
			return 0;
		}
	diag_error(j->d, &t->at, "one of found, bool, int, ip, bin, len, str, sub, beg, end, dir, dom, reg",
		"unknown match '%s'", t->text);
	return -EINVAL;
}

static int parse_file_name(struct test_job *j)
{
	const struct token *t = word(j);
	if (j->at == j->end || !t->len || j->file_count == FILES_MAX) {
		diag_error(j->d, &t->at, NULL,
			j->file_count == FILES_MAX ? "too many files" : "-f needs the name of a file");
		return -EINVAL;
	}
	j->files[j->file_count++] = (struct pattern_file){ t, j->flags };
	return 0;
}

/* The flag at the current word; its argument is the next. */
static int parse_flag(struct test_job *j)
{
	const struct token *t = word(j);
	j->at++;
	if (token_is(t, "-i")) {
		j->flags |= PATTERN_FOLD;
		return 0;
	}
	if (token_is(t, "-n")) {
		j->flags |= PATTERN_NO_DNS;
		return 0;
	}
	if (token_is(t, "-M")) {
		j->as_map = true;
		return 0;
	}
	int err = -EINVAL;
	if (token_is(t, "-m"))
		err = parse_match_name(j);
	else if (token_is(t, "-f"))
		err = parse_file_name(j);
	else if (token_is(t, "-u"))
		diag_error(j->d, &t->at, NULL, "ACL flag '-u' is not supported by Ballast (yet)");
	else
		diag_error(j->d, &t->at, "put '--' before values that begin with '-'", "unknown ACL flag '%s'",
			t->text);
	j->at++;
	return err;
}

static int parse_flags(struct test_job *j)
{
	while (j->at < j->end && word(j)->text[0] == '-' && word(j)->len > 1) {
		if (token_is(word(j), "--")) {
			j->closed = true;
			j->at++;
			return 0;
		}
		int err = parse_flag(j);
		if (err)
			return err;
	}
	return 0;
}

/* The match that the type of the sample implies, and whether the match can be had of it. */
static int settle_match(struct test_job *j, const struct token *criterion)
{
	unsigned type = expr_type(j->expr);
	if (j->match == MATCH_COUNT) {
		static const uint8_t implied[] = {
			[SAMPLE_BOOL] = MATCH_BOOL,
			[SAMPLE_INT] = MATCH_INT,
			[SAMPLE_STR] = MATCH_STR,
			[SAMPLE_BIN] = MATCH_COUNT,
			[SAMPLE_IPV4] = MATCH_IP,
			[SAMPLE_IPV6] = MATCH_IP,
			[SAMPLE_ADDR] = MATCH_IP,
			[SAMPLE_METHOD] = MATCH_COUNT,
		};
		j->match = type < sizeof implied ? implied[type] : MATCH_COUNT;
	}
	if (j->match == MATCH_COUNT) {
		diag_error(j->d, &criterion->at, "such as -m str, -m bin or -m found",
			"'%s' gives %s, which needs a match to be named with -m", criterion->text,
			sample_type_name(type));
		return -EINVAL;
	}
	if (!sample_can_cast(type, match_type(j->match))) {
		diag_error(j->d, &criterion->at, NULL, "match '%s' cannot be had of '%s', which gives %s",
			match_names[j->match], criterion->text, sample_type_name(type));
		return -EINVAL;
	}
	return 0;
}

/* ---- patterns ---- */

/* The pattern in a line of a file, as it stands there: no end, no leading blanks; empty for none. */
static struct slice file_pattern(const struct test_job *j, char *line, size_t len)
{
	if (len && line[0] == '#')
		len = 0;
	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	while (len && is_ows(*line))
		line++, len--;
	if (j->as_map)
		for (size_t i = 0; i < len; i++)
			if (is_ows(line[i]))
				len = i;
	return slice_of(line, len);
}

static int load_lines(struct test_job *j, FILE *in, const char *path, unsigned flags, struct patterns *p)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int err = 0;
	struct place at = { .file = arena_strdup(j->a, path) };
	while (!err && (len = getline(&line, &size, in)) >= 0) {
		struct slice text = file_pattern(j, line, (size_t)len);
		at.line++;
		if (!text.len)
			continue;
		text = arena_copy(j->a, text);
		at.line_text = text.ptr;
		at.column = 1;
		at.width = (unsigned)text.len;
		err = text.ptr ? patterns_add(p, text, flags, OP_EQ, &at, j->d) : -ENOMEM;
	}
	free(line);
	return err;
}

static int load_file(struct test_job *j, const struct pattern_file *f, struct patterns *p)
{
	const char *path = f->name->text;
	bool optional = strncmp(path, "opt@", 4) == 0;
	if (strncmp(path, "virt@", 5) == 0) {
		diag_error(j->d, &f->name->at, NULL, "virtual pattern files are not supported by Ballast (yet)");
		return -EINVAL;
	}
	path += optional ? 4 : strncmp(path, "file@", 5) == 0 ? 5 : 0;
	file_list_note(path);
	FILE *in = fopen(path, "re");
	if (!in && optional && errno == ENOENT)
		return 0;
	if (!in) {
		diag_error(j->d, &f->name->at, NULL, "cannot open the pattern file '%s': %s", path, strerror(errno));
		return -EINVAL;
	}
	int err = load_lines(j, in, path, f->flags, p);
	if (!err && ferror(in)) { /* a directory can be opened */
		diag_error(j->d, &f->name->at, NULL, "cannot read the pattern file '%s': %s", path, strerror(errno));
		err = -EINVAL;
	}
	fclose(in);
	return err;
}

static bool read_operator(struct test_job *j, enum match_operator *op)
{
	for (enum match_operator o = 0; (j->match == MATCH_INT || j->match == MATCH_LEN) && o < OP_COUNT; o++)
		if (token_is(word(j), operator_names[o])) {
			*op = o;
			return true;
		}
	return false;
}

/* Files of most matches are lists, which others share and the admin may change. */
static bool has_index(enum match_kind kind)
{
	return kind != MATCH_FOUND && kind != MATCH_BOOL && kind != MATCH_BIN && kind != MATCH_METHOD;
}

static int use_list(struct test_job *j, const struct pattern_file *f, struct test *t)
{
	struct pattern_list *l = pattern_list_get(j->a, f->name->text, j->as_map, &f->name->at, j->d);
	const struct pattern_index *i =
		l ? pattern_list_index(l, j->match, f->flags & PATTERN_FOLD, &f->name->at, j->d) : NULL;
	if (!i)
		return -EINVAL;
	if (!t->lists)
		t->lists = arena_alloc(j->a, FILES_MAX * sizeof *t->lists);
	if (!t->lists)
		return -ENOMEM;
	t->lists[t->list_count++] = i;
	return 0;
}

/* "3.1" and "3.1:3.3" as the numbers that they stand for; other text as it is, for the error that it is. */
static struct slice version_number(const struct test_job *j, struct slice text)
{
	struct slice out = { "", 0 };
	const char *at = text.ptr;
	char *end;

	while (*at) {
		if (*at == ':') {
			at++;
			out = arena_printf(j->a, "%s:", out.ptr);
			continue;
		}
		unsigned long major = strtoul(at, &end, 10), minor = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
		if (end == at || (*end && *end != ':') || major > 255 || minor > 65535)
			return text;
		out = arena_printf(j->a, "%s%lu", out.ptr, major << 16 | minor);
		at = end;
	}
	return out;
}

static int parse_patterns(struct test_job *j, struct patterns *p, struct test *t)
{
	enum match_operator op = OP_EQ;
	int err = 0;
	for (unsigned i = 0; !err && i < j->file_count; i++)
		err = has_index(j->match) ? use_list(j, &j->files[i], t) : load_file(j, &j->files[i], p);
	for (; !err && j->at < j->end; j->at++) {
		struct slice text = token_slice(word(j));
		if (read_operator(j, &op))
			continue;
		text = j->dotted ? version_number(j, text) : text;
		err = text.ptr ? patterns_add(p, text, j->flags, op, &word(j)->at, j->d) : -ENOMEM;
	}
	return err ? err : patterns_finish(p);
}

/* Warns of what is written but can have no effect. */
static void check_patterns(const struct test_job *j, const struct patterns *p, const struct token *criterion)
{
	bool takes_none = j->match == MATCH_BOOL || j->match == MATCH_FOUND;
	if (takes_none && patterns_count(p))
		diag_warn(j->d, &criterion->at, NULL,
			"match '%s' looks at no values: those behind '%s' are without effect", match_names[j->match],
			criterion->text);
	if (!takes_none && !patterns_count(p) && !j->file_count && !j->closed)
		diag_warn(j->d, &criterion->at,
			"use '-m found' to test whether it is there, or '--' if nothing shall match",
			"'%s' is compared with no value and never matches", criterion->text);
}

static int parse_test(struct test_job *j, struct test *t)
{
	const struct token *criterion = word(j);
	int err = parse_criterion(j);
	err = err ? err : parse_flags(j);
	err = err ? err : settle_match(j, criterion);
	if (err)
		return err;
	struct patterns *p = patterns_new(j->match, j->a);
	if (!p)
		return -ENOMEM;
	err = parse_patterns(j, p, t);
	if (err)
		return err;
	check_patterns(j, p, criterion);
	const struct fetch_row *fetch = expr_fetch(j->expr);
	/* Bytes are compared as bytes; only text ends at a NUL. */
	bool bytes = j->match == MATCH_LEN && expr_type(j->expr) == SAMPLE_BIN;
	t->expr = j->expr;
	t->patterns = p;
	t->wanted = (uint8_t)(bytes ? SAMPLE_BIN : match_type(j->match));
	t->phases = fetch->phases;
	t->many = fetch->flags & FETCH_MANY;
	return 0;
}

struct test *test_parse(const struct line *l, size_t from, size_t end, struct arena *a, struct diag *d)
{
	struct test_job job = { .l = l, .at = from, .end = end, .a = a, .d = d, .match = MATCH_COUNT };
	struct test *t = arena_zalloc(a, sizeof *t);
	if (from == end) {
		diag_error(d, &l->words[from].at, NULL, "expected a criterion, such as path or hdr(host)");
		return NULL;
	}
	return t && parse_test(&job, t) == 0 ? t : NULL;
}

static bool match_value(const struct test *t, const struct sample *s)
{
	if (patterns_match(t->patterns, s))
		return true;
	for (unsigned i = 0; i < t->list_count; i++)
		if (pattern_index_find(t->lists[i], s))
			return true;
	return false;
}

static bool match_any(const struct test *t, struct sample_ctx *ctx)
{
	struct sample_cursor cursor = { 0 };
	struct sample s;
	while (expr_eval_next(t->expr, ctx, t->wanted, &s, &cursor))
		if (match_value(t, &s))
			return true;
	return false;
}

bool test_match(const struct test *t, struct sample_ctx *ctx)
{
	struct sample s;
	if (!(t->phases & ctx->phase))
		return false;
	if (t->many)
		return match_any(t, ctx);
	return expr_eval(t->expr, ctx, t->wanted, &s) && match_value(t, &s);
}
