/* errors: what is sent in the place of error pages: errorfile, errorfiles, errorloc, http-error, and sections http-errors. */
#include <errno.h>

#include "ballast/proxy/answer.h"
#include "ballast/proxy/rules.h"
#include "directive.h"

int http_errors_begin(struct cfg_context *c, const struct line *l)
{
	if (need_word(c, l, 1, "http-errors", "a name") || no_more_words(c, l, 1))
		return -EINVAL;
	c->http_errors = errors_define(c->arena, &l->words[1], c->diag);
	return c->http_errors ? 0 : -EINVAL;
}

static struct errors **target(struct cfg_context *c)
{
	return c->proxy ? &c->proxy->set.errors : &c->http_errors;
}

/* `WORD STATUS WHAT` */
static int read_status(struct cfg_context *c, const struct line *l, const char *what, unsigned *status)
{
	const char *word = l->words[0].text;
	int64_t n;

	if (need_word(c, l, 1, word, "a status") || token_int(&l->words[1], word, 200, 599, &n, c->diag) ||
		need_word(c, l, 2, word, what) || no_more_words(c, l, 2))
		return -EINVAL;
	*status = (unsigned)n;
	return 0;
}

static int parse_errorfile(struct cfg_context *c, const struct line *l)
{
	unsigned status;

	if (read_status(c, l, "a file behind the status", &status))
		return -EINVAL;
	return errors_load(target(c), status, l->words[2].text, &l->words[2], c->arena, c->diag);
}

static int redirect(struct cfg_context *c, const struct line *l, unsigned by)
{
	unsigned status;

	if (read_status(c, l, "a URL behind the status", &status))
		return -EINVAL;
	const struct token *t = &l->words[2];
	for (size_t i = 0; i < t->len; i++)
		if ((unsigned char)t->text[i] <= ' ' || t->text[i] == 0x7f) {
			diag_error(c->diag, &t->at, NULL, "a URL cannot hold spaces or control characters");
			return -EINVAL;
		}
	return errors_redirect(target(c), status, by, token_slice(t), t, c->arena, c->diag);
}

static int parse_errorloc302(struct cfg_context *c, const struct line *l)
{
	return redirect(c, l, 302);
}

static int parse_errorloc303(struct cfg_context *c, const struct line *l)
{
	return redirect(c, l, 303);
}

static int parse_errorfiles(struct cfg_context *c, const struct line *l)
{
	if (need_word(c, l, 1, "errorfiles", "the name of a section http-errors"))
		return -EINVAL;
	struct errors *from = errors_refer(c->arena, &l->words[1], c->diag);
	if (!from)
		return -EINVAL;
	if (l->count == 2)
		return errors_import(target(c), from, 0, &l->words[1], c->arena, c->diag);
	for (size_t i = 2; i < l->count; i++) {
		int64_t status;
		if (token_int(&l->words[i], "errorfiles", 200, 599, &status, c->diag))
			return -EINVAL;
		int err = errors_import(target(c), from, (unsigned)status, &l->words[i], c->arena, c->diag);
		if (err)
			return err;
	}
	return 0;
}

static int parse_http_error(struct cfg_context *c, const struct line *l)
{
	return http_error_parse(target(c), l, c->arena, c->diag);
}

const struct directive error_directives[] = {
	{ "errorfile", SECTION_PROXY | SECTION_HTTP_ERRORS, "<status> <file>", "whole response to send for an error",
		parse_errorfile, false, false },
	{ "errorfiles", SECTION_PROXY, "<name> [<status>...]", "responses of a section http-errors, for its errors",
		parse_errorfiles, false, false },
	{ "errorloc", SECTION_PROXY, "<status> <url>", "redirection with 302 instead of an error", parse_errorloc302,
		false, false },
	{ "errorloc302", SECTION_PROXY, "<status> <url>", "the same", parse_errorloc302, false, false },
	{ "errorloc303", SECTION_PROXY, "<status> <url>", "redirection with 303 instead of an error", parse_errorloc303,
		false, false },
	{ "http-error", SECTION_PROXY,
		"status <status> [content-type <type>] [default-errorfiles | errorfile <file> | errorfiles <name> | "
		"file "
		"<file> | lf-file <file> | string <text> | lf-string <fmt>] [hdr <name> <fmt>]*",
		"what is sent for an error, as in 'http-request return'", parse_http_error, false, false },
	{ 0 },
};
