/* server_agent: keywords of `server` about its agent check. */
#include <errno.h>
#include <stdlib.h>

#include "ballast/server/agent.h"
#include "server_words.h"

static struct health_settings *health_of(void *into)
{
	return &((struct server_settings *)into)->health;
}

HEALTH_WORD(agent_word_check)
{
	(void)c, (void)l, (void)at;
	health_of(into)->agent = true;
	return 0;
}

HEALTH_WORD(agent_word_no_check)
{
	(void)c, (void)l, (void)at;
	health_of(into)->agent = false;
	return 0;
}

HEALTH_WORD(agent_word_inter)
{
	return value_interval(c, l, at, &health_of(into)->agent_inter_ms);
}

HEALTH_WORD(agent_word_port)
{
	const struct token *t = &l->words[(*at)++];
	int64_t n;

	if (token_int(t, "agent-port", 1, 65535, &n, c->diag))
		return -EINVAL;
	health_of(into)->agent_port = (uint16_t)n;
	return 0;
}

HEALTH_WORD(agent_word_addr)
{
	const struct token *t = &l->words[(*at)++];
	struct endpoint_spec spec;

	if (endpoint_parse(token_slice(t), t, ENDPOINT_RESOLVE, &spec, c->arena, c->diag))
		return -EINVAL;
	if (spec.any || spec.at.fd >= 0 || spec.port_low || !spec.at.len || spec.at.sa.sa_family == AF_UNIX) {
		diag_error(c->diag, &t->at, NULL, "agent-addr needs an address, without a port");
		return -EINVAL;
	}
	health_of(into)->agent_addr = spec.at;
	return 0;
}

HEALTH_WORD(agent_word_send)
{
	const struct token *t = &l->words[(*at)++];

	if (t->len >= AGENT_SEND_MAX) {
		diag_error(c->diag, &t->at, NULL, "agent-send takes at most %d bytes", AGENT_SEND_MAX - 1);
		return -EINVAL;
	}
	health_of(into)->agent_send = t->text;
	return 0;
}

void agent_apply(struct cfg_context *c, struct server *s, const struct health_settings *from)
{
	if (!from->agent)
		return;
	if (!from->agent_port) {
		diag_error(c->diag, &s->at, "agent-port 9999", "'agent-check' of server '%s' needs 'agent-port'",
			s->name);
		return;
	}
	s->agent_settings = calloc(1, sizeof *s->agent_settings);
	if (!s->agent_settings) {
		out_of_memory(c, &s->at);
		return;
	}
	s->agent_enabled = true;
	s->agent_inter_ms = from->agent_inter_ms;
	s->agent_settings->addr = from->agent_addr;
	s->agent_settings->port = from->agent_port;
	strcpy(s->agent_settings->send, from->agent_send);
}
