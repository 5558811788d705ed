/* hash: the small hashes that HAProxy's dialect names, for balancing and for converters.
 *
 * Pure functions: any thread, no memory, no errors.  They are weak by design: who can choose keys can make them collide;
 * tables of ours use XXH3 with a seed.
 */
#ifndef BALLAST_BASE_HASH_H
#define BALLAST_BASE_HASH_H

#include <stdint.h>

#include "ballast/base/slice.h"

uint32_t hash_sdbm(struct slice key);
uint32_t hash_djb2(struct slice key);
/* Of Ethernet and gzip: "123456789" gives 0xcbf43926. */
uint32_t hash_crc32(struct slice key);
/* CRC-32C (Castagnoli, RFC 3720): "123456789" gives 0xe3069283. */
uint32_t hash_crc32c(struct slice key);
/* Spreads a hash over all its bits: the modifier `avalanche`. */
uint32_t hash_avalanche(uint32_t hash);

#endif
