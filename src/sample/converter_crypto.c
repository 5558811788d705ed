/* Converters of OpenSSL: digests, HMAC, AES in Galois/counter mode (HAProxy's manual, section 7.3.1).
 *
 * Keys, nonces and tags are base64, in the configuration or in a variable.
 */
#include "ballast/sample/release.h"
#include "ballast/sample/var.h"
#include "crypto.h"
#include "private.h"

/* ---- digests ---- */

static int hash(struct sample_ctx *ctx, const EVP_MD *md, struct sample *s)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned len = crypto_hash(md, s->str, out);
	return len ? crypto_set(ctx, s, out, len) : -ENOMEM;
}

static int run_digest(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return hash(ctx, args->data, s);
}

static const char *prepare_digest(struct args *args, struct arena *a)
{
	args->data = crypto_digest(args->v[0].str.ptr, a);
	return args->data ? NULL : "expects a digest that OpenSSL knows, such as sha256";
}

static const char *prepare_sha1(struct args *args, struct arena *a)
{
	args->data = crypto_digest("SHA1", a);
	return args->data ? NULL : "needs SHA-1, which this OpenSSL has not";
}

static const char *prepare_sha2(struct args *args, struct arena *a)
{
	int64_t bits = args->v[0].type == ARG_NONE ? 256 : args->v[0].num;
	if (bits != 224 && bits != 256 && bits != 384 && bits != 512)
		return "expects 224, 256, 384 or 512 bits";
	args->data = crypto_digest(arena_printf(a, "SHA2-%d", (int)bits).ptr, a);
	return args->data ? NULL : "needs SHA-2, which this OpenSSL has not";
}

/* ---- base64 arguments ---- */

/* Decodes a literal once, in place. */
static bool decode_literal(struct arg *arg, struct arena *a)
{
	struct sample s = { .type = SAMPLE_STR, .str = arg->str };
	if (arg->type != ARG_STR)
		return true;
	if (base64_decode(a, &s))
		return false;
	arg->str = s.str;
	return true;
}

/* The bytes of an argument now. */
static bool decoded(struct sample_ctx *ctx, const struct arg *arg, struct slice *out)
{
	struct sample s;
	if (arg->type == ARG_STR) {
		*out = arg->str;
		return true;
	}
	if (!var_get(ctx, arg->var, &s) || sample_cast(&s, SAMPLE_STR, ctx->arena) || base64_decode(ctx->arena, &s))
		return false;
	*out = s.str;
	return true;
}

/* ---- hmac ---- */

static const char *prepare_hmac(struct args *args, struct arena *a)
{
	const char *wrong = prepare_digest(args, a);
	if (wrong)
		return wrong;
	return decode_literal(&args->v[1], a) ? NULL : "expects its key in base64, or a variable";
}

static int run_hmac(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	struct slice key;
	if (!decoded(ctx, &args->v[1], &key))
		return -ENOENT;
	unsigned len = crypto_hmac(args->data, key, s->str, out);
	return len ? crypto_set(ctx, s, out, len) : -ENOMEM;
}

/* ---- aes_gcm_enc, aes_gcm_dec ---- */

enum { ARG_BITS, ARG_NONCE, ARG_KEY, ARG_TAG, TAG_BYTES = 16 };

static void cipher_free(void *c)
{
	EVP_CIPHER_free(c);
}

static const char *prepare_aes(struct args *args, struct arena *a)
{
	int64_t bits = args->v[ARG_BITS].num;
	if (bits != 128 && bits != 192 && bits != 256)
		return "expects 128, 192 or 256 bits";
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, arena_printf(a, "AES-%d-GCM", (int)bits).ptr, NULL);
	if (!c || sample_own(a, c, cipher_free))
		return "needs AES, which this OpenSSL has not";
	args->data = c;
	if (!decode_literal(&args->v[ARG_NONCE], a))
		return "expects its nonce in base64, or a variable";
	return decode_literal(&args->v[ARG_KEY], a) ? NULL : "expects its key in base64, or a variable";
}

static const char *prepare_aes_enc(struct args *args, struct arena *a)
{
	const char *wrong = prepare_aes(args, a);
	return wrong ? wrong : args->v[ARG_TAG].type == ARG_VAR ? NULL : "expects a variable for the tag";
}

static const char *prepare_aes_dec(struct args *args, struct arena *a)
{
	const char *wrong = prepare_aes(args, a);
	if (wrong)
		return wrong;
	return decode_literal(&args->v[ARG_TAG], a) ? NULL : "expects its tag in base64, or a variable";
}

