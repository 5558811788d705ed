/* lfstack: where the nodes come from.
 *
 * Free nodes are themselves kept in a lock-free stack; where it is empty, the next index that nobody had yet is
 * given out, and its segment made by whichever thread gets there first.  Index 0 is never given out: it means none.
 */
#include "ballast/base/lfstack.h"

#include <stdlib.h>

_Atomic(struct lfstack_node *) lfstack_segments[LFSTACK_SEGMENTS];

static struct lfstack free_nodes;
static _Atomic uint32_t next_index = 1;

static struct lfstack_node *segment_of(uint32_t index)
{
	_Atomic(struct lfstack_node *) *place = &lfstack_segments[index >> LFSTACK_SEGMENT_BITS];
	struct lfstack_node *segment = atomic_load(place);

	if (segment)
		return segment;
	struct lfstack_node *made = calloc(LFSTACK_SEGMENT_NODES, sizeof(*made));
	if (!made)
		return NULL;
	if (atomic_compare_exchange_strong(place, &segment, made))
		return made;
	free(made);
	return segment;
}

/* An index is only taken once its segment is there, so running out of memory loses none. */
static struct lfstack_node *fresh_node(void)
{
	uint32_t index = atomic_load(&next_index);

	for (;;) {
		if (index > LFSTACK_INDEX_MASK)
			return NULL;
		struct lfstack_node *segment = segment_of(index);
		if (!segment)
			return NULL;
		if (!atomic_compare_exchange_weak(&next_index, &index, index + 1))
			continue;
		struct lfstack_node *node = segment + (index & (LFSTACK_SEGMENT_NODES - 1));
		node->index = index;
		return node;
	}
}

struct lfstack_node *lfstack_node_new(void *value)
{
	struct lfstack_node *node = lfstack_pop(&free_nodes);

	if (!node)
		node = fresh_node();
	if (node)
		node->value = value;
	return node;
}

void lfstack_node_free(struct lfstack_node *node)
{
	if (node)
		lfstack_push(&free_nodes, node);
}
