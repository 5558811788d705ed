/* buffer: size-class pools of a thread (the slow half; the pointer moves are inline in buffer.h).
 *
 * A pool keeps its free pieces in a list through themselves.  The inline half looks at two fields only:
 * `top` (NULL: ask us) and `high` (reached: ask us).  Every rare mode hides behind those two, so it costs
 * the hot path nothing: poison mode and failure injection keep `top` NULL and `high` 0.
 */
#include "ballast/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_MIN 1024
#define LARGEST_MAX (1024 * 1024)

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

/* Sends every call of this thread through the slow half; the next give finds its high mark anew. */
static void leave_fast_path(void)
{
	buffer_trim();
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++)
		buffer_pools[c].high = 0;
}

void buffer_set_high_mark(size_t bytes)
{
	high_mark_bytes = bytes;
	leave_fast_path();
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

static uint32_t high_pieces(enum buffer_class c)
{
	size_t pieces = high_mark_bytes / class_bytes[c];
	return pieces > UINT32_MAX ? UINT32_MAX : (uint32_t)pieces;
}

/* Takes a piece out of quarantine; its fill must be as buffer_give() left it. */
static void *quarantine_take(enum buffer_class c)
{
	struct buffer_pool *pool = &buffer_pools[c];
	struct buffer_piece *piece = pool->quarantine;

	if (!piece)
		return NULL;
	const unsigned char *fill = (const unsigned char *)piece;
	for (size_t i = sizeof(*piece); i < class_bytes[c]; i++)
		BL_ASSERT(fill[i] == poison && "a piece was written to after buffer_give()");
	pool->quarantine = piece->next;
	pool->free--;
	return piece;
}

static void quarantine_give(enum buffer_class c, struct buffer_piece *piece)
{
	struct buffer_pool *pool = &buffer_pools[c];

	for (const struct buffer_piece *p = pool->quarantine; p; p = p->next)
		BL_ASSERT(p != piece && "a piece was given back twice");
	memset(piece, poison, class_bytes[c]);
	piece->next = pool->quarantine;
	pool->quarantine = piece;
	pool->free++;
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
	bool slow_only = poison >= 0 || fail_from;
	uint32_t high = high_pieces(c);

	if (!piece)
		return;
	if (poison >= 0 && pool->free < high) {
		quarantine_give(c, piece);
		return;
	}
	if (!slow_only && pool->free < high) {
		pool->high = high;
		buffer_give(c, piece);
		return;
	}
	free(piece);
	pool->to_malloc++;
}

void buffer_stats(enum buffer_class c, struct buffer_stats *out)
{
	const struct buffer_pool *pool = &buffer_pools[c];
	uint64_t in_use = pool->from_malloc - pool->to_malloc - pool->free;

	*out = (struct buffer_stats){
		.taken = pool->taken,
		.given = pool->taken - in_use,
		.from_malloc = pool->from_malloc,
		.to_malloc = pool->to_malloc,
		.free = pool->free,
	};
}

static void free_all(struct buffer_pool *pool, struct buffer_piece **top, size_t bytes)
{
	while (*top) {
		struct buffer_piece *piece = *top;
		unpoison_bytes(piece, bytes);
		*top = piece->next;
		free(piece);
		pool->free--;
		pool->to_malloc++;
	}
}

void buffer_trim(void)
{
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		struct buffer_pool *pool = &buffer_pools[c];
		free_all(pool, &pool->top, class_bytes[c]);
		free_all(pool, &pool->quarantine, class_bytes[c]);
	}
}

void buffer_set_poison(int byte)
{
	poison = byte < 0 ? -1 : byte & 0xff;
	leave_fast_path();
}

void buffer_fail_from(unsigned n)
{
	fail_from = n;
	leave_fast_path();
}
