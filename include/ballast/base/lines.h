/* lines: memory in whole cache lines, zeroed, which several owners may share: live state that successive configurations
 * hand on to one another.
 */
#ifndef BALLAST_BASE_LINES_H
#define BALLAST_BASE_LINES_H

#include <stddef.h>

/* At least one line, with one owner. NULL where memory is out. */
void *lines_new(size_t bytes);
/* One more owner; returns `p`. From any thread. */
void *lines_share(void *p);
/* One owner less; the last one frees it. NULL is allowed. From any thread. */
void lines_drop(void *p);

#endif
