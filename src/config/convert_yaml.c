/* convert_yaml: YAML as the dialect's lines.
 *
 * Values are written as they stand, for they are cut by the dialect's rules already; words of a list within a list get
 * the dialect's quotes.  Comments that have a line of their own, or stand behind a value, are kept; others are lost.
 */
#include <errno.h>
#include <string.h>

#include "convert.h"
#include "yaml.h"

struct writer {
	const struct convert *c;
	const struct tree *tree;
	unsigned done; /* lines of the YAML file that were written */
	bool any;
	int err;
};

/* ---- words ---- */

/* Line ends are spaces there, but not within quotes.  `last`: nothing stands behind it. */
static void write_cut(struct writer *w, const struct raw_word *word, bool last)
{
	size_t len = word->len;
	bool broken = strpbrk(word->text, "\n\r"), quoted = strpbrk(word->text, "\"'\\");

	while (len && word->text[len - 1] == '\n')
		len--;
	if (broken && quoted && memchr(word->text, '\n', len)) {
		diag_error(w->c->diag, &word->node->at, "write it in one line, with \\n where a line ends",
			"a value of several lines with quotes cannot be written as a line");
		w->err = -EINVAL;
	}
	if (!last && len && word->node && (strchr(word->text, '#') || word->text[len - 1] == '\\')) {
		diag_error(w->c->diag, &word->node->at, NULL,
			"a comment or a backslash within a line cannot be written");
		w->err = -EINVAL;
	}
	for (size_t i = 0; i < len; i++)
		fputc(strchr("\n\r", word->text[i]) ? ' ' : word->text[i], w->c->to);
}

/* ---- comments ---- */

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

/* Those of lines before `line`, numbered from 1, that were not passed yet. */
static void write_comments(struct writer *w, unsigned line, unsigned by)
{
	for (; w->done + 1 < line && w->done < w->tree->line_count; w->done++) {
		const char *text = skip_space(w->tree->lines[w->done]);
		if (*text == '#')
			fprintf(w->c->to, "%*s%s\n", (int)by, "", text);
	}
}

/* What stands behind a value or a section's name in its line. */
static void write_trailing(struct writer *w, const struct tree_node *n)
{
	if (!n || n->kind != TREE_SCALAR || n->last != n->at.line || n->last <= w->done)
		return;
	if (n->len && n->text[n->len - 1] == '\\')
		return;
	size_t behind = n->at.column - 1 + n->at.width, len = strlen(n->at.line_text);
	if (behind >= len)
		return;
	const char *text = n->at.line_text + behind;
	text = skip_space(*text == ':' ? text + 1 : text);
	if (*text == '#')
		fprintf(w->c->to, " %s", text);
}

static int on_line(void *arg, const struct raw_word *words, size_t count, bool section)
{
	struct writer *w = arg;
	const struct tree_node *last = words[count - 1].node;

	if (section && w->any)
		fputc('\n', w->c->to);
	w->any = true;
	if (last)
		write_comments(w, last->at.line, section ? 0 : 4);
	if (!section && words[0].text[0] != '.')
		fputs("    ", w->c->to);
	for (size_t i = 0; i < count; i++) {
		if (i && words[i].len + words[i].whole)
			fputc(' ', w->c->to);
		if (words[i].whole)
			raw_word_write(&words[i], w->c->to);
		else
			write_cut(w, &words[i], i + 1 == count);
	}
	write_trailing(w, last);
	fputc('\n', w->c->to);
	if (last && last->last > w->done)
		w->done = last->last;
	return 0;
}

int convert_from_yaml(const struct convert *c)
{
	struct tree tree;
	int err = tree_read(c->file, c->text, c->arena, c->diag, &tree);

	if (err)
		return err;
	struct writer w = { .c = c, .tree = &tree };
	struct yaml_walk walk = {
		.tree = &tree,
		.arena = c->arena,
		.diag = c->diag,
		.is_section = convert_is_section,
		.line = on_line,
		.arg = &w,
	};
	err = yaml_walk(&walk);
	if (!err) {
		write_comments(&w, (unsigned)tree.line_count + 1, 0);
		err = w.err;
	}
	return err;
}
