/* Trees of texts: a radix tree for beginnings (the longest wins), ends, directories and domains, and an Aho-Corasick
 * automaton for texts that may stand anywhere (Aho and Corasick, 'Efficient String Matching', 1975).
 *
 * Edges of all nodes lie in one hash table (node and byte to child), so a node with many children costs no more to pass
 * than one with few.  In the automaton each node is one byte; in the tree it ends where texts part. */
#include <stdlib.h>

#include "pattern_list.h"
#include "private.h"

struct node {
	struct slice text;                 /* some text through it; the tree: its bytes up to `end` lead here */
	uint32_t end;                      /* depth in bytes */
	uint32_t parent, fail;             /* the automaton */
	const struct pattern_entry *entry; /* the first of the list that ends here (automaton: or in a suffix) */
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

/* Byte `i` from where matching starts: ends are read backwards. */
static inline unsigned char byte_at(const struct pattern_tree *t, struct slice s, size_t i)
{
	unsigned char c = (unsigned char)s.ptr[t->kind == MATCH_END ? s.len - 1 - i : i];
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
	t->node[t->node_count] = (struct node){ .text = text, .end = (uint32_t)end, .parent = parent };
	return edge_set(t, parent, byte, t->node_count) ? 0 : t->node_count++;
}

/* ---- adding ---- */

static void set_entry(struct node *n, const struct pattern_entry *e)
{
	if (!n->entry)
		n->entry = e;
}

static int automaton_add(struct pattern_tree *t, const struct pattern_entry *e)
{
	uint32_t at = 0;
	for (size_t i = 0; i < e->key.len; i++) {
		unsigned char byte = byte_at(t, e->key, i);
		const struct edge *edge = edge_find(t, at, byte);
		at = edge->key ? edge->child : node_add(t, at, byte, e->key, i + 1);
		if (!at)
			return -ENOMEM;
	}
	set_entry(&t->node[at], e);
	return 0;
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
	if (t->kind == MATCH_SUB)
		return automaton_add(t, e);
	bool parts = t->kind == MATCH_DIR || t->kind == MATCH_DOM;
	struct slice key = parts ? pattern_trim_delims(t->kind, e->key) : e->key;
	return parts && !key.len ? 0 : tree_add(t, key, e);
}

static const struct pattern_entry *first_of(const struct pattern_entry *a, const struct pattern_entry *b)
{
	return !a || (b && b->order < a->order) ? b : a;
}

static uint32_t step(const struct pattern_tree *t, uint32_t at, unsigned char byte)
{
	for (;; at = t->node[at].fail) {
		const struct edge *e = edge_find(t, at, byte);
		if (e->key)
			return e->child;
		if (!at)
			return 0;
	}
}

/* Failure links, by depth: that of a node is a step from its parent's. */
int pattern_tree_finish(struct pattern_tree *t)
{
	uint32_t deepest = 0, *order, *from;
	if (t->kind != MATCH_SUB)
		return 0;
	for (uint32_t i = 0; i < t->node_count; i++)
		deepest = t->node[i].end > deepest ? t->node[i].end : deepest;
	order = calloc(t->node_count, sizeof *order);
	from = calloc((size_t)deepest + 2, sizeof *from);
	if (!order || !from) {
		free(order);
		free(from);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->node_count; i++)
		from[t->node[i].end + 1]++;
	for (uint32_t i = 0; i <= deepest; i++)
		from[i + 1] += from[i];
	for (uint32_t i = 0; i < t->node_count; i++)
		order[from[t->node[i].end]++] = i;
	for (uint32_t i = 1; i < t->node_count; i++) {
		struct node *n = &t->node[order[i]];
		if (n->parent)
			n->fail = step(t, t->node[n->parent].fail, byte_at(t, n->text, n->end - 1));
		n->entry = first_of(n->entry, t->node[n->fail].entry);
	}
	free(order);
	free(from);
	return 0;
}

/* ---- finding ---- */

static const struct pattern_entry *automaton_find(const struct pattern_tree *t, struct slice text)
{
	const struct pattern_entry *best = t->node[0].entry;
	uint32_t at = 0;
	for (size_t i = 0; i < text.len; i++) {
		at = step(t, at, byte_at(t, text, i));
		best = first_of(best, t->node[at].entry);
	}
	return best;
}

/* A part ends at a delimiter, or with the text. */
static bool may_end(const struct pattern_tree *t, struct slice text, size_t at)
{
	return (t->kind != MATCH_DIR && t->kind != MATCH_DOM) || at == text.len ||
	       pattern_is_delim(t->kind, text.ptr[at]);
}

static const struct pattern_entry *tree_walk(const struct pattern_tree *t, struct slice text,
	const struct pattern_entry *best)
{
	const struct node *n = &t->node[0];
	bool longest = t->kind == MATCH_BEG;
	for (;;) {
		if (n->entry && may_end(t, text, n->end))
			best = longest ? n->entry : first_of(best, n->entry);
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
	if (t->kind == MATCH_SUB)
		return automaton_find(t, text);
	if (t->kind != MATCH_DIR && t->kind != MATCH_DOM)
		return tree_walk(t, text, NULL);
	for (size_t i = 0; i < text.len; i++)
		if (i == 0 || pattern_is_delim(t->kind, text.ptr[i - 1]))
			best = tree_walk(t, slice_skip(text, i), best);
	return best;
}
