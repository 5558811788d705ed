/* roundrobin: each server in turn, by weight, smoothly.
 *
 * A thread walks the wheel (wheel.h): stored places up to WHEEL_SEQUENCE_MAX of them, which costs the same for
 * any number of servers; golden steps over ranges beyond.  Within a turn of one snapshot a thread's shares are
 * exact.  Weights may change at run time, as each change makes a new snapshot.
 */
#include <errno.h>

#include "wheel.h"

static int choose_sequence(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(r->avoid != NULL))
		return wheel_step_avoiding(p, r);
	return w->sequence[wheel_step(p, w, r->thread)];
}

static int choose_ranges(const struct picker *p, const struct pick_request *r)
{
	const struct wheel *w = p->data;

	if (BL_UNLIKELY(r->avoid != NULL))
		return wheel_step_avoiding(p, r);
	return wheel_slot(p, w, wheel_step(p, w, r->thread));
}

static int build(struct picker *p)
{
	struct wheel *w = wheel_build(p, false);

	if (!w)
		return -ENOMEM;
	p->data = w;
	p->choose = w->sequence ? choose_sequence : choose_ranges;
	return 0;
}

const struct pick_algorithm pick_roundrobin = {
	.name = "roundrobin",
	.help = "each server in turn, by weight; weights may change at run time",
	.build = build,
};
