/* Fetches of the room proxy, for register.c. */
#ifndef PROXY_FETCH_H
#define PROXY_FETCH_H

#include "ballast/sample/sample.h"

extern const struct fetch_row proxy_fetch_rows[], tls_fetch_rows[], body_fetch_rows[], named_fetch_rows[],
	exchange_fetch_rows[];
extern const struct converter_row named_converter_rows[];
extern const unsigned proxy_fetch_count, tls_fetch_count, body_fetch_count, named_fetch_count, exchange_fetch_count,
	named_converter_count;

/* log_capture.c */
extern const struct fetch_row capture_fetch_rows[];
extern const struct converter_row capture_converter_rows[];
extern const unsigned capture_fetch_count, capture_converter_count;

#endif
