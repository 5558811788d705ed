/* map: named lists of patterns and values: files of maps and ACLs, which may change while Ballast runs.
 *
 * A list is read once for a configuration and shared by all who name it; and by the next configuration too, where the file
 * is still the same, so that what was changed in it stays.  Each way of matching that is asked of it has an
 * index that fits: a hash table for exact texts and addresses, sorted ranges for networks and numbers, hashes of each
 * length for beginnings and ends, rolling ones for what may stand anywhere, a radix tree for parts between delimiters, PCRE2
 * for regular expressions.  Readers take no lock: tables change entry by entry, the other indexes are replaced as a whole, and
 * what was replaced is freed when no loop can hold it (event/grace.h).  Writers take the list's mutex.
 *
 * Where several entries match: the longest for beginnings and networks, else the first of the list.
 */
#ifndef BALLAST_SAMPLE_MAP_H
#define BALLAST_SAMPLE_MAP_H

#include "ballast/base/diag.h"
#include "ballast/base/slice.h"

struct arena;
struct pattern_list;

/* The list of that name in a configuration, read from its file where it is new: "file", "opt@file" (may be missing) or
 * "virt@name" (no file).  `map`: the first word of a line is the key, the rest its value.  NULL after a diagnosis at
 * `at`.  While loading. */
struct pattern_list *pattern_list_get(struct arena *a, const char *name, bool map, const struct place *at,
	struct diag *d);
/* The list after `l` (NULL: the first) of a configuration; NULL behind the last. */
struct pattern_list *pattern_list_next(const struct arena *a, const struct pattern_list *l);
const char *pattern_list_name(const struct pattern_list *l);
unsigned pattern_list_id(const struct pattern_list *l); /* of the process; from 0 */
bool pattern_list_is_map(const struct pattern_list *l);
size_t pattern_list_count(struct pattern_list *l);

/* Below: from any thread.  The key must be one for each match that the list is used with. */
/* Adds, whatever is there. NULL, or what is wrong (static text). */
const char *pattern_list_add(struct pattern_list *l, struct slice key, struct slice value);
/* The same, unless the key is there. */
const char *pattern_list_add_once(struct pattern_list *l, struct slice key);
/* Many, one a line ("key" or "key value"), with one rebuilding of the indexes. Stops at the first fault. */
const char *pattern_list_add_lines(struct pattern_list *l, struct slice lines);
/* Changes the value of all entries of that key. 0, -ENOENT: there are none, or -ENOMEM. */
int pattern_list_set(struct pattern_list *l, struct slice key, struct slice value);
/* Removes all entries of that key. 0, -ENOENT: there are none, or -ENOMEM. */
int pattern_list_delete(struct pattern_list *l, struct slice key);
/* 0, or -ENOMEM: nothing was changed. */
int pattern_list_clear(struct pattern_list *l);
/* Calls `show` for each entry in order, with the mutex. */
void pattern_list_each(struct pattern_list *l,
	void (*show)(void *arg, uintptr_t id, struct slice key, struct slice value), void *arg);
/* What `text` matches in the i-th index of the list: false behind the last. *kind is "str", "beg"...; *found tells whether
 * key and value are set, which are valid to the end of the caller's event. */
bool pattern_list_probe(struct pattern_list *l, unsigned i, struct slice text, const char **kind, bool *found,
	struct slice *key, struct slice *value);

#endif
