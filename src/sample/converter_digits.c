/* Converters of bytes to digits, in chunks: be2dec, le2dec, be2hex, base2 (HAProxy's manual, section 7.3.1). */
#include "private.h"

enum { ARG_SEPARATOR, ARG_CHUNK, ARG_TRUNCATE };

static const char *prepare_dec(struct args *args, struct arena *a)
{
	(void)a;
	return args->v[ARG_CHUNK].num < 1 || args->v[ARG_CHUNK].num > 8 ? "expects chunks of 1 to 8 bytes" : NULL;
}

static const char *prepare_hex(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[ARG_CHUNK].type == ARG_NONE)
		args->v[ARG_CHUNK].num = args->v[ARG_SEPARATOR].str.len ? 0 : INT32_MAX;
	return args->v[ARG_CHUNK].num < 1 || args->v[ARG_CHUNK].num > INT32_MAX
	               ? "expects chunks of at least one byte behind a separator"
	               : NULL;
}

static uint64_t number_of(struct slice s, bool little)
{
	uint64_t value = 0;
	for (size_t i = 0; i < s.len; i++)
		value = value << 8 | (unsigned char)s.ptr[little ? s.len - 1 - i : i];
	return value;
}

static char *put_hex(char *at, struct slice chunk)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < chunk.len; i++) {
		*at++ = digits[(unsigned char)chunk.ptr[i] >> 4];
		*at++ = digits[chunk.ptr[i] & 15];
	}
	return at;
}

enum form { BIG_DEC, LITTLE_DEC, BIG_HEX };

static int run_chunks(struct sample_ctx *ctx, const struct args *args, struct sample *s, enum form form)
{
	size_t size = (size_t)args->v[ARG_CHUNK].num, count = s->str.len / size + 1;
	struct slice rest = s->str, separator = args->v[ARG_SEPARATOR].str;
	bool truncates = args->v[ARG_TRUNCATE].type != ARG_NONE && args->v[ARG_TRUNCATE].num;
	/* a byte is two digits of one kind, or at most three of the other */
	char *out = arena_alloc(ctx->arena, s->str.len * 3 + count * separator.len + 1), *at = out;
	char text[INT_TEXT_MAX];
	if (!out)
		return -ENOMEM;
	while (rest.len >= (truncates ? size : 1)) {
		struct slice chunk = slice_of(rest.ptr, rest.len < size ? rest.len : size);
		if (at != out && separator.len)
			at = mempcpy(at, separator.ptr, separator.len);
		if (form == BIG_HEX)
			at = put_hex(at, chunk);
		else
			at = mempcpy(at, text,
				(size_t)snprintf(text, sizeof text, "%llu",
					(unsigned long long)number_of(chunk, form == LITTLE_DEC)));
		rest = slice_skip(rest, chunk.len);
	}
	return sample_set_str(s, slice_of(out, (size_t)(at - out)));
}

static int run_be2dec(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return run_chunks(ctx, args, s, BIG_DEC);
}

static int run_le2dec(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return run_chunks(ctx, args, s, LITTLE_DEC);
}

static int run_be2hex(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return run_chunks(ctx, args, s, BIG_HEX);
}

static int run_base2(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	char *out = arena_alloc(ctx->arena, s->str.len * 8 + 1);
	(void)args;
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < s->str.len * 8; i++)
		out[i] = (char)('0' + ((unsigned char)s->str.ptr[i / 8] >> (7 - i % 8) & 1));
	return sample_set_str(s, slice_of(out, s->str.len * 8));
}

#define DEC(name, run, help) \
	{ \
		name, { "<separator>,<chunk_size>[,<truncate>]", 2, 3, { ARG_STR, ARG_INT, ARG_INT } }, SAMPLE_BIN, \
			SAMPLE_STR, run, prepare_dec, help \
	}

const struct converter_row converter_digits_rows[] = {
	{ "base2", { 0 }, SAMPLE_BIN, SAMPLE_STR, run_base2, NULL, "binary digits" },
	DEC("be2dec", run_be2dec, "integers of big-endian chunks"),
	{ "be2hex", { "[<separator>[,<chunk_size>[,<truncate>]]]", 0, 3, { ARG_STR, ARG_INT, ARG_INT } }, SAMPLE_BIN,
		SAMPLE_STR, run_be2hex, prepare_hex, "hexadecimal digits in chunks" },
	DEC("le2dec", run_le2dec, "integers of little-endian chunks"),
	{ 0 },
};
