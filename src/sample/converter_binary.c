/* Converters of bytes: pieces, encodings, hashes (HAProxy's manual, section 7.3.1).
 *
 * sdbm, djb2, crc32 and their avalanche (Bob Jenkins' 6-shift integer hash, times 2^32-2^30+1) give the numbers that
 * HAProxy's do: configurations compare them. */
#include <xxhash.h>

#include "ballast/base/hash.h"
#include "private.h"

static const char *prepare_bytes(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[0].num < 0)
		return "expects an offset that is not negative";
	if (args->v[1].type == ARG_NONE)
		args->v[1].num = INT64_MAX;
	return args->v[1].num <= 0 ? "expects a length above 0" : NULL;
}

static int run_bytes(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	if ((uint64_t)args->v[0].num >= s->str.len) {
		s->str.len = 0;
		return 0;
	}
	s->str = slice_skip(s->str, (size_t)args->v[0].num);
	if (s->str.len > (uint64_t)args->v[1].num)
		s->str.len = (size_t)args->v[1].num;
	return 0;
}

static int run_hex(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	static const char digits[] = "0123456789ABCDEF";
	struct slice in = s->str;
	char *out = arena_alloc(ctx->arena, in.len * 2 + 1);
	(void)args;
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < in.len; i++) {
		out[2 * i] = digits[(unsigned char)in.ptr[i] >> 4];
		out[2 * i + 1] = digits[in.ptr[i] & 15];
	}
	return sample_set_str(s, slice_of(out, in.len * 2));
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648 section 4. */
static int run_base64(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct slice in = s->str;
	size_t len = (in.len + 2) / 3 * 4;
	char *out = arena_alloc(ctx->arena, len + 1), *at = out;
	(void)args;
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t bits = (uint32_t)(unsigned char)in.ptr[i] << 16;
		bits |= left > 1 ? (uint32_t)(unsigned char)in.ptr[i + 1] << 8 : 0;
		bits |= left > 2 ? (uint32_t)(unsigned char)in.ptr[i + 2] : 0;
		*at++ = base64_digits[bits >> 18];
		*at++ = base64_digits[bits >> 12 & 63];
		*at++ = left > 1 ? base64_digits[bits >> 6 & 63] : '=';
		*at++ = left > 2 ? base64_digits[bits & 63] : '=';
	}
	return sample_set_str(s, slice_of(out, len));
}

static int base64_value(char c)
{
	const char *at = c ? strchr(base64_digits, c) : NULL;
	return at ? (int)(at - base64_digits) : -1;
}

/* Whole groups of four with '=' at the very end only; anything else has no result. */
static int run_b64dec(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct slice in = s->str;
	char *out = arena_alloc(ctx->arena, in.len / 4 * 3 + 1), *at = out;
	size_t pad = 0;
	(void)args;
	if (!out)
		return -ENOMEM;
	if (in.len % 4)
		return -ENOENT;
	while (pad < 2 && in.len && in.ptr[in.len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < in.len; i += 4) {
		uint32_t bits = 0;
		for (size_t k = 0; k < 4; k++) {
			int v = i + k >= in.len - pad ? 0 : base64_value(in.ptr[i + k]);
			if (v < 0)
				return -ENOENT;
			bits = bits << 6 | (uint32_t)v;
		}
		*at++ = (char)(bits >> 16);
		*at++ = (char)(bits >> 8);
		*at++ = (char)bits;
	}
	s->type = SAMPLE_BIN;
	s->str = slice_of(out, (size_t)(at - out) - pad);
	return 0;
}

/* ---- hashes ---- */

static int set_hash(struct sample *s, const struct args *args, uint32_t hash)
{
	return sample_set_int(s, args->v[0].num ? hash_avalanche(hash) : hash);
}

static int run_sdbm(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return set_hash(s, args, hash_sdbm(s->str));
}

static int run_djb2(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return set_hash(s, args, hash_djb2(s->str));
}

static int run_crc32(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return set_hash(s, args, hash_crc32(s->str));
}

static int run_xxh32(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return sample_set_int(s, XXH32(s->str.ptr, s->str.len, (XXH32_hash_t)args->v[0].num));
}

static int run_xxh64(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return sample_set_int(s, (int64_t)XXH64(s->str.ptr, s->str.len, (XXH64_hash_t)args->v[0].num));
}

static int run_xxh3(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return sample_set_int(s, (int64_t)XXH3_64bits_withSeed(s->str.ptr, s->str.len, (XXH64_hash_t)args->v[0].num));
}

static const char *prepare_number(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[0].type == ARG_NONE)
		args->v[0].num = 0;
	return NULL;
}

#define HASH(name, arg, run, help) \
	{ \
		name, { arg, 0, 1, { ARG_INT } }, SAMPLE_BIN, SAMPLE_INT, run, prepare_number, help \
	}

const struct converter_row converter_binary_rows[] = {
	{ "b64dec", { 0 }, SAMPLE_STR, SAMPLE_BIN, run_b64dec, NULL, "decodes base64" },
	{ "base64", { 0 }, SAMPLE_BIN, SAMPLE_STR, run_base64, NULL, "base64" },
	{ "bytes", { "<offset>[,<length>]", 1, 2, { ARG_INT, ARG_INT } }, SAMPLE_BIN, SAMPLE_BIN, run_bytes,
		prepare_bytes, "bytes from an offset" },
	HASH("crc32", "[<avalanche>]", run_crc32, "CRC-32"),
	HASH("djb2", "[<avalanche>]", run_djb2, "hash DJB2"),
	{ "hex", { 0 }, SAMPLE_BIN, SAMPLE_STR, run_hex, NULL, "hexadecimal digits" },
	HASH("sdbm", "[<avalanche>]", run_sdbm, "hash SDBM"),
	HASH("xxh3", "[<seed>]", run_xxh3, "hash XXH3 of 64 bits"),
	HASH("xxh32", "[<seed>]", run_xxh32, "hash XXH32"),
	HASH("xxh64", "[<seed>]", run_xxh64, "hash XXH64"),
	{ 0 },
};
