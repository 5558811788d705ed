/* The entries of a table: found, made, aged, dropped.  See table.h for the idea.
 *
 * What must stay true: an entry is in its bucket from table_get() until it is dropped; in the list by age exactly while
 * nobody holds it; counted in table.used exactly while it is in a bucket.  Memory comes in slabs that belong to a shard
 * and stay until the table is freed, so an entry's address is good for as long (a `ptr` of the shell).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ballast/table/table.h"

enum {
	ENTRIES_PER_SHARD = 512,
	SHARD_BITS_MAX = 10,
	BUCKET_BITS_FIRST = 3,
	BUCKET_BITS_MAX = 26,
	SLAB_ENTRIES_FIRST = 4,
	SLAB_BYTES_MAX = 65536,
	EXPIRED_AT_ONCE = 8, /* dropped on the way, each time an entry is made */
	TRIES = 8,
};

struct slab {
	struct slab *next;
	uint32_t used, count;
	char entries[] __attribute__((aligned(16)));
};

struct table_shard {
	struct spin lock;
	uint16_t index;
	uint8_t bucket_bits;
	uint32_t count;
	struct table_entry **bucket; /* NULL: no entry was made yet */
	struct table_entry *spare;   /* free ones */
	struct slab *slabs;          /* newest first */
	struct list by_age;          /* of table_entry.link, oldest first */
} __attribute__((aligned(BL_CACHE_LINE)));

/* ---- made and freed ---- */

static uint64_t hash_secret(void)
{
	static _Atomic uint64_t secret;
	uint64_t now = atomic_load_explicit(&secret, memory_order_relaxed), none = 0;

	if (BL_LIKELY(now))
		return now;
	if (getrandom(&now, sizeof now, GRND_NONBLOCK) != sizeof now)
		now = (uint64_t)(uintptr_t)&secret;
	now |= 1;
	return atomic_compare_exchange_strong(&secret, &none, now) ? now : none;
}

static uint32_t data_bytes(enum table_data d)
{
	switch ((enum table_data_kind)table_data_rows[d].kind) {
	case DATA_NUMBER: return 4;
	case DATA_TOTAL: return 8;
	case DATA_RATE: return sizeof(struct table_rate);
	}
	return 0;
}

static uint32_t aligned_to(uint32_t n, uint32_t to)
{
	return (n + to - 1) / to * to;
}

/* The key first, totals at multiples of 8. */
static void lay_out(struct table *t)
{
	uint32_t at = (uint32_t)offsetof(struct table_entry, bytes) + t->set.key_bytes;

	for (unsigned d = 0; d < DATA_COUNT; d++) {
		if (!t->set.stored[d])
			continue;
		at = aligned_to(at, data_bytes(d) == 8 ? 8 : 4);
		t->offset[d] = (uint16_t)at;
		at += data_bytes(d);
	}
	t->entry_bytes = aligned_to(at, 16);
}

static void store_drop(struct table_store *s)
{
	if (!s || atomic_fetch_sub(&s->owners, 1) > 1)
		return;
	for (unsigned i = 0; s->shards && i < 1u << s->shard_bits; i++) {
		struct table_shard *sh = &s->shards[i];
		for (struct slab *k = sh->slabs, *next; k; k = next) {
			next = k->next;
			free(k);
		}
		free(sh->bucket);
	}
	free(s->shards);
	free(s);
}

static struct table_store *store_new(uint32_t size)
{
	struct table_store *s = calloc(1, sizeof *s);
	unsigned shards;

	if (!s)
		return NULL;
	atomic_init(&s->owners, 1);
	while (s->shard_bits < SHARD_BITS_MAX && (uint64_t)ENTRIES_PER_SHARD << (s->shard_bits + 1) <= size)
		s->shard_bits++;
	shards = 1u << s->shard_bits;
	s->shards = aligned_alloc(BL_CACHE_LINE, shards * sizeof *s->shards);
	if (!s->shards) {
		store_drop(s);
		return NULL;
	}
	memset(s->shards, 0, shards * sizeof *s->shards);
	for (unsigned i = 0; i < shards; i++) {
		s->shards[i].index = (uint16_t)i;
		list_init(&s->shards[i].by_age);
	}
	return s;
}

