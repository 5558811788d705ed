/* Stress over threads: few keys in a small table, so that entries are made, held, counted, dropped and walked at once.
 * Meant for a build with --enable-sanitizer=thread; what is counted must add up in any build. */
#include "../cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>

#include "ballast/table/track.h"

enum { THREADS = 4, ROUNDS = 20000, KEYS = 96, SIZE = 64 };

static struct table *table;
static _Atomic uint64_t now_ms = 1;
static _Atomic unsigned refused, wrong;

static unsigned dice(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % sides;
}

/* What an exchange does. */
static void exchange(unsigned *seed, uint32_t n)
{
	struct tracking k = { 0 };
	uint64_t now = atomic_load(&now_ms);

	if (!track_start(&k, 0, table, slice_of((const char *)&n, sizeof n), 0, now)) {
		atomic_fetch_add(&refused, 1);
		return;
	}
	track_count(&k, DATA_HTTP_REQ_CNT, DATA_HTTP_REQ_RATE, 1, now);
	if (dice(seed, 4) == 0)
		sched_yield();
	track_count(&k, DATA_BYTES_IN_CNT, DATA_BYTES_IN_RATE, 10, now);
	track_end(&k, now);
}

static enum table_walk look(struct table *t, struct table_entry *e, void *arg)
{
	(void)arg;
	if (table_value(t, e, DATA_CONN_CUR, 0) != e->holders || e->holders > THREADS)
		atomic_fetch_add(&wrong, 1);
	return WALK_KEEP;
}

static void *run(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		exchange(&seed, dice(&seed, KEYS));
		if (i % 100 == 0)
			atomic_fetch_add(&now_ms, 1);
		if (i % 1000)
			continue;
		struct table_cursor c = { 0 };
		while (table_walk(table, &c, 10, atomic_load(&now_ms), look, NULL))
			;
		table_used(table, atomic_load(&now_ms));
	}
	return NULL;
}

static void make(uint32_t size, uint32_t expire_ms)
{
	struct table_settings set = { .type = TABLE_INTEGER, .key_bytes = 4, .size = size, .expire_ms = expire_ms };

	for (unsigned d = 0; d < DATA_COUNT; d++)
		set.stored[d] = true, set.period_ms[d] = 5;
	table = table_new("t", &set);
	assert_non_null(table);
}

static void run_all(void)
{
	pthread_t id[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&id[i], NULL, run, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	assert_int_equal(atomic_load(&refused), 0);
	assert_int_equal(atomic_load(&wrong), 0);
}

static void test_small_table_under_all_threads(void **state)
{
	(void)state;
	make(SIZE, 3);
	run_all();
	assert_true(table_used(table, atomic_load(&now_ms)) <= SIZE);
	assert_int_equal(table_used(table, atomic_load(&now_ms) + 10), 0); /* nothing is held any more */
	table_free(table);
}

static enum table_walk sum(struct table *t, struct table_entry *e, void *arg)
{
	uint64_t *total = arg;

	total[0] += table_value(t, e, DATA_HTTP_REQ_CNT, 0);
	total[1] += table_value(t, e, DATA_BYTES_IN_CNT, 0);
	total[2] += table_value(t, e, DATA_CONN_CUR, 0) + e->holders;
	return WALK_KEEP;
}

static void test_every_event_is_counted_once(void **state)
{
	struct table_cursor c = { 0 };
	uint64_t total[3] = { 0 };

	(void)state;
	make(100000, 0);
	run_all();
	while (table_walk(table, &c, 10, 0, sum, total))
		;
	assert_int_equal(total[0], THREADS * ROUNDS);
	assert_int_equal(total[1], THREADS * ROUNDS * 10);
	assert_int_equal(total[2], 0);
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_table_under_all_threads),
		cmocka_unit_test(test_every_event_is_counted_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
