/* pick: builds snapshots and keeps the registry of algorithms.
 *
 * A picker and its arrays are one block; what the algorithm adds is a second one.  Cases in which there is
 * nothing to choose (no server, one server) are answered here, whatever the algorithm.
 */
#include <errno.h>
#include <string.h>

#include "bounded.h"

enum { PADDING = 16, CACHE_LINE = 64 };

static const struct pick_algorithm *const algorithms[] = {
	&pick_roundrobin,
	&pick_static_rr,
	&pick_leastconn,
	&pick_first,
	&pick_random,
	&pick_source,
	&pick_uri,
	&pick_url_param,
	&pick_hdr,
	&pick_hash,
	&pick_p2c,
	&pick_ewma,
};

static const struct pick_method *const methods[] = {
	&pick_map_based,
	&pick_consistent,
	&pick_maglev,
};

const struct pick_algorithm *pick_algorithm_at(size_t index)
{
	return index < sizeof(algorithms) / sizeof(*algorithms) ? algorithms[index] : NULL;
}

const struct pick_algorithm *pick_algorithm_find(struct slice name)
{
	const struct pick_algorithm *a;

	for (size_t i = 0; (a = pick_algorithm_at(i)); i++)
		if (slice_eq(name, slice_from_str(a->name)))
			return a;
	return NULL;
}

const struct pick_method *pick_method_at(size_t index)
{
	return index < sizeof(methods) / sizeof(*methods) ? methods[index] : NULL;
}

const struct pick_method *pick_method_find(struct slice name)
{
	const struct pick_method *m;

	for (size_t i = 0; (m = pick_method_at(i)); i++)
		if (slice_eq(name, slice_from_str(m->name)))
			return m;
	return NULL;
}

/* --- what an algorithm and its method need --- */

static const struct pick_method *method_of(const struct pick_method *m)
{
	return m ? m : &pick_map_based;
}

static const struct pick_algorithm *fallback_of(const struct pick_input *in)
{
	return in->fallback ? in->fallback : &pick_roundrobin;
}

bool pick_static_weight(const struct pick_algorithm *a, const struct pick_method *method)
{
	return a->needs_hash ? method_of(method)->static_weight : a->static_weight;
}

bool pick_needs_load(const struct pick_algorithm *a, const struct pick_input *in)
{
	if (!a->needs_hash)
		return a->needs_load;
	return fallback_of(in)->needs_load || (in->balance_factor && method_of(in->method)->bounded);
}

bool pick_needs_latency(const struct pick_algorithm *a, const struct pick_input *in)
{
	return a->needs_hash ? fallback_of(in)->needs_latency : a->needs_latency;
}

/* --- what the algorithms share --- */

bool pick_has_other(const struct picker *p, const uint64_t *avoid)
{
	for (uint32_t word = 0; word < (p->count + 63) / 64; word++)
		if (p->healthy[word] & ~avoid[word])
			return true;
	return false;
}

uint32_t pick_next_other(const struct picker *p, const uint64_t *avoid, uint32_t from)
{
	while (bitmap_has(avoid, p->slot[from]))
		from = from + 1 < p->usable ? from + 1 : 0;
	return from;
}

int pick_regardless(const struct picker *p, const struct pick_request *r)
{
	struct pick_request again = *r;

	again.avoid = NULL;
	return p->choose(p, &again);
}

uint32_t pick_units_of(const struct picker *p, uint32_t index)
{
	return p->cumulative[index] - (index ? p->cumulative[index - 1] : 0);
}

bool pick_equal_weights(const struct picker *p)
{
	return p->units == p->usable;
}

/* --- threads --- */

/* The finaliser of MurmurHash3: every bit of x reaches every bit of the result. */
static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x85ebca6bu;
	x = (x ^ x >> 13) * 0xc2b2ae35u;
	return x ^ x >> 16;
}

void pick_thread_init(struct pick_thread *t, uint32_t thread_index)
{
	/* Multiples of the golden section of 2^32 lie as far apart as that many points can. */
	*t = (struct pick_thread){ .seed = thread_index * 0x9e3779b9u };
}

void pick_thread_move(struct pick_thread *t, const struct picker *p)
{
	if (t->units == 0) {
		uint32_t index = (uint32_t)((uint64_t)t->seed * p->usable >> 32);

		t->turn = p->slot[index];
	} else {
		t->seed = mix(t->seed + 0x9e3779b9u);
	}
	if (t->units != p->units)
		t->position = (uint64_t)t->seed * p->units >> 32;
	t->units = p->units;
	t->generation = p->generation;
}

/* --- building --- */

