/* lfstack: a lock-free stack (R. K. Treiber, 'Systems Programming: Coping with Parallelism', 1986), tagged against ABA.
 *
 * A stack's head is one 64-bit word: the index of the top node (24 bits) and a tag (40 bits) that each push counts up.
 * A pop reads its node's link and swaps the head only if neither changed.  For a swap to be fooled, one
 * thread would have to rest between its load and its swap while others push exactly a multiple of 2^40 times: hours of
 * nothing else.  An index instead of a pointer leaves that many bits for the tag with an 8-byte swap, which is cheaper
 * than a 16-byte one, the same on every machine, and understood by ThreadSanitizer.
 *
 * The second danger is that a pop reads the link of a node that another thread popped meanwhile.  So nodes come
 * from lfstack_node_new() only: their memory stays what it is until the process ends, and is used again for other
 * nodes.  What `value` points to has no such bond: whoever popped (or never pushed) a node owns node and value alone
 * and may free the value at once.
 */
#ifndef BALLAST_BASE_LFSTACK_H
#define BALLAST_BASE_LFSTACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ballast/base/assert.h"
#include "ballast/base/atomics.h"

#define LFSTACK_INDEX_BITS 24
#define LFSTACK_INDEX_MASK (((uint64_t)1 << LFSTACK_INDEX_BITS) - 1)
#define LFSTACK_SEGMENT_BITS 12
#define LFSTACK_SEGMENT_NODES (1u << LFSTACK_SEGMENT_BITS)
#define LFSTACK_SEGMENTS (1u << (LFSTACK_INDEX_BITS - LFSTACK_SEGMENT_BITS))

struct lfstack_node {
	void *value;           /* the owner's */
	_Atomic uint32_t next; /* index of the node beneath, 0 for none */
	uint32_t index;        /* its own, from 1; never changes */
};

struct lfstack {
	_Alignas(BL_CACHE_LINE) _Atomic uint64_t head; /* tag << 24 | index */
};

/* Index to node: segments are made as they are needed and never freed. */
extern _Atomic(struct lfstack_node *) lfstack_segments[LFSTACK_SEGMENTS];

static inline struct lfstack_node *lfstack_at(uint32_t index)
{
	struct lfstack_node *segment =
		atomic_load_explicit(&lfstack_segments[index >> LFSTACK_SEGMENT_BITS], memory_order_relaxed);
	return segment + (index & (LFSTACK_SEGMENT_NODES - 1));
}

/* A node to push, owned by the caller; NULL where memory or the 2^24 indexes are out.  Any thread. */
struct lfstack_node *lfstack_node_new(void *value);
/* Gives a node back that is in no stack; NULL is allowed.  Any thread. */
void lfstack_node_free(struct lfstack_node *node);

static inline void lfstack_init(struct lfstack *s)
{
	atomic_init(&s->head, 0);
}

/* Whether it was empty a moment ago. */
static inline bool lfstack_empty(const struct lfstack *s)
{
	return !(atomic_load_explicit(&s->head, memory_order_relaxed) & LFSTACK_INDEX_MASK);
}

/* Puts a node on top, which is then no longer the caller's.  Any thread. */
static inline void lfstack_push(struct lfstack *s, struct lfstack_node *node)
{
	uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);

	for (;;) {
		uint64_t tag = (head >> LFSTACK_INDEX_BITS) + 1;
		uint64_t want = tag << LFSTACK_INDEX_BITS | node->index;
		atomic_store_explicit(&node->next, (uint32_t)(head & LFSTACK_INDEX_MASK), memory_order_relaxed);
		if (BL_LIKELY(atomic_compare_exchange_weak_explicit(&s->head, &head, want, memory_order_release,
			    memory_order_relaxed)))
			return;
		cpu_relax();
	}
}

/* Takes the node pushed last, which is then the caller's; NULL where there is none.  Any thread. */
static inline struct lfstack_node *lfstack_pop(struct lfstack *s)
{
	uint64_t head = atomic_load_explicit(&s->head, memory_order_acquire);

	while (head & LFSTACK_INDEX_MASK) {
		struct lfstack_node *node = lfstack_at((uint32_t)(head & LFSTACK_INDEX_MASK));
		uint64_t next = atomic_load_explicit(&node->next, memory_order_relaxed);
		uint64_t want = (head & ~LFSTACK_INDEX_MASK) | next;
		if (BL_LIKELY(atomic_compare_exchange_weak_explicit(&s->head, &head, want, memory_order_acquire,
			    memory_order_acquire)))
			return node;
		cpu_relax();
	}
	return NULL;
}

/* Takes all nodes at once: the top one, from which lfstack_below() leads to the others, all the caller's. */
static inline struct lfstack_node *lfstack_take_all(struct lfstack *s)
{
	uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(&s->head, &head, head & ~LFSTACK_INDEX_MASK, memory_order_acquire,
		memory_order_relaxed))
		cpu_relax();
	return head & LFSTACK_INDEX_MASK ? lfstack_at((uint32_t)(head & LFSTACK_INDEX_MASK)) : NULL;
}

/* The node beneath one that lfstack_take_all() gave; NULL at the end.  Read it before the node is pushed or freed. */
static inline struct lfstack_node *lfstack_below(const struct lfstack_node *node)
{
	uint32_t next = atomic_load_explicit(&node->next, memory_order_relaxed);
	return next ? lfstack_at(next) : NULL;
}

#endif
