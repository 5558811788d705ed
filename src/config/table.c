/* table: stick tables of sections, and which requests stick to their server; the rooms `table` and `proxy` read them. */
#include <errno.h>

#include "ballast/proxy/stick.h"

#include "directive.h"

static int parse_stick_table(struct cfg_context *c, const struct line *l)
{
	int err = table_parse(&c->tables, l, c->diag);

	return err == -ENOMEM ? out_of_memory(c, &l->words[0].at) : err;
}

static int parse_stick(struct cfg_context *c, const struct line *l)
{
	int err = stick_parse(&c->proxy->stick, l, c->proxy->acls, c->arena, c->diag);

	return err == -ENOMEM ? out_of_memory(c, &l->words[0].at) : err;
}

const struct directive table_directives[] = {
	{ "stick", SECTION_LISTEN | SECTION_BACKEND,
		"on|match|store-request|store-response <key> [table <table>] [if|unless <condition>]",
		"requests with a key go to the server that had its first", parse_stick, false, true },
	{ "stick-table", SECTION_FRONTEND | SECTION_LISTEN | SECTION_BACKEND,
		"type <type> size <entries> [expire <time>] [nopurge] [store <data>[,<data>...]]",
		"what is remembered of keys such as clients' addresses", parse_stick_table, false, true },
	{ 0 },
};
