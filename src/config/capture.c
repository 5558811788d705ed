/* capture: what a frontend keeps of requests and responses for its log lines: `capture`, `declare capture`. */
#include <errno.h>

#include "ballast/http/msg.h"
#include "ballast/proxy/log_capture.h"
#include "directive.h"

static const char *const sides[] = { "request", "response", NULL };

static struct capture_slots *slots_of(struct cfg_context *c, unsigned side)
{
	struct log_captures *all = c->proxy->rules->captures;
	return side ? &all->response : &all->request;
}

/* `len <length>` at words[at], the last ones of the line. */
static int read_length(struct cfg_context *c, const struct line *l, size_t at, uint32_t *len)
{
	if (need_word(c, l, at, l->words[0].text, "'len' and a length"))
		return -EINVAL;
	if (!token_is(&l->words[at], "len")) {
		diag_error(c->diag, &l->words[at].at, "len 20", "expected 'len' and a length, not '%s'",
			l->words[at].text);
		return -EINVAL;
	}
	return value_u32(c, l, at + 1, "length", 1, 65535, len);
}

static int add_slot(struct cfg_context *c, const struct line *l, unsigned side, struct slice field, uint32_t len)
{
	int number = capture_slot_add(slots_of(c, side), field, len, c->arena);
	return number < 0 ? out_of_memory(c, &l->words[0].at) : 0;
}

/* declare capture request|response len <length> */
static int parse_declare(struct cfg_context *c, const struct line *l)
{
	unsigned side;
	uint32_t len = 0;

	if (token_choice(&l->words[l->count > 2 ? 2 : l->count], "side", sides, &side, c->diag) ||
		read_length(c, l, 3, &len))
		return -EINVAL;
	return add_slot(c, l, side, (struct slice){ 0 }, len);
}

static int parse_header(struct cfg_context *c, const struct line *l, unsigned side)
{
	uint32_t len = 0;

	if (need_word(c, l, 2, "capture", "'header' and the name of a field"))
		return -EINVAL;
	if (!token_is(&l->words[2], "header")) {
		diag_error(c->diag, &l->words[2].at, NULL, "expected 'header', not '%s'", l->words[2].text);
		return -EINVAL;
	}
	if (need_word(c, l, 3, "capture", "the name of a field") || read_length(c, l, 4, &len))
		return -EINVAL;
	return add_slot(c, l, side, token_slice(&l->words[3]), len);
}

/* capture request header <name> len <length> */
static int parse_request(struct cfg_context *c, const struct line *l)
{
	return parse_header(c, l, 0);
}

static int parse_response(struct cfg_context *c, const struct line *l)
{
	return parse_header(c, l, 1);
}

/* capture cookie <name> len <length> */
static int parse_cookie(struct cfg_context *c, const struct line *l)
{
	struct log_captures *all = c->proxy->rules->captures;
	uint32_t len = 0;

	if (need_word(c, l, 2, "capture cookie", "the name of a cookie") || read_length(c, l, 3, &len))
		return -EINVAL;
	if (all->cookie.len) {
		diag_error(c->diag, &l->words[2].at, NULL, "only one cookie can be captured");
		return -EINVAL;
	}
	all->cookie = token_slice(&l->words[2]);
	all->cookie_len_max = len < CAPTURE_COOKIE_LEN_MAX ? len : CAPTURE_COOKIE_LEN_MAX;
	return 0;
}

const struct directive capture_directives[] = {
	{ "capture cookie", SECTION_FRONTEND | SECTION_LISTEN, "<name> len <length>",
		"keeps a cookie of requests and responses for the log", parse_cookie, false, true },
	{ "capture request", SECTION_FRONTEND | SECTION_LISTEN, "header <name> len <length>",
		"keeps a header field of requests for the log", parse_request, false, true },
	{ "capture response", SECTION_FRONTEND | SECTION_LISTEN, "header <name> len <length>",
		"keeps a header field of responses for the log", parse_response, false, true },
	{ "declare capture", SECTION_FRONTEND | SECTION_LISTEN, "request|response len <length>",
		"a slot that rules can fill for the log", parse_declare, false, true },
	{ 0 },
};
