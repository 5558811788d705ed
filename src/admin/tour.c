/* A tour through the threads: each loop is visited in turn, on its own thread, and the way ends where it began.
 *
 * So that nothing is shared and nothing locked: a visit reads and changes what belongs to the thread it is on, and writes
 * what it finds into the tour, which only one thread has at a time.  The command's session is held meanwhile.
 */
#include "internal.h"

static void come_home(struct post *p)
{
	struct tour *t = container_of(p, struct tour, post);
	struct admin_session *s = t->session;

	t->done(t);
	s->tour = NULL;
	t->free(t);
	command_release(s);
}

static void travel(struct post *p)
{
	struct tour *t = container_of(p, struct tour, post);

	t->visit(t);
	t->at++;
	if (t->stop || t->at >= loop_count()) {
		t->post.run = come_home;
		loop_post(loop_at(0), &t->post);
		return;
	}
	loop_post(loop_at(t->at), &t->post);
}

void tour_start(struct tour *t, struct admin_session *s)
{
	t->session = s;
	t->at = 0;
	t->stop = false;
	t->post.run = travel;
	s->tour = t;
	command_hold(s);
	if (!loop_count()) { /* a process without threads */
		t->visit(t);
		come_home(&t->post);
		return;
	}
	loop_post(loop_at(0), &t->post);
}
