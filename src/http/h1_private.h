/* h1_private: what the files of the HTTP/1 parser share.
 *
 * A step function looks at buf[0..end), reads one line and moves p->line_start behind it (H1_DONE), or
 * wants more (H1_MORE: nothing is kept but p->pos), or refuses (H1_ERROR).  It decides from left to right
 * and never by where the bytes end, so that every split of the input gives the same result.
 */
#ifndef H1_PRIVATE_H
#define H1_PRIVATE_H

#include "ballast/base/assert.h"
#include "ballast/http/h1.h"

/* p->line_end */
enum { LINE_END_UNKNOWN, LINE_END_CRLF, LINE_END_LF };

/* p->seen */
enum {
	SEEN_HOST = 1u << 0,
	SEEN_LENGTH = 1u << 1,
	SEEN_CODING = 1u << 2,       /* Transfer-Encoding */
	SEEN_CHUNKED = 1u << 3,      /* its coding chunked */
	SEEN_OTHER_CODING = 1u << 4, /* one before chunked */
	SEEN_CLOSE = 1u << 5,
	SEEN_KEEP_ALIVE = 1u << 6,
	SEEN_UPGRADE_OPTION = 1u << 7, /* Connection: upgrade */
	SEEN_UPGRADE = 1u << 8,        /* Upgrade: anything but h2 and h2c */
	SEEN_H2C = 1u << 9,            /* Upgrade: h2 or h2c among others */
	SEEN_CONTINUE = 1u << 10,      /* Expect: 100-continue */
	SEEN_TE_TRAILERS = 1u << 11,
};

/* Refuses: the offending byte is at `at`. */
enum h1_result h1_refuse(struct h1_parser *p, enum h1_error e, const char *buf, const char *at);
/* Refuses the byte at `at`, which is no part of what was expected there: bare CR or LF and NUL are named as such, the
 * rest is `e`. */
enum h1_result h1_refuse_byte(struct h1_parser *p, enum h1_error e, const char *buf, const char *at);
/* Takes the line end at `at` (< end): H1_DONE and *next behind it. */
enum h1_result h1_line_end(struct h1_parser *p, enum h1_error e, const char *buf, const char *at, const char *end,
	const char **next);
/* "HTTP/" DIGIT "." DIGIT at `at`: H1_DONE and the flags of the message; H1_ERR_VERSION at the first byte that is
 * another, H1_ERR_VERSION_NOT_SUPPORTED for a major version that is not 1. */
enum h1_result h1_version(struct h1_parser *p, const char *buf, const char *at, const char *end);

enum h1_result h1_request_line(struct h1_parser *p, const char *buf, const char *end);
enum h1_result h1_status_line(struct h1_parser *p, const char *buf, const char *end);

/* Learns from the field that was just added; `index` is its place. */
enum h1_error h1_field_read(struct h1_parser *p, int index);
/* The head is complete: framing and the flags that several fields make together. */
enum h1_error h1_request_finish(struct h1_parser *p);
enum h1_error h1_response_finish(struct h1_parser *p);

/* Reads the trailer section at buf[0..len) into `trailers` (NULL: only checks it): H1_DONE and its bytes, empty line
 * included, in *used. */
enum h1_result h1_trailers(struct h1_body *b, const char *buf, size_t len, size_t *used, struct msg *trailers);

#endif
