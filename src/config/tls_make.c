/* tls_make: the global section's words about TLS, and the contexts of all listeners and servers. */
#include <errno.h>

#include "directive.h"

/* A line that spoke of TLS. */
struct tls_note {
	struct tls_note *next;
	struct tls_words words;
	struct proxy *proxy;
	uint32_t first, end;   /* listeners of the proxy */
	struct server *server; /* or this server */
	bool checks;           /* even without `ssl`: check-ssl */
};

static struct tls_note *add_note(struct cfg_context *c, struct proxy *p, const struct tls_words *w)
{
	struct tls_note *n = arena_zalloc(c->arena, sizeof(*n));

	if (!n)
		return NULL;
	n->words = *w;
	n->proxy = p;
	n->next = c->tls_notes;
	c->tls_notes = n;
	return n;
}

int tls_note_bind(struct cfg_context *c, struct proxy *p, uint32_t first, uint32_t end, const struct tls_words *w)
{
	struct tls_note *n;

	if (!w->on && !w->first_at.line)
		return 0;
	n = add_note(c, p, w);
	if (!n)
		return out_of_memory(c, &w->first_at);
	n->first = first;
	n->end = end;
	return 0;
}

int tls_note_server(struct cfg_context *c, struct proxy *p, struct server *s, const struct tls_words *w, bool checks)
{
	struct tls_note *n;

	if (!w->on && !checks && !s->check_enabled)
		return 0;
	n = add_note(c, p, w);
	if (!n)
		return out_of_memory(c, &s->at);
	n->server = s;
	n->checks = checks;
	return 0;
}

/* --- what was not said --- */

static const char *below(struct cfg_context *c, const char *base, const char *path)
{
	if (!base || !path || path[0] == '/' || path[0] == '@')
		return path;
	struct slice joined = arena_printf(c->arena, "%s/%s", base, path);
	return joined.ptr ? joined.ptr : path;
}

static void inherit(struct tls_words *w, const struct tls_settings *from)
{
	struct tls_settings *s = &w->set;

	s->ciphers = s->ciphers ? s->ciphers : from->ciphers;
	s->ciphersuites = s->ciphersuites ? s->ciphersuites : from->ciphersuites;
	s->curves = s->curves ? s->curves : from->curves;
	s->min_version = s->min_version ? s->min_version : from->min_version;
	s->max_version = s->max_version ? s->max_version : from->max_version;
	s->no_tickets = s->no_tickets || (from->no_tickets && !w->tickets);
	s->strict_sni = s->strict_sni || (from->strict_sni && !w->no_strict_sni);
}

static void apply_bases(struct cfg_context *c, struct tls_settings *s)
{
	const struct tls_defaults *d = &c->tls;

	s->ca_file = below(c, d->ca_base, s->ca_file);
	s->crl_file = below(c, d->ca_base, s->crl_file);
	for (struct tls_file *f = s->crts; f; f = f->next)
		f->path = below(c, d->crt_base, f->path);
}

/* HTTP/2 is not spoken yet, so it is not offered either; in mode tcp the two ends agree among themselves. */
static int choose_alpn(struct cfg_context *c, struct tls_note *n, const char *unsaid)
{
	struct tls_settings *s = &n->words.set;
	struct slice rest, name, kept = { "", 0 };

	if (n->proxy->set.mode != MODE_HTTP)
		return 0;
	if (!s->alpn) {
		s->alpn = n->words.no_alpn ? NULL : unsaid;
		return 0;
	}
	rest = slice_from_str(s->alpn);
	while (kept.ptr && slice_next_member(&rest, &name)) {
		if (slice_eq(name, SLICE("h2")))
			diag_warn(c->diag, &n->words.on_at, NULL,
				"h2 is not supported by Ballast (yet) and is not offered");
		else
			kept = arena_printf(c->arena, "%s%s%.*s", kept.ptr, kept.len ? "," : "", (int)name.len,
				name.ptr);
	}
	s->alpn = kept.len ? kept.ptr : NULL;
	return kept.ptr ? 0 : -ENOMEM;
}

/* --- contexts --- */

