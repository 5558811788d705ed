/* hash: the small hashes of HAProxy's dialect.
 *
 * sdbm and djb2 are the well-known public-domain functions (djb2 starts at 5381), crc32 that of Ethernet and gzip.  The
 * avalanche, found by watching HAProxy's answers, is Bob Jenkins' six-shift integer hash
 * (burtleburtle.net/bob/hash/integer.html, public domain) times 0xC0000001.
 */
#include "ballast/base/hash.h"

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

uint32_t hash_crc32c(struct slice key)
{
	/* The same for 0x82f63b78. */
	static const uint32_t nibble[16] = {
		0x00000000,
		0x105ec76f,
		0x20bd8ede,
		0x30e349b1,
		0x417b1dbc,
		0x5125dad3,
		0x61c69362,
		0x7198540d,
		0x82f63b78,
		0x92a8fc17,
		0xa24bb5a6,
		0xb21572c9,
		0xc38d26c4,
		0xd3d3e1ab,
		0xe330a81a,
		0xf36e6f75,
	};
	uint32_t h = ~0u;

	for (size_t i = 0; i < key.len; i++) {
		h ^= (unsigned char)key.ptr[i];
		h = h >> 4 ^ nibble[h & 15];
		h = h >> 4 ^ nibble[h & 15];
	}
	return ~h;
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
