/* table: stick tables of sections; the room `table` reads their words. */
#include <errno.h>

#include "directive.h"

static int parse_stick_table(struct cfg_context *c, const struct line *l)
{
	int err = table_parse(&c->tables, l, c->diag);

	return err == -ENOMEM ? out_of_memory(c, &l->words[0].at) : err;
}

const struct directive table_directives[] = {
	{ "stick-table", SECTION_FRONTEND | SECTION_LISTEN | SECTION_BACKEND,
		"type <type> size <entries> [expire <time>] [nopurge] [store <data>[,<data>...]]",
		"what is remembered of keys such as clients' addresses", parse_stick_table, false, true },
	{ 0 },
};
