/* check_parse: `option httpchk` and `http-check send|expect`.
 *
 * A backend's checks are one immutable struct; each line makes an extended copy of it with the request rendered anew.
 * What came from a `defaults` section is told by its owner: a backend's own http-check rules replace those, and never
 * change what other backends share.
 */
#include "ballast/sample/regex.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/server/check.h"

/* --- texts --- */

static bool is_token(const char *text)
{
	static const char extra[] = "!#$%&'*+-.^_`|~";

	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool alnum = (unsigned char)(c - '0') < 10 || (unsigned char)((c | 0x20) - 'a') < 26;
		if (!alnum && !strchr(extra, c))
			return false;
	}
	return true;
}

/* No control bytes; no spaces either where `spaces` is false. */
static bool is_printable(const char *text, bool spaces)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == 0x7f || (c < 0x20 && c != '\t') || (!spaces && (c == ' ' || c == '\t')))
			return false;
	}
	return true;
}

static int set_method(struct http_check *h, const struct token *t, struct diag *d)
{
	if (!is_token(t->text)) {
		diag_error(d, &t->at, "GET, HEAD, OPTIONS", "'%s' is not an HTTP method", t->text);
		return -EINVAL;
	}
	h->method = t->text;
	return 0;
}

static int set_uri(struct http_check *h, const struct token *t, struct diag *d)
{
	if (!*t->text || !is_printable(t->text, false)) {
		diag_error(d, &t->at, "a path such as /health",
			"a URI has no spaces and no control bytes, and is not empty");
		return -EINVAL;
	}
	h->uri = t->text;
	return 0;
}

static int append_headers(struct http_check *h, struct slice more, struct arena *a)
{
	h->headers = arena_printf(a, "%.*s%.*s", (int)h->headers.len, h->headers.len ? h->headers.ptr : "",
		(int)more.len, more.ptr);
	return h->headers.ptr ? 0 : -ENOMEM;
}

/* "HTTP/1.1", or, as old configurations write, "HTTP/1.1\r\nHost: www". */
static int set_version(struct http_check *h, const struct token *t, struct arena *a, struct diag *d)
{
	const char *end = strstr(t->text, "\r\n");
	struct slice version = end ? slice_of(t->text, (size_t)(end - t->text)) : token_slice(t), more;

	if (!slice_eq(version, SLICE("HTTP/1.0")) && !slice_eq(version, SLICE("HTTP/1.1"))) {
		diag_error(d, &t->at, "HTTP/1.0 or HTTP/1.1", "checks with '%.*s' are not supported by Ballast (yet)",
			(int)version.len, version.ptr);
		return -EINVAL;
	}
	h->version = arena_copy(a, version).ptr;
	if (!end || !end[2])
		return h->version ? 0 : -ENOMEM;
	diag_warn(d, &t->at, "http-check send hdr NAME VALUE", "header fields behind the version are deprecated");
	more = arena_printf(a, "%s%s", end + 2, slice_ends_with(token_slice(t), SLICE("\r\n")) ? "" : "\r\n");
	return more.ptr && h->version ? append_headers(h, more, a) : -ENOMEM;
}

/* Log-format text without variables: "%%" is a percent sign. NULL after a diagnosis. */
static const char *plain_format(const struct token *t, struct arena *a, struct diag *d)
{
	char *out = arena_strdup(a, t->text), *to = out;

	for (const char *at = t->text; out && *at; at++) {
		if (*at == '%' && at[1] != '%') {
			diag_error(d, &t->at, "write %% for a percent sign",
				"variables in checks are not supported by Ballast (yet)");
			return NULL;
		}
		at += *at == '%';
		*to++ = *at;
	}
	if (out)
		*to = 0;
	if (out && !is_printable(out, true)) {
		diag_error(d, &t->at, NULL, "control bytes cannot stand in a header field");
		return NULL;
	}
	return out;
}

/* --- copies --- */

static struct http_check *extend(const struct backend *b, struct arena *a)
{
	struct http_check *h = arena_zalloc(a, sizeof *h);

	if (!h)
		return NULL;
	if (b->http_check)
		*h = *b->http_check;
	else
		*h = (struct http_check){ .method = "OPTIONS", .uri = "/", .version = "HTTP/1.0", .min_recv = -1 };
	return h;
}

/* The first http-check line of a backend puts all from `defaults` aside. */
static struct http_check *extend_rules(const struct backend *b, struct arena *a)
{
	struct http_check *h = extend(b, a);

	if (!h || h->rules_owner == b)
		return h;
	if (h->has_send) {
		h->headers = h->body = (struct slice){ 0 };
		h->host = NULL;
	}
	h->has_send = h->has_expect = h->has_connection = h->negate = false;
	h->expect = EXPECT_DEFAULT;
	h->rules_owner = b;
	return h;
}

