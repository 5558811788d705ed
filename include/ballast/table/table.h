/* table: stick tables: what is remembered of a key (an address, a cookie) for a while, in one line each
 * (HAProxy's manual, section 11).
 *
 * A table is cut into shards by the key's hash; each has its own small lock, its own index and its own list from the
 * least to the most recently used entry, which is at the same time the order in which they expire.  So nothing is shared
 * by all threads but the number of entries, which changes only where one is made or goes.  Entries that somebody holds
 * are in no list: they neither expire nor make way.  A full table drops the oldest entry of the key's shard, which is the
 * oldest of all where there is one shard (fewer than 1,024 entries), and about the oldest in larger tables.
 * The hash has a secret of the process, so that no client can choose keys that meet in one bucket.
 *
 * Every function is for any thread.  Times are a loop's now_ms; loops may differ by a turn.
 */
#ifndef BALLAST_TABLE_TABLE_H
#define BALLAST_TABLE_TABLE_H

#include <stdbool.h>

#include "ballast/base/lineage.h"
#include "ballast/base/slice.h"
#include "ballast/base/spin.h"
#include "ballast/base/strbuf.h"
#include "ballast/sample/sample.h"
#include "ballast/table/rate.h"

enum table_type { TABLE_IP, TABLE_IPV6, TABLE_INTEGER, TABLE_STRING, TABLE_BINARY, TABLE_TYPE_COUNT };

/* What an entry may store; in the order in which `show table` prints it. */
enum table_data {
	DATA_SERVER_ID,
	DATA_GPT0,
	DATA_GPC0,
	DATA_GPC0_RATE,
	DATA_CONN_CNT,
	DATA_CONN_RATE,
	DATA_CONN_CUR,
	DATA_SESS_CNT,
	DATA_SESS_RATE,
	DATA_HTTP_REQ_CNT,
	DATA_HTTP_REQ_RATE,
	DATA_HTTP_ERR_CNT,
	DATA_HTTP_ERR_RATE,
	DATA_BYTES_IN_CNT,
	DATA_BYTES_IN_RATE,
	DATA_BYTES_OUT_CNT,
	DATA_BYTES_OUT_RATE,
	DATA_GPC1,
	DATA_GPC1_RATE,
	DATA_HTTP_FAIL_CNT,
	DATA_HTTP_FAIL_RATE,
	DATA_COUNT,
	DATA_NONE = DATA_COUNT,
};

enum table_data_kind {
	DATA_NUMBER, /* 32 bits */
	DATA_TOTAL,  /* 64 bits */
	DATA_RATE,   /* struct table_rate */
};

struct table_data_row {
	const char *name;
	uint8_t kind; /* enum table_data_kind */
};
extern const struct table_data_row table_data_rows[DATA_COUNT];
/* DATA_NONE where there is none of that name. */
enum table_data table_data_find(struct slice name);

enum { TABLE_KEY_MAX = 8192, TABLE_PERIOD_MAX_MS = INT32_MAX };

/* As the configuration has it; immutable. */
struct table_settings {
	uint8_t type;       /* enum table_type */
	bool nopurge;       /* a full table takes no new key, instead of dropping the oldest */
	uint32_t key_bytes; /* string: at most; others: exactly */
	uint32_t size;      /* entries, 1 at least */
	uint32_t expire_ms; /* 0: never */
	bool stored[DATA_COUNT];
	uint32_t period_ms[DATA_COUNT]; /* of rates */
};

struct table_shard;

/* The entries, which the table of that name in the next configuration takes over. */
struct table_store {
	unsigned shard_bits; /* 1 << shard_bits shards */
	struct table_shard *shards;
	_Atomic uint32_t owners; /* tables */
	_Atomic uint32_t used;
	_Atomic uint64_t purged_ms; /* when all shards were last rid of what expired */
};

/* Made by table_new() or by the configuration; freed when no entry is held. */
struct table {
	const char *name;
	struct table_settings set;
	uint32_t entry_bytes;
	uint16_t offset[DATA_COUNT]; /* in an entry; 0: not stored */
	struct table_store *store;
	struct lineage lineage; /* with those of its name in other configurations */
	bool retired;           /* no newer configuration has it, or another kind of it */
	struct table *next;     /* all tables of a configuration */
};

