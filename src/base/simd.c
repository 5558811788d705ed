/* simd: byte scanning for parsers, in four variants with one answer.
 *
 * Each variant looks at a block of 16, 32 or 64 bytes, makes a mask of the bytes searched for, and counts the
 * zeros before the first.  Bytes beyond `end` are never read: what is left at the end is covered by one block
 * that overlaps the one before (its first bytes are known not to match), or by a masked load (AVX-512), and
 * texts shorter than a block are looked up byte by byte.
 *
 * Token characters under AVX2 and AVX-512 are found by two 16-entry look-ups: the low half of a byte selects
 * which high halves are allowed with it (a bit each), the high half selects that bit.
 */
#include "ballast/base/simd.h"

#include <stdint.h>

enum { CTL = 1, NON_TOKEN = 2, NON_TARGET = 4 };

#define ROW8(c) c, c, c, c, c, c, c, c
#define OUT (NON_TOKEN) /* a visible byte that separates tokens */
#define ALL (CTL | NON_TOKEN | NON_TARGET)
#define HIGH (NON_TOKEN | NON_TARGET)

static const uint8_t classes[256] = {
	ROW8(ALL),
	ALL,
	NON_TOKEN | NON_TARGET,
	ALL,
	ALL,
	ALL,
	ALL,
	ALL,
	ALL,
	ROW8(ALL),
	ROW8(ALL),
	/*   ! " # $ % & ' */
	NON_TOKEN | NON_TARGET,
	0,
	OUT,
	0,
	0,
	0,
	0,
	0,
	/* ( ) * + , - . / */
	OUT,
	OUT,
	0,
	0,
	OUT,
	0,
	0,
	OUT,
	/* 0 to 9 : ; < = > ? @ */
	ROW8(0),
	0,
	0,
	OUT,
	OUT,
	OUT,
	OUT,
	OUT,
	OUT,
	OUT,
	/* A to Z [ \ ] ^ _ */
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	ROW8(0),
	ROW8(0),
	0,
	0,
	0,
	OUT,
	OUT,
	OUT,
	0,
	0,
	/* ` a to z { | } ~ DEL */
	0,
	ROW8(0),
	ROW8(0),
	ROW8(0),
	0,
	0,
	OUT,
	0,
	OUT,
	0,
	ALL,
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
	ROW8(HIGH),
};

static inline const char *scan_bytes(const char *at, const char *end, unsigned searched)
{
	while (at < end && !(classes[(unsigned char)*at] & searched))
		at++;
	return at;
}

static const char *find_ctl_portable(const char *at, const char *end)
{
	return scan_bytes(at, end, CTL);
}

static const char *find_non_token_portable(const char *at, const char *end)
{
	return scan_bytes(at, end, NON_TOKEN);
}

static const char *find_non_target_portable(const char *at, const char *end)
{
	return scan_bytes(at, end, NON_TARGET);
}

#ifdef __x86_64__

#include <immintrin.h>

/* A helper that is to become part of its caller, with the caller's instruction set. */
#define INLINE static inline __attribute__((always_inline))
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512bw,avx512f")))

/* --- 16 bytes, SSE2 --- */

INLINE __m128i within_sse2(__m128i v, char first, char last)
{
	__m128i offset = _mm_sub_epi8(v, _mm_set1_epi8(first));
	return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8((char)(last - first))), offset);
}

