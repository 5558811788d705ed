/* yaml_short: `backends` as a list of hosts, with `listen`, `strategy`, `health_check`, `sticky` and `tls` beside it. */
#include <errno.h>
#include <string.h>

#include "yaml.h"

static const char *const brief_keys[BRIEF_COUNT] = {
	[BRIEF_BACKENDS] = "backends",
	[BRIEF_LISTEN] = "listen",
	[BRIEF_STRATEGY] = "strategy",
	[BRIEF_HEALTH] = "health_check",
	[BRIEF_STICKY] = "sticky",
	[BRIEF_TLS] = "tls",
};

enum brief_key yaml_brief_key(const char *name)
{
	unsigned k = 0;

	while (k < BRIEF_COUNT && strcmp(name, brief_keys[k]) != 0)
		k++;
	return k;
}

/* A word, and not an empty one, a map or a list. */
static bool is_word(struct yaml_walk *w, const struct tree_node *n, const char *what)
{
	if (n->kind == TREE_SCALAR && !yaml_is_null(n) && n->len)
		return true;
	yaml_fault(w, n, NULL, "%s", what);
	return false;
}

static void read_word(struct yaml_walk *w, enum brief_key k, const char *what, struct raw_word *out)
{
	const struct tree_item *i = w->brief[k];

	if (i && is_word(w, i->value, what))
		*out = yaml_word(i->value, k != BRIEF_TLS ? false : true);
}

static void add_listen(struct yaml_walk *w, struct short_form *s, const struct tree_node *n)
{
	if (!is_word(w, n, "'listen' is an address, or a list of them"))
		return;
	if (s->listen_count == SHORT_LISTEN_MAX)
		yaml_fault(w, n, NULL, "more than %u addresses to listen on", SHORT_LISTEN_MAX);
	else
		s->listen[s->listen_count++] = yaml_word(n, false);
}

static void read_listen(struct yaml_walk *w, struct short_form *s)
{
	const struct tree_item *i = w->brief[BRIEF_LISTEN];

	if (!i)
		yaml_fault(w, s->at, "listen: ':8080'", "the short form needs 'listen', an address for clients");
	else if (i->value->kind != TREE_LIST)
		add_listen(w, s, i->value);
	else
		for (const struct tree_item *each = i->value->first; each; each = each->next)
			add_listen(w, s, each->value);
}

static void read_sticky(struct yaml_walk *w, struct short_form *s)
{
	const struct tree_item *i = w->brief[BRIEF_STICKY];

	if (!i || yaml_is_false(i->value))
		return;
	s->sticky = true;
	if (!yaml_is_true(i->value) && is_word(w, i->value, "'sticky' is true, or the name of a cookie"))
		s->cookie = yaml_word(i->value, true);
}

/* Keys of `health_check`, and the words of a server that they are. */
static const struct {
	const char *key, *word;
} timings[] = { { "interval", "inter" }, { "rise", "rise" }, { "fall", "fall" } };

static void read_health_key(struct yaml_walk *w, struct short_form *s, const struct tree_item *i)
{
	static const char *const names[] = { "path", "status", "interval", "rise", "fall" };

	if (strcmp(i->key->text, "path") != 0 && strcmp(i->key->text, "status") != 0) {
		size_t t = 0;
		while (t < 3 && strcmp(i->key->text, timings[t].key) != 0)
			t++;
		if (t == 3) {
			yaml_unknown(w, i->key, "key of 'health_check'", names, 5);
			return;
		}
		if (!is_word(w, i->value, "a time or a number was expected here"))
			return;
		s->timing[s->timing_count++] =
			(struct raw_word){ timings[t].word, strlen(timings[t].word), true, i->key };
		s->timing[s->timing_count++] = yaml_word(i->value, true);
		return;
	}
	if (!is_word(w, i->value, "a word was expected here"))
		return;
	*(i->key->text[0] == 'p' ? &s->path : &s->status) = yaml_word(i->value, true);
}

static void read_health(struct yaml_walk *w, struct short_form *s)
{
	const struct tree_item *i = w->brief[BRIEF_HEALTH];

	if (!i || yaml_is_false(i->value))
		return;
	s->health = true;
	if (i->value->kind == TREE_MAP) {
		for (const struct tree_item *each = i->value->first; each; each = each->next)
			read_health_key(w, s, each);
		if (s->status.text && !s->path.text)
			yaml_fault(w, i->value, "health_check: {path: /healthz, status: 200}",
				"'status' needs a 'path' beside it");
	} else if (!yaml_is_true(i->value) &&
		   is_word(w, i->value, "'health_check' is true, a path, or a map with 'path' and 'interval'")) {
		s->path = yaml_word(i->value, true);
	}
}

