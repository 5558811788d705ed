/* Actions that rewrite by regular expression: replace-header, -value, -path, -pathq, -uri (HAProxy's manual, section
 * 4.3).  What matches becomes the whole of the format, with \1 and its kin in it. */
#include "ballast/sample/regex.h"

#include "action.h"
#include "ballast/http/uri.h"
#include "internal.h"

enum { REPLACE_BYTES = 16384 };

struct replacement {
	struct slice name; /* of the header field */
	struct regex *regex;
	struct action_value value;
};

static int parse_regex(struct rule *r, const struct line *l, size_t *at, struct replacement *p, struct arena *a,
	struct diag *d)
{
	const struct token *t = action_arg(l, at, "a regular expression", d);
	int rc;

	if (!t)
		return -EINVAL;
	rc = action_regex(t, false, &p->regex, a, d);
	t = rc ? NULL : action_arg(l, at, "a format", d);
	if (!t)
		return rc ? rc : -EINVAL;
	return action_value_parse(&p->value, t, VALUE_FIELD, r->set, a, d);
}

static int parse_uri(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct replacement *p = arena_zalloc(a, sizeof *p);

	if (!p)
		return -ENOMEM;
	r->arg = p;
	return parse_regex(r, l, at, p, a, d);
}

static int parse_field(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct replacement *p = arena_zalloc(a, sizeof *p);
	int rc;

	if (!p)
		return -ENOMEM;
	r->arg = p;
	rc = action_edit_name(l, at, &p->name, d);
	return rc ? rc : parse_regex(r, l, at, p, a, d);
}

enum outcome { NO_MATCH, REPLACED, FAILED };

/* What `text` becomes; lies in the exchange's arena. Rendered only where it matches. */
static enum outcome replace(const struct replacement *p, struct exchange *x, struct slice text, struct slice *out)
{
	struct slice group[REGEX_GROUPS], format;
	char room[REPLACE_BYTES];
	struct strbuf b;

	if (!regex_find(p->regex, text, 0, group))
		return NO_MATCH;
	if (!action_value_render(&p->value, x, VALUE_FIELD, &format))
		return FAILED;
	strbuf_init_fixed(&b, room, sizeof room);
	regex_expand(format, group, &b);
	*out = arena_copy(&x->arena, strbuf_slice(&b));
	return b.incomplete || !out->ptr || !field_value_valid(*out) ? FAILED : REPLACED;
}

/* ---- header fields ---- */

/* Puts a value in the place of field `i`; a Host must stay a host. */
static bool set_field(struct msg *m, int i, struct slice value)
{
	bool is_host = m->fields[i].id == FIELD_HOST && !(m->flags & MSG_RESPONSE);

	value = slice_trim_ows(value);
	if (is_host && !uri_host_valid(value))
		return false;
	msg_set_value_at(m, i, value);
	if (is_host)
		m->authority = value;
	return true;
}

static enum rule_result run_header(struct exchange *x, const struct rule *r)
{
	const struct replacement *p = r->arg;
	struct msg *m = rule_msg(x, r);
	struct slice value;

	for (int i = msg_find(m, p->name, 0); i >= 0; i = msg_find(m, p->name, i + 1)) {
		enum outcome o = replace(p, x, field_value(&m->fields[i]), &value);
		if (o == NO_MATCH)
			continue;
		if (o == FAILED || !set_field(m, i, value))
			return action_rewrite_failed(x, r);
	}
	return RULE_CONTINUE;
}

/* The list with each member that matches replaced: *out, or NO_MATCH. */
static enum outcome replace_members(const struct replacement *p, struct exchange *x, struct slice list,
	struct slice *out)
{
	struct slice member, value;
	enum outcome result = NO_MATCH;
	char room[REPLACE_BYTES];
	struct strbuf b;

	strbuf_init_fixed(&b, room, sizeof room);
	while (slice_next_member(&list, &member)) {
		enum outcome o = replace(p, x, member, &value);
		if (o == FAILED)
			return FAILED;
		if (o == REPLACED)
			result = REPLACED;
		if (b.len)
			strbuf_str(&b, ", ");
		strbuf_add(&b, o == REPLACED ? value : member);
	}
	if (result == NO_MATCH)
		return NO_MATCH;
	*out = arena_copy(&x->arena, strbuf_slice(&b));
	return b.incomplete || !out->ptr ? FAILED : REPLACED;
}

static enum rule_result run_value(struct exchange *x, const struct rule *r)
{
	const struct replacement *p = r->arg;
	struct msg *m = rule_msg(x, r);
	struct slice value;

	for (int i = msg_find(m, p->name, 0); i >= 0; i = msg_find(m, p->name, i + 1)) {
		enum outcome o = replace_members(p, x, field_value(&m->fields[i]), &value);
		if (o == NO_MATCH)
			continue;
		if (o == FAILED || !set_field(m, i, value))
			return action_rewrite_failed(x, r);
	}
	return RULE_CONTINUE;
}

/* ---- the target ---- */

static struct slice path_and_query(const struct msg *m)
{
	return m->query.ptr ? slice_of(m->path.ptr, (size_t)(m->query.ptr + m->query.len - m->path.ptr)) : m->path;
}

static enum rule_result run_target(struct exchange *x, const struct rule *r, struct slice text,
	int (*set)(struct exchange *x, struct slice value))
{
	struct slice value;

	switch (replace(r->arg, x, text, &value)) {
	case NO_MATCH: return RULE_CONTINUE;
	case REPLACED: break;
	case FAILED: return action_rewrite_failed(x, r);
	}
	value = action_encode_target(value, &x->arena);
	return value.ptr && set(x, value) == 0 ? RULE_CONTINUE : action_rewrite_failed(x, r);
}

static int set_uri(struct exchange *x, struct slice uri)
{
	return msg_set_target(&x->request, uri, &x->arena);
}

static enum rule_result run_path(struct exchange *x, const struct rule *r)
{
	return run_target(x, r, x->request.path, action_set_path);
}

static enum rule_result run_pathq(struct exchange *x, const struct rule *r)
{
	return run_target(x, r, path_and_query(&x->request), action_set_pathq);
}

static enum rule_result run_uri(struct exchange *x, const struct rule *r)
{
	return run_target(x, r, x->request.target, set_uri);
}

const struct action_row replace_action_rows[] = {
	{ "replace-header", RULES_HTTP, "<name> <regex> <fmt>", "another value for header fields that match",
		parse_field, run_header, false },
	{ "replace-path", RULES_REQUEST, "<regex> <fmt>", "another path where it matches", parse_uri, run_path, false },
	{ "replace-pathq", RULES_REQUEST, "<regex> <fmt>", "another path and query where they match", parse_uri,
		run_pathq, false },
	{ "replace-uri", RULES_REQUEST, "<regex> <fmt>", "another URI where it matches", parse_uri, run_uri, false },
	{ "replace-value", RULES_HTTP, "<name> <regex> <fmt>",
		"replaces those members of comma-separated header fields that match", parse_field, run_value, false },
};
const size_t replace_action_count = sizeof replace_action_rows / sizeof replace_action_rows[0];
