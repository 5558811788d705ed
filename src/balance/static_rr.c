/* static-rr: each server in turn, by weight; for weights that stay.
 *
 * It stores no turn: a thread goes round the units in golden steps (wheel.h) and the server that owns the unit
 * is searched for among the cumulative weights.  So a snapshot is built in O(servers) whatever the weights, and
 * a turn's shares are exact.  With equal weights the order is that of the configuration.
 */
#include <errno.h>

#include "wheel.h"

static int choose4(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(r->avoid != NULL))
		return wheel_step_avoiding(p, r);
	return p->slot[wheel_find4(p, wheel_step(p, w, r->thread))];
}

static int choose16(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(r->avoid != NULL))
		return wheel_step_avoiding(p, r);
	return p->slot[wheel_find16(p, w, wheel_step(p, w, r->thread))];
}

static int choose_many(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(r->avoid != NULL))
		return wheel_step_avoiding(p, r);
	return p->slot[wheel_find_many(p, w, wheel_step(p, w, r->thread))];
}

static int build(struct picker *p)
{
	p->data = wheel_build(p, true);
	if (!p->data)
		return -ENOMEM;
	p->choose = p->usable <= 4 ? choose4 : p->usable <= 16 ? choose16 : choose_many;
	return 0;
}

const struct pick_algorithm pick_static_rr = {
	.name = "static-rr",
	.help = "each server in turn, by its configured weight",
	.static_weight = true,
	.build = build,
};
