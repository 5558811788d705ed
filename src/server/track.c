/* track: servers whose state is that of another one (`track b/s`), which may track one itself.
 *
 * A change is told by a message to a loop, which takes the lock of each follower in turn: at no time are two backends
 * locked, so chains between backends cannot lock each other up.  What is applied is the state at that time, so late and
 * merged messages do no harm.
 */
#include "ballast/event/loop.h"
#include "internal.h"

static void tell_run(struct post *p)
{
	struct server *s = container_of(p, struct server, track_post);

	atomic_store(&s->track_posted, false);
	for (struct server *t = s->trackers; t; t = t->next_tracker) {
		pthread_mutex_lock(&t->backend->lock);
		server_follow(t, atomic_load(&s->health), atomic_load(&s->admin));
		pthread_mutex_unlock(&t->backend->lock);
	}
}

void track_tell(struct server *s)
{
	if (!s->trackers || !loop_count() || atomic_exchange(&s->track_posted, true))
		return;
	s->track_post.run = tell_run;
	loop_post(loop_at(s->slot % loop_count()), &s->track_post);
}
