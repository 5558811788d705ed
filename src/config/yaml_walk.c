/* yaml_walk: which lines of the dialect a tree means.
 *
 * The keys on the way to a value are the line's first words: `timeout: {connect: 5s}` is `timeout connect 5s`.  A list
 * gives a line for each item, `true` one without further words, `false` puts `no` before it.  Order is kept.
 */
#include <errno.h>
#include <string.h>

#include "yaml.h"

bool yaml_is_null(const struct tree_node *n)
{
	return n->kind == TREE_SCALAR && n->plain &&
	       (n->len == 0 || strcmp(n->text, "null") == 0 || strcmp(n->text, "~") == 0);
}

bool yaml_is_true(const struct tree_node *n)
{
	return n->kind == TREE_SCALAR && n->plain && strcmp(n->text, "true") == 0;
}

bool yaml_is_false(const struct tree_node *n)
{
	return n->kind == TREE_SCALAR && n->plain && strcmp(n->text, "false") == 0;
}

struct raw_word yaml_word(const struct tree_node *n, bool whole)
{
	return (struct raw_word){ n->text, n->len, whole, n };
}

int yaml_fault(struct yaml_walk *w, const struct tree_node *n, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vadd(w->diag, DIAG_ALERT, &n->at, hint, fmt, ap);
	va_end(ap);
	w->failed = true;
	return -EINVAL;
}

int yaml_unknown(struct yaml_walk *w, const struct tree_node *key, const char *what, const char *const *names,
	size_t count)
{
	const char *near = diag_nearest(slice_of(key->text, key->len), names, count);
	const char *hint = near ? arena_printf(w->arena, "did you mean '%s'?", near).ptr : "there are";

	for (size_t i = 0; !near && i < count && hint; i++)
		hint = arena_printf(w->arena, "%s%s %s", hint, i ? "," : "", names[i]).ptr;
	return yaml_fault(w, key, hint, "unknown %s '%s'", what, key->text);
}

static int visit(struct yaml_walk *w, const struct tree_node *n)
{
	if (++w->visits <= w->tree->node_count + YAML_REPEATS_MAX)
		return 0;
	yaml_fault(w, n, NULL, "the aliases of this file repeat more than %u values", YAML_REPEATS_MAX);
	return -ECANCELED;
}

/* ---- the lines of a section ---- */

static int give(struct yaml_walk *w, size_t count)
{
	return w->line(w->arg, w->words, count, false);
}

static int give_negated(struct yaml_walk *w, size_t count, const struct tree_node *n)
{
	struct raw_word words[LEXER_WORDS_MAX + 2];

	words[0] = (struct raw_word){ "no", 2, true, n };
	memcpy(words + 1, w->words, count * sizeof(words[0]));
	return w->line(w->arg, words, count + 1, false);
}

static int give_value(struct yaml_walk *w, size_t count, const struct tree_node *n)
{
	bool condition = w->words[0].text[0] == '.'; /* .if: true */

	if (yaml_is_false(n) && !condition)
		return give_negated(w, count, n);
	if (yaml_is_null(n) || (yaml_is_true(n) && !condition))
		return give(w, count);
	w->words[count] = yaml_word(n, false);
	return give(w, count + 1);
}

/* A list in a list of lines: each of its items is one word. */
static int give_words(struct yaml_walk *w, size_t count, const struct tree_node *list)
{
	for (const struct tree_item *i = list->first; i; i = i->next) {
		int err = visit(w, i->value);
		if (err)
			return err;
		if (i->value->kind != TREE_SCALAR) {
			yaml_fault(w, i->value, NULL, "a list within a list has words, and this is none");
			return 0;
		}
		if (count == LEXER_WORDS_MAX) {
			yaml_fault(w, i->value, NULL, "more than %u words in a line", LEXER_WORDS_MAX);
			return 0;
		}
		w->words[count++] = yaml_word(i->value, true);
	}
	return give(w, count);
}

static int give_lines(struct yaml_walk *w, size_t count, const struct tree_node *n);

static int give_map(struct yaml_walk *w, size_t count, const struct tree_node *n)
{
	int err = 0;

	for (const struct tree_item *i = n->first; i && !err; i = i->next) {
		if (count == LEXER_WORDS_MAX) {
			yaml_fault(w, i->key, NULL, "more than %u words in a line", LEXER_WORDS_MAX);
			return 0;
		}
		w->words[count] = yaml_word(i->key, false);
		err = give_lines(w, count + 1, i->value);
	}
	return err;
}

