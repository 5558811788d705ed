/* outlier: `outlier-ejection`: servers that fare much worse than their peers are left out for a time.
 *
 * At each interval the share of failed attempts and the mean time to an answer of each server are held against the median
 * of its peers (the other servers of the same kind that had enough requests); the worst ones first are ejected, as long
 * as no more than a share of all is.  Each ejection of a server lasts longer than the one before, by as much as the first
 * one, and a server that stays gets rid of one such step in the same time.  Where all are equally bad, none is ejected:
 * that is what a circuit breaker is for.
 *
 * Results come as reports (report.h) and are counted without a lock; the comparison runs on one thread.
 */
#ifndef BALLAST_SERVER_OUTLIER_H
#define BALLAST_SERVER_OUTLIER_H

#include "ballast/server/backend.h"
#include "ballast/server/report.h"
#include "ballast/server/window.h"

enum { OUTLIER_REASON_MAX = 128 };

/* A server's part. */
struct outlier {
	struct server_watcher watcher;
	struct window results;          /* attempts, and those that failed */
	struct window answers, time_us; /* answers whose time was measured; the sum of these times */
	/* under backend.lock */
	uint64_t until_ms;  /* it is ejected until this loop time; 0: it is not */
	uint64_t better_ms; /* loop time at which `step` goes down */
	uint32_t step;      /* how many times `for` the last ejection took */
	uint32_t ejections; /* in all */
	char reason[OUTLIER_REASON_MAX];
};

/* For backend_start and backend_free. 0 or -ENOMEM. */
int outliers_start(struct backend *b);
void outliers_free(struct backend *b);
/* Every tenth of a second or so, on one thread. */
void outliers_tick(struct backend *b, uint64_t now_ms);
/* How many are ejected now. Takes backend.lock. */
uint32_t outliers_ejected(struct backend *b);

#endif
