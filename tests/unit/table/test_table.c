/* Entries: made, found, aged, dropped, held, walked. */
#include "../cmocka_all.h"

#include "ballast/table/table.h"

static struct table *table;

static void make(uint32_t size, uint32_t expire_ms, bool nopurge)
{
	struct table_settings set = { .type = TABLE_INTEGER,
		.key_bytes = 4,
		.size = size,
		.expire_ms = expire_ms,
		.nopurge = nopurge };

	set.stored[DATA_GPC0] = set.stored[DATA_BYTES_IN_CNT] = set.stored[DATA_HTTP_REQ_RATE] = true;
	set.period_ms[DATA_HTTP_REQ_RATE] = 1000;
	table = table_new("t", &set);
	assert_non_null(table);
}

static int end(void **state)
{
	(void)state;
	table_free(table);
	table = NULL;
	return 0;
}

static struct slice key_of(uint32_t *n)
{
	return slice_of((const char *)n, sizeof *n);
}

/* Makes or refreshes it; false where there is no room. */
static bool put(uint32_t n, uint64_t now_ms)
{
	struct table_entry *e = table_get(table, key_of(&n), now_ms);

	if (e)
		table_unlock(table, e);
	return e;
}

static bool has(uint32_t n, uint64_t now_ms)
{
	struct table_entry *e = table_find(table, key_of(&n), now_ms);

	if (e)
		table_unlock(table, e);
	return e;
}

static struct table_entry *hold(uint32_t n, uint64_t now_ms)
{
	struct table_entry *e = table_get(table, key_of(&n), now_ms);

	assert_non_null(e);
	table_hold(e);
	table_unlock(table, e);
	return e;
}

static void let_go(struct table_entry *e, uint64_t now_ms)
{
	table_lock(table, e);
	table_drop(table, e, now_ms);
	table_unlock(table, e);
}

static void test_key_is_found_again_and_others_are_not(void **state)
{
	(void)state;
	make(100, 0, false);
	assert_false(has(1, 5));
	assert_true(put(1, 5));
	assert_true(has(1, 6));
	assert_false(has(2, 6));
	assert_int_equal(table_used(table, 7), 1);
}

static void test_entry_expires_after_its_last_refresh(void **state)
{
	(void)state;
	make(100, 1000, false);
	put(1, 5000);
	put(1, 5900);
	assert_true(has(1, 6899));
	assert_false(has(1, 6900));
}

static void test_looking_up_does_not_refresh(void **state)
{
	(void)state;
	make(100, 1000, false);
	put(1, 0);
	for (uint64_t now = 0; now < 1000; now += 100)
		assert_true(has(1, now));
	assert_false(has(1, 1000));
}

static void test_without_expire_an_entry_stays(void **state)
{
	(void)state;
	make(100, 0, false);
	put(1, 0);
	assert_true(has(1, UINT64_MAX / 2));
}

static void test_expired_key_begins_anew(void **state)
{
	struct table_entry *e;
	uint32_t n = 7;

	(void)state;
	make(100, 1000, false);
	e = table_get(table, key_of(&n), 0);
	table_set(table, e, DATA_GPC0, 9, 0);
	table_unlock(table, e);
	e = table_get(table, key_of(&n), 1000);
	assert_int_equal(table_value(table, e, DATA_GPC0, 1000), 0);
	table_unlock(table, e);
	assert_int_equal(table_used(table, 1000), 1);
}

static void test_full_table_drops_the_least_recently_used(void **state)
{
	(void)state;
	make(3, 0, false);
	put(1, 1);
	put(2, 2);
	put(3, 3);
	put(1, 4);
	put(4, 5);
	assert_true(has(1, 6));
	assert_false(has(2, 6));
	assert_true(has(3, 6));
	assert_true(has(4, 6));
	assert_int_equal(table_used(table, 6), 3);
}

static void test_nopurge_refuses_new_keys_until_old_ones_expire(void **state)
{
	(void)state;
	make(2, 1000, true);
	assert_true(put(1, 0));
	assert_true(put(2, 500));
	assert_false(put(3, 900));
	assert_true(put(2, 900)); /* known ones are refreshed */
	assert_true(put(3, 1001));
	assert_false(has(1, 1001));
}

static void test_held_entry_neither_expires_nor_makes_way(void **state)
{
	struct table_entry *e;

	(void)state;
	make(2, 1000, false);
	e = hold(1, 0);
	put(2, 1);
	put(3, 2);
	put(4, 3);
	assert_true(has(1, 100000));
	let_go(e, 100000);
	assert_true(has(1, 100999)); /* its end is counted from when it was let go */
	assert_false(has(1, 101000));
}

static void test_no_new_key_where_all_are_held(void **state)
{
	struct table_entry *e, *f;

	(void)state;
	make(2, 1000, false);
	e = hold(1, 0);
	f = hold(2, 0);
	assert_false(put(3, 10));
	let_go(e, 10);
	assert_true(put(3, 20));
	assert_false(has(1, 20));
	let_go(f, 20);
}

static void test_size_holds_over_all_shards(void **state)
{
	unsigned young = 0;

	(void)state;
	make(5000, 0, false);
	assert_true(table->store->shard_bits > 0);
	for (uint32_t n = 0; n < 30000; n++)
		assert_true(put(n, n));
	assert_int_equal(table_used(table, 30000), 5000);
	for (uint32_t n = 25500; n < 30000; n++)
		young += has(n, 30000);
	assert_true(young > 4000); /* about the oldest went */
}

