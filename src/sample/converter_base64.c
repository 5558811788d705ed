/* Converters to and from base64 (RFC 4648): with padding (section 4), and the alphabet of URLs without (section 5).
 *
 * Decoding is strict: what an encoder would not have written has no result.
 */
#include "private.h"

static const char digits[2][65] = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static int encode(struct arena *a, struct sample *s, bool url)
{
	const char *alphabet = digits[url];
	struct slice in = s->str;
	char *out = arena_alloc(a, (in.len + 2) / 3 * 4 + 1), *at = out;
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t bits = (uint32_t)(unsigned char)in.ptr[i] << 16;
		bits |= left > 1 ? (uint32_t)(unsigned char)in.ptr[i + 1] << 8 : 0;
		bits |= left > 2 ? (uint32_t)(unsigned char)in.ptr[i + 2] : 0;
		*at++ = alphabet[bits >> 18];
		*at++ = alphabet[bits >> 12 & 63];
		if (left > 1 || !url)
			*at++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		if (left > 2 || !url)
			*at++ = left > 2 ? alphabet[bits & 63] : '=';
	}
	return sample_set_str(s, slice_of(out, (size_t)(at - out)));
}

/* 0 to 63, above for what is no digit. */
static unsigned value_of(unsigned char c, bool url)
{
	unsigned char letter = (unsigned char)((c | 0x20) - 'a');
	if (letter < 26)
		return letter + (c & 0x20 ? 26u : 0);
	if ((unsigned char)(c - '0') < 10)
		return c - '0' + 52u;
	return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : 64;
}

/* The digits without their padding; false where there is not as much of it as there must be. */
static bool strip(struct slice *in, bool url)
{
	unsigned pad = 0;
	if (url)
		return in->len % 4 != 1;
	if (in->len % 4)
		return false;
	while (pad < 2 && in->len && in->ptr[in->len - 1] == '=') {
		in->len--;
		pad++;
	}
	return true;
}

static int decode(struct arena *a, struct sample *s, bool url)
{
	struct slice in = s->str;
	char *out = arena_alloc(a, in.len / 4 * 3 + 4), *at = out;
	uint32_t bits = 0;
	if (!out)
		return -ENOMEM;
	if (!strip(&in, url))
		return -ENOENT;
	for (size_t i = 0; i < in.len; i++) {
		unsigned v = value_of((unsigned char)in.ptr[i], url);
		if (v > 63)
			return -ENOENT;
		bits = bits << 6 | v;
		if (i % 4)
			*at++ = (char)(bits >> (6 - 2 * (i % 4)));
	}
	s->type = SAMPLE_BIN;
	s->str = slice_of(out, (size_t)(at - out));
	return 0;
}

int base64_encode(struct arena *a, struct sample *s)
{
	return encode(a, s, false);
}

int base64_decode(struct arena *a, struct sample *s)
{
	return decode(a, s, false);
}

int base64url_decode(struct arena *a, struct sample *s)
{
	return decode(a, s, true);
}

static int run_base64(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)args;
	return encode(ctx->arena, s, false);
}

static int run_ub64enc(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)args;
	return encode(ctx->arena, s, true);
}

static int run_b64dec(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)args;
	return decode(ctx->arena, s, false);
}

static int run_ub64dec(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)args;
	return decode(ctx->arena, s, true);
}

const struct converter_row converter_base64_rows[] = {
	{ "b64dec", { 0 }, SAMPLE_STR, SAMPLE_BIN, run_b64dec, NULL, "decodes base64" },
	{ "base64", { 0 }, SAMPLE_BIN, SAMPLE_STR, run_base64, NULL, "base64" },
	{ "ub64dec", { 0 }, SAMPLE_STR, SAMPLE_BIN, run_ub64dec, NULL, "decodes base64 of URLs, without padding" },
	{ "ub64enc", { 0 }, SAMPLE_BIN, SAMPLE_STR, run_ub64enc, NULL, "base64 of URLs, without padding" },
	{ 0 },
};
