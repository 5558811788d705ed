/* http_check: what HTTP health checks send and expect (`option httpchk`, `http-check`).
 *
 * A check is a list of steps that are gone through in order on one connection: the request, then everything that its
 * response must be.  Made while loading, immutable after, run by check_http.c.
 */
#ifndef BALLAST_SERVER_HTTP_CHECK_H
#define BALLAST_SERVER_HTTP_CHECK_H

#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/http/h1.h"

struct backend;
struct expr;
struct format;
struct regex;

/* A text of the configuration, or, where `format` is not NULL, one that is made anew for each check. */
struct check_text {
	struct slice text;
	const struct format *format;
};

enum match_how { MATCH_NONE, MATCH_STR, MATCH_BEG, MATCH_END, MATCH_SUB, MATCH_REG };

struct check_match {
	uint8_t how; /* enum match_how; MATCH_NONE: anything */
	struct check_text text;
	const struct regex *regex; /* MATCH_REG */
};

enum check_expect { EXPECT_STATUS, EXPECT_RSTATUS, EXPECT_HDR, EXPECT_FHDR, EXPECT_BODY };

struct status_range {
	uint16_t low, high;
};

struct http_expect {
	uint8_t kind; /* enum check_expect */
	bool negate;
	uint8_t ok, error, timeout; /* enum check_status */
	int32_t min_recv;           /* bytes of the body to wait for; -1: as long as it may still match */
	const struct status_range *ranges;
	uint32_t range_count;
	struct check_match name;  /* of a field */
	struct check_match value; /* of a field or the status; of the body: is somewhere in it */
	const struct format *on_success, *on_error;
	const struct expr *status_code;
};

struct check_field {
	const char *name;
	struct check_text value;
};

/* Of `http-check send`, and, as what completes it, of `option httpchk`.  NULL: not given. */
struct http_send {
	const char *method, *version;
	struct check_text uri, body;
	struct slice raw; /* "Name: value\r\n"..., written behind the version */
	const struct check_field *fields;
	uint32_t field_count;
};

enum http_step_kind { STEP_SEND, STEP_EXPECT };

struct http_step {
	uint8_t kind; /* enum http_step_kind */
	bool implied; /* the send that every list begins with, until one is written */
	const char *comment;
	union {
		struct http_send send;
		struct http_expect expect;
	};
};

struct http_check {
	const struct backend *rules_owner; /* whose http-check lines these are; those from `defaults` are replaced */
	bool on;                           /* `option httpchk` was given; `no option httpchk` clears it in a copy */
	struct http_send option;
	struct http_step *steps; /* the first is a send */
	uint32_t step_count;
	const char *comment;  /* of the next rule (`http-check comment`) */
	struct slice request; /* of the first step; ptr NULL: it is made anew for each check */
};

/* Both replace b->http_check by an extended copy, so that backends may share one that they got from `defaults`.
 * `option httpchk [URI | METHOD URI [VERSION [HOST]]]` from line->words[2]. 0, or -EINVAL after a diagnosis. */
int http_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d);
/* `http-check send|expect|comment ...`. Without `option httpchk` before or after it has no effect, as in HAProxy. */
int http_check_parse_rule(struct backend *b, const struct line *l, struct arena *a, struct diag *d);

#endif
