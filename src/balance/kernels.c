/* kernels: the portable ones, and the choice between all of them.
 *
 * These are the meaning of the others: plain loops in slot order, a lesser key only replaces a greater one, so
 * the first of equals stays.
 */
#include <stdbool.h>
#include <stddef.h>

#include "kernels.h"
#include "ballast/balance/pick.h"

static uint32_t count16(const uint32_t *c, uint32_t u)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < 16; i++)
		n += c[i] <= u;
	return n;
}

static inline uint64_t key_of(const struct kernel_loads *l, uint32_t slot, bool weighted)
{
	uint64_t load = atomic_load_explicit(&l->load[slot], memory_order_relaxed) | l->dead[slot];

	return weighted ? load * l->mult[slot] : load;
}

static inline uint32_t least(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key, bool weighted)
{
	uint32_t best_slot = from;
	uint64_t best = UINT64_MAX;

	for (uint32_t i = from; i < to && best; i++) {
		uint64_t k = key_of(l, i, weighted);

		if (k < best) {
			best = k;
			best_slot = i;
		}
	}
	*key = best;
	return best_slot;
}

static uint32_t least_equal(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key)
{
	return least(l, from, to, key, false);
}

static uint32_t least_weighted(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key)
{
	return least(l, from, to, key, true);
}

static inline uint32_t least16(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start,
	bool weighted)
{
	uint64_t key, key_before = UINT64_MAX;
	uint32_t slot = least(l, base + start, base + count, &key, weighted);
	uint32_t before = base;

	if (start && key)
		before = least(l, base, base + start, &key_before, weighted);
	return key_before < key ? before : slot;
}

static uint32_t least16_equal(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start)
{
	return least16(l, base, count, start, false);
}

static uint32_t least16_weighted(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start)
{
	return least16(l, base, count, start, true);
}

static uint32_t first_free(const struct kernel_loads *l, const _Atomic uint32_t *maxconn, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		uint32_t limit = atomic_load_explicit(&maxconn[i], memory_order_relaxed);

		/* 0 is no limit: minus 1 it is the greatest. */
		if (key_of(l, i, false) <= (uint32_t)(limit - 1) && !l->dead[i])
			return i;
	}
	return to;
}

static uint64_t sum(const struct kernel_loads *l, uint32_t from, uint32_t to)
{
	uint64_t total = 0;

	for (uint32_t i = from; i < to; i++)
		total += atomic_load_explicit(&l->load[i], memory_order_relaxed) & ~l->dead[i];
	return total;
}

const struct pick_kernels pick_kernels_portable = {
	.level = SIMD_PORTABLE,
	.count16 = count16,
	.least_equal = least_equal,
	.least_weighted = least_weighted,
	.least16_equal = least16_equal,
	.least16_weighted = least16_weighted,
	.first_free = first_free,
	.sum = sum,
};

/* The kernels of a level, NULL where the processor cannot run them.  SSE2 has neither the unsigned compares
 * nor the masked loads that these need; there the compiler's own vectors of the portable ones are as good. */
static const struct pick_kernels *kernels_of(enum simd_level level)
{
	switch (level) {
#if defined(__x86_64__)
	case SIMD_AVX512:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("bmi2") ? &pick_kernels_avx512
		                                                                           : NULL;
	case SIMD_AVX2: return __builtin_cpu_supports("avx2") ? &pick_kernels_avx2 : NULL;
#endif
	case SIMD_PORTABLE: return &pick_kernels_portable;
	default: return NULL;
	}
}

static _Atomic(const struct pick_kernels *) chosen;

const struct pick_kernels *pick_kernels(void)
{
	const struct pick_kernels *k = atomic_load_explicit(&chosen, memory_order_relaxed);

	for (int level = SIMD_AVX512; !k; level--)
		k = kernels_of((enum simd_level)level);
	atomic_store_explicit(&chosen, k, memory_order_relaxed);
	return k;
}

bool pick_simd_force(enum simd_level level)
{
	const struct pick_kernels *k = kernels_of(level);

	if (!k)
		return false;
	atomic_store_explicit(&chosen, k, memory_order_relaxed);
	return true;
}
