/* persist: `cookie`, `dynamic-cookie-key`, `use-server`, `force-persist`, `ignore-persist`. */
#include <errno.h>

#include "directive.h"

/* --- cookie NAME ... --- */

struct cookie_draft {
	struct persist_cookie k;
	bool has_mode, httponly, secure;
	struct strbuf domains, attrs;
};

static bool is_free_of(const char *text, const char *bytes)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f || strchr(bytes, *text))
			return false;
	return true;
}

static int cookie_mode(struct cfg_context *c, const struct token *t, enum persist_mode mode, struct cookie_draft *k)
{
	if (k->has_mode && k->k.mode != mode) {
		diag_error(c->diag, &t->at, NULL, "one of rewrite, insert and prefix, not two of them");
		return -EINVAL;
	}
	k->has_mode = true;
	k->k.mode = mode;
	return 0;
}

/* `domain`, `attr`: a part of the attributes. */
static int cookie_text(struct cfg_context *c, const struct line *l, size_t *at, const char *before, struct strbuf *out)
{
	const char *what = l->words[*at - 1].text;

	if (need_word(c, l, *at, what, "a value"))
		return -EINVAL;
	const struct token *t = &l->words[(*at)++];
	if (!*t->text || !is_free_of(t->text, ";")) {
		diag_error(c->diag, &t->at, NULL, "'%s' cannot stand in a cookie's attributes", t->text);
		return -EINVAL;
	}
	strbuf_str(out, before);
	strbuf_str(out, t->text);
	return 0;
}

static int cookie_time(struct cfg_context *c, const struct line *l, size_t *at, uint32_t *seconds)
{
	const char *what = l->words[*at - 1].text;
	uint32_t ms;

	if (need_word(c, l, *at, what, "a time"))
		return -EINVAL;
	const struct token *t = &l->words[(*at)++];
	if (token_time_ms(t, what, "s", &ms, c->diag))
		return -EINVAL;
	if (ms < 1000) {
		diag_error(c->diag, &t->at, NULL, "%s cannot be less than a second", what);
		return -EINVAL;
	}
	*seconds = ms / 1000;
	return 0;
}

enum cookie_word {
	WORD_REWRITE,
	WORD_INSERT,
	WORD_PREFIX,
	WORD_INDIRECT,
	WORD_NOCACHE,
	WORD_POSTONLY,
	WORD_PRESERVE,
	WORD_HTTPONLY,
	WORD_SECURE,
	WORD_DOMAIN,
	WORD_MAXIDLE,
	WORD_MAXLIFE,
	WORD_DYNAMIC,
	WORD_ATTR
};

static int cookie_word(struct cfg_context *c, const struct line *l, size_t *at, struct cookie_draft *k)
{
	static const char *const words[] = { "rewrite", "insert", "prefix", "indirect", "nocache", "postonly",
		"preserve", "httponly", "secure", "domain", "maxidle", "maxlife", "dynamic", "attr", NULL };
	const struct token *t = &l->words[(*at)++];
	unsigned word;

	if (token_choice(t, "argument of cookie", words, &word, c->diag))
		return -EINVAL;
	switch ((enum cookie_word)word) {
	case WORD_REWRITE: return cookie_mode(c, t, COOKIE_REWRITE, k);
	case WORD_INSERT: return cookie_mode(c, t, COOKIE_INSERT, k);
	case WORD_PREFIX: return cookie_mode(c, t, COOKIE_PREFIX, k);
	case WORD_INDIRECT: k->k.indirect = true; break;
	case WORD_NOCACHE: k->k.nocache = true; break;
	case WORD_POSTONLY: k->k.postonly = true; break;
	case WORD_PRESERVE: k->k.preserve = true; break;
	case WORD_HTTPONLY: k->httponly = true; break;
	case WORD_SECURE: k->secure = true; break;
	case WORD_DYNAMIC: k->k.dynamic = true; break;
	case WORD_DOMAIN: return cookie_text(c, l, at, "; domain=", &k->domains);
	case WORD_ATTR: return cookie_text(c, l, at, "; ", &k->attrs);
	case WORD_MAXIDLE: return cookie_time(c, l, at, &k->k.maxidle_s);
	case WORD_MAXLIFE: return cookie_time(c, l, at, &k->k.maxlife_s);
	}
	return 0;
}

