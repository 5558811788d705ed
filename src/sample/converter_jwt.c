/* jwt_verify: signatures of JSON Web Tokens (RFC 7515, RFC 7518 section 3.1; HAProxy's manual, section 7.3.1).
 *
 * Public keys are read while the configuration is, and belong to it; a token is verified by the algorithm that the
 * configuration names, never by the one that the token does.
 */
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "ballast/sample/release.h"
#include "ballast/sample/var.h"
#include "crypto.h"
#include "private.h"

enum { ARG_ALG, ARG_KEY, SIGNATURE_MAX = 1024 };

/* What the manual says of the result. */
enum {
	VERIFY_NO = 0,
	VERIFY_YES = 1,
	VERIFY_UNKNOWN = -1,
	VERIFY_INVALID = -3,
	VERIFY_MEMORY = -4,
	VERIFY_NO_KEY = -5
};

enum family { FAMILY_NONE, FAMILY_HMAC, FAMILY_RSA, FAMILY_PSS, FAMILY_EC };

static const struct algorithm {
	const char *name, *digest;
	enum family family;
	const char *group; /* curve */
	size_t half;       /* bytes of r and of s */
} algorithms[] = {
	{ "none", NULL, FAMILY_NONE, NULL, 0 },
	{ "HS256", "SHA2-256", FAMILY_HMAC, NULL, 0 },
	{ "HS384", "SHA2-384", FAMILY_HMAC, NULL, 0 },
	{ "HS512", "SHA2-512", FAMILY_HMAC, NULL, 0 },
	{ "RS256", "SHA2-256", FAMILY_RSA, NULL, 0 },
	{ "RS384", "SHA2-384", FAMILY_RSA, NULL, 0 },
	{ "RS512", "SHA2-512", FAMILY_RSA, NULL, 0 },
	{ "PS256", "SHA2-256", FAMILY_PSS, NULL, 0 },
	{ "PS384", "SHA2-384", FAMILY_PSS, NULL, 0 },
	{ "PS512", "SHA2-512", FAMILY_PSS, NULL, 0 },
	{ "ES256", "SHA2-256", FAMILY_EC, "prime256v1", 32 },
	{ "ES384", "SHA2-384", FAMILY_EC, "secp384r1", 48 },
	{ "ES512", "SHA2-512", FAMILY_EC, "secp521r1", 66 },
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

static const struct algorithm *find_algorithm(struct slice name)
{
	for (unsigned i = 0; i < ALGORITHMS; i++)
		if (slice_eq(name, slice_from_str(algorithms[i].name)))
			return &algorithms[i];
	return NULL;
}

/* ---- keys of configurations ---- */

struct jwt_key {
	struct jwt_key *next;
	const struct arena *of;
	struct slice path;
	EVP_PKEY *key;
};

static struct jwt_key *keys;

static void key_free(void *ptr)
{
	struct jwt_key **at = &keys, *k = ptr;
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	EVP_PKEY_free(k->key);
	free(k);
}

static EVP_PKEY *find_key(const struct arena *of, struct slice path)
{
	for (const struct jwt_key *k = keys; k; k = k->next)
		if (k->of == of && slice_eq(k->path, path))
			return k->key;
	return NULL;
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = NULL;
	OSSL_DECODER_CTX *c;
	if (!f)
		return NULL;
	/* of whatever structure: SPKI or PKCS#1 */
	c = OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);
	if (c && OSSL_DECODER_from_fp(c, f) != 1)
		key = NULL;
	OSSL_DECODER_CTX_free(c);
	fclose(f);
	return key;
}

static EVP_PKEY *load_key(struct slice path, struct arena *a)
{
	EVP_PKEY *key = find_key(a, path);
	struct jwt_key *k;
	if (key)
		return key;
	key = read_key(path.ptr);
	k = key ? malloc(sizeof *k) : NULL;
	if (!k) {
		EVP_PKEY_free(key);
		return NULL;
	}
	*k = (struct jwt_key){ keys, a, path, key };
	keys = k;
	return sample_own(a, k, key_free) ? NULL : key;
}

/* ---- arguments ---- */

struct verify {
	const struct algorithm *algorithm; /* NULL: a variable says */
	const EVP_MD *digest[ALGORITHMS];
	EVP_PKEY *key; /* NULL: the argument is a secret, or a variable says */
	const struct arena *of;
};

static bool fetch_digests(struct verify *v, struct arena *a)
{
	for (unsigned i = 1; i < ALGORITHMS; i++) {
		if (v->algorithm && v->algorithm != &algorithms[i])
			continue;
		v->digest[i] = crypto_digest(algorithms[i].digest, a);
		if (!v->digest[i])
			return false;
	}
	return true;
}

static const char *prepare_verify(struct args *args, struct arena *a)
{
	struct verify *v = arena_zalloc(a, sizeof *v);
	if (!v)
		return "is out of memory";
	args->data = v;
	v->of = a;
	if (args->v[ARG_ALG].type == ARG_STR) {
		v->algorithm = find_algorithm(args->v[ARG_ALG].str);
		if (!v->algorithm)
			return "expects an algorithm of RFC 7518, such as HS256, RS256, PS256 or ES256, or a variable";
	}
	if (!fetch_digests(v, a))
		return "needs digests which this OpenSSL has not";
	bool takes_secret = v->algorithm && v->algorithm->family <= FAMILY_HMAC;
	if (args->v[ARG_KEY].type == ARG_VAR || takes_secret)
		return NULL;
	v->key = load_key(args->v[ARG_KEY].str, a);
	return v->key || !v->algorithm ? NULL : "cannot read a public key from that file";
}

