/* Conditions: `if A !B { path /c } or D` (HAProxy's manual, section 7.2), a disjunction of conjunctions, kept flat.
 *
 * `and` and `&&` may stand between terms although nothing means the same. */
#include <stdio.h>

#include "acl_private.h"
#include "private.h"

struct term {
	const struct acl *acl;
	bool negate;
	bool last; /* of its conjunction */
};

struct cond {
	bool unless;
	uint16_t count;
	struct term terms[];
};

enum { TERMS_MAX = 1024 };

struct cond_job {
	const struct line *l;
	size_t at;
	struct acl_set *set;
	unsigned phases;
	struct arena *a;
	struct diag *d;
	struct term *terms;
	unsigned count;
};

static bool is_or(const struct token *t)
{
	return token_is(t, "or") || token_is(t, "||");
}

static bool is_and(const struct token *t)
{
	return token_is(t, "and") || token_is(t, "&&");
}

size_t cond_find(const struct line *l, size_t from)
{
	while (from < l->count && !token_is(&l->words[from], "if") && !token_is(&l->words[from], "unless"))
		from++;
	return from;
}

static void refuse_name(struct cond_job *j, const char *name, const struct place *at)
{
	const char *names[1024];
	char hint[128];
	size_t count = 0;
	for (const struct acl *acl = j->set ? j->set->first : NULL; acl && count < 512; acl = acl->next)
		names[count++] = acl->name;
	for (unsigned i = 0; acl_predefined_name(i); i++)
		names[count++] = acl_predefined_name(i);
	const char *near = diag_nearest(slice_from_str(name), names, count);
	if (near)
		snprintf(hint, sizeof hint, "did you mean '%s'?", near);
	else
		snprintf(hint, sizeof hint, "define it before with 'acl', or write the test between '{' and '}'");
	diag_error(j->d, at, hint, "no such ACL: '%s'", name);
}

static const struct acl *named_acl(struct cond_job *j, const char *name, const struct place *at)
{
	unsigned errors = j->d->count[DIAG_ALERT];
	struct acl *acl = acl_find(j->set, slice_from_str(name));
	if (acl)
		return acl;
	acl = acl_predefined(slice_from_str(name), at, j->a, j->d);
	if (acl && j->set)
		acl_set_add(j->set, acl);
	if (!acl && j->d->count[DIAG_ALERT] == errors)
		refuse_name(j, name, at);
	return acl;
}

/* The test between '{', which is the current word, and '}'. */
static const struct acl *anonymous_acl(struct cond_job *j)
{
	size_t from = j->at + 1, end = from;
	while (end < j->l->count && !token_is(&j->l->words[end], "}"))
		end++;
	if (end == j->l->count) {
		diag_error(j->d, &j->l->words[j->at].at, NULL, "this '{' has no '}' (both must be words of their own)");
		return NULL;
	}
	struct test *t = test_parse(j->l, from, end, j->a, j->d);
	j->at = end;
	return t ? acl_new(NULL, t, j->a) : NULL;
}

/* A test that can never match where the condition stands is most likely a mistake, but no error in HAProxy. */
static void check_phases(const struct cond_job *j, const struct acl *acl, const struct place *at)
{
	const struct test *t = acl->first;
	while (t && !(t->phases & j->phases))
		t = t->next;
	if (t || !acl->first)
		return;
	const char *fetch = expr_fetch_name(acl->first->expr);
	if (acl->name)
		diag_warn(j->d, at, NULL, "ACL '%s' never matches here: '%s' is not available at this point", acl->name,
			fetch);
	else
		diag_warn(j->d, at, NULL, "this never matches: '%s' is not available at this point", fetch);
}

/* One term at the current word, `!` before it included; leaves the last word of the term current. */
static int parse_term(struct cond_job *j)
{
	bool negate = false;
	const struct token *t = &j->l->words[j->at];
	const char *name = t->text;
	for (;;) {
		for (; *name == '!'; name++)
			negate = !negate;
		if (*name || j->at + 1 >= j->l->count)
			break;
		t = &j->l->words[++j->at];
		name = t->text;
	}
	struct place at = t->at;
	if (!*name || is_or(t) || is_and(t)) {
		diag_error(j->d, &at, NULL, "expected an ACL or '{'");
		return -EINVAL;
	}
	const struct acl *acl = strcmp(name, "{") == 0 ? anonymous_acl(j) : named_acl(j, name, &at);
	if (!acl)
		return -EINVAL;
	if (j->count == TERMS_MAX) {
		diag_error(j->d, &at, NULL, "more than %d terms in a condition", TERMS_MAX);
		return -EINVAL;
	}
	check_phases(j, acl, &at);
	j->terms[j->count++] = (struct term){ acl, negate, false };
	return 0;
}

