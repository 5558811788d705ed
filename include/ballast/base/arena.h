/* arena: memory that is taken piece by piece and given back in one go.
 *
 * An exchange has one; everything that its rules create lives there.  An arena that was never
 * asked for memory owns none.  Chunks come from the thread's buffer pool (buffer.h), so an arena
 * belongs to the thread that first allocates from it and must be reset on that thread; an arena
 * made with arena_init_heap() takes its chunks from malloc and may move between threads (the
 * configuration uses that).
 */
#ifndef BALLAST_BASE_ARENA_H
#define BALLAST_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "ballast/base/assert.h"
#include "ballast/base/poison.h"
#include "ballast/base/slice.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	char *at, *end;             /* free part of the newest chunk */
	bool heap;
};

static inline void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

static inline void arena_init_heap(struct arena *a)
{
	*a = (struct arena){ .heap = true };
}

/* Slow path of arena_alloc: takes a new chunk. */
void *arena_alloc_slow(struct arena *a, size_t bytes);

/* `bytes` of uninitialised memory aligned to 16, or NULL where memory is out.  0 bytes are a piece as well. */
static inline void *arena_alloc(struct arena *a, size_t bytes)
{
	size_t need = (bytes + 15) & ~(size_t)15;
	/* 0 bytes, and so many that rounding overflowed, wrap around here and go the slow way too. */
	if (BL_UNLIKELY(need - 1 >= (size_t)(a->end - a->at)))
		return arena_alloc_slow(a, bytes);
	void *p = a->at;
	a->at += need;
	unpoison_bytes(p, bytes);
	return p;
}

/* The same, zeroed. */
static inline void *arena_zalloc(struct arena *a, size_t bytes)
{
	void *p = arena_alloc(a, bytes);
	return p ? memset(p, 0, bytes) : NULL;
}

/* Copies; the copy has a NUL behind it that does not count.  NULL ptr where memory is out. */
struct slice arena_copy(struct arena *a, struct slice s);
/* A copy of `text`; NULL where memory is out. */
char *arena_strdup(struct arena *a, const char *text);
/* printf into the arena; ptr NULL where memory is out.  Also NUL-terminated beyond its length. */
struct slice arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap);
/* Bytes taken from the system by this arena (for accounting). */
size_t arena_size(const struct arena *a);
void arena_reset_slow(struct arena *a);

/* Gives everything back; the arena is as new. */
static inline void arena_reset(struct arena *a)
{
	if (a->chunks)
		arena_reset_slow(a);
}

#endif
