/* poison: tells AddressSanitizer which bytes of our own pools nobody may touch.
 *
 * Without the sanitizer both functions are empty.  A range that goes back to malloc must be readable
 * again first. */
#ifndef BALLAST_BASE_POISON_H
#define BALLAST_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define BL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BL_ASAN 1
#endif
#endif
#ifndef BL_ASAN
#define BL_ASAN 0
#endif

#if BL_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* No access to these bytes is legal from now on. */
static inline void poison_bytes(const void *at, size_t bytes)
{
#if BL_ASAN
	__asan_poison_memory_region(at, bytes);
#else
	(void)at, (void)bytes;
#endif
}

/* They may be used again. */
static inline void unpoison_bytes(const void *at, size_t bytes)
{
#if BL_ASAN
	__asan_unpoison_memory_region(at, bytes);
#else
	(void)at, (void)bytes;
#endif
}

#endif