static int choose_none(const struct picker *p, const struct pick_request *r)
{
	(void)p;
	(void)r;
	return PICK_NONE;
}

static int choose_only(const struct picker *p, const struct pick_request *r)
{
	(void)r;
	return p->slot[0];
}

static bool may_serve(const struct pick_input *in, uint32_t slot, bool backup)
{
	return in->usable[slot] && in->weight[slot] && in->backup[slot] == backup;
}

static uint32_t count_serving(const struct pick_input *in, bool backup)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < in->count; slot++)
		n += may_serve(in, slot, backup);
	return n;
}

static size_t rounded(size_t bytes)
{
	return (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* A picker with room for `usable` servers, all zero. */
static struct picker *picker_alloc(uint32_t count, uint32_t usable)
{
	size_t n = usable + PADDING, bitmap = rounded((count + 63) / 64 * sizeof(uint64_t));
	size_t head = rounded(sizeof(struct picker)), shorts = rounded(n * sizeof(uint16_t));
	size_t words = rounded(n * sizeof(uint32_t)), total = head + 2 * shorts + 2 * words + bitmap;
	char *at = aligned_alloc(CACHE_LINE, total);
	struct picker *p = (struct picker *)(void *)at;

	if (!p)
		return NULL;
	memset(at, 0, total);
	p->slot = (uint16_t *)(void *)(at += head);
	p->weight = (uint16_t *)(void *)(at += shorts);
	p->cumulative = (uint32_t *)(void *)(at += shorts);
	p->id = (uint32_t *)(void *)(at += words);
	p->healthy = (uint64_t *)(void *)(at + words);
	p->count = count;
	p->usable = usable;
	return p;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void fill_servers(struct picker *p, const struct pick_input *in)
{
	for (uint32_t slot = 0, i = 0; i < p->usable; slot++) {
		if (!may_serve(in, slot, p->on_backup))
			continue;
		p->slot[i] = (uint16_t)slot;
		p->weight[i] = in->weight[slot];
		p->id[i] = in->id[slot];
		p->healthy[slot / 64] |= (uint64_t)1 << slot % 64;
		p->total_weight += in->weight[slot];
		i++;
	}
}

static void fill_cumulative(struct picker *p)
{
	uint32_t divisor = 0;

	for (uint32_t i = 0; i < p->usable; i++)
		divisor = common_divisor(p->weight[i], divisor);
	for (uint32_t i = 0; i < p->usable; i++) {
		p->units += p->weight[i] / divisor;
		p->cumulative[i] = p->units;
	}
	for (uint32_t i = p->usable; i < p->usable + PADDING; i++)
		p->cumulative[i] = UINT32_MAX;
}

static int build_choice(struct picker *p, const struct pick_input *in)
{
	const struct pick_algorithm *a = p->algorithm;

	if (!a->needs_hash)
		return a->build(p);
	p->fallback = pick_build(fallback_of(in), in->fallback_param, in, p->generation);
	if (!p->fallback)
		return -ENOMEM;
	if (p->balance_factor && method_of(in->method)->bounded && !(p->bounded = bounded_build(p)))
		return -ENOMEM;
	return method_of(in->method)->build(p);
}

struct picker *pick_build(const struct pick_algorithm *a, int64_t param, const struct pick_input *in,
	uint32_t generation)
{
	uint32_t usable = count_serving(in, false);
	bool on_backup = usable == 0;

	BL_ASSERT(in->count <= PICK_SERVERS_MAX);
	BL_ASSERT(in->load || !pick_needs_load(a, in));
	BL_ASSERT(in->latency || !pick_needs_latency(a, in));
	if (on_backup) {
		usable = count_serving(in, true);
		if (usable && !in->all_backups)
			usable = 1;
	}
	struct picker *p = picker_alloc(in->count, usable);
	if (!p)
		return NULL;
	p->on_backup = on_backup && usable;
	p->generation = generation;
	p->param = param;
	p->load = in->load;
	p->maxconn = in->maxconn;
	p->latency = in->latency;
	p->balance_factor = in->balance_factor;
	p->algorithm = a;
	p->input = in;
	fill_servers(p, in);
	fill_cumulative(p);
	p->choose = usable ? choose_only : choose_none;
	if (usable > 1 && build_choice(p, in) < 0) {
		pick_free(p);
		return NULL;
	}
	p->input = NULL;
	return p;
}

void pick_free(struct picker *p)
{
	if (!p)
		return;
	pick_free(p->fallback);
	free(p->bounded);
	free(p->data);
	free(p);
}

uint32_t pick_usable(const struct picker *p)
{
	return p->usable;
}