struct table *table_new(const char *name, const struct table_settings *set)
{
	struct table *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->name = name;
	t->set = *set;
	lineage_init(&t->lineage, t);
	lay_out(t);
	t->store = store_new(set->size);
	if (t->store)
		return t;
	free(t);
	return NULL;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	lineage_leave(&t->lineage);
	store_drop(t->store);
	free(t);
}

bool table_fits(const struct table *now, const struct table *old)
{
	const struct table_settings *a = &now->set, *b = &old->set;

	return a->type == b->type && a->key_bytes == b->key_bytes &&
	       memcmp(a->stored, b->stored, sizeof a->stored) == 0;
}

static void mark(void *self)
{
	((struct table *)self)->retired = true;
}

void table_retire(struct table *old)
{
	lineage_end(&old->lineage, mark);
}

bool table_inherit(struct table *now, struct table *old)
{
	if (!table_fits(now, old))
		return false;
	store_drop(now->store);
	now->store = old->store;
	atomic_fetch_add(&now->store->owners, 1);
	lineage_succeed(&now->lineage, &old->lineage);
	return true;
}

/* ---- buckets: by the hash's high bits, so that a walk's order survives a growth ---- */

static struct table_entry **bucket_of(const struct table_shard *sh, uint32_t hash)
{
	return &sh->bucket[hash >> (32 - sh->bucket_bits)];
}

/* Doubles them; where memory is out they stay, and chains become longer. */
static void grow(struct table_shard *sh)
{
	unsigned bits = sh->bucket ? sh->bucket_bits + 1u : BUCKET_BITS_FIRST;
	struct table_entry **old = sh->bucket, **bucket;
	size_t count = old ? (size_t)1 << sh->bucket_bits : 0;

	if (bits > BUCKET_BITS_MAX || !(bucket = calloc((size_t)1 << bits, sizeof *bucket)))
		return;
	sh->bucket = bucket;
	sh->bucket_bits = (uint8_t)bits;
	for (size_t i = 0; i < count; i++)
		for (struct table_entry *e = old[i], *next; e; e = next) {
			struct table_entry **to = bucket_of(sh, e->hash);
			next = e->next;
			e->next = *to;
			*to = e;
		}
	free(old);
}

static void unlink_bucket(struct table_shard *sh, struct table_entry *e)
{
	struct table_entry **at = bucket_of(sh, e->hash);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
}

static struct table_entry *search(struct table_shard *sh, struct slice key, uint32_t hash)
{
	if (!sh->bucket)
		return NULL;
	for (struct table_entry *e = *bucket_of(sh, hash); e; e = e->next)
		if (e->hash == hash && e->key_len == key.len && memcmp(e->bytes, key.ptr, key.len) == 0)
			return e;
	return NULL;
}

/* ---- dropped ---- */

static void drop(struct table *t, struct table_shard *sh, struct table_entry *e)
{
	unlink_bucket(sh, e);
	list_remove(&e->link);
	sh->count--;
	e->next = sh->spare;
	sh->spare = e;
	atomic_fetch_sub_explicit(&t->store->used, 1, memory_order_relaxed);
}

static void drop_expired(struct table *t, struct table_shard *sh, uint64_t now_ms, unsigned most)
{
	struct table_entry *e;

	while (most-- && (e = list_first(&sh->by_age, struct table_entry, link)) && e->expire_ms <= now_ms)
		drop(t, sh, e);
}

/* True where it had one that nobody holds. */
static bool drop_oldest(struct table *t, struct table_shard *sh)
{
	struct table_entry *e = list_first(&sh->by_age, struct table_entry, link);

	if (e)
		drop(t, sh, e);
	return e;
}

