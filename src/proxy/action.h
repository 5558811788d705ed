/* What the files of actions share: values that are formats, rewrites that fail, answers.  For the room only. */
#ifndef PROXY_ACTION_H
#define PROXY_ACTION_H

#include "ballast/proxy/exchange.h"
#include "ballast/proxy/rules.h"
#include "ballast/sample/format.h"

#define RULES_CONNECTION (1u << RULES_TCP_CONNECTION)
#define RULES_SESSION (1u << RULES_TCP_SESSION)
#define RULES_CONTENT (1u << RULES_TCP_CONTENT)
#define RULES_CONTENT_RESPONSE (1u << RULES_TCP_RESPONSE)
#define RULES_REQUEST (1u << RULES_HTTP_REQUEST)
#define RULES_RESPONSE (1u << RULES_HTTP_RESPONSE)
#define RULES_AFTER (1u << RULES_HTTP_AFTER)
#define RULES_BOTH (RULES_REQUEST | RULES_RESPONSE)
#define RULES_HTTP (RULES_BOTH | RULES_AFTER)
#define RULES_TCP_REQUEST (RULES_CONNECTION | RULES_SESSION | RULES_CONTENT)
#define RULES_TCP (RULES_TCP_REQUEST | RULES_CONTENT_RESPONSE)

struct regex;

/* Phases in which a rule of that set runs. */
static inline unsigned rule_phases(enum rule_set set)
{
	return rule_set_rows[set].phases;
}

/* The message that a rule of that set is about. */
static inline struct msg *rule_msg(struct exchange *x, const struct rule *r)
{
	return rule_set_rows[r->set].in_request ? &x->request : &x->response;
}

/* True where the arguments of an action end: a condition, or the line's end. */
static inline bool action_args_end(const struct line *l, size_t at)
{
	return at >= l->count || token_is(&l->words[at], "if") || token_is(&l->words[at], "unless");
}

/* The next argument, *at moved on; NULL after an error that names `what` was expected. */
const struct token *action_arg(const struct line *l, size_t *at, const char *what, struct diag *d);

/* What stands in parentheses behind the action's name, `sc-inc-gpc0(<text>)`, NUL-terminated in the arena.  0, or -EINVAL
 * after an error that says `what` belongs there. */
int action_parens(const struct line *l, const char *what, struct slice *inside, struct arena *a, struct diag *d);

/* A format of the configuration, or the plain text that it comes to. */
struct action_value {
	const struct format *format; /* NULL: `literal` is all of it */
	struct slice literal;
};

/* What bytes a value may hold. */
enum action_value_kind {
	VALUE_FIELD, /* of a header field: no controls but tab (RFC 9110 section 5.5); OWS around it is cut off */
	VALUE_BODY,  /* any */
};

/* Parses the format in `t`. 0 or -EINVAL. */
int action_value_parse(struct action_value *v, const struct token *t, enum action_value_kind kind, enum rule_set set,
	struct arena *a, struct diag *d);
/* Parses `text` instead of the token's own (a file's content). */
int action_value_parse_text(struct action_value *v, const char *text, const struct token *t,
	enum action_value_kind kind, enum rule_set set, struct arena *a, struct diag *d);
/* Its text now; lies in the exchange's arena or the graph. False where it is too long, memory is out, or it came to
 * hold bytes that it must not. */
bool action_value_render(const struct action_value *v, struct exchange *x, enum action_value_kind kind,
	struct slice *out);
/* No controls but tab. */
bool field_value_valid(struct slice s);
/* May it stand in a token (RFC 9110 section 5.6.2)? */
bool token_byte_valid(unsigned char c);

/* A name of a field in `t`: 0, or -EINVAL after an error where it is no token (RFC 9110 section 5.6.2). */
int action_field_name(const struct token *t, struct slice *name, struct diag *d);

/* The next argument as the name of a field that rules may change. 0 or -EINVAL. */
int action_edit_name(const struct line *l, size_t *at, struct slice *name, struct diag *d);
/* Compiles the regular expression in `t`. 0, or -EINVAL after an error. */
int action_regex(const struct token *t, bool ignore_case, struct regex **out, struct arena *a, struct diag *d);
/* What may not stand in a target percent-encoded; ptr NULL where memory is out. */
struct slice action_encode_target(struct slice s, struct arena *a);
/* 0 or negative errno. */
int action_set_path(struct exchange *x, struct slice path);
int action_set_pathq(struct exchange *x, struct slice pathq);

/* A rewrite could not be done: counts it, and fails the request with 500 unless `strict-mode off`. */
enum rule_result action_rewrite_failed(struct exchange *x, const struct rule *r);
/* Answers, as 'L' in the log where no other cause is set yet, and ends the rules. */
enum rule_result action_answer(struct exchange *x, const struct rule *r, const struct answer *a);

extern const struct action_row address_action_rows[], body_action_rows[], capture_action_rows[],
	connection_action_rows[], flow_action_rows[], header_action_rows[], hint_action_rows[], map_action_rows[],
	redirect_action_rows[], replace_action_rows[], return_action_rows[], service_action_rows[],
	status_action_rows[], track_action_rows[], uri_action_rows[], var_action_rows[];
extern const size_t address_action_count, body_action_count, capture_action_count, connection_action_count,
	flow_action_count, header_action_count, hint_action_count, map_action_count, redirect_action_count,
	replace_action_count, return_action_count, service_action_count, status_action_count, track_action_count,
	uri_action_count, var_action_count;

#endif
