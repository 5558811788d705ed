/* yaml_tree: libyaml's events become nodes.
 *
 * Nothing is taken that means more than it says: no tags, no second document, no merge keys, no key twice.  libyaml
 * counts columns in characters, places have bytes; and its lines end at more than LF, so the text is cut as it does.
 */
#include "config.h"

#include "yaml_tree.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_YAML

#include <yaml.h>

#include "ballast/base/strmap.h"

struct builder {
	struct tree *tree;
	struct arena *arena;
	struct diag *diag;
	yaml_parser_t parser;
	struct strmap anchors;
	int err; /* -EINVAL: of mistakes that do not end the reading */
};

/* Length of the line end at `s`; 0: there is none. */
static size_t line_end(const char *s, size_t len)
{
	if (len >= 2 && s[0] == '\r' && s[1] == '\n')
		return 2;
	if (s[0] == '\r' || s[0] == '\n')
		return 1;
	if (len >= 2 && memcmp(s, "\xc2\x85", 2) == 0)
		return 2;
	if (len >= 3 && (memcmp(s, "\xe2\x80\xa8", 3) == 0 || memcmp(s, "\xe2\x80\xa9", 3) == 0))
		return 3;
	return 0;
}

static int cut_lines(struct builder *b, struct slice text)
{
	struct slice copy = arena_copy(b->arena, text);
	char *at = (char *)copy.ptr, *end = at + copy.len; /* nobody else has seen the copy */
	size_t count = 1, len;

	if (!copy.ptr)
		return -ENOMEM;
	for (size_t i = 0; i < copy.len; i += len ? len : 1) {
		len = line_end(at + i, copy.len - i);
		count += len > 0;
	}
	b->tree->lines = arena_alloc(b->arena, count * sizeof(*b->tree->lines));
	if (!b->tree->lines)
		return -ENOMEM;
	b->tree->lines[b->tree->line_count++] = at;
	while (at < end) {
		len = line_end(at, (size_t)(end - at));
		if (len) {
			*at = '\0';
			b->tree->lines[b->tree->line_count++] = at + len;
		}
		at += len ? len : 1;
	}
	return 0;
}

/* Where `characters` of the line end, in bytes from its start. */
static unsigned byte_column(const char *line, size_t characters)
{
	size_t i = 0;

	for (; line[i] && characters; characters--)
		do {
			i++;
		} while (((unsigned char)line[i] & 0xc0) == 0x80);
	return (unsigned)i;
}

static struct place place_of(const struct builder *b, yaml_mark_t from, yaml_mark_t to)
{
	const struct tree *t = b->tree;
	size_t line = from.line < t->line_count ? from.line : t->line_count - 1;
	const char *text = t->lines[line];
	unsigned begin = byte_column(text, from.line == line ? from.column : SIZE_MAX);
	unsigned end = to.line == from.line ? byte_column(text, to.column) : (unsigned)strlen(text);

	return (struct place){
		.file = t->file,
		.line_text = text,
		.line = (unsigned)line + 1,
		.column = begin + 1,
		.width = end > begin ? end - begin : 1,
	};
}

/* ---- what libyaml says ---- */

/* Its words for what people do most, and ours. */
static const struct {
	const char *problem, *text, *hint;
} sayings[] = {
	{ "mapping values are not allowed in this context",
		"a ':' with a space behind it makes a key, and none can stand here",
		"put the value in quotes where the ':' belongs to it" },
	{ "found character that cannot start any token", "a value cannot begin with this character",
		"YAML is indented with spaces, not with tabs; a value that begins with % @ ` or a tab is put in "
		"quotes" },
	{ "found a tab character that violates indentation", "a tab where YAML wants spaces", "indent with spaces" },
	{ "did not find expected key", "a key was expected here",
		"keys of one map begin in the same column; what follows a closing quote ends the value" },
	{ "did not find expected '-' indicator", "a '-' was expected here, as the list above has them",
		"items of one list begin in the same column" },
	{ "did not find expected node content", "a value was expected here",
		"close what is open; put a value that begins with ':' in quotes" },
	{ "could not find expected ':'", "a key without its ':'", "a key is written 'name: value'" },
	{ "found unexpected end of stream", "the file ends within quotes", "close the quote" },
	{ "did not find expected ',' or ']'", "the list in [ ] is not closed",
		"write ',' between items and ']' behind the last" },
	{ "did not find expected ',' or '}'", "the map in { } is not closed",
		"write ',' between entries and '}' behind the last" },
};

