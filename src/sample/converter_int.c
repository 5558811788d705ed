/* Converters of integers, booleans and addresses (HAProxy's manual, section 7.3.1).
 *
 * Arithmetic never wraps: what does not fit becomes the largest or smallest 64-bit value. */
#include "private.h"

static int64_t bound(bool negative)
{
	return negative ? INT64_MIN : INT64_MAX;
}

static int run_add(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	if (__builtin_add_overflow(s->num, by, &s->num))
		s->num = bound(by < 0);
	return 0;
}

static int run_sub(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	if (__builtin_sub_overflow(s->num, by, &s->num))
		s->num = bound(by > 0);
	return 0;
}

static int run_mul(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	bool negative = (s->num < 0) != (by < 0);
	if (__builtin_mul_overflow(s->num, by, &s->num))
		s->num = bound(negative);
	return 0;
}

static int run_div(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	if (by == 0 || (by == -1 && s->num == INT64_MIN))
		s->num = INT64_MAX;
	else
		s->num /= by;
	return 0;
}

static int run_mod(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	s->num = by == 0 || by == -1 ? 0 : s->num % by;
	return 0;
}

static int run_neg(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	s->num = s->num == INT64_MIN ? INT64_MAX : -s->num;
	return 0;
}

static int run_and(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	s->num &= by;
	return 0;
}

static int run_or(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	s->num |= by;
	return 0;
}

static int run_xor(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	int64_t by;
	if (!arg_int(ctx, &args->v[0], &by))
		return -ENOENT;
	s->num ^= by;
	return 0;
}

static int run_cpl(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	s->num = ~s->num;
	return 0;
}

static int run_bool(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	return sample_set_bool(s, s->num != 0);
}

static int run_not(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	return sample_set_bool(s, s->num == 0);
}

static int run_even(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	return sample_set_bool(s, !(s->num & 1));
}

static int run_odd(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx, (void)args;
	return sample_set_bool(s, s->num & 1);
}

static int run_iif(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	(void)ctx;
	return sample_set_str(s, args->v[s->num ? 0 : 1].str);
}

/* IPv6 addresses that hold an IPv4 address are masked, and go on, as that. */
static int run_ipmask(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	struct in_addr v4;
	(void)ctx;
	if (s->type == SAMPLE_IPV6 && ipv6_to_ipv4(&s->ip6, &v4)) {
		s->type = SAMPLE_IPV4;
		s->ip4 = v4;
	}
	if (s->type == SAMPLE_IPV4) {
		s->ip4.s_addr &= args->v[0].ip4.s_addr;
		return 0;
	}
	if (args->v[1].type == ARG_NONE)
		return -ENOENT;
	for (int i = 0; i < 16; i++)
		s->ip6.s6_addr[i] &= args->v[1].ip6.s6_addr[i];
	return 0;
}

#define WITH_VALUE(name, run, help) \
	{ \
		name, { "<value>", 1, 1, { ARG_INT_OR_VAR } }, SAMPLE_INT, SAMPLE_INT, run, NULL, help \
	}
#define TEST(name, run, help) \
	{ \
		name, { 0 }, SAMPLE_INT, SAMPLE_BOOL, run, NULL, help \
	}

const struct converter_row converter_int_rows[] = {
	WITH_VALUE("add", run_add, "adds"),
	WITH_VALUE("and", run_and, "bitwise and"),
	TEST("bool", run_bool, "whether it is not 0"),
	{ "cpl", { 0 }, SAMPLE_INT, SAMPLE_INT, run_cpl, NULL, "bitwise complement" },
	WITH_VALUE("div", run_div, "divides"),
	TEST("even", run_even, "whether it is even"),
	{ "iif", { "<true>,<false>", 2, 2, { ARG_STR, ARG_STR } }, SAMPLE_BOOL, SAMPLE_STR, run_iif, NULL,
		"one string where it is true, else the other" },
	{ "ipmask", { "<mask4>[,<mask6>]", 1, 2, { ARG_MASK4, ARG_MASK6 } }, SAMPLE_ADDR, SAMPLE_ADDR, run_ipmask, NULL,
		"masks an address" },
	WITH_VALUE("mod", run_mod, "remainder of a division"),
	WITH_VALUE("mul", run_mul, "multiplies"),
	{ "neg", { 0 }, SAMPLE_INT, SAMPLE_INT, run_neg, NULL, "opposite value" },
	TEST("not", run_not, "whether it is 0"),
	TEST("odd", run_odd, "whether it is odd"),
	WITH_VALUE("or", run_or, "bitwise or"),
	WITH_VALUE("sub", run_sub, "subtracts"),
	WITH_VALUE("xor", run_xor, "bitwise exclusive or"),
	{ 0 },
};
