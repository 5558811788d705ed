/* retry_budget: see retry_budget.h. */
#include "ballast/server/retry_budget.h"

#include <errno.h>
#include <stdlib.h>

#include "internal.h"

int retry_budget_start(struct backend *b, unsigned threads)
{
	struct retry_budget *r;

	if (!b->set.retry_budget.on)
		return 0;
	r = b->retry_budget = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->set = b->set.retry_budget;
	r->threads = threads;
	r->own = aligned_alloc(64, threads * sizeof r->own[0]);
	if (!r->own)
		return -ENOMEM;
	for (unsigned i = 0; i < threads; i++)
		window_init(&r->own[i], r->set.over_ms);
	return 0;
}

void retry_budget_free(struct backend *b)
{
	if (b->retry_budget)
		free(b->retry_budget->own);
	free(b->retry_budget);
}

void retry_budget_count_request(struct retry_budget *r, unsigned thread, uint64_t now_ms)
{
	window_count(&r->own[thread], now_ms, 1, 0);
}

struct retry_budget_state retry_budget_read(const struct retry_budget *r, uint64_t now_ms)
{
	struct retry_budget_state s = { 0 };

	for (unsigned i = 0; i < r->threads; i++) {
		struct window_pair p = window_pair(&r->own[i], now_ms);
		s.requests += p.total;
		s.retries += p.bad;
	}
	s.allowed = s.requests * r->set.percent / 100;
	if (s.allowed < r->set.min)
		s.allowed = r->set.min;
	return s;
}

/* Once in the budget's time: a farm that fails would fill the log with it. */
static void tell(const struct backend *b, const struct retry_budget_state *s, uint64_t now_ms)
{
	struct retry_budget *r = b->retry_budget;
	uint64_t told = load_relaxed(&r->told_ms);
	char over[16];

	if (told && now_ms - told < r->set.over_ms)
		return;
	if (!atomic_compare_exchange_strong(&r->told_ms, &told, now_ms))
		return;
	log_event(&b->log, LOG_L_WARNING,
		"backend %s has used up its retry budget: %u retries for %u requests in the last %s, where %u are "
		"allowed; failures are answered",
		b->name, (unsigned)s->retries, (unsigned)s->requests, duration_text(r->set.over_ms, over),
		(unsigned)s->allowed);
}

bool retry_budget_take(struct backend *b, unsigned thread, uint64_t now_ms)
{
	struct retry_budget *r = b->retry_budget;
	struct retry_budget_state s;

	if (BL_LIKELY(!r))
		return true;
	s = retry_budget_read(r, now_ms);
	if (s.retries < s.allowed) {
		window_count(&r->own[thread], now_ms, 0, 1);
		return true;
	}
	count_add(&b->counters[thread], COUNT_RETRIES_REFUSED, 1);
	tell(b, &s, now_ms);
	return false;
}
