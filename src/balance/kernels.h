/* kernels: the loops over many servers, in the widths that processors offer.
 *
 * Arrays are indexed by slot.  `dead` has UINT32_MAX where a slot may not be chosen, 0 elsewhere; it and
 * `mult` may be read 16 entries past the end, the live arrays (load, maxconn) may not.  Each live value is
 * read once, so that a change under the scan can make the answer late but never wrong in itself: it is always
 * a slot that may be chosen.  All variants give the same answer for the same values.
 */
#ifndef BALANCE_KERNELS_H
#define BALANCE_KERNELS_H

#include <stdatomic.h>
#include <stdint.h>

#include "ballast/base/simd.h"

/* mult[] of a dead slot; of others it is less, so that the product of any dead slot is above any other. */
#define KERNEL_MULT_DEAD INT32_MAX

struct kernel_loads {
	const _Atomic uint32_t *load;
	const uint32_t *dead;
	const uint32_t *mult; /* what one request counts; NULL in the `equal` kernels: 1 */
};

struct pick_kernels {
	enum simd_level level;
	/* How many of c[0..15] are at most u. */
	uint32_t (*count16)(const uint32_t *c, uint32_t u);
	/* First slot in [from, to) with the least load * mult, which goes to *key; from < to. */
	uint32_t (*least_equal)(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key);
	uint32_t (*least_weighted)(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key);
	/* Among the `count` (1..16) slots from `base` on the one with the least load * mult; of equals the first
	 * from base + start on, then from base; start < count. */
	uint32_t (*least16_equal)(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start);
	uint32_t (*least16_weighted)(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start);
	/* First slot in [from, to) whose load is below its maxconn (0: no limit); `to` where none is. */
	uint32_t (
		*first_free)(const struct kernel_loads *l, const _Atomic uint32_t *maxconn, uint32_t from, uint32_t to);
	/* Sum of the loads of the slots in [from, to) that may be chosen. */
	uint64_t (*sum)(const struct kernel_loads *l, uint32_t from, uint32_t to);
};

/* The first set bit from `start` on, else the first of all. */
static inline uint32_t kernel_first_from(unsigned bits, uint32_t start)
{
	unsigned later = bits & (~0u << start);

	return (uint32_t)__builtin_ctz(later ? later : bits);
}

/* What pickers are built with: the best of this processor unless pick_simd_force() chose another. */
const struct pick_kernels *pick_kernels(void);

extern const struct pick_kernels pick_kernels_portable;
#if defined(__x86_64__)
extern const struct pick_kernels pick_kernels_avx2, pick_kernels_avx512;
#endif

#endif
