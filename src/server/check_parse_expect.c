/* check_parse_expect: `http-check expect`, `tcp-check expect`: options, then one match, which `!` before it turns
 * around.
 */
#include <errno.h>
#include <limits.h>

#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"
#include "ballast/sample/regex.h"
#include "check_private.h"

/* --- status --- */

static int parse_range(struct slice member, struct status_range *range)
{
	ptrdiff_t dash = slice_find_byte(member, '-');
	struct slice low = dash < 0 ? member : slice_of(member.ptr, (size_t)dash);
	struct slice high = dash < 0 ? member : slice_skip(member, (size_t)dash + 1);
	uint64_t from, to;

	if (slice_to_u64(low, &from) || slice_to_u64(high, &to) || from < 100 || to > 999 || from > to)
		return -EINVAL;
	*range = (struct status_range){ (uint16_t)from, (uint16_t)to };
	return 0;
}

static int expect_status(struct check_expect *e, const struct token *t, struct arena *a, struct diag *d)
{
	struct slice rest = token_slice(t), member;
	struct status_range *ranges;
	uint32_t room = 1;

	for (const char *at = t->text; *at; at++)
		room += *at == ',';
	ranges = arena_alloc(a, room * sizeof *ranges);
	if (!ranges)
		return -ENOMEM;
	e->ranges = ranges;
	while (slice_next_member(&rest, &member)) {
		if (parse_range(member, &ranges[e->range_count++])) {
			diag_error(d, &t->at, "200,201,300-310",
				"'%.*s' is not a status (100 to 999) or a range of them", (int)member.len, member.ptr);
			return -EINVAL;
		}
	}
	return 0;
}

/* --- what is compared --- */

static int set_regex(struct check_match *m, const struct token *t, bool ignore_case, struct arena *a, struct diag *d)
{
	char error[REGEX_ERROR_TEXT];

	m->how = CHECK_MATCH_REG;
	m->regex = regex_new_in(a, token_slice(t), ignore_case, error);
	if (m->regex)
		return 0;
	diag_error(d, &t->at, NULL, "this regular expression cannot be used: %s", error);
	return -EINVAL;
}

static const struct format *parse_format(const struct token *t, enum format_kind kind, struct arena *a, struct diag *d)
{
	return format_parse(t->text, &t->at, kind, PHASE_CHECK, a, d);
}

static int set_text(struct check_match *m, const struct token *t, bool format, struct arena *a, struct diag *d)
{
	if (!t->len) {
		diag_error(d, &t->at, NULL, "an empty string is found everywhere");
		return -EINVAL;
	}
	m->text.text = token_slice(t);
	if (!format)
		return 0;
	m->text.format = parse_format(t, FORMAT_VALUE, a, d);
	return m->text.format ? 0 : -EINVAL;
}

/* `name|name-lf|value|value-lf [-m METHOD] PATTERN` at *at, which moves behind it. */
static int parse_field_match(struct check_match *m, const char *what, const struct line *l, size_t *at, struct arena *a,
	struct diag *d)
{
	static const char *const methods[] = { "str", "beg", "end", "sub", "reg", NULL };
	const struct token *word = &l->words[*at], *t = word + 1;
	bool format = slice_ends_with(token_slice(word), SLICE("-lf"));
	unsigned how = 0;

	if (*at + 2 < l->count && token_is(t, "-m")) {
		if (token_choice(t + 1, "way to match", methods, &how, d))
			return -EINVAL;
		t += 2;
	}
	if (t >= &l->words[l->count])
		return check_word_missing(l, word, d);
	*at = (size_t)(t - l->words) + 1;
	m->how = (uint8_t)(CHECK_MATCH_STR + how);
	if (m->how != CHECK_MATCH_REG)
		return set_text(m, t, format, a, d);
	if (!format)
		return set_regex(m, t, what[0] == 'n', a, d);
	diag_error(d, &word->at, what, "'%s' cannot be a regular expression", word->text);
	return -EINVAL;
}

static bool names(const struct line *l, size_t at, const char *plain, const char *format)
{
	return at < l->count && (token_is(&l->words[at], plain) || token_is(&l->words[at], format));
}

