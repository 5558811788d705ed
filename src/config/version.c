/* version: reading and ordering version numbers.
 *
 * A version becomes numbers that are compared from the left; what comes before a release (-dev, -rc, -alpha) has a
 * stage below zero, so that it sorts before the release of the same numbers.
 */
#include "version.h"

#include <errno.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct slice take_number(struct slice s, uint64_t *out)
{
	*out = 0;
	for (; s.len && is_digit(s.ptr[0]); s = slice_skip(s, 1))
		*out = *out > UINT32_MAX ? *out : *out * 10 + (uint64_t)(s.ptr[0] - '0');
	return s;
}

static struct slice take_stage(struct slice s, struct version *v)
{
	static const struct {
		const char *name;
		int stage;
	} stages[] = { { "-dev", -2 }, { "-pre", -1 }, { "-rc", -1 }, { "-", 0 } };

	for (size_t i = 0; i < sizeof(stages) / sizeof(*stages); i++) {
		size_t len = strlen(stages[i].name);
		if (!slice_starts_with(s, slice_from_str(stages[i].name)))
			continue;
		if (s.len == len || !is_digit(s.ptr[len]))
			break;
		v->stage = stages[i].stage;
		return take_number(slice_skip(s, len), &v->step);
	}
	return s;
}

int version_parse(struct slice s, struct version *v)
{
	*v = (struct version){ 0 };
	for (size_t i = 0; i < sizeof(v->part) / sizeof(*v->part); i++) {
		if (!s.len || !is_digit(s.ptr[0]))
			return -EINVAL;
		s = take_number(s, &v->part[i]);
		if (i == 3 || !slice_starts_with(s, SLICE(".")))
			break;
		s = slice_skip(s, 1);
	}
	s = take_stage(s, v);
	return s.len == 0 || s.ptr[0] == '-' ? 0 : -EINVAL;
}

int openssl_version_parse(struct slice s, struct version *v)
{
	*v = (struct version){ 0 };
	for (size_t i = 0; i < 3; i++) {
		if (!s.len || !is_digit(s.ptr[0]))
			return -EINVAL;
		s = take_number(s, &v->part[i]);
		if (i < 2 && !slice_starts_with(s, SLICE(".")))
			return -EINVAL;
		s = slice_skip(s, i < 2);
	}
	if (s.len && s.ptr[0] >= 'a' && s.ptr[0] <= 'z') {
		v->part[3] = (uint64_t)(s.ptr[0] - 'a') + 1;
		s = slice_skip(s, 1);
	}
	bool alpha = slice_starts_with(s, SLICE("-alpha")), beta = slice_starts_with(s, SLICE("-beta"));
	if (alpha || beta) {
		v->stage = alpha ? -2 : -1;
		s = take_number(slice_skip(s, alpha ? 6 : 5), &v->step);
	}
	return s.len == 0 ? 0 : -EINVAL;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int version_compare(const struct version *a, const struct version *b)
{
	int order = 0;

	for (size_t i = 0; order == 0 && i < sizeof(a->part) / sizeof(*a->part); i++)
		order = compare(a->part[i], b->part[i]);
	if (order == 0)
		order = (a->stage > b->stage) - (a->stage < b->stage);
	return order ? order : compare(a->step, b->step);
}
