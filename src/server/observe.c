/* observe: judges a server by its traffic (`observe layer4|layer7`) and moves its health as a failed check would.
 *
 * Errors in a row are counted without a lock; only the one that reaches `error-limit` takes backend.lock, and begins
 * anew.  Which outcome is an error is the table below; what is not in it for a mode does not count.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check_private.h"
#include "internal.h"
#include "ballast/server/report.h"

struct observer {
	struct server_watcher watcher;
	struct server *server;
	_Atomic uint32_t errors; /* in a row */
};

enum verdict { PASSED_OVER, GOOD, BAD };

struct outcome_row {
	uint8_t layer4, layer7; /* enum verdict */
	const char *text;       /* of BAD */
};

static const struct outcome_row outcome_rows[OUTCOME_COUNT] = {
	[OUTCOME_CONNECTED] = { GOOD, PASSED_OVER, NULL },
	[OUTCOME_UNREACHABLE] = { BAD, BAD, "L4 unsuccessful connection" },
	[OUTCOME_CONNECT_TIMEOUT] = { BAD, BAD, "L4 unsuccessful connection" },
	[OUTCOME_ANSWERED] = { PASSED_OVER, GOOD, NULL },
	[OUTCOME_EMPTY] = { PASSED_OVER, BAD, "Close from server (http)" },
	[OUTCOME_JUNK] = { PASSED_OVER, BAD, "Invalid http response (headers)" },
	[OUTCOME_TIMEOUT] = { PASSED_OVER, BAD, "Read timeout (http)" },
	[OUTCOME_BROKEN] = { PASSED_OVER, BAD, "Read error (http)" },
};

/* The manual: 100 to 499, 501 and 505. */
static bool is_good_status(unsigned status)
{
	return (status >= 100 && status < 500) || status == 501 || status == 505;
}

static enum verdict judge(const struct server *s, const struct server_result *r, const char **text)
{
	const struct outcome_row *row = &outcome_rows[r->outcome];

	*text = row->text;
	if (s->observe == OBSERVE_LAYER4)
		return row->layer4;
	if (r->outcome == OUTCOME_ANSWERED && !is_good_status(r->status)) {
		*text = "Wrong http response";
		return BAD;
	}
	return row->layer7;
}

static void act(struct observer *o, const char *text)
{
	struct server *s = o->server;
	char info[CHECK_TEXT_MAX];

	pthread_mutex_lock(&s->backend->lock);
	if (load_relaxed(&o->errors) >= s->error_limit) { /* none other was faster */
		store_relaxed(&o->errors, 0);
		snprintf(info, sizeof info, "Detected %u consecutive errors, last one was: %s", s->error_limit, text);
		check_observed(s->check, info);
	}
	pthread_mutex_unlock(&s->backend->lock);
}

static void note(struct server_watcher *w, struct server *s, const struct server_result *r)
{
	struct observer *o = container_of(w, struct observer, watcher);
	const char *text;

	switch (judge(s, r, &text)) {
	case PASSED_OVER: return;
	case GOOD:
		if (load_relaxed(&o->errors))
			store_relaxed(&o->errors, 0);
		return;
	case BAD:
		if (atomic_fetch_add(&o->errors, 1) + 1 >= s->error_limit)
			act(o, text);
	}
}

int observe_new(struct server *s)
{
	struct observer *o;

	if (s->observe == OBSERVE_NONE || !s->check)
		return 0;
	o = calloc(1, sizeof *o);
	if (!o)
		return -ENOMEM;
	o->server = s;
	o->watcher.note = note;
	server_watch(s, &o->watcher);
	s->observer = o;
	return 0;
}
