/* Entries that are followed: counted from the first event to the last.  See track.h. */
#include "ballast/table/track.h"

static void count(struct table *t, struct table_entry *e, enum table_data total, enum table_data rate, uint64_t now_ms)
{
	table_add(t, e, total, 1, now_ms);
	table_add(t, e, rate, 1, now_ms);
}

bool track_start(struct tracking *k, unsigned at, struct table *t, struct slice key, unsigned events, uint64_t now_ms)
{
	struct table_entry *e;

	if (k->slot[at].table)
		return true;
	e = table_get(t, key, now_ms);
	if (!e)
		return false;
	table_hold(e);
	table_add(t, e, DATA_CONN_CUR, 1, now_ms);
	count(t, e, DATA_CONN_CNT, DATA_CONN_RATE, now_ms);
	if (events & TRACK_REQUEST)
		count(t, e, DATA_HTTP_REQ_CNT, DATA_HTTP_REQ_RATE, now_ms);
	if (events & TRACK_ERROR)
		count(t, e, DATA_HTTP_ERR_CNT, DATA_HTTP_ERR_RATE, now_ms);
	if (events & TRACK_FAILURE)
		count(t, e, DATA_HTTP_FAIL_CNT, DATA_HTTP_FAIL_RATE, now_ms);
	table_unlock(t, e);
	k->slot[at] = (struct tracked){ .table = t, .entry = e };
	return true;
}

void track_count_slow(const struct tracking *k, enum table_data total, enum table_data rate, uint64_t n,
	uint64_t now_ms)
{
	for (unsigned i = 0; i < TRACK_MAX; i++) {
		const struct tracked *s = track_slot(k, i);
		if (!s || (!table_stores(s->table, total) && !table_stores(s->table, rate)))
			continue;
		table_lock(s->table, s->entry);
		table_add(s->table, s->entry, total, n, now_ms);
		table_add(s->table, s->entry, rate, n, now_ms);
		table_unlock(s->table, s->entry);
	}
}

static void let_go(struct table *t, struct table_entry *e, uint64_t now_ms)
{
	table_lock(t, e);
	if (table_value(t, e, DATA_CONN_CUR, now_ms)) /* `set table` may have changed it */
		table_add(t, e, DATA_CONN_CUR, (uint64_t)-1, now_ms);
	table_drop(t, e, now_ms);
	table_unlock(t, e);
}

void track_end_slow(struct tracking *k, uint64_t now_ms)
{
	for (unsigned i = 0; i < TRACK_MAX; i++) {
		struct tracked *s = &k->slot[i];
		if (!s->table)
			continue;
		if (!s->borrowed)
			let_go(s->table, s->entry, now_ms);
		s->table = NULL;
	}
}

void track_follow(struct tracking *k, uint64_t now_ms)
{
	for (unsigned i = 0; i < TRACK_MAX; i++) {
		struct tracked *s = &k->slot[i];
		if (!s->table)
			continue;
		s->table = s->table->lineage.current;
		if (!s->table->retired)
			continue;
		if (!s->borrowed)
			let_go(s->table, s->entry, now_ms);
		*s = (struct tracked){ 0 };
	}
}
