/* rate: events over a sliding period, in 12 bytes.
 *
 * Two periods are kept: the present one and the one before.  The rate is what the present one has counted, and of the
 * one before the share that the sliding window still covers, as if its events had been spread evenly (HAProxy's manual,
 * section 11.1: 'average over that period').  So a rate falls to nothing two periods after the last event at the latest.
 */
#ifndef BALLAST_TABLE_RATE_H
#define BALLAST_TABLE_RATE_H

#include <stdint.h>

/* Loops read the clock once a turn: another thread's may be so much ahead. */
#define RATE_AHEAD_MS 60000u

struct table_rate {
	uint32_t start_ms; /* of the present period; low bits of the loop's now_ms */
	uint32_t now, before;
};

/* Makes the period that holds `now_ms` the present one. */
static inline void table_rate_turn(struct table_rate *r, uint32_t period_ms, uint32_t now_ms)
{
	uint32_t since = now_ms - r->start_ms;

	if (since < period_ms || since > UINT32_MAX - RATE_AHEAD_MS)
		return;
	r->before = since - period_ms < period_ms ? r->now : 0;
	r->start_ms = r->before ? r->start_ms + period_ms : now_ms;
	r->now = 0;
}

static inline void table_rate_add(struct table_rate *r, uint32_t period_ms, uint32_t now_ms, uint64_t n)
{
	uint64_t sum;

	table_rate_turn(r, period_ms, now_ms);
	sum = r->now + n;
	r->now = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* Events in the period that ends now. */
static inline uint64_t table_rate_value(const struct table_rate *r, uint32_t period_ms, uint32_t now_ms)
{
	struct table_rate copy = *r;
	uint32_t since;

	table_rate_turn(&copy, period_ms, now_ms);
	since = now_ms - copy.start_ms;
	if (since > period_ms)
		since = 0;
	return copy.now + (uint64_t)copy.before * (period_ms - since) / period_ms;
}

/* As if `n` events had been spread over the period that ends now: what is read at once is `n`. */
static inline void table_rate_set(struct table_rate *r, uint32_t now_ms, uint32_t n)
{
	*r = (struct table_rate){ .start_ms = now_ms, .before = n };
}

#endif
