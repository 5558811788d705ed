/* unique-id-format, unique-id-header: a name for each request that logs of all parts of a system may share (HAProxy's
 * manual, section 4.2).  It is made when it is first asked for, and kept.
 */
#include "internal.h"
#include "log_private.h"

enum { ID_BYTES = 1024 };

/* Apart, so that its stack is taken only where there is one. */
__attribute__((noinline)) static struct slice make(struct exchange *x)
{
	char text[ID_BYTES];
	struct strbuf out;

	strbuf_init_fixed(&out, text, sizeof text);
	format_render(x->frontend->set.unique_id, &x->sample, &out);
	return arena_copy(&x->arena, strbuf_slice(&out));
}

struct slice exchange_unique_id(struct exchange *x)
{
	if (!x->unique_id.ptr && x->frontend->set.unique_id)
		x->unique_id = make(x);
	return x->unique_id;
}

int exchange_add_unique_id(struct exchange *x)
{
	const char *name = x->frontend->set.unique_id_header;
	struct slice id = x->frontend->set.unique_id ? exchange_unique_id(x) : slice_of(NULL, 0);

	return id.len ? msg_add(&x->request, slice_from_str(name), slice_trim_ows(id)) : 0;
}
