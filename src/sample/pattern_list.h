/* What the files about lists of patterns share: entries, tables, indexes.  See ballast/sample/map.h. */
#ifndef BALLAST_SAMPLE_PATTERN_LIST_H
#define BALLAST_SAMPLE_PATTERN_LIST_H

#include <stdatomic.h>

#include "ballast/event/grace.h"
#include "ballast/sample/map.h"
#include "pattern.h"

/* Immutable once readers may see it, but `place`, which belongs to writers. */
struct pattern_entry {
	struct grace grace; /* first */
	struct slice key, value;
	uint64_t order;     /* in the list; grows */
	uint32_t place;     /* in the list's array */
	uint32_t line;      /* of its file; 0: none */
	uint8_t addr_bytes; /* 4 or 16: the key is one address */
	uint8_t addr[16];
	char bytes[];
};

/* ---- pattern_table.c: exact keys, changed under the eyes of readers ---- */

enum table_key { KEY_TEXT, KEY_FOLDED, KEY_ADDR };

struct pattern_slots;
struct pattern_table {
	enum table_key by;
	_Atomic(struct pattern_slots *) slots;
};

const struct pattern_entry *pattern_table_find(const struct pattern_table *t, struct slice key);
/* Writers only. Adds where the key is not there yet: 0, 1 where it was, or -ENOMEM. */
int pattern_table_add(struct pattern_table *t, const struct pattern_entry *e);
/* Puts `with` in the place of an entry, or nothing (NULL). */
void pattern_table_replace(struct pattern_table *t, const struct pattern_entry *e, const struct pattern_entry *with);
/* Takes the place of what is in `t`, which gets what was built in `fresh`. */
void pattern_table_swap(struct pattern_table *t, struct pattern_table *fresh);
/* As new. Readers may still be in what was there. */
void pattern_table_reset(struct pattern_table *t);

/* ---- pattern_index.c: what is built as a whole ---- */

struct pattern_built;
/* What is wrong with the key for this match (static text); NULL: nothing. */
const char *pattern_entry_fault(enum match_kind kind, bool fold, const struct pattern_entry *e);
/* Of the entries that are not NULL; *out NULL where there are none that need it. 0, -ENOMEM, or -EINVAL with
 * *wrong. */
int pattern_build(enum match_kind kind, bool fold, struct pattern_entry *const *entry, size_t count,
	struct pattern_built **out, const char **wrong);
/* NULL is allowed. */
void pattern_built_free(struct pattern_built *b);
/* The same once no reader can be in it. */
void pattern_built_retire(struct pattern_built *b);
const struct pattern_entry *pattern_built_find(const struct pattern_built *b, const struct sample *s);

/* ---- pattern_tree.c: parts between delimiters ---- */

struct pattern_tree;
struct pattern_tree *pattern_tree_new(enum match_kind kind, bool fold);
void pattern_tree_free(struct pattern_tree *t);
/* 0 or -ENOMEM. In the order of the list. */
int pattern_tree_add(struct pattern_tree *t, const struct pattern_entry *e);
const struct pattern_entry *pattern_tree_find(const struct pattern_tree *t, struct slice text);

/* ---- pattern_texts.c: beginnings, ends, texts inside ---- */

struct pattern_texts;
/* For `count` texts of at most `longest` bytes. NULL: no memory. */
struct pattern_texts *pattern_texts_new(enum match_kind kind, bool fold, size_t count, size_t longest);
void pattern_texts_free(struct pattern_texts *t);
/* In the order of the list. */
void pattern_texts_add(struct pattern_texts *t, const struct pattern_entry *e);
const struct pattern_entry *pattern_texts_find(const struct pattern_texts *t, struct slice text);

/* ---- pattern_list.c ---- */

struct pattern_index;
/* The index of the list for this match, made where it is new; NULL after a diagnosis. While loading. */
struct pattern_index *pattern_list_index(struct pattern_list *l, enum match_kind kind, bool fold,
	const struct place *at, struct diag *d);
/* The entry that matches; NULL: none. `s` has the type match_type(kind). Valid to the end of the reader's event. */
const struct pattern_entry *pattern_index_find(const struct pattern_index *i, const struct sample *s);
bool pattern_is_delim(enum match_kind kind, char c);
struct slice pattern_trim_delims(enum match_kind kind, struct slice text);

#endif
