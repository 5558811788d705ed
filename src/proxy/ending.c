/* ending: exchanges that are ended from outside: by the operator, or because their server went down.
 *
 * Which thread serves an exchange does not matter to who wants it ended: each thread looks through its own.
 */
#include <stdlib.h>

#include "internal.h"

static struct exchange *find(uint64_t id)
{
	list_for_each(it, exchange_list()) {
		struct exchange *x = list_entry(it, struct exchange, link);
		if (x->id == id)
			return x;
	}
	return NULL;
}

/* Ending one may end or begin others: so first the numbers are written down, then each is looked for. */
unsigned exchange_kill_where(bool (*chosen)(const struct exchange *x, const void *arg), const void *arg,
	enum exchange_cause cause)
{
	struct strbuf ids;
	unsigned count = 0;

	strbuf_init(&ids);
	list_for_each(it, exchange_list()) {
		const struct exchange *x = list_entry(it, struct exchange, link);
		if (chosen(x, arg))
			strbuf_add(&ids, slice_of((const char *)&x->id, sizeof x->id));
	}
	for (size_t at = 0; at < ids.len; at += sizeof(uint64_t), count++) {
		uint64_t id;
		memcpy(&id, ids.ptr + at, sizeof id);
		struct exchange *x = find(id);
		if (x)
			exchange_kill(x, cause);
	}
	strbuf_free(&ids);
	return count;
}

/* --- on-marked-down, on-marked-up --- */

struct ending {
	struct post post;
	const struct server *server;
	enum exchange_cause cause;
};

/* One that began before a reload knows the server of the configuration before. */
static bool is_on(const struct exchange *x, const void *server)
{
	return x->server && server_current(x->server) == server_current(server);
}

static void ending_run(struct post *p)
{
	struct ending *e = container_of(p, struct ending, post);

	exchange_kill_where(is_on, e->server, e->cause);
	free(e);
}

void exchange_end_on_server(struct server *s, bool up)
{
	for (unsigned i = 0; i < loop_count(); i++) {
		struct ending *e = malloc(sizeof *e);
		if (!e)
			return;
		*e = (struct ending){ .post.run = ending_run, .server = s, .cause = up ? CAUSE_UP : CAUSE_DOWN };
		loop_post(loop_at(i), &e->post);
	}
}
