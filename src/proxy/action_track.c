/* Actions on stick tables: track-sc0 to track-sc2, sc-inc-gpc0, sc-inc-gpc1, sc-set-gpt0 (HAProxy's manual, section 4.4).
 *
 * None of them ends the rules or can fail: a key that is not there, or a table that is full, is followed by nobody.
 */
#include <stdlib.h>
#include <string.h>

#include "action.h"
#include "ballast/sample/expr.h"
#include "ballast/table/reference.h"
#include "ballast/table/track.h"
#include "internal.h"

/* ---- track-sc<n> <key> [table <table>] ---- */

struct track {
	const struct expr *key;
	const struct table_ref *ref;
	unsigned slot;
};

static int parse_track(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	const struct token *key = action_arg(l, at, "an expression that gives the key", d), *table = NULL;
	struct track *k = arena_zalloc(a, sizeof *k);

	if (!key)
		return -EINVAL;
	if (!k)
		return -ENOMEM;
	k->slot = (unsigned)(r->action->name[strlen(r->action->name) - 1] - '0');
	k->key = expr_parse_token(key, rule_phases(r->set), a, d);
	if (!k->key)
		return -EINVAL;
	if (*at < l->count && token_is(&l->words[*at], "table")) {
		++*at;
		table = action_arg(l, at, "a section with a stick-table behind 'table'", d);
		if (!table)
			return -EINVAL;
	}
	k->ref =
		table_refer(table ? table->text : NULL, table ? &table->at : &key->at, DATA_NONE, expr_type(k->key), a);
	r->arg = k;
	return k->ref ? 0 : -ENOMEM;
}

static unsigned events_so_far(const struct exchange *x, const struct rule *r)
{
	if (r->set == RULES_TCP_CONNECTION || r->set == RULES_TCP_SESSION || x->flags & XF_TCP)
		return 0;
	if (rule_set_rows[r->set].in_request)
		return TRACK_REQUEST;
	return TRACK_REQUEST | (status_is_client_error(x->response.status) ? TRACK_ERROR : 0) |
	       (status_is_failure(x->response.status) ? TRACK_FAILURE : 0);
}

/* Where the entries are noted that are followed: with the session, or with this request alone. */
static struct tracking *tracking_of(struct exchange *x, const struct rule *r)
{
	if (x->sample.tracking)
		return x->sample.tracking;
	if (r->set == RULES_TCP_CONNECTION || r->set == RULES_TCP_SESSION)
		x->sample.tracking = x->client->tracking = calloc(1, sizeof(struct tracking));
	else
		x->sample.tracking = arena_zalloc(&x->arena, sizeof(struct tracking));
	return x->sample.tracking;
}

static enum rule_result run_track(struct exchange *x, const struct rule *r)
{
	const struct track *k = r->arg;
	struct table *t = k->ref->table;
	struct slice key;
	struct sample s;

	if (x->sample.tracking && x->sample.tracking->slot[k->slot].table) /* the first rule counts */
		return RULE_CONTINUE;
	x->sample.undecided = x->sample.http_pending && !(expr_phases(k->key) & PHASE_CONNECTION);
	if (!expr_eval(k->key, &x->sample, table_key_sample(t->set.type), &s))
		return x->sample.undecided && !x->sample.final && rule_set_rows[r->set].waits_for_more ? RULE_MORE
		                                                                                       : RULE_CONTINUE;
	if (table_key_of(t, &s, &x->arena, &key) == 0 && tracking_of(x, r))
		track_start(x->sample.tracking, k->slot, t, key, events_so_far(x, r), x->sample.now_ms);
	return RULE_CONTINUE;
}

/* ---- sc-inc-gpc0(<n>), sc-set-gpt0(<n>) { <int> | <expr> } ---- */

struct change {
	const struct expr *expr; /* NULL: value */
	uint32_t value;
	uint8_t slot, data;
};