void table_purge(struct table *t, uint64_t now_ms)
{
	atomic_store_explicit(&t->store->purged_ms, now_ms, memory_order_relaxed);
	if (!t->set.expire_ms)
		return;
	for (unsigned i = 0; i < 1u << t->store->shard_bits; i++) {
		struct table_shard *sh = &t->store->shards[i];
		spin_lock(&sh->lock);
		drop_expired(t, sh, now_ms, UINT32_MAX);
		spin_unlock(&sh->lock);
	}
}

uint32_t table_used(struct table *t, uint64_t now_ms)
{
	if (atomic_load_explicit(&t->store->purged_ms, memory_order_relaxed) != now_ms)
		table_purge(t, now_ms);
	return atomic_load_explicit(&t->store->used, memory_order_relaxed);
}

/* The key's shard has nothing that could go, and no place is free; its lock is not held.  True: try again. */
static bool make_room(struct table *t, unsigned shard, uint64_t now_ms)
{
	unsigned mask = (1u << t->store->shard_bits) - 1;

	if (table_used(t, now_ms) < t->set.size)
		return true;
	if (t->set.nopurge)
		return false;
	for (unsigned i = 1; i <= mask; i++) {
		struct table_shard *sh = &t->store->shards[(shard + i) & mask];
		spin_lock(&sh->lock);
		bool dropped = drop_oldest(t, sh);
		spin_unlock(&sh->lock);
		if (dropped)
			return true;
	}
	return false;
}

/* ---- made ---- */

static bool take_place(struct table *t)
{
	uint32_t used = atomic_load_explicit(&t->store->used, memory_order_relaxed);

	do {
		if (used >= t->set.size)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&t->store->used, &used, used + 1, memory_order_relaxed,
		memory_order_relaxed));
	return true;
}

static struct slab *more_memory(const struct table *t, struct table_shard *sh)
{
	uint32_t count = sh->slabs ? sh->slabs->count + sh->slabs->count / 2 : SLAB_ENTRIES_FIRST;
	uint32_t most = SLAB_BYTES_MAX / t->entry_bytes;
	struct slab *k;

	if (count > most)
		count = most ? most : 1;
	if (count > t->set.size)
		count = t->set.size;
	k = malloc(sizeof *k + (size_t)count * t->entry_bytes);
	if (!k)
		return NULL;
	k->next = sh->slabs;
	k->used = 0;
	k->count = count;
	sh->slabs = k;
	return k;
}

static struct table_entry *take_memory(const struct table *t, struct table_shard *sh)
{
	struct table_entry *e = sh->spare;
	struct slab *k = sh->slabs;

	if (e) {
		sh->spare = e->next;
		return e;
	}
	if ((!k || k->used == k->count) && !(k = more_memory(t, sh)))
		return NULL;
	return (struct table_entry *)(void *)(k->entries + (size_t)k->used++ * t->entry_bytes);
}

static struct table_rate *table_rate_of(const struct table *t, struct table_entry *e, enum table_data d)
{
	return (struct table_rate *)(void *)((char *)e + t->offset[d]);
}

static void fill(struct table *t, struct table_entry *e, struct slice key, uint32_t hash, uint64_t now_ms)
{
	memset(e, 0, t->entry_bytes);
	e->hash = hash;
	e->key_len = (uint16_t)key.len;
	memcpy(e->bytes, key.ptr, key.len);
	list_init(&e->link);
	for (unsigned d = 0; d < DATA_COUNT; d++)
		if (table_data_rows[d].kind == DATA_RATE && t->offset[d])
			table_rate_of(t, e, d)->start_ms = (uint32_t)now_ms;
}