static bool own(struct cfg_context *c, struct tls_context *t)
{
	struct tls_owned *o = t ? arena_alloc(c->arena, sizeof(*o)) : NULL;

	if (!o) {
		tls_context_free(t);
		return false;
	}
	*o = (struct tls_owned){ c->graph->tls, t };
	c->graph->tls = o;
	return true;
}

static void make_bind(struct cfg_context *c, struct tls_note *n)
{
	struct tls_words *w = &n->words;
	struct tls_context *t;

	if (!w->on) {
		diag_warn(c->diag, &w->first_at, "'ssl' behind the address turns it on",
			"this has no effect without TLS");
		return;
	}
	w->set.at = w->on_at;
	inherit(w, &c->tls.bind);
	apply_bases(c, &w->set);
	if (choose_alpn(c, n, "http/1.1"))
		return;
	t = tls_accept_context(&w->set, c->diag);
	if (!own(c, t))
		return;
	for (uint32_t i = n->first; i < n->end; i++)
		n->proxy->listeners[i]->tls = t;
}

static void make_server(struct cfg_context *c, struct tls_note *n)
{
	struct tls_words *w = &n->words;
	struct server *s = n->server;
	struct tls_context *t;

	w->set.at = w->on ? w->on_at : s->at;
	w->set.owner = arena_printf(c->arena, "%s/%s", n->proxy->name, s->name).ptr;
	if (!w->set.owner) {
		out_of_memory(c, &s->at);
		return;
	}
	inherit(w, &c->tls.server);
	apply_bases(c, &w->set);
	if (!w->has_verify)
		w->set.verify = c->tls.servers_unverified ? TLS_VERIFY_NONE : TLS_VERIFY_REQUIRED;
	if (choose_alpn(c, n, NULL))
		return;
	t = tls_connect_context(&w->set, c->diag);
	if (!own(c, t))
		return;
	s->tls = w->on ? t : NULL;
	s->check_tls = n->checks ? t : NULL;
	s->forced_tls = t;
}

/* A server of plain bytes may still be checked over TLS, where a line of its checks says so. */
static bool needs_context(const struct tls_note *n)
{
	return n->words.on || n->checks || check_script_needs_tls(check_script_of(&n->server->backend->checks));
}

void make_tls(struct cfg_context *c)
{
	const struct global_settings *g = &c->graph->global;

	tls_set_sessions(g->tls_sessions, g->tls_lifetime_s);
	for (struct tls_note *n = c->tls_notes; n; n = n->next) {
		if (!n->server)
			make_bind(c, n);
		else if (needs_context(n))
			make_server(c, n);
	}
}

/* --- global --- */

#define GLOBAL_TEXT(name, what, field) \
	static int name(struct cfg_context *c, const struct line *l) \
	{ \
		return value_string(c, l, 1, what, &c->tls.field); \
	}

GLOBAL_TEXT(parse_ca_base, "a folder", ca_base)
GLOBAL_TEXT(parse_crt_base, "a folder", crt_base)
GLOBAL_TEXT(parse_bind_ciphers, "a list of algorithms", bind.ciphers)
GLOBAL_TEXT(parse_bind_ciphersuites, "a list of algorithms", bind.ciphersuites)
GLOBAL_TEXT(parse_bind_curves, "a list of groups", bind.curves)
GLOBAL_TEXT(parse_server_ciphers, "a list of algorithms", server.ciphers)
GLOBAL_TEXT(parse_server_ciphersuites, "a list of algorithms", server.ciphersuites)
GLOBAL_TEXT(parse_server_curves, "a list of groups", server.curves)

static const struct keyword_row default_options[] = {
	{ "no-sslv3", NULL, "never there anyway", tls_word_no_sslv3 },
	{ "no-tls-tickets", NULL, "sessions are resumed by their number only", tls_word_no_tickets },
	{ "no-tlsv10", NULL, "TLS 1.1 and later", tls_word_no_tlsv10 },
	{ "no-tlsv11", NULL, "TLS 1.2 and later", tls_word_no_tlsv11 },
	{ "no-tlsv12", NULL, "TLS 1.3 only", tls_word_no_tlsv12 },
	{ "no-tlsv13", NULL, "up to TLS 1.2", tls_word_no_tlsv13 },
	{ "ssl-max-ver", "<version>", "newest version of TLS", tls_word_max_version },
	{ "ssl-min-ver", "<version>", "oldest version of TLS", tls_word_min_version },
	{ "strict-sni", NULL, "no certificate for clients that ask for another name", tls_word_strict_sni },
	{ 0 },
};

