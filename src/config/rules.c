/* rules: http-request and http-response lines; their actions are in the room `proxy`. */
#include <errno.h>

#include "directive.h"

static int parse(struct cfg_context *c, const struct line *l, enum rule_set set, struct rules **list)
{
	if (c->section == SECTION_DEFAULTS && !*c->proxy->name) {
		diag_error(c->diag, &l->words[0].at, "defaults NAME", "'%s' needs a defaults section with a name",
			l->words[0].text);
		return -EINVAL;
	}
	return rules_parse(list, set, l, c->proxy->acls, c->arena, c->diag);
}

static int parse_http_request(struct cfg_context *c, const struct line *l)
{
	return parse(c, l, RULES_HTTP_REQUEST, &c->proxy->http_request);
}

static int parse_http_response(struct cfg_context *c, const struct line *l)
{
	return parse(c, l, RULES_HTTP_RESPONSE, &c->proxy->http_response);
}

const struct directive rule_directives[] = {
	{ "http-request", SECTION_PROXY, "<action> [<argument>...] [if|unless <condition>]",
		"what is done with each request", parse_http_request, false, false },
	{ "http-response", SECTION_PROXY, "<action> [<argument>...] [if|unless <condition>]",
		"what is done with each response", parse_http_response, false, false },
	{ 0 },
};
