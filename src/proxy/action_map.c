/* Actions on maps and lists of ACLs: set-map, del-map, add-acl, del-acl (HAProxy's manual, section 4.3). */
#include "ballast/sample/map.h"

#include "action.h"
#include "internal.h"

struct map_edit {
	struct pattern_list *list;
	struct action_value key, value;
};

static int parse(struct rule *r, const struct line *l, size_t *at, bool map, bool value, struct arena *a,
	struct diag *d)
{
	struct map_edit *e = arena_zalloc(a, sizeof *e);
	struct slice name;
	int rc = action_parens(l, "the name of a file", &name, a, d);
	const struct token *t = rc ? NULL : action_arg(l, at, "a format for the key", d);

	if (!e)
		return -ENOMEM;
	if (!t)
		return rc ? rc : -EINVAL;
	r->arg = e;
	e->list = pattern_list_get(a, name.ptr, map, &l->words[1].at, d);
	if (!e->list)
		return -EINVAL;
	rc = action_value_parse(&e->key, t, VALUE_BODY, r->set, a, d);
	if (rc || !value)
		return rc;
	t = action_arg(l, at, "a format for the value", d);
	return t ? action_value_parse(&e->value, t, VALUE_BODY, r->set, a, d) : -EINVAL;
}

static int parse_set_map(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse(r, l, at, true, true, a, d);
}

static int parse_del_map(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse(r, l, at, true, false, a, d);
}

static int parse_acl(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse(r, l, at, false, false, a, d);
}

/* A key that the list's matches cannot take is passed over: it came from a client. */
static enum rule_result run_set_map(struct exchange *x, const struct rule *r)
{
	const struct map_edit *e = r->arg;
	struct slice key, value;

	if (action_value_render(&e->key, x, VALUE_BODY, &key) &&
		action_value_render(&e->value, x, VALUE_BODY, &value) && key.len &&
		pattern_list_set(e->list, key, value) == -ENOENT)
		pattern_list_add(e->list, key, value);
	return RULE_CONTINUE;
}

static enum rule_result run_add(struct exchange *x, const struct rule *r)
{
	const struct map_edit *e = r->arg;
	struct slice key;

	if (action_value_render(&e->key, x, VALUE_BODY, &key) && key.len)
		pattern_list_add_once(e->list, key);
	return RULE_CONTINUE;
}

static enum rule_result run_delete(struct exchange *x, const struct rule *r)
{
	const struct map_edit *e = r->arg;
	struct slice key;

	if (action_value_render(&e->key, x, VALUE_BODY, &key) && key.len)
		pattern_list_delete(e->list, key);
	return RULE_CONTINUE;
}

const struct action_row map_action_rows[] = {
	{ "add-acl", RULES_BOTH | ACTION_PARENS, "<key>", "adds a pattern to a list: add-acl(<file>)", parse_acl,
		run_add, false },
	{ "del-acl", RULES_BOTH | ACTION_PARENS, "<key>", "removes a pattern from a list: del-acl(<file>)", parse_acl,
		run_delete, false },
	{ "del-map", RULES_HTTP | ACTION_PARENS, "<key>", "removes an entry of a map: del-map(<file>)", parse_del_map,
		run_delete, false },
	{ "set-map", RULES_HTTP | ACTION_PARENS, "<key> <value>", "sets an entry of a map: set-map(<file>)",
		parse_set_map, run_set_map, false },
};
const size_t map_action_count = sizeof map_action_rows / sizeof map_action_rows[0];
