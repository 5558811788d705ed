/* check_parse: `option httpchk` and `http-check send|comment`; expect is in check_parse_expect.c.
 *
 * A backend's checks are one immutable struct; each line makes an extended copy of it with the request rendered anew.
 * What came from a `defaults` section is told by its owner: a backend's own http-check rules replace those, and never
 * change what other backends share.
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

/* --- copies --- */

struct http_step *http_check_add_step(struct http_check *h, enum http_step_kind kind, struct arena *a)
{
	struct http_step *all = arena_alloc(a, (h->step_count + 1) * sizeof *all);

	if (!all)
		return NULL;
	if (h->step_count)
		memcpy(all, h->steps, h->step_count * sizeof *all);
	h->steps = all;
	all[h->step_count] = (struct http_step){ .kind = (uint8_t)kind, .comment = h->comment };
	h->comment = NULL;
	return &all[h->step_count++];
}

static struct http_check *extend(const struct backend *b, struct arena *a)
{
	struct http_check *h = arena_zalloc(a, sizeof *h);

	if (!h)
		return NULL;
	if (b->http_check) {
		*h = *b->http_check;
		return h;
	}
	struct http_step *send = http_check_add_step(h, STEP_SEND, a);
	if (!send)
		return NULL;
	send->implied = true;
	return h;
}

/* The first http-check line of a backend puts all from `defaults` aside. */
struct http_check *http_check_extend_rules(const struct backend *b, struct arena *a)
{
	struct http_check *h = extend(b, a);

	if (!h || h->rules_owner == b)
		return h;
	h->rules_owner = b;
	h->comment = NULL;
	h->step_count = 0;
	struct http_step *send = http_check_add_step(h, STEP_SEND, a);
	if (!send)
		return NULL;
	send->implied = true;
	return h;
}

int http_check_commit(struct backend *b, struct http_check *h, struct arena *a)
{
	struct sample_ctx ctx = { .arena = a };

	h->request = slice_of(NULL, 0);
	if (http_send_is_literal(&h->steps[0].send, &h->option)) {
		h->request = http_send_render(&h->steps[0].send, &h->option, &ctx);
		if (!h->request.ptr)
			return -ENOMEM;
	}
	b->http_check = h;
	return 0;
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
	struct http_check *h;
	int err = line_args(l, 1, 5, d);

	if (err)
		return err;
	h = extend(b, a);
	if (!h)
		return -ENOMEM;
	h->on = true;
	h->option = (struct http_send){ 0 };
	if (args >= 2)
		err = set_method(&h->option, t++, d);
	if (!err && args >= 1)
		err = set_uri(&h->option, t++, d);
	if (!err && args >= 3)
		err = set_version(&h->option, t++, a, d);
	if (!err && args >= 4)
		err = set_host(&h->option, t, a, d);
	return err ? err : http_check_commit(b, h, a);
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

static int send_argument(struct http_step *step, enum send_word word, const struct token *t, struct arena *a,
	struct diag *d)
{
	struct http_send *to = &step->send;

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

int http_check_missing(const struct line *l, const struct token *of, struct diag *d)
{
	diag_error(d, &l->words[l->count].at, NULL, "'%s' needs %s behind it", of->text,
		token_is(of, "hdr") && token_is(&l->words[1], "send") ? "a name and a value" : "a value");
	return -EINVAL;
}

static int parse_send(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	struct http_check *h = http_check_extend_rules(b, a);
	struct http_step *step;
	int err = 0;

	if (!h)
		return -ENOMEM;
	if (!h->steps[0].implied || h->step_count > 1) {
		diag_error(d, &l->words[1].at, NULL,
			"a check sends one request, before everything that it expects: a connection for another one "
			"(http-check connect) is not supported by Ballast (yet)");
		return -EINVAL;
	}
	h->step_count = 0;
	step = http_check_add_step(h, STEP_SEND, a);
	if (!step)
		return -ENOMEM;
	for (size_t i = 2; !err && i < l->count;) {
		const struct token *t = &l->words[i];
		unsigned word;
		size_t values;
		err = token_choice(t, "argument of http-check send", send_words, &word, d);
		if (err)
			return err;
		values = word == SEND_HDR ? 2 : 1;
		if (i + values >= l->count)
			return http_check_missing(l, t, d);
		err = send_argument(step, (enum send_word)word, t + 1, a, d);
		i += values + 1;
	}
	return err ? err : http_check_commit(b, h, a);
}

/* --- http-check comment --- */

static int parse_comment(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	struct http_check *h;
	int err = line_args(l, 2, 2, d);

	if (err)
		return err;
	h = http_check_extend_rules(b, a);
	if (!h)
		return -ENOMEM;
	h->comment = l->words[2].text;
	return http_check_commit(b, h, a);
}

int http_check_parse_rule(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	static const char *const unsupported[] = { "connect", "disable-on-404", "send-state", "set-var", "set-var-fmt",
		"unset-var", NULL };
	static const char *const rules[] = { "send", "expect", "comment", NULL };
	const struct token *t = &l->words[1];
	unsigned rule;

	for (const char *const *u = unsupported; *u; u++)
		if (slice_eq(token_slice(t), slice_from_str(*u)) ||
			(t->text[strcspn(t->text, "(")] == '(' &&
				slice_starts_with(token_slice(t), slice_from_str(*u)))) {
			diag_error(d, &t->at, NULL, "'%s' in http-check is not supported by Ballast (yet)", t->text);
			return -EINVAL;
		}
	if (token_choice(t, "http-check rule", rules, &rule, d))
		return -EINVAL;
	switch (rule) {
	case 0: return parse_send(b, l, a, d);
	case 1: return http_check_parse_expect(b, l, a, d);
	default: return parse_comment(b, l, a, d);
	}
}
