/* yaml_tree: a YAML document as a tree of scalars, lists and maps, each with its place in the file.
 *
 * It is made from libyaml's events, so that depth and size are bounded while it is read.  An alias gives the node that
 * its anchor names, not a copy: who walks the tree must count what he visits.
 */
#ifndef SRC_CONFIG_YAML_TREE_H
#define SRC_CONFIG_YAML_TREE_H

#include "ballast/base/arena.h"
#include "ballast/base/diag.h"

#define YAML_DEPTH_MAX 32u          /* lists and maps within one another */
#define YAML_NODES_MAX (2u << 20)   /* of a file */
#define YAML_REPEATS_MAX (1u << 14) /* nodes that aliases may add */

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_item;

struct tree_node {
	enum tree_kind kind;
	bool plain;       /* a scalar without quotes */
	bool direct;      /* its text stands in the file as it is, from `inner` bytes behind its place */
	unsigned inner;   /* 1 where it is quoted */
	unsigned last;    /* the line where it ends */
	struct place at;  /* where it begins, and as wide as its first line goes */
	const char *text; /* of a scalar, NUL-terminated */
	size_t len;
	struct tree_item *first; /* of a list or map */
};

/* Of a list or map, in its order. */
struct tree_item {
	struct tree_item *next;
	struct tree_node *key; /* a scalar; NULL in a list */
	struct tree_node *value;
};

struct tree {
	const char *file;
	char **lines; /* as libyaml counts them, from 0, without their ends */
	size_t line_count, node_count;
	struct tree_node *root; /* NULL: the file is empty */
};

/* Reads `text`, of the file `file`; all memory, and the places, are the arena's.  0; -EINVAL after an error was added,
 * where *out may still have what is before a mistake that does not hide the rest (a key that is there twice);
 * -ENOMEM, without an error. */
int tree_read(const char *file, struct slice text, struct arena *a, struct diag *d, struct tree *out);

#endif
