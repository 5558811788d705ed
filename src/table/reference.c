/* Tables by name while a configuration is read.  See reference.h. */
#include "ballast/table/reference.h"

#include <errno.h>

static __thread struct table_loading *loading;

void tables_loading(struct table_loading *l, struct arena *a)
{
	*l = (struct table_loading){ .arena = a };
	l->last_draft = &l->drafts;
	loading = l;
}

void tables_at(const char *section, const struct place *line)
{
	if (!loading)
		return;
	loading->section = section;
	loading->at = *line;
}

const char *tables_section(void)
{
	return loading ? loading->section : NULL;
}

void tables_give_up(struct table_loading *l)
{
	for (struct table_draft *draft = l->drafts; draft; draft = draft->next) {
		table_free(draft->table);
		draft->table = NULL;
	}
	loading = NULL;
}

struct table_ref *table_refer(const char *name, const struct place *at, enum table_data data, unsigned key_type,
	struct arena *a)
{
	struct table_loading *l = loading;
	struct table_ref *r = l ? arena_zalloc(a, sizeof *r) : NULL;

	if (!r)
		return NULL;
	r->own = !name || !*name;
	r->name = r->own ? l->section : name;
	r->data = (uint8_t)data;
	r->key_type = (uint8_t)key_type;
	r->at = at ? *at : l->at;
	r->next = l->refs;
	l->refs = r;
	return r;
}

/* ---- when all was read ---- */

static struct table_draft *find_draft(const struct table_loading *l, const char *name)
{
	for (struct table_draft *draft = l->drafts; draft; draft = draft->next)
		if (strcmp(draft->name, name) == 0)
			return draft;
	return NULL;
}

static void no_such_table(const struct table_loading *l, const struct table_ref *r, struct diag *d)
{
	enum { NAMES_MAX = 256 };
	const char *names[NAMES_MAX], *near;
	struct slice hint = { 0 };
	size_t count = 0;

	if (r->own && r->name) {
		diag_error(d, &r->at, "name a table, or give the section one", "section '%s' has no stick-table",
			r->name);
		return;
	}
	if (r->own) {
		diag_error(d, &r->at, "name the section whose table is meant", "there is no stick-table here");
		return;
	}
	for (const struct table_draft *draft = l->drafts; draft && count < NAMES_MAX; draft = draft->next)
		names[count++] = draft->name;
	near = diag_nearest(slice_from_str(r->name), names, count);
	if (near)
		hint = arena_printf(&d->arena, "did you mean '%s'?", near);
	diag_error(d, &r->at, hint.ptr, "no section '%s' with a stick-table", r->name);
}

static void check_ref(const struct table_ref *r, const struct table_draft *draft, struct diag *d)
{
	unsigned wanted = table_key_sample((enum table_type)draft->set.type);

	if (!sample_can_cast(r->key_type, wanted))
		diag_error(d, &r->at, NULL, "table '%s' has keys of type %s, which cannot be made of %s", draft->name,
			table_type_name((enum table_type)draft->set.type), sample_type_name(r->key_type));
	if (r->data != DATA_NONE && r->data != DATA_SERVER_ID && !draft->set.stored[r->data])
		diag_warn(d, &r->at,
			arena_printf(&d->arena, "store %s%s", table_data_rows[r->data].name,
				table_data_rows[r->data].kind == DATA_RATE ? "(10s)" : "")
				.ptr,
			"table '%s' does not store %s: there is never a value", draft->name,
			table_data_rows[r->data].name);
}

static int make_tables(struct table_loading *l, struct table **tables)
{
	for (struct table_draft *draft = l->drafts; draft; draft = draft->next) {
		if (!draft->set.size) /* it has a fault */
			continue;
		draft->table = table_new(draft->name, &draft->set);
		if (!draft->table)
			return -ENOMEM;
	}
	for (struct table_draft *draft = l->drafts; draft; draft = draft->next)
		if (draft->table) {
			*tables = draft->table;
			tables = &draft->table->next;
			draft->table = NULL;
		}
	return 0;
}

int tables_resolve(struct table_loading *l, struct table **tables, struct diag *d)
{
	unsigned before = d->count[DIAG_ALERT];

	*tables = NULL;
	for (struct table_ref *r = l->refs; r; r = r->next) {
		struct table_draft *draft = r->name ? find_draft(l, r->name) : NULL;
		if (!draft) {
			no_such_table(l, r, d);
			continue;
		}
		check_ref(r, draft, d);
		draft->set.stored[DATA_SERVER_ID] |= r->data == DATA_SERVER_ID;
	}
	int rc = make_tables(l, tables);
	for (struct table_ref *r = l->refs; r && rc == 0; r = r->next)
		r->table = r->name ? tables_find(*tables, slice_from_str(r->name)) : NULL;
	loading = NULL;
	if (rc)
		tables_give_up(l);
	return rc ? rc : d->count[DIAG_ALERT] != before ? -EINVAL : 0;
}

void tables_free(struct table *all)
{
	while (all) {
		struct table *next = all->next;
		table_free(all);
		all = next;
	}
}

struct table *tables_find(struct table *all, struct slice name)
{
	while (all && !slice_eq(name, slice_from_str(all->name)))
		all = all->next;
	return all;
}
