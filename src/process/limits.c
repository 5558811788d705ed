/* limits: threads, descriptors and connections that this process may have.
 *
 * A connection costs two descriptors, one on either side; what the process needs besides is counted.  As HAProxy: a
 * maxconn that the file limit cannot carry is an error at start, not a surprise at night; without one it follows from
 * the hard limit.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ballast/event/loop.h"
#include "process.h"

enum {
	FILES_SPARE = 32,           /* terminal, log, pid file, libraries */
	FILES_A_THREAD = 4,         /* epoll, wake-up; timerfd or signalfd */
	FILES_DEFAULT_MAX = 1048576 /* a system without a limit gets this one, unless more is asked for */
};

unsigned limits_threads(const struct global_settings *g)
{
	cpu_set_t cpus;
	unsigned n = g->nbthread;

	if (!n)
		n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
	return n > LOOP_THREADS_MAX ? LOOP_THREADS_MAX : n ? n : 1;
}

static unsigned count_targets(const struct log_targets *t)
{
	unsigned n = 0;

	list_for_each(it, &t->list)
		n++;
	return n;
}

/* Descriptors besides those of connections. */
static uint64_t other_files(const struct run *r)
{
	const struct graph *g = r->graph;
	uint64_t n = FILES_SPARE + (uint64_t)r->threads * FILES_A_THREAD + sockets_files(&r->sockets, r->threads);

	n += count_targets(&g->global.log);
	for (const struct stats_socket *s = g->global.stats_sockets; s; s = s->next)
		n += 1 + s->maxconn;
	for (const struct frontend *f = g->frontends; f; f = f->next)
		n += count_targets(&f->log);
	for (const struct backend *b = g->backends; b; b = b->next) {
		n += count_targets(&b->log);
		for (uint32_t i = 0; i < b->server_count; i++)
			n += b->servers[i]->check_enabled;
	}
	return n;
}

static int raise_limit(rlim_t want, const struct rlimit *now)
{
	struct rlimit new = { .rlim_cur = want, .rlim_max = want > now->rlim_max ? want : now->rlim_max };

	return setrlimit(RLIMIT_NOFILE, &new) < 0 ? -errno : 0;
}

int limits_apply(struct run *r)
{
	const struct global_settings *g = &r->graph->global;
	uint64_t other = other_files(r), want = g->ulimit_n;
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return -errno;
	r->maxconn = r->options->maxconn ? r->options->maxconn : g->maxconn;
	if (!want)
		want = r->maxconn                         ? 2 * (uint64_t)r->maxconn + other
		       : now.rlim_max < FILES_DEFAULT_MAX ? now.rlim_max
		                                          : FILES_DEFAULT_MAX;
	if (!r->maxconn) {
		r->maxconn = want > other + 2 ? (uint32_t)((want - other) / 2) : 1;
		if (r->options->verbose)
			say(SAY_NOTICE, "setting global.maxconn to %u.", r->maxconn);
	}
	if (want < 2 * (uint64_t)r->maxconn + other) {
		say(SAY_ALERT, "a file limit of %llu (`ulimit-n`) is too low for maxconn %u, which needs %llu.",
			(unsigned long long)want, r->maxconn, 2ull * r->maxconn + other);
		return -EMFILE;
	}
	int err = raise_limit(want, &now);
	if (err)
		say(SAY_ALERT, "cannot raise the file limit to %llu for maxconn %u: %s (the hard limit is %llu).",
			(unsigned long long)want, r->maxconn, strerror(-err), (unsigned long long)now.rlim_max);
	return err;
}
