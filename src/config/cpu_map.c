/* cpu_map: `cpu-map [auto:]GROUP[/THREADS] CPUS...` (manual, section 3.1): which CPUs a thread may run on.
 *
 * Lines are checked where they stand and applied at the end, for which threads a group has depends on nbthread and
 * thread-groups: each group has as many as the others, the first ones one more where they do not divide.
 * Where lines overlap the later one holds.
 */
#include <errno.h>
#include <sched.h>

#include "directive.h"

enum { CPU_MAX = 256, GROUP_THREADS_MAX = 64, GROUPS_MAX = 16 };

struct cpu_set_bits {
	uint64_t bits[CPU_MAX / 64];
};

/* One directive, read. */
struct cpu_map_line {
	struct cpu_map_line *next;
	bool automatic;
	uint64_t groups;  /* bit i: group i + 1 */
	uint64_t threads; /* bit i: thread i + 1 of the group */
	struct cpu_set_bits cpus;
};

static bool cpu_has(const struct cpu_set_bits *s, unsigned cpu)
{
	return s->bits[cpu / 64] >> (cpu % 64) & 1;
}

static unsigned cpu_count(const struct cpu_set_bits *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CPU_MAX / 64; i++)
		n += (unsigned)__builtin_popcountll(s->bits[i]);
	return n;
}

/* "3", "1-4", "2-": numbers in [min, max]. */
static int parse_range(struct slice text, uint64_t min, uint64_t max, uint64_t *low, uint64_t *high)
{
	ptrdiff_t dash = slice_find_byte(text, '-');
	struct slice first = dash < 0 ? text : slice_of(text.ptr, (size_t)dash);
	struct slice second = dash < 0 ? text : slice_skip(text, (size_t)dash + 1);

	if (slice_to_u64(first, low))
		return -EINVAL;
	*high = max;
	if (second.len && slice_to_u64(second, high))
		return -EINVAL;
	if (*low > *high) {
		uint64_t swap = *low;
		*low = *high;
		*high = swap;
	}
	return *low < min || *high > max ? -EINVAL : 0;
}

/* all | odd | even | range, into bits. */
static int parse_numbers(struct cfg_context *c, const struct token *t, struct slice text, const char *what,
	unsigned max, uint64_t *bits)
{
	uint64_t low = 1, high = max, step = 1;
	bool odd = slice_eq(text, SLICE("odd")), even = slice_eq(text, SLICE("even"));

	if (odd || even) {
		low = odd ? 1 : 2;
		step = 2;
	} else if (!slice_eq(text, SLICE("all")) && parse_range(text, 1, max, &low, &high)) {
		diag_error(c->diag, &t->at, NULL,
			"%s of cpu-map are all, odd, even, a number or a range from 1 to %u, not '%.*s'", what, max,
			(int)text.len, text.ptr);
		return -EINVAL;
	}
	for (; low <= high; low += step)
		*bits |= 1ull << (low - 1);
	return 0;
}

static int parse_threads(struct cfg_context *c, const struct token *t, struct cpu_map_line *m)
{
	struct slice text = token_slice(t), group, threads = SLICE("all");

	if (slice_starts_with(text, SLICE("auto:"))) {
		m->automatic = true;
		text = slice_skip(text, 5);
	}
	ptrdiff_t slash = slice_find_byte(text, '/');
	group = slash < 0 ? text : slice_of(text.ptr, (size_t)slash);
	if (slash >= 0)
		threads = slice_skip(text, (size_t)slash + 1);
	if (parse_numbers(c, t, group, "thread groups", GROUPS_MAX, &m->groups) ||
		parse_numbers(c, t, threads, "threads", GROUP_THREADS_MAX, &m->threads))
		return -EINVAL;
	if (m->automatic && __builtin_popcountll(m->groups) > 1 && __builtin_popcountll(m->threads) > 1) {
		diag_error(c->diag, &t->at, NULL, "auto: takes a range of groups or of threads, not of both");
		return -EINVAL;
	}
	return 0;
}

