/* log_parse: the words of a `log` line (HAProxy's configuration manual, section 4.2, "log"). */
#include "ballast/net/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { SYSLOG_PORT = 514, LENGTH_DEFAULT = 1024, LENGTH_MIN = 80, SAMPLE_MAX = 64 };

const char *const log_level_names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", NULL };
const char *const log_facility_names[] = { "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp",
	"cron", "auth2", "ftp", "ntp", "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4",
	"local5", "local6", "local7", NULL };
const char *const log_format_names[] = { "rfc3164", "rfc5424", "local", "priority", "short", "timed", "iso", "raw",
	NULL };

static int parse_address(struct log_target *t, const struct token *word, struct arena *a, struct diag *d)
{
	struct endpoint_spec spec;
	const char *unsupported[] = { "ring@", "backend@" };
	for (unsigned i = 0; i < 2; i++)
		if (slice_starts_with(token_slice(word), slice_from_str(unsupported[i]))) {
			diag_error(d, &word->at, NULL, "a log target '%s' is not supported by Ballast (yet)",
				unsupported[i]);
			return -EINVAL;
		}
	if (token_is(word, "stdout") || token_is(word, "stderr")) {
		t->at = (struct endpoint){ .fd = token_is(word, "stdout") ? STDOUT_FILENO : STDERR_FILENO };
	} else {
		if (endpoint_parse(token_slice(word), word, ENDPOINT_DATAGRAM | ENDPOINT_RESOLVE, &spec, a, d))
			return -EINVAL;
		if (spec.unresolved) {
			diag_error(d, &word->at, NULL, "the host name '%s' was not found", spec.host);
			return -EINVAL;
		}
		t->at = spec.at;
	}
	t->stream = !t->at.len;
	t->fd = t->stream ? t->at.fd : -1;
	if (!t->stream && t->at.sa.sa_family != AF_UNIX && !addr_port(&t->at.ip))
		addr_set_port(&t->at.ip, SYSLOG_PORT);
	return 0;
}

static int bad_sample(const struct token *word, struct diag *d, const char *why)
{
	diag_error(d, &word->at, "as in 'sample 1,3-5:10': lines 1, 3, 4 and 5 of each 10", "sample '%s': %s",
		word->text, why);
	return -EINVAL;
}

/* One "N" or "N-M" into the bits of the target. */
static const char *add_range(struct log_target *t, struct slice range)
{
	ptrdiff_t dash = slice_find_byte(range, '-');
	struct slice first = dash < 0 ? range : slice_of(range.ptr, (size_t)dash);
	struct slice last = dash < 0 ? range : slice_skip(range, (size_t)dash + 1);
	uint64_t low, high;
	if (slice_to_u64(first, &low) || slice_to_u64(last, &high) || !low)
		return "a range is a number from 1, or two with '-' between them";
	if (high < low)
		return "a range ends before it begins";
	if (high > t->sample_size)
		return "a range ends beyond the size of the sample";
	for (uint64_t i = low; i <= high; i++)
		t->sample_ranges |= 1ull << (i - 1);
	return NULL;
}

static int parse_sample(struct log_target *t, const struct token *word, struct diag *d)
{
	struct slice text = token_slice(word), range;
	ptrdiff_t colon = slice_find_byte(text, ':');
	uint64_t size;
	if (colon < 0)
		return bad_sample(word, d, "the size of the sample is missing");
	if (slice_to_u64(slice_skip(text, (size_t)colon + 1), &size) || !size || size > SAMPLE_MAX)
		return bad_sample(word, d, "the size is a number from 1 to 64");
	t->sample_size = (uint16_t)size;
	struct slice ranges = slice_of(text.ptr, (size_t)colon);
	if (!ranges.len)
		return bad_sample(word, d, "the ranges are missing");
	while (slice_next_member(&ranges, &range)) {
		const char *why = add_range(t, range);
		if (why)
			return bad_sample(word, d, why);
	}
	return 0;
}

static int parse_length(struct log_target *t, const struct token *word, struct diag *d)
{
	int64_t length;
	if (token_int(word, "len", LENGTH_MIN, UINT16_MAX, &length, d))
		return -EINVAL;
	t->max_length = (uint16_t)length;
	return 0;
}

static int parse_format(struct log_target *t, const struct token *word, struct diag *d)
{
	unsigned format;
	if (token_choice(word, "format", log_format_names, &format, d))
		return -EINVAL;
	t->format = (uint8_t)format;
	t->default_format = false;
	return 0;
}

/* `len`, `format` and `sample` in any order; *at moves on behind them. */
static int parse_options(struct log_target *t, const struct line *l, size_t *at, struct diag *d)
{
	int err = 0;
	while (!err) {
		const struct token *word = &l->words[*at], *value = *at < l->count ? word + 1 : word;
		if (token_is(word, "len"))
			err = parse_length(t, value, d);
		else if (token_is(word, "format"))
			err = parse_format(t, value, d);
		else if (token_is(word, "sample"))
			err = parse_sample(t, value, d);
		else
			break;
		*at += 2;
	}
	if (!err && token_is(&l->words[*at], "profile")) {
		diag_error(d, &l->words[*at].at, NULL, "'profile' is not supported by Ballast (yet)");
		err = -EINVAL;
	}
	return err;
}

static int parse_levels(struct log_target *t, const struct line *l, size_t at, struct diag *d)
{
	unsigned level;
	t->max_level = LOG_L_DEBUG;
	if (at < l->count) {
		if (token_choice(&l->words[at], "level", log_level_names, &level, d))
			return -EINVAL;
		t->max_level = (uint8_t)level;
	}
	if (at + 1 < l->count) {
		if (token_choice(&l->words[at + 1], "minimum level", log_level_names, &level, d))
			return -EINVAL;
		t->min_level = (uint8_t)level;
	}
	if (at + 2 < l->count) {
		diag_error(d, &l->words[at + 2].at, NULL, "unexpected '%s' behind the levels", l->words[at + 2].text);
		return -EINVAL;
	}
	return 0;
}

static int parse_global(const struct line *l, size_t from, struct log_targets *into, struct diag *d)
{
	if (from + 1 < l->count) {
		diag_error(d, &l->words[from + 1].at, NULL, "'log global' takes no further argument");
		return -EINVAL;
	}
	if (into->use_global) {
		diag_error(d, &l->words[from].at, NULL, "'log global' stands here for the second time");
		return -EINVAL;
	}
	into->use_global = true;
	return 0;
}

int log_target_parse(const struct line *l, size_t from, struct log_targets *into, struct arena *a, struct diag *d)
{
	unsigned facility;
	if (from >= l->count) {
		diag_error(d, &l->words[l->count].at, "as in 'log /dev/log local0' or 'log stdout format raw daemon'",
			"'log' needs a target and a facility");
		return -EINVAL;
	}
	if (token_is(&l->words[from], "global"))
		return parse_global(l, from, into, d);
	struct log_target *t = arena_zalloc(a, sizeof *t);
	if (!t) {
		diag_error(d, &l->words[from].at, NULL, "out of memory");
		return -EINVAL;
	}
	t->format = LOG_LOCAL;
	t->default_format = true;
	t->max_length = LENGTH_DEFAULT;
	if (parse_address(t, &l->words[from], a, d))
		return -EINVAL;
	size_t at = from + 1;
	if (parse_options(t, l, &at, d) || token_choice(&l->words[at], "facility", log_facility_names, &facility, d) ||
		parse_levels(t, l, at + 1, d))
		return -EINVAL;
	t->facility = (uint8_t)facility;
	list_push_back(&into->list, &t->link);
	return 0;
}