/* NULL, with *full set where another shard may have something to drop. */
static struct table_entry *make(struct table *t, struct table_shard *sh, struct slice key, uint32_t hash,
	uint64_t now_ms, bool *full)
{
	struct table_entry *e;

	drop_expired(t, sh, now_ms, EXPIRED_AT_ONCE);
	*full = !take_place(t) && (t->set.nopurge || !drop_oldest(t, sh) || !take_place(t));
	if (*full)
		return NULL;
	if (sh->count >> sh->bucket_bits || !sh->bucket)
		grow(sh);
	if (!sh->bucket || !(e = take_memory(t, sh))) {
		atomic_fetch_sub_explicit(&t->store->used, 1, memory_order_relaxed);
		return NULL;
	}
	fill(t, e, key, hash, now_ms);
	e->shard = sh->index;
	e->next = *bucket_of(sh, hash);
	*bucket_of(sh, hash) = e;
	sh->count++;
	return e;
}

/* ---- found ---- */

static uint64_t hash_key(struct slice key)
{
	return XXH3_64bits_withSeed(key.ptr, key.len, hash_secret());
}

static struct table_shard *shard_of(const struct table *t, uint64_t hash)
{
	return &t->store->shards[hash & ((1u << t->store->shard_bits) - 1)];
}

/* One that has expired and that nobody holds is as good as gone. */
static struct table_entry *search_live(struct table *t, struct table_shard *sh, struct slice key, uint32_t hash,
	uint64_t now_ms)
{
	struct table_entry *e = search(sh, key, hash);

	if (e && BL_UNLIKELY(e->expire_ms <= now_ms) && !e->holders) {
		drop(t, sh, e);
		return NULL;
	}
	return e;
}

struct table_entry *table_find(struct table *t, struct slice key, uint64_t now_ms)
{
	uint64_t hash = hash_key(key);
	struct table_shard *sh = shard_of(t, hash);
	struct table_entry *e;

	spin_lock(&sh->lock);
	e = search_live(t, sh, key, (uint32_t)(hash >> 32), now_ms);
	if (!e)
		spin_unlock(&sh->lock);
	return e;
}

struct table_entry *table_get(struct table *t, struct slice key, uint64_t now_ms)
{
	uint64_t hash = hash_key(key);
	struct table_shard *sh = shard_of(t, hash);

	for (unsigned tries = 0; tries < TRIES; tries++) {
		struct table_entry *e;
		bool full = false;

		spin_lock(&sh->lock);
		e = search_live(t, sh, key, (uint32_t)(hash >> 32), now_ms);
		if (!e)
			e = make(t, sh, key, (uint32_t)(hash >> 32), now_ms, &full);
		if (BL_LIKELY(e != NULL)) {
			table_touch(t, e, now_ms);
			return e;
		}
		spin_unlock(&sh->lock);
		if (!full || !make_room(t, sh->index, now_ms))
			break;
	}
	return NULL;
}

void table_lock(struct table *t, const struct table_entry *e)
{
	spin_lock(&t->store->shards[e->shard].lock);
}

void table_unlock(struct table *t, const struct table_entry *e)
{
	spin_unlock(&t->store->shards[e->shard].lock);
}

/* ---- aged ---- */

void table_touch(struct table *t, struct table_entry *e, uint64_t now_ms)
{
	e->expire_ms = t->set.expire_ms ? now_ms + t->set.expire_ms : UINT64_MAX;
	if (e->holders)
		return;
	list_remove(&e->link);
	list_push_back(&t->store->shards[e->shard].by_age, &e->link);
}

void table_hold(struct table_entry *e)
{
	if (!e->holders++)
		list_remove(&e->link);
}

void table_drop(struct table *t, struct table_entry *e, uint64_t now_ms)
{
	BL_ASSERT(e->holders);
	e->holders--;
	table_touch(t, e, now_ms);
}

bool table_remove(struct table *t, struct table_entry *e)
{
	if (e->holders)
		return false;
	drop(t, &t->store->shards[e->shard], e);
	return true;
}

/* ---- what is stored ---- */

