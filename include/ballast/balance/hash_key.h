/* hash_key: from a request's key to the number that chooses its server: `hash-type` and the keys of the algorithms
 * that hash: `balance source`, `uri`, `url_param`, `hdr`, `hash`.
 *
 * The results are those of HAProxy, so that both send a client to the same server of the same farm.  Pure
 * functions: any thread, no memory, no errors.
 */
#ifndef BALLAST_BALANCE_HASH_KEY_H
#define BALLAST_BALANCE_HASH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ballast/base/hash.h"
#include "ballast/base/slice.h"
#include "ballast/base/token.h"

enum hash_function {
	HASH_FUNCTION_SDBM, /* the default of map-based */
	HASH_FUNCTION_DJB2,
	HASH_FUNCTION_CRC32,
	HASH_FUNCTION_NONE, /* the key is a decimal number */
	HASH_FUNCTION_COUNT
};

struct pick_method;

/* All zero is the default: map-based, sdbm, no modifier, the path as far as its question mark. */
struct hash_options {
	const struct pick_method *method; /* NULL: map-based */
	enum hash_function function;
	bool avalanche;
	uint32_t uri_len;   /* bytes of the URI that count; 0: all */
	uint32_t uri_depth; /* levels (slashes) of the URI that count; 0: all */
	bool uri_whole;     /* with the query */
	bool uri_path_only; /* without scheme and authority */
	bool domain_only;   /* of a field's value only the label before the last dot */
	struct slice param; /* name of the URL parameter */
};

/* `none`: the low 32 bits of the number at the key's start (white space, sign, digits; clipped to what int64_t
 * holds), 0 where there is none. */
uint32_t hash_number(struct slice key);

/* By function and modifier of the options. */
uint32_t hash_key(const struct hash_options *o, struct slice key);
/* `balance source`: address in network order.  The address itself is the hash, only the modifier applies. */
uint32_t hash_source4(const struct hash_options *o, const uint8_t address[4]);
uint32_t hash_source6(const struct hash_options *o, const uint8_t address[16]);
/* `balance uri`: the part of a request target that counts, and its hash. */
struct slice hash_uri_key(const struct hash_options *o, struct slice target);
uint32_t hash_uri(const struct hash_options *o, struct slice target);

/* `balance url_param`: the value of the first parameter `name=...` behind the target's question mark, as it stands
 * there; a NULL ptr where there is none.  Only '&' separates. */
struct slice hash_param_key(struct slice name, struct slice target);
/* `balance hdr(name) use_domain_only`: "example" of "www.example.com"; all of it where no dot stands behind a byte. */
struct slice hash_domain_key(struct slice value);

/* Parses `hash-type METHOD [FUNCTION [MODIFIER]]` and the words after `balance uri` (words[first] on) into *o.
 * 0, or -EINVAL after adding the error at its word. */
int hash_type_parse(const struct line *l, struct hash_options *o, struct diag *d);
int hash_uri_parse(const struct line *l, size_t first, struct hash_options *o, struct diag *d);

#endif