static int expect_field(struct check_expect *e, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	int err;

	if (!names(l, *at, "name", "name-lf")) {
		diag_error(d, &l->words[*at].at, "hdr name Set-Cookie value -m beg sid=",
			"a header field is expected by 'name' or 'name-lf' and its name");
		return -EINVAL;
	}
	err = parse_field_match(&e->name, "name", l, at, a, d);
	if (!err && names(l, *at, "value", "value-lf"))
		err = parse_field_match(&e->value, "value", l, at, a, d);
	return err;
}

static int expect_body(struct check_expect *e, const struct token *t, bool format, struct arena *a, struct diag *d)
{
	e->value.how = CHECK_MATCH_SUB;
	return set_text(&e->value, t, format, a, d);
}

/* --- options --- */

enum option { MIN_RECV, COMMENT, OK_STATUS, ERROR_STATUS, TIMEOUT_STATUS, ON_SUCCESS, ON_ERROR, STATUS_CODE };
static const char *const option_words[] = { "min-recv", "comment", "ok-status", "error-status", "tout-status",
	"on-success", "on-error", "status-code", NULL };

static int set_status(uint8_t *to, const struct token *t, const char *what, const enum check_status *allowed,
	struct diag *d)
{
	const char *codes[8] = { NULL };
	unsigned chosen;

	for (unsigned i = 0; allowed[i]; i++)
		codes[i] = check_status_code(allowed[i]);
	if (token_choice(t, what, codes, &chosen, d))
		return -EINVAL;
	*to = (uint8_t)allowed[chosen];
	return 0;
}

static int set_min_recv(struct check_expect *e, const struct token *t, struct diag *d)
{
	int64_t n;

	if (token_int(t, "min-recv", -1, INT_MAX, &n, d))
		return -EINVAL;
	e->min_recv = (int32_t)n;
	return 0;
}

static int set_option(struct check_step *step, enum option o, const struct token *t, struct arena *a, struct diag *d)
{
	static const enum check_status good[] = { CHECK_L7OK, CHECK_L7OKC, CHECK_L6OK, CHECK_L4OK, 0 };
	static const enum check_status bad[] = { CHECK_L7OKC, CHECK_L7RSP, CHECK_L7STS, CHECK_L6RSP, CHECK_L4CON, 0 };
	static const enum check_status late[] = { CHECK_L7TOUT, CHECK_L6TOUT, CHECK_L4TOUT, 0 };
	struct check_expect *e = &step->expect;

	switch (o) {
	case MIN_RECV: return set_min_recv(e, t, d);
	case COMMENT: step->comment = t->text; return 0;
	case OK_STATUS: return set_status(&e->ok, t, "ok-status", good, d);
	case ERROR_STATUS: return set_status(&e->error, t, "error-status", bad, d);
	case TIMEOUT_STATUS: return set_status(&e->timeout, t, "tout-status", late, d);
	case ON_SUCCESS: e->on_success = parse_format(t, FORMAT_LOG, a, d); return e->on_success ? 0 : -EINVAL;
	case ON_ERROR: e->on_error = parse_format(t, FORMAT_LOG, a, d); return e->on_error ? 0 : -EINVAL;
	case STATUS_CODE: e->status_code = expr_parse_token(t, PHASE_CHECK, a, d); return e->status_code ? 0 : -EINVAL;
	}
	return 0;
}

/* Leaves *at at the match. */
static int parse_options(struct check_step *step, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	for (; *at < l->count; *at += 2) {
		const struct token *t = &l->words[*at];
		unsigned option = 0;
		while (option_words[option] && !token_is(t, option_words[option]))
			option++;
		if (!option_words[option])
			return 0;
		if (*at + 1 >= l->count)
			return check_word_missing(l, t, d);
		if (set_option(step, (enum option)option, t + 1, a, d))
			return -EINVAL;
	}
	return 0;
}

/* --- the match --- */

enum match { STATUS, RSTATUS, HDR, FHDR, STRING, RSTRING, STRING_LF, BINARY, RBINARY, BINARY_LF };

/* Words of both kinds of checks; the index is the match, less what a kind has not. */
static const char *const http_words[] = { "status", "rstatus", "hdr", "fhdr", "string", "rstring", "string-lf", NULL };
static const char *const tcp_words[] = { "string", "rstring", "string-lf", "binary", "rbinary", "binary-lf", NULL };

