/* check_parse: `option httpchk`, and the lines of http-check.
 *
 * What they have in common with tcp-check (expect, connect, variables) is in files of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/sample/format.h"
#include "check_private.h"

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
static bool is_printable(struct slice text, bool spaces)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c == 0x7f || (c < 0x20 && c != '\t') || (!spaces && (c == ' ' || c == '\t')))
			return false;
	}
	return true;
}

static int set_method(struct http_send *to, const struct token *t, struct diag *d)
{
	if (!is_token(t->text)) {
		diag_error(d, &t->at, "GET, HEAD, OPTIONS", "'%s' is not an HTTP method", t->text);
		return -EINVAL;
	}
	to->method = t->text;
	return 0;
}

static int set_uri(struct http_send *to, const struct token *t, struct diag *d)
{
	if (!*t->text || !is_printable(token_slice(t), false)) {
		diag_error(d, &t->at, "a path such as /health",
			"a URI has no spaces and no control bytes, and is not empty");
		return -EINVAL;
	}
	to->uri = (struct check_text){ .text = token_slice(t) };
	return 0;
}

/* "HTTP/1.1", or, as old configurations write, "HTTP/1.1\r\nHost: www". */
static int set_version(struct http_send *to, const struct token *t, struct arena *a, struct diag *d)
{
	const char *end = strstr(t->text, "\r\n");
	struct slice version = end ? slice_of(t->text, (size_t)(end - t->text)) : token_slice(t), more;

	if (!slice_eq(version, SLICE("HTTP/1.0")) && !slice_eq(version, SLICE("HTTP/1.1"))) {
		diag_error(d, &t->at, "HTTP/1.0 or HTTP/1.1", "checks with '%.*s' are not supported by Ballast (yet)",
			(int)version.len, version.ptr);
		return -EINVAL;
	}
	to->version = arena_copy(a, version).ptr;
	if (!end || !end[2])
		return to->version ? 0 : -ENOMEM;
	diag_warn(d, &t->at, "http-check send hdr NAME VALUE", "header fields behind the version are deprecated");
	more = arena_printf(a, "%s%s", end + 2, slice_ends_with(token_slice(t), SLICE("\r\n")) ? "" : "\r\n");
	to->raw = more;
	return more.ptr && to->version ? 0 : -ENOMEM;
}

/* A log-format; one that gives the same for each check is kept as text, which has no spaces where they must not be. */
static int set_format(struct check_text *to, const struct token *t, bool spaces, struct arena *a, struct diag *d)
{
	struct format *f = format_parse(t->text, &t->at, FORMAT_VALUE, PHASE_CHECK, a, d);
	bool printable;

	if (!f)
		return -EINVAL;
	*to = (struct check_text){ .format = f };
	if (format_is_literal(f, &to->text))
		to->format = NULL;
	printable = to->format ? is_printable(token_slice(t), true) : is_printable(to->text, spaces);
	if (printable)
		return 0;
	diag_error(d, &t->at, NULL, "%scontrol bytes cannot stand here", spaces ? "" : "spaces and ");
	return -EINVAL;
}

/* --- option httpchk --- */

static int set_host(struct http_send *to, const struct token *t, struct arena *a, struct diag *d)
{
	struct check_field *host = arena_zalloc(a, sizeof *host);

	if (!host)
		return -ENOMEM;
	host->name = "Host";
	to->fields = host;
	to->field_count = 1;
	return set_format(&host->value, t, true, a, d);
}

int http_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	size_t args = l->count - 2;
	const struct token *t = l->words + 2;
	struct check_script *h;
	int err = line_args(l, 1, 5, d);

	if (err)
		return err;
	h = check_script_extend(b, true, a);
	if (!h)
		return -ENOMEM;
	h->option = (struct http_send){ 0 };
	if (args >= 2)
		err = set_method(&h->option, t++, d);
	if (!err && args >= 1)
		err = set_uri(&h->option, t++, d);
	if (!err && args >= 3)
		err = set_version(&h->option, t++, a, d);
	if (!err && args >= 4)
		err = set_host(&h->option, t, a, d);
	if (!err)
		err = check_script_commit(b, h, a);
	if (!err)
		b->checks.method = CHECK_HTTP;
	return err;
}

/* --- http-check send --- */

static int add_header(struct http_send *to, const struct token *name, const struct token *value, struct arena *a,
	struct diag *d)
{
	struct check_field *all, *field;

	if (!is_token(name->text)) {
		diag_error(d, &name->at, NULL, "'%s' is not the name of a header field", name->text);
		return -EINVAL;
	}
	if (slice_eq_icase(token_slice(name), SLICE("content-length")) ||
		slice_eq_icase(token_slice(name), SLICE("transfer-encoding"))) {
		diag_warn(d, &name->at, NULL, "'%s' is ignored here: Ballast frames the request itself", name->text);
		return 0;
	}
	all = arena_zalloc(a, (to->field_count + 1) * sizeof *all);
	if (!all)
		return -ENOMEM;
	if (to->field_count)
		memcpy(all, to->fields, to->field_count * sizeof *all);
	field = &all[to->field_count++];
	to->fields = all;
	field->name = name->text;
	return set_format(&field->value, value, true, a, d);
}