/* Key and nonce into a new context; NULL where they do not fit. */
static EVP_CIPHER_CTX *begin_aes(struct sample_ctx *ctx, const struct args *args, bool encrypt)
{
	struct slice key, nonce;
	EVP_CIPHER_CTX *c;
	if (!decoded(ctx, &args->v[ARG_KEY], &key) || !decoded(ctx, &args->v[ARG_NONCE], &nonce) || !nonce.len ||
		key.len != (size_t)args->v[ARG_BITS].num / 8)
		return NULL;
	c = EVP_CIPHER_CTX_new();
	if (c && EVP_CipherInit_ex2(c, args->data, NULL, NULL, encrypt, NULL) == 1 &&
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce.len, NULL) == 1 &&
		EVP_CipherInit_ex2(c, NULL, (const unsigned char *)key.ptr, (const unsigned char *)nonce.ptr, encrypt,
			NULL) == 1)
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

/* All of the sample through the cipher. */
static bool crypt_all(EVP_CIPHER_CTX *c, struct slice in, unsigned char *out)
{
	int len = 0, last = 0;
	return (!in.len || EVP_CipherUpdate(c, out, &len, (const unsigned char *)in.ptr, (int)in.len) == 1) &&
	       EVP_CipherFinal_ex(c, out + len, &last) == 1;
}

static int keep_tag(struct sample_ctx *ctx, const struct var_name *name, EVP_CIPHER_CTX *c)
{
	unsigned char tag[TAG_BYTES];
	struct sample s = { .type = SAMPLE_BIN, .str = slice_of((const char *)tag, sizeof tag) };
	if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) != 1)
		return -ENOENT;
	int err = base64_encode(ctx->arena, &s);
	return err ? err : var_set(ctx, name, 0, &s);
}

static int run_aes(struct sample_ctx *ctx, const struct args *args, struct sample *s, bool encrypt)
{
	unsigned char *out = arena_alloc(ctx->arena, s->str.len + 1);
	struct slice tag = { 0 };
	int err = -ENOENT;

	if (!out)
		return -ENOMEM;
	if (s->str.len > INT32_MAX || (!encrypt && (!decoded(ctx, &args->v[ARG_TAG], &tag) || tag.len != TAG_BYTES)))
		return -ENOENT;
	EVP_CIPHER_CTX *c = begin_aes(ctx, args, encrypt);
	if (!c)
		return -ENOENT;
	if (!encrypt && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)tag.ptr) != 1)
		goto out;
	if (!crypt_all(c, s->str, out))
		goto out;
	err = encrypt ? keep_tag(ctx, args->v[ARG_TAG].var, c) : 0;
	s->type = SAMPLE_BIN;
	s->str.ptr = (const char *)out;
out:
	EVP_CIPHER_CTX_free(c);
	return err;
}

static int run_aes_enc(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return run_aes(ctx, args, s, true);
}

static int run_aes_dec(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return run_aes(ctx, args, s, false);
}

#define AES(name, run, prepare, help) \
	{ \
		name, \
			{ "<bits>,<nonce>,<key>,<aead_tag>", 4, 4, \
				{ ARG_INT, ARG_STR_OR_VAR, ARG_STR_OR_VAR, ARG_STR_OR_VAR } }, \
			SAMPLE_BIN, SAMPLE_BIN, run, prepare, help \
	}

const struct converter_row converter_crypto_rows[] = {
	AES("aes_gcm_dec", run_aes_dec, prepare_aes_dec,
		"deciphers AES in Galois/counter mode; none where the tag is wrong"),
	AES("aes_gcm_enc", run_aes_enc, prepare_aes_enc, "ciphers the same; the tag is kept in a variable, in base64"),
	{ "digest", { "<algorithm>", 1, 1, { ARG_STR } }, SAMPLE_BIN, SAMPLE_BIN, run_digest, prepare_digest,
		"digest of an algorithm that OpenSSL knows" },
	{ "hmac", { "<algorithm>,<key>", 2, 2, { ARG_STR, ARG_STR_OR_VAR } }, SAMPLE_BIN, SAMPLE_BIN, run_hmac,
		prepare_hmac, "message authentication code with a key in base64" },
	{ "sha1", { 0 }, SAMPLE_BIN, SAMPLE_BIN, run_digest, prepare_sha1, "digest SHA-1" },
	{ "sha2", { "[<bits>]", 0, 1, { ARG_INT } }, SAMPLE_BIN, SAMPLE_BIN, run_digest, prepare_sha2,
		"digest of the family SHA-2, of 256 bits" },
	{ 0 },
};
