/* rules: `http-request`, `http-response` and their kin: compiled at load, run over an exchange.
 *
 * A list of rules is run from an index.  An action may suspend the exchange (a pause, a body to wait for, a script):
 * it arranges to be called again through exchange_resume(), and the run goes on at the rule behind it, or at the
 * same rule where it says so.  One mechanism serves them all.
 *
 * A new action is one row in one table (action_rows[] of its file) and its functions.
 */
#ifndef BALLAST_PROXY_RULES_H
#define BALLAST_PROXY_RULES_H

#include "ballast/base/token.h"
#include "ballast/sample/acl.h"

struct exchange;
struct rule;

enum rule_set { RULES_HTTP_REQUEST, RULES_HTTP_RESPONSE, RULES_SET_COUNT };

enum rule_result {
	RULE_CONTINUE,
	RULE_STOP,          /* no further rule of this list (allow) */
	RULE_ANSWER,        /* the exchange has its answer (exchange_answer was called): deny, return, redirect */
	RULE_SUSPEND,       /* resumed by exchange_resume(); goes on behind this rule */
	RULE_SUSPEND_AGAIN, /* the same, but this rule is run again */
	RULE_ERROR,         /* out of memory or the like: 500 */
};

/* Arguments in parentheses may follow in the same word: set-var(<name>) (action_parens). */
#define ACTION_PARENS (1u << 31)

struct action_row {
	const char *name;
	unsigned sets;    /* bits 1 << enum rule_set; and ACTION_PARENS */
	const char *args; /* for help: "<name> <fmt>" */
	const char *help; /* one line */
	/* Parses line->words[*at..], leaves *at at `if`/`unless` or the end. Fills rule->arg. 0 or -EINVAL. */
	int (*parse)(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d);
	enum rule_result (*run)(struct exchange *x, const struct rule *r);
	bool final; /* nothing after it runs where it has no condition: a warning for what follows */
};

struct rule {
	const struct action_row *action;
	struct cond *cond; /* NULL: always */
	void *arg;         /* of the action, in the graph's arena */
	enum rule_set set;
	struct place at;
};

struct rules {
	struct rule *rule;
	uint32_t count, room;
};

/* Parses one `http-request ...` or `http-response ...` line and appends it to *list (made where NULL). */
int rules_parse(struct rules **list, enum rule_set set, const struct line *l, struct acl_set *acls, struct arena *a,
	struct diag *d);
/* Runs from rule *at; on a suspension *at is where to go on. `rules` may be NULL: RULE_CONTINUE. */
enum rule_result rules_run(const struct rules *rules, struct exchange *x, uint32_t *at);
/* Other rooms and files add their actions at start. */
void rules_register(const struct action_row *rows, size_t count);
/* Row by index over all, NULL behind the last. */
const struct action_row *rules_action_at(size_t index);

#endif