enum send_word { SEND_METH, SEND_URI, SEND_URI_LF, SEND_VER, SEND_HDR, SEND_BODY, SEND_BODY_LF, SEND_COMMENT };
static const char *const send_words[] = { "meth", "uri", "uri-lf", "ver", "hdr", "body", "body-lf", "comment", NULL };

static int set_body_format(struct http_send *to, const struct token *t, struct arena *a, struct diag *d)
{
	to->body = (struct check_text){ .format = format_parse(t->text, &t->at, FORMAT_VALUE, PHASE_CHECK, a, d) };
	return to->body.format ? 0 : -EINVAL;
}

static int send_argument(struct check_step *step, enum send_word word, const struct token *t, struct arena *a,
	struct diag *d)
{
	struct http_send *to = &step->http_send;

	switch (word) {
	case SEND_METH: return set_method(to, t, d);
	case SEND_URI: return set_uri(to, t, d);
	case SEND_URI_LF: return set_format(&to->uri, t, false, a, d);
	case SEND_VER: return set_version(to, t, a, d);
	case SEND_HDR: return add_header(to, t, t + 1, a, d);
	case SEND_BODY: to->body = (struct check_text){ .text = token_slice(t) }; return 0;
	case SEND_BODY_LF: return set_body_format(to, t, a, d);
	case SEND_COMMENT: step->comment = t->text; return 0;
	}
	return 0;
}

int check_word_missing(const struct line *l, const struct token *of, struct diag *d)
{
	diag_error(d, &l->words[l->count].at, NULL, "'%s' needs %s behind it", of->text,
		token_is(of, "hdr") && token_is(&l->words[1], "send") ? "a name and a value" : "a value");
	return -EINVAL;
}

/* The request that stands for one nobody wrote, or a new one behind a new connection. */
static int add_send(struct check_script *s, const struct line *l, struct check_step **step, struct arena *a,
	struct diag *d)
{
	const struct check_step *last = check_script_last(s);

	if (last && last->kind == STEP_HTTP_SEND && last->implied) {
		s->step_count--;
	} else if (!last || last->kind != STEP_CONNECT) {
		diag_error(d, &l->words[1].at, "http-check connect",
			"a connection carries one request: another one needs an http-check connect before it");
		return -EINVAL;
	}
	*step = check_script_add(s, STEP_HTTP_SEND, a);
	return *step ? 0 : -ENOMEM;
}

static int parse_send(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	struct check_step *step;
	int err = add_send(s, l, &step, a, d);

	for (size_t i = 2; !err && i < l->count;) {
		const struct token *t = &l->words[i];
		unsigned word;
		size_t values;
		err = token_choice(t, "argument of http-check send", send_words, &word, d);
		if (err)
			return err;
		values = word == SEND_HDR ? 2 : 1;
		if (i + values >= l->count)
			return check_word_missing(l, t, d);
		err = send_argument(step, (enum send_word)word, t + 1, a, d);
		i += values + 1;
	}
	return err;
}

/* --- the line --- */

int check_parse_comment(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	int err = line_args(l, 2, 2, d);

	(void)a;
	if (err)
		return err;
	s->comment = l->words[2].text;
	s->lines++;
	return 0;
}

static int parse_disable_on_404(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	(void)a;
	s->disable_on_404 = true;
	return line_args(l, 1, 1, d);
}

static int parse_expect(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	const struct check_step *last = check_script_last(s);

	if (last && last->kind != STEP_CONNECT)
		return check_parse_expect(s, l, a, d);
	diag_error(d, &l->words[1].at, "http-check send", "nothing was sent on this connection that could be answered");
	return -EINVAL;
}

int http_check_parse_rule(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	static int (*const parsers[])(struct check_script * s, const struct line *l, struct arena *a,
		struct diag *d) = { parse_send, parse_expect, check_parse_comment, check_parse_connect,
		parse_disable_on_404 };
	static const char *const rules[] = { "send", "expect", "comment", "connect", "disable-on-404", NULL };
	const struct token *t = &l->words[1];
	struct check_script *s;
	unsigned rule = 0;
	int err;

	if (token_is(t, "send-state")) {
		diag_error(d, &t->at, NULL, "'%s' in http-check is not supported by Ballast (yet)", t->text);
		return -EINVAL;
	}
	if (!check_is_variable(l) && token_choice(t, "http-check rule", rules, &rule, d))
		return -EINVAL;
	s = check_script_extend_rules(b, true, a);
	if (!s)
		return -ENOMEM;
	err = check_is_variable(l) ? check_parse_variable(s, l, a, d) : parsers[rule](s, l, a, d);
	return err ? err : check_script_commit(b, s, a);
}