/* One line.  Everything but `shard`, `hash` and the key is for the holder of its shard's lock. */
struct table_entry {
	struct table_entry *next; /* of its bucket; of free entries */
	struct list link;         /* by age, while nobody holds it */
	uint64_t expire_ms;       /* UINT64_MAX: never */
	uint32_t hash;
	uint32_t holders;
	uint16_t shard;
	uint16_t key_len;
	char bytes[]; /* the key, then what is stored */
};

/* NULL where memory is out. `name` must outlive it; `*set` is copied. */
struct table *table_new(const char *name, const struct table_settings *set);
/* NULL is allowed. */
void table_free(struct table *t);
/* Do their entries look the same: type, length of keys, what is stored? */
bool table_fits(const struct table *now, const struct table *old);
/* Takes the entries of `old` over, where they look the same: type, length of keys, what is stored.  False: they do not, and
 * `now` begins empty.  While no thread uses either. */
bool table_inherit(struct table *now, struct table *old);
/* No table of the new configuration is its heir. */
void table_retire(struct table *old);

static inline bool table_stores(const struct table *t, enum table_data d)
{
	return t->offset[d];
}

/* ---- keys (key.c) ---- */

/* What a sample must be cast to for this type: enum sample_type. */
unsigned table_key_sample(enum table_type type);
const char *table_type_name(enum table_type type);
/* The key that a sample stands for; *key points into *s or the arena.  0, -ENOENT where it has no such form (an IPv6
 * address in a table of IPv4, an empty text), -ENOMEM. */
int table_key_of(const struct table *t, struct sample *s, struct arena *a, struct slice *key);
/* The same of a word that a person wrote.  -EINVAL: it is none. */
int table_key_of_text(const struct table *t, const char *text, struct arena *a, struct slice *key);
/* The entry's key as a sample; its bytes lie in the entry: valid while it is held or its shard locked. */
void table_entry_key(const struct table *t, const struct table_entry *e, struct sample *out);
/* As `show table` prints it. */
void table_entry_key_text(const struct table *t, const struct table_entry *e, struct strbuf *to);

/* ---- entries ---- */

/* The entry of `key`; its shard is locked then, until table_unlock().  NULL: there is none, nothing is locked. */
struct table_entry *table_find(struct table *t, struct slice key, uint64_t now_ms);
/* The same; makes it where there is none, and refreshes it.  NULL: no room (nopurge, or all entries are held), or memory
 * is out. */
struct table_entry *table_get(struct table *t, struct slice key, uint64_t now_ms);
/* Locks the shard of an entry that the caller holds. */
void table_lock(struct table *t, const struct table_entry *e);
void table_unlock(struct table *t, const struct table_entry *e);

/* With its shard locked: */

/* Puts its end off to a whole `expire` from now, and makes it the youngest. */
void table_touch(struct table *t, struct table_entry *e, uint64_t now_ms);
/* It stays until table_drop(), which refreshes it. */
void table_hold(struct table_entry *e);
void table_drop(struct table *t, struct table_entry *e, uint64_t now_ms);
/* Drops it; still to be unlocked by table_unlock().  False: somebody holds it, and it stays. */
bool table_remove(struct table *t, struct table_entry *e);
/* Number, total, or rate as of now; 0 where it is not stored. */
uint64_t table_value(const struct table *t, const struct table_entry *e, enum table_data d, uint64_t now_ms);
/* Adds to a number, a total or a rate; nothing where it is not stored. */
void table_add(const struct table *t, struct table_entry *e, enum table_data d, uint64_t n, uint64_t now_ms);
/* Sets it (a rate: so that it reads as this now); nothing where it is not stored. */
void table_set(const struct table *t, struct table_entry *e, enum table_data d, uint64_t value, uint64_t now_ms);

/* ---- all of them ---- */

/* Drops what has expired everywhere. */
void table_purge(struct table *t, uint64_t now_ms);
/* Entries in use, those that have expired and were not dropped yet left out (to the millisecond). */
uint32_t table_used(struct table *t, uint64_t now_ms);

/* Where a walk has come to; zeroed at first. */
struct table_cursor {
	uint32_t shard;
	uint64_t hash;
};

enum table_walk { WALK_KEEP, WALK_REMOVE };

/* Shows the next entries, at most about `most`, each once, with their shard locked; WALK_REMOVE drops one that nobody
 * holds.  False behind the last.  Entries that come or go meanwhile may be seen or not. */
bool table_walk(struct table *t, struct table_cursor *c, unsigned most, uint64_t now_ms,
	enum table_walk (*show)(struct table *t, struct table_entry *e, void *arg), void *arg);

#endif
