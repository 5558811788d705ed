/* Rounds through the loops: see grace.h.  One is on its way at a time; what is retired meanwhile waits for the next. */
#include "ballast/event/grace.h"

#include <pthread.h>
#include <stdlib.h>

#include "ballast/event/loop.h"

static struct {
	pthread_mutex_t lock;
	struct grace *waiting; /* for a round that has not begun */
	struct grace *current; /* freed when the present round is over */
	bool travelling;
	unsigned at; /* loop that the message is at */
	struct post post;
} grace = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void free_all(struct grace *r)
{
	while (r) {
		struct grace *next = r->next;
		r->free_fn(r);
		r = next;
	}
}

static void travel(struct post *p);

/* With the lock: sends the message on its way where something waits. */
static void begin_round(void)
{
	grace.travelling = grace.waiting;
	if (!grace.waiting)
		return;
	grace.current = grace.waiting;
	grace.waiting = NULL;
	grace.at = 0;
	grace.post.run = travel;
	loop_post(loop_at(0), &grace.post);
}

static void travel(struct post *p)
{
	struct grace *done;

	if (++grace.at < loop_count()) {
		loop_post(loop_at(grace.at), p);
		return;
	}
	pthread_mutex_lock(&grace.lock);
	done = grace.current;
	grace.current = NULL;
	begin_round();
	pthread_mutex_unlock(&grace.lock);
	free_all(done);
}

void grace_retire(struct grace *g, void (*free_fn)(struct grace *g))
{
	if (!loop_count()) {
		free_fn(g);
		return;
	}
	g->free_fn = free_fn;
	pthread_mutex_lock(&grace.lock);
	g->next = grace.waiting;
	grace.waiting = g;
	if (!grace.travelling)
		begin_round();
	pthread_mutex_unlock(&grace.lock);
}

void grace_free(struct grace *g)
{
	free(g);
}

void grace_end(void)
{
	struct grace *current = grace.current, *waiting = grace.waiting;

	grace.current = grace.waiting = NULL;
	grace.travelling = false;
	free_all(current);
	free_all(waiting);
}
