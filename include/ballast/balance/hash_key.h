/* hash_key: from a request's key to the number that chooses its server: `hash-type` and the keys of
 * `balance source` and `balance uri`.
 *
 * The results are those of HAProxy, so that both send a client to the same server of the same farm.  Pure
 * functions: any thread, no memory, no errors.
 */
#ifndef BALLAST_BALANCE_HASH_KEY_H
#define BALLAST_BALANCE_HASH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ballast/base/slice.h"
#include "ballast/base/token.h"

enum hash_function {
	HASH_FUNCTION_SDBM, /* the default of map-based */
	HASH_FUNCTION_DJB2,
	HASH_FUNCTION_CRC32,
	HASH_FUNCTION_NONE, /* the key is a decimal number */
	HASH_FUNCTION_COUNT
};

/* All zero is the default: map-based, sdbm, no modifier, the path as far as its question mark. */
struct hash_options {
	enum hash_function function;
	bool avalanche;
	uint32_t uri_len;   /* bytes of the URI that count; 0: all */
	uint32_t uri_depth; /* levels (slashes) of the URI that count; 0: all */
	bool uri_whole;     /* with the query */
	bool uri_path_only; /* without scheme and authority */
};

/* The plain functions, as the converters of the same names. */
uint32_t hash_sdbm(struct slice key);
uint32_t hash_djb2(struct slice key);
uint32_t hash_crc32(struct slice key);
/* `none`: the low 32 bits of the number at the key's start (white space, sign, digits; clipped to what int64_t
 * holds), 0 where there is none. */
uint32_t hash_number(struct slice key);
/* The modifier `avalanche`. */
uint32_t hash_avalanche(uint32_t hash);

/* By function and modifier of the options. */
uint32_t hash_key(const struct hash_options *o, struct slice key);
/* `balance source`: address in network order.  The address itself is the hash, only the modifier applies. */
uint32_t hash_source4(const struct hash_options *o, const uint8_t address[4]);
uint32_t hash_source6(const struct hash_options *o, const uint8_t address[16]);
/* `balance uri`: the part of a request target that counts, and its hash. */
struct slice hash_uri_key(const struct hash_options *o, struct slice target);
uint32_t hash_uri(const struct hash_options *o, struct slice target);

/* Parses `hash-type METHOD [FUNCTION [MODIFIER]]` and the words after `balance uri` (words[first] on) into *o.
 * 0, or -EINVAL after adding the error at its word. */
int hash_type_parse(const struct line *l, struct hash_options *o, struct diag *d);
int hash_uri_parse(const struct line *l, size_t first, struct hash_options *o, struct diag *d);

#endif
