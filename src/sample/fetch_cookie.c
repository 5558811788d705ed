/* Fetches of cookies (RFC 6265; HAProxy's manual, section 7.3.6): Cookie in requests, Set-Cookie in responses.
 *
 * A named one value is the last of that name, an unnamed the first cookie; an ACL looks at all.  Names are compared
 * with their case.  What has no '=' is no cookie. */
#include "private.h"

enum { RESPONSE = PHASE_RESPONSE | PHASE_CHECK };

/* End of the pair at `at`: ';' or ',' outside a quoted value. */
static const char *pair_end(const char *at, const char *end)
{
	bool quoted = false;
	for (; at < end && (quoted || (*at != ';' && *at != ',')); at++)
		if (*at == '"')
			quoted = !quoted;
	return at;
}

/* The next pair at the cursor, in the Cookie fields, or the first pair of each Set-Cookie field. */
static bool next_pair(const struct msg *m, struct sample_cursor *c, struct slice *pair)
{
	bool response = m->flags & MSG_RESPONSE;
	if (!c->at) {
		int i = msg_find_id(m, response ? FIELD_SET_COOKIE : FIELD_COOKIE, c->field);
		if (i < 0)
			return false;
		struct slice v = field_value(&m->fields[i]);
		c->field = i + 1;
		c->at = v.len ? v.ptr : "";
		c->end = c->at + v.len;
	}
	const char *end = pair_end(c->at, c->end);
	*pair = slice_of(c->at, (size_t)(end - c->at));
	c->at = end < c->end && !response ? end + 1 : NULL;
	return true;
}

static bool next_cookie(const struct msg *m, const struct args *args, struct sample_cursor *c, struct slice *value)
{
	struct slice pair;
	while (next_pair(m, c, &pair)) {
		ptrdiff_t equals = slice_find_byte(pair, '=');
		if (equals < 0)
			continue;
		struct slice name = slice_trim_ows(slice_of(pair.ptr, (size_t)equals));
		if (args->v[0].type != ARG_NONE && !slice_eq(name, args->v[0].str))
			continue;
		*value = slice_trim_ows(slice_skip(pair, (size_t)equals + 1));
		return true;
	}
	return false;
}

static int fetch_cookie(const struct msg *m, const struct args *args, struct sample_cursor *cursor, struct slice *out)
{
	struct sample_cursor own = { 0 };
	if (!m)
		return -ENOENT;
	if (cursor)
		return next_cookie(m, args, cursor, out) ? 0 : -ENOENT;
	bool found = false;
	while ((args->v[0].type != ARG_NONE || !found) && next_cookie(m, args, &own, out))
		found = true;
	return found ? 0 : -ENOENT;
}

static int set_cookie(const struct msg *m, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct slice v;
	int err = fetch_cookie(m, args, cursor, &v);
	return err ? err : sample_set_str(out, v);
}

static int set_number(const struct msg *m, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct slice v;
	int err = fetch_cookie(m, args, cursor, &v);
	return err ? err : sample_set_int(out, text_to_int(v));
}

static int set_count(const struct msg *m, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct sample_cursor c = { 0 };
	struct slice v;
	int64_t count = 0;
	(void)cursor;
	if (!m)
		return -ENOENT;
	while (next_cookie(m, args, &c, &v))
		count++;
	return sample_set_int(out, count);
}

#define RUN(name, message, set) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		return set(message, args, out, cursor); \
	}

RUN(run_cookie, ctx->phase &RESPONSE ? ctx->res : ctx->req, set_cookie)
RUN(run_req_cook, ctx->req, set_cookie)
RUN(run_res_cook, ctx->res, set_cookie)
RUN(run_req_cook_cnt, ctx->req, set_count)
RUN(run_res_cook_cnt, ctx->res, set_count)
RUN(run_req_cook_val, ctx->req, set_number)
RUN(run_res_cook_val, ctx->res, set_number)

#define COOKIE(name, type, phases, flags, run, help) \
	{ \
		name, { "[<name>]", 0, 1, { ARG_STR } }, type, phases, flags, run, NULL, help \
	}

const struct fetch_row fetch_cookie_rows[] = {
	COOKIE("cook", SAMPLE_STR, PHASE_REQUEST, FETCH_MANY, run_req_cook, "req.cook"),
	COOKIE("cookie", SAMPLE_STR, PHASE_REQUEST | RESPONSE, FETCH_MANY, run_cookie, "cookie of the message at hand"),
	COOKIE("req.cook", SAMPLE_STR, PHASE_REQUEST, FETCH_MANY, run_req_cook, "request's cookie"),
	COOKIE("res.cook", SAMPLE_STR, RESPONSE, FETCH_MANY, run_res_cook, "response's cookie"),
	COOKIE("scook", SAMPLE_STR, RESPONSE, FETCH_MANY, run_res_cook, "res.cook"),
	COOKIE("cook_cnt", SAMPLE_INT, PHASE_REQUEST, 0, run_req_cook_cnt, "req.cook_cnt"),
	COOKIE("req.cook_cnt", SAMPLE_INT, PHASE_REQUEST, 0, run_req_cook_cnt, "number of the request's cookies"),
	COOKIE("res.cook_cnt", SAMPLE_INT, RESPONSE, 0, run_res_cook_cnt, "number of the response's cookies"),
	COOKIE("scook_cnt", SAMPLE_INT, RESPONSE, 0, run_res_cook_cnt, "res.cook_cnt"),
	COOKIE("cook_val", SAMPLE_INT, PHASE_REQUEST, FETCH_MANY, run_req_cook_val, "req.cook_val"),
	COOKIE("req.cook_val", SAMPLE_INT, PHASE_REQUEST, FETCH_MANY, run_req_cook_val,
		"request's cookie as an integer"),
	COOKIE("res.cook_val", SAMPLE_INT, RESPONSE, FETCH_MANY, run_res_cook_val, "response's cookie as an integer"),
	COOKIE("scook_val", SAMPLE_INT, RESPONSE, FETCH_MANY, run_res_cook_val, "res.cook_val"),
	{ 0 },
};
