/* bench/memory: ns for a piece taken from and given to a buffer pool, and for the memory of one exchange from an
 * arena, beside malloc and free of the allocator that is linked (jemalloc by default).
 */
#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/arena.h"
#include "ballast/base/buffer.h"
#include "ballast/base/clock.h"

enum { STEPS = 2000000, ROUNDS = 5, BATCH = 32, PIECES = 16 };

/* The compiler must believe that the memory is used. */
static inline void use(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

static enum buffer_class class_now;
static size_t bytes_now;

static void pool_pairs(void)
{
	enum buffer_class c = class_now;

	for (int i = 0; i < STEPS; i++) {
		void *p = buffer_take(c);
		use(p);
		buffer_give(c, p);
	}
}

static void malloc_pairs(void)
{
	size_t bytes = bytes_now;

	for (int i = 0; i < STEPS; i++) {
		void *p = malloc(bytes);
		use(p);
		free(p);
	}
}

static void pool_batches(void)
{
	void *pieces[BATCH];

	for (int i = 0; i < STEPS / BATCH; i++) {
		for (int k = 0; k < BATCH; k++)
			use(pieces[k] = buffer_take(class_now));
		for (int k = 0; k < BATCH; k++)
			buffer_give(class_now, pieces[k]);
	}
}

static void malloc_batches(void)
{
	void *pieces[BATCH];

	for (int i = 0; i < STEPS / BATCH; i++) {
		for (int k = 0; k < BATCH; k++)
			use(pieces[k] = malloc(bytes_now));
		for (int k = 0; k < BATCH; k++)
			free(pieces[k]);
	}
}

/* What an exchange with some rules asks for: header edits, a variable or two, a log line's parts. */
static const size_t piece_bytes[PIECES] = { 24, 40, 16, 64, 120, 32, 48, 16, 200, 24, 80, 40, 16, 32, 64, 96 };

static void arena_exchanges(void)
{
	for (int i = 0; i < STEPS / PIECES; i++) {
		struct arena a;
		arena_init(&a);
		for (int k = 0; k < PIECES; k++)
			use(arena_alloc(&a, piece_bytes[k]));
		arena_reset(&a);
	}
}

static void malloc_exchanges(void)
{
	void *pieces[PIECES];

	for (int i = 0; i < STEPS / PIECES; i++) {
		for (int k = 0; k < PIECES; k++)
			use(pieces[k] = malloc(piece_bytes[k]));
		for (int k = 0; k < PIECES; k++)
			free(pieces[k]);
	}
}

/* ns a step, best of the rounds. */
static double best(void (*run)(void))
{
	double least = 0;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t from = clock_mono_ns();
		run();
		double ns = (double)(clock_mono_ns() - from) / STEPS;
		if (i == 0 || ns < least)
			least = ns;
	}
	return least;
}

static void compare(const char *what, void (*ours)(void), void (*theirs)(void))
{
	double a = best(ours), b = best(theirs);
	printf("%-34s %8.2f %8.2f %7.1f x\n", what, a, b, b / a);
}

int main(void)
{
	char what[64];

	printf("ns, best of %d rounds\n%-34s %8s %8s\n", ROUNDS, "", "ours", "malloc");
	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		class_now = (enum buffer_class)c;
		bytes_now = buffer_class_bytes(class_now);
		snprintf(what, sizeof(what), "take and give %zu bytes", bytes_now);
		compare(what, pool_pairs, malloc_pairs);
		snprintf(what, sizeof(what), "the same, %d at a time", BATCH);
		compare(what, pool_batches, malloc_batches);
	}
	compare("a piece of an exchange's arena", arena_exchanges, malloc_exchanges);
	return 0;
}
