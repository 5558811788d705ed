/* graph: reads all files of a configuration and makes the graph of them.
 *
 * Two passes: each line is checked where it stands and kept in its section; when all files were read, the sections are
 * turned into frontends and backends and what lies between them is checked.  A fault never stops either pass, so that
 * all of them are told in one go.
 */
#include "ballast/config/graph.h"

#include <errno.h>
#include <stdlib.h>

#include "ballast/proxy/log.h"
#include "ballast/sample/release.h"
#include "directive.h"

static bool begins_section(const char *word)
{
	return section_kind(word) || unsupported_find(unsupported_sections, word);
}

/* A misspelt section: at the line's start, and nearest to the name of one. Its lines are checked as if it were right. */
static unsigned meant_section(const struct cfg_context *c, const struct line *l)
{
	const char *names[16];
	size_t count = 0;

	if (l->words[0].at.column != 1 || strcmp(l->words[0].text, "default") == 0)
		return 0;
	for (unsigned bit = 1; bit <= SECTION_LAST; bit <<= 1)
		names[count++] = section_name(bit);
	const char *near = diag_nearest(token_slice(&l->words[0]), names, count);
	if (!near)
		return 0;
	diag_error(c->diag, &l->words[0].at, arena_printf(c->arena, "did you mean '%s'?", near).ptr,
		"unknown section '%s'", l->words[0].text);
	return section_kind(near);
}

static int outside(struct cfg_context *c, const struct line *l)
{
	c->skip = true; /* one message is enough */
	diag_error(c->diag, &l->words[0].at, "sections are global, defaults, frontend, backend and listen",
		"'%s' stands before any section", l->words[0].text);
	return 0;
}

static int on_line(void *arg, struct line *l)
{
	struct cfg_context *c = arg;

	if (l->words[0].at.file != c->file) {
		section_end(c);
		c->file = l->words[0].at.file;
	}
	tables_at(c->proxy && c->section != SECTION_DEFAULTS ? c->proxy->name : NULL, &l->words[0].at);
	int err = 0;
	unsigned kind = section_kind(l->words[0].text);
	if (kind || unsupported_find(unsupported_sections, l->words[0].text))
		err = section_begin(c, kind, l);
	else if ((kind = meant_section(c, l)))
		err = section_begin(c, kind, l);
	else if (!c->section && !c->skip)
		err = outside(c, l);
	else if (c->section)
		err = directive_run(c, l);
	return err == -ENOMEM ? err : 0;
}

static void global_init(struct global_settings *g)
{
	*g = (struct global_settings){
		.thread_groups = 1,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.stats_timeout_ms = 10000,
		.stats_maxconn = 10,
		.bufsize = 16384,
		.maxrewrite = 1024,
		.maxhdr = 101,
		.tls_sessions = 20000,
		.tls_lifetime_s = 300,
	};
	log_targets_init(&g->log);
}

/* The graph has an environment of its own, so that each load begins with the caller's. */
static int copy_env(struct config_env *to, const struct config_env *from)
{
	static const char *const formats[][2] = {
		{ "HAPROXY_TCP_LOG_FMT", log_format_tcp },
		{ "HAPROXY_TCP_CLF_LOG_FMT", log_format_tcp_clf },
		{ "HAPROXY_HTTP_LOG_FMT", log_format_http },
		{ "HAPROXY_HTTP_CLF_LOG_FMT", log_format_http_clf },
	};
	int err = config_env_init(to, NULL);

	for (size_t i = 0; !err && from && i < from->count; i++)
		err = config_env_set(to, from->vars[i].name, from->vars[i].value);
	for (size_t i = 0; !err && i < sizeof(formats) / sizeof(formats[0]); i++)
		err = config_env_preset(to, formats[i][0], formats[i][1]);
	return err;
}

/* Places point into the arena, and messages outlive a graph that was refused. */
static void keep_places(struct diag *d)
{
	const char *file = NULL, *kept_file = NULL, *text = NULL, *kept_text = NULL;

	for (struct diag_entry *e = d->first; e; e = e->next) {
		if (e->at.file && e->at.file != file) {
			file = e->at.file;
			kept_file = arena_strdup(&d->arena, file);
		}
		if (e->at.line_text && e->at.line_text != text) {
			text = e->at.line_text;
			kept_text = arena_strdup(&d->arena, text);
		}
		if (e->at.file)
			e->at.file = kept_file;
		if (e->at.line_text)
			e->at.line_text = kept_text;
	}
}

