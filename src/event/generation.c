/* generation: see generation.h. */
#include "ballast/event/generation.h"

#include <stdlib.h>

#include "ballast/base/lines.h"

struct generation *generation_new(uint64_t number, unsigned threads)
{
	struct generation *g = malloc(sizeof *g);
	struct generation_users *users = lines_new(threads * sizeof *users);

	if (!g || !users) {
		free(g);
		lines_drop(users);
		return NULL;
	}
	*g = (struct generation){ .number = number, .threads = threads, .users = users };
	return g;
}

void generation_free(struct generation *g)
{
	if (!g)
		return;
	lines_drop(g->users);
	free(g);
}

int64_t generation_used(const struct generation *g)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < g->threads; i++)
		sum += atomic_load_explicit(&g->users[i].count, memory_order_acquire);
	return sum;
}
