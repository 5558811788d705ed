/* persist: what a backend says of requests that belong to one server: `cookie`, `use-server`, `force-persist`,
 * `ignore-persist`.
 *
 * Made while loading, in the graph's arena, immutable afterwards.  How a request is bound by it is in the room proxy
 * (persist.c). */
#ifndef BALLAST_SERVER_PERSIST_H
#define BALLAST_SERVER_PERSIST_H

#include "ballast/base/diag.h"
#include "ballast/base/slice.h"

struct cond;
struct server;

enum persist_mode { COOKIE_REWRITE, COOKIE_INSERT, COOKIE_PREFIX };

/* `cookie NAME ...` */
struct persist_cookie {
	struct slice name;
	enum persist_mode mode;
	bool indirect, nocache, postonly, preserve, dynamic;
	uint32_t maxidle_s, maxlife_s; /* 0: none */
	struct slice attributes;       /* "; path=/; domain=...", of cookies that are inserted */
	struct place at;
};

/* `use-server NAME if|unless COND` */
struct use_server {
	const char *name;
	struct server *server; /* once all are known */
	struct cond *cond;
	struct place at;
};

/* `force-persist COND`, `ignore-persist COND`: the first one that holds counts. */
struct persist_rule {
	struct cond *cond;
	bool force;
};

struct persist {
	const struct persist_cookie *cookie; /* NULL: none */
	struct use_server *use_servers;
	uint32_t use_server_count, use_server_room;
	struct persist_rule *rules;
	uint32_t rule_count, rule_room;
};

#endif
