/* rules: `tcp-request`, `http-request`, `http-response` and their kin: compiled at load, run over an exchange.
 *
 * Each kind is a rule set, a row of rule_set_rows[]: its name, what its expressions may look at, when it runs.  A proxy
 * has one list of rules for each set that it uses.  A list of rules is run from an index.  An action may suspend the exchange (a pause, a body to wait for, a script):
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
struct log_captures;
struct rule;

enum rule_set {
	RULES_TCP_CONNECTION,
	RULES_TCP_SESSION,
	RULES_TCP_CONTENT,
	RULES_TCP_RESPONSE,
	RULES_HTTP_REQUEST,
	RULES_REDIRECT, /* plain `redirect` lines */
	RULES_HTTP_RESPONSE,
	RULES_HTTP_AFTER,
	RULES_SET_COUNT
};

struct rule_set_row {
	const char *name;    /* "tcp-request content": one or two words */
	unsigned phases;     /* enum sample_phase of its expressions */
	bool http;           /* for mode http only */
	bool in_request;     /* before an answer: for log states and counters */
	bool waits_for_more; /* while its conditions cannot be decided, for the time of inspect-delay */
	const char *when;    /* for help and the manual: when it runs */
};
extern const struct rule_set_row rule_set_rows[RULES_SET_COUNT];

enum rule_result {
	RULE_CONTINUE,
	RULE_STOP,          /* no further rule of this list (allow) */
	RULE_ANSWER,        /* the exchange has its answer (exchange_answer was called): deny, return, redirect */
	RULE_SUSPEND,       /* resumed by exchange_resume(); goes on behind this rule */
	RULE_SUSPEND_AGAIN, /* the same, but this rule is run again */
	RULE_MORE,          /* what it looks at has not come yet: the list is run again when more is there */
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
	struct rule_lists *lists; /* that it was written into */
	struct place at;
};

struct rules {
	struct rule *rule; /* [count]; one without an action stands behind the last */
	uint32_t count, room;
};

/* All rules of a proxy; a `listen` has one for both of its sides, by which is known that they run once. */
struct rule_lists {
	struct rules *of[RULES_SET_COUNT];            /* NULL: none */
	uint32_t request_delay_ms, response_delay_ms; /* `tcp-request inspect-delay`, `tcp-response inspect-delay` */
	struct log_captures *captures;                /* slots that they fill; NULL: not of a frontend */
};

/* The rules of that set; `lists` NULL: a proxy without any. */
static inline const struct rules *rules_of(const struct rule_lists *lists, enum rule_set set)
{
	return lists ? lists->of[set] : NULL;
}

/* Parses one line, `http-request ...`, and appends the rule to lists->of[set] (made where NULL). */
int rules_parse(struct rule_lists *lists, enum rule_set set, const struct line *l, struct acl_set *acls,
	struct arena *a, struct diag *d);
struct errors;
/* `http-error status STATUS ...`, the arguments of `return`: puts the page into *into (made where NULL). 0, -EINVAL after a
 * diagnosis, or -ENOMEM. */
int http_error_parse(struct errors **into, const struct line *l, struct arena *a, struct diag *d);
/* Runs from rule *at; on a suspension *at is where to go on. `rules` may be NULL: RULE_CONTINUE. */
enum rule_result rules_run(const struct rules *rules, struct exchange *x, uint32_t *at);
/* The same for sets that wait for more: RULE_MORE where that has to tell, with *at at the first rule. */
enum rule_result rules_decide(const struct rules *rules, struct exchange *x, uint32_t *at);
/* Other rooms and files add their actions at start. */
void rules_register(const struct action_row *rows, size_t count);
/* Row by index over all, NULL behind the last. */
const struct action_row *rules_action_at(size_t index);

#endif
