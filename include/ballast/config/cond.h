/* cond: the conditions of .if and .elif, and of -cc (manual, section 2.4).
 *
 * An integer, a predicate with its arguments, '!', '(' ')', '&&' before '||'.  The whole condition is read even
 * where its value is known early, so that a fault in it is found on every machine.
 */
#ifndef BALLAST_CONFIG_COND_H
#define BALLAST_CONFIG_COND_H

#include "ballast/base/arena.h"
#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/config/env.h"

/* What predicates are asked about. */
struct cond_facts {
	const struct config_env *env; /* defined() and variables; NULL: none exists */
	const char *version;          /* of the dialect: CONFIG_DIALECT */
	const char *openssl_version;  /* of the library that does TLS; NULL: there is no TLS */
	const char *tls_library;      /* "OpenSSL"; NULL: there is no TLS */
};

/* The facts about this Ballast, with `env`. */
struct cond_facts cond_facts_here(const struct config_env *env);

/* `count` words, joined by single spaces, as one condition (none: false).
 * 1 or 0, or -EINVAL or -ENOMEM after an error was added at the place of the fault. */
int cond_words(const struct token *words, size_t count, const struct cond_facts *f, struct arena *a, struct diag *d);

/* The same for a text that is yet to be cut into words, as -cc has it.  `text` must outlive the diag. */
int cond_evaluate(const char *text, const struct cond_facts *f, struct arena *a, struct diag *d);

#endif
