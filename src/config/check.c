/* check: http-check lines; what they mean is in the room `server`. */
#include <errno.h>

#include "directive.h"

static int parse_http_check(struct cfg_context *c, const struct line *l)
{
	int err = need_word(c, l, 1, "http-check", "send, expect or comment");

	return err ? err : http_check_parse_rule(c->proxy->back, l, c->arena, c->diag);
}

const struct directive check_directives[] = {
	{ "http-check", SECTION_BACK, "send ... | expect ... | comment <text>",
		"what HTTP health checks send and expect", parse_http_check, false, false },
	{ 0 },
};
