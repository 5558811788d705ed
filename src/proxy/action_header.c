/* Actions on header fields: set-header, add-header, del-header.
 *
 * What frames a message is never up to rules: Content-Length and Transfer-Encoding are Ballast's to write (RFC 9112
 * section 6), so that no rule can make two readers see two bodies.
 */
#include <string.h>

#include "action.h"
#include "ballast/http/uri.h"
#include "ballast/sample/regex.h"
#include "internal.h"

struct header_edit {
	struct slice name;
	struct action_value value;
};

static bool is_framing(enum field_id id)
{
	return id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING;
}

int action_edit_name(const struct line *l, size_t *at, struct slice *name, struct diag *d)
{
	const struct token *t = action_arg(l, at, "the name of a header field", d);

	if (!t || action_field_name(t, name, d) < 0)
		return -EINVAL;
	if (!is_framing(field_id_of(*name)))
		return 0;
	diag_error(d, &t->at, NULL, "'%s' tells where a message ends; rules cannot change it", t->text);
	return -EINVAL;
}

static int parse_edit(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct header_edit *e = arena_zalloc(a, sizeof *e);
	const struct token *t;

	if (!e)
		return -ENOMEM;
	r->arg = e;
	if (action_edit_name(l, at, &e->name, d) < 0)
		return -EINVAL;
	t = action_arg(l, at, "the field's value", d);
	return t ? action_value_parse(&e->value, t, VALUE_FIELD, r->set, a, d) : -EINVAL;
}

/* The flags that the parser took from a field go with it. */
static void forget_flags(struct msg *m, enum field_id id)
{
	if (id == FIELD_UPGRADE && msg_find_id(m, FIELD_UPGRADE, 0) < 0)
		m->flags &= ~(uint32_t)MSG_UPGRADE;
	if (id == FIELD_TE && msg_find_id(m, FIELD_TE, 0) < 0)
		m->flags &= ~(uint32_t)MSG_TE_TRAILERS;
	if (id == FIELD_HOST)
		m->authority = slice_of(NULL, 0);
}

/* A request has one Host field, and a valid one (RFC 9112 section 3.2). */
static bool host_would_be_wrong(const struct msg *m, struct slice value, bool replaces)
{
	return !uri_host_valid(value) || (!replaces && msg_find_id(m, FIELD_HOST, 0) >= 0);
}

static enum rule_result run_edit(struct exchange *x, const struct rule *r, bool replaces)
{
	const struct header_edit *e = r->arg;
	struct msg *m = rule_msg(x, r);
	bool is_host = r->set == RULES_HTTP_REQUEST && field_id_of(e->name) == FIELD_HOST;
	struct slice value;

	if (!action_value_render(&e->value, x, VALUE_FIELD, &value) ||
		(is_host && host_would_be_wrong(m, value, replaces)))
		return action_rewrite_failed(x, r);
	if (replaces && msg_delete(m, e->name))
		forget_flags(m, field_id_of(e->name));
	if (msg_add(m, e->name, value) < 0)
		return action_rewrite_failed(x, r);
	if (is_host)
		m->authority = value;
	return RULE_CONTINUE;
}

static enum rule_result run_set(struct exchange *x, const struct rule *r)
{
	return run_edit(x, r, true);
}

static enum rule_result run_add(struct exchange *x, const struct rule *r)
{
	return run_edit(x, r, false);
}

/* ---- del-header <name> [ -m <meth> ] ---- */

enum match { MATCH_STR, MATCH_BEG, MATCH_END, MATCH_SUB, MATCH_REG };

struct header_delete {
	struct slice name;
	enum match match;
	struct regex *regex;
};

static int parse_delete(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	static const char *const names[] = { "str", "beg", "end", "sub", "reg", NULL };
	struct header_delete *e = arena_zalloc(a, sizeof *e);
	const struct token *t;
	unsigned choice;

	if (!e)
		return -ENOMEM;
	r->arg = e;
	/* a regular expression is no name: it is told by what follows it */
	bool by_regex = *at + 2 < l->count && token_is(&l->words[*at + 1], "-m") && token_is(&l->words[*at + 2], "reg");
	const struct token *name = &l->words[*at];
	if (by_regex)
		++*at;
	else if (action_edit_name(l, at, &e->name, d) < 0)
		return -EINVAL;
	if (*at >= l->count || !token_is(&l->words[*at], "-m"))
		return 0;
	++*at;
	t = action_arg(l, at, "a method of matching behind '-m'", d);
	if (!t || token_choice(t, "method of matching", names, &choice, d) < 0)
		return -EINVAL;
	e->match = (enum match)choice;
	return e->match == MATCH_REG ? action_regex(name, true, &e->regex, a, d) : 0;
}

static bool ends_icase(struct slice s, struct slice end)
{
	return s.len >= end.len && slice_eq_icase(slice_skip(s, s.len - end.len), end);
}

static bool name_matches(struct slice name, const struct header_delete *e)
{
	switch (e->match) {
	case MATCH_BEG: return name.len >= e->name.len && slice_eq_icase(slice_of(name.ptr, e->name.len), e->name);
	case MATCH_END: return ends_icase(name, e->name);
	case MATCH_SUB:
		for (size_t end = e->name.len; end <= name.len; end++)
			if (ends_icase(slice_of(name.ptr, end), e->name))
				return true;
		return false;
	case MATCH_REG: return regex_match(e->regex, name);
	default: return slice_eq_icase(name, e->name);
	}
}

static enum rule_result run_delete(struct exchange *x, const struct rule *r)
{
	const struct header_delete *e = r->arg;
	struct msg *m = rule_msg(x, r);

	for (int i = 0; i < m->field_count; i++) {
		const struct field *f = &m->fields[i];
		enum field_id id = (enum field_id)f->id;
		if (f->flags & FIELD_DELETED || is_framing(id) || !name_matches(field_name(f), e))
			continue;
		msg_delete_at(m, i);
		forget_flags(m, id);
	}
	return RULE_CONTINUE;
}

const struct action_row header_action_rows[] = {
	{ "set-header", RULES_HTTP, "<name> <fmt>", "a header field with this value in the place of all of that name",
		parse_edit, run_set, false },
	{ "add-header", RULES_HTTP, "<name> <fmt>", "one more header field", parse_edit, run_add, false },
	{ "del-header", RULES_HTTP, "<name> [-m str|beg|end|sub|reg]", "removes all header fields whose name matches",
		parse_delete, run_delete, false },
};
const size_t header_action_count = sizeof header_action_rows / sizeof header_action_rows[0];
