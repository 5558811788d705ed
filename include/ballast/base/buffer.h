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

enum buffer_class { BUFFER_64, BUFFER_256, BUFFER_1K, BUFFER_4K, BUFFER_16K, BUFFER_CLASS_COUNT };

/* Sets the size of the largest class in bytes (at least 1024, at most 1 MiB), before any thread took
 * a piece.  Default 16384. */
void buffer_set_largest(size_t bytes);
/* Usable bytes of a class. */
size_t buffer_class_bytes(enum buffer_class c);
/* The smallest class that holds `bytes`, or BUFFER_CLASS_COUNT where none does. */
enum buffer_class buffer_class_for(size_t bytes);

/* Takes a piece (16-byte aligned, uninitialised); NULL where memory is out. */
void *buffer_take(enum buffer_class c);
/* Gives a piece back; NULL is allowed. */
void buffer_give(enum buffer_class c, void *piece);

struct buffer_stats {
	uint64_t taken, given, from_malloc, to_malloc; /* pieces since start, this thread */
	uint32_t free;                                 /* pieces that lie unused now */
};
/* Of the calling thread. */
void buffer_stats(enum buffer_class c, struct buffer_stats *out);
/* Gives all unused pieces of this thread back to malloc (thread exit, memory pressure). */
void buffer_trim(void);
/* -dM: fills each piece given or taken with this byte (0..255); -1, the default, does not. */
void buffer_set_poison(int byte);

#endif
