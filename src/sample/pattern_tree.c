/* A radix tree for directories and domains: parts of a value between delimiters, of which the first of the list wins.
 *
 * Edges of all nodes lie in one hash table (node and byte to child), so a node with many children costs no more to pass
 * than one with few.  A node ends where texts part. */
#include <stdlib.h>

#include "pattern_list.h"
#include "private.h"

struct node {
	struct slice text;                 /* some text through it: its bytes up to `end` lead here */
	uint32_t end;                      /* depth in bytes */
	const struct pattern_entry *entry; /* the first of the list that ends here */
};

struct edge {
	uint64_t key; /* node << 8 | byte, plus 1; 0 is free */
	uint32_t child;
};

struct pattern_tree {
	enum match_kind kind;
	bool fold;
	struct node *node;
	uint32_t node_count, node_room;
	struct edge *edge;
	uint32_t edge_count, edge_mask;
};

struct pattern_tree *pattern_tree_new(enum match_kind kind, bool fold)
{
	struct pattern_tree *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->kind = kind;
	t->fold = fold;
	t->node_room = 64;
	t->edge_mask = 127;
	t->node = calloc(t->node_room, sizeof *t->node);
	t->edge = calloc(t->edge_mask + 1, sizeof *t->edge);
	t->node_count = 1;
	if (t->node && t->edge)
		return t;
	pattern_tree_free(t);
	return NULL;
}

void pattern_tree_free(struct pattern_tree *t)
{
	if (!t)
		return;
	free(t->node);
	free(t->edge);
	free(t);
}

static inline unsigned char byte_at(const struct pattern_tree *t, struct slice s, size_t i)
{
	unsigned char c = (unsigned char)s.ptr[i];
	return t->fold ? ascii_lower(c) : c;
}

/* ---- edges ---- */

static inline uint32_t edge_slot(const struct pattern_tree *t, uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & t->edge_mask;
}

static inline struct edge *edge_find(const struct pattern_tree *t, uint32_t node, unsigned char byte)
{
	uint64_t key = ((uint64_t)node << 8 | byte) + 1;
	uint32_t at = edge_slot(t, key);
	while (t->edge[at].key && t->edge[at].key != key)
		at = (at + 1) & t->edge_mask;
	return &t->edge[at];
}

static int edges_grow(struct pattern_tree *t)
{
	struct edge *old = t->edge;
	uint32_t count = t->edge_mask + 1;
	if (2 * t->edge_count < count)
		return 0;
	struct edge *now = calloc(2 * (size_t)count, sizeof *now);
	if (!now)
		return -ENOMEM;
	t->edge = now;
	t->edge_mask = 2 * count - 1;
	for (uint32_t i = 0; i < count; i++) {
		if (!old[i].key)
			continue;
		uint32_t at = edge_slot(t, old[i].key);
		while (now[at].key)
			at = (at + 1) & t->edge_mask;
		now[at] = old[i];
	}
	free(old);
	return 0;
}

static int edge_set(struct pattern_tree *t, uint32_t node, unsigned char byte, uint32_t child)
{
	int err = edges_grow(t);
	if (err)
		return err;
	struct edge *e = edge_find(t, node, byte);
	if (!e->key) {
		e->key = ((uint64_t)node << 8 | byte) + 1;
		t->edge_count++;
	}
	e->child = child;
	return 0;
}

/* A new node below `parent` by `byte`; 0 where memory is out. */
static uint32_t node_add(struct pattern_tree *t, uint32_t parent, unsigned char byte, struct slice text, size_t end)
{
	if (t->node_count == t->node_room) {
		struct node *more = reallocarray(t->node, 2 * (size_t)t->node_room, sizeof *more);
		if (!more)
			return 0;
		t->node = more;
		t->node_room *= 2;
	}
	t->node[t->node_count] = (struct node){ .text = text, .end = (uint32_t)end };
	return edge_set(t, parent, byte, t->node_count) ? 0 : t->node_count++;
}

/* ---- adding ---- */

static void set_entry(struct node *n, const struct pattern_entry *e)
{
	if (!n->entry)
		n->entry = e;
}

/* Node in the middle of the edge to `child`, `end` bytes deep; 0 where memory is out. */
static uint32_t split(struct pattern_tree *t, uint32_t node, uint32_t child, size_t end)
{
	struct slice text = t->node[child].text;
	uint32_t middle = node_add(t, node, byte_at(t, text, t->node[node].end), text, end);
	return middle && edge_set(t, middle, byte_at(t, text, end), child) == 0 ? middle : 0;
}

static size_t common_end(const struct pattern_tree *t, const struct node *child, struct slice key, size_t from)
{
	while (from < child->end && from < key.len && byte_at(t, child->text, from) == byte_at(t, key, from))
		from++;
	return from;
}

static int tree_add(struct pattern_tree *t, struct slice key, const struct pattern_entry *e)
{
	uint32_t at = 0;
	size_t done = 0;
	while (done < key.len) {
		const struct edge *edge = edge_find(t, at, byte_at(t, key, done));
		if (!edge->key) {
			at = node_add(t, at, byte_at(t, key, done), key, key.len);
			done = key.len;
		} else {
			uint32_t child = edge->child;
			done = common_end(t, &t->node[child], key, done);
			at = done == t->node[child].end ? child : split(t, at, child, done);
		}
		if (!at)
			return -ENOMEM;
	}
	set_entry(&t->node[at], e);
	return 0;
}

int pattern_tree_add(struct pattern_tree *t, const struct pattern_entry *e)
{
	struct slice key = pattern_trim_delims(t->kind, e->key);
	return key.len ? tree_add(t, key, e) : 0;
}

/* ---- finding ---- */

static const struct pattern_entry *first_of(const struct pattern_entry *a, const struct pattern_entry *b)
{
	return !a || (b && b->order < a->order) ? b : a;
}

/* A part ends at a delimiter, or with the text. */
static bool may_end(const struct pattern_tree *t, struct slice text, size_t at)
{
	return at == text.len || pattern_is_delim(t->kind, text.ptr[at]);
}

static const struct pattern_entry *tree_walk(const struct pattern_tree *t, struct slice text,
	const struct pattern_entry *best)
{
	const struct node *n = &t->node[0];
	for (;;) {
		if (n->entry && may_end(t, text, n->end))
			best = first_of(best, n->entry);
		if (n->end >= text.len)
			return best;
		const struct edge *e = edge_find(t, (uint32_t)(n - t->node), byte_at(t, text, n->end));
		if (!e->key || t->node[e->child].end > text.len)
			return best;
		const struct node *child = &t->node[e->child];
		if (common_end(t, child, text, n->end) != child->end)
			return best;
		n = child;
	}
}

const struct pattern_entry *pattern_tree_find(const struct pattern_tree *t, struct slice text)
{
	const struct pattern_entry *best = NULL;
	for (size_t i = 0; i < text.len; i++)
		if (i == 0 || pattern_is_delim(t->kind, text.ptr[i - 1]))
			best = tree_walk(t, slice_skip(text, i), best);
	return best;
}