/* Words that do not go together. */
static int cookie_check(struct cfg_context *c, const struct cookie_draft *k)
{
	const char *fault = NULL;

	if (!k->has_mode)
		fault = "'cookie' does nothing without one of rewrite, insert and prefix";
	else if (k->k.mode == COOKIE_REWRITE && k->k.indirect)
		fault = "'indirect' does not go with 'rewrite'";
	else if (k->k.preserve && k->k.mode != COOKIE_INSERT && !k->k.indirect)
		fault = "'preserve' needs 'insert' or 'indirect'";
	else if ((k->k.maxidle_s || k->k.maxlife_s) && k->k.mode != COOKIE_INSERT)
		fault = "'maxidle' and 'maxlife' need 'insert'";
	if (!fault)
		return 0;
	diag_error(c->diag, &k->k.at, NULL, "%s", fault);
	return -EINVAL;
}

static int cookie_keep(struct cfg_context *c, struct cookie_draft *k)
{
	struct persist_cookie *kept = arena_alloc(c->arena, sizeof(*kept));

	k->k.attributes = arena_printf(c->arena, "; path=/%.*s%s%s%.*s", (int)k->domains.len, k->domains.ptr,
		k->httponly ? "; HttpOnly" : "", k->secure ? "; Secure" : "", (int)k->attrs.len, k->attrs.ptr);
	if (!kept || !k->k.attributes.ptr || k->domains.incomplete || k->attrs.incomplete)
		return out_of_memory(c, &k->k.at);
	*kept = k->k;
	c->proxy->set.cookie = kept;
	return 0;
}

static int parse_cookie(struct cfg_context *c, const struct line *l)
{
	struct cookie_draft k = { .k.at = l->words[0].at };
	char domains[1024], attrs[1024];
	size_t at = 2;
	int err = 0;

	if (need_word(c, l, 1, "cookie", "a name"))
		return -EINVAL;
	k.k.name = token_slice(&l->words[1]);
	if (!k.k.name.len || !is_free_of(l->words[1].text, " =;,\"")) {
		diag_error(c->diag, &l->words[1].at, NULL, "'%s' cannot be the name of a cookie", l->words[1].text);
		return -EINVAL;
	}
	strbuf_init_fixed(&k.domains, domains, sizeof(domains));
	strbuf_init_fixed(&k.attrs, attrs, sizeof(attrs));
	while (!err && at < l->count)
		err = cookie_word(c, l, &at, &k);
	if (!err)
		err = cookie_check(c, &k);
	return err ? err : cookie_keep(c, &k);
}

static int parse_dynamic_key(struct cfg_context *c, const struct line *l)
{
	return value_string(c, l, 1, "a secret", &c->proxy->set.back.dynamic_cookie_key);
}

/* --- use-server, force-persist, ignore-persist --- */

static struct persist *persist_of(struct cfg_context *c)
{
	if (!c->proxy->persist)
		c->proxy->persist = arena_zalloc(c->arena, sizeof(*c->proxy->persist));
	return c->proxy->persist;
}

static struct cond *condition(struct cfg_context *c, const struct line *l, size_t at)
{
	if (need_word(c, l, at, l->words[0].text, "a condition: if ... or unless ..."))
		return NULL;
	if (cond_find(l, at) != at) {
		diag_error(c->diag, &l->words[at].at, NULL, "a condition begins with 'if' or 'unless', not '%s'",
			l->words[at].text);
		return NULL;
	}
	return cond_parse(l, at, c->proxy->acls, PHASE_REQUEST, c->arena, c->diag);
}

