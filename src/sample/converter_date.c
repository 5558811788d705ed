/* Converters of dates: integers since 1970 to text and back (HAProxy's manual, section 7.3.1; RFC 9110 section 5.6.7).
 *
 * strftime(3) knows no fraction of a second: %N and %<width>N are put in before it sees the format.
 */
#include <time.h>

#include "ballast/http/date.h"
#include "private.h"

enum { FORMAT_BYTES = 256, DATE_TEXT_BYTES = 512 };

/* Sum that stays at the ends of its range. */
static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;
	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return a < 0 ? INT64_MIN : INT64_MAX;
}

/* `value` in units of 1/scale s as seconds, and nanoseconds behind them. */
static time_t split_time(int64_t value, int64_t scale, long *ns)
{
	int64_t s = value / scale, rest = value % scale;
	if (rest < 0) {
		rest += scale;
		s--;
	}
	*ns = (long)(rest * (1000000000 / scale));
	return (time_t)s;
}

/* ---- http_date, date ---- */

static const char *prepare_http_date(struct args *args, struct arena *a)
{
	static const struct {
		const char *name;
		int64_t scale;
	} units[] = { { "s", 1 }, { "ms", 1000 }, { "us", 1000000 } };
	(void)a;
	if (args->v[0].type == ARG_NONE)
		args->v[0].num = 0;
	if (args->v[1].type == ARG_NONE) {
		args->v[1].num = 1;
		return NULL;
	}
	for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
		if (slice_eq(args->v[1].str, slice_from_str(units[i].name))) {
			args->v[1].num = units[i].scale;
			return NULL;
		}
	return "expects 's', 'ms' or 'us' as unit";
}

static int run_http_date(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	char text[HTTP_DATE_BYTES];
	int64_t scale = args->v[1].num;
	long ns;
	http_date_format(split_time(plus(s->num, args->v[0].num), scale, &ns), text);
	struct slice out = scale == 1 ? arena_copy(ctx->arena, slice_of(text, sizeof text))
	                              : arena_printf(ctx->arena, "%.25s.%0*ld GMT", text, scale == 1000 ? 3 : 6,
						ns / (1000000000 / scale));
	return out.ptr ? sample_set_str(s, out) : -ENOMEM;
}

/* The three forms that a recipient must know. A year of two digits is at most 50 years ahead. */
static bool parse_date(const char *text, time_t now, struct tm *tm)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y" };
	const char *end;

	for (unsigned i = 0; i < 2; i++) {
		*tm = (struct tm){ 0 };
		end = strptime(text, forms[i], tm);
		if (end && !*end)
			return true;
	}
	*tm = (struct tm){ 0 };
	end = strptime(text, "%a, %d-%b-", tm);
	if (!end || hex_digit(end[0]) < 0 || hex_digit(end[1]) < 0)
		return false;
	struct tm today;
	gmtime_r(&now, &today);
	int year = (end[0] - '0') * 10 + end[1] - '0';
	tm->tm_year = today.tm_year / 100 * 100 + year;
	if (tm->tm_year > today.tm_year + 50)
		tm->tm_year -= 100;
	end = strptime(end + 2, " %H:%M:%S GMT", tm);
	return end && !*end;
}

static int run_date(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	char text[64];
	struct tm tm;
	(void)args;
	if (s->str.len >= sizeof text)
		return -ENOENT;
	memcpy(text, s->str.ptr, s->str.len);
	text[s->str.len] = 0;
	if (!parse_date(text, (time_t)(ctx->wall_us / 1000000), &tm))
		return -ENOENT;
	return sample_set_int(s, timegm(&tm));
}

/* ---- ltime, utime and their kin ---- */

/* Length of "%<width>N" at `at`, and the width; 0: it is something else. */
static size_t fraction_at(const char *at, unsigned *width)
{
	size_t n = 1;
	*width = 9;
	if (at[0] != '%')
		return 0;
	if ((unsigned char)(at[n] - '0') < 10)
		*width = (unsigned)(at[n++] - '0');
	return at[n] == 'N' ? n + 1 : 0;
}

/* The format with its fractions put in. False: too long. */
static bool put_fraction(const char *format, long ns, char *out, size_t room)
{
	char digits[24]; /* of any long */
	unsigned width;
	snprintf(digits, sizeof digits, "%09ld", ns);
	for (const char *at = format; *at;) {
		size_t n = fraction_at(at, &width), len = n ? width : at[0] == '%' && at[1] ? 2 : 1;
		if (len >= room)
			return false;
		memcpy(out, n ? digits : at, len);
		out += len;
		room -= len;
		at += n ? n : len;
	}
	*out = 0;
	return true;
}

static int format_time(struct sample_ctx *ctx, const struct args *args, struct sample *s, int64_t scale, bool local)
{
	char format[FORMAT_BYTES], text[DATE_TEXT_BYTES];
	const char *pattern = args->v[0].str.ptr;
	struct tm tm;
	long ns;
	time_t t = split_time(plus(s->num, args->v[1].num), scale, &ns);

	if (!(local ? localtime_r(&t, &tm) : gmtime_r(&t, &tm)))
		return -ENOENT;
	if (scale > 1) {
		if (!put_fraction(pattern, ns, format, sizeof format))
			return -ENOENT;
		pattern = format;
	}
	size_t len = strftime(text, sizeof text, pattern, &tm);
	struct slice out = arena_copy(ctx->arena, slice_of(text, len));
	return out.ptr ? sample_set_str(s, out) : -ENOMEM;
}

static const char *prepare_time(struct args *args, struct arena *a)
{
	(void)a;
	if (args->v[1].type == ARG_NONE)
		args->v[1].num = 0;
	return args->v[0].str.len >= FORMAT_BYTES / 2 ? "has a format that is too long" : NULL;
}

#define TIME(name, scale, local) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *s) \
	{ \
		return format_time(ctx, args, s, scale, local); \
	}

TIME(run_ltime, 1, true)
TIME(run_utime, 1, false)
TIME(run_ms_ltime, 1000, true)
TIME(run_ms_utime, 1000, false)
TIME(run_us_ltime, 1000000, true)
TIME(run_us_utime, 1000000, false)

#define TIME_ROW(name, run, help) \
	{ \
		name, { "<format>[,<offset>]", 1, 2, { ARG_STR, ARG_INT } }, SAMPLE_INT, SAMPLE_STR, run, \
			prepare_time, help \
	}

const struct converter_row converter_date_rows[] = {
	{ "date", { 0 }, SAMPLE_STR, SAMPLE_INT, run_date, NULL, "seconds since 1970 of an HTTP date" },
	{ "http_date", { "[<offset>[,<unit>]]", 0, 2, { ARG_INT, ARG_STR } }, SAMPLE_INT, SAMPLE_STR, run_http_date,
		prepare_http_date, "HTTP date of a time since 1970, in s, ms or us" },
	TIME_ROW("ltime", run_ltime, "local time, as strftime(3) has it, of seconds since 1970"),
	TIME_ROW("ms_ltime", run_ms_ltime, "the same of milliseconds; %3N is the fraction"),
	TIME_ROW("ms_utime", run_ms_utime, "the same in UTC"),
	TIME_ROW("us_ltime", run_us_ltime, "local time of microseconds since 1970; %6N is the fraction"),
	TIME_ROW("us_utime", run_us_utime, "the same in UTC"),
	TIME_ROW("utime", run_utime, "time in UTC, as strftime(3) has it, of seconds since 1970"),
	{ 0 },
};
