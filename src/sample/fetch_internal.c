/* Fetches of internal state and constants (HAProxy's manual, section 7.3.2): usable anywhere. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "private.h"

static int run_true(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)args, (void)cursor;
	return sample_set_bool(out, true);
}

static int run_false(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)args, (void)cursor;
	return sample_set_bool(out, false);
}

static int run_str(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)cursor;
	return sample_set_str(out, args->v[0].str);
}

static int run_int(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)cursor;
	return sample_set_int(out, args->v[0].num);
}

static int run_bool(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)cursor;
	return sample_set_bool(out, args->v[0].num);
}

static const char *prepare_bool(struct args *args, struct arena *a)
{
	struct slice word = args->v[0].str;
	(void)a;
	if (slice_eq(word, SLICE("true")) || slice_eq(word, SLICE("1")))
		args->v[0].num = 1;
	else if (slice_eq(word, SLICE("false")) || slice_eq(word, SLICE("0")))
		args->v[0].num = 0;
	else
		return "expects 'true', 'false', '1' or '0'";
	return NULL;
}

static int run_ipv4(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)cursor;
	out->type = SAMPLE_IPV4;
	out->ip4 = args->v[0].ip4;
	return 0;
}

static int run_ipv6(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)cursor;
	out->type = SAMPLE_IPV6;
	out->ip6 = args->v[0].ip6;
	return 0;
}

static int run_meth(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	run_str(ctx, args, out, cursor);
	return sample_cast(out, SAMPLE_METHOD, ctx->arena);
}

/* Turns the hexadecimal argument into its bytes. */
static const char *prepare_bin(struct args *args, struct arena *a)
{
	struct slice hex = args->v[0].str;
	char *bytes = arena_alloc(a, hex.len / 2 + 1);
	if (!bytes)
		return "is out of memory";
	for (size_t i = 0; i < hex.len; i += 2) {
		int high = hex_digit(hex.ptr[i]), low = i + 1 < hex.len ? hex_digit(hex.ptr[i + 1]) : -1;
		if (high < 0 || low < 0)
			return "expects an even number of hexadecimal digits";
		bytes[i / 2] = (char)(high << 4 | low);
	}
	args->v[0].str = slice_of(bytes, hex.len / 2);
	return NULL;
}

static int run_bin(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	run_str(ctx, args, out, cursor);
	out->type = SAMPLE_BIN;
	return 0;
}

/* The value that was sampled when the configuration was read: args->data, NULL where there is none. */
static int run_sampled(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)ctx, (void)cursor;
	if (!args->data)
		return -ENOENT;
	return sample_set_str(out, slice_from_str(args->data));
}

static const char *prepare_env(struct args *args, struct arena *a)
{
	const char *value = getenv(args->v[0].str.ptr);
	args->data = value ? arena_strdup(a, value) : NULL;
	return value && !args->data ? "is out of memory" : NULL;
}

static const char *prepare_hostname(struct args *args, struct arena *a)
{
	char name[HOST_NAME_MAX + 1];
	if (gethostname(name, sizeof name))
		return "cannot learn the name of this host";
	name[HOST_NAME_MAX] = 0;
	args->data = arena_strdup(a, name);
	return args->data ? NULL : "is out of memory";
}

enum date_unit { DATE_S, DATE_MS, DATE_US };

static const char *prepare_date(struct args *args, struct arena *a)
{
	static const char *const units[] = { [DATE_S] = "s", [DATE_MS] = "ms", [DATE_US] = "us" };
	(void)a;
	if (args->v[0].type == ARG_NONE)
		args->v[0].num = 0;
	if (args->v[1].type == ARG_NONE) {
		args->v[1].num = DATE_S;
		return NULL;
	}
	for (unsigned i = 0; i <= DATE_US; i++)
		if (slice_eq(args->v[1].str, slice_from_str(units[i]))) {
			args->v[1].num = i;
			return NULL;
		}
	return "expects 's', 'ms' or 'us' as unit";
}

static int run_date(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	static const unsigned divisors[] = { [DATE_S] = 1000000, [DATE_MS] = 1000, [DATE_US] = 1 };
	int64_t now = (int64_t)(ctx->wall_us / divisors[args->v[1].num]), value;
	(void)cursor;
	if (__builtin_add_overflow(now, args->v[0].num, &value))
		value = INT64_MAX;
	return sample_set_int(out, value);
}

static int run_date_us(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)args, (void)cursor;
	return sample_set_int(out, (int64_t)(ctx->wall_us % 1000000));
}

static int run_pid(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)args, (void)cursor;
	return sample_set_int(out, getpid());
}

static int run_proc(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)ctx, (void)args, (void)cursor;
	return sample_set_int(out, 1);
}

