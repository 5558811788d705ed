/* redirect { location <fmt> | prefix <fmt> | scheme <fmt> } [code <code>] [options] (HAProxy's manual, section 4.2). */
#include <string.h>

#include "action.h"
#include "internal.h"

enum redirect_type { REDIRECT_NONE, REDIRECT_LOCATION, REDIRECT_PREFIX, REDIRECT_SCHEME };

struct redirect {
	enum redirect_type type;
	const char *type_word;
	unsigned code;
	bool drop_query, append_slash, ignore_empty, keep_query;
	struct action_value value;
	bool has_cookie;
	const char *cookie_end; /* behind the cookie: the attributes */
	struct action_value cookie;
};

struct redirect_parse {
	struct redirect *to;
	const struct rule *rule;
	const struct line *l;
	size_t *at;
	struct arena *a;
	struct diag *d;
};

/* ---- parsing ---- */

static int take_literal(struct redirect_parse *p, const struct token *t)
{
	p->to->value.literal = token_slice(t);
	if (field_value_valid(token_slice(t)))
		return 0;
	diag_error(p->d, &t->at, NULL, "a field's value cannot hold control characters");
	return -EINVAL;
}

static int parse_type(struct redirect_parse *p, const struct token *word, enum redirect_type type)
{
	const struct token *t = action_arg(p->l, p->at, "a format", p->d);

	if (!t)
		return -EINVAL;
	if (p->to->type != REDIRECT_NONE) {
		diag_error(p->d, &word->at, NULL, "'%s' cannot stand beside '%s'", word->text, p->to->type_word);
		return -EINVAL;
	}
	if (type != REDIRECT_LOCATION && p->rule->set == RULES_HTTP_RESPONSE) {
		diag_error(p->d, &word->at, NULL, "only 'location' can be used in http-response rules");
		return -EINVAL;
	}
	p->to->type = type;
	p->to->type_word = word->text;
	if (p->rule->set == RULES_REDIRECT) /* a plain `redirect` has it as it stands */
		return take_literal(p, t);
	return action_value_parse(&p->to->value, t, VALUE_FIELD, p->rule->set, p->a, p->d);
}

static int parse_code(struct redirect_parse *p)
{
	static const char *const codes[] = { "301", "302", "303", "307", "308", NULL };
	const struct token *t = action_arg(p->l, p->at, "301, 302, 303, 307 or 308", p->d);
	unsigned choice;

	if (!t || token_choice(t, "code", codes, &choice, p->d) < 0)
		return -EINVAL;
	p->to->code = choice < 3 ? 301 + choice : 304 + choice;
	return 0;
}

static int parse_cookie(struct redirect_parse *p, bool is_format, const char *end)
{
	const struct token *t = action_arg(p->l, p->at, "a cookie", p->d);

	if (!t)
		return -EINVAL;
	p->to->has_cookie = true;
	p->to->cookie_end = end;
	if (is_format)
		return action_value_parse(&p->to->cookie, t, VALUE_FIELD, p->rule->set, p->a, p->d);
	if (!t->len || !field_value_valid(token_slice(t))) {
		diag_error(p->d, &t->at, NULL, "this is no cookie");
		return -EINVAL;
	}
	p->to->cookie.literal = token_slice(t);
	return 0;
}

static int parse_argument(struct redirect_parse *p)
{
	enum { LOCATION, PREFIX, SCHEME, CODE, DROP, SLASH, IGNORE, KEEP, SET, SET_FMT, CLEAR };
	static const char *const words[] = { "location", "prefix", "scheme", "code", "drop-query", "append-slash",
		"ignore-empty", "keep-query", "set-cookie", "set-cookie-fmt", "clear-cookie", NULL };
	const struct token *word = &p->l->words[(*p->at)++];
	unsigned choice;

	if (token_choice(word, "argument", words, &choice, p->d) < 0)
		return -EINVAL;
	switch (choice) {
	case LOCATION: return parse_type(p, word, REDIRECT_LOCATION);
	case PREFIX: return parse_type(p, word, REDIRECT_PREFIX);
	case SCHEME: return parse_type(p, word, REDIRECT_SCHEME);
	case CODE: return parse_code(p);
	case DROP: p->to->drop_query = true; return 0;
	case SLASH: p->to->append_slash = true; return 0;
	case IGNORE: p->to->ignore_empty = true; return 0;
	case KEEP: p->to->keep_query = true; return 0;
	case SET: return parse_cookie(p, false, "; path=/;");
	case SET_FMT: return parse_cookie(p, true, "; path=/;");
	default: return parse_cookie(p, false, "; path=/; Max-Age=0;");
	}
}

