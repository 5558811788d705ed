/* identity: numbers and addresses that must not be given twice.
 *
 * Numbers that nobody chose are given as in HAProxy, so that statistics are the same: a counter goes on by one with
 * each proxy (from 2, the first belongs to the process), server of a backend or listener of a frontend (from 1), and
 * numbers that somebody chose are stepped over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "directive.h"

/* A number and where it was chosen. */
struct id_entry {
	uint32_t id;
	const struct place *at;
};

struct id_set {
	struct id_entry *entry;
	size_t count, room;
};

static const struct id_entry *id_find(const struct id_set *s, uint32_t id)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->entry[i].id == id)
			return &s->entry[i];
	return NULL;
}

/* Notes a chosen number; an error where it was chosen before. */
static void id_choose(struct cfg_context *c, struct id_set *s, uint32_t id, const struct place *at, const char *what)
{
	const struct id_entry *first = id_find(s, id);

	if (first) {
		diag_error(c->diag, at, NULL, "%s has the same id as another one: %u", what, id);
		diag_add(c->diag, DIAG_NOTE, first->at, NULL, "which is here");
		return;
	}
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 8;
		struct id_entry *grown = realloc(s->entry, room * sizeof(*grown));
		if (!grown) {
			out_of_memory(c, at);
			return;
		}
		s->entry = grown;
		s->room = room;
	}
	s->entry[s->count++] = (struct id_entry){ id, at };
}

/* The number for the next object; `chosen` 0: none was chosen. */
static uint32_t id_next(const struct id_set *s, uint32_t *counter, uint32_t chosen)
{
	if (chosen) {
		++*counter;
		return chosen;
	}
	while (id_find(s, *counter))
		++*counter;
	return (*counter)++;
}

static void proxy_ids(struct cfg_context *c)
{
	struct id_set set = { 0 };
	uint32_t counter = 2;
	char text[96];

	for (struct proxy *p = c->proxies; p; p = p->next)
		if (p->id)
			id_choose(c, &set, p->id, &p->id_at, proxy_text(p, text, sizeof(text)));
	for (struct proxy *p = c->proxies; p; p = p->next) {
		if (p->back)
			p->back->id_forced = p->id != 0;
		p->id = id_next(&set, &counter, p->id);
		if (p->front)
			p->front->id = p->id;
		if (p->back)
			p->back->id = p->id;
	}
	free(set.entry);
}

static void server_ids(struct cfg_context *c, struct backend *b)
{
	struct id_set set = { 0 };
	uint32_t counter = 1;
	char text[96];

	for (uint32_t i = 0; i < b->server_count; i++) {
		struct server *s = b->servers[i];
		snprintf(text, sizeof(text), "server '%s'", s->name);
		if (s->id)
			id_choose(c, &set, s->id, &s->at, text);
	}
	for (uint32_t i = 0; i < b->server_count; i++) {
		struct server *s = b->servers[i];
		s->id_forced = s->id != 0;
		s->id = id_next(&set, &counter, s->id);
	}
	free(set.entry);
}

static void listener_ids(struct cfg_context *c, struct frontend *f)
{
	struct id_set set = { 0 };
	uint32_t counter = 1;

	for (uint32_t i = 0; i < f->listener_count; i++)
		if (f->listeners[i]->id)
			id_choose(c, &set, f->listeners[i]->id, &f->listeners[i]->declared, "this address");
	for (uint32_t i = 0; i < f->listener_count; i++)
		f->listeners[i]->id = id_next(&set, &counter, f->listeners[i]->id);
	free(set.entry);
}

void assign_ids(struct cfg_context *c)
{
	proxy_ids(c);
	for (struct proxy *p = c->proxies; p; p = p->next) {
		if (p->back)
			server_ids(c, p->back);
		if (p->front)
			listener_ids(c, p->front);
	}
}

/* --- addresses --- */

struct bound {
	char text[ADDR_TEXT_MAX];
	const struct proxy *proxy;
	const struct listener *listener;
	size_t order;
};

static int compare_bound(const void *left, const void *right)
{
	const struct bound *a = left, *b = right;
	int by_text = strcmp(a->text, b->text);

	return by_text ? by_text : a->order < b->order ? -1 : 1;
}

static size_t collect(struct cfg_context *c, struct bound *all)
{
	size_t count = 0;

	for (const struct proxy *p = c->proxies; p; p = p->next)
		for (uint32_t i = 0; i < p->listener_count && !p->set.disabled; i++, count++) {
			if (!all)
				continue;
			struct slice text = endpoint_text(&p->listeners[i]->at, all[count].text);
			all[count].text[text.len] = '\0';
			all[count].proxy = p;
			all[count].listener = p->listeners[i];
			all[count].order = count;
		}
	return count;
}

/* The system spreads connections over both, which is hardly ever meant; HAProxy lets it pass. */
void check_addresses(struct cfg_context *c)
{
	size_t count = collect(c, NULL);
	struct bound *all = count ? calloc(count, sizeof(*all)) : NULL;
	char text[96];

	if (!all)
		return;
	collect(c, all);
	qsort(all, count, sizeof(*all), compare_bound);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(all[i].text, all[i - 1].text) != 0)
			continue;
		diag_warn(c->diag, &all[i].listener->declared, NULL, "%s is listened on twice, here in %s", all[i].text,
			proxy_text(all[i].proxy, text, sizeof(text)));
		diag_add(c->diag, DIAG_NOTE, &all[i - 1].listener->declared, NULL, "and here");
	}
	free(all);
}
