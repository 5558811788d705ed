/* h1: the HTTP/1 state machines: head and body framing, strictly after RFC 9112.
 *
 * Feed it all bytes that are there; it goes on where it stopped, at any byte, and the result does not
 * depend on where the input was split.  What two readers could frame differently is refused
 * (RFC 9112 sections 2.2, 3, 5, 6, 7, 11).
 */
#ifndef BALLAST_HTTP_H1_H
#define BALLAST_HTTP_H1_H

#include "ballast/http/msg.h"

enum h1_result {
	H1_MORE, /* incomplete: feed again with more bytes behind the same ones */
	H1_DONE,
	H1_ERROR, /* refused: parser.error tells why */
};

/* Why a head or a body was refused. The row of each (h1_error_text, h1_error_status) names the section. */
enum h1_error {
	H1_OK,
	H1_ERR_EMPTY,
	H1_ERR_METHOD,
	H1_ERR_TARGET,
	H1_ERR_VERSION,
	H1_ERR_START_LINE,
	H1_ERR_STATUS,
	H1_ERR_FIELD_NAME,
	H1_ERR_FIELD_VALUE,
	H1_ERR_OBS_FOLD,
	H1_ERR_BARE_CR,
	H1_ERR_BARE_LF,
	H1_ERR_NUL,
	H1_ERR_CONTENT_LENGTH,
	H1_ERR_TRANSFER_ENCODING,
	H1_ERR_LENGTH_AND_CHUNKED,
	H1_ERR_HOST,
	H1_ERR_CHUNK_SIZE,
	H1_ERR_CHUNK_END,
	H1_ERR_TRAILER,
	H1_ERR_TARGET_TOO_LONG /* 414 */,
	H1_ERR_FIELDS_TOO_LARGE /* 431 */,
	H1_ERR_TOO_MANY_FIELDS /* 431 */,
	H1_ERR_TE_NOT_IMPLEMENTED /* 501: a transfer coding we do not know (RFC 9112 section 6.1) */,
	H1_ERR_VERSION_NOT_SUPPORTED /* 505 */,
	H1_ERR_CONNECTION,
	H1_ERR_COUNT
};

struct h1_limits {
	uint32_t head_bytes; /* whole head; beyond it 431, or 414 while in the request line */
	uint16_t fields;     /* tune.http.maxhdr */
	uint32_t trailer_bytes;
};

struct h1_parser {
	struct msg *msg;
	const struct h1_limits *limits;
	uint32_t pos;        /* bytes of the line scanned without finding its end */
	uint32_t line_start; /* first byte of the line being read */
	uint32_t head_len;   /* after H1_DONE: bytes of the head, its empty line included */
	uint32_t error_pos;  /* after H1_ERROR: offset of the offending byte (for `show errors`) */
	uint16_t error;      /* enum h1_error */
	uint8_t state;
	uint8_t line_end;                /* how the first line ended, CRLF or a bare LF: all lines of this head must */
	uint8_t empty_lines;             /* before the request line */
	uint32_t seen;                   /* what the fields said so far */
	enum http_method request_method; /* responses: method of the request that this one answers */
};

/* Starts a request. Leading empty lines (RFC 9112 section 2.2: at least one) are skipped, four at most. */
void h1_request_init(struct h1_parser *p, struct msg *m, const struct h1_limits *limits);
/* Starts a response to a request with method `to`. */
void h1_response_init(struct h1_parser *p, struct msg *m, enum http_method to, const struct h1_limits *limits);

/* Parses the head from buf[0..len). Later calls must pass the same bytes at the same address, followed by
 * more.  (If they were moved, start again with *_init: nothing else is remembered.)  After H1_DONE the
 * message's framing flags are final: exactly one of MSG_CHUNKED, MSG_LENGTH, MSG_UNTIL_CLOSE and MSG_NO_BODY (the
 * Content-Length field of an answer to HEAD stays among the fields), MSG_KEEP_ALIVE, MSG_UPGRADE,
 * MSG_EXPECT_CONTINUE. Bytes behind p->head_len are body.
 *
 * fields[] then holds what may be forwarded: one valid Content-Length at most (identical repetitions are made
 * one, RFC 9110 section 8.6), none in a 1xx, a 204 or a 2xx to CONNECT; the Host field of an absolute-form or
 * CONNECT request is its authority (RFC 9112 section 3.2.2).  A 2xx to CONNECT and a 101 have MSG_NO_BODY: what
 * follows is the tunnel. */
enum h1_result h1_parse_head(struct h1_parser *p, const char *buf, size_t len);

/* Body framing. */
enum h1_body_kind { H1_BODY_NONE, H1_BODY_LENGTH, H1_BODY_CHUNKED, H1_BODY_UNTIL_CLOSE };

struct h1_body {
	uint64_t left;  /* bytes still to come: of the body (LENGTH), of the chunk (CHUNKED) */
	uint64_t total; /* payload bytes seen so far */
	uint8_t kind;   /* enum h1_body_kind */
	uint8_t state;
	uint16_t error;           /* enum h1_error */
	uint32_t line_bytes;      /* of the chunk-size line read so far, bounded */
	uint32_t extension_bytes; /* of all chunk extensions read so far, bounded */
	const struct h1_limits *limits;
};

/* Takes the framing from a parsed message. */
void h1_body_init(struct h1_body *b, const struct msg *m, const struct h1_limits *limits);
/* Takes one step over buf[0..len): sets *data to a run of payload (may be empty) and *used to the bytes
 * consumed, framing included.  H1_DONE: the body ended within *used; what lies behind belongs to the next
 * message.  H1_MORE: call again with the bytes behind *used, as long as there are any.  Chunk extensions are
 * validated and dropped.  Trailer lines: their fields are added to `trailers` when that is not NULL (their
 * slices point into buf; the trailer section is consumed only when it is whole, so *used may stay before
 * it with H1_MORE: keep those bytes and feed again with more; limits->trailer_bytes of them at most, beyond it
 * H1_ERR_TRAILER). Field names that must not be trailers (RFC 9110 section 6.5.1) are dropped.
 * H1_ERROR: b->error tells why; *used and *data are what was valid before. */
enum h1_result h1_body_next(struct h1_body *b, const char *buf, size_t len, struct slice *data, size_t *used,
	struct msg *trailers);
/* The connection ended: true where the body is complete by that (UNTIL_CLOSE, or it was done). */
bool h1_body_end_of_input(struct h1_body *b);
/* Payload of a LENGTH or UNTIL_CLOSE body passed by without being looked at (splice). `n` <= left. */
void h1_body_skip(struct h1_body *b, uint64_t n);

/* The body has ended (kind becomes H1_BODY_NONE when it does). */
static inline bool h1_body_done(const struct h1_body *b)
{
	return b->kind == H1_BODY_NONE;
}

/* One sentence for the log; status that a request refused for this is answered with (400, 414, 431, 501, 505). */
const char *h1_error_text(enum h1_error e);
unsigned h1_error_status(enum h1_error e);

#endif
