/* renew: a worker that takes a dead one's place after a reload begins with the configuration as it is in the files now, not
 * as its master loaded it: the sockets that the master holds are taken over, others opened.  Where the files are wrong, it
 * serves what the master has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reload.h"

/* One thread, no loops: what is inherited needs no following. */
static int take_sockets(struct run *r, struct sockets *fresh, struct diag *d)
{
	int err = 0;

	for (size_t i = 0; i < fresh->count && !err; i++) {
		struct listener *l = fresh->list[i], *old = sockets_find(&r->sockets, l);
		if (!old) {
			err = listener_open(l, r->threads, NULL, d);
			if (!err)
				err = listener_publish(l, d);
			continue;
		}
		err = listener_prepare(l, r->threads);
		if (!err)
			listener_inherit(l, old);
		if (!err)
			listener_listen(l); /* the dead one may have ended it */
	}
	return err;
}

static void put_in_place(struct run *r, struct graph *now, struct sockets *fresh)
{
	struct graph *old = r->graph;

	free(r->sockets.list);
	r->sockets = *fresh;
	r->graph = now;
	graph_set_maxconn(now, r->maxconn);
	log_set_global(&now->global.log, now->global.log_tag, now->global.log_send_hostname);
	admin_set_graph(r->admin, now);
	graph_free(old);
}

void worker_renew(struct run *r)
{
	struct sockets fresh = { 0 };
	struct diag d;
	struct graph *now;

	diag_init(&d);
	now = plan_load(r, &d);
	int err = now && !d.count[DIAG_ALERT] ? sockets_collect(&fresh, now) : -EINVAL;
	if (!err)
		err = take_sockets(r, &fresh, &d);
	if (err)
		say_and_log(SAY_WARNING,
			"The new worker serves the configuration that its master was started with: the files "
			"cannot be loaded now.");
	else
		put_in_place(r, now, &fresh);
	if (err) {
		graph_free(now);
		free(fresh.list);
	}
	diag_free(&d);
}
