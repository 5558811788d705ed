/* buffer: size-class pools of a thread (the slow half; the pointer moves are inline in buffer.h).
 *
 * A pool keeps its free pieces in a stack of pointers that grows up to the high mark.  The inline half only compares
 * `top` with either end of it: empty, or full, comes here.  Every rare mode hides behind that, so it costs the hot
 * path nothing: in poison mode and while failures are injected the stack has no room at all.
 */
#include "ballast/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_MIN 1024
#define LARGEST_MAX (1024 * 1024)
#define STACK_MIN 32

__thread struct buffer_pool buffer_pools[BUFFER_CLASS_COUNT];

static size_t class_bytes[BUFFER_CLASS_COUNT] = { 64, 256, 1024, 4096, 16384 };
static size_t high_mark_bytes = BL_ASAN ? 0 : 1024 * 1024;
static int poison = -1;
static __thread unsigned fail_from;

void buffer_set_largest(size_t bytes)
{
	bytes = bytes < LARGEST_MIN ? LARGEST_MIN : bytes > LARGEST_MAX ? LARGEST_MAX : bytes;
	class_bytes[BUFFER_16K] = (bytes + 15) & ~(size_t)15;
}

void buffer_set_high_mark(size_t bytes)
{
	high_mark_bytes = bytes;
	buffer_trim();
}

size_t buffer_class_bytes(enum buffer_class c)
{
	return class_bytes[c];
}

enum buffer_class buffer_class_for(size_t bytes)
{
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++)
		if (bytes <= class_bytes[c])
			return (enum buffer_class)c;
	return BUFFER_CLASS_COUNT;
}

static size_t high_pieces(enum buffer_class c)
{
	return high_mark_bytes / class_bytes[c];
}

/* A free piece in quarantine; the rest of it is filled with the poison. */
struct quarantined {
	struct quarantined *next;
};

static void *quarantine_take(enum buffer_class c)
{
	struct buffer_pool *pool = &buffer_pools[c];
	struct quarantined *piece = pool->quarantine;

	if (!piece)
		return NULL;
	const unsigned char *fill = (const unsigned char *)piece;
	for (size_t i = sizeof(*piece); i < class_bytes[c]; i++)
		BL_ASSERT(fill[i] == poison && "a piece was written to after buffer_give()");
	pool->quarantine = piece->next;
	pool->quarantined--;
	return piece;
}

static void quarantine_give(enum buffer_class c, struct quarantined *piece)
{
	struct buffer_pool *pool = &buffer_pools[c];

	for (const struct quarantined *p = pool->quarantine; p; p = p->next)
		BL_ASSERT(p != piece && "a piece was given back twice");
	memset(piece, poison, class_bytes[c]);
	piece->next = pool->quarantine;
	pool->quarantine = piece;
	pool->quarantined++;
}

/* Makes the full stack larger, up to the high mark; false where it may not or cannot grow. */
static bool grow_stack(enum buffer_class c)
{
	struct buffer_pool *pool = &buffer_pools[c];
	size_t free_pieces = (size_t)(pool->top - pool->base), high = high_pieces(c);
	size_t room = free_pieces ? 2 * free_pieces : STACK_MIN;

	if (free_pieces >= high)
		return false;
	if (room > high)
		room = high;
	void **base = realloc(pool->base, room * sizeof(*base));
	if (!base)
		return false;
	pool->base = base;
	pool->top = base + free_pieces;
	pool->limit = base + room;
	return true;
}

static bool take_must_fail(void)
{
	if (fail_from == 0)
		return false;
	if (fail_from == 1)
		return true;
	fail_from--;
	return false;
}

void *buffer_take_slow(enum buffer_class c)
{
	struct buffer_pool *pool = &buffer_pools[c];

	if (take_must_fail())
		return NULL;
	void *piece = poison >= 0 ? quarantine_take(c) : NULL;
	if (!piece) {
		piece = malloc(class_bytes[c]);
		if (!piece)
			return NULL;
		pool->from_malloc++;
	}
	if (poison >= 0)
		memset(piece, poison, class_bytes[c]);
	pool->taken++;
	return piece;
}

void buffer_give_slow(enum buffer_class c, void *piece)
{
	struct buffer_pool *pool = &buffer_pools[c];

	if (!piece)
		return;
	if (poison >= 0 && pool->quarantined < high_pieces(c)) {
		quarantine_give(c, piece);
		return;
	}
	if (poison < 0 && !fail_from && grow_stack(c)) {
		buffer_give(c, piece);
		return;
	}
	free(piece);
	pool->to_malloc++;
}

static size_t pieces_free(const struct buffer_pool *pool)
{
	return (size_t)(pool->top - pool->base) + pool->quarantined;
}

void buffer_stats(enum buffer_class c, struct buffer_stats *out)
{
	const struct buffer_pool *pool = &buffer_pools[c];
	uint64_t in_use = pool->from_malloc - pool->to_malloc - pieces_free(pool);

	*out = (struct buffer_stats){
		.taken = pool->taken,
		.given = pool->taken - in_use,
		.from_malloc = pool->from_malloc,
		.to_malloc = pool->to_malloc,
		.free = (uint32_t)pieces_free(pool),
	};
}

static void pool_trim(struct buffer_pool *pool, size_t bytes)
{
	pool->to_malloc += pieces_free(pool);
	while (pool->top > pool->base) {
		unpoison_bytes(*--pool->top, bytes);
		free(*pool->top);
	}
	free(pool->base);
	pool->base = pool->top = pool->limit = NULL;
	for (struct quarantined *piece; (piece = pool->quarantine); pool->quarantined--) {
		pool->quarantine = piece->next;
		free(piece);
	}
}

void buffer_trim(void)
{
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++)
		pool_trim(&buffer_pools[c], class_bytes[c]);
}

void buffer_set_poison(int byte)
{
	poison = byte < 0 ? -1 : byte & 0xff;
	buffer_trim();
}

void buffer_fail_from(unsigned n)
{
	fail_from = n;
	buffer_trim();
}
