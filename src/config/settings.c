/* settings: what a proxy's settings are where nobody says anything, and how a section inherits those of another.
 *
 * A copy shares nothing that is appended to later; strings and compiled parts are immutable and shared.
 */
#include <errno.h>

#include "ballast/proxy/answer.h"
#include "directive.h"

void server_settings_init(struct server_settings *s)
{
	*s = (struct server_settings){
		.weight = 1,
		.rise = 2,
		.fall = 3,
		.inter_ms = 2000,
		.pool_max_conn = UINT32_MAX,
		.pool_purge_delay_ms = 5000,
		.health = { .error_limit = 10,
			.on_error = ON_ERROR_FAIL_CHECK,
			.agent_inter_ms = 2000,
			.agent_addr.fd = -1,
			.agent_send = "" },
		.check_addr.fd = -1,
		.source.at.fd = -1,
		.init_addr = { { .kind = INIT_ADDR_LAST }, { .kind = INIT_ADDR_LIBC } },
		.init_addr_count = 2,
	};
}

void proxy_settings_init(struct proxy_settings *s)
{
	memset(s, 0, sizeof(*s));
	s->mode = MODE_TCP;
	s->back.retries = 3;
	s->back.retry_on = RETRY_CONN_FAILURE;
	s->back.redispatch_interval = -1;
	s->back.reuse = REUSE_SAFE;
	s->back.source.fd = -1;
	s->front.forwardfor.header = s->back.forwardfor.header = "X-Forwarded-For";
	log_targets_init(&s->log);
	s->algorithm = pick_algorithm_find(SLICE("roundrobin"));
	server_settings_init(&s->server);
}

int log_targets_copy(struct log_targets *to, const struct log_targets *from, struct arena *a)
{
	*to = *from;
	list_init(&to->list);
	list_for_each(it, &from->list) {
		const struct log_target *t = list_entry(it, struct log_target, link);
		struct log_target *copy = arena_alloc(a, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, t, sizeof(*copy)); /* nobody logs with it yet */
		list_push_back(&to->list, &copy->link);
	}
	return 0;
}

int proxy_settings_copy(struct proxy_settings *to, const struct proxy_settings *from, struct arena *a)
{
	*to = *from;
	if (from->errors && !(to->errors = errors_inherit(from->errors, a)))
		return -ENOMEM;
	return log_targets_copy(&to->log, &from->log, a);
}
