/* table: what following an entry costs an exchange, in ns: looked up, counted, let go; best of several rounds.
 *
 * One key: all in the cache.  A million keys: each a miss or three.  Full: each also drops the oldest. */
#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/clock.h"
#include "ballast/table/track.h"

enum { ROUNDS = 7, EACH = 200000 };

static struct table *make(uint32_t size)
{
	struct table_settings set = { .type = TABLE_IP, .key_bytes = 4, .size = size, .expire_ms = 60000 };

	set.stored[DATA_HTTP_REQ_RATE] = set.stored[DATA_CONN_CUR] = set.stored[DATA_BYTES_OUT_RATE] = true;
	set.period_ms[DATA_HTTP_REQ_RATE] = set.period_ms[DATA_BYTES_OUT_RATE] = 10000;
	struct table *t = table_new("bench", &set);
	if (!t)
		abort();
	return t;
}

static uint32_t scattered(uint32_t n)
{
	return n * 2654435761u;
}

static void exchange(struct table *t, uint32_t n)
{
	struct tracking k = { 0 };

	track_start(&k, 0, t, slice_of((const char *)&n, sizeof n), TRACK_REQUEST, 1);
	track_count(&k, DATA_BYTES_OUT_CNT, DATA_BYTES_OUT_RATE, 500, 1);
	track_end(&k, 1);
}

static void look_up(struct table *t, uint32_t n)
{
	struct table_entry *e = table_find(t, slice_of((const char *)&n, sizeof n), 1);
	uint64_t value = e ? table_value(t, e, DATA_HTTP_REQ_RATE, 1) : 0;

	if (e)
		table_unlock(t, e);
	__asm__ volatile("" : : "r"(value));
}

static void measure(const char *name, struct table *t, void (*once)(struct table *t, uint32_t n), uint32_t keys)
{
	double best = 1e9;
	uint32_t n = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_ns();
		for (unsigned i = 0; i < EACH; i++)
			once(t, scattered(n++ % keys));
		double ns = (double)(clock_mono_ns() - start) / EACH;
		best = ns < best ? ns : best;
	}
	printf("%-44s %7.1f ns\n", name, best);
}

int main(void)
{
	struct table *t = make(1 << 20);

	measure("followed, counted, let go: 1 key", t, exchange, 1);
	measure("looked up, rate read: 1 key", t, look_up, 1);
	for (uint32_t n = 0; n < 1000000; n++)
		exchange(t, scattered(n));
	measure("followed, counted, let go: 1,000,000", t, exchange, 1000000);
	measure("looked up, rate read: 1,000,000", t, look_up, 1000000);
	table_free(t);
	t = make(100000);
	measure("each drops the oldest of 100,000", t, exchange, UINT32_MAX);
	table_free(t);
	return 0;
}
