/* `stick on`, `stick match`, `stick store-request`, `stick store-response`: a key's requests go to the server that had its
 * first (HAProxy's manual, section 4.2; tables in section 11).
 *
 * A table holds the server's id under the key, so that it may be shared by backends whose servers have the same ids.
 * What must stay true: what is stored is the server that really got the request.
 */
#include "ballast/proxy/stick.h"

#include "ballast/sample/expr.h"
#include "internal.h"

enum { STORES_MAX = 8 };

enum stick_what { STICK_ON, STICK_MATCH, STICK_STORE_REQUEST, STICK_STORE_RESPONSE };

struct stick_rule {
	const struct expr *key;
	const struct table_ref *ref;
	const struct cond *cond; /* NULL: always */
	uint8_t what;            /* enum stick_what */
	struct stick_rule *next;
};

struct stick {
	struct stick_rule *first, **last;
};

/* ---- parsed ---- */

static int parse_condition(struct stick_rule *r, const struct line *l, size_t at, unsigned phases, struct acl_set *acls,
	struct arena *a, struct diag *d)
{
	if (at >= l->count)
		return 0;
	if (cond_find(l, at) != at) {
		diag_error(d, &l->words[at].at, "stick on <key> [table <table>] [if|unless <condition>]",
			"'%s' is not expected here", l->words[at].text);
		return -EINVAL;
	}
	r->cond = cond_parse(l, at, acls, phases, a, d);
	return r->cond ? 0 : -EINVAL;
}

static int parse_rule(struct stick_rule *r, const struct line *l, unsigned phases, struct acl_set *acls,
	struct arena *a, struct diag *d)
{
	const struct token *key = &l->words[2], *table = NULL;
	size_t at = 3;

	if (l->count < 3) {
		diag_error(d, &l->words[l->count].at, "src", "'stick %s' expects an expression that gives the key",
			l->words[1].text);
		return -EINVAL;
	}
	r->key = expr_parse_token(key, phases, a, d);
	if (!r->key)
		return -EINVAL;
	if (at < l->count && token_is(&l->words[at], "table")) {
		table = &l->words[++at];
		if (at++ >= l->count) {
			diag_error(d, &table->at, NULL, "'table' expects a section with a stick-table");
			return -EINVAL;
		}
	}
	r->ref = table_refer(table ? table->text : NULL, table ? &table->at : &key->at, DATA_SERVER_ID,
		expr_type(r->key), a);
	return r->ref ? parse_condition(r, l, at, phases, acls, a, d) : -ENOMEM;
}

int stick_parse(struct stick **into, const struct line *l, struct acl_set *acls, struct arena *a, struct diag *d)
{
	static const char *const words[] = { "on", "match", "store-request", "store-response", NULL };
	struct stick_rule *r = arena_zalloc(a, sizeof *r);
	unsigned what;
	int rc;

	if (token_choice(&l->words[l->count > 1 ? 1 : l->count], "stick", words, &what, d))
		return -EINVAL;
	if (!*into)
		*into = arena_zalloc(a, sizeof **into);
	if (!r || !*into)
		return -ENOMEM;
	if (!(*into)->last)
		(*into)->last = &(*into)->first;
	r->what = (uint8_t)what;
	rc = parse_rule(r, l, what == STICK_STORE_RESPONSE ? PHASE_RESPONSE : PHASE_REQUEST, acls, a, d);
	if (rc)
		return rc;
	*(*into)->last = r;
	(*into)->last = &r->next;
	return 0;
}

/* ---- matched ---- */

/* False where the rule does not apply, or there is no key. */
static bool key_of(struct exchange *x, const struct stick_rule *r, struct sample *s, struct slice *key)
{
	const struct table *t = r->ref->table;

	if (r->cond && !cond_eval(r->cond, &x->sample))
		return false;
	return expr_eval(r->key, &x->sample, table_key_sample((enum table_type)t->set.type), s) &&
	       table_key_of(t, s, &x->arena, key) == 0;
}

/* Ids are most often given in order from 1. */
static struct server *server_by_id(const struct backend *b, uint64_t id)
{
	if (id && id <= b->server_count && b->servers[id - 1]->id == id)
		return b->servers[id - 1];
	for (uint32_t i = 0; i < b->server_count; i++)
		if (b->servers[i]->id == id)
			return b->servers[i];
	return NULL;
}

static struct server *look_up(struct exchange *x, struct table *t, struct slice key)
{
	uint64_t now_ms = x->sample.now_ms, id;
	struct table_entry *e = table_find(t, key, now_ms);

	if (!e)
		return NULL;
	id = table_value(t, e, DATA_SERVER_ID, now_ms);
	if (id)
		table_touch(t, e, now_ms);
	table_unlock(t, e);
	return id ? server_by_id(x->backend, id) : NULL;
}

struct server *stick_match(struct exchange *x)
{
	for (const struct stick_rule *r = x->backend->stick->first; r; r = r->next) {
		struct server *s;
		struct slice key;
		struct sample sample;

		if (r->what != STICK_ON && r->what != STICK_MATCH)
			continue;
		if (key_of(x, r, &sample, &key) && (s = look_up(x, r->ref->table, key)))
			return server_takes(s) ? s : NULL;
	}
	return NULL;
}

/* ---- stored ---- */

static bool stores_here(const struct stick_rule *r, bool response)
{
	return response ? r->what == STICK_STORE_RESPONSE : r->what == STICK_ON || r->what == STICK_STORE_REQUEST;
}

static bool is_stored(struct table *const *tables, unsigned count, const struct table *t)
{
	while (count--)
		if (tables[count] == t)
			return true;
	return false;
}

void stick_store(struct exchange *x, bool response)
{
	struct table *stored[STORES_MAX]; /* the first key of each table counts */
	unsigned count = 0;

	for (const struct stick_rule *r = x->backend->stick->first; r && count < STORES_MAX; r = r->next) {
		struct table *t = r->ref->table;
		struct table_entry *e;
		struct slice key;
		struct sample sample;

		if (!stores_here(r, response) || is_stored(stored, count, t) || !key_of(x, r, &sample, &key))
			continue;
		stored[count++] = t;
		e = table_get(t, key, x->sample.now_ms);
		if (!e)
			continue;
		table_set(t, e, DATA_SERVER_ID, x->server->id, x->sample.now_ms);
		table_unlock(t, e);
	}
}
