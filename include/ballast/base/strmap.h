/* strmap: a map from names to objects that remembers the order in which they were added.
 *
 * For names of a configuration: looked up at load and by the admin shell.  Keys are case-sensitive bytes which the
 * map does not copy: they must live as long as the entry (a name in the object itself, or in the graph's arena).
 * Lookups are safe from several threads as long as none changes the map.
 */
#ifndef BALLAST_BASE_STRMAP_H
#define BALLAST_BASE_STRMAP_H

#include <stddef.h>
#include <stdint.h>

#include "ballast/base/slice.h"

struct strmap_entry {
	struct slice key;
	uint64_t hash;
	void *value; /* NULL: removed */
};

/* Made by strmap_init() (all zero is the same), freed by strmap_free(). */
struct strmap {
	struct strmap_entry *entries; /* in the order of adding, with gaps where some were removed */
	uint32_t *index;              /* hash table of numbers of entries, from 1; 0 is free */
	uint32_t used, live;          /* entries with and without gaps */
	uint32_t index_size;          /* a power of two, or 0 */
};

static inline void strmap_init(struct strmap *m)
{
	*m = (struct strmap){ 0 };
}

/* Frees the map, not the values. */
void strmap_free(struct strmap *m);

/* The value of `key`; NULL where there is none. */
void *strmap_get(const struct strmap *m, struct slice key);
/* Adds an entry; `value` is not NULL.  0, -EEXIST (then nothing changed) or -ENOMEM. */
int strmap_put(struct strmap *m, struct slice key, void *value);
/* Takes an entry out; its value, or NULL where there was none. */
void *strmap_remove(struct strmap *m, struct slice key);

static inline size_t strmap_count(const struct strmap *m)
{
	return m->live;
}

/* The entry after `e` in the order of adding (NULL: the first); NULL at the end. */
const struct strmap_entry *strmap_next(const struct strmap *m, const struct strmap_entry *e);

/* Visits all entries in order; the visited one may be removed, nothing may be added. */
#define strmap_for_each(e, m) for (const struct strmap_entry *e = strmap_next(m, NULL); e; e = strmap_next(m, e))

#endif
