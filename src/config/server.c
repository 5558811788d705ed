/* server: `server NAME ADDRESS [KEYWORD...]` and `default-server`.
 *
 * Keywords are read first: whether a name is looked up at all depends on init-addr.
 */
#include <errno.h>
#include <stdio.h>

#include "ballast/sample/expr.h"
#include "server_words.h"

static int number(struct cfg_context *c, const struct line *l, size_t *at, int64_t min, int64_t max, int64_t *out)
{
	const char *what = l->words[*at - 1].text;

	return token_int(&l->words[(*at)++], what, min, max, out, c->diag);
}

static int u32(struct cfg_context *c, const struct line *l, size_t *at, uint32_t min, uint32_t max, uint32_t *out)
{
	int64_t n;

	if (number(c, l, at, min, max, &n))
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static int u16(struct cfg_context *c, const struct line *l, size_t *at, uint16_t min, uint16_t max, uint16_t *out)
{
	int64_t n;

	if (number(c, l, at, min, max, &n))
		return -EINVAL;
	*out = (uint16_t)n;
	return 0;
}

#define SERVER_WORD(name) static int name(struct cfg_context *c, void *into, const struct line *l, size_t *at)

SERVER_WORD(server_weight)
{
	return u16(c, l, at, 0, 256, &((struct server_settings *)into)->weight);
}

SERVER_WORD(server_rise)
{
	return u16(c, l, at, 1, 30000, &((struct server_settings *)into)->rise);
}

SERVER_WORD(server_fall)
{
	return u16(c, l, at, 1, 30000, &((struct server_settings *)into)->fall);
}

SERVER_WORD(server_maxconn)
{
	return u32(c, l, at, 0, INT32_MAX, &((struct server_settings *)into)->maxconn);
}

SERVER_WORD(server_minconn)
{
	return u32(c, l, at, 0, INT32_MAX, &((struct server_settings *)into)->minconn);
}

SERVER_WORD(server_maxqueue)
{
	return u32(c, l, at, 0, INT32_MAX, &((struct server_settings *)into)->maxqueue);
}

SERVER_WORD(server_inter)
{
	return value_interval(c, l, at, &((struct server_settings *)into)->inter_ms);
}

SERVER_WORD(server_fastinter)
{
	return value_interval(c, l, at, &((struct server_settings *)into)->fastinter_ms);
}

SERVER_WORD(server_downinter)
{
	return value_interval(c, l, at, &((struct server_settings *)into)->downinter_ms);
}

SERVER_WORD(server_id)
{
	struct server_settings *s = into;

	s->id_at = l->words[*at].at;
	return u32(c, l, at, 1, INT32_MAX, &s->id);
}

SERVER_WORD(server_cookie)
{
	const struct token *t = &l->words[(*at)++];

	for (const char *p = t->text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("\",;\\", *p)) {
			diag_error(c->diag, &t->at, NULL, "'%s' cannot be the value of a cookie", t->text);
			return -EINVAL;
		}
	((struct server_settings *)into)->cookie = t->text;
	return 0;
}

SERVER_WORD(server_pool_max_conn)
{
	int64_t n;

	if (number(c, l, at, -1, INT32_MAX, &n))
		return -EINVAL;
	((struct server_settings *)into)->pool_max_conn = n < 0 ? UINT32_MAX : (uint32_t)n;
	return 0;
}

SERVER_WORD(server_pool_purge_delay)
{
	const struct token *t = &l->words[(*at)++];

	return token_time_ms(t, "pool-purge-delay", "ms", &((struct server_settings *)into)->pool_purge_delay_ms,
		c->diag);
}

SERVER_WORD(server_port)
{
	struct server_settings *s = into;

	s->has_check_port = true;
	return u16(c, l, at, 1, 65535, &s->check_port);
}

SERVER_WORD(server_addr)
{
	const struct token *t = &l->words[(*at)++];
	struct endpoint_spec spec;

	if (endpoint_parse(token_slice(t), t, 0, &spec, c->arena, c->diag))
		return -EINVAL;
	if (spec.any || spec.at.fd >= 0 || spec.port_low) {
		diag_error(c->diag, &t->at, NULL, "addr needs an IP address, without a port, for health checks");
		return -EINVAL;
	}
	((struct server_settings *)into)->check_addr = spec.at;
	return 0;
}

SERVER_WORD(server_source)
{
	struct server_settings *s = into;

	return outgoing_address(c, l, at, true, &s->source);
}

SERVER_WORD(server_tcp_ut)
{
	return value_interval(c, l, at, &((struct server_settings *)into)->tcp_user_timeout_ms);
}

static int init_addr_member(struct cfg_context *c, const struct token *t, struct slice name, struct init_addr *out)
{
	static const char *const names[] = { "last", "libc", "none" };
	struct net_prefix ip;

	for (unsigned i = 0; i < 3; i++)
		if (slice_eq(name, slice_from_str(names[i]))) {
			out->kind = (enum init_addr_kind)i;
			return 0;
		}
	if (slice_find_byte(name, '/') < 0 && net_prefix_parse(name, &ip) == 0) {
		*out = (struct init_addr){ INIT_ADDR_IP, ip.addr };
		return 0;
	}
	diag_error(c->diag, &t->at, NULL, "init-addr must be last, libc, none or an IP address, not '%.*s'",
		(int)name.len, name.ptr);
	return -EINVAL;
}

SERVER_WORD(server_init_addr)
{
	struct server_settings *s = into;
	const struct token *t = &l->words[(*at)++];
	struct slice rest = token_slice(t), member;

	s->init_addr_count = 0;
	while (slice_next_member(&rest, &member)) {
		if (s->init_addr_count == INIT_ADDR_MAX) {
			diag_error(c->diag, &t->at, NULL, "init-addr takes at most %d methods", INIT_ADDR_MAX);
			return -EINVAL;
		}
		if (init_addr_member(c, t, member, &s->init_addr[s->init_addr_count++]))
			return -EINVAL;
	}
	return 0;
}

/* Switches and their opposites, which undo what `default-server` says. */
#define SERVER_SWITCH(name, field, value) \
	SERVER_WORD(name) \
	{ \
		(void)c, (void)l, (void)at; \
		((struct server_settings *)into)->field = value; \
		return 0; \
	}

SERVER_SWITCH(server_send_proxy, send_proxy, 1)
SERVER_SWITCH(server_send_proxy_v2, send_proxy, 2)
SERVER_SWITCH(server_no_send_proxy, send_proxy, 0)
SERVER_SWITCH(server_check_send_proxy, check_send_proxy, true)
SERVER_SWITCH(server_check_ssl, check_tls, true)
SERVER_WORD(server_no_check_send_proxy)
{
	(void)c, (void)l, (void)at;
	((struct server_settings *)into)->check_send_proxy = false;
	((struct server_settings *)into)->no_check_send_proxy = true;
	return 0;
}

SERVER_WORD(server_no_check_ssl)
{
	(void)c, (void)l, (void)at;
	((struct server_settings *)into)->check_tls = false;
	((struct server_settings *)into)->no_check_tls = true;
	return 0;
}

SERVER_WORD(server_check_sni)
{
	(void)c;
	((struct server_settings *)into)->check_sni = l->words[(*at)++].text;
	return 0;
}

/* Only one is shown: the line's replaces that of `default-server`. */
SERVER_WORD(server_crt)
{
	struct server_settings *s = into;

	s->tls.set.crts = NULL;
	s->tls.last_crt = NULL;
	return tls_word_crt(c, into, l, at);
}

SERVER_WORD(server_sni)
{
	struct server_settings *s = into;

	s->sni = expr_parse_token(&l->words[(*at)++], PHASE_REQUEST, c->arena, c->diag);
	return s->sni ? 0 : -EINVAL;
}

SERVER_SWITCH(server_check, check, true)
SERVER_SWITCH(server_no_check, check, false)
SERVER_SWITCH(server_backup, backup, true)
SERVER_SWITCH(server_no_backup, backup, false)
SERVER_SWITCH(server_disabled, disabled, true)
SERVER_SWITCH(server_enabled, disabled, false)

const struct keyword_row server_keywords[] = {
	TLS_ROWS_BOTH,
	AGENT_ROWS,
	HEALTH_ROWS,
	{ "check-send-proxy", NULL, "health checks begin with a PROXY protocol header", server_check_send_proxy },
	{ "no-check-send-proxy", NULL, "health checks begin without one", server_no_check_send_proxy },
	{ "no-send-proxy", NULL, "undoes 'send-proxy'", server_no_send_proxy },
	{ "no-send-proxy-v2", NULL, "undoes 'send-proxy-v2'", server_no_send_proxy },
	{ "send-proxy", NULL, "connections begin with a PROXY protocol header of version 1", server_send_proxy },
	{ "send-proxy-v2", NULL, "the same of version 2", server_send_proxy_v2 },
	{ "check-sni", "<name>", "name to ask for in health checks", server_check_sni },
	{ "check-ssl", NULL, "health checks over TLS", server_check_ssl },
	{ "crt", "<file>", "certificate and key to show to the server", server_crt },
	{ "no-check-ssl", NULL, "health checks without TLS", server_no_check_ssl },
	{ "no-ssl", NULL, "undoes 'ssl'", tls_word_no_ssl },
	{ "no-ssl-reuse", NULL, "no session is resumed", tls_word_no_reuse },
	{ "no-verifyhost", NULL, "undoes 'verifyhost'", tls_word_no_verifyhost },
	{ "sni", "<expression>", "name to ask for", server_sni },
	{ "ssl-reuse", NULL, "undoes 'no-ssl-reuse'", tls_word_reuse },
	{ "verify", "none|required", "the server's certificate", tls_word_server_verify },
	{ "verifyhost", "<name>", "name that the certificate must be for, where none is asked for",
		tls_word_verifyhost },
	{ "addr", "<address>", "address for health checks", server_addr },
	{ "backup", NULL, "used only where no other server is up", server_backup },
	{ "check", NULL, "health checks", server_check },
	{ "cookie", "<value>", "its value of the persistence cookie", server_cookie },
	{ "disabled", NULL, "in maintenance from the start", server_disabled },
	{ "downinter", "<time>", "interval of health checks while it is down", server_downinter },
	{ "enabled", NULL, "undoes 'disabled'", server_enabled },
	{ "fall", "<checks>", "failed checks in a row that make it down", server_fall },
	{ "fastinter", "<time>", "interval of health checks between up and down", server_fastinter },
	{ "id", "<number>", "its number in statistics and hashes", server_id },
	{ "init-addr", "<method>[,...]", "how its name gets an address: last, libc, none, an IP", server_init_addr },
	{ "inter", "<time>", "interval of health checks", server_inter },
	{ "maxconn", "<requests>", "requests at a time; others queue", server_maxconn },
	{ "maxqueue", "<requests>", "longest queue; others go elsewhere", server_maxqueue },
	{ "minconn", "<requests>", "limit while the backend has little to do", server_minconn },
	{ "no-backup", NULL, "undoes 'backup'", server_no_backup },
	{ "no-check", NULL, "undoes 'check'", server_no_check },
	{ "pool-max-conn", "<connections>", "idle connections that are kept", server_pool_max_conn },
	{ "pool-purge-delay", "<time>", "interval at which half of the unused ones are closed",
		server_pool_purge_delay },
	{ "port", "<port>", "port for health checks", server_port },
	{ "rise", "<checks>", "good checks in a row that make it up", server_rise },
	{ "source", "<address>[:<port>[-<port>]] [interface <name>]", "address of connections to it", server_source },
	{ "tcp-ut", "<time>", "how long data may lie unacknowledged before a connection is dead", server_tcp_ut },
	{ "weight", "<0..256>", "share of the requests", server_weight },
	{ 0 },
};

/* --- the address --- */

static bool would_look_up(const struct server_settings *s)
{
	for (unsigned i = 0; i < s->init_addr_count; i++) {
		if (s->init_addr[i].kind == INIT_ADDR_LIBC)
			return true;
		if (s->init_addr[i].kind != INIT_ADDR_LAST)
			return false;
	}
	return false;
}

/* A name that is not to be looked up: the port and what else is wrong are read beside a placeholder. */
static int parse_unlooked(struct cfg_context *c, const struct token *t, struct endpoint_spec *spec)
{
	struct diag quiet;

	diag_init(&quiet);
	int err = endpoint_parse(token_slice(t), t, ENDPOINT_PORT_OFFSET, spec, c->arena, &quiet);
	diag_free(&quiet);
	if (!err)
		return 0;
	const char *colon = strrchr(t->text, ':'), *prefix = strchr(t->text, '@');
	const char *host = prefix ? prefix + 1 : t->text;
	size_t len = colon ? (size_t)(colon - host) : strlen(host);
	if (len == 0 || !is_name(host) || (colon && strchr(host, ':') != colon))
		return endpoint_parse(token_slice(t), t, ENDPOINT_PORT_OFFSET, spec, c->arena, c->diag);
	struct slice stand_in = arena_printf(c->arena, "192.0.2.1%s", colon ? colon : "");
	const char *name = arena_copy(c->arena, slice_of(host, len)).ptr;
	if (!stand_in.ptr || !name)
		return out_of_memory(c, &t->at);
	err = endpoint_parse(stand_in, t, ENDPOINT_PORT_OFFSET, spec, c->arena, c->diag);
	spec->host = name;
	spec->unresolved = true;
	spec->at.len = 0;
	return err;
}

/* The rest of init-addr for a name that was not found: 0 with an address or, as *none tells, without. */
static int fall_back(struct cfg_context *c, const struct token *t, const struct server_settings *s,
	struct endpoint_spec *spec, bool *none)
{
	for (unsigned i = 0; i < s->init_addr_count; i++) {
		if (s->init_addr[i].kind == INIT_ADDR_NONE) {
			*none = true;
			return 0;
		}
		if (s->init_addr[i].kind != INIT_ADDR_IP)
			continue;
		spec->at =
			(struct endpoint){ .len = addr_len(&s->init_addr[i].ip), .fd = -1, .ip = s->init_addr[i].ip };
		addr_set_port(&spec->at.ip, spec->port_low);
		return 0;
	}
	diag_error(c->diag, &t->at, "init-addr libc,none starts without an address",
		"the address of '%s' was not found", spec->host);
	return -EINVAL;
}

static bool is_anywhere(const struct endpoint_spec *spec)
{
	static const struct in6_addr any6;

	if (spec->any)
		return true;
	if (!spec->at.len)
		return false;
	if (spec->at.sa.sa_family == AF_INET)
		return spec->at.ip.v4.sin_addr.s_addr == INADDR_ANY;
	return spec->at.sa.sa_family == AF_INET6 && memcmp(&spec->at.ip.v6.sin6_addr, &any6, sizeof(any6)) == 0;
}

static int read_address(struct cfg_context *c, const struct token *t, const struct server_settings *s,
	struct endpoint_spec *spec, bool *none)
{
	unsigned flags = ENDPOINT_PORT_OFFSET | ENDPOINT_RESOLVE;
	int err = would_look_up(s) ? endpoint_parse(token_slice(t), t, flags, spec, c->arena, c->diag)
	                           : parse_unlooked(c, t, spec);

	*none = false;
	if (err)
		return err;
	if (spec->at.fd >= 0) {
		diag_error(c->diag, &t->at, NULL,
			"a descriptor as a server's address is not supported by Ballast (yet)");
		return -EINVAL;
	}
	return spec->unresolved ? fall_back(c, t, s, spec, none) : 0;
}

/* --- the lines --- */

/* As for TLS: a server that is checked at its own address is checked as it is used. */
static uint8_t check_proxy_version(const struct server_settings *s)
{
	bool own_address = !s->has_check_port && !s->check_addr.len;

	if (s->check_send_proxy)
		return s->send_proxy ? s->send_proxy : 1;
	return own_address && !s->no_check_send_proxy ? s->send_proxy : 0;
}

static void apply_settings(struct server *s, const struct server_settings *from)
{
	s->weight_config = from->weight;
	s->backup = from->backup;
	s->disabled_config = from->disabled;
	s->check_enabled = from->check;
	s->maxconn = from->maxconn;
	s->minconn = from->minconn;
	s->maxqueue = from->maxqueue;
	s->pool_max_conn = from->pool_purge_delay_ms ? from->pool_max_conn : 0;
	s->pool_purge_delay_ms = from->pool_purge_delay_ms;
	s->inter_ms = from->inter_ms;
	s->fastinter_ms = from->fastinter_ms;
	s->downinter_ms = from->downinter_ms;
	s->rise = from->rise;
	s->fall = from->fall;
	s->has_check_port = from->has_check_port;
	s->check_port = from->check_port;
	s->check_addr = from->check_addr;
	s->source = from->source.at;
	s->source_interface = from->source.interface;
	s->tcp_user_timeout_ms = from->tcp_user_timeout_ms;
	s->cookie = from->cookie;
	s->id = from->id; /* 0: given in order when all are known */
	s->sni = from->sni;
	s->check_sni = from->check_sni;
	s->send_proxy = from->send_proxy;
	s->check_send_proxy = check_proxy_version(from);
}

static int apply_address(struct server *s, const struct endpoint_spec *spec, bool none)
{
	bool is_ip = spec->host || spec->at.sa.sa_family != AF_UNIX;

	s->hostname = spec->host;
	/* Without a port it is the one that the client connected to. */
	s->has_port_offset = is_ip && (spec->has_port_offset || !spec->port_low);
	s->port_offset = spec->port_offset;
	s->follows_address = is_anywhere(spec);
	s->follows_client = s->has_port_offset || s->follows_address;
	if (!none)
		return server_set_target(s, &spec->at);
	atomic_fetch_or(&s->admin, SERVER_UNRESOLVED);
	return 0;
}

/* A server that is checked at its own address is checked as it is used. */
static bool checks_over_tls(const struct server_settings *s)
{
	bool own_address = !s->has_check_port && !s->check_addr.len;

	return s->check_tls || (s->tls.on && own_address && !s->no_check_tls);
}

static int parse_server(struct cfg_context *c, const struct line *l)
{
	struct server_settings set = c->proxy->set.server;
	struct endpoint_spec spec;
	bool none;

	if (need_word(c, l, 1, "server", "a name and an address") ||
		need_word(c, l, 2, "server", "an address behind the name"))
		return -EINVAL;
	const struct token *name = &l->words[1], *address = &l->words[2];
	int err = 0;
	if (!is_name(name->text)) {
		diag_error(c->diag, &name->at, "letters, digits, '-', '_', '.' and ':' may be in it",
			"'%s' cannot be the name of a server", name->text);
		err = -EINVAL;
	}
	if (keywords_parse(c, server_keywords, unsupported_server, "server", &set, l, 3))
		err = -EINVAL;
	if (read_address(c, address, &set, &spec, &none))
		return -EINVAL;
	struct server *s = server_new(c->proxy->back, name->text);
	if (!s)
		return out_of_memory(c, &name->at);
	s->at = name->at;
	apply_settings(s, &set);
	health_apply(c, s, &set.health);
	agent_apply(c, s, &set.health);
	if (set.source.port_low < set.source.port_high) {
		s->source_ports = port_range_new(set.source.port_low, set.source.port_high);
		if (!s->source_ports)
			return out_of_memory(c, &name->at);
	}
	if (tls_note_server(c, c->proxy, s, &set.tls, checks_over_tls(&set)))
		return -ENOMEM;
	return apply_address(s, &spec, none) ? out_of_memory(c, &name->at) : err;
}

static int parse_default_server(struct cfg_context *c, const struct line *l)
{
	struct server_settings *s = &c->proxy->set.server;
	int err = need_word(c, l, 1, "default-server", "keywords of 'server'");

	if (!err)
		err = keywords_parse(c, server_keywords, unsupported_server, "default-server", s, l, 1);
	if (s->id) {
		diag_error(c->diag, &s->id_at, NULL, "'id' cannot be the same for all servers");
		s->id = 0;
		err = -EINVAL;
	}
	return err;
}

const struct directive server_directives[] = {
	{ "server", SECTION_LISTEN | SECTION_BACKEND, "<name> <address>[:<port>] [<keyword>...]", "one server",
		parse_server, false, true },
	{ "default-server", SECTION_BACK, "<keyword>...", "keywords of the servers that follow", parse_default_server,
		false, true },
	{ 0 },
};