/* Rewriting may take half of the buffer at most (manual, tune.maxrewrite). */
static void finish_global(struct cfg_context *c)
{
	struct global_settings *g = &c->graph->global;

	if (g->maxrewrite > g->bufsize / 2)
		g->maxrewrite = g->bufsize / 2;
	g->log.tag = g->log_tag;
	if (g->nbthread && g->thread_groups > g->nbthread)
		diag_error(c->diag, &c->thread_groups_at, NULL,
			"%u thread groups are more than the %u threads of nbthread", g->thread_groups, g->nbthread);
}

static int finish(struct cfg_context *c)
{
	finish_global(c);
	int err = cpu_map_resolve(c);
	return err ? err : finish_proxies(c);
}

/* Frees what sections hold that the graph does not: its frontends and backends are in its lists. */
static void free_drafts(struct cfg_context *c, bool all)
{
	for (struct proxy *p = c->defaults; p; p = p->next)
		backend_free(p->back);
	for (struct proxy *p = all ? c->proxies : NULL; p; p = p->next) {
		for (uint32_t i = 0; i < p->listener_count; i++)
			listener_free(p->listeners[i]);
		frontend_free(p->front);
		backend_free(p->back);
	}
}

struct graph *graph_load(struct config_source *src, struct diag *d)
{
	unsigned before = d->count[DIAG_ALERT];
	struct graph *g = calloc(1, sizeof(*g));
	struct config_env *env = src->env;

	if (!g || copy_env(&g->env, env)) {
		diag_error(d, NULL, NULL, "out of memory");
		free(g);
		return NULL;
	}
	arena_init_heap(&g->arena);
	global_init(&g->global);
	struct cfg_context c = { .graph = g, .arena = &g->arena, .diag = d };
	c.last_proxy = &c.proxies;
	c.last_defaults = &c.defaults;
	c.last_cpu_map = &c.cpu_map;
	c.last_health_note = &c.health_notes;
	tables_loading(&c.tables, c.arena);
	file_list_open(&g->read_files, c.arena);
	src->env = &g->env;
	src->is_section = begins_section;
	int err = config_read(src, c.arena, d, on_line, &c);
	src->env = env;
	g->files = src->files;
	if (err != -ENOMEM)
		err = finish(&c);
	if (err == -ENOMEM)
		diag_error(d, NULL, NULL, "out of memory");
	tables_give_up(&c.tables);
	file_list_close(&g->read_files);
	bool refused = d->count[DIAG_ALERT] != before;
	free_drafts(&c, !g->frontends && !g->backends);
	if (!refused)
		return g;
	keep_places(d);
	graph_free(g);
	src->files = NULL; /* they lay in the graph's arena */
	return NULL;
}

int graph_begin_generation(struct graph *g, uint64_t number, unsigned threads)
{
	g->generation = generation_new(number, threads);
	if (!g->generation)
		return -ENOMEM;
	for (struct frontend *f = g->frontends; f; f = f->next)
		f->generation = g->generation;
	for (struct backend *b = g->backends; b; b = b->next)
		b->generation = g->generation;
	return 0;
}

/* Clients of a frontend that nothing followed are its own; those of others went on to their heirs. */
bool graph_in_use(const struct graph *g)
{
	for (const struct frontend *f = g->frontends; f; f = f->next)
		if (f->retired && f->live && atomic_load(&f->live->connections))
			return true;
	return generation_used(g->generation) > 0;
}

void graph_leave(struct graph *g)
{
	for (struct frontend *f = g->frontends; f; f = f->next) {
		lineage_leave(&f->lineage);
		for (uint32_t i = 0; i < f->listener_count; i++)
			lineage_leave(&f->listeners[i]->lineage);
	}
	for (struct backend *b = g->backends; b; b = b->next) {
		lineage_leave(&b->lineage);
		for (uint32_t i = 0; i < b->server_count; i++)
			lineage_leave(&b->servers[i]->lineage);
	}
	for (struct table *t = g->tables; t; t = t->next)
		lineage_leave(&t->lineage);
}

void graph_free(struct graph *g)
{
	if (!g)
		return;
	for (struct frontend *f = g->frontends, *next; f; f = next) {
		next = f->next;
		for (uint32_t i = 0; i < f->listener_count; i++)
			listener_free(f->listeners[i]);
		frontend_free(f);
	}
	for (struct backend *b = g->backends, *next; b; b = next) {
		next = b->next;
		backend_free(b);
	}
	for (struct tls_owned *o = g->tls; o; o = o->next)
		tls_context_free(o->context);
	tables_free(g->tables);
	sample_release(&g->arena);
	config_env_free(&g->env);
	generation_free(g->generation);
	arena_reset(&g->arena);
	free(g);
}

struct backend *graph_find_backend(const struct graph *g, struct slice name)
{
	for (struct backend *b = g->backends; b; b = b->next)
		if (slice_eq(name, slice_from_str(b->name)))
			return b;
	return NULL;
}