/* All entries but one are held, so that the place must come from whichever shard has that one. */
static void test_full_table_takes_the_place_from_another_shard(void **state)
{
	struct table_entry *held[1023];
	unsigned count = 0;

	(void)state;
	make(1024, 0, false);
	assert_int_equal(table->store->shard_bits, 1);
	for (uint32_t n = 0; count < 1023; n++)
		held[count++] = hold(n, 1);
	put(5000, 2);
	for (uint32_t n = 6000; n < 6050; n++)
		assert_true(put(n, 3));
	assert_int_equal(table_used(table, 4), 1024);
	while (count)
		let_go(held[--count], 5);
}

static void test_numbers_totals_and_rates_are_kept(void **state)
{
	struct table_entry *e;
	uint32_t n = 1;

	(void)state;
	make(10, 0, false);
	e = table_get(table, key_of(&n), 100);
	table_add(table, e, DATA_GPC0, 3, 100);
	table_add(table, e, DATA_BYTES_IN_CNT, 5000000000, 100);
	table_add(table, e, DATA_HTTP_REQ_RATE, 4, 100);
	table_add(table, e, DATA_CONN_CNT, 1, 100); /* not stored */
	assert_int_equal(table_value(table, e, DATA_GPC0, 100), 3);
	assert_int_equal(table_value(table, e, DATA_BYTES_IN_CNT, 100), 5000000000);
	assert_int_equal(table_value(table, e, DATA_HTTP_REQ_RATE, 100), 4);
	assert_int_equal(table_value(table, e, DATA_HTTP_REQ_RATE, 3000), 0);
	assert_int_equal(table_value(table, e, DATA_CONN_CNT, 100), 0);
	table_set(table, e, DATA_HTTP_REQ_RATE, 77, 200);
	assert_int_equal(table_value(table, e, DATA_HTTP_REQ_RATE, 200), 77);
	table_unlock(table, e);
}

struct seen {
	unsigned count, sum;
	bool remove_odd;
};

static enum table_walk note(struct table *t, struct table_entry *e, void *arg)
{
	struct seen *s = arg;
	uint32_t n;

	(void)t;
	memcpy(&n, e->bytes, sizeof n);
	s->count++;
	s->sum += n;
	return s->remove_odd && n % 2 ? WALK_REMOVE : WALK_KEEP;
}

static void test_walk_shows_each_once_and_nothing_expired(void **state)
{
	struct table_cursor c = { 0 };
	struct seen s = { 0 };

	(void)state;
	make(5000, 1000, false);
	for (uint32_t n = 0; n < 1000; n++)
		put(n, n < 100 ? 0 : 500);
	while (table_walk(table, &c, 10, 1200, note, &s))
		;
	assert_int_equal(s.count, 900);
	assert_int_equal(s.sum, 999 * 1000 / 2 - 99 * 100 / 2);
}

static enum table_walk note_early(struct table *t, struct table_entry *e, void *arg)
{
	unsigned *seen = arg;
	uint32_t n;

	(void)t;
	memcpy(&n, e->bytes, sizeof n);
	if (n < 100)
		seen[n]++;
	return WALK_KEEP;
}

static void test_walk_shows_each_once_while_the_table_grows(void **state)
{
	struct table_cursor c = { 0 };
	unsigned seen[100] = { 0 };
	uint32_t more = 100;

	(void)state;
	make(500, 0, false);
	for (uint32_t n = 0; n < 100; n++)
		put(n, 0);
	while (table_walk(table, &c, 1, 1, note_early, seen))
		for (unsigned i = 0; i < 8 && more < 400; i++)
			put(more++, 1);
	assert_int_equal(more, 400);
	for (unsigned n = 0; n < 100; n++)
		assert_int_equal(seen[n], 1);
}

static void test_walk_removes_what_it_is_told_but_held_ones(void **state)
{
	struct table_cursor c = { 0 };
	struct seen s = { .remove_odd = true };
	struct table_entry *e;

	(void)state;
	make(100, 0, false);
	for (uint32_t n = 0; n < 10; n++)
		put(n, 0);
	e = hold(3, 0);
	while (table_walk(table, &c, 3, 1, note, &s))
		;
	assert_int_equal(table_used(table, 1), 6);
	assert_true(has(3, 1));
	assert_false(has(5, 1));
	let_go(e, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_key_is_found_again_and_others_are_not, end),
		cmocka_unit_test_teardown(test_entry_expires_after_its_last_refresh, end),
		cmocka_unit_test_teardown(test_looking_up_does_not_refresh, end),
		cmocka_unit_test_teardown(test_without_expire_an_entry_stays, end),
		cmocka_unit_test_teardown(test_expired_key_begins_anew, end),
		cmocka_unit_test_teardown(test_full_table_drops_the_least_recently_used, end),
		cmocka_unit_test_teardown(test_nopurge_refuses_new_keys_until_old_ones_expire, end),
		cmocka_unit_test_teardown(test_held_entry_neither_expires_nor_makes_way, end),
		cmocka_unit_test_teardown(test_no_new_key_where_all_are_held, end),
		cmocka_unit_test_teardown(test_size_holds_over_all_shards, end),
		cmocka_unit_test_teardown(test_full_table_takes_the_place_from_another_shard, end),
		cmocka_unit_test_teardown(test_numbers_totals_and_rates_are_kept, end),
		cmocka_unit_test_teardown(test_walk_shows_each_once_and_nothing_expired, end),
		cmocka_unit_test_teardown(test_walk_shows_each_once_while_the_table_grows, end),
		cmocka_unit_test_teardown(test_walk_removes_what_it_is_told_but_held_ones, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
