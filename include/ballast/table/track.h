/* track: which entries an exchange follows, `track-sc0` to `track-sc2`.
 *
 * Each is held from track_start() to track_end() and gets every event in between.  NULL is an exchange that follows none:
 * all of these but track_start() ask for that inline, so that it costs one branch.  For the thread that owns the
 * exchange.
 */
#ifndef BALLAST_TABLE_TRACK_H
#define BALLAST_TABLE_TRACK_H

#include "ballast/table/table.h"

enum { TRACK_MAX = 3 };

struct tracked {
	struct table *table; /* NULL: not in use */
	struct table_entry *entry;
	bool borrowed; /* a copy: somebody else lets it go */
};

/* In the arena of the exchange. */
struct tracking {
	struct tracked slot[TRACK_MAX];
};

/* What has happened already when an entry begins to be followed, bits. */
enum {
	TRACK_REQUEST = 1, /* a request came */
	TRACK_ERROR = 2,   /* which was the client's error */
	TRACK_FAILURE = 4, /* or the server's failure */
};

/* Follows the entry of `key` (made where it is not there) in slot `at`, unless that slot is in use: one more connection
 * there, and `events`.  False: no room. */
bool track_start(struct tracking *k, unsigned at, struct table *t, struct slice key, unsigned events, uint64_t now_ms);

/* NULL where that slot is not in use. */
static inline const struct tracked *track_slot(const struct tracking *k, unsigned at)
{
	return k && k->slot[at].table ? &k->slot[at] : NULL;
}

void track_count_slow(const struct tracking *k, enum table_data total, enum table_data rate, uint64_t n,
	uint64_t now_ms);
void track_end_slow(struct tracking *k, uint64_t now_ms);

/* Adds `n` to a count and its rate in every entry that is followed. */
static inline void track_count(const struct tracking *k, enum table_data total, enum table_data rate, uint64_t n,
	uint64_t now_ms)
{
	if (BL_UNLIKELY(k != NULL))
		track_count_slow(k, total, rate, n, now_ms);
}

/* Another configuration came: tables are those of the newest; entries of tables that are gone are let go. */
void track_follow(struct tracking *k, uint64_t now_ms);

/* Lets its entries go, but the borrowed ones. */
static inline void track_end(struct tracking *k, uint64_t now_ms)
{
	if (BL_UNLIKELY(k != NULL))
		track_end_slow(k, now_ms);
}

#endif
