/* yaml: a YAML file as the lines of the dialect.
 *
 *     yaml_tree (libyaml) -> yaml_walk: which lines it means -> yaml: their words, with places -> whoever reads lines
 *
 * The words are those of the dialect, so no directive knows of YAML; ../doc/yaml.md tells the form.
 */
#ifndef SRC_CONFIG_YAML_H
#define SRC_CONFIG_YAML_H

#include "ballast/config/lexer.h"
#include "ballast/config/short_form.h"
#include "yaml_tree.h"

/* ---- yaml_walk.c ---- */

struct yaml_walk {
	/* Set by the caller. */
	const struct tree *tree;
	struct arena *arena;
	struct diag *diag;
	bool (*is_section)(const char *word);
	/* A line; `section`: it begins one.  Negative ends the walk. */
	int (*line)(void *arg, const struct raw_word *words, size_t count, bool section);
	void *arg;

	/* Private. */
	struct raw_word words[LEXER_WORDS_MAX + 1];
	size_t visits;
	bool failed, has_defaults;
	const struct tree_item *brief[6]; /* keys of the short form, by enum brief_key */
};

/* 0; -EINVAL where errors were added; or what `line` returned. */
int yaml_walk(struct yaml_walk *w);

/* ---- yaml_short.c ---- */

enum brief_key { BRIEF_BACKENDS, BRIEF_LISTEN, BRIEF_STRATEGY, BRIEF_HEALTH, BRIEF_STICKY, BRIEF_TLS, BRIEF_COUNT };

/* The key of the short form that `name` is; BRIEF_COUNT: none. */
enum brief_key yaml_brief_key(const char *name);
/* Gives the lines of w->brief. */
int yaml_short(struct yaml_walk *w);

/* Shared by both files. */
bool yaml_is_true(const struct tree_node *n);
bool yaml_is_false(const struct tree_node *n);
bool yaml_is_null(const struct tree_node *n);
struct raw_word yaml_word(const struct tree_node *n, bool whole);
/* Adds an error at the node; -EINVAL. */
int yaml_fault(struct yaml_walk *w, const struct tree_node *n, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Adds "unknown WHAT 'key'" with the nearest of the names, or all of them; -EINVAL. */
int yaml_unknown(struct yaml_walk *w, const struct tree_node *key, const char *what, const char *const *names,
	size_t count);

/* ---- yaml.c ---- */

struct yaml_reader {
	struct lexer *lexer;
	bool (*is_section)(const char *word);
	/* A line that the lexer cut with `result`. */
	int (*take)(void *arg, struct line *l, int result);
	void *arg;
};

/* Whether a file of this name is YAML. */
bool yaml_is_name(const char *name);
/* Gives all lines of `text`, of the file r->lexer->file.  0, or what `take` returned where that is negative; -ENOMEM. */
int yaml_read(const struct yaml_reader *r, struct slice text);

#endif
