/* What belongs to an arena without lying in it: see release.h. */
#include "ballast/sample/release.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct owned {
	struct owned *next;
	const struct arena *arena;
	void *ptr;
	void (*free_fn)(void *ptr);
};

/* One configuration is read while another is given up. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct owned *all;

int sample_own(struct arena *a, void *ptr, void (*free_fn)(void *ptr))
{
	struct owned *o = malloc(sizeof *o);

	if (!o) {
		free_fn(ptr);
		return -ENOMEM;
	}
	pthread_mutex_lock(&lock);
	*o = (struct owned){ all, a, ptr, free_fn };
	all = o;
	pthread_mutex_unlock(&lock);
	return 0;
}

void sample_release(struct arena *a)
{
	struct owned *mine = NULL, **last = &mine, *o;

	pthread_mutex_lock(&lock);
	for (struct owned **at = &all; (o = *at);) {
		if (o->arena != a) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		*last = o;
		last = &o->next;
	}
	*last = NULL;
	pthread_mutex_unlock(&lock);
	while ((o = mine)) {
		mine = o->next;
		o->free_fn(o->ptr);
		free(o);
	}
}
