/* first: the server with the lowest id that has a connection slot left.
 *
 * It fills one server up to its maxconn before it uses the next, so that those at the end may be switched off.
 * Weights do not count (0 still means none).  Where every server is full, the one that is least so in
 * proportion to its maxconn is taken, to queue there.
 */
#include <errno.h>
#include <string.h>

#include "algorithm.h"
#include "kernels.h"

struct first {
	const struct pick_kernels *kernels;
	struct kernel_loads loads;
	uint32_t low, high; /* slots in use lie in [low, high) */
	uint16_t *order;    /* [usable] slots by id */
};

static bool is_full(const struct picker *p, uint32_t slot)
{
	uint32_t limit = atomic_load_explicit(&p->maxconn[slot], memory_order_relaxed);

	return limit && atomic_load_explicit(&p->load[slot], memory_order_relaxed) >= limit;
}

static bool left_out(const struct pick_request *r, uint32_t slot)
{
	return r->avoid && bitmap_has(r->avoid, slot);
}

static int least_full(const struct picker *p, const struct pick_request *r)
{
	const struct first *f = p->data;
	uint64_t best_load = 1, best_limit = 0; /* an infinite ratio */
	int best = PICK_NONE;

	for (uint32_t i = 0; i < p->usable; i++) {
		uint32_t slot = f->order[i];
		uint64_t load = atomic_load_explicit(&p->load[slot], memory_order_relaxed);
		uint64_t limit = atomic_load_explicit(&p->maxconn[slot], memory_order_relaxed);

		if (left_out(r, slot) || load * best_limit >= best_load * limit)
			continue;
		best = (int)slot;
		best_load = load;
		best_limit = limit;
	}
	/* A limit that was lifted (0) since it was found full is skipped above. */
	return best == PICK_NONE ? f->order[0] : best;
}

static int choose_in_order(const struct picker *p, const struct pick_request *r)
{
	const struct first *f = p->data;

	if (BL_UNLIKELY(r->avoid && !pick_has_other(p, r->avoid)))
		return pick_regardless(p, r);
	for (uint32_t i = 0; i < p->usable; i++)
		if (!left_out(r, f->order[i]) && !is_full(p, f->order[i]))
			return f->order[i];
	return least_full(p, r);
}

/* More than four servers whose ids rise with their slots: the scan may go by slot. */
static int choose_by_slot(const struct picker *p, const struct pick_request *r)
{
	const struct first *f = p->data;

	if (BL_UNLIKELY(r->avoid != NULL))
		return choose_in_order(p, r);
	uint32_t slot = f->kernels->first_free(&f->loads, p->maxconn, f->low, f->high);
	return slot < f->high ? (int)slot : least_full(p, r);
}

static int choose_lowest(const struct picker *p, const struct pick_request *r)
{
	const struct first *f = p->data;

	if (BL_LIKELY(!r->avoid))
		return f->order[0];
	if (!pick_has_other(p, r->avoid))
		return f->order[0];
	uint32_t i = 0;
	while (left_out(r, f->order[i]))
		i++;
	return f->order[i];
}

struct by_id {
	uint32_t id;
	uint16_t slot;
};

static int compare_ids(const void *a, const void *b)
{
	const struct by_id *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (int)x->slot - (int)y->slot;
}

/* Fills order[]; true where it is that of the slots. */
static int sort_by_id(const struct picker *p, uint16_t *order, bool *as_slots)
{
	struct by_id *servers = malloc(p->usable * sizeof(*servers));

	if (!servers)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->usable; i++)
		servers[i] = (struct by_id){ p->id[i], p->slot[i] };
	qsort(servers, p->usable, sizeof(*servers), compare_ids);
	for (uint32_t i = 0; i < p->usable; i++)
		order[i] = servers[i].slot;
	*as_slots = memcmp(order, p->slot, p->usable * sizeof(*order)) == 0;
	free(servers);
	return 0;
}

static int build(struct picker *p)
{
	uint32_t high = p->slot[p->usable - 1] + 1u;
	size_t dead_bytes = (high + 16) * sizeof(uint32_t);
	struct first *f = malloc(sizeof(*f) + dead_bytes + p->usable * sizeof(uint16_t));
	bool as_slots;

	if (!f)
		return -ENOMEM;
	uint32_t *dead = (uint32_t *)(void *)(f + 1);
	*f = (struct first){ .kernels = pick_kernels(), .loads = { .load = p->load, .dead = dead }, .low = p->slot[0] };
	f->high = high;
	f->order = (uint16_t *)(void *)((char *)dead + dead_bytes);
	memset(dead, 0xff, dead_bytes);
	for (uint32_t i = 0; i < p->usable; i++)
		dead[p->slot[i]] = 0;
	p->data = f;
	if (sort_by_id(p, f->order, &as_slots) < 0)
		return -ENOMEM;
	if (!p->maxconn)
		p->choose = choose_lowest;
	else
		p->choose = as_slots && p->usable > 4 ? choose_by_slot : choose_in_order;
	return 0;
}

const struct pick_algorithm pick_first = {
	.name = "first",
	.help = "the server with the lowest id that is below its maxconn",
	.needs_load = true,
	.build = build,
};
