/* BL_ASSERT: an assertion that stays on in production.  A failed one prints what, where and a
 * backtrace to standard error, and aborts; the master then replaces the worker. */
#ifndef BALLAST_BASE_ASSERT_H
#define BALLAST_BASE_ASSERT_H

#include <stddef.h>

#define BL_LIKELY(x) __builtin_expect(!!(x), 1)
#define BL_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define BL_ASSERT(cond) \
	do { \
		if (BL_UNLIKELY(!(cond))) \
			assert_failed(#cond, __FILE__, __LINE__, __func__); \
	} while (0)

__attribute__((noreturn, cold)) void assert_failed(const char *what, const char *file, int line, const char *func);

/* The struct of type `type` whose member `member` is at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
