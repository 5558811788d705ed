/* check_parse_tcp: `option tcp-check`, and the lines of tcp-check. */
#include <errno.h>

#include "ballast/sample/format.h"
#include "check_private.h"

int tcp_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	int err = line_args(l, 1, 1, d);
	struct check_script *s = err ? NULL : check_script_extend(b, false, a);

	if (!s)
		return err ? err : -ENOMEM;
	if (!s->rules_owner)
		s->rules_owner = b; /* its messages tell of steps */
	err = check_script_commit(b, s, a);
	if (!err)
		b->checks.method = CHECK_TCP;
	return err;
}

/* --- send, send-lf, send-binary, send-binary-lf --- */

static int set_data(struct check_text *to, const struct token *t, bool format, bool hex, struct arena *a,
	struct diag *d)
{
	*to = (struct check_text){ .hex = hex };
	if (format) {
		to->format = format_parse(t->text, &t->at, FORMAT_VALUE, PHASE_CHECK, a, d);
		return to->format ? 0 : -EINVAL;
	}
	if (hex)
		return check_parse_hex(t, &to->text, a, d);
	to->text = token_slice(t);
	return 0;
}

static int parse_send(struct check_script *s, const struct line *l, bool format, bool hex, struct arena *a,
	struct diag *d)
{
	struct check_step *step;
	int err = line_args(l, 2, 4, d);

	if (err)
		return err;
	if (l->count > 3 && !token_is(&l->words[3], "comment")) {
		diag_error(d, &l->words[3].at, "escape spaces: a\\ b", "unexpected argument '%s'", l->words[3].text);
		return -EINVAL;
	}
	if (l->count == 4)
		return check_word_missing(l, &l->words[3], d);
	step = check_script_add(s, STEP_SEND, a);
	if (!step)
		return -ENOMEM;
	if (l->count == 5)
		step->comment = l->words[4].text;
	return set_data(&step->send, &l->words[2], format, hex, a, d);
}

/* --- the line --- */

enum rule { SEND, SEND_LF, SEND_BINARY, SEND_BINARY_LF, EXPECT, CONNECT, COMMENT };

static int parse_rule(struct check_script *s, enum rule rule, const struct line *l, struct arena *a, struct diag *d)
{
	switch (rule) {
	case EXPECT: return check_parse_expect(s, l, a, d);
	case CONNECT: return check_parse_connect(s, l, a, d);
	case COMMENT: return check_parse_comment(s, l, a, d);
	default:
		return parse_send(s, l, rule == SEND_LF || rule == SEND_BINARY_LF,
			rule == SEND_BINARY || rule == SEND_BINARY_LF, a, d);
	}
}

int tcp_check_parse_rule(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	static const char *const rules[] = { "send", "send-lf", "send-binary", "send-binary-lf", "expect", "connect",
		"comment", NULL };
	struct check_script *s;
	unsigned rule = 0;
	int err;

	if (!check_is_variable(l) && token_choice(&l->words[1], "tcp-check rule", rules, &rule, d))
		return -EINVAL;
	s = check_script_extend_rules(b, false, a);
	if (!s)
		return -ENOMEM;
	err = check_is_variable(l) ? check_parse_variable(s, l, a, d) : parse_rule(s, (enum rule)rule, l, a, d);
	return err ? err : check_script_commit(b, s, a);
}
