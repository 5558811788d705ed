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

static int run_crc32c(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return set_hash(s, args, hash_crc32c(s->str));
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
	{ "bytes", { "<offset>[,<length>]", 1, 2, { ARG_INT, ARG_INT } }, SAMPLE_BIN, SAMPLE_BIN, run_bytes,
		prepare_bytes, "bytes from an offset" },
	HASH("crc32", "[<avalanche>]", run_crc32, "CRC-32"),
	HASH("crc32c", "[<avalanche>]", run_crc32c, "CRC-32C"),
	HASH("djb2", "[<avalanche>]", run_djb2, "hash DJB2"),
	{ "hex", { 0 }, SAMPLE_BIN, SAMPLE_STR, run_hex, NULL, "hexadecimal digits" },
	HASH("sdbm", "[<avalanche>]", run_sdbm, "hash SDBM"),
	HASH("xxh3", "[<seed>]", run_xxh3, "hash XXH3 of 64 bits"),
	HASH("xxh32", "[<seed>]", run_xxh32, "hash XXH32"),
	HASH("xxh64", "[<seed>]", run_xxh64, "hash XXH64"),
	{ 0 },
};
