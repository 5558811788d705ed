/* two: building the algorithms that choose between two servers. */
#include <errno.h>

#include "two.h"

int two_build(struct picker *p, const struct two_choosers *c)
{
	p->data = wheel_build(p, true);
	if (!p->data)
		return -ENOMEM;
	if (pick_equal_weights(p))
		p->choose = c->equal;
	else
		p->choose = p->usable <= 4 ? c->up_to_4 : p->usable <= 16 ? c->up_to_16 : c->many;
	return 0;
}
