/* check: runs the health checks of servers, each on one worker's loop, and applies their results.
 *
 * A check is a connection, and on it, with `option httpchk`, one HTTP exchange (check_http.c); then a pause, `inter`,
 * `fastinter` or `downinter` by the server's state.  Results move check_count between 0 and rise + fall - 1: below
 * `rise` the server is down.  A success while up fills it, a failure while down empties it, as HAProxy does.
 */
#include "ballast/server/check.h"

#include <stdlib.h>

#include "server/internal.h"

struct status_row {
	const char *code, *text;
	unsigned number; /* in `show servers state` */
	bool passed;
};

static const struct status_row status_rows[CHECK_STATUS_COUNT] = {
	[CHECK_UNKNOWN] = { "UNK", "Unknown", 0, false },
	[CHECK_INI] = { "INI", "Initializing", 1, false },
	[CHECK_SOCKERR] = { "SOCKERR", "Socket error", 4, false },
	[CHECK_L4OK] = { "L4OK", "Layer4 check passed", 6, true },
	[CHECK_L4TOUT] = { "L4TOUT", "Layer4 timeout", 7, false },
	[CHECK_L4CON] = { "L4CON", "Layer4 connection problem", 8, false },
	[CHECK_L7OK] = { "L7OK", "Layer7 check passed", 15, true },
	[CHECK_L7TOUT] = { "L7TOUT", "Layer7 timeout", 13, false },
	[CHECK_L7RSP] = { "L7RSP", "Layer7 invalid response", 14, false },
	[CHECK_L7STS] = { "L7STS", "Layer7 wrong status", 17, false },
};

const char *check_status_code(enum check_status s)
{
	return status_rows[s].code;
}

const char *check_status_text(enum check_status s)
{
	return status_rows[s].text;
}

unsigned check_status_number(enum check_status s)
{
	return status_rows[s].number;
}

bool check_status_passed(enum check_status s)
{
	return status_rows[s].passed;
}

struct check *check_new(struct server *s)
{
	struct check *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->conn.watch.fd = -1;
	c->server = s;
	c->enabled = true;
	c->status = CHECK_INI;
	return c;
}

void check_free(struct check *c)
{
	free(c);
}