static int render(struct http_check *h, struct arena *a)
{
	struct slice host = { "", 0 }, length = { "", 0 };

	if (h->host)
		host = arena_printf(a, "Host: %s\r\n", h->host);
	if (h->body.len)
		length = arena_printf(a, "Content-Length: %zu\r\n", h->body.len);
	if (!host.ptr || !length.ptr)
		return -ENOMEM;
	h->request = arena_printf(a, "%s %s %s\r\n%s%.*s%s%s\r\n%.*s", h->method, h->uri, h->version, host.ptr,
		(int)h->headers.len, h->headers.len ? h->headers.ptr : "", length.ptr,
		h->has_connection ? "" : "Connection: close\r\n", (int)h->body.len, h->body.len ? h->body.ptr : "");
	return h->request.ptr ? 0 : -ENOMEM;
}

static int commit(struct backend *b, struct http_check *h, struct arena *a)
{
	int err = render(h, a);

	if (!err)
		b->http_check = h;
	return err;
}

/* --- option httpchk --- */

int http_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	size_t args = l->count - 2;
	const struct token *t = l->words + 2;
	struct http_check *h;
	int err = line_args(l, 1, 5, d);

	if (err)
		return err;
	h = extend(b, a);
	if (!h)
		return -ENOMEM;
	h->on = true;
	if (args >= 2)
		err = set_method(h, t++, d);
	if (!err && args >= 1)
		err = set_uri(h, t++, d);
	if (!err && args >= 3)
		err = set_version(h, t++, a, d);
	if (!err && args >= 4) {
		h->host = plain_format(t, a, d);
		err = h->host ? 0 : -EINVAL;
	}
	return err ? err : commit(b, h, a);
}

/* --- http-check send --- */

static int add_header(struct http_check *h, const struct token *name, const struct token *value, struct arena *a,
	struct diag *d)
{
	const char *text = plain_format(value, a, d);
	struct slice field;

	if (!text)
		return -EINVAL;
	if (!is_token(name->text)) {
		diag_error(d, &name->at, NULL, "'%s' is not the name of a header field", name->text);
		return -EINVAL;
	}
	if (slice_eq_icase(token_slice(name), SLICE("content-length")) ||
		slice_eq_icase(token_slice(name), SLICE("transfer-encoding"))) {
		diag_warn(d, &name->at, NULL, "'%s' is ignored here: Ballast frames the request itself", name->text);
		return 0;
	}
	if (slice_eq_icase(token_slice(name), SLICE("host"))) {
		h->host = text;
		return 0;
	}
	h->has_connection |= slice_eq_icase(token_slice(name), SLICE("connection"));
	field = arena_printf(a, "%s: %s\r\n", name->text, text);
	return field.ptr ? append_headers(h, field, a) : -ENOMEM;
}

enum send_word { SEND_METH, SEND_URI, SEND_VER, SEND_HDR, SEND_BODY, SEND_COMMENT };
static const char *const send_words[] = { "meth", "uri", "ver", "hdr", "body", "comment", NULL };

static int send_argument(struct http_check *h, enum send_word word, const struct token *t, struct arena *a,
	struct diag *d)
{
	switch (word) {
	case SEND_METH: return set_method(h, t, d);
	case SEND_URI: return set_uri(h, t, d);
	case SEND_VER: return set_version(h, t, a, d);
	case SEND_HDR: return add_header(h, t, t + 1, a, d);
	case SEND_BODY: h->body = token_slice(t); return 0;
	case SEND_COMMENT: /* for people */ return 0;
	}
	return 0;
}

static int missing_value(const struct line *l, const struct token *of, struct diag *d)
{
	diag_error(d, &l->words[l->count].at, NULL, "'%s' needs %s behind it", of->text,
		token_is(of, "hdr") ? "a name and a value" : "a value");
	return -EINVAL;
}

static int refuse_word(const struct token *t, const char *const *unsupported, struct diag *d)
{
	for (; *unsupported; unsupported++)
		if (token_is(t, *unsupported)) {
			diag_error(d, &t->at, NULL, "'%s' in http-check is not supported by Ballast (yet)", t->text);
			return -EINVAL;
		}
	return 0;
}

static int parse_send(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	static const char *const unsupported[] = { "uri-lf", "body-lf", NULL };
	struct http_check *h = extend_rules(b, a);
	int err = h ? 0 : -ENOMEM;

	if (err)
		return err;
	if (h->has_send) {
		diag_error(d, &l->words[1].at, NULL, "more than one http-check send is not supported by Ballast (yet)");
		return -EINVAL;
	}
	h->has_send = true;
	for (size_t i = 2; !err && i < l->count;) {
		const struct token *t = &l->words[i];
		unsigned word;
		size_t values;
		err = refuse_word(t, unsupported, d);
		if (!err)
			err = token_choice(t, "argument of http-check send", send_words, &word, d);
		if (err)
			return err;
		values = word == SEND_HDR ? 2 : 1;
		if (i + values >= l->count)
			return missing_value(l, t, d);
		err = send_argument(h, (enum send_word)word, t + 1, a, d);
		i += values + 1;
	}
	return err ? err : commit(b, h, a);
}