/* The lines that begin with the first `count` of w->words. */
static int give_lines(struct yaml_walk *w, size_t count, const struct tree_node *n)
{
	int err = visit(w, n);

	if (err)
		return err;
	if (n->kind == TREE_SCALAR)
		return give_value(w, count, n);
	if (n->kind == TREE_MAP)
		return give_map(w, count, n);
	for (const struct tree_item *i = n->first; i && !err; i = i->next)
		err = i->value->kind == TREE_LIST ? give_words(w, count, i->value) : give_lines(w, count, i->value);
	return err;
}

/* The first word of a key: "frontend web" begins a section as well as "frontend" does. */
static bool begins_section(const struct yaml_walk *w, const struct tree_node *key)
{
	size_t len = strcspn(key->text, " \t");
	struct slice word = arena_copy(w->arena, slice_of(key->text, len));

	return word.ptr && w->is_section && w->is_section(word.ptr);
}

/* `from`, and where it is `named` also `name`, belong to the section's own line. */
static int give_entries(struct yaml_walk *w, const struct tree_node *map, bool named)
{
	int err = 0;

	for (const struct tree_item *i = map->first; i && !err; i = i->next) {
		if (strcmp(i->key->text, "from") == 0 || (named && strcmp(i->key->text, "name") == 0))
			continue;
		if (begins_section(w, i->key)) {
			yaml_fault(w, i->key, "sections stand beside one another, at the file's left margin",
				"'%s' begins a section and cannot stand in another one", i->key->text);
			continue;
		}
		w->words[0] = yaml_word(i->key, false);
		err = give_lines(w, 1, i->value);
	}
	return err;
}

static int give_body(struct yaml_walk *w, const struct tree_node *n, bool named)
{
	int err = 0;

	if (yaml_is_null(n))
		return 0;
	if (n->kind == TREE_MAP)
		return give_entries(w, n, named);
	if (n->kind == TREE_SCALAR) {
		yaml_fault(w, n, "directives are keys: 'mode: http'", "a section has directives, and '%s' is a word",
			n->text);
		return 0;
	}
	for (const struct tree_item *i = n->first; i && !err; i = i->next) {
		err = visit(w, i->value);
		if (!err && i->value->kind == TREE_MAP)
			err = give_entries(w, i->value, named);
		else if (!err)
			yaml_fault(w, i->value, "- bind: ':80'",
				"an item of a section's list is a directive with its value");
	}
	return err;
}

/* ---- sections ---- */

static const struct tree_item *find(const struct tree_node *n, const char *key)
{
	const struct tree_item *found = NULL;

	for (const struct tree_item *i = n->kind == TREE_SCALAR ? NULL : n->first; i && !found; i = i->next)
		if (n->kind == TREE_LIST)
			found = i->value->kind == TREE_MAP ? find(i->value, key) : NULL;
		else if (strcmp(i->key->text, key) == 0)
			found = i;
	return found;
}

/* Adds `from` to the section's line. */
static size_t add_origin(struct yaml_walk *w, size_t count, const struct tree_node *body)
{
	const struct tree_item *from = find(body, "from");

	if (!from)
		return count;
	if (from->value->kind != TREE_SCALAR || yaml_is_null(from->value)) {
		yaml_fault(w, from->value, NULL, "'from' is the name of a defaults section");
		return count;
	}
	w->words[count] = yaml_word(from->key, true);
	w->words[count + 1] = yaml_word(from->value, true);
	return count + 2;
}

/* The section's line has `count` words so far. */
static int give_section(struct yaml_walk *w, size_t count, const struct tree_node *body, bool named)
{
	count = add_origin(w, count, body);
	int err = visit(w, body);
	if (!err)
		err = w->line(w->arg, w->words, count, true);
	return err ? err : give_body(w, body, named);
}

/* frontends: {web: {...}}; `kind` is "frontend". */
static int give_plural(struct yaml_walk *w, const struct tree_item *i, const char *kind)
{
	int err = visit(w, i->value);

	if (err || yaml_is_null(i->value))
		return err;
	if (i->value->kind != TREE_MAP) {
		yaml_fault(w, i->value, arena_printf(w->arena, "%s: {NAME: {...}}", i->key->text).ptr,
			"'%s' is a map of names, and this is none", i->key->text);
		return 0;
	}
	for (const struct tree_item *s = i->value->first; s && !err; s = s->next) {
		w->words[0] = (struct raw_word){ kind, strlen(kind), true, i->key };
		w->words[1] = yaml_word(s->key, true);
		err = give_section(w, 2, s->value, false);
	}
	return err;
}

