/* Rules on a connection, before it has a request: `tcp-request connection`, `tcp-request session`.
 *
 * Actions run over an exchange; these get one of their own that ends with them.  What shall outlive it belongs to the
 * client: its addresses, variables of scope sess, the entries that its session follows.  Nothing here may wait.
 */
#include "internal.h"

static bool passed(enum rule_result r)
{
	return r == RULE_CONTINUE || r == RULE_STOP;
}

static bool run(struct client *c, const struct rules *rules)
{
	struct exchange *x = exchange_new(c);
	uint32_t at = 0;
	bool ok;

	if (!x)
		return false;
	x->flags |= XF_NO_LOG;
	x->sample.tracking = c->tracking; /* itself, to be added to */
	x->sample.now_ms = loop_self->now_ms;
	x->sample.wall_us = loop_self->wall_us;
	ok = passed(rules_run(rules, x, &at));
	x->sample.tracking = NULL;
	exchange_free(x);
	return ok;
}

bool client_rules(struct client *c, const struct rules *rules)
{
	if (!rules || run(c, rules))
		return true;
	client_close(c, false);
	return false;
}

void client_count_session(struct client *c)
{
	if (BL_UNLIKELY(c->tracking != NULL))
		track_count(c->tracking, DATA_SESS_CNT, DATA_SESS_RATE, 1, loop_self->now_ms);
}

struct tracking *client_tracking(struct exchange *x)
{
	struct tracking *k = arena_alloc(&x->arena, sizeof *k);

	if (!k)
		return NULL;
	*k = *x->client->tracking;
	for (unsigned i = 0; i < TRACK_MAX; i++)
		k->slot[i].borrowed = k->slot[i].table;
	return k;
}
