/* slice: the few slice functions that are too long to be inline.
 *
 * slice_next_member() cuts a list field (RFC 9110 section 5.6.1) without judging it: empty members and
 * an unclosed quoted string are given as they are, because some callers must refuse what others may skip.
 */
#include "ballast/base/slice.h"

#include <errno.h>

/* Bytes before the comma that ends the first member; all of `s` where there is none. */
static size_t member_len(struct slice s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		if (quoted && s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			quoted = !quoted;
		else if (s.ptr[i] == ',' && !quoted)
			return i;
	}
	return s.len;
}

bool slice_next_member(struct slice *rest, struct slice *member)
{
	if (!rest->ptr)
		return false;

	size_t len = member_len(*rest);
	*member = slice_trim_ows(slice_of(rest->ptr, len));
	*rest = len < rest->len ? slice_skip(*rest, len + 1) : (struct slice){ 0 };
	return true;
}

int slice_to_u64(struct slice s, uint64_t *out)
{
	uint64_t value = 0;
	bool over = false;

	if (s.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';
		if (digit > 9)
			return -EINVAL;
		over |= __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value);
	}
	if (over)
		return -ERANGE;
	*out = value;
	return 0;
}
