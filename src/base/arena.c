/* arena: memory that is taken piece by piece and given back in one go (the slow half).
 *
 * Chunks grow with the arena: 1 KiB, 4 KiB, then the largest buffer class; heap arenas double from 4 KiB to
 * 64 KiB.  What does not fit into the next regular chunk gets one of its own.  Of the newest chunk and a new
 * one, that with more room left serves the next allocations.  The first 16 bytes of a chunk are its header,
 * which keeps what follows aligned.
 */
#include "ballast/base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/buffer.h"

#define HEAP_CHUNK_MIN 4096u
#define HEAP_CHUNK_MAX 65536u
#define FROM_MALLOC BUFFER_CLASS_COUNT

struct arena_chunk {
	struct arena_chunk *next;
	uint64_t bytes : 56, from : 8; /* size with this header; a buffer class or FROM_MALLOC */
};

_Static_assert(sizeof(struct arena_chunk) == 16, "what follows the header must be aligned to 16");

static struct arena_chunk *chunk_new(unsigned from, size_t bytes)
{
	struct arena_chunk *chunk = from == FROM_MALLOC ? malloc(bytes) : buffer_take((enum buffer_class)from);

	if (!chunk)
		return NULL;
	*chunk = (struct arena_chunk){ .bytes = bytes, .from = from & 0xff };
	poison_bytes(chunk + 1, bytes - sizeof(*chunk));
	return chunk;
}

static void chunk_free(struct arena_chunk *chunk)
{
	unpoison_bytes(chunk, chunk->bytes);
	if (chunk->from == FROM_MALLOC)
		free(chunk);
	else
		buffer_give((enum buffer_class)chunk->from, chunk);
}

static struct arena_chunk *heap_chunk(const struct arena *a, size_t bytes)
{
	size_t regular = a->chunks ? 2 * (size_t)a->chunks->bytes : HEAP_CHUNK_MIN;

	if (regular > HEAP_CHUNK_MAX)
		regular = HEAP_CHUNK_MAX;
	return chunk_new(FROM_MALLOC, bytes > regular ? bytes : regular);
}

static struct arena_chunk *pool_chunk(const struct arena *a, size_t bytes)
{
	if (!a->chunks && bytes <= 1024)
		return chunk_new(BUFFER_1K, 1024);
	enum buffer_class regular = !a->chunks || a->chunks->from < BUFFER_4K ? BUFFER_4K : BUFFER_16K;
	enum buffer_class fits = buffer_class_for(bytes);

	if (fits == BUFFER_CLASS_COUNT)
		return chunk_new(FROM_MALLOC, bytes);
	/* The largest class may have been set to less than the one before. */
	if (fits < regular && buffer_class_bytes(regular) >= bytes)
		fits = regular;
	return chunk_new(fits, buffer_class_bytes(fits));
}

/* Puts the chunk first where it has more room left than the newest, else second. */
static void link_chunk(struct arena *a, struct arena_chunk *chunk, char *at)
{
	char *end = (char *)chunk + chunk->bytes;

	if (a->chunks && end - at <= a->end - a->at) {
		chunk->next = a->chunks->next;
		a->chunks->next = chunk;
		return;
	}
	chunk->next = a->chunks;
	a->chunks = chunk;
	a->at = at;
	a->end = end;
}

void *arena_alloc_slow(struct arena *a, size_t bytes)
{
	if (bytes == 0)
		return arena_alloc(a, 1);
	if (bytes > PTRDIFF_MAX - 64)
		return NULL;
	size_t need = ((bytes + 15) & ~(size_t)15) + sizeof(struct arena_chunk);
	struct arena_chunk *chunk = a->heap ? heap_chunk(a, need) : pool_chunk(a, need);
	if (!chunk)
		return NULL;
	link_chunk(a, chunk, (char *)chunk + need);
	unpoison_bytes(chunk + 1, bytes);
	return chunk + 1;
}

void arena_reset_slow(struct arena *a)
{
	struct arena_chunk *next;

	for (struct arena_chunk *chunk = a->chunks; chunk; chunk = next) {
		next = chunk->next;
		chunk_free(chunk);
	}
	*a = (struct arena){ .heap = a->heap };
}

size_t arena_size(const struct arena *a)
{
	size_t bytes = 0;

	for (const struct arena_chunk *chunk = a->chunks; chunk; chunk = chunk->next)
		bytes += chunk->bytes;
	return bytes;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *copy = s.len < PTRDIFF_MAX ? arena_alloc(a, s.len + 1) : NULL;

	if (!copy)
		return (struct slice){ 0 };
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return slice_of(copy, s.len);
}

char *arena_strdup(struct arena *a, const char *text)
{
	return (char *)(uintptr_t)arena_copy(a, slice_from_str(text)).ptr;
}

struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
	if (!text)
		return (struct slice){ 0 };
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	return slice_of(text, (size_t)len);
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct slice s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}
