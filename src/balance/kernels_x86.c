/* kernels: AVX2 and AVX-512, compiled by target attribute and chosen at start.
 *
 * The scans keep, in each lane, the least key seen and where it was; only a lesser key replaces it, so a lane
 * holds its first minimum, and the least slot among the lanes with the least key is the first of all.  Once a
 * lane is 0 nothing later can be less, and no earlier vector had one: the scan ends there.
 *
 * The loads are atomics that other threads change; a vector load reads each aligned 32-bit element whole on
 * x86, which is all that is asked of it.  ThreadSanitizer cannot know that and is told to look away.
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <stdbool.h>

#include "kernels.h"

#define NO_TSAN __attribute__((no_sanitize("thread")))
#define AVX2 __attribute__((target("avx2"))) NO_TSAN
#define AVX512 __attribute__((target("avx512f,bmi2"))) NO_TSAN

/* --- AVX2 --- */

AVX2 static inline __m256i ones_below8(uint32_t n)
{
	const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}

AVX2 static inline __m256i load8(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
}

/* load | dead of 8 slots; the lanes from `n` on are as dead. */
AVX2 static inline __m256i live8(const struct kernel_loads *l, uint32_t slot, uint32_t n)
{
	const int *load = (const int *)(const void *)(l->load + slot);
	__m256i dead = load8(l->dead + slot);

	if (n >= 8)
		return _mm256_or_si256(load8(load), dead);
	__m256i in = ones_below8(n);
	__m256i outside = _mm256_xor_si256(in, _mm256_set1_epi32(-1));
	return _mm256_or_si256(_mm256_or_si256(_mm256_maskload_epi32(load, in), dead), outside);
}

/* Keys of the slots of even lanes, and of the odd ones; lanes beyond what live8() read are above any. */
AVX2 static inline __m256i even_keys8(__m256i live, __m256i mult)
{
	return _mm256_mul_epu32(live, mult);
}

AVX2 static inline __m256i odd_keys8(__m256i live, __m256i mult)
{
	return _mm256_mul_epu32(_mm256_srli_epi64(live, 32), _mm256_srli_epi64(mult, 32));
}

/* The factors of 8 slots; the lanes from `n` on are those of dead ones. */
AVX2 static inline __m256i mult8(const struct kernel_loads *l, uint32_t slot, uint32_t n)
{
	__m256i mult = load8(l->mult + slot);

	return n >= 8 ? mult : _mm256_blendv_epi8(_mm256_set1_epi32(KERNEL_MULT_DEAD), mult, ones_below8(n));
}

AVX2 static uint32_t avx2_count16(const uint32_t *c, uint32_t u)
{
	/* c <= u, unsigned: the lesser of both is c. */
	__m256i at = _mm256_set1_epi32((int)u), a = load8(c), b = load8(c + 8);
	__m256i le_a = _mm256_cmpeq_epi32(_mm256_min_epu32(a, at), a);
	__m256i le_b = _mm256_cmpeq_epi32(_mm256_min_epu32(b, at), b);
	int bits = _mm256_movemask_epi8(_mm256_packs_epi32(le_a, le_b));

	return (uint32_t)__builtin_popcount((unsigned)bits) / 2;
}

AVX2 static inline uint32_t reduce_min8(__m256i v)
{
	__m128i m = _mm_min_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	m = _mm_min_epu32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(1, 0, 3, 2)));
	m = _mm_min_epu32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(2, 3, 0, 1)));
	return (uint32_t)_mm_cvtsi128_si32(m);
}

AVX2 static inline unsigned equal_bits8(__m256i v, uint32_t to)
{
	__m256i eq = _mm256_cmpeq_epi32(v, _mm256_set1_epi32((int)to));

	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(eq));
}

AVX2 static uint32_t avx2_least_equal(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key)
{
	__m256i best = _mm256_set1_epi32(-1), best_at = _mm256_set1_epi32((int)from);
	__m256i at = _mm256_add_epi32(best_at, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));

	for (uint32_t i = from; i < to; i += 8, at = _mm256_add_epi32(at, _mm256_set1_epi32(8))) {
		__m256i v = live8(l, i, to - i);
		unsigned zero = equal_bits8(v, 0);

		if (zero) {
			*key = 0;
			return i + (uint32_t)__builtin_ctz(zero);
		}
		__m256i less = _mm256_min_epu32(v, best);
		best_at = _mm256_blendv_epi8(at, best_at, _mm256_cmpeq_epi32(less, best));
		best = less;
	}
	uint32_t min = reduce_min8(best);
	__m256i others = _mm256_xor_si256(_mm256_cmpeq_epi32(best, _mm256_set1_epi32((int)min)), _mm256_set1_epi32(-1));

	*key = min;
	return reduce_min8(_mm256_or_si256(best_at, others));
}

