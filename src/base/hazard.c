/* hazard: hazard pointers, the writers' half.
 *
 * Slots lie in one array, the extra ones first, so a scan is a walk over memory that never moves.  Retired objects
 * hang in a list of their thread; a thread that exits pushes its rest onto one global list, which the next scan of
 * any thread takes over whole (push, and exchange with NULL: no ABA).  A scan looks at all slots once, sorts what
 * it saw, and looks each retired object up in that.
 */
#include "ballast/base/hazard.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

#define SLOTS_MAX (HAZARD_EXTRA_MAX + HAZARD_THREADS_MAX)

struct retired {
	struct retired *next;
	void *ptr, *arg;
	void (*free_fn)(void *ptr, void *arg);
};

static struct hazard_slot slots[SLOTS_MAX];
/* Slots at or above this were never owned. */
static _Atomic unsigned slots_top = HAZARD_EXTRA_MAX;
static _Atomic(struct retired *) orphans;

__thread struct hazard_slot *hazard_thread_slot;
static __thread struct retired *retired;
static __thread size_t retired_count;

static struct hazard_slot *slot_own(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		if (atomic_load_explicit(&slots[i].owned, memory_order_relaxed))
			continue;
		if (!atomic_exchange(&slots[i].owned, true))
			return &slots[i];
	}
	return NULL;
}

static void slot_disown(struct hazard_slot *slot)
{
	hazard_clear(slot);
	atomic_store(&slot->owned, false);
}

/* Before the slot is first used, so that no scan can miss it. */
static void raise_top(unsigned top)
{
	unsigned old = atomic_load(&slots_top);

	while (old < top && !atomic_compare_exchange_weak(&slots_top, &old, top))
		;
}

int hazard_thread_enter(void)
{
	BL_ASSERT(!hazard_thread_slot);
	hazard_thread_slot = slot_own(HAZARD_EXTRA_MAX, SLOTS_MAX);
	if (!hazard_thread_slot)
		return -EAGAIN;
	raise_top((unsigned)(hazard_thread_slot - slots) + 1);
	return 0;
}

struct hazard_slot *hazard_slot_new(void)
{
	return slot_own(0, HAZARD_EXTRA_MAX);
}

void hazard_slot_free(struct hazard_slot *slot)
{
	slot_disown(slot);
}

static void push_retired(struct retired *r)
{
	r->next = retired;
	retired = r;
	retired_count++;
}

static void adopt_orphans(void)
{
	struct retired *list = atomic_exchange(&orphans, NULL);

	while (list) {
		struct retired *next = list->next;
		push_retired(list);
		list = next;
	}
}

static void abandon_retired(void)
{
	if (!retired)
		return;
	struct retired *last = retired;
	while (last->next)
		last = last->next;
	last->next = atomic_load(&orphans);
	while (!atomic_compare_exchange_weak(&orphans, &last->next, retired))
		;
	retired = NULL;
	retired_count = 0;
}

static int compare_pointers(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
	return x < y ? -1 : x > y;
}

/* What the slots hold now, sorted.  From the end, because hazard_keep() moves from own slots to extra ones. */
static size_t collect(uintptr_t held[SLOTS_MAX])
{
	size_t count = 0;

	for (unsigned i = atomic_load(&slots_top); i-- > 0;) {
		void *ptr = atomic_load(&slots[i].ptr);
		if (ptr)
			held[count++] = (uintptr_t)ptr;
	}
	qsort(held, count, sizeof(*held), compare_pointers);
	return count;
}

void hazard_scan(void)
{
	uintptr_t held[SLOTS_MAX];

	if (atomic_load_explicit(&orphans, memory_order_relaxed))
		adopt_orphans();
	if (!retired)
		return;

	/* Off the list first: free_fn may retire, and that may scan. */
	struct retired *list = retired;
	retired = NULL;
	retired_count = 0;
	size_t count = collect(held);
	while (list) {
		struct retired *r = list;
		uintptr_t key = (uintptr_t)r->ptr;
		list = r->next;
		if (bsearch(&key, held, count, sizeof(*held), compare_pointers)) {
			push_retired(r);
			continue;
		}
		r->free_fn(r->ptr, r->arg);
		free(r);
	}
}

static bool is_held(const void *ptr)
{
	for (unsigned i = atomic_load(&slots_top); i-- > 0;)
		if (atomic_load(&slots[i].ptr) == ptr)
			return true;
	return false;
}

void hazard_retire(void *ptr, void (*free_fn)(void *ptr, void *arg), void *arg)
{
	struct retired *r = malloc(sizeof(*r));

	if (!r) {
		while (is_held(ptr))
			sched_yield();
		free_fn(ptr, arg);
		return;
	}
	*r = (struct retired){ .ptr = ptr, .arg = arg, .free_fn = free_fn };
	push_retired(r);
	/* At most one object a slot survives a scan, so each scan frees at least half: O(1) a retirement. */
	if (retired_count >= 2 * (size_t)atomic_load_explicit(&slots_top, memory_order_relaxed))
		hazard_scan();
}

size_t hazard_pending(void)
{
	return retired_count;
}

void hazard_thread_exit(void)
{
	if (!hazard_thread_slot)
		return;
	slot_disown(hazard_thread_slot);
	hazard_thread_slot = NULL;
	hazard_scan();
	abandon_retired();
}