static struct change *parse_slot(struct rule *r, const struct line *l, enum table_data data, struct arena *a,
	struct diag *d)
{
	struct change *c = arena_zalloc(a, sizeof *c);
	struct slice inside;
	struct token word;
	int64_t slot;

	if (!c || action_parens(l, "the number of a counter, 0 to 2,", &inside, a, d))
		return NULL;
	word = (struct token){ inside.ptr, inside.len, l->words[1].at };
	if (token_int(&word, "counter", 0, TRACK_MAX - 1, &slot, d))
		return NULL;
	c->slot = (uint8_t)slot;
	c->data = (uint8_t)data;
	r->arg = c;
	return c;
}

static int parse_inc_gpc0(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	(void)at;
	return parse_slot(r, l, DATA_GPC0, a, d) ? 0 : -EINVAL;
}

static int parse_inc_gpc1(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	(void)at;
	return parse_slot(r, l, DATA_GPC1, a, d) ? 0 : -EINVAL;
}

static int parse_set_gpt0(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct change *c = parse_slot(r, l, DATA_GPT0, a, d);
	const struct token *t = c ? action_arg(l, at, "a number or an expression", d) : NULL;
	int64_t value;

	if (!t)
		return -EINVAL;
	if (t->text[0] >= '0' && t->text[0] <= '9') {
		if (token_int(t, "tag", 0, UINT32_MAX, &value, d))
			return -EINVAL;
		c->value = (uint32_t)value;
		return 0;
	}
	c->expr = expr_parse_token(t, rule_phases(r->set), a, d);
	return c->expr ? 0 : -EINVAL;
}

static enum rule_result run_inc(struct exchange *x, const struct rule *r)
{
	const struct change *c = r->arg;
	const struct tracked *k = track_slot(x->sample.tracking, c->slot);

	if (!k)
		return RULE_CONTINUE;
	table_lock(k->table, k->entry);
	table_add(k->table, k->entry, c->data, 1, x->sample.now_ms);
	table_add(k->table, k->entry, c->data == DATA_GPC0 ? DATA_GPC0_RATE : DATA_GPC1_RATE, 1, x->sample.now_ms);
	table_unlock(k->table, k->entry);
	return RULE_CONTINUE;
}

static enum rule_result run_set(struct exchange *x, const struct rule *r)
{
	const struct change *c = r->arg;
	const struct tracked *k = track_slot(x->sample.tracking, c->slot);
	struct sample s = { .type = SAMPLE_INT, .num = c->value };

	if (!k || (c->expr && !expr_eval(c->expr, &x->sample, SAMPLE_INT, &s)))
		return RULE_CONTINUE;
	table_lock(k->table, k->entry);
	table_set(k->table, k->entry, DATA_GPT0, (uint64_t)s.num, x->sample.now_ms);
	table_unlock(k->table, k->entry);
	return RULE_CONTINUE;
}

#define TRACK_ROW(n) \
	{ \
		"track-sc" #n, RULES_TCP_REQUEST | RULES_BOTH, "<key> [table <table>]", \
			"counts this request's events in the key's entry of a table", parse_track, run_track, false \
	}

const struct action_row track_action_rows[] = {
	{ "sc-inc-gpc0", RULES_TCP | RULES_HTTP | ACTION_PARENS, "",
		"adds one to gpc0 of the entry that a counter follows", parse_inc_gpc0, run_inc, false },
	{ "sc-inc-gpc1", RULES_TCP | RULES_HTTP | ACTION_PARENS, "",
		"adds one to gpc1 of the entry that a counter follows", parse_inc_gpc1, run_inc, false },
	{ "sc-set-gpt0", RULES_TCP | RULES_HTTP | ACTION_PARENS, "<int> | <expr>",
		"sets the tag of the entry that a counter follows", parse_set_gpt0, run_set, false },
	TRACK_ROW(0),
	TRACK_ROW(1),
	TRACK_ROW(2),
};
const size_t track_action_count = sizeof track_action_rows / sizeof track_action_rows[0];
