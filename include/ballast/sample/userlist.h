/* userlist: who may log in: names, passwords and groups (HAProxy's manual, section 12.2).
 *
 * Lists are found by name within a configuration and may be named before they are defined; all is read-only once it was
 * resolved.  A hashed password costs its hash, milliseconds and more, each time that it is tried: what was tried is
 * remembered by each thread, as a keyed hash, so that a client which shows the same password with each request is let in
 * at once; only passwords that a thread did not see lately hold it up.
 */
#ifndef BALLAST_SAMPLE_USERLIST_H
#define BALLAST_SAMPLE_USERLIST_H

#include "ballast/base/diag.h"
#include "ballast/base/slice.h"
#include "ballast/base/token.h"

struct arena;
struct userlist;
struct userlist_user;

/* The list of that name in the configuration that `a` belongs to, made where it is new; `at` is where it is named. NULL:
 * out of memory.  While loading, as all but the last two. */
struct userlist *userlist_refer(struct arena *a, struct slice name, const struct place *at);
/* The section `userlist NAME` begins: NULL after a diagnosis (there is one already, memory). */
struct userlist *userlist_define(struct arena *a, const struct token *name, struct diag *d);
/* `user NAME [password|insecure-password PASSWORD] [groups G,G]`: 0, or -EINVAL after a diagnosis, -ENOMEM. */
int userlist_add_user(struct userlist *l, const struct line *line, struct diag *d);
/* `group NAME [users U,U]` */
int userlist_add_group(struct userlist *l, const struct line *line, struct diag *d);
/* When all is read: lists, users and groups that were named must be there. 0 or -ENOMEM; faults are in `d`. */
int userlists_resolve(const struct arena *a, struct diag *d);

/* The user with this password, or NULL.  On a loop's thread. */
const struct userlist_user *userlist_check(const struct userlist *l, struct slice name, struct slice password);
/* The i-th group of the user, NULL behind the last. */
const char *userlist_group(const struct userlist_user *u, unsigned i);

#endif
