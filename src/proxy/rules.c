/* rules: lists of rules: parsed with their conditions, run over an exchange, suspended and resumed.
 *
 * Actions are rows of tables which their files register; what HAProxy has and Ballast has not is known by name
 * (HAProxy's manual, section 4.3), so that it is refused as such and not taken for a misspelling.
 */
#include <string.h>

#include "action.h"
#include "ballast/server/backend.h"
#include "internal.h"

enum { TABLES_MAX = 32, NAMES_MAX = 128 };

static struct action_table {
	const struct action_row *rows;
	size_t count;
} tables[TABLES_MAX];
static size_t table_count;

const struct rule_set_row rule_set_rows[RULES_SET_COUNT] = {
	[RULES_TCP_CONNECTION] = { "tcp-request connection", PHASE_CONNECTION, false, true, false,
		"a connection was accepted; nothing was read" },
	[RULES_TCP_SESSION] = { "tcp-request session", PHASE_CONNECTION, false, true, false,
		"its PROXY header and TLS handshake are through" },
	[RULES_TCP_CONTENT] = { "tcp-request content", PHASE_REQUEST, false, true, true,
		"each time that more bytes came, or before http-request" },
	[RULES_TCP_RESPONSE] = { "tcp-response content", PHASE_RESPONSE, false, false, true,
		"each time that the server sent more, or before http-response" },
	[RULES_HTTP_REQUEST] = { "http-request", PHASE_REQUEST, true, true, false, "a request's header is there" },
	[RULES_REDIRECT] = { "redirect", PHASE_REQUEST, true, true, false, "behind the proxy's http-request rules" },
	[RULES_HTTP_RESPONSE] = { "http-response", PHASE_RESPONSE, true, false, false,
		"a server's response header is there" },
	[RULES_HTTP_AFTER] = { "http-after-response", PHASE_RESPONSE, true, false, false,
		"any response, of a server or of Ballast, is about to be sent" },
};

static const struct absent_action {
	const char *name; /* without its parentheses */
	unsigned sets;
} absent_actions[] = {
	{ "attach-srv", RULES_SESSION },
	{ "cache-store", RULES_RESPONSE },
	{ "cache-use", RULES_REQUEST },
	{ "do-log", RULES_TCP | RULES_HTTP },
	{ "do-resolve", RULES_CONTENT | RULES_REQUEST },
	{ "expect-netscaler-cip", RULES_CONNECTION },
	{ "normalize-uri", RULES_REQUEST },
	{ "sc-add-gpc", RULES_TCP | RULES_HTTP },
	{ "sc-inc-gpc", RULES_TCP | RULES_HTTP },
	{ "sc-set-gpt", RULES_TCP | RULES_HTTP },
	{ "send-spoe-group", RULES_CONTENT | RULES_CONTENT_RESPONSE | RULES_BOTH },
	{ "set-bandwidth-limit", RULES_CONTENT | RULES_CONTENT_RESPONSE | RULES_BOTH },
	{ "set-bc-mark", RULES_CONTENT | RULES_REQUEST },
	{ "set-bc-tos", RULES_CONTENT | RULES_REQUEST },
	{ "set-nice", RULES_CONTENT | RULES_CONTENT_RESPONSE | RULES_BOTH },
	{ "set-priority-class", RULES_CONTENT | RULES_REQUEST },
	{ "set-priority-offset", RULES_CONTENT | RULES_REQUEST },
	{ "set-retries", RULES_CONTENT | RULES_REQUEST },
	{ "set-timeout", RULES_BOTH },
	{ "switch-mode", RULES_CONTENT },
	{ "track-sc", RULES_TCP_REQUEST | RULES_BOTH }, /* and a number */
	{ "use-service", RULES_CONTENT },
	{ "wait-for-handshake", RULES_REQUEST },
};

static const char *set_name(enum rule_set set)
{
	return rule_set_rows[set].name;
}

/* ---- the registry ---- */

void rules_register(const struct action_row *rows, size_t count)
{
	for (size_t i = 0; i < table_count; i++)
		if (tables[i].rows == rows)
			return;
	BL_ASSERT(table_count < TABLES_MAX);
	tables[table_count++] = (struct action_table){ rows, count };
}

