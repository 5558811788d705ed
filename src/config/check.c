/* check: http-check and tcp-check lines; what they mean is in the room `server`. */
#include <errno.h>

#include "directive.h"

static int parse_http_check(struct cfg_context *c, const struct line *l)
{
	int err = need_word(c, l, 1, "http-check", "send, expect or comment");

	return err ? err : http_check_parse_rule(c->proxy->back, l, c->arena, c->diag);
}

static int parse_tcp_check(struct cfg_context *c, const struct line *l)
{
	int err = need_word(c, l, 1, "tcp-check", "a rule");

	return err ? err : tcp_check_parse_rule(c->proxy->back, l, c->arena, c->diag);
}

const struct directive check_directives[] = {
	{ "http-check", SECTION_BACK, "connect|send|expect|comment|disable-on-404|set-var|unset-var ...",
		"what HTTP health checks send and expect", parse_http_check, false, false },
	{ "tcp-check", SECTION_BACK, "connect|send[-lf]|send-binary[-lf]|expect|comment|set-var|unset-var ...",
		"what TCP health checks send and expect", parse_tcp_check, false, false },
	{ 0 },
};
