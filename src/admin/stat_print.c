/* Rows of `show stat` as CSV, typed lines and JSON. */
#include "stat.h"

static void print_names(struct strbuf *to, unsigned from, unsigned end)
{
	for (unsigned c = from; c < end; c++) {
		strbuf_str(to, stat_columns[c].name);
		strbuf_byte(to, ',');
	}
}

void stat_print_header(struct strbuf *to)
{
	strbuf_str(to, "# ");
	print_names(to, 0, ST_HAPROXY_COUNT);
	strbuf_str(to, "-,");
	for (const char *const *name = stat_module_columns; *name; name++) {
		strbuf_str(to, *name);
		strbuf_byte(to, ',');
	}
	print_names(to, ST_HAPROXY_COUNT, ST_COUNT);
	strbuf_byte(to, '\n');
}

static void print_values(struct strbuf *to, const struct stat_row *r, unsigned from, unsigned end)
{
	for (unsigned c = from; c < end; c++) {
		if (r->v[c].set && stat_columns[c].kind.type == VALUE_STR)
			strbuf_csv(to, slice_from_str(r->v[c].text));
		else if (r->v[c].set)
			value_print(to, stat_columns[c].kind, r->v[c]);
		strbuf_byte(to, ',');
	}
}

void stat_print_csv(struct strbuf *to, const struct stat_row *r)
{
	print_values(to, r, 0, ST_HAPROXY_COUNT);
	strbuf_str(to, "-,");
	for (const char *const *name = stat_module_columns; *name; name++)
		strbuf_byte(to, ',');
	print_values(to, r, ST_HAPROXY_COUNT, ST_COUNT);
	strbuf_byte(to, '\n');
}

/* Its place among all columns, HAProxy's modules counted. */
static unsigned place_of(unsigned column)
{
	unsigned modules = 0;

	if (column < ST_HAPROXY_COUNT)
		return column;
	while (stat_module_columns[modules])
		modules++;
	return column + modules;
}

/* A backend's numbers of servers are a measure, a server's own role is a state. */
static struct value_kind kind_of(const struct stat_row *r, unsigned column)
{
	struct value_kind kind = stat_columns[column].kind;

	if (column == ST_ACT || column == ST_BCK)
		kind.tags[0] = r->object == STAT_SERVER ? 'S' : 'M';
	return kind;
}

void stat_print_typed(struct strbuf *to, const struct stat_row *r, bool desc)
{
	for (unsigned c = 0; c < ST_COUNT; c++) {
		if (!r->v[c].set)
			continue;
		strbuf_printf(to, "%c.%u.%u.%u.%s.1", "FBS"[r->object], r -> iid, r -> sid, place_of(c),
			stat_columns[c].name);
		value_print_typed(to, kind_of(r, c), r->v[c]);
		if (desc)
			strbuf_printf(to, ":\"%s\"", stat_columns[c].desc);
		strbuf_byte(to, '\n');
	}
}

void stat_print_json(struct strbuf *to, const struct stat_row *r, bool first)
{
	static const char *const objects[] = { "Frontend", "Backend", "Server" };
	const char *comma = "";

	strbuf_str(to, first ? "[" : ",[");
	for (unsigned c = 0; c < ST_COUNT; c++) {
		if (!r->v[c].set)
			continue;
		strbuf_printf(to,
			"%s{\"objType\":\"%s\",\"proxyId\":%u,\"id\":%u,\"field\":{\"pos\":%u,\"name\":\"%s\"},", comma,
			objects[r->object], r->iid, r->sid, place_of(c), stat_columns[c].name);
		value_print_json(to, kind_of(r, c), r->v[c]);
		strbuf_byte(to, '}');
		comma = ",";
	}
	strbuf_byte(to, ']');
}
