/* date: HTTP dates (RFC 9110 section 5.6.7). */
#ifndef BALLAST_HTTP_DATE_H
#define BALLAST_HTTP_DATE_H

#include <time.h>

#include "ballast/base/slice.h"

enum { HTTP_DATE_BYTES = 29 };

/* Writes `t` (seconds since 1970, UTC; years 0 to 9999, others are clamped) as an IMF-fixdate, e.g.
 * "Sun, 06 Nov 1994 08:49:37 GMT": exactly HTTP_DATE_BYTES bytes, no NUL. */
void http_date_format(time_t t, char *out);
/* The same from a cache of the calling thread that is renewed when the second changes.  The slice is valid until the
 * thread's next call with another second: copy it (a Date field goes into the exchange's arena). */
struct slice http_date(time_t now);

#endif