INLINE __m128i equal_sse2(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

INLINE __m128i ctl_sse2(__m128i v)
{
	__m128i low = _mm_andnot_si128(equal_sse2(v, '\t'), within_sse2(v, 0, 0x1f));
	return _mm_or_si128(low, equal_sse2(v, 0x7f));
}

INLINE __m128i non_target_sse2(__m128i v)
{
	return _mm_xor_si128(within_sse2(v, 0x21, 0x7e), _mm_set1_epi8(-1));
}

INLINE __m128i non_token_sse2(__m128i v)
{
	__m128i out = non_target_sse2(v);

	out = _mm_or_si128(out, _mm_or_si128(equal_sse2(v, '"'), within_sse2(v, '(', ')')));
	out = _mm_or_si128(out, _mm_or_si128(equal_sse2(v, ','), equal_sse2(v, '/')));
	out = _mm_or_si128(out, _mm_or_si128(within_sse2(v, ':', '@'), within_sse2(v, '[', ']')));
	return _mm_or_si128(out, _mm_or_si128(equal_sse2(v, '{'), equal_sse2(v, '}')));
}

typedef __m128i match_sse2(__m128i v);

/* NULL where no byte of the block matches. */
INLINE const char *block_sse2(const char *at, match_sse2 *match)
{
	unsigned mask = (unsigned)_mm_movemask_epi8(match(_mm_loadu_si128((const __m128i *)(const void *)at)));
	return mask ? at + __builtin_ctz(mask) : NULL;
}

INLINE const char *scan_sse2(const char *at, const char *end, match_sse2 *match, unsigned searched)
{
	const char *found;

	if (end - at < 16)
		return scan_bytes(at, end, searched);
	for (; end - at >= 16; at += 16)
		if ((found = block_sse2(at, match)))
			return found;
	if (at == end)
		return end;
	found = block_sse2(end - 16, match);
	return found ? found : end;
}

static const char *find_ctl_sse2(const char *at, const char *end)
{
	return scan_sse2(at, end, ctl_sse2, CTL);
}

static const char *find_non_token_sse2(const char *at, const char *end)
{
	return scan_sse2(at, end, non_token_sse2, NON_TOKEN);
}

static const char *find_non_target_sse2(const char *at, const char *end)
{
	return scan_sse2(at, end, non_target_sse2, NON_TARGET);
}

/* --- 32 bytes, AVX2 --- */

/* By the low half of a token character: a bit for each high half that goes with it. */
#define TOKEN_LOW \
	(char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xf8, \
		(char)0xf8, (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70
#define TOKEN_HIGH 1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0

INLINE AVX2 __m256i within_avx2(__m256i v, char first, char last)
{
	__m256i offset = _mm256_sub_epi8(v, _mm256_set1_epi8(first));
	return _mm256_cmpeq_epi8(_mm256_min_epu8(offset, _mm256_set1_epi8((char)(last - first))), offset);
}

INLINE AVX2 __m256i ctl_avx2(__m256i v)
{
	__m256i tab = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
	__m256i low = _mm256_andnot_si256(tab, within_avx2(v, 0, 0x1f));
	return _mm256_or_si256(low, _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f)));
}

INLINE AVX2 __m256i non_target_avx2(__m256i v)
{
	return _mm256_xor_si256(within_avx2(v, 0x21, 0x7e), _mm256_set1_epi8(-1));
}

INLINE AVX2 __m256i non_token_avx2(__m256i v)
{
	__m256i low = _mm256_shuffle_epi8(_mm256_setr_epi8(TOKEN_LOW, TOKEN_LOW), v);
	__m256i half = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0f));
	__m256i high = _mm256_shuffle_epi8(_mm256_setr_epi8(TOKEN_HIGH, TOKEN_HIGH), half);
	return _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
}

typedef __m256i match_avx2(__m256i v);

INLINE AVX2 const char *block_avx2(const char *at, match_avx2 *match)
{
	unsigned mask = (unsigned)_mm256_movemask_epi8(match(_mm256_loadu_si256((const __m256i *)(const void *)at)));
	return mask ? at + __builtin_ctz(mask) : NULL;
}

INLINE AVX2 const char *scan_avx2(const char *at, const char *end, match_avx2 *match, match_sse2 *half,
	unsigned searched)
{
	const char *found;

	if (end - at < 32)
		return scan_sse2(at, end, half, searched);
	for (; end - at >= 32; at += 32)
		if ((found = block_avx2(at, match)))
			return found;
	if (at == end)
		return end;
	found = block_avx2(end - 32, match);
	return found ? found : end;
}

AVX2 static const char *find_ctl_avx2(const char *at, const char *end)
{
	return scan_avx2(at, end, ctl_avx2, ctl_sse2, CTL);
}

AVX2 static const char *find_non_token_avx2(const char *at, const char *end)
{
	return scan_avx2(at, end, non_token_avx2, non_token_sse2, NON_TOKEN);
}

