/* What the files of actions share: see action.h. */
#include <string.h>

#include "action.h"
#include "ballast/sample/regex.h"
#include "internal.h"

/* A field's value, a path or a body of ours; what is longer is an error. */
enum { RENDER_BYTES = 16384 };

const struct token *action_arg(const struct line *l, size_t *at, const char *what, struct diag *d)
{
	if (*at >= l->count) {
		diag_error(d, &l->words[l->count].at, NULL, "'%s' expects %s", l->words[1].text, what);
		return NULL;
	}
	return &l->words[(*at)++];
}

int action_parens(const struct line *l, const char *what, struct slice *inside, struct arena *a, struct diag *d)
{
	const struct token *t = &l->words[1];
	ptrdiff_t open = slice_find_byte(token_slice(t), '(');

	if (open < 0 || t->text[t->len - 1] != ')' || t->len - (size_t)open <= 2) {
		diag_error(d, &t->at, NULL, "'%.*s' expects %s in parentheses",
			(int)(open < 0 ? (ptrdiff_t)t->len : open), t->text, what);
		return -EINVAL;
	}
	*inside = arena_copy(a, slice_of(t->text + open + 1, t->len - (size_t)open - 2));
	return inside->ptr ? 0 : -ENOMEM;
}

/* ---- values ---- */

bool field_value_valid(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

int action_value_parse_text(struct action_value *v, const char *text, const struct token *t,
	enum action_value_kind kind, enum rule_set set, struct arena *a, struct diag *d)
{
	struct format *f = format_parse(text, &t->at, FORMAT_VALUE, rule_phases(set), a, d);

	if (!f)
		return -EINVAL;
	*v = (struct action_value){ .format = f };
	if (!format_is_literal(f, &v->literal))
		return 0;
	v->format = NULL;
	if (kind == VALUE_FIELD && !field_value_valid(v->literal)) {
		diag_error(d, &t->at, NULL, "a field's value cannot hold control characters");
		return -EINVAL;
	}
	if (kind == VALUE_FIELD)
		v->literal = slice_trim_ows(v->literal);
	return 0;
}

int action_value_parse(struct action_value *v, const struct token *t, enum action_value_kind kind, enum rule_set set,
	struct arena *a, struct diag *d)
{
	return action_value_parse_text(v, t->text, t, kind, set, a, d);
}

/* Apart, so that its stack is taken only where there is something to render. */
__attribute__((noinline)) static bool render(const struct action_value *v, struct exchange *x,
	enum action_value_kind kind, struct slice *out)
{
	char text[RENDER_BYTES];
	struct strbuf b;

	strbuf_init_fixed(&b, text, sizeof text);
	format_render(v->format, &x->sample, &b);
	if (b.incomplete)
		return false;
	*out = strbuf_slice(&b);
	if (kind == VALUE_FIELD) {
		*out = slice_trim_ows(*out);
		if (!field_value_valid(*out))
			return false;
	}
	*out = arena_copy(&x->arena, *out);
	return out->ptr;
}

bool action_value_render(const struct action_value *v, struct exchange *x, enum action_value_kind kind,
	struct slice *out)
{
	if (v->format)
		return render(v, x, kind, out);
	*out = v->literal;
	return true;
}

/* ---- names ---- */

bool token_byte_valid(unsigned char c)
{
	return (c >= '0' && c <= '9') || (unsigned char)((c | 0x20) - 'a') < 26 || (c && strchr("!#$%&'*+-.^_`|~", c));
}

int action_field_name(const struct token *t, struct slice *name, struct diag *d)
{
	*name = token_slice(t);
	for (size_t i = 0; i < name->len; i++)
		if (!token_byte_valid((unsigned char)name->ptr[i])) {
			diag_error(d, &t->at, NULL, "'%s' cannot be the name of a header field", t->text);
			return -EINVAL;
		}
	if (name->len)
		return 0;
	diag_error(d, &t->at, NULL, "the name of a header field cannot be empty");
	return -EINVAL;
}

int action_regex(const struct token *t, bool ignore_case, struct regex **out, struct arena *a, struct diag *d)
{
	char error[REGEX_ERROR_TEXT];

	*out = regex_new_in(a, token_slice(t), ignore_case, error);
	if (*out)
		return 0;
	diag_error(d, &t->at, NULL, "this regular expression cannot be used: %s", error);
	return -EINVAL;
}

/* ---- results ---- */

enum rule_result action_rewrite_failed(struct exchange *x, const struct rule *r)
{
	count_add(frontend_counters(x->frontend), COUNT_FAILED_REWRITES, 1);
	if (x->backend)
		count_add(backend_counters(x->backend), COUNT_FAILED_REWRITES, 1);
	if (x->flags & XF_LENIENT)
		return RULE_CONTINUE;
	exchange_fail(x, 500, CAUSE_PROXY, rule_set_rows[r->set].in_request ? 'R' : 'H');
	return RULE_ANSWER;
}

enum rule_result action_answer(struct exchange *x, const struct rule *r, const struct answer *a)
{
	if (x->cause == CAUSE_NONE && !rule_set_rows[r->set].in_request) {
		x->cause = CAUSE_LOCAL;
		x->phase_letter = 'H';
		count_add(frontend_counters(x->frontend), COUNT_INTERCEPTED, 1);
	}
	exchange_answer(x, a);
	return RULE_ANSWER;
}
