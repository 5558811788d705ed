/* block: a stack of open .if blocks (manual, section 2.4).
 *
 * A block is in one of three states: this branch is read (TAKEN), one is yet to come (WAITING), or none will
 * (DONE: one was read, or the block stands in text that is not read; conditions are then not asked).
 *
 *     .if     -> TAKEN | WAITING | DONE      .elif  WAITING -> TAKEN | WAITING, TAKEN -> DONE
 *     .endif  -> (closed)                    .else  WAITING -> TAKEN,           TAKEN -> DONE
 */
#include "block.h"

#include <stdio.h>

enum block_state { BLOCK_TAKEN, BLOCK_WAITING, BLOCK_DONE };

struct block {
	struct block *outer;
	struct place begun;
	enum block_state state;
	bool had_else;
};

bool block_lets_through(const struct block_stack *s)
{
	return !s->top || s->top->state == BLOCK_TAKEN;
}

static enum block_state ask(struct block_stack *s, const struct line *l, bool broken)
{
	if (broken || cond_words(l->words + 1, l->count - 1, &s->facts, s->arena, s->diag) <= 0)
		return BLOCK_WAITING;
	return BLOCK_TAKEN;
}

static void do_if(struct block_stack *s, const struct line *l, bool broken)
{
	struct block *b = arena_zalloc(s->arena, sizeof(*b));

	if (!b) {
		diag_error(s->diag, &l->words[0].at, NULL, "out of memory");
		return;
	}
	b->state = block_lets_through(s) ? ask(s, l, broken) : BLOCK_DONE;
	b->begun = l->words[0].at;
	b->outer = s->top;
	s->top = b;
}

/* The block that .elif, .else or .endif belong to; NULL with an error. */
static struct block *belongs_to(struct block_stack *s, const struct line *l)
{
	if (!s->top)
		diag_error(s->diag, &l->words[0].at, NULL, "'%s' without an '.if' before it", l->words[0].text);
	return s->top;
}

static bool comes_after_else(struct block_stack *s, const struct line *l)
{
	if (s->top->had_else)
		diag_error(s->diag, &l->words[0].at, NULL, "'%s' after '.else'", l->words[0].text);
	return s->top->had_else;
}

static void do_elif(struct block_stack *s, const struct line *l, bool broken)
{
	struct block *b = belongs_to(s, l);

	if (!b || comes_after_else(s, l))
		return;
	if (b->state == BLOCK_WAITING)
		b->state = ask(s, l, broken);
	else
		b->state = BLOCK_DONE;
}

static void do_else(struct block_stack *s, const struct line *l, bool broken)
{
	struct block *b = belongs_to(s, l);

	if (!b)
		return;
	if (!broken)
		line_args(l, 0, 0, s->diag);
	if (comes_after_else(s, l))
		return;
	b->had_else = true;
	b->state = b->state == BLOCK_WAITING ? BLOCK_TAKEN : BLOCK_DONE;
}

static void do_endif(struct block_stack *s, const struct line *l, bool broken)
{
	if (!belongs_to(s, l))
		return;
	if (!broken)
		line_args(l, 0, 0, s->diag);
	s->top = s->top->outer;
}

static void say(struct block_stack *s, const struct line *l, bool broken, enum diag_level level)
{
	if (broken)
		return;
	if (l->count > 2)
		diag_error(s->diag, &l->words[2].at, "put a message with spaces in quotes", "'%s' takes one message",
			l->words[0].text);
	else
		diag_add(s->diag, level, &l->words[0].at, NULL, "%s", l->words[1].text);
}

static void do_diag(struct block_stack *s, const struct line *l, bool broken)
{
	if (s->diagnostics || l->count > 2)
		say(s, l, broken, DIAG_WARNING);
}

static void do_notice(struct block_stack *s, const struct line *l, bool broken)
{
	say(s, l, broken, DIAG_NOTE);
}

static void do_warning(struct block_stack *s, const struct line *l, bool broken)
{
	say(s, l, broken, DIAG_WARNING);
}

static void do_alert(struct block_stack *s, const struct line *l, bool broken)
{
	say(s, l, broken, DIAG_ALERT);
}

static const struct {
	const char *name;
	bool always; /* also in text that is not let through */
	void (*act)(struct block_stack *, const struct line *, bool broken);
} directives[] = {
	{ ".if", true, do_if },
	{ ".elif", true, do_elif },
	{ ".else", true, do_else },
	{ ".endif", true, do_endif },
	{ ".diag", false, do_diag },
	{ ".notice", false, do_notice },
	{ ".warning", false, do_warning },
	{ ".alert", false, do_alert },
};

#define DIRECTIVE_COUNT (sizeof(directives) / sizeof(*directives))

static void unknown(struct block_stack *s, const struct token *word)
{
	const char *names[DIRECTIVE_COUNT];
	char hint[64];

	for (size_t i = 0; i < DIRECTIVE_COUNT; i++)
		names[i] = directives[i].name;
	const char *nearest = diag_nearest(token_slice(word), names, DIRECTIVE_COUNT);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", nearest);
	diag_error(s->diag, &word->at, nearest ? hint : NULL, "unknown directive '%s'", word->text);
}

void block_line(struct block_stack *s, const struct line *l, bool broken)
{
	bool read = block_lets_through(s);

	for (size_t i = 0; i < DIRECTIVE_COUNT; i++) {
		if (!token_is(&l->words[0], directives[i].name))
			continue;
		if (read || directives[i].always)
			directives[i].act(s, l, broken);
		return;
	}
	if (read)
		unknown(s, &l->words[0]);
}

void block_end(struct block_stack *s)
{
	for (; s->top; s->top = s->top->outer)
		diag_error(s->diag, &s->top->begun, "it must end with '.endif' in the same file",
			"the block that begins here is not closed");
}
