/* One test of an ACL, and what acl.c and cond.c share. */
#ifndef BALLAST_SAMPLE_ACL_PRIVATE_H
#define BALLAST_SAMPLE_ACL_PRIVATE_H

#include "ballast/sample/acl.h"
#include "ballast/sample/expr.h"
#include "pattern_list.h"

struct test {
	struct test *next;
	const struct expr *expr;
	const struct patterns *patterns;    /* of the line */
	const struct pattern_index **lists; /* of files */
	unsigned list_count;
	uint8_t wanted; /* type to cast the sample to */
	uint8_t phases; /* where its fetch is there */
	bool many;      /* all values are looked at */
};

struct acl {
	struct acl *next;
	const char *name; /* NULL: anonymous */
	struct test *first, **last;
};

/* The test in words[from] up to before words[end]: criterion, flags, patterns. NULL after a diagnosis. */
struct test *test_parse(const struct line *l, size_t from, size_t end, struct arena *a, struct diag *d);
bool test_match(const struct test *t, struct sample_ctx *ctx);
/* An ACL of one test; name may be NULL. NULL where memory is out. */
struct acl *acl_new(const char *name, struct test *t, struct arena *a);
struct acl *acl_find(const struct acl_set *set, struct slice name);
void acl_set_add(struct acl_set *set, struct acl *acl);
/* Makes the predefined ACL of that name: NULL where there is none, or after a diagnosis at `at`. */
struct acl *acl_predefined(struct slice name, const struct place *at, struct arena *a, struct diag *d);
/* The i-th predefined name; NULL behind the last. */
const char *acl_predefined_name(unsigned i);

#endif
