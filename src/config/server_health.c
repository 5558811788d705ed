/* server_health: keywords of `server` about its health beyond its own checks: `observe` and its kin, what happens when it
 * goes down or comes up, `slowstart`, `track`.
 *
 * A tracked server may stand in another section, or further down, so it is looked for when all files were read.
 */
#include <errno.h>

#include "server_words.h"

static struct health_settings *health_of(void *into)
{
	return &((struct server_settings *)into)->health;
}

HEALTH_WORD(health_word_slowstart)
{
	const struct token *t = &l->words[(*at)++];

	return token_time_ms(t, "slowstart", "ms", &health_of(into)->slowstart_ms, c->diag);
}

HEALTH_WORD(health_word_error_limit)
{
	const struct token *t = &l->words[(*at)++];
	int64_t n;

	if (token_int(t, "error-limit", 1, INT32_MAX, &n, c->diag))
		return -EINVAL;
	health_of(into)->error_limit = (uint32_t)n;
	return 0;
}

HEALTH_WORD(health_word_observe)
{
	static const char *const modes[] = { "layer4", "layer7", NULL };
	const struct token *t = &l->words[(*at)++];
	unsigned mode;

	if (token_choice(t, "mode of observe", modes, &mode, c->diag))
		return -EINVAL;
	health_of(into)->observe = (uint8_t)(OBSERVE_LAYER4 + mode);
	health_of(into)->observe_at = t->at;
	return 0;
}

HEALTH_WORD(health_word_on_error)
{
	static const char *const modes[] = { "fastinter", "fail-check", "sudden-death", "mark-down", NULL };
	unsigned mode;

	if (token_choice(&l->words[(*at)++], "mode of on-error", modes, &mode, c->diag))
		return -EINVAL;
	health_of(into)->on_error = (uint8_t)mode;
	return 0;
}

HEALTH_WORD(health_word_on_marked_down)
{
	static const char *const actions[] = { "shutdown-sessions", NULL };
	unsigned action;

	if (token_choice(&l->words[(*at)++], "action of on-marked-down", actions, &action, c->diag))
		return -EINVAL;
	health_of(into)->end_sessions_when_down = true;
	return 0;
}

HEALTH_WORD(health_word_on_marked_up)
{
	static const char *const actions[] = { "shutdown-backup-sessions", NULL };
	unsigned action;

	if (token_choice(&l->words[(*at)++], "action of on-marked-up", actions, &action, c->diag))
		return -EINVAL;
	health_of(into)->end_backup_sessions_when_up = true;
	return 0;
}

HEALTH_WORD(health_word_check_alpn)
{
	(void)c;
	health_of(into)->check_alpn = l->words[(*at)++].text;
	return 0;
}

/* What each kind of check speaks anyway: it can only be said. */
HEALTH_WORD(health_word_check_proto)
{
	const struct token *t = &l->words[(*at)++];

	if (!token_is(t, "h1") && !token_is(t, "none")) {
		diag_error(c->diag, &t->at, "h1 or none",
			"health checks with 'check-proto %s' are not supported by "
			"Ballast (yet)",
			t->text);
		return -EINVAL;
	}
	health_of(into)->check_proto = t->text;
	health_of(into)->check_proto_at = t->at;
	return 0;
}

HEALTH_WORD(health_word_check_reuse)
{
	(void)c, (void)l, (void)at;
	health_of(into)->check_reuse = true;
	return 0;
}

HEALTH_WORD(health_word_no_check_reuse)
{
	(void)c, (void)l, (void)at;
	health_of(into)->check_reuse = false;
	return 0;
}

HEALTH_WORD(health_word_track)
{
	const struct token *t = &l->words[(*at)++];

	(void)c;
	health_of(into)->track = t->text;
	health_of(into)->track_at = t->at;
	return 0;
}

/* --- into the server --- */

/* What is left to do when all servers are known. */
struct health_note {
	struct health_note *next;
	struct server *server;
	struct health_settings set;
};

void health_apply(struct cfg_context *c, struct server *s, const struct health_settings *from)
{
	struct health_note *note;

	s->slowstart_ms = from->slowstart_ms;
	s->observe = from->observe;
	s->on_error = from->on_error;
	s->error_limit = from->error_limit;
	s->end_sessions_when_down = from->end_sessions_when_down;
	s->end_backup_sessions_when_up = from->end_backup_sessions_when_up;
	s->check_alpn = from->check_alpn;
	s->check_reuse = from->check_reuse;
	if (!from->track && !from->observe && !from->check_proto)
		return;
	note = arena_alloc(c->arena, sizeof(*note));
	if (!note) {
		out_of_memory(c, &s->at);
		return;
	}
	*note = (struct health_note){ .server = s, .set = *from };
	*c->last_health_note = note;
	c->last_health_note = &note->next;
}