const struct action_row *rules_action_at(size_t index)
{
	for (size_t i = 0; i < table_count; i++) {
		if (index < tables[i].count)
			return &tables[i].rows[index];
		index -= tables[i].count;
	}
	return NULL;
}

static bool is_called(const struct action_row *row, const char *word)
{
	size_t len = strlen(row->name);

	return strncmp(row->name, word, len) == 0 &&
	       (word[len] == '\0' || (row->sets & ACTION_PARENS && word[len] == '('));
}

static const struct action_row *find_action(const char *name, enum rule_set set, bool *elsewhere)
{
	const struct action_row *row;

	*elsewhere = false;
	for (size_t i = 0; (row = rules_action_at(i)); i++) {
		if (!is_called(row, name))
			continue;
		if (row->sets >> set & 1)
			return row;
		*elsewhere = true;
	}
	return NULL;
}

/* ---- unknown names ---- */

static bool is_absent(struct slice name, enum rule_set set)
{
	size_t len = name.len;

	if (slice_starts_with(name, SLICE("lua.")))
		return true;
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '(') {
			len = i;
			break;
		}
	name.len = len;
	if (slice_starts_with(name, SLICE("track-sc")))
		while (name.len && name.ptr[name.len - 1] >= '0' && name.ptr[name.len - 1] <= '9')
			name.len--;
	for (size_t i = 0; i < sizeof absent_actions / sizeof absent_actions[0]; i++)
		if (absent_actions[i].sets >> set & 1 && slice_eq(name, slice_from_str(absent_actions[i].name)))
			return true;
	return false;
}

static const char *nearest_action(struct slice name, enum rule_set set)
{
	const char *names[NAMES_MAX];
	const struct action_row *row;
	size_t count = 0;

	for (size_t i = 0; count < NAMES_MAX && (row = rules_action_at(i)); i++)
		if (row->sets >> set & 1)
			names[count++] = row->name;
	return diag_nearest(name, names, count);
}

static void refuse_action(const struct token *t, enum rule_set set, bool elsewhere, struct diag *d)
{
	struct slice name = token_slice(t), hint = { 0 };
	const char *nearest = nearest_action(name, set);

	if (is_absent(name, set)) {
		diag_error(d, &t->at, NULL, "%s action '%s' is not supported by Ballast (yet)", set_name(set), t->text);
		return;
	}
	if (elsewhere) {
		diag_error(d, &t->at, NULL, "action '%s' is not for %s rules", t->text, set_name(set));
		return;
	}
	if (nearest)
		hint = arena_printf(&d->arena, "did you mean '%s'?", nearest);
	diag_error(d, &t->at, hint.ptr, "unknown %s action '%s'", set_name(set), t->text);
}

/* ---- parsing ---- */

static int append(struct rules **list, const struct rule *r, struct arena *a)
{
	struct rules *all = *list;

	if (!all) {
		all = arena_zalloc(a, sizeof *all);
		if (!all)
			return -ENOMEM;
		*list = all;
	}
	if (all->count == all->room) {
		uint32_t room = all->room ? all->room * 2 : 8;
		struct rule *more = arena_zalloc(a, (room + 1) * sizeof *more);
		if (!more)
			return -ENOMEM;
		if (all->count)
			memcpy(more, all->rule, all->count * sizeof *more);
		all->rule = more;
		all->room = room;
	}
	all->rule[all->count++] = *r;
	return 0;
}

static void warn_of_unreachable(const struct rules *list, const struct rule *r, struct diag *d)
{
	const struct rule *last = list && list->count ? &list->rule[list->count - 1] : NULL;

	if (last && last->action->final && !last->cond)
		diag_warn(d, &r->at, NULL,
			"this rule and those behind it are never reached: the '%s' before it has no condition",
			last->action->name);
}

static int parse_condition(struct rule *r, const struct line *l, size_t at, struct acl_set *acls, struct arena *a,
	struct diag *d)
{
	bool always;