/* The least of `n` keys, of equals the least slot. */
static uint32_t least_lane(const uint64_t *keys, const uint64_t *slots, unsigned n, uint64_t *key)
{
	unsigned b = 0;

	for (unsigned i = 1; i < n; i++)
		if (keys[i] < keys[b] || (keys[i] == keys[b] && slots[i] < slots[b]))
			b = i;
	*key = keys[b];
	return (uint32_t)slots[b];
}

/* Even and odd slots have a best each, so that neither waits for the other. */
AVX2 static uint32_t avx2_least_weighted(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key)
{
	__m256i best_even = _mm256_set1_epi64x(INT64_MAX), best_odd = best_even;
	__m256i even = _mm256_setzero_si256(), odd = even; /* in which round */
	__m256i round = even, one = _mm256_set1_epi64x(1);
	uint64_t keys[8], rounds[8], slots[8];

	for (uint32_t i = from; i < to; i += 8, round = _mm256_add_epi64(round, one)) {
		__m256i live = live8(l, i, to - i), mult = mult8(l, i, to - i);
		unsigned zero = equal_bits8(live, 0);

		if (zero) {
			*key = 0;
			return i + (uint32_t)__builtin_ctz(zero);
		}
		__m256i a = even_keys8(live, mult), b = odd_keys8(live, mult);
		__m256i less_even = _mm256_cmpgt_epi64(best_even, a), less_odd = _mm256_cmpgt_epi64(best_odd, b);
		best_even = _mm256_blendv_epi8(best_even, a, less_even);
		best_odd = _mm256_blendv_epi8(best_odd, b, less_odd);
		even = _mm256_blendv_epi8(even, round, less_even);
		odd = _mm256_blendv_epi8(odd, round, less_odd);
	}
	_mm256_storeu_si256((__m256i *)(void *)keys, best_even);
	_mm256_storeu_si256((__m256i *)(void *)(keys + 4), best_odd);
	_mm256_storeu_si256((__m256i *)(void *)rounds, even);
	_mm256_storeu_si256((__m256i *)(void *)(rounds + 4), odd);
	for (unsigned i = 0; i < 8; i++)
		slots[i] = from + 8 * rounds[i] + i % 4 * 2 + i / 4;
	return least_lane(keys, slots, 8, key);
}

AVX2 static uint32_t avx2_least16_equal(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start)
{
	__m256i a = live8(l, base, count);
	__m256i b = count > 8 ? live8(l, base + 8, count - 8) : _mm256_set1_epi32(-1);
	uint32_t min = reduce_min8(_mm256_min_epu32(a, b));

	return base + kernel_first_from(equal_bits8(a, min) | equal_bits8(b, min) << 8, start);
}

AVX2 static inline __m256i lesser_keys(__m256i a, __m256i b)
{
	return _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b));
}

/* Bit 2 * i for each of the 4 keys that is `key`. */
AVX2 static inline unsigned equal_even_bits(__m256i keys, __m256i key)
{
	__m256i eq = _mm256_srli_epi64(_mm256_cmpeq_epi64(keys, key), 32);

	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(eq));
}

AVX2 static uint32_t avx2_least16_weighted(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start)
{
	__m256i live = live8(l, base, count), mult = mult8(l, base, count);
	__m256i a = even_keys8(live, mult), b = odd_keys8(live, mult), c = _mm256_set1_epi64x(INT64_MAX), d = c;

	if (count > 8) {
		live = live8(l, base + 8, count - 8);
		mult = mult8(l, base + 8, count - 8);
		c = even_keys8(live, mult);
		d = odd_keys8(live, mult);
	}
	__m256i min = lesser_keys(lesser_keys(a, b), lesser_keys(c, d));
	min = lesser_keys(min, _mm256_permute4x64_epi64(min, _MM_SHUFFLE(1, 0, 3, 2)));
	min = lesser_keys(min, _mm256_permute4x64_epi64(min, _MM_SHUFFLE(2, 3, 0, 1)));
	unsigned bits = equal_even_bits(a, min) | equal_even_bits(b, min) << 1 | equal_even_bits(c, min) << 8 |
	                equal_even_bits(d, min) << 9;
	return base + kernel_first_from(bits, start);
}

AVX2 static uint32_t avx2_first_free(const struct kernel_loads *l, const _Atomic uint32_t *maxconn, uint32_t from,
	uint32_t to)
{
	const __m256i one = _mm256_set1_epi32(1);

	for (uint32_t i = from; i < to; i += 8) {
		uint32_t n = to - i < 8 ? to - i : 8;
		const int *limits = (const int *)(const void *)(maxconn + i);
		__m256i v = live8(l, i, n);
		__m256i last = _mm256_sub_epi32(_mm256_maskload_epi32(limits, ones_below8(n)), one);
		__m256i below = _mm256_cmpeq_epi32(_mm256_min_epu32(v, last), v);
		unsigned bits = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(below)) & ~equal_bits8(v, UINT32_MAX);

		if (bits)
			return i + (uint32_t)__builtin_ctz(bits);
	}
	return to;
}

