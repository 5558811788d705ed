/* var: variables `scope.name` (HAProxy's manual, section 2.8).
 *
 * A name is interned when the configuration is read and becomes an index, so that a rule finds its variable in an array.
 * txn, req and res live in the exchange's arena, sess with the client's connection, proc with the process: its values
 * are replaced as a whole and read without a lock (event/grace.h).  An exchange without variables has no array.
 * req is there until a response is, res from then on, check (and sess, of its own) in a health check.
 */
#ifndef BALLAST_SAMPLE_VAR_H
#define BALLAST_SAMPLE_VAR_H

#include "ballast/sample/sample.h"

enum var_scope { VAR_PROC, VAR_SESS, VAR_TXN, VAR_REQ, VAR_RES, VAR_CHECK, VAR_SCOPE_COUNT };

/* Conditions of set-var; all of them must hold. Bits. */
enum var_condition {
	VAR_IF_EXISTS = 1,
	VAR_IF_NOT_EXISTS = 2,
	VAR_IF_EMPTY = 4, /* the new value is an empty text */
	VAR_IF_NOT_EMPTY = 8,
	VAR_IF_SET = 16,
	VAR_IF_NOT_SET = 32,
	VAR_IF_GREATER = 64, /* the present integer is greater than the new one */
	VAR_IF_LESS = 128,
};

struct var_name;

/* The variable that `text` ("txn.user") names, made where it is new. NULL, or what is wrong with it (static text, one
 * sentence without full stop). While a configuration is read, or by the admin's thread. */
const char *var_intern(struct slice text, const struct var_name **out);
/* The same, NULL where no configuration names it. */
const struct var_name *var_find(struct slice text);
enum var_scope var_scope(const struct var_name *name);
/* "txn.user", NUL-terminated. */
struct slice var_text(const struct var_name *name);
/* Adds the bit of "ifexists" and its kin to *conditions. False: no such word. */
bool var_condition_parse(struct slice word, unsigned *conditions);

/* The value; false where it is not set, or its scope is not there.  Bytes are valid until the rule has run. */
bool var_get(const struct sample_ctx *ctx, const struct var_name *name, struct sample *out);
/* Keeps a copy of the value, where the conditions hold; *s then points to the copy. 0, or -ENOMEM; -ENOENT where the scope
 * is not there. */
int var_set(struct sample_ctx *ctx, const struct var_name *name, unsigned conditions, struct sample *s);
void var_unset(struct sample_ctx *ctx, const struct var_name *name);

/* At the end of a client's connection. */
void var_session_free(struct vars *vars);

#endif
