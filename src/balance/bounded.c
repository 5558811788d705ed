/* bounded: the arrays behind bounded_fits(). */
#include <string.h>

#include "bounded.h"

struct bounded *bounded_build(const struct picker *p)
{
	uint32_t high = p->slot[p->usable - 1] + 1u, entries = high + 16;
	struct bounded *b = malloc(sizeof(*b) + 2 * entries * sizeof(uint32_t));

	if (!b)
		return NULL;
	uint32_t *dead = (uint32_t *)(void *)(b + 1), *weight = dead + entries;
	memset(dead, 0xff, entries * sizeof(*dead));
	memset(weight, 0, entries * sizeof(*weight));
	for (uint32_t i = 0; i < p->usable; i++) {
		dead[p->slot[i]] = 0;
		weight[p->slot[i]] = p->weight[i];
	}
	*b = (struct bounded){ .kernels = pick_kernels(),
		.loads = { .load = p->load, .dead = dead },
		.low = p->slot[0],
		.high = high,
		.factor = p->balance_factor,
		.weights = p->total_weight,
		.weight = weight };
	return b;
}
