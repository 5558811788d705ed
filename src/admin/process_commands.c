/* Commands that look into the process: environment, activity of the threads, buffer pools. */
#include <inttypes.h>
#include <stdlib.h>

#include "ballast/base/buffer.h"
#include "ballast/base/clock.h"
#include "ballast/proxy/exchange.h"
#include "internal.h"

/* The environment as the configuration left it. */
static void run_show_env(struct admin_session *s, char **args, int count)
{
	const struct config_env *e = &command_graph(s)->env;
	const char *value = config_env_get(e, slice_from_str(args[0]));

	if (count && value)
		command_say(s, "%s=%s", args[0], value);
	else if (count)
		command_say(s, "Variable not found");
	for (size_t i = 0; i < e->count && !count; i++)
		command_say(s, "%s=%s", e->vars[i].name, e->vars[i].value);
}

/* --- show activity --- */

struct thread_activity {
	uint64_t turns, events, wait_ms, work_ms, exchanges, accepted, requests;
};

struct activity {
	struct tour tour;
	const struct graph *graph;
	struct thread_activity thread[]; /* [loop_count] */
};

static void visit_activity(struct tour *t)
{
	struct activity *q = container_of(t, struct activity, tour);
	struct thread_activity *a = &q->thread[t->at];
	struct loop *l = loop_self;

	if (!l)
		return;
	a->turns = counter_get(&l->turns);
	a->events = counter_get(&l->events);
	a->wait_ms = counter_get(&l->wait_ns) / 1000000;
	a->work_ms = counter_get(&l->turn_ns) / 1000000;
	list_for_each(it, exchange_list())
		a->exchanges++;
	for (const struct frontend *f = q->graph->frontends; f; f = f->next) {
		a->accepted += counter_get(&f->thread[l->index].counters.v[COUNT_CONN]);
		a->requests += counter_get(&f->thread[l->index].counters.v[COUNT_REQ]);
	}
}

/* "turns: 30 [ 10 20 ]" */
static void write_line(struct tour *t, const char *name, size_t offset)
{
	struct activity *q = container_of(t, struct activity, tour);
	struct strbuf *to = command_out(t->session);
	unsigned threads = loop_count() ? loop_count() : 1;
	uint64_t total = 0;

	for (unsigned i = 0; i < threads; i++)
		total += *(const uint64_t *)(const void *)((const char *)&q->thread[i] + offset);
	strbuf_printf(to, "%s: %" PRIu64, name, total);
	if (threads > 1) {
		strbuf_str(to, " [");
		for (unsigned i = 0; i < threads; i++)
			strbuf_printf(to, " %" PRIu64,
				*(const uint64_t *)(const void *)((const char *)&q->thread[i] + offset));
		strbuf_str(to, " ]");
	}
	strbuf_byte(to, '\n');
}

static void done_activity(struct tour *t)
{
	unsigned threads = loop_count() ? loop_count() : 1;
	uint64_t wall = clock_wall_us();

	command_say(t->session, "thread_id: 1 (1..%u)", threads);
	command_say(t->session, "date_now: %" PRIu64 ".%06u", wall / 1000000, (unsigned)(wall % 1000000));
	write_line(t, "loops", offsetof(struct thread_activity, turns));
	write_line(t, "poll_io", offsetof(struct thread_activity, events));
	write_line(t, "wait_ms", offsetof(struct thread_activity, wait_ms));
	write_line(t, "work_ms", offsetof(struct thread_activity, work_ms));
	write_line(t, "exchanges", offsetof(struct thread_activity, exchanges));
	write_line(t, "accepted", offsetof(struct thread_activity, accepted));
	write_line(t, "requests", offsetof(struct thread_activity, requests));
}

static void free_activity(struct tour *t)
{
	free(container_of(t, struct activity, tour));
}

static void run_show_activity(struct admin_session *s, char **args, int count)
{
	unsigned threads = loop_count() ? loop_count() : 1;
	struct activity *q = calloc(1, sizeof *q + threads * sizeof q->thread[0]);

	(void)args, (void)count;
	if (!q) {
		command_say(s, "Out of memory.");
		return;
	}
	q->graph = command_graph(s);
	q->tour.visit = visit_activity;
	q->tour.done = done_activity;
	q->tour.free = free_activity;
	tour_start(&q->tour, s);
}

/* --- show pools --- */

struct pool_sum {
	uint64_t allocated, used, lying; /* pieces */
};

struct pools {
	struct tour tour;
	struct pool_sum sum[BUFFER_CLASS_COUNT];
};

static void visit_pools(struct tour *t)
{
	struct pools *q = container_of(t, struct pools, tour);
	struct buffer_stats k;

	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		buffer_stats(c, &k);
		q->sum[c].allocated += k.from_malloc - k.to_malloc;
		q->sum[c].used += k.taken - k.given;
		q->sum[c].lying += k.free;
	}
}

static void done_pools(struct tour *t)
{
	struct pools *q = container_of(t, struct pools, tour);
	uint64_t allocated = 0, used = 0;

	command_say(t->session, "Dumping pools usage.");
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		const struct pool_sum *k = &q->sum[c];
		size_t bytes = buffer_class_bytes(c);
		command_say(t->session,
			"  - Pool buffer (%zu bytes) : %" PRIu64 " allocated (%" PRIu64 " bytes), %" PRIu64
			" used (~%" PRIu64 " by thread caches)",
			bytes, k->allocated, k->allocated * bytes, k->used, k->lying);
		allocated += k->allocated * bytes;
		used += k->used * bytes;
	}
	command_say(t->session, "Total: %u pools, %" PRIu64 " bytes allocated, %" PRIu64 " used.",
		(unsigned)BUFFER_CLASS_COUNT, allocated, used);
}

static void free_pools(struct tour *t)
{
	free(container_of(t, struct pools, tour));
}

static void run_show_pools(struct admin_session *s, char **args, int count)
{
	struct pools *q = calloc(1, sizeof *q);

	(void)args, (void)count;
	if (!q) {
		command_say(s, "Out of memory.");
		return;
	}
	q->tour.visit = visit_pools;
	q->tour.done = done_pools;
	q->tour.free = free_pools;
	tour_start(&q->tour, s);
}

static const struct command_row rows[] = {
	{ { "show", "activity" }, NULL, "show what each thread did", LEVEL_OPERATOR, run_show_activity },
	{ { "show", "env" }, "[var]", "dump environment variables known to the process", LEVEL_OPERATOR, run_show_env },
	{ { "show", "pools" }, NULL, "report the usage of the buffer pools", LEVEL_USER, run_show_pools },
};
const struct command_table process_commands = { rows, sizeof rows / sizeof *rows };