/* ---- tokens ---- */

struct token_parts {
	struct slice signed_part; /* header and payload */
	unsigned char signature[SIGNATURE_MAX];
	size_t signature_len;
};

/* Three parts of base64; the last may be empty. */
static int split_token(struct sample_ctx *ctx, struct slice token, struct token_parts *out)
{
	ptrdiff_t first = slice_find_byte(token, '.'), last;
	if (first <= 0)
		return VERIFY_INVALID;
	last = slice_find_byte(slice_skip(token, (size_t)first + 1), '.');
	if (last <= 0)
		return VERIFY_INVALID;
	size_t len = (size_t)(first + 1 + last);
	struct sample s = { .type = SAMPLE_STR, .str = slice_skip(token, len + 1) };
	int err = base64url_decode(ctx->arena, &s);
	if (err || s.str.len > sizeof out->signature)
		return err == -ENOMEM ? VERIFY_MEMORY : VERIFY_INVALID;
	out->signed_part = slice_of(token.ptr, len);
	out->signature_len = s.str.len;
	if (s.str.len)
		memcpy(out->signature, s.str.ptr, s.str.len);
	return 0;
}

/* ---- verifying ---- */

static int verify_hmac(const EVP_MD *md, struct slice secret, const struct token_parts *t)
{
	unsigned char mac[EVP_MAX_MD_SIZE], differs = 0;
	unsigned len = crypto_hmac(md, secret, t->signed_part, mac);
	if (!len)
		return VERIFY_MEMORY;
	if (len != t->signature_len)
		return VERIFY_NO;
	for (unsigned i = 0; i < len; i++)
		differs |= mac[i] ^ t->signature[i];
	return differs ? VERIFY_NO : VERIFY_YES;
}

/* A token holds r and s side by side, OpenSSL wants them in DER. */
static bool to_der(struct token_parts *t, const struct algorithm *alg)
{
	unsigned char *at = t->signature;
	bool ok = false;

	if (t->signature_len != 2 * alg->half)
		return false;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(t->signature, (int)alg->half, NULL);
	BIGNUM *s = BN_bin2bn(t->signature + alg->half, (int)alg->half, NULL);
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		goto out;
	}
	int len = i2d_ECDSA_SIG(sig, &at);
	ok = len > 0;
	t->signature_len = (size_t)(ok ? len : 0);
out:
	ECDSA_SIG_free(sig);
	return ok;
}

static bool key_fits(EVP_PKEY *key, const struct algorithm *alg)
{
	char group[64];
	if (alg->family != FAMILY_EC)
		return EVP_PKEY_is_a(key, "RSA") || (alg->family == FAMILY_PSS && EVP_PKEY_is_a(key, "RSA-PSS"));
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
	       strcmp(group, alg->group) == 0;
}

static int verify_key(const EVP_MD *md, EVP_PKEY *key, const struct algorithm *alg, struct token_parts *t)
{
	EVP_MD_CTX *c = crypto_context();
	EVP_PKEY_CTX *p;
	int result = VERIFY_MEMORY;

	if (!key)
		return VERIFY_NO_KEY;
	if (!key_fits(key, alg) || (alg->family == FAMILY_EC && !to_der(t, alg)))
		return VERIFY_NO;
	if (!c)
		return VERIFY_MEMORY;
	if (EVP_DigestVerifyInit(c, &p, md, NULL, key) != 1)
		goto out;
	if (alg->family == FAMILY_PSS && (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) != 1 ||
						 EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) != 1))
		goto out;
	result = EVP_DigestVerify(c, t->signature, t->signature_len, (const unsigned char *)t->signed_part.ptr,
			 t->signed_part.len) == 1;
out:
	EVP_MD_CTX_reset(c);
	return result;
}

static bool text_of(struct sample_ctx *ctx, const struct arg *arg, struct slice *out)
{
	struct sample s;
	*out = arg->str;
	if (arg->type == ARG_STR)
		return true;
	if (!var_get(ctx, arg->var, &s) || sample_cast(&s, SAMPLE_STR, ctx->arena))
		return false;
	*out = s.str;
	return true;
}

static int verify(struct sample_ctx *ctx, const struct args *args, struct slice token)
{
	const struct verify *v = args->data;
	const struct algorithm *alg = v->algorithm;
	struct token_parts t;
	struct slice text;

	if (!alg && (!text_of(ctx, &args->v[ARG_ALG], &text) || !(alg = find_algorithm(text))))
		return VERIFY_UNKNOWN;
	int err = split_token(ctx, token, &t);
	if (err)
		return err;
	if (alg->family == FAMILY_NONE)
		return t.signature_len ? VERIFY_NO : VERIFY_YES;
	if (!t.signature_len)
		return VERIFY_INVALID;
	if (!text_of(ctx, &args->v[ARG_KEY], &text))
		return VERIFY_NO_KEY;
	const EVP_MD *md = v->digest[alg - algorithms];
	if (alg->family == FAMILY_HMAC)
		return verify_hmac(md, text, &t);
	return verify_key(md, v->key ? v->key : find_key(v->of, text), alg, &t);
}

static int run_verify(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return sample_set_int(s, verify(ctx, args, s->str));
}

const struct converter_row converter_jwt_rows[] = {
	{ "jwt_verify", { "<alg>,<key>", 2, 2, { ARG_STR_OR_VAR, ARG_STR_OR_VAR } }, SAMPLE_STR, SAMPLE_INT, run_verify,
		prepare_verify,
		"1 where the signature of a JSON Web Token is good, 0 where it is not, below 0 for errors" },
	{ 0 },
};