AVX2 static uint64_t avx2_sum(const struct kernel_loads *l, uint32_t from, uint32_t to)
{
	const __m256i low = _mm256_set1_epi64x(UINT32_MAX);
	__m256i even = _mm256_setzero_si256(), odd = even;

	for (uint32_t i = from; i < to; i += 8) {
		/* What live8() made all ones because it is dead or outside is nothing here. */
		__m256i in = to - i < 8 ? ones_below8(to - i) : _mm256_set1_epi32(-1);
		__m256i v = _mm256_and_si256(in, _mm256_andnot_si256(load8(l->dead + i), live8(l, i, to - i)));

		even = _mm256_add_epi64(even, _mm256_and_si256(v, low));
		odd = _mm256_add_epi64(odd, _mm256_srli_epi64(v, 32));
	}
	uint64_t lane[4];
	_mm256_storeu_si256((__m256i *)(void *)lane, _mm256_add_epi64(even, odd));
	return lane[0] + lane[1] + lane[2] + lane[3];
}

const struct pick_kernels pick_kernels_avx2 = {
	.level = SIMD_AVX2,
	.count16 = avx2_count16,
	.least_equal = avx2_least_equal,
	.least_weighted = avx2_least_weighted,
	.least16_equal = avx2_least16_equal,
	.least16_weighted = avx2_least16_weighted,
	.first_free = avx2_first_free,
	.sum = avx2_sum,
};

/* --- AVX-512 --- */

static inline __mmask16 mask16(uint32_t n)
{
	return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1);
}

/* load | dead of 16 slots; the lanes from `n` on are as dead. */
AVX512 static inline __m512i live16(const struct kernel_loads *l, uint32_t slot, uint32_t n)
{
	const void *at = (const void *)(l->load + slot);
	__m512i load = n >= 16 ? _mm512_loadu_si512(at) : _mm512_mask_loadu_epi32(_mm512_set1_epi32(-1), mask16(n), at);

	return _mm512_or_si512(load, _mm512_loadu_si512((const void *)(l->dead + slot)));
}

AVX512 static inline __m512i mult16(const struct kernel_loads *l, uint32_t slot, uint32_t n)
{
	const void *at = (const void *)(l->mult + slot);

	if (n >= 16)
		return _mm512_loadu_si512(at);
	return _mm512_mask_loadu_epi32(_mm512_set1_epi32(KERNEL_MULT_DEAD), mask16(n), at);
}

/* Keys of the slots of even lanes, and of the odd ones; lanes beyond what live16() read are above any. */
AVX512 static inline __m512i even_keys16(__m512i live, __m512i mult)
{
	return _mm512_mul_epu32(live, mult);
}

AVX512 static inline __m512i odd_keys16(__m512i live, __m512i mult)
{
	return _mm512_mul_epu32(_mm512_srli_epi64(live, 32), _mm512_srli_epi64(mult, 32));
}

AVX512 static uint32_t avx512_count16(const uint32_t *c, uint32_t u)
{
	__mmask16 m = _mm512_cmple_epu32_mask(_mm512_loadu_si512((const void *)c), _mm512_set1_epi32((int)u));

	return (uint32_t)__builtin_popcount(m);
}

AVX512 static uint32_t avx512_least_equal(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key)
{
	__m512i best = _mm512_set1_epi32(-1), best_at = _mm512_set1_epi32((int)from);
	__m512i at = _mm512_add_epi32(best_at, _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));

	for (uint32_t i = from; i < to; i += 16, at = _mm512_add_epi32(at, _mm512_set1_epi32(16))) {
		__m512i v = live16(l, i, to - i);
		__mmask16 zero = _mm512_testn_epi32_mask(v, v);

		if (zero) {
			*key = 0;
			return i + (uint32_t)__builtin_ctz(zero);
		}
		best_at = _mm512_mask_mov_epi32(best_at, _mm512_cmplt_epu32_mask(v, best), at);
		best = _mm512_min_epu32(best, v);
	}
	uint32_t min = _mm512_reduce_min_epu32(best);

	*key = min;
	return _mm512_mask_reduce_min_epu32(_mm512_cmpeq_epi32_mask(best, _mm512_set1_epi32((int)min)), best_at);
}

