/* strmap: entries in an array in the order of adding, found by an open-addressed table of their numbers (linear
 * probing, at most half full).  A removed entry stays as a gap, in the table too, so that probing goes on behind it;
 * growing leaves the gaps out.
 */
#include "ballast/base/strmap.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "ballast/base/assert.h"

#define SIZE_MIN 16u
#define SIZE_MAX_ENTRIES (1u << 30)

static uint64_t hash_of(struct slice key)
{
	return XXH3_64bits(key.len ? key.ptr : "", key.len);
}

static struct strmap_entry *find(const struct strmap *m, struct slice key, uint64_t hash)
{
	if (!m->index_size)
		return NULL;
	for (uint32_t at = (uint32_t)hash & (m->index_size - 1); m->index[at]; at = (at + 1) & (m->index_size - 1)) {
		struct strmap_entry *e = &m->entries[m->index[at] - 1];
		if (e->value && e->hash == hash && slice_eq(e->key, key))
			return e;
	}
	return NULL;
}

static void index_entry(struct strmap *m, uint32_t number)
{
	uint32_t at = (uint32_t)m->entries[number - 1].hash & (m->index_size - 1);

	while (m->index[at])
		at = (at + 1) & (m->index_size - 1);
	m->index[at] = number;
}

/* Room for one more entry; leaves gaps out. */
static int make_room(struct strmap *m)
{
	if (m->used < m->index_size / 2)
		return 0;
	uint32_t size = SIZE_MIN;
	while (size / 2 <= m->live + m->live / 2)
		size *= 2;
	if (size > SIZE_MAX_ENTRIES)
		return -ENOMEM;
	struct strmap_entry *entries = malloc(size / 2 * sizeof(*entries));
	uint32_t *index = calloc(size, sizeof(*index));
	if (!entries || !index) {
		free(entries);
		free(index);
		return -ENOMEM;
	}
	uint32_t used = 0;
	for (uint32_t i = 0; i < m->used; i++)
		if (m->entries[i].value)
			entries[used++] = m->entries[i];
	strmap_free(m);
	*m = (struct strmap){ entries, index, used, used, size };
	for (uint32_t number = 1; number <= used; number++)
		index_entry(m, number);
	return 0;
}

void strmap_free(struct strmap *m)
{
	free(m->entries);
	free(m->index);
	strmap_init(m);
}

void *strmap_get(const struct strmap *m, struct slice key)
{
	const struct strmap_entry *e = find(m, key, hash_of(key));
	return e ? e->value : NULL;
}

int strmap_put(struct strmap *m, struct slice key, void *value)
{
	uint64_t hash = hash_of(key);

	BL_ASSERT(value);
	if (find(m, key, hash))
		return -EEXIST;
	int ret = make_room(m);
	if (ret)
		return ret;
	m->entries[m->used++] = (struct strmap_entry){ key, hash, value };
	m->live++;
	index_entry(m, m->used);
	return 0;
}

void *strmap_remove(struct strmap *m, struct slice key)
{
	struct strmap_entry *e = find(m, key, hash_of(key));

	if (!e)
		return NULL;
	void *value = e->value;
	*e = (struct strmap_entry){ 0 };
	m->live--;
	return value;
}

const struct strmap_entry *strmap_next(const struct strmap *m, const struct strmap_entry *e)
{
	for (size_t i = e ? (size_t)(e - m->entries) + 1 : 0; i < m->used; i++)
		if (m->entries[i].value)
			return &m->entries[i];
	return NULL;
}
