/* What belongs to an arena without lying in it: see release.h. */
#include "ballast/sample/release.h"

#include <errno.h>
#include <stdlib.h>

struct owned {
	struct owned *next;
	const struct arena *arena;
	void *ptr;
	void (*free_fn)(void *ptr);
};

static struct owned *all;

int sample_own(struct arena *a, void *ptr, void (*free_fn)(void *ptr))
{
	struct owned *o = malloc(sizeof *o);

	if (!o) {
		free_fn(ptr);
		return -ENOMEM;
	}
	*o = (struct owned){ all, a, ptr, free_fn };
	all = o;
	return 0;
}

void sample_release(struct arena *a)
{
	for (struct owned **at = &all; *at;) {
		struct owned *o = *at;
		if (o->arena != a) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		o->free_fn(o->ptr);
		free(o);
	}
}