static int parse_cpus(struct cfg_context *c, const struct token *t, struct cpu_set_bits *set)
{
	struct slice rest = token_slice(t), member;
	uint64_t low, high;

	while (slice_next_member(&rest, &member)) {
		if (parse_range(member, 0, CPU_MAX - 1, &low, &high)) {
			diag_error(c->diag, &t->at, NULL,
				"CPUs of cpu-map are a number or a range from 0 to %d, not '%.*s'", CPU_MAX - 1,
				(int)member.len, member.ptr);
			return -EINVAL;
		}
		for (; low <= high; low++)
			set->bits[low / 64] |= 1ull << (low % 64);
	}
	return 0;
}

static int parse_cpu_map(struct cfg_context *c, const struct line *l)
{
	struct cpu_map_line *m = arena_zalloc(c->arena, sizeof(*m));

	if (!m)
		return out_of_memory(c, &l->words[0].at);
	if (need_word(c, l, 1, "cpu-map", "threads and CPUs") ||
		need_word(c, l, 2, "cpu-map", "CPUs behind the threads") || parse_threads(c, &l->words[1], m))
		return -EINVAL;
	for (size_t i = 2; i < l->count; i++)
		if (parse_cpus(c, &l->words[i], &m->cpus))
			return -EINVAL;
	unsigned threads = (unsigned)(__builtin_popcountll(m->threads) * __builtin_popcountll(m->groups));
	if (m->automatic && threads != cpu_count(&m->cpus)) {
		diag_error(c->diag, &l->words[1].at, NULL,
			"auto: needs as many CPUs as threads, and these are %u and %u", cpu_count(&m->cpus), threads);
		return -EINVAL;
	}
	*c->last_cpu_map = m;
	c->last_cpu_map = &m->next;
	return 0;
}

/* --- applying --- */

static struct cpu_map_entry *entry_of(struct cfg_context *c, unsigned thread)
{
	struct cpu_map_entry **at = &c->graph->global.cpu_map;

	while (*at && (*at)->thread < thread)
		at = &(*at)->next;
	if (*at && (*at)->thread == thread)
		return *at;
	struct cpu_map_entry *e = arena_zalloc(c->arena, sizeof(*e));
	if (!e)
		return NULL;
	e->thread = thread;
	e->next = *at;
	return *at = e;
}

/* The next CPU of the set from *cpu on, alone. */
static struct cpu_set_bits next_cpu(const struct cpu_set_bits *all, unsigned *cpu)
{
	struct cpu_set_bits one = { 0 };

	while (*cpu < CPU_MAX && !cpu_has(all, *cpu))
		++*cpu;
	if (*cpu < CPU_MAX)
		one.bits[*cpu / 64] = 1ull << (*cpu % 64);
	++*cpu;
	return one;
}

static int apply(struct cfg_context *c, const struct cpu_map_line *m, unsigned nbthread, unsigned groups)
{
	unsigned cpu = 0, first = 0;

	for (unsigned g = 0; g < GROUPS_MAX; g++) {
		unsigned size = g < groups ? nbthread / groups + (g < nbthread % groups) : 0;
		for (unsigned t = 0; m->groups >> g & 1 && t < GROUP_THREADS_MAX; t++) {
			if (!(m->threads >> t & 1))
				continue;
			struct cpu_set_bits set = m->automatic ? next_cpu(&m->cpus, &cpu) : m->cpus;
			if (t >= size)
				continue; /* HAProxy passes over threads that there are not, too */
			struct cpu_map_entry *e = entry_of(c, first + t);
			if (!e)
				return -ENOMEM;
			memcpy(e->cpus, set.bits, sizeof(e->cpus));
		}
		first += size;
	}
	return 0;
}

static unsigned usable_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

int cpu_map_resolve(struct cfg_context *c)
{
	const struct global_settings *g = &c->graph->global;
	unsigned nbthread = g->nbthread ? g->nbthread : usable_cpus();

	for (const struct cpu_map_line *m = c->cpu_map; m; m = m->next)
		if (apply(c, m, nbthread, g->thread_groups))
			return -ENOMEM;
	return 0;
}

const struct directive cpu_directives[] = {
	{ "cpu-map", SECTION_GLOBAL, "[auto:]<group>[/<threads>] <cpus>...", "CPUs that threads may run on",
		parse_cpu_map, false, false },
	{ 0 },
};