AVX512 static uint32_t avx512_least_weighted(const struct kernel_loads *l, uint32_t from, uint32_t to, uint64_t *key)
{
	__m512i best_even = _mm512_set1_epi64(-1), best_odd = best_even;
	__m512i at = _mm512_add_epi64(_mm512_set1_epi64(from), _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14));
	__m512i even = at, odd = at; /* where; the odd ones are one further */

	for (uint32_t i = from; i < to; i += 16, at = _mm512_add_epi64(at, _mm512_set1_epi64(16))) {
		__m512i live = live16(l, i, to - i), mult = mult16(l, i, to - i);
		__mmask16 zero = _mm512_testn_epi32_mask(live, live);

		if (zero) {
			*key = 0;
			return i + (uint32_t)__builtin_ctz(zero);
		}
		__m512i a = even_keys16(live, mult), b = odd_keys16(live, mult);
		even = _mm512_mask_mov_epi64(even, _mm512_cmplt_epu64_mask(a, best_even), at);
		odd = _mm512_mask_mov_epi64(odd, _mm512_cmplt_epu64_mask(b, best_odd), at);
		best_even = _mm512_min_epu64(best_even, a);
		best_odd = _mm512_min_epu64(best_odd, b);
	}
	odd = _mm512_add_epi64(odd, _mm512_set1_epi64(1));
	*key = _mm512_reduce_min_epu64(_mm512_min_epu64(best_even, best_odd));
	__m512i min = _mm512_set1_epi64((long long)*key), none = _mm512_set1_epi64(-1);
	even = _mm512_mask_mov_epi64(none, _mm512_cmpeq_epi64_mask(best_even, min), even);
	odd = _mm512_mask_mov_epi64(none, _mm512_cmpeq_epi64_mask(best_odd, min), odd);
	return (uint32_t)_mm512_reduce_min_epu64(_mm512_min_epu64(even, odd));
}

AVX512 static uint32_t avx512_least16_equal(const struct kernel_loads *l, uint32_t base, uint32_t count, uint32_t start)
{
	__m512i v = live16(l, base, count);
	__m512i min = _mm512_set1_epi32((int)_mm512_reduce_min_epu32(v));

	return base + kernel_first_from(_mm512_cmpeq_epi32_mask(v, min), start);
}

AVX512 static uint32_t avx512_least16_weighted(const struct kernel_loads *l, uint32_t base, uint32_t count,
	uint32_t start)
{
	__m512i live = live16(l, base, count), mult = mult16(l, base, count);
	__m512i a = even_keys16(live, mult), b = odd_keys16(live, mult);
	__m512i min = _mm512_set1_epi64((long long)_mm512_reduce_min_epu64(_mm512_min_epu64(a, b)));
	uint32_t even = _pdep_u32(_mm512_cmpeq_epi64_mask(a, min), 0x5555);
	uint32_t odd = _pdep_u32(_mm512_cmpeq_epi64_mask(b, min), 0xaaaa);

	return base + kernel_first_from(even | odd, start);
}

AVX512 static uint32_t avx512_first_free(const struct kernel_loads *l, const _Atomic uint32_t *maxconn, uint32_t from,
	uint32_t to)
{
	const __m512i one = _mm512_set1_epi32(1), dead = _mm512_set1_epi32(-1);

	for (uint32_t i = from; i < to; i += 16) {
		__m512i v = live16(l, i, to - i);
		__m512i limit = _mm512_maskz_loadu_epi32(mask16(to - i), (const void *)(maxconn + i));
		__mmask16 may = _mm512_cmpneq_epi32_mask(v, dead);
		__mmask16 free_ones = _mm512_mask_cmple_epu32_mask(may, v, _mm512_sub_epi32(limit, one));

		if (free_ones)
			return i + (uint32_t)__builtin_ctz(free_ones);
	}
	return to;
}

AVX512 static uint64_t avx512_sum(const struct kernel_loads *l, uint32_t from, uint32_t to)
{
	const __m512i low = _mm512_set1_epi64(UINT32_MAX);
	__m512i even = _mm512_setzero_si512(), odd = even;

	for (uint32_t i = from; i < to; i += 16) {
		__m512i dead = _mm512_loadu_si512(l->dead + i);
		__m512i v = _mm512_maskz_andnot_epi32(mask16(to - i), dead, live16(l, i, to - i));

		even = _mm512_add_epi64(even, _mm512_and_si512(v, low));
		odd = _mm512_add_epi64(odd, _mm512_srli_epi64(v, 32));
	}
	return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd));
}

const struct pick_kernels pick_kernels_avx512 = {
	.level = SIMD_AVX512,
	.count16 = avx512_count16,
	.least_equal = avx512_least_equal,
	.least_weighted = avx512_least_weighted,
	.least16_equal = avx512_least16_equal,
	.least16_weighted = avx512_least16_weighted,
	.first_free = avx512_first_free,
	.sum = avx512_sum,
};

#endif
