/* Names of proxies and servers in arguments: see refer.h. */
#include "refer.h"

#include <errno.h>
#include <stdlib.h>

#include "ballast/base/strmap.h"
#include "ballast/proxy/frontend.h"
#include "ballast/sample/expr.h"
#include "ballast/sample/release.h"
#include "ballast/table/reference.h"

static struct proxy_ref *all;

static void ref_free(void *ptr)
{
	struct proxy_ref **at = &all, *r = ptr;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (r->backends) {
		strmap_free(r->backends);
		free(r->backends);
	}
	free(r);
}

static const char *refer(struct args *args, struct arena *a, enum proxy_ref_kind kind)
{
	struct proxy_ref *r = calloc(1, sizeof *r);
	const struct place *at = args_place();

	if (!r)
		return "is out of memory";
	*r = (struct proxy_ref){ .next = all, .of = a, .kind = kind, .section = tables_section(), .at = *at };
	if (kind != REF_ALL && args->v[0].type == ARG_STR)
		r->name = args->v[0].str;
	all = r;
	args->data = r;
	return sample_own(a, r, ref_free) ? "is out of memory" : NULL;
}

const char *refer_backend(struct args *args, struct arena *a)
{
	return refer(args, a, REF_BACKEND);
}

const char *refer_frontend(struct args *args, struct arena *a)
{
	return refer(args, a, REF_FRONTEND);
}

const char *refer_server(struct args *args, struct arena *a)
{
	return refer(args, a, REF_SERVER);
}

const char *refer_all(struct args *args, struct arena *a)
{
	return refer(args, a, REF_ALL);
}

/* ---- when all is read ---- */

static struct backend *find_backend(struct backend *b, struct slice name)
{
	while (b && !slice_eq(slice_from_str(b->name), name))
		b = b->next;
	return b;
}

static void find_frontend(struct proxy_ref *r, struct frontend *f, struct diag *d)
{
	while (f && !slice_eq(slice_from_str(f->name), r->name))
		f = f->next;
	r->frontend = f;
	if (!f)
		diag_error(d, &r->at, NULL, "there is no frontend '%.*s'", (int)r->name.len, r->name.ptr);
}

static void find_named_backend(struct proxy_ref *r, struct backend *backends, struct diag *d)
{
	r->backend = find_backend(backends, r->name);
	if (!r->backend)
		diag_error(d, &r->at, NULL, "there is no backend '%.*s'", (int)r->name.len, r->name.ptr);
}

static void find_server(struct proxy_ref *r, struct backend *backends, struct diag *d)
{
	ptrdiff_t slash = slice_find_byte(r->name, '/');
	struct slice proxy = slash >= 0 ? slice_of(r->name.ptr, (size_t)slash)
	                                : slice_from_str(r->section ? r->section : ""),
		     name = slash >= 0 ? slice_skip(r->name, (size_t)slash + 1) : r->name;

	r->backend = find_backend(backends, proxy);
	r->server = r->backend ? backend_find_server(r->backend, name) : NULL;
	if (r->server)
		return;
	diag_error(d, &r->at, slash >= 0 ? NULL : "name its backend, too: backend/server",
		"there is no server '%.*s' in backend '%.*s'", (int)name.len, name.ptr, (int)proxy.len, proxy.ptr);
}

static int map_backends(struct proxy_ref *r, struct backend *b)
{
	int rc = 0;

	r->backends = calloc(1, sizeof *r->backends);
	if (!r->backends)
		return -ENOMEM;
	for (; b && rc != -ENOMEM; b = b->next)
		rc = strmap_put(r->backends, slice_from_str(b->name), b);
	return rc == -ENOMEM ? rc : 0;
}

int proxy_refs_resolve(const struct arena *a, struct frontend *frontends, struct backend *backends, struct diag *d)
{
	int rc = 0;

	for (struct proxy_ref *r = all; r && !rc; r = r->next) {
		if (r->of != a)
			continue;
		if (r->kind == REF_ALL)
			rc = map_backends(r, backends);
		else if (r->kind == REF_SERVER)
			find_server(r, backends, d);
		else if (r->name.ptr && r->kind == REF_BACKEND)
			find_named_backend(r, backends, d);
		else if (r->name.ptr)
			find_frontend(r, frontends, d);
	}
	return rc;
}
