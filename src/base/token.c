/* token: parsers of single configuration words, shared by all rooms so that all say the same in the same way. */
#include "ballast/base/token.h"

#include <errno.h>
#include <stdio.h>

#define TIME_MAX_MS 0x7fffffffu

/* The place of the bytes from `offset` on.  Where quotes or escapes made the written word longer than the
 * read one, offsets do not fit, and the whole word is named. */
static struct place part_of(const struct token *t, size_t offset)
{
	struct place at = t->at;

	if (at.width == t->len && offset < t->len) {
		at.column += (unsigned)offset;
		at.width -= (unsigned)offset;
	}
	return at;
}

static size_t digits_of(const char *text)
{
	return strspn(text, "0123456789");
}

/* Error where the word is empty. */
static int require_word(const struct token *t, const char *what, const char *kind, struct diag *d)
{
	if (t->len > 0)
		return 0;
	diag_error(d, &t->at, NULL, "%s needs %s", what, kind);
	return -EINVAL;
}

int token_int(const struct token *t, const char *what, int64_t min, int64_t max, int64_t *out, struct diag *d)
{
	uint64_t size = 0;
	bool negative = t->text[0] == '-';
	size_t sign = negative || t->text[0] == '+';
	int ret = slice_to_u64(slice_skip(token_slice(t), sign), &size);

	if (require_word(t, what, "a whole number", d))
		return -EINVAL;
	if (ret == -EINVAL) {
		diag_error(d, &t->at, NULL, "%s needs a whole number, not '%s'", what, t->text);
		return -EINVAL;
	}
	if (ret == 0 && size <= INT64_MAX) {
		int64_t value = negative ? -(int64_t)size : (int64_t)size;
		if (value >= min && value <= max) {
			*out = value;
			return 0;
		}
	}
	if (max == INT64_MAX)
		diag_error(d, &t->at, NULL, "%s must be at least %lld, not %s", what, (long long)min, t->text);
	else
		diag_error(d, &t->at, NULL, "%s must be from %lld to %lld, not %s", what, (long long)min,
			(long long)max, t->text);
	return -EINVAL;
}

static const struct time_unit {
	const char *name;
	uint64_t us;
} time_units[] = {
	{ "us", 1 },
	{ "ms", 1000 },
	{ "s", 1000000 },
	{ "m", 60 * 1000000 },
	{ "h", 3600000000ull },
	{ "d", 86400000000ull },
};

/* Microseconds of a unit, 0 where there is none of this name. */
static uint64_t time_unit_us(const char *name)
{
	for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++)
		if (strcmp(time_units[i].name, name) == 0)
			return time_units[i].us;
	return 0;
}

/* The unit that somebody who wrote `unit` must have meant, or NULL. */
static const char *likely_time_unit(const char *unit)
{
	static const char *const other[][2] = {
		{ "sec", "s" },
		{ "secs", "s" },
		{ "second", "s" },
		{ "seconds", "s" },
		{ "min", "m" },
		{ "mins", "m" },
		{ "minute", "m" },
		{ "minutes", "m" },
		{ "hour", "h" },
		{ "hours", "h" },
		{ "hr", "h" },
		{ "hrs", "h" },
		{ "day", "d" },
		{ "days", "d" },
		{ "msec", "ms" },
		{ "msecs", "ms" },
		{ "millis", "ms" },
		{ "usec", "us" },
		{ "usecs", "us" },
		{ "micros", "us" },
	};
	struct slice word = slice_from_str(unit);

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (slice_eq_icase(word, slice_from_str(other[i][0])))
			return other[i][1];
	for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++)
		if (slice_eq_icase(word, slice_from_str(time_units[i].name)))
			return time_units[i].name;
	return NULL;
}

static int unknown_time_unit(const struct token *t, const char *what, size_t digits, struct diag *d)
{
	const char *likely = likely_time_unit(t->text + digits);
	struct place at = part_of(t, digits);
	char hint[64];

	if (likely)
		snprintf(hint, sizeof(hint), "did you mean '%.*s%s'?", digits < 20 ? (int)digits : 20, t->text, likely);
	diag_error(d, &at, likely ? hint : "units are us, ms, s, m, h and d", "%s has the unknown time unit '%s'", what,
		t->text + digits);
	return -EINVAL;
}

