/* balance: `balance ALGORITHM`, `hash-type`. */
#include <errno.h>

#include "directive.h"

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
	for (size_t i = 0; (a = pick_algorithm_at(i)); i++)
		names_add(&n, a->name);
	return unknown_word(c, &(struct token){ word ? word : t->text, name.len, t->at }, "balancing algorithm", &n);
}

static enum hash_key key_of(const struct pick_algorithm *a)
{
	if (!a->needs_hash)
		return HASH_NONE;
	return strcmp(a->name, "uri") == 0 ? HASH_URI : HASH_SOURCE;
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

static int parse_balance(struct cfg_context *c, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;
	struct slice name;
	const char *argument;
	int64_t param;

	if (need_word(c, l, 1, "balance", "an algorithm"))
		return -EINVAL;
	const struct token *t = &l->words[1];
	if (!split_argument(c, t, &name, &argument)) {
		diag_error(c->diag, &t->at, NULL, "'%s' has no ')' at its end", t->text);
		return -EINVAL;
	}
	const struct pick_algorithm *a = pick_algorithm_find(name);
	if (!a)
		return unknown_algorithm(c, t, name);
	bool uri = key_of(a) == HASH_URI;
	if (parse_argument(c, t, a, argument, &param) || (!uri && no_more_words(c, l, 1)) ||
		(uri && hash_uri_parse(l, 2, &s->hash, c->diag)))
		return -EINVAL;
	s->algorithm = a;
	s->algorithm_param = param;
	s->hash_key = key_of(a);
	s->balance_at = two_words(l, 0);
	return 0;
}

static int parse_hash_type(struct cfg_context *c, const struct line *l)
{
	return hash_type_parse(l, &c->proxy->set.hash, c->diag);
}

const struct directive balance_directives[] = {
	{ "balance", SECTION_BACK, "<algorithm> [<argument>...]", "how a server is chosen", parse_balance, false,
		false },
	{ "hash-type", SECTION_BACK, "<method> [<function> [<modifier>]]", "how keys are hashed", parse_hash_type,
		false, false },
	{ 0 },
};
