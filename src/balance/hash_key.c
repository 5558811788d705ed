/* hash_key: the key hashes.
 *
 * sdbm and djb2 are the well-known public-domain functions (djb2 starts at 5381), crc32 that of Ethernet and
 * gzip.  What the manual leaves open was found by watching HAProxy's answers: the avalanche is Bob Jenkins'
 * six-shift integer hash (burtleburtle.net/bob/hash/integer.html, public domain) times 0xC0000001; an IPv6
 * address is the exclusive or of its four 32-bit words; depth stops before the slash that is one too many.
 */
#include <string.h>

#include "ballast/balance/hash_key.h"

uint32_t hash_sdbm(struct slice key)
{
	uint32_t h = 0;

	for (size_t i = 0; i < key.len; i++)
		h = (unsigned char)key.ptr[i] + (h << 6) + (h << 16) - h;
	return h;
}

uint32_t hash_djb2(struct slice key)
{
	uint32_t h = 5381;

	for (size_t i = 0; i < key.len; i++)
		h = (h << 5) + h + (unsigned char)key.ptr[i];
	return h;
}

uint32_t hash_crc32(struct slice key)
{
	/* Of each value of four bits, for the reflected polynomial 0xedb88320. */
	static const uint32_t nibble[16] = {
		0x00000000,
		0x1db71064,
		0x3b6e20c8,
		0x26d930ac,
		0x76dc4190,
		0x6b6b51f4,
		0x4db26158,
		0x5005713c,
		0xedb88320,
		0xf00f9344,
		0xd6d6a3e8,
		0xcb61b38c,
		0x9b64c2b0,
		0x86d3d2d4,
		0xa00ae278,
		0xbdbdf21c,
	};
	uint32_t h = ~0u;

	for (size_t i = 0; i < key.len; i++) {
		h ^= (unsigned char)key.ptr[i];
		h = h >> 4 ^ nibble[h & 15];
		h = h >> 4 ^ nibble[h & 15];
	}
	return ~h;
}

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

uint32_t hash_avalanche(uint32_t hash)
{
	uint32_t a = hash;

	a = a + 0x7ed55d16 + (a << 12);
	a = a ^ 0xc761c23c ^ a >> 19;
	a = a + 0x165667b1 + (a << 5);
	a = (a + 0xd3a2646c) ^ a << 9;
	a = a + 0xfd7046c5 + (a << 3);
	a = a ^ 0xb55a4f09 ^ a >> 16;
	return a * 0xc0000001;
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
