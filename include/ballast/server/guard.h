/* guard: what keeps time for a backend with circuit breakers or outlier ejection: a timer on one worker's loop. */
#ifndef BALLAST_SERVER_GUARD_H
#define BALLAST_SERVER_GUARD_H

#include "ballast/server/backend.h"

/* For backend_start, once its settings are known, and backend_free. 0 or -ENOMEM. */
int guard_start(struct backend *b);
void guard_free(struct backend *b);
/* Each worker thread, after loop_enter with all loops known; and at its end. */
void guards_start_thread(struct backend *all);
void guards_stop_thread(struct backend *all);

#endif
