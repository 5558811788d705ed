/* finish: when all files were read, makes frontends and backends of the sections, then has each kind of fault between
 * them looked for.
 *
 * A `listen` section becomes both, with one set of rules: the exchange runs it once where it is on both sides.
 */
#include "ballast/proxy/answer.h"
#include "ballast/proxy/refer.h"
#include "ballast/sample/userlist.h"

#include <errno.h>
#include <stdio.h>

#include "ballast/proxy/log_capture.h"
#include "server_words.h"

const char *proxy_text(const struct proxy *p, char *buf, size_t len)
{
	snprintf(buf, len, "%s '%s'", section_name(p->kind), p->name);
	return buf;
}

static int fill_front(struct cfg_context *c, struct proxy *p)
{
	struct frontend *f = p->front;

	f->name = p->name;
	f->description = p->description;
	f->mode = p->set.mode;
	f->disabled = p->set.disabled;
	f->at = p->at;
	f->set = p->set.front;
	if (!f->set.timeout_tarpit_ms)
		f->set.timeout_tarpit_ms = p->set.back.timeout_connect_ms;
	f->acls = p->acls;
	f->rules = p->rules;
	f->captures = log_captures_any(p->rules->captures) ? p->rules->captures : NULL;
	f->use_backends = p->use_backends;
	f->use_backend_count = p->use_backend_count;
	f->default_backend_name = p->set.default_backend;
	f->default_backend_at = p->set.default_backend_at;
	f->errors = p->set.errors;
	f->listeners = p->listeners;
	f->listener_count = p->listener_count;
	for (uint32_t i = 0; i < f->listener_count; i++)
		frontend_adopt_listener(f, f->listeners[i]);
	return log_targets_copy(&f->log, &p->set.log, c->arena);
}

static int fill_back(struct cfg_context *c, struct proxy *p)
{
	struct backend *b = p->back;

	b->name = p->name;
	b->description = p->description;
	b->mode = p->set.mode;
	b->disabled = p->set.disabled;
	b->at = p->at;
	b->set = p->set.back;
	if (!b->set.timeout_tarpit_ms)
		b->set.timeout_tarpit_ms = b->set.timeout_connect_ms;
	if (b->mode == MODE_TCP) /* as the manual has it */
		b->set.retry_on = RETRY_CONN_FAILURE;
	b->algorithm = p->set.algorithm;
	b->algorithm_param = p->set.algorithm_param;
	b->hash_key = p->set.hash_key;
	b->hash_expr = p->set.hash_expr;
	b->fallback = p->set.fallback;
	b->fallback_param = p->set.fallback_param;
	b->balance_factor = p->set.balance_factor;
	b->acls = p->acls;
	b->rules = p->rules;
	b->stick = p->stick;
	b->errors = p->set.errors;
	b->hash_options = arena_alloc(c->arena, sizeof(*b->hash_options));
	if (!b->hash_options)
		return -ENOMEM;
	*b->hash_options = p->set.hash;
	return log_targets_copy(&b->log, &p->set.log, c->arena);
}

/* Puts them into the graph's lists, which own them from now on. */
static void link_proxies(struct cfg_context *c)
{
	struct frontend **front = &c->graph->frontends;
	struct backend **back = &c->graph->backends;

	for (struct proxy *p = c->proxies; p; p = p->next) {
		if (p->front) {
			*front = p->front;
			front = &p->front->next;
		}
		if (p->back) {
			*back = p->back;
			back = &p->back->next;
		}
	}
}

static void check_server_names(struct cfg_context *c, const struct backend *b)
{
	struct strmap seen;

	strmap_init(&seen);
	for (uint32_t i = 0; i < b->server_count; i++) {
		struct server *s = b->servers[i], *first;
		struct slice name = slice_from_str(s->name);
		if (strmap_put(&seen, name, s) != -EEXIST)
			continue;
		first = strmap_get(&seen, name);
		diag_error(c->diag, &s->at, NULL, "backend '%s' has two servers '%s'", b->name, s->name);
		diag_add(c->diag, DIAG_NOTE, &first->at, NULL, "the first one is here");
	}
	strmap_free(&seen);
}

/* A server that is checked needs an address and a port that do not depend on a client. */
static void check_server_port(struct cfg_context *c, const struct server *s)
{
	if (s->check_enabled && s->follows_address && !s->check_addr.len)
		diag_error(c->diag, &s->at, "give it one for that: addr 192.0.2.1",
			"server '%s' cannot be checked: it has no address of its own", s->name);
	if (!s->check_enabled || !s->has_port_offset || s->has_check_port ||
		check_script_names_ports(check_script_of(&s->backend->checks)))
		return;
	diag_error(c->diag, &s->at, "give its address a port, or say 'check port 80'",
		"server '%s' cannot be checked: it has no port of its own", s->name);
}

void check_servers(struct cfg_context *c)
{
	for (struct proxy *p = c->proxies; p; p = p->next) {
		if (!p->back || p->set.disabled)
			continue;
		check_server_names(c, p->back);
		for (uint32_t i = 0; i < p->back->server_count; i++)
			check_server_port(c, p->back->servers[i]);
	}
}

int finish_proxies(struct cfg_context *c)
{
	int err = 0;

	link_proxies(c);
	for (struct proxy *p = c->proxies; p && !err; p = p->next) {
		if (p->front)
			err = fill_front(c, p);
		if (!err && p->back)
			err = fill_back(c, p);
	}
	if (err)
		return err;
	assign_ids(c);
	check_addresses(c);
	check_servers(c);
	check_health(c);
	check_modes(c);
	check_persist(c);
	make_tls(c);
	check_timeouts(c);
	resolve_backends(c);
	compile_logs(c);
	errors_resolve(c->arena, c->diag);
	err = proxy_refs_resolve(c->arena, c->graph->frontends, c->graph->backends, c->diag);
	if (!err)
		err = userlists_resolve(c->arena, c->diag);
	if (err)
		return err;
	err = tables_resolve(&c->tables, &c->graph->tables, c->diag);
	return err == -ENOMEM ? err : 0;
}
