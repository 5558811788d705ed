/* reference: which backend a frontend means by a name, and whether the two go together. */
#include "ballast/sample/release.h"
#include "directive.h"

static struct proxy *find_back(const struct cfg_context *c, const char *name)
{
	for (struct proxy *p = c->proxies; p; p = p->next)
		if (p->back && strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void no_such_backend(struct cfg_context *c, const char *name, const struct place *at)
{
	struct names n = { .count = 0 };

	for (const struct proxy *p = c->proxies; p; p = p->next)
		if (p->back && *p->name)
			names_add(&n, p->name);
	unknown_word(c, &(struct token){ name, strlen(name), *at }, "backend", &n);
}

/* An HTTP request cannot go on as bytes; the other way round HAProxy begins to speak HTTP in the middle. */
static void check_pair(struct cfg_context *c, const struct proxy *front, const struct proxy *back,
	const struct place *at)
{
	if (front->set.mode == back->set.mode)
		return;
	if (front->set.mode == MODE_HTTP)
		diag_error(c->diag, at, "both need the same 'mode'",
			"frontend '%s' is in mode http and backend '%s' in mode tcp", front->name, back->name);
	else
		diag_error(c->diag, at, "both need the same 'mode'",
			"a frontend in mode tcp ('%s') before a backend in mode http ('%s') is not supported by "
			"Ballast (yet)",
			front->name, back->name);
}

static struct backend *resolve(struct cfg_context *c, const struct proxy *front, const char *name,
	const struct place *at)
{
	struct proxy *back = find_back(c, name);

	if (!back) {
		no_such_backend(c, name, at);
		return NULL;
	}
	check_pair(c, front, back, at);
	return back->back;
}

static void free_names(void *map)
{
	strmap_free(map);
}

/* By name, for those that are named while running.  One map a mode. */
static const struct strmap *backends_of_mode(struct cfg_context *c, enum proxy_mode mode)
{
	struct strmap **map = &c->backends_by_name[mode];

	if (*map)
		return *map;
	*map = arena_zalloc(c->arena, sizeof(**map));
	if (!*map || sample_own(c->arena, *map, free_names))
		return *map = NULL;
	for (struct proxy *p = c->proxies; p; p = p->next)
		if (p->back && p->set.mode == mode && !p->set.disabled)
			strmap_put(*map, slice_from_str(p->name), p->back);
	return *map;
}

void resolve_backends(struct cfg_context *c)
{
	for (struct proxy *p = c->proxies; p; p = p->next) {
		struct frontend *f = p->front;
		if (!f || p->set.disabled)
			continue;
		for (uint32_t i = 0; i < f->use_backend_count; i++) {
			struct use_backend *u = &f->use_backends[i];
			if (u->format)
				u->all = backends_of_mode(c, p->set.mode);
			else
				u->backend = resolve(c, p, u->name, &u->at);
		}
		if (f->default_backend_name)
			f->default_backend = resolve(c, p, f->default_backend_name, &f->default_backend_at);
		else
			f->default_backend = p->back; /* of a listen section; else none */
	}
}

/* --- fullconn --- */

static bool leads_to(const struct frontend *f, const struct backend *b)
{
	for (uint32_t i = 0; i < f->use_backend_count; i++)
		if (f->use_backends[i].backend == b || f->use_backends[i].format)
			return true;
	return f->default_backend == b;
}

void graph_set_maxconn(struct graph *g, uint32_t maxconn)
{
	g->global.maxconn = maxconn;
	for (struct backend *b = g->backends; b; b = b->next) {
		uint64_t sum = 0;
		for (const struct frontend *f = g->frontends; f && !b->set.fullconn; f = f->next)
			if (leads_to(f, b))
				sum += f->set.maxconn ? f->set.maxconn : maxconn;
		if (!b->set.fullconn)
			b->set.fullconn = sum / 10 > UINT32_MAX ? UINT32_MAX : (uint32_t)(sum / 10);
		if (!b->set.fullconn)
			b->set.fullconn = 1;
	}
}