/* --- http-check expect --- */

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

static int expect_status(struct http_check *h, const struct token *t, struct arena *a, struct diag *d)
{
	struct slice rest = token_slice(t), member;
	uint32_t room = 1;

	for (const char *at = t->text; *at; at++)
		room += *at == ',';
	h->ranges = arena_alloc(a, room * sizeof h->ranges[0]);
	if (!h->ranges)
		return -ENOMEM;
	h->range_count = 0;
	h->expect = EXPECT_STATUS;
	while (slice_next_member(&rest, &member)) {
		if (parse_range(member, &h->ranges[h->range_count++])) {
			diag_error(d, &t->at, "200,201,300-310",
				"'%.*s' is not a status (100 to 999) or a range of them", (int)member.len, member.ptr);
			return -EINVAL;
		}
	}
	return 0;
}

static int expect_string(struct http_check *h, const struct token *t, struct diag *d)
{
	if (!t->len) {
		diag_error(d, &t->at, NULL, "an empty string is found in every response");
		return -EINVAL;
	}
	h->expect = EXPECT_STRING;
	h->string = token_slice(t);
	return 0;
}

static int expect_regex(struct http_check *h, enum check_expect expect, const struct token *t, struct arena *a,
	struct diag *d)
{
	char error[REGEX_ERROR_TEXT];

	h->expect = (uint8_t)expect;
	h->regex = regex_new_in(a, token_slice(t), false, error);
	if (h->regex)
		return 0;
	diag_error(d, &t->at, NULL, "this regular expression cannot be used: %s", error);
	return -EINVAL;
}

/* min-recv N, comment MSG; leaves *at at the match. */
static int expect_options(struct http_check *h, const struct line *l, size_t *at, struct diag *d)
{
	for (; *at < l->count; *at += 2) {
		const struct token *t = &l->words[*at];
		int64_t n;
		if (!token_is(t, "min-recv") && !token_is(t, "comment"))
			return 0;
		if (*at + 1 >= l->count)
			return missing_value(l, t, d);
		if (token_is(t, "comment"))
			continue;
		if (token_int(t + 1, "min-recv", -1, 16384, &n, d))
			return -EINVAL;
		h->min_recv = (int32_t)n;
	}
	return 0;
}

static int parse_match(struct http_check *h, const struct line *l, size_t at, struct arena *a, struct diag *d)
{
	static const char *const unsupported[] = { "hdr", "fhdr", "string-lf", "ok-status", "error-status",
		"tout-status", "on-success", "on-error", "status-code", NULL };
	static const char *const matches[] = { "status", "string", "rstatus", "rstring", NULL };
	struct token t = l->words[at];
	unsigned match;

	h->negate = t.text[0] == '!';
	if (h->negate && t.len > 1) { /* "!status" */
		t.text++, t.len--, t.at.column++, t.at.width--;
	} else if (h->negate && at < l->count) {
		t = l->words[++at];
	}
	if (refuse_word(&t, unsupported, d) || token_choice(&t, "match of http-check expect", matches, &match, d))
		return -EINVAL;
	if (at + 1 >= l->count)
		return missing_value(l, &t, d);
	if (at + 2 < l->count) {
		diag_error(d, &l->words[at + 2].at, "escape spaces: Not\\ Found", "unexpected argument '%s'",
			l->words[at + 2].text);
		return -EINVAL;
	}
	const struct token *value = &l->words[at + 1];
	switch (match) {
	case 0: return expect_status(h, value, a, d);
	case 1: return expect_string(h, value, d);
	case 2: return expect_regex(h, EXPECT_RSTATUS, value, a, d);
	default: return expect_regex(h, EXPECT_RSTRING, value, a, d);
	}
}

static int parse_expect(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	struct http_check *h = extend_rules(b, a);
	size_t at = 2;
	int err;

	if (!h)
		return -ENOMEM;
	if (h->has_expect) {
		diag_error(d, &l->words[1].at, NULL,
			"more than one http-check expect is not supported by Ballast (yet)");
		return -EINVAL;
	}
	h->has_expect = true;
	h->min_recv = -1;
	err = expect_options(h, l, &at, d);
	if (!err)
		err = parse_match(h, l, at, a, d);
	return err ? err : commit(b, h, a);
}

int http_check_parse_rule(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	static const char *const unsupported[] = { "comment", "connect", "disable-on-404", "send-state", "set-var",
		"set-var-fmt", "unset-var", NULL };
	static const char *const rules[] = { "send", "expect", NULL };
	const struct token *t = &l->words[1];
	unsigned rule;

	if (refuse_word(t, unsupported, d) || token_choice(t, "http-check rule", rules, &rule, d))
		return -EINVAL;
	return rule == 0 ? parse_send(b, l, a, d) : parse_expect(b, l, a, d);
}