AVX2 static const char *find_non_target_avx2(const char *at, const char *end)
{
	return scan_avx2(at, end, non_target_avx2, non_target_sse2, NON_TARGET);
}

/* --- 64 bytes, AVX-512BW --- */

INLINE AVX512 __mmask64 within_avx512(__m512i v, char first, char last)
{
	__m512i offset = _mm512_sub_epi8(v, _mm512_set1_epi8(first));
	return _mm512_cmple_epu8_mask(offset, _mm512_set1_epi8((char)(last - first)));
}

INLINE AVX512 __mmask64 ctl_avx512(__m512i v)
{
	__mmask64 tab = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\t'));
	return (within_avx512(v, 0, 0x1f) & ~tab) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(0x7f));
}

INLINE AVX512 __mmask64 non_target_avx512(__m512i v)
{
	return ~within_avx512(v, 0x21, 0x7e);
}

INLINE AVX512 __mmask64 non_token_avx512(__m512i v)
{
	__m512i low_table = _mm512_broadcast_i32x4(_mm_setr_epi8(TOKEN_LOW));
	__m512i high_table = _mm512_broadcast_i32x4(_mm_setr_epi8(TOKEN_HIGH));
	__m512i half = _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(0x0f));
	return _mm512_testn_epi8_mask(_mm512_shuffle_epi8(low_table, v), _mm512_shuffle_epi8(high_table, half));
}

typedef __mmask64 match_avx512(__m512i v);

INLINE AVX512 const char *scan_avx512(const char *at, const char *end, match_avx512 *match)
{
	for (; end - at >= 64; at += 64) {
		__mmask64 mask = match(_mm512_loadu_si512(at));
		if (mask)
			return at + __builtin_ctzll(mask);
	}
	if (at == end)
		return end;
	__mmask64 valid = ~0ull >> (64 - (end - at));
	__mmask64 mask = match(_mm512_maskz_loadu_epi8(valid, at)) & valid;
	return mask ? at + __builtin_ctzll(mask) : end;
}

AVX512 static const char *find_ctl_avx512(const char *at, const char *end)
{
	return scan_avx512(at, end, ctl_avx512);
}

AVX512 static const char *find_non_token_avx512(const char *at, const char *end)
{
	return scan_avx512(at, end, non_token_avx512);
}

AVX512 static const char *find_non_target_avx512(const char *at, const char *end)
{
	return scan_avx512(at, end, non_target_avx512);
}

enum simd_level simd_best(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512f"))
		return SIMD_AVX512;
	return __builtin_cpu_supports("avx2") ? SIMD_AVX2 : SIMD_SSE2;
}

#else

enum simd_level simd_best(void)
{
	return SIMD_PORTABLE;
}

#endif

typedef const char *find_fn(const char *at, const char *end);

find_fn *simd_find_ctl = find_ctl_portable;
find_fn *simd_find_non_token = find_non_token_portable;
find_fn *simd_find_non_target = find_non_target_portable;

static const struct variant {
	find_fn *ctl, *non_token, *non_target;
} variants[] = {
	[SIMD_PORTABLE] = { find_ctl_portable, find_non_token_portable, find_non_target_portable },
#ifdef __x86_64__
	[SIMD_SSE2] = { find_ctl_sse2, find_non_token_sse2, find_non_target_sse2 },
	[SIMD_AVX2] = { find_ctl_avx2, find_non_token_avx2, find_non_target_avx2 },
	[SIMD_AVX512] = { find_ctl_avx512, find_non_token_avx512, find_non_target_avx512 },
#endif
};

void simd_force(enum simd_level level)
{
	const struct variant *v = &variants[level > simd_best() ? simd_best() : level];

	simd_find_ctl = v->ctl;
	simd_find_non_token = v->non_token;
	simd_find_non_target = v->non_target;
}

void simd_init(void)
{
	simd_force(simd_best());
}

const char *simd_name(enum simd_level level)
{
	static const char *const names[] = { "portable", "SSE2", "AVX2", "AVX-512" };

	return names[level];
}
