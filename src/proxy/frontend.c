/* Frontends: counting connections against the limits, pausing and resuming the listeners.
 *
 * A limit is never over-run: a thread that reaches it stops its own listeners of that frontend and waits for a close
 * to start them again; connections wait in the kernel's backlog meanwhile.
 */
#include <stdlib.h>

#include "ballast/net/listener.h"
#include "internal.h"

static _Atomic uint32_t process_maxconn = UINT32_MAX, process_connections;
static atomic_bool stopping;

struct frontend *frontend_new(const char *name)
{
	struct frontend *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->name = name;
	f->mode = MODE_TCP;
	log_targets_init(&f->log);
	return f;
}

int frontend_start(struct frontend *f, unsigned threads)
{
	f->thread = aligned_alloc(64, threads * sizeof *f->thread);
	if (!f->thread)
		return -ENOMEM;
	memset(f->thread, 0, threads * sizeof *f->thread);
	for (unsigned i = 0; i < threads; i++)
		list_init(&f->thread[i].clients);
	f->threads = threads;
	atomic_store(&f->maxconn_now, f->set.maxconn);
	return 0;
}

void frontend_free(struct frontend *f)
{
	if (!f)
		return;
	free(f->thread);
	free(f);
}

/* ---- limits ---- */

void frontend_set_process_maxconn(uint32_t maxconn)
{
	atomic_store(&process_maxconn, maxconn ? maxconn : UINT32_MAX);
}

uint32_t frontend_process_maxconn(void)
{
	return atomic_load_explicit(&process_maxconn, memory_order_relaxed);
}

uint32_t frontend_process_connections(void)
{
	return atomic_load_explicit(&process_connections, memory_order_relaxed);
}

void frontend_set_stopping(void)
{
	atomic_store(&stopping, true);
}

bool frontend_is_stopping(void)
{
	return atomic_load_explicit(&stopping, memory_order_relaxed);
}
