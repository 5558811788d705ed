/* Fetches of the Authorization field: Basic (RFC 7617) and Bearer (RFC 6750), and of who may log in (HAProxy's manual,
 * section 7.3.6).
 */
#include "ballast/sample/userlist.h"
#include "private.h"

/* The scheme and what follows it. False: there is no such field, or it has no such form. */
static bool split(const struct msg *m, int field, struct slice *scheme, struct slice *rest)
{
	if (!m || field < 0)
		return false;
	struct slice value = field_value(&m->fields[field]);
	ptrdiff_t space = slice_find_byte(value, ' ');
	if (space <= 0)
		return false;
	*scheme = slice_of(value.ptr, (size_t)space);
	*rest = slice_trim_ows(slice_skip(value, (size_t)space));
	return rest->len > 0;
}

static bool authorization(const struct sample_ctx *ctx, struct slice *scheme, struct slice *rest)
{
	return split(ctx->req, ctx->req ? msg_find(ctx->req, SLICE("Authorization"), 0) : -1, scheme, rest);
}

struct basic {
	struct slice user, password;
};

static int read_basic(struct sample_ctx *ctx, struct basic *out)
{
	struct slice scheme, rest;
	if (!authorization(ctx, &scheme, &rest) || !slice_eq_icase(scheme, SLICE("Basic")))
		return -ENOENT;
	struct sample s = { .type = SAMPLE_STR, .str = rest };
	int err = base64_decode(ctx->arena, &s);
	if (err)
		return err;
	ptrdiff_t colon = slice_find_byte(s.str, ':');
	if (colon < 0)
		return -ENOENT;
	out->user = slice_of(s.str.ptr, (size_t)colon);
	out->password = slice_skip(s.str, (size_t)colon + 1);
	return 0;
}

/* What a client sent may hold NUL, which a string may not. */
static int set_text(struct sample *out, struct slice s)
{
	return s.len && memchr(s.ptr, 0, s.len) ? -ENOENT : sample_set_str(out, s);
}

static int run_type(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct basic b;
	struct slice scheme, rest;
	(void)args, (void)cursor;
	if (!authorization(ctx, &scheme, &rest))
		return -ENOENT;
	if (slice_eq_icase(scheme, SLICE("Bearer")))
		return sample_set_str(out, SLICE("Bearer"));
	return read_basic(ctx, &b) ? -ENOENT : sample_set_str(out, SLICE("Basic"));
}

static int run_user(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct basic b;
	int err = read_basic(ctx, &b);
	(void)args, (void)cursor;
	return err ? err : set_text(out, b.user);
}

static int run_pass(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct basic b;
	int err = read_basic(ctx, &b);
	(void)args, (void)cursor;
	return err ? err : set_text(out, b.password);
}

static int run_bearer(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct slice name = args->v[0].str.len ? args->v[0].str : SLICE("Authorization"), scheme, rest;
	(void)cursor;
	if (!split(ctx->req, ctx->req ? msg_find(ctx->req, name, 0) : -1, &scheme, &rest) ||
		!slice_eq_icase(scheme, SLICE("Bearer")))
		return -ENOENT;
	return sample_set_str(out, rest);
}

/* ---- who may log in ---- */

static const char *prepare_list(struct args *args, struct arena *a)
{
	args->data = userlist_refer(a, args->v[0].str, args_place());
	return args->data ? NULL : "is out of memory";
}

static int run_auth(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct basic b;
	int err = read_basic(ctx, &b);
	(void)cursor;
	return err ? err : sample_set_bool(out, userlist_check(args->data, b.user, b.password));
}

/* An ACL looks at the user's groups, one after the other; elsewhere it is the user's name. */
static int run_group(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct basic b;
	int err = read_basic(ctx, &b);
	const struct userlist_user *u = err ? NULL : userlist_check(args->data, b.user, b.password);
	if (!u)
		return err ? err : -ENOENT;
	if (!cursor)
		return set_text(out, b.user);
	const char *group = userlist_group(u, cursor->count);
	return group ? sample_set_str(out, slice_from_str(group)) : -ENOENT;
}

const struct fetch_row fetch_auth_rows[] = {
	{ "http_auth", { "<userlist>", 1, 1, { ARG_STR } }, SAMPLE_BOOL, PHASE_REQUEST, 0, run_auth, prepare_list,
		"whether the client's name and password are those of a user of the list" },
	{ "http_auth_bearer", { "[<header>]", 0, 1, { ARG_STR } }, SAMPLE_STR, PHASE_REQUEST, 0, run_bearer, NULL,
		"the client's token, of the scheme Bearer" },
	{ "http_auth_group", { "<userlist>", 1, 1, { ARG_STR } }, SAMPLE_STR, PHASE_REQUEST, FETCH_MANY, run_group,
		prepare_list,
		"name of a user of the list who showed the right password; in conditions: the user's groups" },
	{ "http_auth_pass", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_pass, NULL, "the client's password, not checked" },
	{ "http_auth_type", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_type, NULL,
		"scheme of its authorization: Basic or "
		"Bearer" },
	{ "http_auth_user", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_user, NULL, "the client's name, not checked" },
	{ 0 },
};