static int parse_use_server(struct cfg_context *c, const struct line *l)
{
	struct persist *p = persist_of(c);
	struct use_server u, *grown;

	note_rule_order(c, l, ORDER_USE_SERVER);
	if (need_word(c, l, 1, "use-server", "the name of a server"))
		return -EINVAL;
	u = (struct use_server){ .name = l->words[1].text, .at = l->words[1].at };
	if (strchr(u.name, '%')) {
		diag_error(c->diag, &u.at, NULL,
			"the name of a server made by a format is not supported by Ballast (yet)");
		return -EINVAL;
	}
	u.cond = condition(c, l, 2);
	if (!u.cond)
		return -EINVAL;
	grown = p ? array_room(c->arena, p->use_servers, p->use_server_count, &p->use_server_room, sizeof(u)) : NULL;
	if (!grown)
		return out_of_memory(c, &u.at);
	grown[p->use_server_count++] = u;
	p->use_servers = grown;
	return 0;
}

static int parse_persist_rule(struct cfg_context *c, const struct line *l)
{
	struct persist *p = persist_of(c);
	struct persist_rule r = { .cond = condition(c, l, 1), .force = l->words[0].text[0] == 'f' }, *grown;

	if (!r.cond)
		return -EINVAL;
	grown = p ? array_room(c->arena, p->rules, p->rule_count, &p->rule_room, sizeof(r)) : NULL;
	if (!grown)
		return out_of_memory(c, &l->words[0].at);
	grown[p->rule_count++] = r;
	p->rules = grown;
	return 0;
}

/* --- when all is known --- */

static void resolve_use_servers(struct cfg_context *c, const struct backend *b, struct persist *p)
{
	for (uint32_t i = 0; i < p->use_server_count; i++) {
		struct use_server *u = &p->use_servers[i];
		struct names n = { .count = 0 };

		u->server = backend_find_server(b, slice_from_str(u->name));
		for (uint32_t j = 0; !u->server && j < b->server_count; j++)
			names_add(&n, b->servers[j]->name);
		if (!u->server)
			unknown_word(c, &(struct token){ u->name, strlen(u->name), u->at }, "server", &n);
	}
}

static const struct persist_cookie *usable_cookie(struct cfg_context *c, const struct proxy *p)
{
	const struct persist_cookie *k = p->set.cookie;
	char text[96];

	if (k && p->set.mode == MODE_TCP) {
		diag_warn(c->diag, &k->at, NULL, "'cookie' is ignored for %s: it needs mode http",
			proxy_text(p, text, sizeof(text)));
		return NULL;
	}
	if (k && k->dynamic && !p->set.back.dynamic_cookie_key)
		diag_error(c->diag, &k->at, "dynamic-cookie-key SECRET", "'cookie ... dynamic' needs a key in %s",
			proxy_text(p, text, sizeof(text)));
	return k;
}

void check_persist(struct cfg_context *c)
{
	for (struct proxy *p = c->proxies; p; p = p->next) {
		if (!p->back || p->set.disabled || !(p->persist || p->set.cookie))
			continue;
		const struct persist_cookie *k = usable_cookie(c, p);
		if (!k && !p->persist)
			continue;
		if (!p->persist && !(p->persist = arena_zalloc(c->arena, sizeof(*p->persist)))) {
			out_of_memory(c, &p->at);
			return;
		}
		p->persist->cookie = k;
		resolve_use_servers(c, p->back, p->persist);
		p->back->persist = p->persist;
	}
}

const struct directive persist_directives[] = {
	{ "cookie", SECTION_BACK, "<name> rewrite | insert | prefix [<argument>...]",
		"a cookie that binds clients to servers", parse_cookie, false, true },
	{ "dynamic-cookie-key", SECTION_BACK, "<secret>", "servers' cookies are made of their address and this",
		parse_dynamic_key, false, false },
	{ "force-persist", SECTION_LISTEN | SECTION_BACKEND, "if|unless <condition>",
		"requests that may go to a server that is down", parse_persist_rule, false, true },
	{ "ignore-persist", SECTION_LISTEN | SECTION_BACKEND, "if|unless <condition>", "requests that no cookie binds",
		parse_persist_rule, false, true },
	{ "use-server", SECTION_LISTEN | SECTION_BACKEND, "<server> if|unless <condition>",
		"requests that one server gets", parse_use_server, false, true },
	{ 0 },
};
