/* Actions on the request line: set-method, set-path, set-pathq, set-query, set-uri.
 *
 * Bytes which may not stand in a target are percent-encoded (RFC 3986 section 2.1), so that no value can end the request
 * line, and what is encoded already stays as it is.
 */
#include <string.h>

#include "action.h"
#include "ballast/http/uri.h"
#include "internal.h"

static int parse_format(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct action_value *v = arena_zalloc(a, sizeof *v);
	const struct token *t = action_arg(l, at, "a format", d);

	if (!t)
		return -EINVAL;
	if (!v)
		return -ENOMEM;
	r->arg = v;
	return action_value_parse(v, t, VALUE_FIELD, r->set, a, d);
}

/* ---- targets ---- */

static bool may_not_stand(unsigned char c)
{
	return c <= ' ' || c >= 0x7f || c == '#';
}

struct slice action_encode_target(struct slice s, struct arena *a)
{
	static const char digit[] = "0123456789ABCDEF";
	size_t bad = 0;
	char *text, *to;

	for (size_t i = 0; i < s.len; i++)
		bad += may_not_stand((unsigned char)s.ptr[i]);
	if (!bad)
		return s;
	text = to = arena_alloc(a, s.len + 2 * bad);
	if (!text)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (may_not_stand(c)) {
			*to++ = '%';
			*to++ = digit[c >> 4];
			*to++ = digit[c & 15];
		} else {
			*to++ = (char)c;
		}
	}
	return slice_of(text, (size_t)(to - text));
}

static bool render_target(struct exchange *x, const struct rule *r, struct slice *out)
{
	if (!action_value_render(r->arg, x, VALUE_FIELD, out))
		return false;
	*out = action_encode_target(*out, &x->arena);
	return out->ptr;
}

static enum rule_result done(struct exchange *x, const struct rule *r, int rc)
{
	return rc < 0 ? action_rewrite_failed(x, r) : RULE_CONTINUE;
}

/* A path in the place of '*' makes the target one of origin-form. */
int action_set_path(struct exchange *x, struct slice path)
{
	struct msg *m = &x->request;

	if (m->flags & MSG_ASTERISK_FORM)
		return path.len && path.ptr[0] == '/' ? msg_set_target(m, path, &x->arena) : -EINVAL;
	return msg_set_path(m, path, &x->arena);
}

int action_set_pathq(struct exchange *x, struct slice pathq)
{
	struct msg *m = &x->request;

	if (!pathq.len || pathq.ptr[0] != '/' || m->flags & MSG_AUTHORITY_FORM)
		return -EINVAL;
	if (m->flags & MSG_ABSOLUTE_FORM)
		pathq = arena_printf(&x->arena, "%.*s://%.*s%.*s", (int)m->scheme.len, m->scheme.ptr,
			(int)m->authority.len, m->authority.ptr, (int)pathq.len, pathq.ptr);
	return pathq.ptr ? msg_set_target(m, pathq, &x->arena) : -ENOMEM;
}

static enum rule_result run_path(struct exchange *x, const struct rule *r)
{
	struct slice value;
	return done(x, r, render_target(x, r, &value) ? action_set_path(x, value) : -EINVAL);
}

static enum rule_result run_pathq(struct exchange *x, const struct rule *r)
{
	struct slice value;
	return done(x, r, render_target(x, r, &value) ? action_set_pathq(x, value) : -EINVAL);
}

static enum rule_result run_query(struct exchange *x, const struct rule *r)
{
	struct slice value;
	return done(x, r, render_target(x, r, &value) ? msg_set_query(&x->request, value, &x->arena) : -EINVAL);
}

static enum rule_result run_uri(struct exchange *x, const struct rule *r)
{
	struct slice value;
	return done(x, r, render_target(x, r, &value) ? msg_set_target(&x->request, value, &x->arena) : -EINVAL);
}

/* ---- set-method ---- */

static bool is_method(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!token_byte_valid((unsigned char)s.ptr[i]))
			return false;
	return s.len && s.len < 64;
}

/* HEAD and CONNECT decide how both ends frame the answer, so neither may come nor go. */
static bool may_become(const struct msg *m, struct slice method)
{
	enum http_method now = method_of(method), before = (enum http_method)m->method;

	return is_method(method) && (now == METHOD_HEAD) == (before == METHOD_HEAD) &&
	       (now == METHOD_CONNECT) == (before == METHOD_CONNECT) &&
	       !(m->flags & MSG_ASTERISK_FORM && now != METHOD_OPTIONS);
}

static enum rule_result run_method(struct exchange *x, const struct rule *r)
{
	struct slice method;

	if (!action_value_render(r->arg, x, VALUE_FIELD, &method) || !may_become(&x->request, method))
		return action_rewrite_failed(x, r);
	msg_set_method(&x->request, method);
	return RULE_CONTINUE;
}

const struct action_row uri_action_rows[] = {
	{ "set-method", RULES_REQUEST, "<fmt>", "another method; HEAD and CONNECT neither come nor go", parse_format,
		run_method, false },
	{ "set-path", RULES_REQUEST, "<fmt>", "another path; the query stays", parse_format, run_path, false },
	{ "set-pathq", RULES_REQUEST, "<fmt>", "another path and query", parse_format, run_pathq, false },
	{ "set-query", RULES_REQUEST, "<fmt>", "another query; the path stays", parse_format, run_query, false },
	{ "set-uri", RULES_REQUEST, "<fmt>", "another URI; an absolute one sets the Host field too", parse_format,
		run_uri, false },
};
const size_t uri_action_count = sizeof uri_action_rows / sizeof uri_action_rows[0];