static int give_defaults(struct yaml_walk *w, const struct tree_node *key, const struct tree_node *body)
{
	const struct tree_item *name = find(body, "name");
	size_t count = 1;

	w->has_defaults = true;
	w->words[0] = yaml_word(key, true);
	if (name && name->value->kind == TREE_SCALAR)
		w->words[count++] = yaml_word(name->value, true);
	else if (name)
		yaml_fault(w, name->value, NULL, "'name' is the name of the section");
	return give_section(w, count, body, true);
}

/* `defaults` is one section, or a list of several: a list whose items have more than one key, or a name. */
static int give_all_defaults(struct yaml_walk *w, const struct tree_item *i)
{
	const struct tree_node *n = i->value;
	int err = 0;

	if (n->kind != TREE_LIST)
		return give_defaults(w, i->key, n);
	for (const struct tree_item *each = n->first; each && !err; each = each->next) {
		if (each->value->kind == TREE_SCALAR) {
			yaml_fault(w, each->value, "- {name: base, mode: http}", "an item of 'defaults' is a section");
			continue;
		}
		err = give_defaults(w, i->key, each->value);
	}
	return err;
}

/* The kind of section of which `key` is the plural, in the arena; NULL: none.  Kinds that end with an s are their own. */
static const char *singular(struct yaml_walk *w, const char *key)
{
	size_t len = strlen(key);

	if (len < 2 || key[len - 1] != 's' || !w->is_section)
		return NULL;
	const char *without = arena_copy(w->arena, slice_of(key, len - 1)).ptr;
	if (without && w->is_section(without))
		return without;
	return w->is_section(key) ? key : NULL;
}

static int unknown_top(struct yaml_walk *w, const struct tree_node *key)
{
	static const char *const names[] = { "global", "defaults", "frontends", "backends", "listens", "userlists",
		"http-errors", "listen", "strategy", "health_check", "sticky", "tls" };

	yaml_unknown(w, key, "section", names, sizeof(names) / sizeof(names[0]));
	return 0;
}

static int note_brief(struct yaml_walk *w, enum brief_key which, const struct tree_item *i)
{
	if (w->brief[which])
		yaml_fault(w, i->key, NULL, "the key '%s' is here a second time", i->key->text);
	w->brief[which] = i;
	return 0;
}

static int give_top(struct yaml_walk *w, const struct tree_item *i)
{
	const char *key = i->key->text, *kind;
	enum brief_key which = yaml_brief_key(key);

	if (which != BRIEF_COUNT && (which != BRIEF_BACKENDS || i->value->kind == TREE_LIST))
		return note_brief(w, which, i);
	if (strcmp(key, "defaults") == 0)
		return give_all_defaults(w, i);
	if (strcmp(key, "global") != 0 && (kind = singular(w, key)))
		return give_plural(w, i, kind);
	if (!begins_section(w, i->key))
		return unknown_top(w, i->key);
	if (strncmp(key, "defaults ", strlen("defaults ")) == 0)
		w->has_defaults = true;
	w->words[0] = yaml_word(i->key, false);
	return give_section(w, 1, i->value, false);
}

static int give_tops(struct yaml_walk *w, const struct tree_node *map)
{
	int err = 0;

	for (const struct tree_item *i = map->first; i && !err; i = i->next)
		err = give_top(w, i);
	return err;
}

static int give_root(struct yaml_walk *w, const struct tree_node *root)
{
	int err = 0;

	if (!root || yaml_is_null(root))
		return 0;
	if (root->kind == TREE_MAP)
		return give_tops(w, root);
	if (root->kind == TREE_SCALAR)
		return yaml_fault(w, root, "is it a .cfg file?", "a configuration in YAML is a map of sections");
	for (const struct tree_item *i = root->first; i && !err; i = i->next)
		if (i->value->kind == TREE_MAP)
			err = give_tops(w, i->value);
		else
			yaml_fault(w, i->value, "- frontend web: {...}", "an item of the file's list is a section");
	return err;
}

int yaml_walk(struct yaml_walk *w)
{
	int err = give_root(w, w->tree->root);

	for (size_t k = 0; !err && k < BRIEF_COUNT; k++)
		if (w->brief[k]) {
			err = yaml_short(w);
			break;
		}
	if (err == -ECANCELED || (!err && w->failed))
		err = -EINVAL;
	return err;
}
