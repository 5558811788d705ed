/* yaml: cuts what YAML's values say into words, each with its place in the file.
 *
 * The lexer reads the value as if it were a line of its own; its places, and those of its messages, are then moved to
 * where the value stands.  A value that is written otherwise than it reads (escapes, several lines) has one place.
 */
#include "yaml.h"

#include <errno.h>
#include <string.h>

bool yaml_is_name(const char *name)
{
	struct slice s = slice_from_str(name);

	return slice_ends_with(s, SLICE(".yaml")) || slice_ends_with(s, SLICE(".yml"));
}

struct cutter {
	const struct yaml_reader *r;
	struct token words[LEXER_WORDS_MAX + 1];
	size_t count;
	int result; /* as of lexer_line() */
};

/* `at` is a place in the node's text. */
static void move_place(struct place *at, const struct tree_node *n)
{
	unsigned column = at->column;

	if (at->line_text != n->text)
		return;
	unsigned width = at->width;
	*at = n->at;
	if (n->direct && column) {
		at->column += n->inner + column - 1;
		at->width = width;
	}
}

static void add_word(struct cutter *c, struct token t, const struct tree_node *n)
{
	if (c->count < LEXER_WORDS_MAX) {
		c->words[c->count++] = t;
		return;
	}
	if (!c->result)
		diag_error(c->r->lexer->diag, &n->at, NULL, "more than %u words in a line", LEXER_WORDS_MAX);
	c->result = -EINVAL;
}

/* Our own words (of a short form) have the node of a key, whose text is another. */
static void move_words(struct cutter *c, struct line *l, const struct raw_word *w)
{
	for (size_t i = 0; i < l->count; i++) {
		if (w->text == w->node->text)
			move_place(&l->words[i].at, w->node);
		else
			l->words[i].at = w->node->at;
		add_word(c, l->words[i], w->node);
	}
}

static int cut_word(struct cutter *c, const struct raw_word *w)
{
	struct diag *d = c->r->lexer->diag;
	struct diag_entry **before = d->last;
	struct line l;

	if (w->whole) {
		add_word(c, (struct token){ w->text, w->len, w->node->at }, w->node);
		return 0;
	}
	c->r->lexer->line = w->node->at.line;
	int result = lexer_line(c->r->lexer, w->text, w->len, &l);
	if (result == -ENOMEM)
		return result;
	if (result < 0)
		c->result = -EINVAL;
	for (struct diag_entry *e = *before; e; e = e->next)
		move_place(&e->at, w->node);
	move_words(c, &l, w);
	return 0;
}

/* As the lexer does at the end of a line. */
static void drop_empty_words(struct cutter *c)
{
	while (c->count && c->words[c->count - 1].len == 0) {
		c->count--;
		diag_warn(c->r->lexer->diag, &c->words[c->count].at, NULL, "word %zu is empty and is left out",
			c->count + 1);
	}
}

static int on_line(void *arg, const struct raw_word *words, size_t count, bool section)
{
	const struct yaml_reader *r = arg;
	struct cutter c;
	struct line l = { 0 };
	int err = 0;

	(void)section; /* whoever takes lines sees it in the first word */
	c.r = r;
	c.count = 0;
	c.result = 0;
	for (size_t i = 0; i < count && !err; i++)
		err = cut_word(&c, &words[i]);
	drop_empty_words(&c);
	if (err || !c.count)
		return err;
	const struct place *last = &c.words[c.count - 1].at;
	c.words[c.count] = (struct token){ "", 0, *last };
	c.words[c.count].at.column = last->column + last->width;
	c.words[c.count].at.width = 1;
	l.words = arena_alloc(r->lexer->arena, (c.count + 1) * sizeof(*l.words));
	if (!l.words)
		return -ENOMEM;
	memcpy(l.words, c.words, (c.count + 1) * sizeof(*l.words));
	l.count = c.count;
	return r->take(r->arg, &l, c.result);
}

int yaml_read(const struct yaml_reader *r, struct slice text)
{
	struct tree tree;
	int err = tree_read(r->lexer->file, text, r->lexer->arena, r->lexer->diag, &tree);

	if (err == -ENOMEM)
		return err;
	struct yaml_walk w = {
		.tree = &tree,
		.arena = r->lexer->arena,
		.diag = r->lexer->diag,
		.is_section = r->is_section,
		.line = on_line,
		.arg = (void *)r,
	};
	err = yaml_walk(&w);
	return err == -EINVAL ? 0 : err;
}
