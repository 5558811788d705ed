/* Rounds through the loops: see grace.h.  One is on its way at a time; what is retired meanwhile waits for the next. */
#include "ballast/event/grace.h"

#include <pthread.h>
#include <stdlib.h>

#include "ballast/event/loop.h"

struct retired {
	struct retired *next;
	void *ptr;
	void (*free_fn)(void *ptr);
};

static struct {
	pthread_mutex_t lock;
	struct retired *waiting; /* for a round that has not begun */
	struct retired *current; /* freed when the present round is over */
	bool travelling;
	unsigned at; /* loop that the message is at */
	struct post post;
} grace = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void free_all(struct retired *r)
{
	while (r) {
		struct retired *next = r->next;
		r->free_fn(r->ptr);
		free(r);
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
	struct retired *done;

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

void grace_retire(void *ptr, void (*free_fn)(void *ptr))
{
	struct retired *r;

	if (!ptr)
		return;
	if (!loop_count()) {
		free_fn(ptr);
		return;
	}
	r = malloc(sizeof *r);
	if (!r)
		return;
	*r = (struct retired){ .ptr = ptr, .free_fn = free_fn };
	pthread_mutex_lock(&grace.lock);
	r->next = grace.waiting;
	grace.waiting = r;
	if (!grace.travelling)
		begin_round();
	pthread_mutex_unlock(&grace.lock);
}

void grace_end(void)
{
	struct retired *current = grace.current, *waiting = grace.waiting;

	grace.current = grace.waiting = NULL;
	grace.travelling = false;
	free_all(current);
	free_all(waiting);
}
