/* bind: `bind ADDRESS[,ADDRESS...] [KEYWORD...]`: the addresses that a frontend listens on.
 *
 * Each address and each port of a range is a listener of its own, with the same parameters.
 */
#include <errno.h>
#include <stdio.h>

#include "directive.h"

/* What the keywords say. */
struct bind_settings {
	struct tls_words tls; /* first: its keywords write there */
	struct listener_options options;
	uint32_t maxconn, id;
	struct place id_at;
	const char *name;
	bool accept_proxy;
};

static int u32_word(struct cfg_context *c, const struct line *l, size_t *at, uint32_t min, uint32_t max, uint32_t *out)
{
	const struct token *t = &l->words[(*at)++];
	int64_t n;

	if (token_int(t, l->words[*at - 2].text, min, max, &n, c->diag))
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static int bind_backlog(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	struct bind_settings *b = into;
	uint32_t n = 0;
	int err = u32_word(c, l, at, 1, INT32_MAX, &n);

	b->options.backlog = n;
	return err;
}

static int bind_maxconn(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return u32_word(c, l, at, 0, INT32_MAX, &((struct bind_settings *)into)->maxconn);
}

static int bind_name(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	(void)c;
	((struct bind_settings *)into)->name = l->words[(*at)++].text;
	return 0;
}

static int bind_id(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	struct bind_settings *b = into;

	b->id_at = l->words[*at].at;
	return u32_word(c, l, at, 1, INT32_MAX, &b->id);
}

static int bind_interface(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	const struct token *t = &l->words[(*at)++];

	if (t->len == 0 || t->len > 15) {
		diag_error(c->diag, &t->at, NULL, "the name of a network interface has 1 to 15 bytes");
		return -EINVAL;
	}
	((struct bind_settings *)into)->options.interface = t->text;
	return 0;
}

static int bind_tfo(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	(void)c, (void)l, (void)at;
	((struct bind_settings *)into)->options.tfo = true;
	return 0;
}

static int bind_tcp_ut(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return value_interval(c, l, at, &((struct bind_settings *)into)->options.user_timeout_ms);
}

static int bind_accept_proxy(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	(void)c, (void)l, (void)at;
	((struct bind_settings *)into)->accept_proxy = true;
	return 0;
}

static int bind_v4v6(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	(void)c, (void)l, (void)at;
	((struct bind_settings *)into)->options.v4v6 = true;
	return 0;
}

static int bind_v6only(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	(void)c, (void)l, (void)at;
	((struct bind_settings *)into)->options.v6only = true;
	return 0;
}

static int bind_mode(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	struct bind_settings *b = into;

	b->options.has_mode = true;
	return value_file_mode(c, &l->words[(*at)++], &b->options.mode);
}

static int bind_user(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return value_user(c, &l->words[(*at)++], &((struct bind_settings *)into)->options.uid);
}

static int bind_group(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return value_group(c, &l->words[(*at)++], &((struct bind_settings *)into)->options.gid);
}

static int bind_uid(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return u32_word(c, l, at, 0, INT32_MAX, &((struct bind_settings *)into)->options.uid);
}

static int bind_gid(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	return u32_word(c, l, at, 0, INT32_MAX, &((struct bind_settings *)into)->options.gid);
}

/* One socket a thread is what Ballast does anyway; all its threads are one group to the kernel. */
static int bind_shards(struct cfg_context *c, void *into, const struct line *l, size_t *at)
{
	struct bind_settings *b = into;
	const struct token *t = &l->words[*at];

	if (token_is(t, "by-thread") || token_is(t, "by-group")) {
		b->options.shards = token_is(t, "by-thread") ? 0 : 1;
		++*at;
		return 0;
	}
	if (t->len == 0 || t->text[strspn(t->text, "0123456789")]) {
		++*at;
		diag_error(c->diag, &t->at, NULL, "shards must be a number, by-thread or by-group, not '%s'", t->text);
		return -EINVAL;
	}
	uint32_t n = 0;
	int err = u32_word(c, l, at, 1, LOOP_THREADS_MAX, &n);
	b->options.shards = n;
	return err;
}

const struct keyword_row bind_keywords[] = {
	TLS_ROWS_BOTH,
	{ "accept-proxy", NULL, "connections begin with a PROXY protocol header", bind_accept_proxy },
	{ "crt", "<file>", "certificate and key, or a folder of them", tls_word_crt },
	{ "no-alpn", NULL, "no protocol is agreed on", tls_word_no_alpn },
	{ "no-strict-sni", NULL, "undoes 'strict-sni'", tls_word_no_strict_sni },
	{ "strict-sni", NULL, "only for names that a certificate is there for", tls_word_strict_sni },
	{ "verify", "none|optional|required", "certificates of clients", tls_word_bind_verify },
	{ "backlog", "<connections>", "connections that may wait to be accepted", bind_backlog },
	{ "gid", "<number>", "group of the socket's file", bind_gid },
	{ "group", "<name>", "group of the socket's file", bind_group },
	{ "id", "<number>", "its number in statistics", bind_id },
	{ "interface", "<name>", "only connections through this network interface", bind_interface },
	{ "maxconn", "<connections>", "connections of this address at a time", bind_maxconn },
	{ "mode", "<octal>", "permissions of the socket's file", bind_mode },
	{ "name", "<name>", "its name in statistics", bind_name },
	{ "shards", "<number>|by-thread|by-group", "sockets for this address", bind_shards },
	{ "tcp-ut", "<time>", "how long data may lie unacknowledged before a connection is dead", bind_tcp_ut },
	{ "tfo", NULL, "TCP fast open", bind_tfo },
	{ "uid", "<number>", "owner of the socket's file", bind_uid },
	{ "user", "<name>", "owner of the socket's file", bind_user },
	{ "v4v6", NULL, "an IPv6 address takes IPv4 connections as well", bind_v4v6 },
	{ "v6only", NULL, "an IPv6 address takes IPv6 connections only", bind_v6only },
	{ 0 },
};

/* Of one section; with the ranges of a line it is soon more than anybody means. */
enum { LISTENERS_MAX = 65536 };

static int add_listener(struct cfg_context *c, const struct token *t, const struct endpoint *at,
	const struct bind_settings *b)
{
	struct proxy *p = c->proxy;
	if (p->listener_count >= LISTENERS_MAX) {
		diag_error(c->diag, &t->at, NULL, "a section listens on at most %d addresses", LISTENERS_MAX);
		return -EINVAL;
	}
	struct listener **grown =
		array_room(c->arena, p->listeners, p->listener_count, &p->listener_room, sizeof(*p->listeners));
	struct listener *l = grown ? listener_new(at) : NULL;

	if (!l)
		return out_of_memory(c, &t->at);
	l->options = b->options;
	l->declared = t->at;
	l->name = b->name;
	l->id = b->id;
	l->maxconn = b->maxconn;
	l->accept_proxy = b->accept_proxy;
	grown[p->listener_count++] = l;
	p->listeners = grown;
	return 0;
}

/* One member of the list: an address with a port or a range of them. */
static int add_address(struct cfg_context *c, const struct token *t, struct slice text, const struct bind_settings *b)
{
	struct endpoint_spec spec;
	unsigned flags = ENDPOINT_PORT_REQUIRED | ENDPOINT_PORT_RANGE | ENDPOINT_RESOLVE;

	if (endpoint_parse(text, t, flags, &spec, c->arena, c->diag))
		return -EINVAL;
	if (spec.unresolved) {
		diag_error(c->diag, &t->at, NULL, "the address of '%s' was not found", spec.host);
		return -EINVAL;
	}
	int err = 0;
	for (uint32_t port = spec.port_low; !err && port <= spec.port_high; port++) {
		if (port)
			addr_set_port(&spec.at.ip, (uint16_t)port);
		err = add_listener(c, t, &spec.at, b);
	}
	return err;
}

static int parse_bind(struct cfg_context *c, const struct line *l)
{
	struct bind_settings b = { .options.uid = (uid_t)-1, .options.gid = (gid_t)-1 };
	uint32_t before = c->proxy->listener_count;
	int err = 0;

	c->proxy->has_bind = true;
	if (need_word(c, l, 1, "bind", "an address with a port"))
		return -EINVAL;
	int keywords_err = keywords_parse(c, bind_keywords, unsupported_bind, "bind", &b, l, 2);
	struct slice rest = token_slice(&l->words[1]), member;
	while (!err && slice_next_member(&rest, &member))
		err = add_address(c, &l->words[1], member, &b);
	if (!err && !keywords_err)
		err = tls_note_bind(c, c->proxy, before, c->proxy->listener_count, &b.tls);
	if (!err && b.id && c->proxy->listener_count > before + 1) {
		diag_error(c->diag, &b.id_at, NULL, "'id' is for a single address, and here are several");
		for (; before < c->proxy->listener_count; before++)
			c->proxy->listeners[before]->id = 0;
		return -EINVAL;
	}
	return err ? err : keywords_err;
}

const struct directive bind_directives[] = {
	{ "bind", SECTION_FRONTEND | SECTION_LISTEN, "<address>:<port>[-<port>][,...] [<keyword>...]",
		"an address to listen on", parse_bind, false, false },
	{ 0 },
};
