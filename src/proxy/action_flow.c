/* Actions that steer the rules themselves: allow, pause, set-log-level, strict-mode. */
#include <limits.h>
#include <string.h>

#include "action.h"
#include "ballast/net/log.h"
#include "ballast/sample/expr.h"
#include "internal.h"

static enum rule_result run_allow(struct exchange *x, const struct rule *r)
{
	(void)x, (void)r;
	return RULE_STOP;
}

/* ---- pause { <timeout> | <expr> } ---- */

struct pause {
	const struct expr *expr; /* NULL: ms */
	uint32_t ms;
};

static int parse_pause(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	const struct token *t = action_arg(l, at, "a time or an expression", d);
	struct pause *p = arena_zalloc(a, sizeof *p);

	if (!t)
		return -EINVAL;
	if (!p)
		return -ENOMEM;
	r->arg = p;
	if (t->text[0] >= '0' && t->text[0] <= '9')
		return token_time_ms(t, "pause", "ms", &p->ms, d);
	p->expr = expr_parse_token(t, rule_phases(r->set), a, d);
	return p->expr ? 0 : -EINVAL;
}

static enum rule_result run_pause(struct exchange *x, const struct rule *r)
{
	const struct pause *p = r->arg;
	int64_t ms = p->ms;
	struct sample s;

	if (p->expr)
		ms = expr_eval(p->expr, &x->sample, SAMPLE_INT, &s) ? s.num : 0;
	if (ms <= 0 || ms > INT_MAX)
		return RULE_CONTINUE;
	exchange_pause(x, (uint32_t)ms);
	return RULE_SUSPEND;
}

/* ---- set-log-level <level> ---- */

static int parse_log_level(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	const char *names[LOG_L_COUNT + 2] = { NULL };
	const struct token *t = action_arg(l, at, "a level", d);
	uint8_t *level = arena_alloc(a, sizeof *level);
	unsigned choice;

	if (!t)
		return -EINVAL;
	if (!level)
		return -ENOMEM;
	for (unsigned i = 0; i < LOG_L_COUNT; i++)
		names[i] = log_level_names[i];
	names[LOG_L_COUNT] = "silent";
	if (token_choice(t, "log level", names, &choice, d) < 0)
		return -EINVAL;
	*level = choice == LOG_L_COUNT ? LOG_SILENT_SET : (uint8_t)(choice + 1);
	r->arg = level;
	return 0;
}

static enum rule_result run_log_level(struct exchange *x, const struct rule *r)
{
	x->log_level = *(const uint8_t *)r->arg;
	return RULE_CONTINUE;
}

/* ---- strict-mode { on | off } ---- */

static int parse_strict(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	static const char *const words[] = { "off", "on", NULL };
	static bool on = true, off;
	const struct token *t = action_arg(l, at, "'on' or 'off'", d);
	unsigned choice;

	(void)a;
	if (!t || token_choice(t, "strict-mode", words, &choice, d) < 0)
		return -EINVAL;
	r->arg = choice ? &on : &off;
	return 0;
}

static enum rule_result run_strict(struct exchange *x, const struct rule *r)
{
	if (*(const bool *)r->arg)
		x->flags &= ~(uint32_t)XF_LENIENT;
	else
		x->flags |= XF_LENIENT;
	return RULE_CONTINUE;
}

static enum rule_result run_no_retry(struct exchange *x, const struct rule *r)
{
	(void)r;
	x->flags |= XF_NO_L7_RETRY;
	return RULE_CONTINUE;
}

const struct action_row flow_action_rows[] = {
	{ "allow", RULES_HTTP, "", "ends this list of rules; the message goes on", NULL, run_allow, true },
	{ "disable-l7-retry", RULES_REQUEST, "", "once sent, this request is not sent again", NULL, run_no_retry,
		false },
	{ "pause", RULES_BOTH, "<time> | <expr>", "waits before the next rule", parse_pause, run_pause, false },
	{ "set-log-level", RULES_CONTENT | RULES_CONTENT_RESPONSE | RULES_HTTP, "<level>",
		"level of this request's log line, or 'silent'", parse_log_level, run_log_level, false },
	{ "strict-mode", RULES_HTTP, "on | off", "whether a rewrite that fails ends the request with 500 (default on)",
		parse_strict, run_strict, false },
};
const size_t flow_action_count = sizeof flow_action_rows / sizeof flow_action_rows[0];
