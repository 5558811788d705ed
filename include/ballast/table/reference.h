/* reference: the tables of a configuration that is being read, and what refers to them by name.
 *
 * A fetch or a rule may name a table that stands further down, so a name is kept as a reference and looked up when all
 * files were read.  The fetches and converters of this room are prepared in the midst of an expression and know of no
 * section: they find where they are in the tables that are being loaded by their thread.
 */
#ifndef BALLAST_TABLE_REFERENCE_H
#define BALLAST_TABLE_REFERENCE_H

#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/table/table.h"

struct table_ref {
	struct table *table; /* set by tables_resolve(); never NULL in a graph */
	const char *name;    /* of a section */
	bool own;            /* no name was given: the section's own */
	uint8_t data;        /* enum table_data that is asked for; DATA_NONE */
	uint8_t key_type;    /* enum sample_type, SAMPLE_ADDR or SAMPLE_ANY: what its keys are made of */
	struct place at;
	struct table_ref *next;
};

/* In the graph's arena; zeroed is none. */
struct table_draft {
	const char *name;
	struct place at;
	struct table_settings set;
	bool sticks; /* a `stick` rule refers to it: it stores server_id */
	struct table *table;
	struct table_draft *next;
};

struct table_loading {
	struct arena *arena;
	const char *section; /* that is being read; NULL: none that could have a table */
	struct place at;     /* of the line */
	struct table_draft *drafts, **last_draft;
	struct table_ref *refs;
};

/* Begins; `l` and the arena must live until tables_resolve() or tables_give_up(). On this thread. */
void tables_loading(struct table_loading *l, struct arena *a);
/* Where the thread is now: a section (NULL: global, defaults) and a line. Harmless where nothing is loaded. */
void tables_at(const char *section, const struct place *line);
/* That section; NULL where none is read, or it can have no table. */
const char *tables_section(void);
/* `stick-table type ...`, words[1] and on. 0 or -EINVAL after a diagnosis, -ENOMEM. */
int table_parse(struct table_loading *l, const struct line *line, struct diag *d);
/* A reference to the table of section `name`, or (NULL or "") to that of the present section.  NULL where memory is out,
 * or nothing is loaded. */
struct table_ref *table_refer(const char *name, const struct place *at, enum table_data data, unsigned key_type,
	struct arena *a);
/* Makes the tables and looks all references up; *tables becomes their list, in the order of the files.  0, or -EINVAL after
 * diagnoses (unknown table, keys that it cannot have), -ENOMEM.  Ends the loading. */
int tables_resolve(struct table_loading *l, struct table **tables, struct diag *d);
void tables_give_up(struct table_loading *l);
/* Frees the whole list. */
void tables_free(struct table *all);
struct table *tables_find(struct table *all, struct slice name);

#endif
