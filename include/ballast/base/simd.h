/* simd: byte scanning for parsers, chosen at start by what the processor can (AVX-512BW, AVX2, SSE2,
 * portable).  All variants give the same answer; tests compare each with the portable one. */
#ifndef BALLAST_BASE_SIMD_H
#define BALLAST_BASE_SIMD_H

#include <stdbool.h>
#include <stddef.h>

enum simd_level { SIMD_PORTABLE, SIMD_SSE2, SIMD_AVX2, SIMD_AVX512, SIMD_LEVEL_COUNT };

/* Best level of this processor; simd_init() selects it for all functions below (called by main before any
 * thread; until then the portable ones are used).  simd_force() is for tests and benchmarks; a level
 * that this processor lacks becomes its best one. */
enum simd_level simd_best(void);
void simd_init(void);
void simd_force(enum simd_level level);
const char *simd_name(enum simd_level level);

/* First byte in [at, end) that is a control (0x00-0x1f except HTAB, or 0x7f); end where there is none.
 * So it finds CR, LF, NUL and whatever a field value must not hold. */
extern const char *(*simd_find_ctl)(const char *at, const char *end);
/* First byte in [at, end) that is not a token character (RFC 9110 section 5.6.2); end where there is none. */
extern const char *(*simd_find_non_token)(const char *at, const char *end);
/* First byte in [at, end) that a request target must not hold: controls, space, 0x7f and above; end else. */
extern const char *(*simd_find_non_target)(const char *at, const char *end);

#endif
