/* Tables of exact keys: open addressing over pointers to immutable entries.
 *
 * One writer at a time (the list's mutex), readers at any time: a slot goes from empty to an entry, from an entry to
 * another or to a mark, and never back to empty; so a reader that sees an empty slot has seen all of the key's.  A table
 * that fills up is copied to a larger one.  Keys differ in text, not in case where they are folded. */
#include <stdlib.h>
#include <xxhash.h>

#include "pattern_list.h"
#include "private.h"

struct pattern_slots {
	struct grace grace;  /* first */
	uint32_t mask, used; /* used: removed ones too */
	uint32_t live;
	uint32_t *hash; /* of each slot; lies behind them; spares a look at most entries that are not meant */
	_Atomic(const struct pattern_entry *) slot[];
};

/* Stands where an entry was removed. */
static const struct pattern_entry removed;

static struct slice key_of(const struct pattern_table *t, const struct pattern_entry *e)
{
	return t->by == KEY_ADDR ? slice_of((const char *)e->addr, e->addr_bytes) : e->key;
}

static uint32_t hash(const struct pattern_table *t, struct slice key)
{
	if (t->by != KEY_FOLDED)
		return (uint32_t)XXH3_64bits(key.ptr, key.len);
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a: folds while it hashes */
	for (size_t i = 0; i < key.len; i++)
		h = (h ^ ascii_lower((unsigned char)key.ptr[i])) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

static bool same(const struct pattern_table *t, struct slice a, struct slice b)
{
	return t->by == KEY_FOLDED ? slice_eq_icase(a, b) : slice_eq(a, b);
}

const struct pattern_entry *pattern_table_find(const struct pattern_table *t, struct slice key)
{
	struct pattern_slots *s = atomic_load_explicit(&t->slots, memory_order_acquire);
	if (!s)
		return NULL;
	uint32_t h = hash(t, key);
	for (uint32_t at = h & s->mask;; at = (at + 1) & s->mask) {
		const struct pattern_entry *e = atomic_load_explicit(&s->slot[at], memory_order_acquire);
		if (!e)
			return NULL;
		if (s->hash[at] == h && e != &removed && same(t, key_of(t, e), key))
			return e;
	}
}

static void put(struct pattern_slots *s, const struct pattern_entry *e, uint32_t h)
{
	uint32_t at = h & s->mask;
	while (atomic_load_explicit(&s->slot[at], memory_order_relaxed))
		at = (at + 1) & s->mask;
	s->used++;
	s->live++;
	s->hash[at] = h;
	atomic_store_explicit(&s->slot[at], e, memory_order_release);
}

static void retire(struct pattern_slots *s)
{
	if (s)
		grace_retire(&s->grace, grace_free);
}

/* A table for twice what lives, in the place of the old one. */
static int grow(struct pattern_table *t, struct pattern_slots *old)
{
	uint32_t size = 16;
	while (size < 4 * (old ? old->live + 1 : 1))
		size *= 2;
	struct pattern_slots *s = calloc(1, sizeof *s + size * (sizeof *s->slot + sizeof *s->hash));
	if (!s)
		return -ENOMEM;
	s->mask = size - 1;
	s->hash = (uint32_t *)(void *)&s->slot[size];
	for (uint32_t i = 0; old && i <= old->mask; i++) {
		const struct pattern_entry *e = atomic_load_explicit(&old->slot[i], memory_order_relaxed);
		if (e && e != &removed)
			put(s, e, old->hash[i]);
	}
	atomic_store_explicit(&t->slots, s, memory_order_release);
	retire(old);
	return 0;
}

int pattern_table_add(struct pattern_table *t, const struct pattern_entry *e)
{
	struct pattern_slots *s = atomic_load_explicit(&t->slots, memory_order_relaxed);
	if (pattern_table_find(t, key_of(t, e)))
		return 1;
	if (!s || 2 * (s->used + 1) > s->mask) {
		int err = grow(t, s);
		if (err)
			return err;
		s = atomic_load_explicit(&t->slots, memory_order_relaxed);
	}
	put(s, e, hash(t, key_of(t, e)));
	return 0;
}

void pattern_table_replace(struct pattern_table *t, const struct pattern_entry *e, const struct pattern_entry *with)
{
	struct pattern_slots *s = atomic_load_explicit(&t->slots, memory_order_relaxed);
	if (!s)
		return;
	for (uint32_t at = hash(t, key_of(t, e)) & s->mask;; at = (at + 1) & s->mask) {
		const struct pattern_entry *now = atomic_load_explicit(&s->slot[at], memory_order_relaxed);
		if (!now)
			return;
		if (now != e)
			continue;
		s->live -= !with;
		atomic_store_explicit(&s->slot[at], with ? with : &removed, memory_order_release);
		return;
	}
}

void pattern_table_reset(struct pattern_table *t)
{
	retire(atomic_exchange(&t->slots, NULL));
}

void pattern_table_swap(struct pattern_table *t, struct pattern_table *fresh)
{
	retire(atomic_exchange(&t->slots, atomic_load(&fresh->slots)));
}
