/* stats_socket: `stats socket`, where administrators connect, and `stats timeout`. */
#include <errno.h>

#include "directive.h"

static int socket_mode(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return value_file_mode(c, &l->words[(*at)++], &((struct stats_socket *)into)->mode);
}

static int socket_user(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return value_user(c, &l->words[(*at)++], &((struct stats_socket *)into)->uid);
}

static int socket_group(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return value_group(c, &l->words[(*at)++], &((struct stats_socket *)into)->gid);
}

static int socket_id(struct cfg_context *c, const struct line *l, size_t *at, const char *what, uint32_t *out)
{
	int64_t n;

	if (token_int(&l->words[(*at)++], what, 0, INT32_MAX, &n, c->diag))
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static int socket_uid(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return socket_id(c, l, at, "uid", &((struct stats_socket *)into)->uid);
}

static int socket_gid(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return socket_id(c, l, at, "gid", &((struct stats_socket *)into)->gid);
}

static int socket_level(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	static const char *const levels[] = { "user", "operator", "admin", NULL };
	unsigned level;

	if (token_choice(&l->words[(*at)++], "level", levels, &level, c->diag))
		return -EINVAL;
	((struct stats_socket *)into)->level = (enum admin_level)level;
	return 0;
}

static int socket_maxconn(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	int64_t n;

	if (token_int(&l->words[(*at)++], "maxconn", 1, INT32_MAX, &n, c->diag))
		return -EINVAL;
	((struct stats_socket *)into)->maxconn = (uint32_t)n;
	return 0;
}

static int socket_expose_fd(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	static const char *const whats[] = { "listeners", NULL };
	unsigned what;

	if (token_choice(&l->words[(*at)++], "expose-fd", whats, &what, c->diag))
		return -EINVAL;
	((struct stats_socket *)into)->expose_listeners = true;
	return 0;
}

const struct keyword_row stats_keywords[] = {
	{ "expose-fd", "listeners", "the listening sockets may be taken over there (-x)", socket_expose_fd },
	{ "gid", "<number>", "group of the socket's file", socket_gid },
	{ "group", "<name>", "group of the socket's file", socket_group },
	{ "level", "user|operator|admin", "what may be done there", socket_level },
	{ "maxconn", "<connections>", "connections at a time", socket_maxconn },
	{ "mode", "<octal>", "permissions of the socket's file", socket_mode },
	{ "uid", "<number>", "owner of the socket's file", socket_uid },
	{ "user", "<name>", "owner of the socket's file", socket_user },
	{ 0 },
};

static int parse_stats_socket(struct cfg_context *c, const struct line *l)
{
	struct stats_socket *s = arena_zalloc(c->arena, sizeof(*s)), **last = &c->graph->global.stats_sockets;
	struct endpoint_spec spec;

	if (!s)
		return out_of_memory(c, &l->words[0].at);
	if (need_word(c, l, 2, "stats socket", "a path or an address with a port"))
		return -EINVAL;
	*s = (struct stats_socket){ .level = LEVEL_OPERATOR, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	const struct token *t = &l->words[2];
	int err = keywords_parse(c, stats_keywords, unsupported_bind, "stats socket", s, l, 3);
	if (endpoint_parse(token_slice(t), t, ENDPOINT_PORT_REQUIRED, &spec, c->arena, c->diag) || err)
		return -EINVAL;
	s->at = spec.at;
	s->where = t->at;
	while (*last)
		last = &(*last)->next;
	*last = s;
	return 0;
}

static int parse_stats_timeout(struct cfg_context *c, const struct line *l)
{
	return value_time(c, l, 2, "stats timeout", "ms", &c->graph->global.stats_timeout_ms);
}

static int parse_stats_maxconn(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 2, "stats maxconn", 1, INT32_MAX, &c->graph->global.stats_maxconn);
}

const struct directive stats_directives[] = {
	{ "stats maxconn", SECTION_GLOBAL, "<connections>", "connections of administrators at a time",
		parse_stats_maxconn, false, false },
	{ "stats socket", SECTION_GLOBAL, "<path>|<address>:<port> [<keyword>...]", "where administrators connect",
		parse_stats_socket, false, false },
	{ "stats timeout", SECTION_GLOBAL, "<time>", "inactivity of an administrator", parse_stats_timeout, false,
		false },
	{ 0 },
};
