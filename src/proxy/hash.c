/* The key of a request by which its backend balances (backend.hash_key), and its hash.
 *
 * One row a kind of key; `hdr` and `hash` are sample expressions, compiled at load.
 */
#include "ballast/balance/hash_key.h"
#include "ballast/sample/expr.h"
#include "internal.h"

static bool hash_of_source(struct exchange *x, const struct hash_options *o, uint64_t *hash)
{
	const union addr *peer = x->sample.src;

	if (peer->family == AF_INET)
		*hash = hash_source4(o, (const uint8_t *)&peer->v4.sin_addr);
	else if (peer->family == AF_INET6)
		*hash = hash_source6(o, (const uint8_t *)&peer->v6.sin6_addr);
	else
		return false;
	return true;
}

static bool hash_of_uri(struct exchange *x, const struct hash_options *o, uint64_t *hash)
{
	*hash = hash_uri(o, x->request.target);
	return true;
}

static bool hash_of_param(struct exchange *x, const struct hash_options *o, uint64_t *hash)
{
	struct slice key = hash_param_key(o->param, x->request.target);

	*hash = hash_key(o, key);
	return key.ptr != NULL;
}

/* A field without a value is as none. */
static bool hash_of_header(struct exchange *x, const struct hash_options *o, uint64_t *hash)
{
	struct sample s;

	if (!expr_eval(x->backend->hash_expr, &x->sample, SAMPLE_STR, &s) || !s.str.len)
		return false;
	*hash = hash_key(o, o->domain_only ? hash_domain_key(s.str) : s.str);
	return true;
}

/* By the bytes of the value, as HAProxy: 4 of an IPv4 address, 8 of a number; `none` reads them as text. */
static bool hash_of_expr(struct exchange *x, const struct hash_options *o, uint64_t *hash)
{
	unsigned wanted = o->function == HASH_FUNCTION_NONE ? SAMPLE_STR : SAMPLE_BIN;
	struct sample s;

	if (!expr_eval(x->backend->hash_expr, &x->sample, wanted, &s))
		return false;
	*hash = hash_key(o, s.str);
	return true;
}

bool exchange_hash(struct exchange *x, uint64_t *hash)
{
	static const struct {
		bool (*run)(struct exchange *x, const struct hash_options *o, uint64_t *hash);
		bool of_http;
	} keys[HASH_KEY_COUNT] = {
		[HASH_SOURCE] = { hash_of_source, false },
		[HASH_URI] = { hash_of_uri, true },
		[HASH_PARAM] = { hash_of_param, true },
		[HASH_HEADER] = { hash_of_header, true },
		[HASH_EXPR] = { hash_of_expr, false },
	};
	const struct backend *b = x->backend;

	if (keys[b->hash_key].of_http && x->flags & XF_TCP)
		return false;
	return keys[b->hash_key].run(x, b->hash_options, hash);
}
