/* hash_key: the key hashes.
 *
 * What the manual leaves open was found by watching HAProxy's answers: an IPv6 address is the exclusive or of its four
 * 32-bit words; depth stops before the slash that is one too many.
 */
#include <string.h>

#include "ballast/balance/hash_key.h"

uint32_t hash_number(struct slice key)
{
	uint64_t limit = INT64_MAX, value = 0;
	bool negative = false;
	size_t i = 0;

	while (i < key.len && (key.ptr[i] == ' ' || (key.ptr[i] >= '\t' && key.ptr[i] <= '\r')))
		i++;
	if (i < key.len && (key.ptr[i] == '-' || key.ptr[i] == '+')) {
		negative = key.ptr[i++] == '-';
		limit += negative;
	}
	for (; i < key.len && key.ptr[i] >= '0' && key.ptr[i] <= '9'; i++) {
		unsigned digit = (unsigned)(key.ptr[i] - '0');

		value = value > (limit - digit) / 10 ? limit : value * 10 + digit;
	}
	return (uint32_t)(negative ? -value : value);
}

static uint32_t modified(const struct hash_options *o, uint32_t hash)
{
	return o->avalanche ? hash_avalanche(hash) : hash;
}

uint32_t hash_key(const struct hash_options *o, struct slice key)
{
	static uint32_t (*const functions[HASH_FUNCTION_COUNT])(struct slice) = {
		[HASH_FUNCTION_SDBM] = hash_sdbm,
		[HASH_FUNCTION_DJB2] = hash_djb2,
		[HASH_FUNCTION_CRC32] = hash_crc32,
		[HASH_FUNCTION_NONE] = hash_number,
	};

	return modified(o, functions[o->function](key));
}

static uint32_t network_word(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint32_t hash_source4(const struct hash_options *o, const uint8_t address[4])
{
	return modified(o, network_word(address));
}

uint32_t hash_source6(const struct hash_options *o, const uint8_t address[16])
{
	uint32_t words = network_word(address) ^ network_word(address + 4) ^ network_word(address + 8);

	return modified(o, words ^ network_word(address + 12));
}

/* An absolute target from the slash of its path on, empty where it has none; others as they are. */
static struct slice path_of(struct slice target)
{
	const char *scheme_end = target.len ? memmem(target.ptr, target.len, "://", 3) : NULL;

	if (!scheme_end || target.ptr[0] == '/')
		return target;
	struct slice authority = slice_skip(target, (size_t)(scheme_end - target.ptr) + 3);
	ptrdiff_t slash = slice_find_byte(authority, '/');
	return slice_skip(authority, slash < 0 ? authority.len : (size_t)slash);
}

struct slice hash_uri_key(const struct hash_options *o, struct slice target)
{
	struct slice key = o->uri_path_only ? path_of(target) : target;
	uint32_t slashes = 0;

	if (o->uri_len && key.len > o->uri_len)
		key.len = o->uri_len;
	for (size_t i = 0; i < key.len; i++) {
		bool too_deep = key.ptr[i] == '/' && o->uri_depth && slashes++ == o->uri_depth;

		if (too_deep || (key.ptr[i] == '?' && !o->uri_whole))
			key.len = i;
	}
	return key;
}

uint32_t hash_uri(const struct hash_options *o, struct slice target)
{
	return hash_key(o, hash_uri_key(o, target));
}

struct slice hash_param_key(struct slice name, struct slice target)
{
	ptrdiff_t question = slice_find_byte(target, '?');
	struct slice rest = slice_skip(target, question < 0 ? target.len : (size_t)question + 1);

	while (rest.len) {
		ptrdiff_t end = slice_find_byte(rest, '&');
		struct slice one = slice_of(rest.ptr, end < 0 ? rest.len : (size_t)end);

		if (one.len > name.len && slice_starts_with(one, name) && one.ptr[name.len] == '=')
			return slice_skip(one, name.len + 1);
		rest = slice_skip(rest, end < 0 ? rest.len : (size_t)end + 1);
	}
	return (struct slice){ NULL, 0 };
}

/* The byte before the last dot belongs to the label even where it is a dot itself, as in HAProxy. */
struct slice hash_domain_key(struct slice value)
{
	size_t end = value.len, start;

	while (end > 0 && value.ptr[end - 1] != '.')
		end--;
	if (end < 2)
		return value;
	for (start = --end - 1; start > 0 && value.ptr[start - 1] != '.'; start--)
		;
	return slice_of(value.ptr + start, end - start);
}
