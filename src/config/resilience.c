/* resilience: what a backend does about servers that fail: `retry-on`. */
#include <errno.h>

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

const struct directive resilience_directives[] = {
	{ "retry-on", SECTION_BACK, "<event>...", "failures after which a request is sent again", parse_retry_on, false,
		false },
	{ 0 },
};
