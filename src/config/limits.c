/* limits: maxconn, rate-limit, fullconn and retries of proxies. */
#include "directive.h"

static int parse_maxconn(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "maxconn", 0, INT32_MAX, &c->proxy->set.front.maxconn);
}

static int parse_rate_limit(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 2, "rate-limit sessions", 0, INT32_MAX, &c->proxy->set.front.session_rate);
}

static int parse_fullconn(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "fullconn", 0, INT32_MAX, &c->proxy->set.back.fullconn);
}

static int parse_retries(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "retries", 0, INT32_MAX, &c->proxy->set.back.retries);
}

const struct directive limit_directives[] = {
	{ "maxconn", SECTION_FRONT, "<connections>", "client connections at a time", parse_maxconn, false, false },
	{ "rate-limit sessions", SECTION_FRONT, "<number>", "new sessions a second; others wait", parse_rate_limit,
		false, false },
	{ "fullconn", SECTION_BACK, "<requests>", "load at which servers with a minconn reach their maxconn",
		parse_fullconn, false, false },
	{ "retries", SECTION_BACK, "<times>", "further tries after a failure to connect", parse_retries, false, false },
	{ 0 },
};