/* All terms; errors of one term do not hide those of the next. */
static int parse_terms(struct cond_job *j)
{
	bool want_term = true;
	int err = 0;
	for (; j->at < j->l->count; j->at++) {
		const struct token *t = &j->l->words[j->at];
		bool joins = (is_or(t) || is_and(t)) && !want_term && !acl_find(j->set, token_slice(t));
		if (joins && is_or(t) && j->count)
			j->terms[j->count - 1].last = true;
		else if (!joins && parse_term(j))
			err = -EINVAL;
		want_term = joins;
	}
	if (want_term && !err) {
		diag_error(j->d, &j->l->words[j->l->count].at, NULL,
			"the condition ends where an ACL or '{' is expected");
		return -EINVAL;
	}
	return err;
}

struct cond *cond_parse(const struct line *l, size_t from, struct acl_set *set, unsigned phases, struct arena *a,
	struct diag *d)
{
	struct term terms[TERMS_MAX];
	struct cond_job job = { l, from + 1, set, phases, a, d, terms, 0 };
	if (parse_terms(&job))
		return NULL;
	struct cond *c = arena_alloc(a, sizeof *c + job.count * sizeof *terms);
	if (!c)
		return NULL;
	terms[job.count - 1].last = true;
	c->unless = token_is(&l->words[from], "unless");
	c->count = (uint16_t)job.count;
	memcpy(c->terms, terms, job.count * sizeof *terms);
	return c;
}

static bool acl_match(const struct acl *acl, struct sample_ctx *ctx)
{
	for (const struct test *t = acl->first; t; t = t->next)
		if (test_match(t, ctx))
			return true;
	return false;
}

bool cond_eval(const struct cond *c, struct sample_ctx *ctx)
{
	const struct term *t = c->terms, *end = t + c->count;
	while (t < end) {
		bool holds = acl_match(t->acl, ctx) != t->negate;
		if (holds && t->last)
			return !c->unless;
		if (!holds)
			while (!t->last)
				t++;
		t++;
	}
	return c->unless;
}

/* A fetch that is there without contents (an address) cannot change with them. */
static enum cond_verdict test_decide(const struct test *t, struct sample_ctx *ctx)
{
	ctx->undecided = ctx->http_pending && t->phases & ctx->phase && !(t->phases & PHASE_CONNECTION);
	if (test_match(t, ctx))
		return COND_YES;
	return ctx->undecided && !ctx->final ? COND_LATER : COND_NO;
}

static enum cond_verdict acl_decide(const struct acl *acl, struct sample_ctx *ctx)
{
	enum cond_verdict all = COND_NO;

	for (const struct test *t = acl->first; t; t = t->next) {
		enum cond_verdict one = test_decide(t, ctx);
		if (one == COND_YES)
			return COND_YES;
		if (one == COND_LATER)
			all = COND_LATER;
	}
	return all;
}

static enum cond_verdict opposite(enum cond_verdict v)
{
	return v == COND_LATER ? v : v == COND_YES ? COND_NO : COND_YES;
}

/* Terms behind one that does not hold are not looked at; behind one that is undecided they are, since one that does not
 * hold decides. */
enum cond_verdict cond_decide(const struct cond *c, struct sample_ctx *ctx)
{
	enum cond_verdict all = COND_NO, group = COND_YES;

	for (unsigned i = 0; i < c->count; i++) {
		const struct term *t = &c->terms[i];
		enum cond_verdict one = group == COND_NO ? COND_NO : acl_decide(t->acl, ctx);

		if (group != COND_NO && t->negate)
			one = opposite(one);
		if (one != COND_YES && group != COND_NO)
			group = one;
		if (!t->last)
			continue;
		if (group == COND_YES)
			return c->unless ? COND_NO : COND_YES;
		if (group == COND_LATER)
			all = COND_LATER;
		group = COND_YES;
	}
	return c->unless ? opposite(all) : all;
}

/* 1 and 0 where the term is always so, -1 where it depends. */
static int term_constant(const struct term *t)
{
	const struct test *test = t->acl->first;
	if (!test || test->next || expr_has_converters(test->expr))
		return -1;
	const char *fetch = expr_fetch_name(test->expr);
	if (strcmp(fetch, "always_true") != 0 && strcmp(fetch, "always_false") != 0)
		return -1;
	return test_match(test, &(struct sample_ctx){ .phase = PHASE_REQUEST }) != t->negate;
}

bool cond_is_constant(const struct cond *c, bool *value)
{
	int group = 1;
	bool depends = false;
	for (unsigned i = 0; i < c->count; i++) {
		int term = term_constant(&c->terms[i]);
		if (term == 0)
			group = 0;
		else if (term < 0 && group)
			group = -1;
		if (!c->terms[i].last)
			continue;
		if (group == 1) {
			*value = !c->unless;
			return true;
		}
		depends |= group < 0;
		group = 1;
	}
	*value = c->unless;
	return !depends;
}
