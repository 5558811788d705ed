/* check_parse_connect: lines that http-check and tcp-check have in common: connect, set-var, set-var-fmt, unset-var. */
#include <errno.h>

#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"
#include "ballast/sample/var.h"
#include "check_private.h"

/* --- connect --- */

enum word {
	WORD_DEFAULT,
	WORD_SEND_PROXY,
	WORD_SSL,
	WORD_LINGER,
	WORD_PORT,
	WORD_ADDR,
	WORD_SNI,
	WORD_ALPN,
	WORD_PROTO,
	WORD_COMMENT
};
static const char *const words[] = { "default", "send-proxy", "ssl", "linger", "port", "addr", "sni", "alpn", "proto",
	"comment", NULL };

static bool is_number(const char *text)
{
	return (unsigned char)(*text - '0') < 10;
}

static int set_port(struct check_connect *c, const struct token *t, struct arena *a, struct diag *d)
{
	int64_t n;

	if (is_number(t->text)) {
		if (token_int(t, "port", 1, 65535, &n, d))
			return -EINVAL;
		c->port = (uint16_t)n;
		return 0;
	}
	c->port_expr = expr_parse_token(t, PHASE_CHECK, a, d);
	return c->port_expr ? 0 : -EINVAL;
}

static int set_addr(struct check_connect *c, const struct token *t, struct arena *a, struct diag *d)
{
	struct endpoint_spec spec;

	if (endpoint_parse(token_slice(t), t, 0, &spec, a, d))
		return -EINVAL;
	if (spec.any || spec.at.fd >= 0) {
		diag_error(d, &t->at, NULL, "addr needs an address to connect to");
		return -EINVAL;
	}
	c->addr = spec.at;
	return 0;
}

/* What each kind of check speaks anyway; nothing else can be had. */
static int set_proto(const struct token *t, bool http, struct diag *d)
{
	const char *own = http ? "h1" : "none";

	if (token_is(t, own))
		return 0;
	diag_error(d, &t->at, own, "checks with 'proto %s' are not supported by Ballast (yet)", t->text);
	return -EINVAL;
}

static int set_word(struct check_step *step, enum word w, bool http, const struct token *t, struct arena *a,
	struct diag *d)
{
	struct check_connect *c = &step->connect;

	switch (w) {
	case WORD_DEFAULT: c->use_default = true; return 0;
	case WORD_SEND_PROXY: c->send_proxy = true; return 0;
	case WORD_SSL: c->tls = true; return 0;
	case WORD_LINGER: c->linger = true; return 0;
	case WORD_PORT: return set_port(c, t, a, d);
	case WORD_ADDR: return set_addr(c, t, a, d);
	case WORD_SNI: c->sni = t->text; return 0;
	case WORD_ALPN: c->alpn = t->text; return 0;
	case WORD_PROTO: return set_proto(t, http, d);
	case WORD_COMMENT: step->comment = t->text; return 0;
	}
	return 0;
}

static int check_words(const struct check_connect *c, const struct line *l, struct diag *d)
{
	if (c->tls || c->use_default || (!c->sni && !c->alpn))
		return 0;
	diag_error(d, &l->words[1].at, "add 'ssl'", "'%s' belongs to a connection over TLS", c->sni ? "sni" : "alpn");
	return -EINVAL;
}

/* Whoever writes one connection writes the first one, too. */
static bool begins_without(const struct check_script *s)
{
	for (uint32_t i = 0; i < s->step_count; i++)
		if (s->steps[i].kind != STEP_VARIABLE && !s->steps[i].implied)
			return s->steps[i].kind != STEP_CONNECT;
	return false;
}

int check_parse_connect(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	struct check_step *step;

	if (begins_without(s)) {
		diag_error(d, &l->words[1].at, NULL,
			"the first step must be a connect, too (only set-var, unset-var and comment may stand before "
			"it)");
		return -EINVAL;
	}
	step = check_script_add_before(s, STEP_CONNECT, a);
	if (!step)
		return -ENOMEM;
	step->connect = (struct check_connect){ .addr.fd = -1 };
	for (size_t i = 2; i < l->count; i++) {
		const struct token *t = &l->words[i];
		unsigned word;
		if (token_is(t, "via-socks4")) {
			diag_error(d, &t->at, NULL, "'via-socks4' is not supported by Ballast (yet)");
			return -EINVAL;
		}
		if (token_choice(t, "argument of connect", words, &word, d))
			return -EINVAL;
		if (word >= WORD_PORT && ++i >= l->count)
			return check_word_missing(l, t, d);
		if (set_word(step, (enum word)word, s->http, &l->words[i], a, d))
			return -EINVAL;
	}
	return check_words(&step->connect, l, d);
}

/* --- variables --- */

static const char *const actions[] = { "set-var(", "set-var-fmt(", "unset-var(" };
enum action { SET_VAR, SET_VAR_FMT, UNSET_VAR };

static int action_of(const struct token *t)
{
	for (int i = 0; i < 3; i++)
		if (slice_starts_with(token_slice(t), slice_from_str(actions[i])))
			return i;
	return -1;
}

bool check_is_variable(const struct line *l)
{
	return action_of(&l->words[1]) >= 0;
}

/* "NAME[,COND...]" between the parentheses. */
static int parse_name(struct check_variable *v, struct slice inside, bool sets, const struct token *t, struct diag *d)
{
	struct slice rest = inside, name, word;
	const char *wrong = NULL;

	if (!slice_next_member(&rest, &name))
		name = inside;
	wrong = var_intern(name, &v->name);
	if (!wrong && var_scope(v->name) != VAR_PROC && var_scope(v->name) != VAR_SESS &&
		var_scope(v->name) != VAR_CHECK)
		wrong = "is not there in checks, which know the scopes proc, sess and check";
	while (!wrong && slice_next_member(&rest, &word))
		if (!sets || !var_condition_parse(word, &v->conditions))
			wrong = "has something behind its name that is no condition";
	if (!wrong)
		return 0;
	diag_error(d, &t->at, "set-var(check.name) EXPRESSION", "'%.*s' %s", (int)name.len, name.ptr, wrong);
	return -EINVAL;
}

static int parse_value(struct check_variable *v, enum action what, const struct token *t, struct arena *a,
	struct diag *d)
{
	if (what == SET_VAR)
		v->expr = expr_parse_token(t, PHASE_CHECK, a, d);
	else
		v->format = format_parse(t->text, &t->at, FORMAT_VALUE, PHASE_CHECK, a, d);
	return v->expr || v->format ? 0 : -EINVAL;
}

int check_parse_variable(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	const struct token *t = &l->words[1];
	enum action what = (enum action)action_of(t);
	struct slice inside = slice_skip(token_slice(t), strlen(actions[what]));
	struct check_step *step;
	int err = line_args(l, what == UNSET_VAR ? 1 : 2, what == UNSET_VAR ? 1 : 2, d);

	if (err)
		return err;
	if (!slice_ends_with(inside, SLICE(")"))) {
		diag_error(d, &t->at, NULL, "a closing parenthesis is missing");
		return -EINVAL;
	}
	step = check_script_add_before(s, STEP_VARIABLE, a);
	if (!step)
		return -ENOMEM;
	step->variable = (struct check_variable){ 0 };
	err = parse_name(&step->variable, slice_of(inside.ptr, inside.len - 1), what != UNSET_VAR, t, d);
	if (!err && what != UNSET_VAR)
		err = parse_value(&step->variable, what, &l->words[2], a, d);
	return err;
}