	if (at >= l->count)
		return 0;
	if (!action_args_end(l, at)) {
		struct slice hint = arena_printf(&d->arena, "usage: %s %s%s%s [if|unless <condition>]",
			set_name(r->set), r->action->name, r->action->args && *r->action->args ? " " : "",
			r->action->args ? r->action->args : "");
		diag_error(d, &l->words[at].at, hint.ptr, "'%s' is not expected here", l->words[at].text);
		return -EINVAL;
	}
	r->cond = cond_parse(l, at, acls, rule_phases(r->set), a, d);
	if (!r->cond)
		return -EINVAL;
	if (cond_is_constant(r->cond, &always) && always)
		r->cond = NULL;
	return 0;
}

/* The line with the action as its second word, as the actions know it. */
static int action_line(struct line *out, enum rule_set set, const struct line *l, struct arena *a)
{
	struct token *words;

	*out = *l;
	if (strchr(set_name(set), ' ')) {
		out->words++;
		out->count--;
	}
	if (set != RULES_REDIRECT)
		return 0;
	words = arena_alloc(a, (l->count + 2) * sizeof *words);
	if (!words)
		return -ENOMEM;
	words[0] = l->words[0];
	memcpy(words + 1, l->words, (l->count + 1) * sizeof *words);
	*out = (struct line){ words, l->count + 1 };
	return 0;
}

static int parse_action(struct rule *r, const struct line *l, struct acl_set *acls, struct arena *a, struct diag *d)
{
	bool elsewhere;
	size_t at = 2;
	int rc;

	if (l->count < 2) {
		diag_error(d, &l->words[0].at, NULL, "'%s' expects an action", set_name(r->set));
		return -EINVAL;
	}
	r->action = find_action(l->words[1].text, r->set, &elsewhere);
	if (!r->action) {
		refuse_action(&l->words[1], r->set, elsewhere, d);
		return -EINVAL;
	}
	rc = r->action->parse ? r->action->parse(r, l, &at, a, d) : 0;
	return rc < 0 ? rc : parse_condition(r, l, at, acls, a, d);
}

int rules_parse(struct rule_lists *lists, enum rule_set set, const struct line *l, struct acl_set *acls,
	struct arena *a, struct diag *d)
{
	struct rule r = { .set = set, .lists = lists, .at = l->words[0].at };
	struct line own;
	int rc = action_line(&own, set, l, a);

	if (rc == 0)
		rc = parse_action(&r, &own, acls, a, d);
	if (rc < 0)
		return rc;
	warn_of_unreachable(lists->of[set], &r, d);
	return append(&lists->of[set], &r, a);
}

/* ---- running ---- */

enum rule_result rules_run(const struct rules *rules, struct exchange *x, uint32_t *at)
{
	if (!rules)
		return RULE_CONTINUE;
	if (*at == 0)
		x->flags &= ~(uint32_t)XF_LENIENT;
	while (*at < rules->count) {
		const struct rule *r = &rules->rule[*at];
		bool resumes = x->rule_resumes;
		enum rule_result result;

		x->rule_resumes = false;
		if (r->cond && !resumes && !cond_eval(r->cond, &x->sample)) {
			++*at;
			continue;
		}
		result = r->action->run(x, r);
		if (result == RULE_SUSPEND_AGAIN)
			x->rule_resumes = true;
		else
			++*at;
		if (result != RULE_CONTINUE)
			return result;
	}
	return RULE_CONTINUE;
}

/* As the manual has it, all rules are looked at anew with each piece that comes (section 4.2, `tcp-request content`). */
enum rule_result rules_decide(const struct rules *rules, struct exchange *x, uint32_t *at)
{
	enum rule_result result = RULE_CONTINUE;

	while (*at < rules->count && result == RULE_CONTINUE) {
		const struct rule *r = &rules->rule[*at];
		enum cond_verdict verdict = r->cond ? cond_decide(r->cond, &x->sample) : COND_YES;

		if (verdict == COND_YES)
			result = r->action->run(x, r);
		else if (verdict == COND_LATER)
			result = RULE_MORE;
		if (result != RULE_SUSPEND_AGAIN)
			++*at;
	}
	if (result == RULE_MORE)
		*at = 0;
	return result;
}
