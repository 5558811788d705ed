/* resilience: what a backend does about servers that fail: `retry-on`; and Ballast's own `retry-budget`, `breaker`,
 * `outlier-ejection` and `panic-threshold`, whose arguments are rows of a table: a word and its value. */
#include <errno.h>
#include <stdlib.h>

#include "directive.h"

/* --- retry-on --- */

/* In the order of RETRY_*; behind them what stands for several or none. */
static const char *const retry_words[] = { "conn-failure", "empty-response", "junk-response", "response-timeout", "401",
	"403", "404", "408", "421", "425", "429", "500", "501", "502", "503", "504", "all-retryable-errors", "none",
	NULL };
enum { RETRY_WORD_ALL = 16, RETRY_WORD_NONE };

static int parse_retry_word(struct cfg_context *c, const struct line *l, size_t at, uint32_t *events)
{
	const struct token *t = &l->words[at];
	unsigned word;

	if (token_is(t, "0rtt-rejected")) {
		diag_error(c->diag, &t->at, "leave the word out: no request is sent over early data",
			"'0rtt-rejected' is not supported by Ballast (yet), as early data is not");
		return -EINVAL;
	}
	if (token_choice(t, "event", retry_words, &word, c->diag))
		return -EINVAL;
	if (word == RETRY_WORD_NONE && l->count > 2) {
		diag_error(c->diag, &t->at, NULL, "'none' does not go with other events");
		return -EINVAL;
	}
	if (word == RETRY_WORD_ALL)
		*events |= RETRY_ALL;
	else if (word != RETRY_WORD_NONE)
		*events |= 1u << word;
	return 0;
}

static int parse_retry_on(struct cfg_context *c, const struct line *l)
{
	uint32_t events = 0;

	if (need_word(c, l, 1, "retry-on", "an event"))
		return -EINVAL;
	for (size_t i = 1; i < l->count; i++)
		if (parse_retry_word(c, l, i, &events))
			return -EINVAL;
	c->proxy->set.back.retry_on = events;
	return 0;
}

/* --- words with values --- */

enum value_kind { VALUE_PERCENT, VALUE_TIME, VALUE_COUNT };

struct value_row {
	const char *word;
	enum value_kind kind;
	bool may_be_off; /* `off` is 0 */
	uint32_t min, max;
	size_t at;         /* of the uint32_t in the settings */
	size_t percent_at; /* of one that a percentage behind the value may set; 0: none */
};

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS, COUNT_MOST = 1000000 };

/* "50%" or "50" */
static int parse_percent(struct cfg_context *c, const struct token *t, const char *what, uint32_t min, uint32_t max,
	uint32_t *out)
{
	char *end;
	unsigned long n = strtoul(t->text, &end, 10);

	if (t->text[0] >= '0' && t->text[0] <= '9' && (!*end || (*end == '%' && !end[1])) && n >= min && n <= max) {
		*out = (uint32_t)n;
		return 0;
	}
	diag_error(c->diag, &t->at, NULL, "'%s' needs a percentage from %u%% to %u%%, not '%s'", what, min, max,
		t->text);
	return -EINVAL;
}

static int parse_duration(struct cfg_context *c, const struct token *t, const struct value_row *r, uint32_t *out)
{
	if (token_time_ms(t, r->word, "ms", out, c->diag))
		return -EINVAL;
	if (*out >= r->min && *out <= r->max)
		return 0;
	diag_error(c->diag, &t->at, NULL, "'%s' must be from %u ms to %u ms", r->word, r->min, r->max);
	return -EINVAL;
}