int check_parse_hex(const struct token *t, struct slice *out, struct arena *a, struct diag *d)
{
	*out = check_unhex(token_slice(t), a);
	if (out->ptr && out->len)
		return 0;
	diag_error(d, &t->at, "50494e470d0a", "'%s' is not an even number of hexadecimal digits", t->text);
	return -EINVAL;
}

static int expect_bytes(struct check_expect *e, const struct token *t, struct arena *a, struct diag *d)
{
	e->value.how = CHECK_MATCH_SUB;
	return check_parse_hex(t, &e->value.text.text, a, d);
}

static int expect_bytes_format(struct check_expect *e, const struct token *t, struct arena *a, struct diag *d)
{
	e->value.text.hex = true;
	return expect_body(e, t, true, a, d);
}

/* What messages call it. */
static const char *name_of(enum match match, const struct check_expect *e, struct arena *a)
{
	static const char *const names[] = { [RSTRING] = "regex",
		[STRING_LF] = "log-format string",
		[RBINARY] = "binary regex",
		[BINARY_LF] = "log-format binary" };

	if (match == STRING || match == BINARY)
		return arena_printf(a, "%s '%.*s'", match == STRING ? "string" : "binary", (int)e->value.text.text.len,
			e->value.text.text.ptr)
		        .ptr;
	return names[match] ? names[match] : "";
}

static int parse_pattern(struct check_expect *e, enum match match, const struct line *l, size_t *at, struct arena *a,
	struct diag *d)
{
	static const uint8_t kinds[] = { EXPECT_STATUS, EXPECT_RSTATUS, EXPECT_HDR, EXPECT_FHDR, EXPECT_BODY,
		EXPECT_BODY, EXPECT_BODY, EXPECT_BODY, EXPECT_HEX, EXPECT_BODY };
	const struct token *t = &l->words[*at];

	e->kind = kinds[match];
	if (match == HDR || match == FHDR)
		return expect_field(e, l, at, a, d);
	++*at;
	switch (match) {
	case STATUS: return expect_status(e, t, a, d);
	case STRING:
	case STRING_LF: return expect_body(e, t, match == STRING_LF, a, d);
	case BINARY: return expect_bytes(e, t, a, d);
	case BINARY_LF: return expect_bytes_format(e, t, a, d);
	default: return set_regex(&e->value, t, match == RBINARY, a, d);
	}
}

static int parse_match(struct check_expect *e, bool http, const struct line *l, size_t *at, struct arena *a,
	struct diag *d)
{
	struct token t = l->words[*at];
	unsigned match;
	int err;

	e->negate = t.text[0] == '!';
	if (e->negate && t.len > 1) { /* "!status" */
		t.text++, t.len--, t.at.column++, t.at.width--;
	} else if (e->negate && *at < l->count) {
		t = l->words[++*at];
	}
	if (token_choice(&t, http ? "match of http-check expect" : "match of tcp-check expect",
		    http ? http_words : tcp_words, &match, d))
		return -EINVAL;
	match += http ? STATUS : STRING;
	if (++*at >= l->count)
		return check_word_missing(l, &t, d);
	err = parse_pattern(e, (enum match)match, l, at, a, d);
	if (!e->error)
		e->error = match < STRING ? CHECK_L7STS : CHECK_L7RSP;
	if (!err && !(e->what = name_of((enum match)match, e, a)))
		err = -ENOMEM;
	return err;
}

/* --- the line --- */

int check_parse_expect(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	struct check_step *step = check_script_add(s, s->http ? STEP_HTTP_EXPECT : STEP_EXPECT, a);
	size_t at = 2;
	int err;

	if (!step)
		return -ENOMEM;
	step->expect = (struct check_expect){ .min_recv = -1, .ok = CHECK_L7OK, .timeout = CHECK_L7TOUT };
	err = parse_options(step, l, &at, a, d);
	if (!err)
		err = parse_match(&step->expect, s->http, l, &at, a, d);
	if (!err)
		err = parse_options(step, l, &at, a, d);
	if (!err && at < l->count) {
		diag_error(d, &l->words[at].at, "escape spaces: Not\\ Found", "unexpected argument '%s'",
			l->words[at].text);
		return -EINVAL;
	}
	return err;
}
