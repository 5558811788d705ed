/* block: the lines that begin with a dot: .if, .elif, .else, .endif and the messages .notice to .alert.
 *
 * One struct block_stack follows one file; a block cannot go on in another file.
 */
#ifndef BALLAST_CONFIG_BLOCK_H
#define BALLAST_CONFIG_BLOCK_H

#include "ballast/config/cond.h"

struct block;

struct block_stack {
	struct block *top; /* the innermost open .if; in the arena */
	struct arena *arena;
	struct diag *diag;
	struct cond_facts facts;
	bool diagnostics; /* .diag is heard */
};

/* Whether lines are let through here. */
bool block_lets_through(const struct block_stack *s);
/* Handles a line whose first word begins with a dot.  `broken`: the lexer found a fault in it, so that its condition
 * cannot be asked and counts as false.  Faults are added to the diag. */
void block_line(struct block_stack *s, const struct line *l, bool broken);
/* The file has ended: an error for each block that is open. */
void block_end(struct block_stack *s);

#endif
