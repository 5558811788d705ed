/* attach: the seam between backends and algorithms: fills pick_input from the servers' live state.
 *
 * The room `server` comes before this one and so cannot call it; it calls through these ops.  Everything here runs under
 * backend.lock, so the state that is read is of one moment.
 */
#include "ballast/balance/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/balance/hash_key.h"
#include "ballast/balance/pick.h"
#include "ballast/server/backend.h"

/* The arrays of one pick_input; pick_build copies them. */
struct input_arrays {
	uint16_t *weight;
	uint32_t *id;
	struct slice *name;
	bool *usable, *backup;
};

static int arrays_alloc(struct input_arrays *a, uint32_t count)
{
	size_t n = count ? count : 1;

	a->weight = calloc(n, sizeof *a->weight);
	a->id = calloc(n, sizeof *a->id);
	a->name = calloc(n, sizeof *a->name);
	a->usable = calloc(n, sizeof *a->usable);
	a->backup = calloc(n, sizeof *a->backup);
	return a->weight && a->id && a->name && a->usable && a->backup ? 0 : -ENOMEM;
}

static void arrays_free(struct input_arrays *a)
{
	free(a->weight);
	free(a->id);
	free(a->name);
	free(a->usable);
	free(a->backup);
}

/* A server starts slowly, and the algorithm can follow: weights are counted in parts then. */
static bool any_starts_slowly(const struct backend *b, const struct pick_input *in)
{
	if (pick_static_weight(b->algorithm, in->method))
		return false;
	for (uint32_t i = 0; i < b->server_count; i++)
		if (atomic_load(&b->servers[i]->warmth) != WARMTH_FULL)
			return true;
	return false;
}

static void arrays_fill(struct input_arrays *a, const struct backend *b, bool slowly)
{
	for (uint32_t i = 0; i < b->server_count; i++) {
		const struct server *s = b->servers[i];
		a->weight[i] = (uint16_t)(atomic_load(&s->weight) * (slowly ? atomic_load(&s->warmth) : 1));
		a->id[i] = s->id;
		a->name[i] = slice_from_str(s->name);
		a->usable[i] = server_usable(s);
		a->backup[i] = s->backup;
	}
}

static void add_settings(struct pick_input *in, const struct backend *b)
{
	in->method = b->hash_options ? b->hash_options->method : NULL;
	in->fallback = b->fallback;
	in->fallback_param = b->fallback_param;
	in->balance_factor = b->balance_factor;
	in->latency = b->latency;
}

static struct picker *attach_build(struct backend *b, uint32_t generation)
{
	struct input_arrays a = { 0 };
	struct picker *p = NULL;

	if (arrays_alloc(&a, b->server_count) == 0) {
		struct pick_input in = { .count = b->server_count,
			.weight = a.weight,
			.usable = a.usable,
			.backup = a.backup,
			.id = a.id,
			.name = a.name,
			.load = b->load,
			.maxconn = b->maxconn,
			.all_backups = b->set.all_backups };
		add_settings(&in, b);
		bool slowly = any_starts_slowly(b, &in);
		in.weight_unit = slowly ? WARMTH_FULL : 1;
		arrays_fill(&a, b, slowly);
		p = pick_build(b->algorithm, b->algorithm_param, &in, generation);
	}
	arrays_free(&a);
	return p;
}

static void attach_free(void *picker, void *arg)
{
	(void)arg;
	pick_free(picker);
}

/* One cache line a thread: the position moves with every choice. */
static int start_threads(struct backend *b)
{
	for (uint32_t i = 0; i < b->threads; i++) {
		struct pick_thread *t = aligned_alloc(64, (sizeof *t + 63) & ~(size_t)63);
		if (!t)
			return -ENOMEM;
		memset(t, 0, sizeof *t);
		pick_thread_init(t, i);
		b->thread[i].pick = t;
	}
	return 0;
}

static int attach_start(struct backend *b)
{
	struct pick_input in = { 0 };

	if (!b->algorithm)
		b->algorithm = pick_algorithm_find(SLICE("roundrobin"));
	add_settings(&in, b);
	if (pick_needs_latency(b->algorithm, &in)) {
		b->latency = calloc(b->server_count ? b->server_count : 1, sizeof(*b->latency));
		b->latency_decay_ms = pick_latency_decay_ms(b->algorithm, b->algorithm_param, &in);
		if (!b->latency)
			return -ENOMEM;
	}
	return start_threads(b);
}

static void attach_stop(struct backend *b)
{
	for (uint32_t i = 0; b->thread && i < b->threads; i++)
		free(b->thread[i].pick);
	free(b->latency);
}

static bool attach_needs_load(const struct backend *b)
{
	struct pick_input in = { 0 };

	add_settings(&in, b);
	return pick_needs_load(b->algorithm, &in);
}

static bool attach_fixed_weights(const struct backend *b)
{
	return pick_static_weight(b->algorithm, b->hash_options ? b->hash_options->method : NULL);
}

void balance_attach(void)
{
	static const struct backend_balance_ops ops = {
		.start = attach_start,
		.stop = attach_stop,
		.needs_load = attach_needs_load,
		.fixed_weights = attach_fixed_weights,
		.build = attach_build,
		.free = attach_free,
	};

	backend_set_balance_ops(&ops);
}
