/* sockets: everything that is listened on, opened together before any thread: all of it, or nothing. */
#include <errno.h>
#include <stdlib.h>

#include "process.h"

int sockets_add(struct sockets *s, struct listener *l)
{
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct listener **list = realloc(s->list, room * sizeof(struct listener *));
		if (!list)
			return -ENOMEM;
		s->list = list;
		s->room = room;
	}
	s->list[s->count++] = l;
	return 0;
}

int sockets_collect(struct sockets *s, const struct graph *g)
{
	int err = 0;

	for (struct frontend *f = g->frontends; f; f = f->next)
		for (uint32_t i = 0; i < f->listener_count && !f->disabled && !err; i++)
			err = sockets_add(s, f->listeners[i]);
	return err;
}

struct listener *sockets_find(const struct sockets *s, const struct listener *l)
{
	for (size_t i = 0; i < s->count; i++)
		if (listener_fits(l, s->list[i]))
			return s->list[i];
	return NULL;
}

unsigned sockets_files(const struct sockets *s, unsigned threads)
{
	unsigned files = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct listener *l = s->list[i];
		bool is_ip = l->at.len && (l->at.sa.sa_family == AF_INET || l->at.sa.sa_family == AF_INET6);
		files += is_ip ? threads : 1;
	}
	return files;
}

int sockets_open(struct sockets *s, unsigned threads, struct inherited_fds *from, struct diag *d)
{
	int first = 0;

	for (size_t i = 0; i < s->count; i++) {
		int err = listener_open(s->list[i], threads, from, d);
		if (err && !first)
			first = err;
	}
	return first;
}

int sockets_publish(struct sockets *s, struct diag *d)
{
	int err = 0;

	for (size_t i = 0; i < s->count && !err; i++)
		err = listener_publish(s->list[i], d);
	return err;
}

int sockets_start(struct sockets *s)
{
	int err = 0;

	for (size_t i = 0; i < s->count && !err; i++)
		err = listener_start(s->list[i]);
	return err;
}

void sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		listener_close(s->list[i]);
}

bool sockets_are_closed(const struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (atomic_load(&s->list[i]->started))
			return false;
	return true;
}

void sockets_drop(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		listener_close_fds(s->list[i]);
}
