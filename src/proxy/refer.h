/* Proxies and servers that arguments of fetches and converters name; resolved when all of a configuration was read. */
#ifndef PROXY_REFER_H
#define PROXY_REFER_H

#include "ballast/proxy/refer.h"
#include "ballast/sample/sample.h"

enum proxy_ref_kind {
	REF_BACKEND,  /* "name"; none: that of the exchange */
	REF_FRONTEND, /* the same */
	REF_SERVER,   /* "backend/server", or "server" of the present section */
	REF_ALL,      /* backends by name, for names that come while running */
};

struct proxy_ref {
	struct proxy_ref *next;
	const struct arena *of;
	struct slice name;
	const char *section; /* where it stands; NULL: in none */
	enum proxy_ref_kind kind;
	struct place at;
	struct backend *backend;
	struct frontend *frontend;
	struct server *server;
	struct strmap *backends; /* REF_ALL */
};

/* args_prepare of rows; what they refer to is in args->data, a struct proxy_ref. */
const char *refer_backend(struct args *args, struct arena *a);
const char *refer_frontend(struct args *args, struct arena *a);
const char *refer_server(struct args *args, struct arena *a);
const char *refer_all(struct args *args, struct arena *a);

#endif
