/* retry_budget: `retry-budget`: how many retries a backend may add to its requests.
 *
 * Retries help against the failure of one server, and finish off a farm that fails for its load.  So they may be at most a
 * share of the requests of the last while, plus a few; what fails beyond that is answered as a failure.  Each thread
 * counts in a window of its own; who wants to retry sums them up, which is rare.  Threads that do so in the same moment
 * may overdraw the budget by one each.
 */
#ifndef BALLAST_SERVER_RETRY_BUDGET_H
#define BALLAST_SERVER_RETRY_BUDGET_H

#include "ballast/event/loop.h"
#include "ballast/server/backend.h"
#include "ballast/server/window.h"

struct retry_budget {
	struct retry_budget_settings set;
	unsigned threads;
	_Atomic uint64_t told_ms; /* when it was last said that it is used up; 0: never */
	struct window *own;       /* [threads]: how many requests; how many retries as the bad ones */
};

struct retry_budget_state {
	uint64_t requests, retries, allowed; /* of the last while */
};

/* For backend_start: b->set.retry_budget as b->retry_budget, where it is on. 0 or -ENOMEM. */
int retry_budget_start(struct backend *b, unsigned threads);
void retry_budget_free(struct backend *b);

/* One more request in this thread's window. */
void retry_budget_count_request(struct retry_budget *r, unsigned thread, uint64_t now_ms);
/* A request was given to the backend, on this thread. */
static inline void retry_budget_request(const struct backend *b)
{
	if (BL_UNLIKELY(b->retry_budget != NULL))
		retry_budget_count_request(b->retry_budget, loop_self->index, loop_self->now_ms);
}
/* May a failed request be tried again? Then that counts.  False is counted and, once in the budget's time, logged. */
bool retry_budget_take(struct backend *b, unsigned thread, uint64_t now_ms);
struct retry_budget_state retry_budget_read(const struct retry_budget *r, uint64_t now_ms);

#endif