static void check_observe(struct cfg_context *c, const struct health_note *n)
{
	const struct server *s = n->server;

	if (s->observe == OBSERVE_LAYER7 && s->backend->mode != MODE_HTTP)
		diag_error(c->diag, &n->set.observe_at, "observe layer4",
			"'observe layer7' needs 'mode http' in backend '%s'", s->backend->name);
	else if (s->observe && !s->check_enabled)
		diag_warn(c->diag, &n->set.observe_at, "add 'check'",
			"'observe' does nothing on server '%s': it has no health checks", s->name);
}

static void check_proto(struct cfg_context *c, const struct health_note *n)
{
	bool http = n->server->backend->checks.method == CHECK_HTTP;
	const char *proto = n->set.check_proto;

	if (proto && n->server->check_enabled && http != (strcmp(proto, "h1") == 0))
		diag_error(c->diag, &n->set.check_proto_at, http ? "h1" : "none",
			"'check-proto %s' does not go with the %s checks of backend '%s'", proto, http ? "HTTP" : "TCP",
			n->server->backend->name);
}

/* --- track --- */

static struct backend *find_backend(const struct cfg_context *c, struct slice name)
{
	for (struct proxy *p = c->proxies; p; p = p->next)
		if (p->back && slice_eq(slice_from_str(p->name), name))
			return p->back;
	return NULL;
}

static struct server *find_tracked(struct cfg_context *c, const struct health_note *n)
{
	struct slice text = slice_from_str(n->set.track), name = text;
	ptrdiff_t slash = slice_find_byte(text, '/');
	struct backend *b = n->server->backend;
	struct server *found;

	if (slash >= 0) {
		b = find_backend(c, slice_of(text.ptr, (size_t)slash));
		name = slice_skip(text, (size_t)slash + 1);
	}
	if (!b) {
		diag_error(c->diag, &n->set.track_at, NULL, "there is no backend '%.*s' to track a server of",
			(int)slash, text.ptr);
		return NULL;
	}
	found = backend_find_server(b, name);
	if (!found)
		diag_error(c->diag, &n->set.track_at, NULL, "backend '%s' has no server '%.*s' to track", b->name,
			(int)name.len, name.ptr);
	return found;
}

static void follow(struct cfg_context *c, const struct health_note *n)
{
	struct server *s = n->server, *tracked;

	if (s->check_enabled) {
		diag_error(c->diag, &n->set.track_at, "leave one of the two away",
			"server '%s' cannot have health checks and track another server", s->name);
		return;
	}
	tracked = find_tracked(c, n);
	if (!tracked)
		return;
	s->tracked = tracked;
	s->next_tracker = tracked->trackers;
	tracked->trackers = s;
}

/* One goes at two steps for each of the other: they meet where the chain is a circle (Floyd). */
static bool is_circle(const struct server *s)
{
	const struct server *slow = s, *fast = s->tracked;

	while (fast && fast != slow) {
		slow = slow->tracked;
		fast = fast->tracked ? fast->tracked->tracked : NULL;
	}
	return fast != NULL;
}

/* Every chain ends at a server with checks. */
static void check_chain(struct cfg_context *c, const struct health_note *n)
{
	struct server *s = n->server;
	const struct server *end;

	if (!s->tracked)
		return;
	if (is_circle(s)) {
		diag_error(c->diag, &n->set.track_at, "the last one needs health checks of its own",
			"'track' of server '%s/%s' leads in a circle", s->backend->name, s->name);
		return;
	}
	end = server_decider(s);
	if (!end->check_enabled)
		diag_error(c->diag, &n->set.track_at, "add 'check' to that server",
			"server '%s/%s', which '%s' tracks, has no health checks", end->backend->name, end->name,
			s->name);
}

void check_health(struct cfg_context *c)
{
	for (struct health_note *n = c->health_notes; n; n = n->next) {
		check_observe(c, n);
		check_proto(c, n);
		if (n->set.track)
			follow(c, n);
	}
	for (struct health_note *n = c->health_notes; n; n = n->next)
		check_chain(c, n);
}
