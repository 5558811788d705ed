/* buffer: size-class pools of a thread.
 *
 * Five classes: 64 B, 256 B, 1 KiB, 4 KiB and 16 KiB (the last is `tune.bufsize`, set once at start).
 * Each thread has a stack of free pieces by class: taking and giving is a pointer move.  A piece
 * must be given back by the thread that took it.  What lies unused above a class's high mark goes
 * back to malloc, so a burst does not keep its memory for ever.
 */
#ifndef BALLAST_BASE_BUFFER_H
#define BALLAST_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "ballast/base/assert.h"
#include "ballast/base/poison.h"

enum buffer_class { BUFFER_64, BUFFER_256, BUFFER_1K, BUFFER_4K, BUFFER_16K, BUFFER_CLASS_COUNT };

/* Sets the size of the largest class in bytes (at least 1024, at most 1 MiB; others are clamped), before
 * any thread took a piece.  Default 16384. */
void buffer_set_largest(size_t bytes);
/* Sets how many bytes of free pieces a class of a thread may keep; before any thread took a piece.
 * Default 1 MiB; 0 in a build with AddressSanitizer, so that each given piece goes through its quarantine. */
void buffer_set_high_mark(size_t bytes);
/* Usable bytes of a class. */
size_t buffer_class_bytes(enum buffer_class c);
/* The smallest class that holds `bytes`, or BUFFER_CLASS_COUNT where none does. */
enum buffer_class buffer_class_for(size_t bytes);

/* One class of one thread; only the two inline functions below and buffer.c touch it.  The free pieces are a stack of
 * pointers, so that neither call touches a piece, which may be cold.  While poison or a failure is set the stack
 * has no room, and so every call takes the slow path. */
struct buffer_pool {
	void **base, **top, **limit; /* the free pieces are base[0] to top[-1] */
	uint64_t taken, from_malloc, to_malloc;
	void *quarantine; /* poison mode: the free pieces, linked */
	size_t quarantined;
};

extern __thread struct buffer_pool buffer_pools[BUFFER_CLASS_COUNT] __attribute__((tls_model("initial-exec")));

void *buffer_take_slow(enum buffer_class c);
void buffer_give_slow(enum buffer_class c, void *piece);

/* Takes a piece (16-byte aligned, uninitialised); NULL where memory is out. */
static inline void *buffer_take(enum buffer_class c)
{
	struct buffer_pool *pool = &buffer_pools[c];

	if (BL_UNLIKELY(pool->top == pool->base))
		return buffer_take_slow(c);
	void *piece = *--pool->top;
	pool->taken++;
	if (BL_ASAN)
		unpoison_bytes(piece, buffer_class_bytes(c));
	return piece;
}

/* Gives a piece back; NULL is allowed. */
static inline void buffer_give(enum buffer_class c, void *piece)
{
	struct buffer_pool *pool = &buffer_pools[c];

	if (BL_UNLIKELY(pool->top == pool->limit || !piece)) {
		buffer_give_slow(c, piece);
		return;
	}
	*pool->top++ = piece;
	if (BL_ASAN)
		poison_bytes(piece, buffer_class_bytes(c));
}

struct buffer_stats {
	uint64_t taken, given, from_malloc, to_malloc; /* pieces since start, this thread */
	uint32_t free;                                 /* pieces that lie unused now */
};
/* Of the calling thread. */
void buffer_stats(enum buffer_class c, struct buffer_stats *out);
/* Gives all unused pieces of this thread back to malloc (thread exit, memory pressure). */
void buffer_trim(void);
/* -dM: fills each piece given or taken with this byte (0..255); -1, the default, does not.  While it is set,
 * a piece given twice, or written to after it was given, is an assertion.  Set before any other thread
 * took a piece. */
void buffer_set_poison(int byte);
/* For tests: the n-th buffer_take() of this thread from now (1: the next) and all after it return NULL;
 * 0 ends that. */
void buffer_fail_from(unsigned n);

#endif