static void told_by_libyaml(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	const char *problem = p->problem ? p->problem : "unreadable", *hint = NULL;

	if (p->error == YAML_READER_ERROR) {
		diag_error(b->diag, NULL, "YAML is written in UTF-8, without control characters", "%s: byte %zu: %s",
			b->tree->file, p->problem_offset, problem);
		return;
	}
	struct place at = place_of(b, p->problem_mark, p->problem_mark);
	if (!*at.line_text && p->context) /* at the file's end: what is open there says more */
		at = place_of(b, p->context_mark, p->context_mark);
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++)
		if (strcmp(problem, sayings[i].problem) == 0) {
			diag_error(b->diag, &at, sayings[i].hint, "%s", sayings[i].text);
			return;
		}
	if (p->context && p->context_mark.line)
		hint = arena_printf(b->arena, "%s that begins in line %zu", p->context, p->context_mark.line + 1).ptr;
	diag_error(b->diag, &at, hint, "%s", problem);
}

static int next_event(struct builder *b, yaml_event_t *e)
{
	if (yaml_parser_parse(&b->parser, e))
		return 0;
	if (b->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	told_by_libyaml(b);
	return -EINVAL;
}

static int refuse(struct builder *b, const yaml_event_t *e, const char *hint, const char *text)
{
	struct place at = place_of(b, e->start_mark, e->end_mark);

	diag_error(b->diag, &at, hint, "%s", text);
	return -EINVAL;
}

/* ---- nodes ---- */

static struct tree_node *new_node(struct builder *b, const yaml_event_t *e, enum tree_kind kind)
{
	struct tree_node *n = arena_zalloc(b->arena, sizeof(*n));

	if (!n)
		return NULL;
	n->kind = kind;
	n->at = place_of(b, e->start_mark, e->end_mark);
	n->last = (unsigned)e->end_mark.line + 1;
	b->tree->node_count++;
	return n;
}

static int read_scalar(struct builder *b, const yaml_event_t *e, struct tree_node **out)
{
	yaml_scalar_style_t style = e->data.scalar.style;
	struct slice text = arena_copy(b->arena, slice_of((char *)e->data.scalar.value, e->data.scalar.length));
	struct tree_node *n = new_node(b, e, TREE_SCALAR);

	if (!text.ptr || !n)
		return -ENOMEM;
	n->plain = style == YAML_PLAIN_SCALAR_STYLE;
	n->inner = style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	n->text = text.ptr;
	n->len = text.len;
	size_t from = n->at.column - 1 + n->inner;
	n->direct = from + n->len <= strlen(n->at.line_text) && memcmp(n->at.line_text + from, n->text, n->len) == 0;
	*out = n;
	if (memchr(n->text, '\0', n->len))
		return refuse(b, e, NULL, "a word cannot have a NUL byte");
	return 0;
}

static int read_alias(struct builder *b, const yaml_event_t *e, struct tree_node **out)
{
	*out = strmap_get(&b->anchors, slice_from_str((char *)e->data.alias.anchor));
	if (*out)
		return 0;
	return refuse(b, e, "an anchor '&name' stands before each '*name', and not around it",
		"there is no anchor of this name");
}

static int read_node(struct builder *b, yaml_event_t *e, unsigned depth, struct tree_node **out);

/* The next event is the beginning of a node, or `end`. */
static int read_next(struct builder *b, unsigned depth, yaml_event_type_t end, struct tree_node **out)
{
	yaml_event_t e;
	int err = next_event(b, &e);

	*out = NULL;
	if (err)
		return err;
	if (e.type != end)
		err = read_node(b, &e, depth, out);
	yaml_event_delete(&e);
	return err;
}

static int check_key(struct builder *b, struct strmap *keys, struct tree_node *key)
{
	if (key->kind != TREE_SCALAR) {
		diag_error(b->diag, &key->at, NULL, "a key must be a word");
		return b->err = -EINVAL;
	}
	if (strcmp(key->text, "<<") == 0 && key->plain) {
		diag_error(b->diag, &key->at, "what sections share stands in 'defaults'; they name it with 'from'",
			"merge keys are not read");
		return b->err = -EINVAL;
	}
	int err = strmap_put(keys, slice_of(key->text, key->len), key);
	if (err != -EEXIST)
		return err;
	const struct tree_node *first = strmap_get(keys, slice_of(key->text, key->len));
	diag_error(b->diag, &key->at,
		"a key stands once; several lines of one directive are a list: 'bind: [\":80\", \":81\"]'",
		"the key '%s' is here a second time", key->text);
	diag_add(b->diag, DIAG_NOTE, &first->at, NULL, "the first one is here");
	return b->err = -EINVAL;
}

static struct tree_item *append(struct builder *b, struct tree_item ***last)
{
	struct tree_item *i = arena_zalloc(b->arena, sizeof(*i));

	if (i) {
		**last = i;
		*last = &i->next;
	}
	return i;
}

static int read_list(struct builder *b, unsigned depth, struct tree_node *n)
{
	struct tree_item **last = &n->first, *i;
	struct tree_node *value;
	int err;

	while (!(err = read_next(b, depth, YAML_SEQUENCE_END_EVENT, &value)) && value) {
		if (!(i = append(b, &last)))
			return -ENOMEM;
		i->value = value;
	}
	return err;
}

/* A key with a mistake is left out with its value. */
static int read_map(struct builder *b, unsigned depth, struct tree_node *n)
{
	struct tree_item **last = &n->first, *i;
	struct tree_node *key, *value;
	struct strmap keys;
	int err;

	strmap_init(&keys);
	while (!(err = read_next(b, depth, YAML_MAPPING_END_EVENT, &key)) && key) {
		bool taken = !(err = check_key(b, &keys, key));
		if (err != -ENOMEM)
			err = read_next(b, depth, YAML_NO_EVENT, &value);
		if (err)
			break;
		if (!taken)
			continue;
		if (!(i = append(b, &last))) {
			err = -ENOMEM;
			break;
		}
		i->key = key;
		i->value = value;
	}
	strmap_free(&keys);
	return err;
}

static int read_collection(struct builder *b, const yaml_event_t *e, unsigned depth, struct tree_node **out)
{
	bool map = e->type == YAML_MAPPING_START_EVENT;

	if (depth == YAML_DEPTH_MAX)
		return refuse(b, e, NULL, "lists and maps are more than 32 deep within one another");
	struct tree_node *n = *out = new_node(b, e, map ? TREE_MAP : TREE_LIST);
	if (!n)
		return -ENOMEM;
	return map ? read_map(b, depth + 1, n) : read_list(b, depth + 1, n);
}

/* The anchor and the tag of an event that begins a node. */
static void names_of(const yaml_event_t *e, const char **anchor, const char **tag)
{
	const yaml_char_t *a = NULL, *t = NULL;

	if (e->type == YAML_SCALAR_EVENT) {
		a = e->data.scalar.anchor;
		t = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		a = e->data.sequence_start.anchor;
		t = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		a = e->data.mapping_start.anchor;
		t = e->data.mapping_start.tag;
	}
	*anchor = (const char *)a;
	*tag = (const char *)t;
}

/* Keeps the node for aliases that follow; the last one of a name counts. */
static int keep_anchor(struct builder *b, const char *anchor, struct tree_node *n)
{
	struct slice name = arena_copy(b->arena, slice_from_str(anchor));

	if (!name.ptr)
		return -ENOMEM;
	strmap_remove(&b->anchors, name);
	return strmap_put(&b->anchors, name, n);
}

static int read_node(struct builder *b, yaml_event_t *e, unsigned depth, struct tree_node **out)
{
	const char *anchor, *tag;
	int err;

	names_of(e, &anchor, &tag);
	if (tag)
		return refuse(b, e, "a value is what its place says", "tags ('!name') are not read");
	if (b->tree->node_count >= YAML_NODES_MAX)
		return refuse(b, e, NULL, "more than 2097152 values in a file");
	switch (e->type) {
	case YAML_SCALAR_EVENT: err = read_scalar(b, e, out); break;
	case YAML_ALIAS_EVENT: return read_alias(b, e, out);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT: err = read_collection(b, e, depth, out); break;
	default: return refuse(b, e, NULL, "a value was expected here");
	}
	return err || !anchor ? err : keep_anchor(b, anchor, *out);
}

/* ---- the document ---- */

static int read_document(struct builder *b)
{
	yaml_event_t e = { 0 };
	bool end = false, found = false;
	int err = 0;

	while (!err && !end) {
		err = next_event(b, &e);
		if (err)
			return err;
		switch (e.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT: break;
		case YAML_STREAM_END_EVENT: end = true; break;
		case YAML_DOCUMENT_START_EVENT:
			if (found)
				err = refuse(b, &e, "a file of its own for each, with -f",
					"a second document begins here");
			found = true;
			break;
		default: err = read_node(b, &e, 0, &b->tree->root); break;
		}
		yaml_event_delete(&e);
	}
	return err;
}

int tree_read(const char *file, struct slice text, struct arena *a, struct diag *d, struct tree *out)
{
	struct builder b = { .tree = out, .arena = a, .diag = d };

	*out = (struct tree){ .file = file };
	if (slice_starts_with(text, SLICE("\xef\xbb\xbf")))
		text = slice_skip(text, 3);
	int err = cut_lines(&b, text);
	if (err)
		return err;
	if (!yaml_parser_initialize(&b.parser))
		return -ENOMEM;
	strmap_init(&b.anchors);
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.ptr, text.len);
	err = read_document(&b);
	if (err)
		out->root = NULL;
	strmap_free(&b.anchors);
	yaml_parser_delete(&b.parser);
	return err ? err : b.err;
}

#else

int tree_read(const char *file, struct slice text, struct arena *a, struct diag *d, struct tree *out)
{
	(void)text, (void)a;
	*out = (struct tree){ .file = file };
	diag_error(d, NULL, NULL, "%s: this build of Ballast reads no YAML: it was configured without libyaml", file);
	return -EINVAL;
}

#endif
