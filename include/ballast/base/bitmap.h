/* bitmap: bits in an array of 64-bit words that the caller owns; bit 0 is the lowest of word 0.
 *
 * Bits of the last word beyond `bits` must stay 0: bitmap_fill() and bitmap_set() see to that as long as
 * indexes are below `bits`.  Not thread-safe.
 */
#ifndef BALLAST_BASE_BITMAP_H
#define BALLAST_BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Words that hold `bits` bits. */
static inline size_t bitmap_words(size_t bits)
{
	return bits / 64 + (bits % 64 != 0);
}

static inline void bitmap_set(uint64_t *map, size_t bit)
{
	map[bit / 64] |= (uint64_t)1 << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, size_t bit)
{
	map[bit / 64] &= ~((uint64_t)1 << (bit % 64));
}

static inline void bitmap_assign(uint64_t *map, size_t bit, bool on)
{
	if (on)
		bitmap_set(map, bit);
	else
		bitmap_clear(map, bit);
}

static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

/* Clears all. */
static inline void bitmap_zero(uint64_t *map, size_t bits)
{
	memset(map, 0, bitmap_words(bits) * sizeof(*map));
}

/* Sets the first `bits`. */
static inline void bitmap_fill(uint64_t *map, size_t bits)
{
	memset(map, 0xff, bits / 64 * sizeof(*map));
	if (bits % 64)
		map[bits / 64] = ~(uint64_t)0 >> (64 - bits % 64);
}

/* How many are set. */
static inline size_t bitmap_count(const uint64_t *map, size_t bits)
{
	size_t count = 0;
	for (size_t w = 0; w < bitmap_words(bits); w++)
		count += (size_t)__builtin_popcountll(map[w]);
	return count;
}

/* The first set bit at or after `from`; `bits` where there is none. */
static inline size_t bitmap_next(const uint64_t *map, size_t bits, size_t from)
{
	if (from >= bits)
		return bits;
	size_t w = from / 64;
	uint64_t word = map[w] & ~(uint64_t)0 << (from % 64);
	while (!word) {
		if (++w >= bitmap_words(bits))
			return bits;
		word = map[w];
	}
	return w * 64 + (size_t)__builtin_ctzll(word);
}

/* The index of the set bit that has `rank` set bits before it; `bits` where there are not that many. */
static inline size_t bitmap_select(const uint64_t *map, size_t bits, size_t rank)
{
	for (size_t w = 0; w < bitmap_words(bits); w++) {
		uint64_t word = map[w];
		size_t count = (size_t)__builtin_popcountll(word);
		if (rank >= count) {
			rank -= count;
			continue;
		}
		while (rank--)
			word &= word - 1;
		return w * 64 + (size_t)__builtin_ctzll(word);
	}
	return bits;
}

#endif
