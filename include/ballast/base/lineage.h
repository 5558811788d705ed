/* lineage: objects of successive configurations that stand for one thing, such as the server of some name.
 *
 * Whoever still works with an older one finds the newest through it.  All that live form a ring; the newest is `current`
 * of each.  Where the thing is no longer in the configuration, each is its own current one again.  Links change only while
 * no thread reads them (a reload's rendezvous, or before and after the threads).
 */
#ifndef BALLAST_BASE_LINEAGE_H
#define BALLAST_BASE_LINEAGE_H

#include "ballast/base/list.h"

struct lineage {
	struct list ring;
	void *self, *current; /* the objects that embed it */
};

static inline void lineage_init(struct lineage *l, void *self)
{
	list_init(&l->ring);
	l->self = l->current = self;
}

static inline struct lineage *lineage_next(const struct lineage *l)
{
	return list_entry(l->ring.next, struct lineage, ring);
}

/* `now` follows `old`, and all that `old` followed. */
static inline void lineage_succeed(struct lineage *now, struct lineage *old)
{
	list_push_back(&old->ring, &now->ring);
	for (struct lineage *each = lineage_next(now); each != now; each = lineage_next(each))
		each->current = now->self;
}

/* The thing is gone from the configuration: each that lives is on its own, and `retire` is told of it. */
static inline void lineage_end(struct lineage *l, void (*retire)(void *self))
{
	struct lineage *each = l;

	do {
		each->current = each->self;
		retire(each->self);
		each = lineage_next(each);
	} while (each != l);
}

/* It is about to be freed, and no longer the current one of others. */
static inline void lineage_leave(struct lineage *l)
{
	list_remove(&l->ring);
}

#endif
