/* balance: `balance ALGORITHM [KEY] [fallback ALGORITHM]`, `hash-type`, `hash-balance-factor`. */
#include <errno.h>

#include "ballast/sample/expr.h"
#include "directive.h"

enum { BALANCE_FACTOR_MAX = 100000 };

/* "random(3)": the part in parentheses, copied; NULL where there is none. False where it does not end. */
static bool split_argument(struct cfg_context *c, const struct token *t, struct slice *name, const char **argument)
{
	const char *open = strchr(t->text, '(');

	*name = token_slice(t);
	*argument = NULL;
	if (!open)
		return true;
	*name = slice_of(t->text, (size_t)(open - t->text));
	if (t->text[t->len - 1] != ')')
		return false;
	*argument = arena_copy(c->arena, slice_of(open + 1, (size_t)(t->text + t->len - 1 - open - 1))).ptr;
	return *argument;
}

static int unknown_algorithm(struct cfg_context *c, const struct token *t, struct slice name)
{
	const struct pick_algorithm *a;
	struct names n = { .count = 0 };
	const char *word = arena_copy(c->arena, name).ptr;
	const struct unsupported *u = word ? unsupported_find(unsupported_algorithms, word) : NULL;

	if (u) {
		diag_error(c->diag, &t->at, u->instead, "balancing by '%s' is not supported by Ballast (yet)", u->name);
		return -EINVAL;
	}
	if (pick_method_find(name)) {
		diag_error(c->diag, &t->at, "name the key by 'balance source', uri, url_param, hdr(...) or hash",
			"'%s' is a method of 'hash-type', not a balancing algorithm", word ? word : t->text);
		return -EINVAL;
	}
	for (size_t i = 0; (a = pick_algorithm_at(i)); i++)
		names_add(&n, a->name);
	return unknown_word(c, &(struct token){ word ? word : t->text, name.len, t->at }, "balancing algorithm", &n);
}

static int parse_argument(struct cfg_context *c, const struct token *t, const struct pick_algorithm *a,
	const char *argument, int64_t *param)
{
	const char *why = "it is wrong";

	*param = 0;
	if (!a->parse && argument) {
		diag_error(c->diag, &t->at, NULL, "balance %s takes nothing in parentheses", a->name);
		return -EINVAL;
	}
	if (!a->parse || a->parse(argument, param, &why) == 0)
		return 0;
	diag_error(c->diag, &t->at, why, "'%s' cannot be the argument of balance %s", argument ? argument : "",
		a->name);
	return -EINVAL;
}

/* An algorithm's name and argument. */
static const struct pick_algorithm *parse_algorithm(struct cfg_context *c, const struct token *t, const char **argument)
{
	struct slice name;

	if (!split_argument(c, t, &name, argument)) {
		diag_error(c->diag, &t->at, NULL, "'%s' has no ')' at its end", t->text);
		return NULL;
	}
	const struct pick_algorithm *a = pick_algorithm_find(name);
	if (!a)
		unknown_algorithm(c, t, name);
	return a;
}

/* --- keys: what stands behind the name of an algorithm that hashes --- */

static int parse_source(struct cfg_context *c, const struct line *l, const char *argument)
{
	(void)argument;
	return no_more_words(c, l, 1);
}

static int parse_uri(struct cfg_context *c, const struct line *l, const char *argument)
{
	(void)argument;
	return hash_uri_parse(l, 2, &c->proxy->set.hash, c->diag);
}

static int parse_url_param(struct cfg_context *c, const struct line *l, const char *argument)
{
	(void)argument;
	if (need_word(c, l, 2, "balance url_param", "the name of a parameter"))
		return -EINVAL;
	if (l->count > 3 && token_is(&l->words[3], "check_post")) {
		diag_error(c->diag, &l->words[3].at, NULL,
			"'check_post' of 'balance url_param' is not supported by Ballast (yet)");
		return -EINVAL;
	}
	c->proxy->set.hash.param = token_slice(&l->words[2]);
	return no_more_words(c, l, 2);
}

/* The first value of the field, as HAProxy, where the fetch alone would give the last. */
static int parse_hdr(struct cfg_context *c, const struct line *l, const char *argument)
{
	static const char *const modifiers[] = { "use_domain_only", NULL };
	const struct token *t = &l->words[1];
	struct proxy_settings *s = &c->proxy->set;
	unsigned which;

	if (!argument || !*argument || argument[strcspn(argument, "(), \t\"'\\:")]) {
		diag_error(c->diag, &t->at, "as in 'balance hdr(User-Agent)'",
			"'balance hdr' needs the name of a header field in parentheses");
		return -EINVAL;
	}
	s->hash.domain_only = l->count > 2;
	if (l->count > 2 && token_choice(&l->words[2], "option of 'balance hdr'", modifiers, &which, c->diag))
		return -EINVAL;
	if (no_more_words(c, l, 2))
		return -EINVAL;
	const char *text = arena_printf(c->arena, "req.hdr(%s,1)", argument).ptr;
	if (!text)
		return -ENOMEM;
	struct reader r = { text, text, &t->at };
	s->hash_expr = expr_parse(&r, PHASE_REQUEST, c->arena, c->diag);
	return s->hash_expr ? 0 : -EINVAL;
}