int token_time_ms(const struct token *t, const char *what, const char *default_unit, uint32_t *out_ms, struct diag *d)
{
	size_t digits = digits_of(t->text);
	uint64_t number = 0, us = 0;

	if (require_word(t, what, "a time", d))
		return -EINVAL;
	if (digits == 0) {
		diag_error(d, &t->at, NULL, "%s needs a time such as 500ms or 30s, not '%s'", what, t->text);
		return -EINVAL;
	}
	uint64_t unit_us = time_unit_us(t->text[digits] ? t->text + digits : default_unit);
	if (!unit_us)
		return unknown_time_unit(t, what, digits, d);
	bool over =
		slice_to_u64(slice_of(t->text, digits), &number) < 0 || __builtin_mul_overflow(number, unit_us, &us);
	uint64_t ms = us / 1000 + (us % 1000 != 0);
	if (over || ms > TIME_MAX_MS) {
		diag_error(d, &t->at, NULL, "%s must be at most %ums (24 days), not %s", what, TIME_MAX_MS, t->text);
		return -EINVAL;
	}
	*out_ms = (uint32_t)ms;
	return 0;
}

/* Bits to shift by for a unit, or -1. */
static int size_unit_shift(const char *unit)
{
	if (unit[0] == '\0')
		return 0;
	if (unit[1] != '\0')
		return -1;
	switch (unit[0]) {
	case 'k':
	case 'K': return 10;
	case 'm':
	case 'M': return 20;
	case 'g':
	case 'G': return 30;
	default: return -1;
	}
}

int token_size(const struct token *t, const char *what, uint64_t max, uint64_t *out_bytes, struct diag *d)
{
	size_t digits = digits_of(t->text);
	int shift = size_unit_shift(t->text + digits);
	uint64_t number = 0, bytes = 0;

	if (require_word(t, what, "a size", d))
		return -EINVAL;
	if (digits == 0) {
		diag_error(d, &t->at, NULL, "%s needs a size such as 16384 or 16k, not '%s'", what, t->text);
		return -EINVAL;
	}
	if (shift < 0) {
		struct place at = part_of(t, digits);
		diag_error(d, &at, "units are k, m and g", "%s has the unknown size unit '%s'", what, t->text + digits);
		return -EINVAL;
	}
	bool over = slice_to_u64(slice_of(t->text, digits), &number) < 0 ||
	            __builtin_mul_overflow(number, (uint64_t)1 << shift, &bytes);
	if (over || bytes > max) {
		diag_error(d, &t->at, NULL, "%s must be at most %llu bytes, not %s", what, (unsigned long long)max,
			t->text);
		return -EINVAL;
	}
	*out_bytes = bytes;
	return 0;
}

/* "a, b or c" for the message; cut short with "..." where it gets long. */
static void list_choices(const char *const *words, char *text, size_t bytes)
{
	size_t at = 0;

	for (size_t i = 0; words[i]; i++) {
		const char *before = i == 0 ? "" : words[i + 1] ? ", " : " or ";
		if (at + strlen(before) + strlen(words[i]) + 6 > bytes) {
			snprintf(text + at, bytes - at, ", ...");
			return;
		}
		at += (size_t)snprintf(text + at, bytes - at, "%s%s", before, words[i]);
	}
}

int token_choice(const struct token *t, const char *what, const char *const *words, unsigned *out, struct diag *d)
{
	char list[512] = "", hint[128];
	unsigned count = 0;

	for (; words[count]; count++) {
		if (strcmp(words[count], t->text) != 0)
			continue;
		*out = count;
		return 0;
	}
	const char *nearest = diag_nearest(token_slice(t), words, count);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", nearest);
	list_choices(words, list, sizeof(list));
	if (t->len == 0)
		diag_error(d, &t->at, NULL, "%s needs %s", what, list);
	else
		diag_error(d, &t->at, nearest ? hint : NULL, "%s must be %s, not '%s'", what, list, t->text);
	return -EINVAL;
}

int line_args(const struct line *l, size_t min, size_t max, struct diag *d)
{
	size_t given = l->count - 1;
	const char *name = l->words[0].text;

	if (given >= min && given <= max)
		return 0;
	if (given > max && max == 0)
		diag_error(d, &l->words[1].at, NULL, "'%s' takes no argument", name);
	else if (given > max)
		diag_error(d, &l->words[max + 1].at, NULL, "'%s' takes at most %zu argument%s, and this is one more",
			name, max, max == 1 ? "" : "s");
	else
		diag_error(d, &l->words[l->count].at, NULL, "'%s' needs %s%zu argument%s, but %zu %s given", name,
			min == max ? "" : "at least ", min, min == 1 ? "" : "s", given, given == 1 ? "is" : "are");
	return -EINVAL;
}
