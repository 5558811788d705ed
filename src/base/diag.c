/* diag: collects what a person must read and renders it with the line and a caret.
 *
 * Where memory is out an entry is only counted: an error must never get lost by that, and the counts are
 * what callers decide upon.
 */
#include "ballast/base/diag.h"

#include <stdlib.h>

#define WORD_MAX 64

void diag_init(struct diag *d)
{
	*d = (struct diag){ 0 };
	arena_init_heap(&d->arena);
	d->last = &d->first;
}

void diag_free(struct diag *d)
{
	arena_reset(&d->arena);
	diag_init(d);
}

void diag_vadd(struct diag *d, enum diag_level level, const struct place *at, const char *hint, const char *fmt,
	va_list ap)
{
	d->count[level]++;
	struct diag_entry *e = arena_zalloc(&d->arena, sizeof(*e));
	if (!e)
		return;
	e->level = level;
	if (at)
		e->at = *at;
	e->text = arena_vprintf(&d->arena, fmt, ap).ptr;
	if (!e->text)
		e->text = "out of memory";
	if (hint)
		e->hint = arena_strdup(&d->arena, hint);
	*d->last = e;
	d->last = &e->next;
}

void diag_add(struct diag *d, enum diag_level level, const struct place *at, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_vadd(d, level, at, hint, fmt, ap);
	va_end(ap);
}

/* An entry with the keys that order it: files as they first appeared, then lines, then as added. */
struct ordered {
	const struct diag_entry *entry;
	size_t file, sequence;
	unsigned line;
};

static bool same_file(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static size_t file_rank(const struct ordered *o, size_t count, const char *file)
{
	for (size_t i = 0; i < count; i++)
		if (same_file(o[i].entry->at.file, file))
			return o[i].file;
	return count;
}

static int compare_ordered(const void *left, const void *right)
{
	const struct ordered *a = left, *b = right;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->sequence < b->sequence ? -1 : 1;
}

/* All entries in order; a note stays behind what it explains.  NULL where memory is out or none is there. */
static struct ordered *order_entries(const struct diag *d, size_t *count)
{
	size_t n = 0, i = 0;

	for (const struct diag_entry *e = d->first; e; e = e->next)
		n++;
	struct ordered *o = n ? malloc(n * sizeof(*o)) : NULL;
	if (!o)
		return NULL;
	for (const struct diag_entry *e = d->first; e; e = e->next, i++) {
		o[i] = (struct ordered){ .entry = e, .sequence = i };
		bool follows = e->level == DIAG_NOTE && i > 0;
		o[i].file = follows ? o[i - 1].file : file_rank(o, i, e->at.file);
		o[i].line = follows ? o[i - 1].line : e->at.line;
	}
	qsort(o, n, sizeof(*o), compare_ordered);
	*count = n;
	return o;
}

static void print_line_text(const char *text, FILE *to)
{
	fputs("    ", to);
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' && *text != '\t' ? '?' : *text, to);
	fputc('\n', to);
}

/* UTF-8 continuation bytes take no column on a terminal. */
static bool takes_column(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

static void print_caret(const struct place *at, FILE *to)
{
	const char *text = at->line_text;
	size_t len = strlen(text), from = at->column - 1;

	if (from > len)
		from = len;
	fputs("    ", to);
	for (size_t i = 0; i < from; i++)
		if (takes_column(text[i]))
			fputc(text[i] == '\t' ? '\t' : ' ', to);
	fputc('^', to);
	for (size_t i = from + 1; i < from + at->width && i < len; i++)
		if (takes_column(text[i]))
			fputc('~', to);
	fputc('\n', to);
}

static void print_entry(const struct diag_entry *e, FILE *to)
{
	static const char *const names[] = { "note", "warning", "error" };
	const struct place *at = &e->at;

	if (at->file) {
		fprintf(to, "%s:", at->file);
		if (at->line)
			fprintf(to, "%u:", at->line);
		if (at->line && at->column)
			fprintf(to, "%u:", at->column);
		fputc(' ', to);
	}
	fprintf(to, "%s: %s\n", names[e->level], e->text);
	if (at->line_text)
		print_line_text(at->line_text, to);
	if (at->line_text && at->column)
		print_caret(at, to);
	if (e->hint)
		fprintf(to, "    %s\n", e->hint);
}

void diag_print(const struct diag *d, FILE *to, enum diag_level min)
{
	size_t count = 0;
	struct ordered *o = order_entries(d, &count);

	for (size_t i = 0; i < count; i++)
		if (o[i].entry->level >= min)
			print_entry(o[i].entry, to);
	for (const struct diag_entry *e = o ? NULL : d->first; e; e = e->next)
		if (e->level >= min)
			print_entry(e, to);
	free(o);
}

struct slice diag_render(struct diag *d, enum diag_level min)
{
	struct slice text = { 0 };
	char *written = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&written, &len);

	if (!to)
		return text;
	diag_print(d, to, min);
	if (fclose(to) == 0)
		text = arena_copy(&d->arena, slice_of(written, len));
	free(written);
	return text;
}

/* Damerau-Levenshtein distance with ASCII case folded (optimal string alignment: no letter is moved twice);
 * both at most WORD_MAX long. */
static unsigned distance(struct slice a, struct slice b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *previous = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		previous[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned char x = ascii_lower((unsigned char)a.ptr[i - 1]);
			unsigned char y = ascii_lower((unsigned char)b.ptr[j - 1]);
			unsigned best = previous[j - 1] + (x != y);
			if (previous[j] + 1 < best)
				best = previous[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && x == ascii_lower((unsigned char)b.ptr[j - 2]) &&
				y == ascii_lower((unsigned char)a.ptr[i - 2]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		unsigned *oldest = before;
		before = previous;
		previous = row;
		row = oldest;
	}
	return previous[b.len];
}

const char *diag_nearest(struct slice word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	unsigned best = (unsigned)(word.len / 3);

	if (word.len == 0 || word.len > WORD_MAX)
		return NULL;
	best = (best < 1 ? 1 : best > 3 ? 3 : best) + 1;
	for (size_t i = 0; i < count; i++) {
		struct slice c = slice_from_str(candidates[i]);
		if (c.len > WORD_MAX)
			continue;
		unsigned d = distance(word, c);
		if (d < best && d < word.len) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}
