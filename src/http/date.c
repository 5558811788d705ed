/* date: the IMF-fixdate of RFC 9110 section 5.6.7, the only form that may be sent.
 *
 * Thousands of answers carry the same second, so each thread keeps the last text.  strftime is not used:
 * its names follow the locale. */
#include "ballast/http/date.h"

static char *put2(char *at, int n)
{
	*at++ = (char)('0' + n / 10);
	*at++ = (char)('0' + n % 10);
	return at;
}

static char *put_text(char *at, const char *text, size_t len)
{
	return (char *)memcpy(at, text, len) + len;
}

void http_date_format(time_t t, char *out)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	static const time_t first = -62167219200, last = 253402300799; /* 0000-01-01, 9999-12-31 */
	struct tm tm;

	t = t < first ? first : t > last ? last : t;
	gmtime_r(&t, &tm);
	out = put_text(out, days[tm.tm_wday], 3);
	out = put_text(out, ", ", 2);
	out = put2(out, tm.tm_mday);
	*out++ = ' ';
	out = put_text(out, months[tm.tm_mon], 3);
	*out++ = ' ';
	out = put2(out, (tm.tm_year + 1900) / 100);
	out = put2(out, (tm.tm_year + 1900) % 100);
	*out++ = ' ';
	out = put2(out, tm.tm_hour);
	*out++ = ':';
	out = put2(out, tm.tm_min);
	*out++ = ':';
	out = put2(out, tm.tm_sec);
	put_text(out, " GMT", 4);
}

struct slice http_date(time_t now)
{
	static _Thread_local time_t cached_second;
	static _Thread_local char cached[HTTP_DATE_BYTES];

	if (cached_second != now || !cached[0]) {
		http_date_format(now, cached);
		cached_second = now;
	}
	return slice_of(cached, sizeof(cached));
}
