/* modes: what a proxy says that its mode cannot do, and what it forgot to say; warnings as HAProxy gives them.
 *
 * What is passed over is also taken out of the graph.
 */
#include <stdio.h>

#include "directive.h"

static void ignored(struct cfg_context *c, const struct proxy *p, const struct place *at, const char *what)
{
	char text[96];

	diag_warn(c->diag, at, NULL, "%s ignored for %s: it needs mode http", what, proxy_text(p, text, sizeof(text)));
}

static void drop_rules(struct cfg_context *c, struct proxy *p)
{
	char what[64];

	for (unsigned set = 0; set < RULES_SET_COUNT; set++) {
		if (!p->rules->of[set] || !rule_set_rows[set].http)
			continue;
		snprintf(what, sizeof(what), "%s rules are", rule_set_rows[set].name);
		ignored(c, p, &p->rules->of[set]->rule[0].at, what);
		p->rules->of[set] = NULL;
	}
}

static void drop_forwardfor(struct cfg_context *c, struct proxy *p)
{
	bool on = (p->front && p->front->set.forwardfor.on) || (p->back && p->back->set.forwardfor.on);

	if (on)
		ignored(c, p, &p->set.forwardfor_at, "'option forwardfor' is");
	if (p->front)
		p->front->set.forwardfor.on = false;
	if (p->back)
		p->back->set.forwardfor.on = false;
}

/* Keys that only a request has. */
static void drop_hash(struct cfg_context *c, struct proxy *p)
{
	char text[96];

	if (!p->back ||
		(p->back->hash_key != HASH_URI && p->back->hash_key != HASH_PARAM && p->back->hash_key != HASH_HEADER))
		return;
	diag_warn(c->diag, &p->set.balance_at, NULL, "'balance %s' needs mode http: %s uses %s instead",
		p->back->algorithm->name, proxy_text(p, text, sizeof(text)),
		p->back->fallback ? p->back->fallback->name : "roundrobin");
	p->back->algorithm = p->back->fallback ? p->back->fallback : pick_algorithm_find(SLICE("roundrobin"));
	p->back->algorithm_param = p->back->fallback_param;
	p->back->hash_key = HASH_NONE;
}

static void check_tcp(struct cfg_context *c, struct proxy *p)
{
	drop_rules(c, p);
	drop_forwardfor(c, p);
	if (p->front && p->front->set.monitor_uri.len) {
		ignored(c, p, &p->set.monitor_at, "'monitor-uri' is");
		p->front->set.monitor_uri.len = 0;
	}
	drop_hash(c, p);
}

/* Only where it stands beside a method that cannot mind it; one that a defaults section gives to all is no mistake. */
static void check_balance_factor(struct cfg_context *c, const struct proxy *p)
{
	const struct pick_method *m = p->set.hash.method;
	char text[96];

	if (p->back && p->set.balance_factor && p->set.algorithm->needs_hash && !(m && m->bounded))
		diag_warn(c->diag, &p->set.balance_factor_at, "say 'hash-type consistent'",
			"'hash-balance-factor' does nothing for %s: its hash-type is map-based",
			proxy_text(p, text, sizeof(text)));
}

void check_modes(struct cfg_context *c)
{
	char text[96];

	for (struct proxy *p = c->proxies; p; p = p->next) {
		if (p->set.disabled)
			continue;
		if (p->front && !p->has_bind && !p->nameless)
			diag_warn(c->diag, &p->at, "is it meant to be a backend?",
				"%s has no 'bind': nobody can connect to it", proxy_text(p, text, sizeof(text)));
		if (p->set.mode == MODE_TCP)
			check_tcp(c, p);
		check_balance_factor(c, p);
	}
}

/* --- timeouts --- */

/* "'timeout client', 'timeout connect' and 'timeout server'" of the missing ones. */
static void list_timeouts(const bool missing[3], char *list, size_t len)
{
	static const char *const names[] = { "client", "connect", "server" };
	size_t left = (size_t)missing[0] + missing[1] + missing[2], at = 0;

	list[0] = '\0';
	for (size_t i = 0; i < 3; i++) {
		if (!missing[i])
			continue;
		left--;
		const char *behind = left > 1 ? ", " : left == 1 ? " and " : "";
		at += (size_t)snprintf(list + at, len - at, "'timeout %s'%s", names[i], behind);
	}
}

void check_timeouts(struct cfg_context *c)
{
	char text[96], list[96];

	for (struct proxy *p = c->proxies; p; p = p->next) {
		bool servers = p->back && p->back->server_count;
		const bool missing[3] = { p->front && !p->set.front.timeout_client_ms,
			servers && !p->set.back.timeout_connect_ms, servers && !p->set.back.timeout_server_ms };
		if (p->set.disabled || !(missing[0] || missing[1] || missing[2]))
			continue;
		list_timeouts(missing, list, sizeof(list));
		diag_warn(c->diag, &p->at, "without it, who goes away in silence holds a connection for ever",
			"%s needs %s", proxy_text(p, text, sizeof(text)), list);
	}
}
