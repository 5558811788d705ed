/* hazard: hazard pointers (M. M. Michael, 'Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects', 2004).
 *
 * A reader publishes the pointer it is about to use in a slot; whoever replaced the object retires the old one,
 * which is freed once no slot holds it.  Readers never wait and never write to memory that they share with
 * other readers.  There is one slot a thread (hazard_own()) and HAZARD_EXTRA_MAX more in the process.
 *
 * The order that makes it safe: a reader stores its slot, then reads the source again; a writer replaces the source,
 * then reads the slots.  All four are sequentially consistent, so at least one of them sees the other.  So a
 * source must be replaced with atomic_store(), atomic_exchange() or a plain compare-and-swap, not with a relaxed one.
 */
#ifndef BALLAST_BASE_HAZARD_H
#define BALLAST_BASE_HAZARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "ballast/base/assert.h"
#include "ballast/base/atomics.h"

#define HAZARD_EXTRA_MAX 32
#define HAZARD_THREADS_MAX 1024

/* Made and freed by hazard.c only; written by the thread that owns it, read by all. */
struct hazard_slot {
	_Alignas(BL_CACHE_LINE) _Atomic(void *) ptr;
	_Atomic bool owned;
};

extern __thread struct hazard_slot *hazard_thread_slot __attribute__((tls_model("initial-exec")));

/* Before the first other call of a thread: gives it its slot.  0, or -EAGAIN where HAZARD_THREADS_MAX have one. */
int hazard_thread_enter(void);
/* Frees what can be, leaves the rest to the threads that remain, and gives the slot up. */
void hazard_thread_exit(void);

/* The calling thread's own slot. */
static inline struct hazard_slot *hazard_own(void)
{
	return hazard_thread_slot;
}

/* One of the extra slots; NULL where all are in use.  It may be used by one thread at a time. */
struct hazard_slot *hazard_slot_new(void);
void hazard_slot_free(struct hazard_slot *slot);

/* The object that `src` points to, safe until hazard_clear() or the next hazard_protect() with this slot; may be
 * NULL. */
static inline void *hazard_protect(struct hazard_slot *slot, _Atomic(void *) *src)
{
	void *seen = atomic_load_explicit(src, memory_order_acquire);

	for (;;) {
		atomic_store(&slot->ptr, seen);
		void *now = atomic_load(src);
		if (BL_LIKELY(now == seen))
			return seen;
		seen = now;
	}
}

/* Makes an extra slot hold what the thread's own protects; the own may then be cleared.  Only in this direction: a
 * scan reads the own slots before the extra ones, so it cannot miss what moves from one to the other. */
static inline void hazard_keep(struct hazard_slot *extra)
{
	atomic_store(&extra->ptr, atomic_load_explicit(&hazard_own()->ptr, memory_order_relaxed));
}

static inline void hazard_clear(struct hazard_slot *slot)
{
	atomic_store_explicit(&slot->ptr, NULL, memory_order_release);
}

/* Calls free_fn(ptr, arg) once no slot holds `ptr`, on this thread or, after its exit, on another.  `ptr` must be out
 * of reach for new readers, and this thread must not protect it itself.  Never fails: where memory is out, it waits
 * for the readers.  free_fn may retire others. */
void hazard_retire(void *ptr, void (*free_fn)(void *ptr, void *arg), void *arg);
/* Frees what no slot holds any more.  Cheap where nothing is retired; call it now and then (a loop's idle turn). */
void hazard_scan(void);
/* Objects that this thread retired and that are not freed yet. */
size_t hazard_pending(void);

#endif