static int parse_value(struct cfg_context *c, const struct token *t, const struct value_row *r, uint32_t *out)
{
	int64_t n;

	if (r->may_be_off && token_is(t, "off")) {
		*out = 0;
		return 0;
	}
	if (r->kind == VALUE_PERCENT)
		return parse_percent(c, t, r->word, r->min, r->max, out);
	if (r->kind == VALUE_TIME)
		return parse_duration(c, t, r, out);
	if (token_int(t, r->word, r->min, r->max, &n, c->diag))
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static bool is_percent(const struct line *l, size_t at)
{
	return at < l->count && l->words[at].len > 1 && l->words[at].text[l->words[at].len - 1] == '%';
}

/* All words of the line from words[at] on, by the rows, into the settings. */
static int parse_values(struct cfg_context *c, const struct line *l, size_t at, const struct value_row *rows,
	void *settings)
{
	const char *words[16] = { NULL };
	unsigned n;

	for (n = 0; rows[n].word; n++)
		words[n] = rows[n].word;
	while (at < l->count) {
		if (token_choice(&l->words[at], l->words[0].text, words, &n, c->diag) ||
			need_word(c, l, at + 1, rows[n].word, "a value"))
			return -EINVAL;
		if (parse_value(c, &l->words[at + 1], &rows[n], (uint32_t *)(void *)((char *)settings + rows[n].at)))
			return -EINVAL;
		at += 2;
		if (!rows[n].percent_at || !is_percent(l, at))
			continue;
		if (parse_percent(c, &l->words[at], rows[n].word, 1, 100,
			    (uint32_t *)(void *)((char *)settings + rows[n].percent_at)))
			return -EINVAL;
		at++;
	}
	return 0;
}

/* --- retry-budget --- */

static int parse_retry_budget(struct cfg_context *c, const struct line *l)
{
	static const struct value_row rows[] = {
		{ "min", VALUE_COUNT, false, 0, COUNT_MOST, offsetof(struct retry_budget_settings, min), 0 },
		{ "over", VALUE_TIME, false, 100, HOUR_MS, offsetof(struct retry_budget_settings, over_ms), 0 },
		{ 0 },
	};
	struct retry_budget_settings s = { .on = !c->negated, .min = 10, .over_ms = 10000 };

	if (!c->negated && (need_word(c, l, 1, "retry-budget", "a percentage of the requests") ||
				   parse_percent(c, &l->words[1], "retry-budget", 0, 1000, &s.percent) ||
				   parse_values(c, l, 2, rows, &s)))
		return -EINVAL;
	c->proxy->set.back.retry_budget = s;
	return 0;
}

/* --- breaker --- */

#define BREAKER_ROW(word, kind, off, min, max, field) \
	{ \
		word, kind, off, min, max, offsetof(struct breaker_settings, field), 0 \
	}

static int parse_breaker(struct cfg_context *c, const struct line *l)
{
	static const struct value_row rows[] = {
		BREAKER_ROW("errors", VALUE_PERCENT, true, 1, 100, errors_percent),
		BREAKER_ROW("over", VALUE_TIME, false, 100, HOUR_MS, over_ms),
		BREAKER_ROW("min", VALUE_COUNT, false, 1, COUNT_MOST, min),
		BREAKER_ROW("consecutive", VALUE_COUNT, true, 1, COUNT_MOST, consecutive),
		{ "slow", VALUE_TIME, true, 1, HOUR_MS, offsetof(struct breaker_settings, slow_ms),
			offsetof(struct breaker_settings, slow_percent) },
		BREAKER_ROW("open", VALUE_TIME, false, 100, DAY_MS, open_ms),
		BREAKER_ROW("open-max", VALUE_TIME, false, 100, DAY_MS, open_max_ms),
		BREAKER_ROW("half-open", VALUE_COUNT, false, 1, COUNT_MOST, half_open),
		{ 0 },
	};
	struct breaker_settings s = { .on = !c->negated,
		.errors_percent = 50,
		.over_ms = 10000,
		.min = 20,
		.slow_percent = 50,
		.open_ms = 5000,
		.half_open = 3 };

	if (!c->negated && parse_values(c, l, 1, rows, &s))
		return -EINVAL;
	if (!s.open_max_ms)
		s.open_max_ms = s.open_ms > 60000 ? s.open_ms : 60000;
	if (s.open_max_ms < s.open_ms) {
		diag_error(c->diag, &l->words[0].at, NULL, "'open-max' cannot be less than 'open'");
		return -EINVAL;
	}
	if (!s.errors_percent && !s.consecutive && !s.slow_ms) {
		diag_error(c->diag, &l->words[0].at, "name 'errors', 'consecutive' or 'slow'",
			"this 'breaker' would never open");
		return -EINVAL;
	}
	c->proxy->set.back.breaker = s;
	return 0;
}

/* --- outlier-ejection --- */

#define OUTLIER_ROW(word, kind, off, min, max, field) \
	{ \
		word, kind, off, min, max, offsetof(struct outlier_settings, field), 0 \
	}

static int parse_outliers(struct cfg_context *c, const struct line *l)
{
	static const struct value_row rows[] = {
		OUTLIER_ROW("errors", VALUE_PERCENT, true, 1, 100, errors_percent),
		OUTLIER_ROW("latency", VALUE_PERCENT, true, 101, 100000, latency_percent),
		OUTLIER_ROW("latency-floor", VALUE_TIME, false, 0, HOUR_MS, latency_floor_ms),
		OUTLIER_ROW("over", VALUE_TIME, false, 100, HOUR_MS, over_ms),
		OUTLIER_ROW("min", VALUE_COUNT, false, 1, COUNT_MOST, min),
		OUTLIER_ROW("every", VALUE_TIME, false, 100, HOUR_MS, every_ms),
		OUTLIER_ROW("for", VALUE_TIME, false, 100, DAY_MS, for_ms),
		OUTLIER_ROW("up-to", VALUE_TIME, false, 100, DAY_MS, up_to_ms),
		OUTLIER_ROW("max", VALUE_PERCENT, false, 1, 100, max_percent),
		{ 0 },
	};
	struct outlier_settings s = { .on = !c->negated,
		.errors_percent = 20,
		.latency_percent = 300,
		.latency_floor_ms = 50,
		.over_ms = 10000,
		.min = 20,
		.every_ms = 1000,
		.for_ms = 30000,
		.max_percent = 30 };

	if (!c->negated && parse_values(c, l, 1, rows, &s))
		return -EINVAL;
	if (!s.up_to_ms)
		s.up_to_ms = s.for_ms > 300000 ? s.for_ms : 300000;
	if (s.up_to_ms < s.for_ms) {
		diag_error(c->diag, &l->words[0].at, NULL, "'up-to' cannot be less than 'for'");
		return -EINVAL;
	}
	if (!s.errors_percent && !s.latency_percent) {
		diag_error(c->diag, &l->words[0].at, "name 'errors' or 'latency'",
			"this 'outlier-ejection' would never eject a server");
		return -EINVAL;
	}
	c->proxy->set.back.outlier = s;
	return 0;
}

/* --- panic-threshold --- */

static int parse_panic(struct cfg_context *c, const struct line *l)
{
	uint32_t percent = 0;

	if (!c->negated && (need_word(c, l, 1, "panic-threshold", "a percentage") || no_more_words(c, l, 1) ||
				   parse_percent(c, &l->words[1], "panic-threshold", 0, 100, &percent)))
		return -EINVAL;
	c->proxy->set.back.panic_percent = percent;
	return 0;
}

const struct directive resilience_directives[] = {
	{ "breaker", SECTION_BACK,
		"[errors <percent>|off] [over <time>] [min <n>] [consecutive <n>|off] [slow <time>|off [<percent>]] "
		"[open <time>] [open-max <time>] [half-open <n>]",
		"when a server that fails is left alone, and how it is tried again", parse_breaker, true, false },
	{ "outlier-ejection", SECTION_BACK,
		"[errors <percent>|off] [latency <percent>|off] [latency-floor <time>] [over <time>] [min <n>] "
		"[every <time>] [for <time>] [up-to <time>] [max <percent>]",
		"leaves out servers that fare much worse than their peers", parse_outliers, true, false },
	{ "panic-threshold", SECTION_BACK, "<percent>",
		"below this share of healthy servers health is ignored and all are used", parse_panic, true, false },
	{ "retry-budget", SECTION_BACK, "<percent> [min <n>] [over <time>]",
		"how many retries there may be for the requests of the last while", parse_retry_budget, true, false },
	{ "retry-on", SECTION_BACK, "<event>...", "failures after which a request is sent again", parse_retry_on, false,
		false },
	{ 0 },
};
