/* log_capture: what a frontend keeps of each request and response for its log line: `capture request header`, `capture
 * cookie`, `declare capture`, and the action `capture` (HAProxy's manual, sections 4.2 and 8.8).
 *
 * A frontend has slots, numbered in the order of its lines; an exchange fills them, in its arena.  A frontend without slots
 * costs its requests one branch.
 */
#ifndef BALLAST_PROXY_LOG_CAPTURE_H
#define BALLAST_PROXY_LOG_CAPTURE_H

#include "ballast/base/arena.h"
#include "ballast/base/slice.h"

struct capture_slot {
	struct slice field; /* filled with this field's last value; len 0: by rules alone */
	uint32_t len_max;
};

struct capture_slots {
	struct capture_slot *slot;
	uint32_t count, room;
};

/* Zeroed is none. Immutable once loaded. */
struct log_captures {
	struct capture_slots request, response;
	struct slice cookie; /* what a cookie's `name=` begins with; len 0: none */
	uint32_t cookie_len_max;
};

enum { CAPTURE_COOKIE_LEN_MAX = 63 }; /* tune.http.cookielen */

/* One more slot, while loading: its number, or -ENOMEM. */
int capture_slot_add(struct capture_slots *slots, struct slice field, uint32_t len_max, struct arena *a);

static inline bool log_captures_any(const struct log_captures *c)
{
	return c->request.count || c->response.count || c->cookie.len;
}

#endif