static int parse_options(struct cfg_context *c, const struct line *l, struct tls_settings *set)
{
	struct tls_words w = { .set = *set };
	int err = keywords_parse(c, default_options, unsupported_bind, l->words[0].text, &w, l, 1);

	*set = w.set;
	return err;
}

static int parse_bind_options(struct cfg_context *c, const struct line *l)
{
	return parse_options(c, l, &c->tls.bind);
}

static int parse_server_options(struct cfg_context *c, const struct line *l)
{
	return parse_options(c, l, &c->tls.server);
}

static int parse_server_verify(struct cfg_context *c, const struct line *l)
{
	struct tls_words w = { .on = false };
	size_t at = 1;

	if (need_word(c, l, 1, "ssl-server-verify", "none or required") || no_more_words(c, l, 1) ||
		tls_word_server_verify(c, &w, l, &at))
		return -EINVAL;
	c->tls.servers_unverified = w.set.verify == TLS_VERIFY_NONE;
	return 0;
}

static int parse_cache_size(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "tune.ssl.cachesize", 0, INT32_MAX, &c->graph->global.tls_sessions);
}

static int parse_lifetime(struct cfg_context *c, const struct line *l)
{
	uint32_t ms;
	int err = value_time(c, l, 1, "tune.ssl.lifetime", "s", &ms);

	if (!err)
		c->graph->global.tls_lifetime_s = (ms + 999) / 1000;
	return err;
}

static int parse_max_connections(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "maxsslconn", 0, INT32_MAX, &c->graph->global.tls_maxconn);
}

static int parse_max_rate(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "maxsslrate", 0, INT32_MAX, &c->graph->global.tls_maxrate);
}

#define GLOBAL_ROW(name, args, help, parse) \
	{ \
		name, SECTION_GLOBAL, args, help, parse, false, false \
	}

const struct directive tls_directives[] = {
	GLOBAL_ROW("ca-base", "<folder>", "where ca-file and crl-file are looked for", parse_ca_base),
	GLOBAL_ROW("crt-base", "<folder>", "where crt is looked for", parse_crt_base),
	GLOBAL_ROW("maxsslconn", "<connections>", "TLS connections of the process, both sides together",
		parse_max_connections),
	GLOBAL_ROW("maxsslrate", "<number>", "TLS connections from clients a second", parse_max_rate),
	GLOBAL_ROW("ssl-default-bind-ciphers", "<list>", "of bind lines without 'ciphers'", parse_bind_ciphers),
	GLOBAL_ROW("ssl-default-bind-ciphersuites", "<list>", "of bind lines without 'ciphersuites'",
		parse_bind_ciphersuites),
	GLOBAL_ROW("ssl-default-bind-curves", "<list>", "of bind lines without 'curves'", parse_bind_curves),
	GLOBAL_ROW("ssl-default-bind-options", "[<option>...]", "of bind lines that do not say otherwise",
		parse_bind_options),
	GLOBAL_ROW("ssl-default-server-ciphers", "<list>", "of servers without 'ciphers'", parse_server_ciphers),
	GLOBAL_ROW("ssl-default-server-ciphersuites", "<list>", "of servers without 'ciphersuites'",
		parse_server_ciphersuites),
	GLOBAL_ROW("ssl-default-server-curves", "<list>", "of servers without 'curves'", parse_server_curves),
	GLOBAL_ROW("ssl-default-server-options", "[<option>...]", "of servers that do not say otherwise",
		parse_server_options),
	GLOBAL_ROW("ssl-server-verify", "none|required", "of servers without 'verify'", parse_server_verify),
	GLOBAL_ROW("tune.ssl.cachesize", "<sessions>", "sessions kept for clients without tickets", parse_cache_size),
	GLOBAL_ROW("tune.ssl.lifetime", "<time>", "how long a session may be resumed", parse_lifetime),
	{ 0 },
};
