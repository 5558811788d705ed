/* What converters need of OpenSSL, without memory taken for each use (crypto.c). */
#ifndef BALLAST_SAMPLE_CRYPTO_H
#define BALLAST_SAMPLE_CRYPTO_H

#include <openssl/evp.h>

#include "ballast/sample/sample.h"

/* The digest of that name, fetched once and freed with the configuration; NULL: there is none. While loading. */
EVP_MD *crypto_digest(const char *name, struct arena *a);
/* A context that the calling thread keeps; NULL: memory is out. What the last user left in it is gone. */
EVP_MD_CTX *crypto_context(void);
/* Writes md's digest of `data`, or its HMAC (RFC 2104), to out[EVP_MAX_MD_SIZE]; its length, 0: memory is out. */
unsigned crypto_hash(const EVP_MD *md, struct slice data, unsigned char *out);
unsigned crypto_hmac(const EVP_MD *md, struct slice key, struct slice data, unsigned char *out);
/* Sets a binary sample to a copy in the arena. 0 or -ENOMEM. */
int crypto_set(struct sample_ctx *ctx, struct sample *s, const void *bytes, size_t len);

#endif
