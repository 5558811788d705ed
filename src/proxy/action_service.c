/* use-service <name>: the request goes to a service of this process; and the registry of services. */
#include "ballast/proxy/service.h"

#include <string.h>

#include "action.h"

enum { TABLES_MAX = 8, NAMES_MAX = 64 };

static struct service_table {
	const struct service_row *rows;
	size_t count;
} tables[TABLES_MAX];
static size_t table_count;

void services_register(const struct service_row *rows, size_t count)
{
	BL_ASSERT(table_count < TABLES_MAX);
	tables[table_count++] = (struct service_table){ rows, count };
}

const struct service_row *service_at(size_t index)
{
	for (size_t i = 0; i < table_count; i++) {
		if (index < tables[i].count)
			return &tables[i].rows[index];
		index -= tables[i].count;
	}
	return NULL;
}

/* Names of HAProxy's own services that are not here are refused as such. */
static int refuse(const struct token *t, const char *const *names, size_t count, struct diag *d)
{
	const char *nearest = diag_nearest(token_slice(t), names, count);
	struct slice hint = { 0 };

	if (token_is(t, "prometheus-exporter") || strncmp(t->text, "lua.", 4) == 0) {
		diag_error(d, &t->at, NULL, "service '%s' is not supported by Ballast (yet)", t->text);
		return -EINVAL;
	}
	if (nearest)
		hint = arena_printf(&d->arena, "did you mean '%s'?", nearest);
	diag_error(d, &t->at, hint.ptr, "unknown service '%s'", t->text);
	return -EINVAL;
}

static int parse_service(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	const struct token *t = action_arg(l, at, "the name of a service", d);
	const char *names[NAMES_MAX];
	const struct service_row *row;
	size_t count = 0;

	(void)a;
	if (!t)
		return -EINVAL;
	for (size_t i = 0; (row = service_at(i)); i++) {
		if (token_is(t, row->name)) {
			r->arg = (void *)row;
			return 0;
		}
		if (count < NAMES_MAX)
			names[count++] = row->name;
	}
	return refuse(t, names, count, d);
}

static enum rule_result run_service(struct exchange *x, const struct rule *r)
{
	const struct service_row *row = r->arg;
	return row->run(x);
}

const struct action_row service_action_rows[] = {
	{ "use-service", RULES_REQUEST, "<name>", "answers by a service of this process", parse_service, run_service,
		true },
};
const size_t service_action_count = sizeof service_action_rows / sizeof service_action_rows[0];
