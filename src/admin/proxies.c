/* All frontends and backends in the order of the files: a `listen` section's two follow one another. */
#include "proxies.h"

#include <string.h>

/* Which of the graph's files; behind all of them where it is none. */
static unsigned file_number(const struct graph *g, const char *file)
{
	unsigned n = 0;

	while (g->files && g->files[n] && (!file || strcmp(g->files[n], file) != 0))
		n++;
	return n;
}

/* Does the frontend stand before the backend? */
static bool is_before(const struct graph *g, const struct frontend *f, const struct backend *b)
{
	unsigned in = file_number(g, f->at.file), other = file_number(g, b->at.file);

	return in != other ? in < other : f->at.line <= b->at.line;
}

void proxies_start(struct proxies *p, const struct graph *g)
{
	*p = (struct proxies){ .graph = g, .next_frontend = g->frontends, .next_backend = g->backends };
}

bool proxies_next(struct proxies *p)
{
	struct frontend *f;
	struct backend *b;

	do {
		f = p->next_frontend;
		b = p->next_backend;
		if (f && b && !is_before(p->graph, f, b))
			f = NULL;
		if (f)
			b = NULL;
		if (f)
			p->next_frontend = f->next;
		if (b)
			p->next_backend = b->next;
	} while ((f && f->disabled) || (b && b->disabled));
	p->frontend = f;
	p->backend = b;
	return f || b;
}
