/* Fetches of parameters in the URL (HAProxy's manual, section 7.3.6: urlp): `name=value` between '&' or ';', behind the
 * first '?' or a delimiter of one's own.  Values come as they are, not decoded. */
#include "ballast/sample/param.h"
#include "private.h"

enum { ARG_NAME, ARG_DELIM, ARG_FOLD };

static const char *prepare_param(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[ARG_FOLD].str.len && !slice_eq(args->v[ARG_FOLD].str, SLICE("i")))
		return "knows 'i' only as its third argument";
	return NULL;
}

/* Where parameters may stand in the target. */
static struct slice param_region(const struct msg *m, char delim)
{
	if (!delim || !m->path.len || m->path.ptr[0] != '/')
		return m->query;
	ptrdiff_t at = slice_find_byte(m->path, delim);
	if (at < 0)
		return m->query;
	struct slice rest = slice_skip(m->path, (size_t)at + 1);
	if (m->query.ptr == m->path.ptr + m->path.len + 1)
		rest.len += 1 + m->query.len;
	return rest;
}

int param_next(struct sample_cursor *c, char delim, struct slice name, bool fold, struct slice *value)
{
	while (c->at < c->end) {
		const char *from = c->at, *equals = NULL, *at = from;
		for (; at < c->end && *at != '&' && *at != ';' && (!delim || *at != delim); at++)
			if (*at == '=' && !equals)
				equals = at;
		c->at = at + 1;
		if (!equals)
			continue;
		struct slice own = slice_of(from, (size_t)(equals - from));
		if (name.ptr && !(fold ? slice_eq_icase(name, own) : slice_eq(name, own)))
			continue;
		*value = slice_of(equals + 1, (size_t)(at - equals - 1));
		return 0;
	}
	return -ENOENT;
}

static int fetch_param(struct sample_ctx *ctx, const struct args *args, struct slice *out, struct sample_cursor *cursor)
{
	struct sample_cursor own = { 0 };
	struct sample_cursor *c = cursor ? cursor : &own;
	char delim = args->v[ARG_DELIM].str.len ? args->v[ARG_DELIM].str.ptr[0] : 0;
	if (!ctx->req)
		return -ENOENT;
	if (!c->count) {
		struct slice region = param_region(ctx->req, delim);
		c->at = region.ptr;
		c->end = region.len ? region.ptr + region.len : region.ptr;
	}
	struct slice name = args->v[ARG_NAME].type == ARG_NONE ? slice_of(NULL, 0) : args->v[ARG_NAME].str;
	return c->at ? param_next(c, delim, name, args->v[ARG_FOLD].str.len > 0, out) : -ENOENT;
}

static int run_urlp(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct slice v;
	int err = fetch_param(ctx, args, &v, cursor);
	return err ? err : sample_set_str(out, v);
}

static int run_urlp_val(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	struct slice v;
	int err = fetch_param(ctx, args, &v, cursor);
	return err ? err : sample_set_int(out, text_to_int(v));
}

#define PARAM(name, type, run, help) \
	{ \
		name, { "[<name>[,<delim>[,i]]]", 0, 3, { ARG_STR, ARG_STR, ARG_STR } }, type, PHASE_REQUEST, \
			FETCH_MANY, run, prepare_param, help \
	}

const struct fetch_row fetch_param_rows[] = {
	PARAM("url_param", SAMPLE_STR, run_urlp, "urlp"),
	PARAM("urlp", SAMPLE_STR, run_urlp, "parameter in the URL"),
	PARAM("urlp_val", SAMPLE_INT, run_urlp_val, "parameter in the URL as an integer"),
	{ 0 },
};