static int parse_redirect(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	struct redirect *to = arena_zalloc(a, sizeof *to);
	struct redirect_parse p = { .to = to, .rule = r, .l = l, .at = at, .a = a, .d = d };

	if (!to)
		return -ENOMEM;
	r->arg = to;
	to->code = 302;
	while (!action_args_end(l, *at)) {
		int rc = parse_argument(&p);
		if (rc < 0)
			return rc;
	}
	if (to->type != REDIRECT_NONE)
		return 0;
	diag_error(d, &l->words[1].at, "redirect location https://www.example.com/",
		"'redirect' needs 'location', 'prefix' or 'scheme'");
	return -EINVAL;
}

/* ---- the location ---- */

static void add_path(struct strbuf *b, const struct exchange *x, const struct redirect *to)
{
	const struct msg *m = &x->request;
	struct slice path = m->flags & MSG_ASTERISK_FORM || !m->path.len ? SLICE("/") : m->path;

	strbuf_add(b, path);
	if (to->drop_query) {
		if (to->append_slash && !slice_ends_with(path, SLICE("/")))
			strbuf_byte(b, '/');
	} else if (m->query.ptr) {
		strbuf_byte(b, '?');
		strbuf_add(b, m->query);
	}
}

static void add_query(struct strbuf *b, const struct exchange *x)
{
	struct slice query = x->request.query;

	if (!query.len)
		return;
	strbuf_byte(b, slice_find_byte(strbuf_slice(b), '?') < 0 ? '?' : '&');
	strbuf_add(b, query);
}

static void add_scheme(struct strbuf *b, const struct exchange *x, struct slice scheme)
{
	int host = msg_find_id(&x->request, FIELD_HOST, 0);

	strbuf_add(b, scheme);
	strbuf_str(b, "://");
	if (host >= 0)
		strbuf_add(b, field_value(&x->request.fields[host]));
}

static void add_location(struct strbuf *b, const struct exchange *x, const struct redirect *to, struct slice value)
{
	switch (to->type) {
	case REDIRECT_PREFIX:
		if (!slice_eq(value, SLICE("/")))
			strbuf_add(b, value);
		add_path(b, x, to);
		return;
	case REDIRECT_SCHEME:
		add_scheme(b, x, value);
		add_path(b, x, to);
		return;
	default:
		strbuf_add(b, value);
		if (to->keep_query)
			add_query(b, x);
	}
}

/* ---- running ---- */

static void add_field(struct answer *to, struct slice name, struct slice value)
{
	to->field[to->field_count++] = (struct answer_field){ name, value };
}

static int add_cookie(struct exchange *x, const struct redirect *from, struct answer *to)
{
	struct slice cookie;

	if (!from->has_cookie)
		return 0;
	if (!action_value_render(&from->cookie, x, VALUE_FIELD, &cookie))
		return -EINVAL;
	cookie = arena_printf(&x->arena, "%.*s%s", (int)cookie.len, cookie.ptr, from->cookie_end);
	add_field(to, SLICE("Set-Cookie"), cookie);
	return cookie.ptr ? 0 : -ENOMEM;
}

static int make_answer(struct exchange *x, const struct redirect *from, struct slice value, struct answer *to)
{
	char text[8192];
	struct strbuf b;
	struct slice location;

	strbuf_init_fixed(&b, text, sizeof text);
	add_location(&b, x, from, value);
	if (b.incomplete)
		return -ENOSPC;
	location = arena_copy(&x->arena, strbuf_slice(&b));
	if (!location.ptr)
		return -ENOMEM;
	*to = (struct answer){ .status = from->code };
	add_field(to, SLICE("Location"), location);
	if (from->code == 302 || from->code == 303 || from->code == 307)
		add_field(to, SLICE("Cache-Control"), SLICE("no-cache"));
	return add_cookie(x, from, to);
}

static enum rule_result run_redirect(struct exchange *x, const struct rule *r)
{
	const struct redirect *from = r->arg;
	struct answer *to;
	struct slice value;

	if (!action_value_render(&from->value, x, VALUE_FIELD, &value))
		return RULE_ERROR;
	if (from->ignore_empty && !value.len && from->type == REDIRECT_LOCATION)
		return RULE_CONTINUE;
	to = arena_alloc(&x->arena, sizeof *to);
	if (!to || make_answer(x, from, value, to) < 0)
		return RULE_ERROR;
	return action_answer(x, r, to);
}

const struct action_row redirect_action_rows[] = {
	{ "redirect", RULES_BOTH | 1u << RULES_REDIRECT,
		"location|prefix|scheme <fmt> [code 301|302|303|307|308] [drop-query] [append-slash] [ignore-empty] "
		"[keep-query] "
		"[set-cookie <name>[=<value>]] [set-cookie-fmt <fmt>] [clear-cookie <name>[=]]",
		"sends the client elsewhere", parse_redirect, run_redirect, true },
};
const size_t redirect_action_count = sizeof redirect_action_rows / sizeof redirect_action_rows[0];
