/* acl: named tests and the conditions made of them (HAProxy's manual, sections 7.1, 7.2 and 7.4).
 *
 * A test is an expression and a set of patterns; an ACL is a list of tests of which one must match; a condition is a
 * disjunction of conjunctions of ACLs.  All is compiled at load, and immutable and shared by all threads after.
 * Many exact strings are looked up in a hash set, other patterns one by one.
 */
#ifndef BALLAST_SAMPLE_ACL_H
#define BALLAST_SAMPLE_ACL_H

#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/sample/sample.h"

struct acl;
struct cond;

/* The ACLs of one proxy section (also of a named defaults section, whose ACLs only its own rules see).
 * Zeroed is empty. */
struct acl_set {
	struct acl *first, **last;
};

void acl_set_init(struct acl_set *set);
/* `acl NAME CRITERION [flags] [operator] [values]`: makes or completes one. 0, or -EINVAL after a diagnosis (-ENOMEM).
 * Memory from `a`, here and below. */
int acl_parse(const struct line *l, struct acl_set *set, struct arena *a, struct diag *d);
/* The condition at words[from], which is `if` or `unless`, to the line's end. `set` may be NULL; predefined ACLs
 * (TRUE, METH_GET ...) are always known, and those that are used are kept in `set`.
 * `phases`: where it will be evaluated; a test whose fetch is not there in any of them never matches, and is warned
 * of. NULL after a diagnosis. */
struct cond *cond_parse(const struct line *l, size_t from, struct acl_set *set, unsigned phases, struct arena *a,
	struct diag *d);
/* Index of the `if` or `unless` that starts a condition at or after words[from]; l->count where there is none. */
size_t cond_find(const struct line *l, size_t from);
/* Whether the rule applies: `unless` is taken into account.  A test whose sample is not there does not match. */
bool cond_eval(const struct cond *c, struct sample_ctx *ctx);
/* The same while more bytes of a session may come: a test that does not match yet, but may once they did, decides
 * nothing. */
enum cond_verdict { COND_NO, COND_YES, COND_LATER };
enum cond_verdict cond_decide(const struct cond *c, struct sample_ctx *ctx);
/* True, with *value, where it is always the same (TRUE, always_false): the rule can be dropped or made plain. */
bool cond_is_constant(const struct cond *c, bool *value);

#endif
