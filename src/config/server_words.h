/* server_words: what the files share that read the keywords of `server` and `default-server`. */
#ifndef SRC_CONFIG_SERVER_WORDS_H
#define SRC_CONFIG_SERVER_WORDS_H

#include "directive.h"

#define HEALTH_WORD(name) int name(struct cfg_context *c, void *into, const struct line *l, size_t *at)

/* --- server_agent.c --- */

HEALTH_WORD(agent_word_addr);
HEALTH_WORD(agent_word_check);
HEALTH_WORD(agent_word_inter);
HEALTH_WORD(agent_word_no_check);
HEALTH_WORD(agent_word_port);
HEALTH_WORD(agent_word_send);

#define AGENT_ROWS \
	{ "agent-addr", "<address>", "address of its agent", agent_word_addr }, \
		{ "agent-check", NULL, "a program beside it tells its weight and state", agent_word_check }, \
		{ "agent-inter", "<time>", "interval of agent checks", agent_word_inter }, \
		{ "agent-port", "<port>", "port of its agent", agent_word_port }, \
		{ "agent-send", "<text>", "what the agent is told first", agent_word_send }, \
	{ \
		"no-agent-check", NULL, "undoes 'agent-check'", agent_word_no_check \
	}

/* Into the server; its faults are in the diag. */
void agent_apply(struct cfg_context *c, struct server *s, const struct health_settings *from);

/* --- server_health.c --- */

HEALTH_WORD(health_word_check_alpn);
HEALTH_WORD(health_word_check_proto);
HEALTH_WORD(health_word_check_reuse);
HEALTH_WORD(health_word_no_check_reuse);
HEALTH_WORD(health_word_error_limit);
HEALTH_WORD(health_word_observe);
HEALTH_WORD(health_word_on_error);
HEALTH_WORD(health_word_on_marked_down);
HEALTH_WORD(health_word_on_marked_up);
HEALTH_WORD(health_word_slowstart);
HEALTH_WORD(health_word_track);

#define HEALTH_ROWS \
	{ "check-alpn", "<protocol>[,...]", "protocols that health checks agree on", health_word_check_alpn }, \
		{ "check-proto", "h1|none", "what health checks speak", health_word_check_proto }, \
		{ "check-reuse-pool", NULL, "HTTP health checks use idle connections", health_word_check_reuse }, \
		{ "no-check-reuse-pool", NULL, "undoes 'check-reuse-pool'", health_word_no_check_reuse }, \
		{ "error-limit", "<errors>", "errors in a row that 'observe' acts on", health_word_error_limit }, \
		{ "observe", "layer4|layer7", "requests tell of its health, too", health_word_observe }, \
		{ "on-error", "fastinter|fail-check|sudden-death|mark-down", "what 'observe' does then", \
			health_word_on_error }, \
		{ "on-marked-down", "shutdown-sessions", "sessions on it end when it goes down", \
			health_word_on_marked_down }, \
		{ "on-marked-up", "shutdown-backup-sessions", "sessions on backup servers end when it comes up", \
			health_word_on_marked_up }, \
		{ "slowstart", "<time>", "how long it takes to its full weight and limit when it is back", \
			health_word_slowstart }, \
	{ \
		"track", "[<backend>/]<server>", "its state is that of another server", health_word_track \
	}

/* What the words above say goes into the server. */
void health_apply(struct cfg_context *c, struct server *s, const struct health_settings *from);
/* When all servers are known. Faults are in the diag. */
void check_health(struct cfg_context *c);

#endif
