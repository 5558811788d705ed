/* lines: the count of owners stands in a line of its own before the memory. */
#include "ballast/base/lines.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/atomics.h"

struct owners {
	_Alignas(BL_CACHE_LINE) _Atomic uint32_t count;
};

static struct owners *owners_of(void *p)
{
	return (struct owners *)p - 1;
}

void *lines_new(size_t bytes)
{
	size_t whole = (bytes + BL_CACHE_LINE - 1) & ~(size_t)(BL_CACHE_LINE - 1);
	struct owners *o;

	whole = whole ? whole : BL_CACHE_LINE;
	o = aligned_alloc(BL_CACHE_LINE, sizeof *o + whole);

	if (!o)
		return NULL;
	memset(o, 0, sizeof *o + whole);
	atomic_store(&o->count, 1);
	return o + 1;
}

void *lines_share(void *p)
{
	atomic_fetch_add(&owners_of(p)->count, 1);
	return p;
}

void lines_drop(void *p)
{
	if (p && atomic_fetch_sub(&owners_of(p)->count, 1) == 1)
		free(owners_of(p));
}