static uint32_t *number_of(const struct table *t, struct table_entry *e, enum table_data d)
{
	return (uint32_t *)(void *)((char *)e + t->offset[d]);
}

static uint64_t *total_of(const struct table *t, struct table_entry *e, enum table_data d)
{
	return (uint64_t *)(void *)((char *)e + t->offset[d]);
}

uint64_t table_value(const struct table *t, const struct table_entry *entry, enum table_data d, uint64_t now_ms)
{
	struct table_entry *e = (struct table_entry *)entry;

	if (!t->offset[d])
		return 0;
	switch ((enum table_data_kind)table_data_rows[d].kind) {
	case DATA_NUMBER: return *number_of(t, e, d);
	case DATA_TOTAL: return *total_of(t, e, d);
	case DATA_RATE: return table_rate_value(table_rate_of(t, e, d), t->set.period_ms[d], (uint32_t)now_ms);
	}
	return 0;
}

void table_add(const struct table *t, struct table_entry *e, enum table_data d, uint64_t n, uint64_t now_ms)
{
	if (!t->offset[d])
		return;
	switch ((enum table_data_kind)table_data_rows[d].kind) {
	case DATA_NUMBER: *number_of(t, e, d) += (uint32_t)n; break;
	case DATA_TOTAL: *total_of(t, e, d) += n; break;
	case DATA_RATE: table_rate_add(table_rate_of(t, e, d), t->set.period_ms[d], (uint32_t)now_ms, n); break;
	}
}

void table_set(const struct table *t, struct table_entry *e, enum table_data d, uint64_t value, uint64_t now_ms)
{
	if (!t->offset[d])
		return;
	switch ((enum table_data_kind)table_data_rows[d].kind) {
	case DATA_NUMBER: *number_of(t, e, d) = (uint32_t)value; break;
	case DATA_TOTAL: *total_of(t, e, d) = value; break;
	case DATA_RATE: table_rate_set(table_rate_of(t, e, d), (uint32_t)now_ms, (uint32_t)value); break;
	}
}

/* ---- all of them ---- */

struct walk {
	struct table *table;
	struct table_cursor *cursor;
	uint64_t now_ms;
	enum table_walk (*show)(struct table *t, struct table_entry *e, void *arg);
	void *arg;
};

static bool is_to_go(const struct walk *w, struct table_entry *e)
{
	if (!e->holders && e->expire_ms <= w->now_ms)
		return true;
	return w->show(w->table, e, w->arg) == WALK_REMOVE && !e->holders;
}

/* The bucket that the cursor points to; it moves on behind it. */
static unsigned walk_bucket(const struct walk *w, struct table_shard *sh)
{
	unsigned shift = 32u - sh->bucket_bits, count = 1;
	uint64_t at = w->cursor->hash >> shift;

	for (struct table_entry *e = sh->bucket[at], *next; e; e = next, count++) {
		next = e->next;
		if (is_to_go(w, e))
			drop(w->table, sh, e);
	}
	w->cursor->hash = (at + 1) << shift;
	return count;
}

bool table_walk(struct table *t, struct table_cursor *c, unsigned most, uint64_t now_ms,
	enum table_walk (*show)(struct table *t, struct table_entry *e, void *arg), void *arg)
{
	struct walk w = { t, c, now_ms, show, arg };
	unsigned seen = 0;

	while (c->shard >> t->store->shard_bits == 0 && seen < most) {
		struct table_shard *sh = &t->store->shards[c->shard];
		spin_lock(&sh->lock);
		while (sh->bucket && c->hash >> 32 == 0 && seen < most)
			seen += walk_bucket(&w, sh);
		bool through = !sh->bucket || c->hash >> 32;
		spin_unlock(&sh->lock);
		if (through)
			*c = (struct table_cursor){ .shard = c->shard + 1 };
	}
	return c->shard >> t->store->shard_bits == 0;
}