static const char *prepare_rand(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[0].type == ARG_NONE)
		args->v[0].num = INT64_C(1) << 32;
	return args->v[0].num < 0 ? "expects a range that is not negative" : NULL;
}

static int run_rand(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	uint64_t random;
	(void)ctx, (void)cursor;
	arc4random_buf(&random, sizeof random);
	/* The high part of a product: no division; its bias is below 2^-31 for ranges up to 2^32. */
	return sample_set_int(out, (int64_t)((unsigned __int128)random * (uint64_t)args->v[0].num >> 64));
}

static const char *prepare_uuid(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[0].type == ARG_NONE)
		args->v[0].num = 4;
	return args->v[0].num != 4 && args->v[0].num != 7 ? "knows the versions 4 and 7 only" : NULL;
}

/* RFC 9562 sections 5.4 and 5.7. */
static int run_uuid(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	uint8_t b[16];
	(void)cursor;
	arc4random_buf(b, sizeof b);
	if (args->v[0].num == 7) {
		uint64_t ms = ctx->wall_us / 1000;
		for (int i = 0; i < 6; i++)
			b[i] = (uint8_t)(ms >> (40 - 8 * i));
	}
	b[6] = (uint8_t)((b[6] & 0x0f) | args->v[0].num << 4);
	b[8] = (b[8] & 0x3f) | 0x80;
	struct slice text =
		arena_printf(ctx->arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
			b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return text.ptr ? sample_set_str(out, text) : -ENOMEM;
}

const struct fetch_row fetch_internal_rows[] = {
	{ "always_false", { 0 }, SAMPLE_BOOL, PHASE_ALL, 0, run_false, NULL, "false" },
	{ "always_true", { 0 }, SAMPLE_BOOL, PHASE_ALL, 0, run_true, NULL, "true" },
	{ "bin", { "<hex>", 1, 1, { ARG_STR } }, SAMPLE_BIN, PHASE_ALL, 0, run_bin, prepare_bin,
		"the bytes of these hexadecimal digits" },
	{ "bool", { "<bool>", 1, 1, { ARG_STR } }, SAMPLE_BOOL, PHASE_ALL, 0, run_bool, prepare_bool, "this boolean" },
	{ "date", { "[<offset>[,<unit>]]", 0, 2, { ARG_INT, ARG_STR } }, SAMPLE_INT, PHASE_ALL, 0, run_date,
		prepare_date, "time since 1970, in s, ms or us, plus an offset" },
	{ "date_us", { 0 }, SAMPLE_INT, PHASE_ALL, 0, run_date_us, NULL,
		"microseconds of the time, behind its seconds" },
	{ "env", { "<name>", 1, 1, { ARG_STR } }, SAMPLE_STR, PHASE_ALL, 0, run_sampled, prepare_env,
		"environment variable, as it was when the configuration was read" },
	{ "hostname", { 0 }, SAMPLE_STR, PHASE_ALL, 0, run_sampled, prepare_hostname, "name of this host" },
	{ "int", { "<integer>", 1, 1, { ARG_INT } }, SAMPLE_INT, PHASE_ALL, 0, run_int, NULL, "this integer" },
	{ "ipv4", { "<ipv4>", 1, 1, { ARG_IPV4 } }, SAMPLE_IPV4, PHASE_ALL, 0, run_ipv4, NULL, "this IPv4 address" },
	{ "ipv6", { "<ipv6>", 1, 1, { ARG_IPV6 } }, SAMPLE_IPV6, PHASE_ALL, 0, run_ipv6, NULL, "this IPv6 address" },
	{ "meth", { "<method>", 1, 1, { ARG_STR } }, SAMPLE_METHOD, PHASE_ALL, 0, run_meth, NULL, "this HTTP method" },
	{ "pid", { 0 }, SAMPLE_INT, PHASE_ALL, 0, run_pid, NULL, "number of the process" },
	{ "proc", { 0 }, SAMPLE_INT, PHASE_ALL, 0, run_proc, NULL, "always 1" },
	{ "rand", { "[<range>]", 0, 1, { ARG_INT } }, SAMPLE_INT, PHASE_ALL, 0, run_rand, prepare_rand,
		"random integer from 0 to below the range (2^32)" },
	{ "str", { "<string>", 0, 1, { ARG_STR } }, SAMPLE_STR, PHASE_ALL, 0, run_str, NULL, "this string" },
	{ "uuid", { "[<version>]", 0, 1, { ARG_INT } }, SAMPLE_STR, PHASE_ALL, 0, run_uuid, prepare_uuid,
		"new UUID of version 4 (default) or 7" },
	{ 0 },
};
