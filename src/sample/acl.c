/* Named ACLs: the sets of sections, and those that are always there (HAProxy's manual, sections 7.1 and 7.4). */
#include <ctype.h>

#include "acl_private.h"
#include "private.h"

void acl_set_init(struct acl_set *set)
{
	*set = (struct acl_set){ 0 };
}

void acl_set_add(struct acl_set *set, struct acl *acl)
{
	if (!set->last)
		set->last = &set->first;
	*set->last = acl;
	set->last = &acl->next;
}

struct acl *acl_find(const struct acl_set *set, struct slice name)
{
	for (struct acl *acl = set ? set->first : NULL; acl; acl = acl->next)
		if (slice_eq(slice_from_str(acl->name), name))
			return acl;
	return NULL;
}

static void acl_add_test(struct acl *acl, struct test *t)
{
	*acl->last = t;
	acl->last = &t->next;
}

struct acl *acl_new(const char *name, struct test *t, struct arena *a)
{
	struct acl *acl = arena_zalloc(a, sizeof *acl);
	if (!acl)
		return NULL;
	acl->name = name;
	acl->last = &acl->first;
	if (t)
		acl_add_test(acl, t);
	return acl;
}

static int check_name(const struct token *t, struct diag *d)
{
	for (const char *at = t->text; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("-_.:", *at)) {
			diag_error(d, &t->at, "letters, digits, '-', '_', '.' and ':'",
				"'%c' may not be in the name of an ACL", *at);
			return -EINVAL;
		}
	if (!t->len || token_is(t, "or") || token_is(t, "and") || token_is(t, "if") || token_is(t, "unless")) {
		diag_error(d, &t->at, NULL, t->len ? "an ACL cannot be named '%s'" : "the name of an ACL is empty%s",
			t->text);
		return -EINVAL;
	}
	return 0;
}

int acl_parse(const struct line *l, struct acl_set *set, struct arena *a, struct diag *d)
{
	if (l->count < 3) {
		diag_error(d, &l->words[l->count].at, "acl NAME CRITERION [flags] [operator] [values]", "%s",
			l->count < 2 ? "acl needs a name and a criterion" : "acl needs a criterion behind its name");
		return -EINVAL;
	}
	const struct token *name = &l->words[1];
	if (check_name(name, d))
		return -EINVAL;
	struct test *t = test_parse(l, 2, l->count, a, d);
	if (!t)
		return -EINVAL;
	struct acl *acl = acl_find(set, token_slice(name));
	if (acl) {
		acl_add_test(acl, t);
		return 0;
	}
	acl = acl_new(name->text, t, a);
	if (!acl)
		return -ENOMEM;
	acl_set_add(set, acl);
	return 0;
}

/* ---- predefined ---- */

enum { WORDS_MAX = 4 };

static const struct {
	const char *name;
	const char *words[WORDS_MAX];
} predefined[] = {
	{ "FALSE", { "always_false" } },
	{ "HTTP", { "req.proto_http" } },
	{ "HTTP_1.0", { "req.ver", "1.0" } },
	{ "HTTP_1.1", { "req.ver", "1.1" } },
	{ "HTTP_2.0", { "req.ver", "2.0" } },
	{ "HTTP_3.0", { "req.ver", "3.0" } },
	{ "HTTP_CONTENT", { "req.hdr_val(content-length)", "gt", "0" } },
	{ "HTTP_URL_ABS", { "url,field(1,/)", "-m", "end", ":" } },
	{ "HTTP_URL_SLASH", { "url_beg", "/" } },
	{ "HTTP_URL_STAR", { "url", "*" } },
	{ "LOCALHOST", { "src", "127.0.0.1/8", "::1" } },
	{ "METH_CONNECT", { "method", "CONNECT" } },
	{ "METH_DELETE", { "method", "DELETE" } },
	{ "METH_GET", { "method", "GET", "HEAD" } },
	{ "METH_HEAD", { "method", "HEAD" } },
	{ "METH_OPTIONS", { "method", "OPTIONS" } },
	{ "METH_POST", { "method", "POST" } },
	{ "METH_PUT", { "method", "PUT" } },
	{ "METH_TRACE", { "method", "TRACE" } },
	{ "RDP_COOKIE", { "req.rdp_cookie_cnt", "gt", "0" } },
	{ "REQ_CONTENT", { "req.len", "gt", "0" } },
	{ "TRUE", { "always_true" } },
	{ "WAIT_END", { "wait_end" } },
};
enum { PREDEFINED = sizeof predefined / sizeof *predefined };

const char *acl_predefined_name(unsigned i)
{
	return i < PREDEFINED ? predefined[i].name : NULL;
}

struct acl *acl_predefined(struct slice name, const struct place *at, struct arena *a, struct diag *d)
{
	struct token words[WORDS_MAX + 1];
	struct line l = { words, 0 };
	unsigned i = 0;
	while (i < PREDEFINED && !slice_eq(slice_from_str(predefined[i].name), name))
		i++;
	if (i == PREDEFINED)
		return NULL;
	for (; l.count < WORDS_MAX && predefined[i].words[l.count]; l.count++) {
		const char *text = predefined[i].words[l.count];
		words[l.count] = (struct token){ text, strlen(text), *at };
	}
	words[l.count] = (struct token){ "", 0, *at };
	struct test *t = test_parse(&l, 0, l.count, a, d);
	return t ? acl_new(predefined[i].name, t, a) : NULL;
}
