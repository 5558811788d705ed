/* What the runtime API tells of reloads: `reload` asks for one and waits for its end, `show reload` lists the generations
 * that live, and why. */
#include <time.h>

#include "reload.h"

static void add_time(struct strbuf *out, uint64_t wall_us)
{
	time_t second = (time_t)(wall_us / 1000000);
	char text[40];
	struct tm tm;

	localtime_r(&second, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &tm);
	strbuf_str(out, text);
}

static unsigned long long retired_connections(const struct graph *g)
{
	unsigned long long n = 0;

	for (const struct frontend *f = g->frontends; f; f = f->next)
		if (f->retired)
			n += atomic_load(&f->live->connections);
	return n;
}

static void show_old(const struct old_graph *o, struct strbuf *out)
{
	strbuf_printf(out, "generation %llu: followed ", (unsigned long long)o->graph->generation->number);
	add_time(out, o->until_us);
	if (o->leaving)
		strbuf_str(out, ", is being freed\n");
	else
		strbuf_printf(out, ", lives for %lld exchanges and %llu connections of frontends that are gone\n",
			(long long)generation_used(o->graph->generation), retired_connections(o->graph));
}

static void show(void *arg, struct strbuf *out)
{
	const struct reload *r = arg;

	strbuf_printf(out, "generation %llu: current\n", (unsigned long long)r->number);
	for (const struct old_graph *o = r->old; o; o = o->next)
		show_old(o, out);
	strbuf_printf(out, "reloads: %llu done, %llu refused%s\n", (unsigned long long)r->good,
		(unsigned long long)r->bad, r->under_way ? ", one is under way" : "");
	if (!r->done_us)
		return;
	strbuf_str(out, "last: ");
	add_time(out, r->done_us);
	strbuf_printf(out, " (%s), %s after %llu ms", r->why, r->last_good ? "done" : "refused",
		(unsigned long long)r->took_ms);
	if (r->last_good)
		strbuf_printf(out, ", loops stood still for %llu us", (unsigned long long)r->pause_us);
	strbuf_byte(out, '\n');
	if (r->last_text)
		strbuf_str(out, r->last_text);
}

static bool ask(void *arg, void (*done)(void *session, bool good, const char *text), void *session)
{
	return reload_ask_for(arg, "command", &(struct waiter){ done, session });
}

void reload_offer(struct reload *r, struct admin *a)
{
	admin_set_reload(a, &(struct admin_reload){ .arg = r, .ask = ask, .show = show });
}