/* ---- backends ---- */

static void set_address(struct yaml_walk *w, struct short_server *server, const struct tree_node *host,
	const struct tree_node *port)
{
	bool bare_v6 = strchr(host->text, ':') && host->text[0] != '[';
	struct slice text = arena_printf(w->arena, bare_v6 ? "[%s]:%s" : "%s:%s", host->text, port->text);

	server->address = (struct raw_word){ text.ptr ? text.ptr : "", text.len, true, host };
}

static void add_server_word(struct yaml_walk *w, struct short_server *server, const struct tree_item *i)
{
	if (yaml_is_false(i->value))
		return;
	if (server->word_count + 2 > SHORT_WORDS_MAX) {
		yaml_fault(w, i->key, NULL, "too many keys for a server");
		return;
	}
	if (!yaml_is_true(i->value) && !is_word(w, i->value, "a word, true or false was expected here"))
		return;
	server->words[server->word_count++] = yaml_word(i->key, true);
	if (!yaml_is_true(i->value))
		server->words[server->word_count++] = yaml_word(i->value, false);
}

static void read_server_map(struct yaml_walk *w, struct short_server *server, const struct tree_node *n)
{
	const struct tree_node *host = NULL, *port = NULL;

	for (const struct tree_item *i = n->first; i; i = i->next) {
		const char *key = i->key->text;
		if (strcmp(key, "host") == 0 && is_word(w, i->value, "'host' is a name or an address"))
			host = i->value;
		else if (strcmp(key, "port") == 0 && is_word(w, i->value, "'port' is a number"))
			port = i->value;
		else if (strcmp(key, "name") == 0 && is_word(w, i->value, "'name' is a word"))
			server->name = yaml_word(i->value, true);
		else if (strcmp(key, "host") != 0 && strcmp(key, "port") != 0 && strcmp(key, "name") != 0)
			add_server_word(w, server, i);
	}
	if (host && port)
		set_address(w, server, host, port);
	else if (!w->failed)
		yaml_fault(w, n, "- {host: 10.0.0.1, port: 8080, weight: 2}", "this backend has no '%s'",
			host ? "port" : "host");
}

static void read_backends(struct yaml_walk *w, struct short_form *s)
{
	const struct tree_node *list = w->brief[BRIEF_BACKENDS]->value;
	size_t count = 0;

	for (const struct tree_item *i = list->first; i; i = i->next)
		count++;
	s->servers = arena_zalloc(w->arena, (count ? count : 1) * sizeof(*s->servers));
	if (!s->servers)
		return;
	for (const struct tree_item *i = list->first; i; i = i->next) {
		struct short_server *server = &s->servers[s->server_count++];
		if (i->value->kind == TREE_MAP)
			read_server_map(w, server, i->value);
		else if (is_word(w, i->value, "a backend is a map with 'host' and 'port', or an address"))
			server->address = yaml_word(i->value, true);
	}
	if (!count)
		yaml_fault(w, list, "- {host: 10.0.0.1, port: 8080}", "'backends' is empty");
}

static const struct tree_item *first_brief(const struct yaml_walk *w)
{
	unsigned k = 0;

	while (!w->brief[k])
		k++;
	return w->brief[k];
}

int yaml_short(struct yaml_walk *w)
{
	const struct tree_item *first = first_brief(w);
	struct short_form s = { .has_defaults = w->has_defaults, .at = first->key };
	bool failed = w->failed;

	if (!w->brief[BRIEF_BACKENDS])
		return yaml_fault(w, first->key, "backends: [{host: 10.0.0.1, port: 8080}]",
			"'%s' belongs to the short form, which needs a list 'backends'", first->key->text);
	w->failed = false;
	read_listen(w, &s);
	read_word(w, BRIEF_STRATEGY, "'strategy' is what 'balance' takes: roundrobin, leastconn, ...", &s.strategy);
	read_word(w, BRIEF_TLS, "'tls' is the file with certificate and key", &s.tls);
	read_health(w, &s);
	read_sticky(w, &s);
	read_backends(w, &s);
	if (!s.servers)
		return -ENOMEM;
	bool wrong = w->failed;
	w->failed |= failed;
	return wrong ? -EINVAL : short_form_lines(&s, w->line, w->arg);
}
