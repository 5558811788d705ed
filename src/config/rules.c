/* rules: tcp-request, http-request and their kin; their actions are in the room `proxy`. */
#include <errno.h>
#include <stdio.h>

#include "directive.h"

static int needs_name(struct cfg_context *c, const struct line *l)
{
	if (c->section != SECTION_DEFAULTS || *c->proxy->name)
		return 0;
	diag_error(c->diag, &l->words[0].at, "defaults NAME", "'%s' needs a defaults section with a name",
		l->words[0].text);
	return -EINVAL;
}

/* The set that the line's first words name. */
static enum rule_set set_of(const struct line *l)
{
	char both[64];
	enum rule_set set = 0;

	snprintf(both, sizeof(both), "%s %s", l->words[0].text, l->count > 1 ? l->words[1].text : "");
	while (set < RULES_SET_COUNT - 1 && !token_is(&l->words[0], rule_set_rows[set].name) &&
		strcmp(both, rule_set_rows[set].name) != 0)
		set++;
	return set;
}

void note_rule_order(struct cfg_context *c, const struct line *l, enum rule_order order)
{
	static const char *const names[ORDER_COUNT] = { "tcp-request connection", "tcp-request session",
		"tcp-request content", "http-request", "redirect", "use_backend", "use-server" };
	unsigned later = order + 1;

	while (later < ORDER_COUNT && !(c->proxy->rules_seen & 1u << later))
		later++;
	c->proxy->rules_seen |= 1u << order;
	if (later < ORDER_COUNT)
		diag_warn(c->diag, &l->words[0].at, NULL,
			"a '%s' rule placed after %s '%s' rule will still be processed before", names[order],
			names[later][0] == 'h' ? "an" : "a", names[later]);
}

static void note_set(struct cfg_context *c, const struct line *l, enum rule_set set)
{
	switch (set) {
	case RULES_TCP_CONNECTION: note_rule_order(c, l, ORDER_TCP_CONNECTION); break;
	case RULES_TCP_SESSION: note_rule_order(c, l, ORDER_TCP_SESSION); break;
	case RULES_TCP_CONTENT: note_rule_order(c, l, ORDER_TCP_CONTENT); break;
	case RULES_HTTP_REQUEST: note_rule_order(c, l, ORDER_HTTP_REQUEST); break;
	case RULES_REDIRECT: note_rule_order(c, l, ORDER_REDIRECT); break;
	default: break;
	}
}

static int parse_rule(struct cfg_context *c, const struct line *l)
{
	enum rule_set set = set_of(l);
	int err = needs_name(c, l);

	if (err)
		return err;
	note_set(c, l, set);
	return rules_parse(c->proxy->rules, set, l, c->proxy->acls, c->arena, c->diag);
}

static int parse_request_delay(struct cfg_context *c, const struct line *l)
{
	int err = needs_name(c, l);
	return err ? err : value_time(c, l, 2, "tcp-request inspect-delay", "ms", &c->proxy->rules->request_delay_ms);
}

static int parse_response_delay(struct cfg_context *c, const struct line *l)
{
	int err = needs_name(c, l);
	return err ? err : value_time(c, l, 2, "tcp-response inspect-delay", "ms", &c->proxy->rules->response_delay_ms);
}

#define RULE_ARGS "<action> [<argument>...] [if|unless <condition>]"

const struct directive rule_directives[] = {
	{ "tcp-request connection", SECTION_FRONT, RULE_ARGS,
		"what is done with each connection, before anything is read of it", parse_rule, false, true },
	{ "tcp-request session", SECTION_FRONT, RULE_ARGS,
		"what is done with each connection, behind its PROXY header and TLS handshake", parse_rule, false,
		true },
	{ "tcp-request content", SECTION_PROXY, RULE_ARGS, "what is done with the first bytes that a client sends",
		parse_rule, false, false },
	{ "tcp-request inspect-delay", SECTION_PROXY, "<time>", "how long tcp-request content rules may wait for bytes",
		parse_request_delay, false, false },
	{ "tcp-response content", SECTION_BACK, RULE_ARGS, "what is done with the first bytes that a server sends",
		parse_rule, false, false },
	{ "tcp-response inspect-delay", SECTION_BACK, "<time>",
		"how long tcp-response content rules may wait for bytes", parse_response_delay, false, false },
	{ "http-request", SECTION_PROXY, RULE_ARGS, "what is done with each request", parse_rule, false, false },
	{ "http-response", SECTION_PROXY, RULE_ARGS, "what is done with each response of a server", parse_rule, false,
		false },
	{ "http-after-response", SECTION_PROXY, RULE_ARGS,
		"what is done with each response, those that Ballast makes too", parse_rule, false, false },
	{ "redirect", SECTION_FRONTEND | SECTION_LISTEN | SECTION_BACKEND,
		"location|prefix|scheme <text> [<option>...] [if|unless <condition>]",
		"sends clients elsewhere, behind the http-request rules", parse_rule, false, false },
	{ 0 },
};
