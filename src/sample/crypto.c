/* What converters need of OpenSSL: see crypto.h.
 *
 * Algorithms are fetched while the configuration is read, and each thread keeps one context: what OpenSSL looks up and
 * allocates otherwise costs more than hashing a token.
 */
#include "crypto.h"

#include <pthread.h>

#include "ballast/sample/release.h"
#include "private.h"

enum { BLOCK_MAX = 256 };

static void digest_free(void *md)
{
	EVP_MD_free(md);
}

EVP_MD *crypto_digest(const char *name, struct arena *a)
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	return md && sample_own(a, md, digest_free) == 0 ? md : NULL;
}

static __thread EVP_MD_CTX *context_self;
static pthread_key_t context_key;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

static void context_free(void *c)
{
	EVP_MD_CTX_free(c);
}

static void key_make(void)
{
	pthread_key_create(&context_key, context_free);
}

EVP_MD_CTX *crypto_context(void)
{
	if (!context_self) {
		pthread_once(&context_once, key_make);
		context_self = EVP_MD_CTX_new();
		pthread_setspecific(context_key, context_self);
	}
	return context_self;
}

unsigned crypto_hash(const EVP_MD *md, struct slice data, unsigned char *out)
{
	EVP_MD_CTX *c = crypto_context();
	unsigned len;

	if (!c || !EVP_DigestInit_ex2(c, md, NULL) || !EVP_DigestUpdate(c, data.ptr, data.len) ||
		!EVP_DigestFinal_ex(c, out, &len))
		return 0;
	return len;
}

/* md(key ^ pad, data) */
static unsigned keyed_hash(const EVP_MD *md, const unsigned char *key, unsigned block, unsigned char pad,
	struct slice data, unsigned char *out)
{
	EVP_MD_CTX *c = crypto_context();
	unsigned char padded[BLOCK_MAX];
	unsigned len;

	for (unsigned i = 0; i < block; i++)
		padded[i] = key[i] ^ pad;
	bool ok = c && EVP_DigestInit_ex2(c, md, NULL) && EVP_DigestUpdate(c, padded, block) &&
	          EVP_DigestUpdate(c, data.ptr, data.len) && EVP_DigestFinal_ex(c, out, &len);
	explicit_bzero(padded, block);
	return ok ? len : 0;
}

unsigned crypto_hmac(const EVP_MD *md, struct slice key, struct slice data, unsigned char *out)
{
	unsigned char block_key[BLOCK_MAX] = { 0 }, inner[EVP_MAX_MD_SIZE];
	int block = EVP_MD_get_block_size(md);

	if (block <= 0 || block > BLOCK_MAX)
		return 0;
	if (key.len > (size_t)block) {
		if (!crypto_hash(md, key, block_key))
			return 0;
	} else if (key.len) {
		memcpy(block_key, key.ptr, key.len);
	}
	unsigned len = keyed_hash(md, block_key, (unsigned)block, 0x36, data, inner);
	if (len)
		len = keyed_hash(md, block_key, (unsigned)block, 0x5c, slice_of((const char *)inner, len), out);
	explicit_bzero(block_key, sizeof block_key);
	return len;
}

int crypto_set(struct sample_ctx *ctx, struct sample *s, const void *bytes, size_t len)
{
	struct slice copy = arena_copy(ctx->arena, slice_of(bytes, len));

	if (!copy.ptr)
		return -ENOMEM;
	s->type = SAMPLE_BIN;
	s->str = copy;
	return 0;
}
