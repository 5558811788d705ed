/* ewma: of two servers drawn at random (two.h) the one with the lower latency times requests under way: it learns which
 * servers are slow, and how slow.
 *
 * A server's latency is a peak-sensitive moving average by time (as in Twitter's Finagle): a slower answer than the
 * average counts at once and whole, a faster one by how long ago the last one was, with a weight that falls to about
 * 1/e in `decay`.  Between answers the average fades the same way, so that a server which is no longer chosen is tried
 * again.  One that has never answered gets one request, then no other before it answers while there is a known one.
 *
 * A cell is one 64-bit word: ms of the clock above, the float of the average in microseconds below; 0: no answer yet.
 * It is replaced by compare and swap; where another thread was faster too often, the sample is dropped.
 */
#include <errno.h>
#include <string.h>

#include "ballast/base/slice.h"
#include "two.h"

enum { DECAY_MS_DEFAULT = 10000, DECAY_MS_MAX = 3600000, TRIES = 4 };

/* The latency of a server that is not known: above all that are. */
#define UNKNOWN_US 1e12f

static inline float cell_average(uint64_t cell)
{
	uint32_t bits = (uint32_t)cell;
	float us;

	memcpy(&us, &bits, sizeof(us));
	return us;
}

static inline uint64_t cell_make(float us, uint32_t now_ms)
{
	uint32_t bits;

	memcpy(&bits, &us, sizeof(bits));
	return (uint64_t)now_ms << 32 | bits;
}

/* What is left of 1 after the time from the cell's to now: 1 / (1 + x + x^2/2), near e^-x and never below. */
static inline float fading(uint64_t cell, uint32_t now_ms, float per_ms)
{
	int32_t elapsed = (int32_t)(now_ms - (uint32_t)(cell >> 32));
	float x = elapsed > 0 ? (float)elapsed * per_ms : 0;

	return 1 / (1 + x + x * x / 2);
}

void pick_latency_note(_Atomic uint64_t *cell, uint32_t decay_ms, uint32_t latency_us, uint32_t now_ms)
{
	uint64_t old = atomic_load_explicit(cell, memory_order_relaxed), now;
	float us = latency_us ? (float)latency_us : 1;
	int tries = 0;

	do {
		float kept = old ? fading(old, now_ms, 1 / (float)decay_ms) : 0, was = cell_average(old);
		float average = us >= was * kept ? us : was * kept + us * (1 - kept);

		now = cell_make(average, now_ms);
	} while (!atomic_compare_exchange_weak_explicit(cell, &old, now, memory_order_relaxed, memory_order_relaxed) &&
		 ++tries < TRIES);
}

static inline float cost(const struct picker *p, uint32_t index, uint32_t now_ms)
{
	uint32_t slot = p->slot[index];
	uint64_t cell = atomic_load_explicit(&p->latency[slot], memory_order_relaxed);
	float load = (float)atomic_load_explicit(&p->load[slot], memory_order_relaxed);

	if (BL_UNLIKELY(!cell))
		return load > 0 ? UNKNOWN_US * load / p->weight[index] : 0;
	return cell_average(cell) * fading(cell, now_ms, 1 / (float)p->param) * (load + 1) / p->weight[index];
}

static inline bool cheaper(const struct picker *p, const struct pick_request *r, uint32_t a, uint32_t b)
{
	return cost(p, b, r->now_ms) < cost(p, a, r->now_ms);
}

static int choose_equal(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, draw_find_equal, cheaper);
}

static int choose4(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, draw_find4, cheaper);
}

static int choose16(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, draw_find16, cheaper);
}

static int choose_many(const struct picker *p, const struct pick_request *r)
{
	return two_choose(p, r, wheel_find_many, cheaper);
}

static uint32_t decay_of(int64_t param)
{
	return param ? (uint32_t)param : DECAY_MS_DEFAULT;
}

uint32_t pick_latency_decay_ms(const struct pick_algorithm *a, int64_t param, const struct pick_input *in)
{
	return decay_of(a->needs_hash ? in->fallback_param : param);
}

static int build(struct picker *p)
{
	p->param = decay_of(p->param);
	return two_build(p, &(struct two_choosers){ choose_equal, choose4, choose16, choose_many });
}

/* "500ms", "10s", or milliseconds. */
static int parse(const char *arg, int64_t *param, const char **why)
{
	struct slice text = slice_from_str(arg ? arg : "10s"), digits = text;
	uint64_t unit = 1, n = 0;

	if (slice_ends_with(text, SLICE("ms")))
		digits.len -= 2;
	else if (slice_ends_with(text, SLICE("s"))) {
		digits.len--;
		unit = 1000;
	}
	if (slice_to_u64(digits, &n) < 0 || n < 1 || n > DECAY_MS_MAX / unit) {
		*why = "the decay time is from 1ms to 3600s";
		return -EINVAL;
	}
	*param = (int64_t)(n * unit);
	return 0;
}

const struct pick_algorithm pick_ewma = {
	.name = "ewma",
	.help = "the one with less latency times requests of two servers drawn at random; <decay>: 10s (Ballast's own)",
	.needs_load = true,
	.needs_latency = true,
	.args_max = 1,
	.parse = parse,
	.build = build,
};