static int parse_hash(struct cfg_context *c, const struct line *l, const char *argument)
{
	(void)argument;
	if (need_word(c, l, 2, "balance hash", "a sample expression") || no_more_words(c, l, 2))
		return -EINVAL;
	c->proxy->set.hash_expr = expr_parse_token(&l->words[2], PHASE_REQUEST, c->arena, c->diag);
	return c->proxy->set.hash_expr ? 0 : -EINVAL;
}

static const struct key_row {
	const char *algorithm;
	enum hash_key key;
	unsigned words; /* at least so many belong to the key, behind which `fallback` may stand */
	bool takes_argument;
	int (*parse)(struct cfg_context *c, const struct line *l, const char *argument);
} key_rows[] = {
	{ "source", HASH_SOURCE, 2, false, parse_source },
	{ "uri", HASH_URI, 2, false, parse_uri },
	{ "url_param", HASH_PARAM, 3, false, parse_url_param },
	{ "hdr", HASH_HEADER, 2, true, parse_hdr },
	{ "hash", HASH_EXPR, 3, false, parse_hash },
};

static const struct key_row *key_of(const struct pick_algorithm *a)
{
	for (size_t i = 0; i < sizeof(key_rows) / sizeof(*key_rows); i++)
		if (strcmp(key_rows[i].algorithm, a->name) == 0)
			return &key_rows[i];
	return NULL;
}

/* `... fallback ALGORITHM` at the end of the line; *key becomes the line without it. */
static int parse_fallback(struct cfg_context *c, const struct line *l, unsigned words, struct line *key)
{
	struct proxy_settings *s = &c->proxy->set;
	const char *argument;
	size_t at = words;

	*key = *l;
	s->fallback = NULL;
	s->fallback_param = 0;
	while (at < l->count && !token_is(&l->words[at], "fallback"))
		at++;
	if (at >= l->count)
		return 0;
	if (need_word(c, l, at + 1, "fallback", "an algorithm") || no_more_words(c, l, at + 1))
		return -EINVAL;
	const struct token *t = &l->words[at + 1];
	s->fallback = parse_algorithm(c, t, &argument);
	if (!s->fallback)
		return -EINVAL;
	if (s->fallback->needs_hash) {
		diag_error(c->diag, &t->at, "as roundrobin, leastconn or random",
			"balance %s cannot be a fallback: it needs a key itself", s->fallback->name);
		return -EINVAL;
	}
	key->count = at;
	key->words = arena_alloc(c->arena, (at + 1) * sizeof(*key->words));
	if (!key->words)
		return -ENOMEM;
	memcpy(key->words, l->words, at * sizeof(*key->words));
	key->words[at] = (struct token){ "", 0, l->words[at].at };
	return parse_argument(c, t, s->fallback, argument, &s->fallback_param);
}

static int parse_key(struct cfg_context *c, const struct line *l, const struct key_row *row, const char *argument)
{
	struct line key;
	int err = parse_fallback(c, l, row->words, &key);

	return err ? err : row->parse(c, &key, argument);
}

static int parse_balance(struct cfg_context *c, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;
	const char *argument;
	int64_t param = 0;

	if (need_word(c, l, 1, "balance", "an algorithm"))
		return -EINVAL;
	const struct token *t = &l->words[1];
	const struct pick_algorithm *a = parse_algorithm(c, t, &argument);
	if (!a)
		return -EINVAL;
	const struct key_row *row = key_of(a);
	if (!(row && row->takes_argument) && parse_argument(c, t, a, argument, &param))
		return -EINVAL;
	int err = row ? parse_key(c, l, row, argument) : no_more_words(c, l, 1);
	if (err)
		return err;
	s->algorithm = a;
	s->algorithm_param = param;
	s->hash_key = row ? row->key : HASH_NONE;
	s->balance_at = two_words(l, 0);
	return 0;
}

static int parse_hash_type(struct cfg_context *c, const struct line *l)
{
	return hash_type_parse(l, &c->proxy->set.hash, c->diag);
}

static int parse_balance_factor(struct cfg_context *c, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;
	int64_t percent;

	if (need_word(c, l, 1, "hash-balance-factor", "a percentage") || no_more_words(c, l, 1) ||
		token_int(&l->words[1], "hash-balance-factor", 0, BALANCE_FACTOR_MAX, &percent, c->diag))
		return -EINVAL;
	if (percent > 0 && percent <= 100) {
		diag_error(c->diag, &l->words[1].at, "from 125 to 200 is reasonable; 0 switches it off",
			"'hash-balance-factor' must be 0 or above 100, the average load");
		return -EINVAL;
	}
	s->balance_factor = (uint32_t)percent;
	s->balance_factor_at = two_words(l, 0);
	return 0;
}

const struct directive balance_directives[] = {
	{ "balance", SECTION_BACK, "<algorithm> [<argument>...] [fallback <algorithm>]", "how a server is chosen",
		parse_balance, false, false },
	{ "hash-balance-factor", SECTION_BACK, "<percent>",
		"how much of the average load a server may have before its keys go on to the next",
		parse_balance_factor, false, false },
	{ "hash-type", SECTION_BACK, "<method> [<function> [<modifier>]]", "how keys are hashed", parse_hash_type,
		false, false },
	{ 0 },
};
