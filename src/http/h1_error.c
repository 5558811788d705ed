/* h1_error: why a head or a body is refused, in words, and with which status (RFC 9110 section 15). */
#include "ballast/http/h1.h"

static const struct {
	const char *text;
	unsigned status;
} rows[H1_ERR_COUNT] = {
	[H1_OK] = { "no error", 200 },
	[H1_ERR_EMPTY] = { "too many empty lines before the request line (RFC 9112 section 2.2)", 400 },
	[H1_ERR_METHOD] = { "the method is not a token (RFC 9110 section 9.1)", 400 },
	[H1_ERR_TARGET] = { "the request target is malformed (RFC 9112 section 3.2)", 400 },
	[H1_ERR_VERSION] = { "the version is not HTTP/1.0 or HTTP/1.1 (RFC 9112 section 2.3)", 400 },
	[H1_ERR_START_LINE] = { "the start line is malformed (RFC 9112 sections 3 and 4)", 400 },
	[H1_ERR_STATUS] = { "the status is not three digits of 100 to 999 (RFC 9112 section 4)", 400 },
	[H1_ERR_FIELD_NAME] = { "a field name is not a token followed by a colon (RFC 9112 section 5.1)", 400 },
	[H1_ERR_FIELD_VALUE] = { "a field value holds a control byte (RFC 9110 section 5.5)", 400 },
	[H1_ERR_OBS_FOLD] = { "a field line is folded (RFC 9112 section 5.2)", 400 },
	[H1_ERR_BARE_CR] = { "a CR is not followed by LF (RFC 9112 section 2.2)", 400 },
	[H1_ERR_BARE_LF] = { "a line ends with LF where others end with CRLF (RFC 9112 section 2.2)", 400 },
	[H1_ERR_NUL] = { "a NUL byte stands in the head (RFC 9110 section 5.5)", 400 },
	[H1_ERR_CONTENT_LENGTH] = { "Content-Length is malformed, differs or may not stand here (RFC 9110 section 8.6)",
		400 },
	[H1_ERR_TRANSFER_ENCODING] = { "Transfer-Encoding is malformed, not final or may not stand here (RFC 9112 "
				       "section 6.1)",
		400 },
	[H1_ERR_LENGTH_AND_CHUNKED] = { "both Content-Length and Transfer-Encoding stand there (RFC 9112 section 6.3)",
		400 },
	[H1_ERR_HOST] = { "Host is missing, malformed or there more than once (RFC 9112 section 3.2)", 400 },
	[H1_ERR_CHUNK_SIZE] = { "a chunk's size or extension is malformed or too large (RFC 9112 section 7.1)", 400 },
	[H1_ERR_CHUNK_END] = { "a chunk does not end where its size says (RFC 9112 section 7.1)", 400 },
	[H1_ERR_TRAILER] = { "the trailer section is malformed or too large (RFC 9112 section 7.1.2)", 400 },
	[H1_ERR_TARGET_TOO_LONG] = { "the request line is too long (RFC 9112 section 3)", 414 },
	[H1_ERR_FIELDS_TOO_LARGE] = { "the header section is too large (RFC 9110 section 5.4)", 431 },
	[H1_ERR_TOO_MANY_FIELDS] = { "there are too many header fields (RFC 9110 section 5.4)", 431 },
	[H1_ERR_TE_NOT_IMPLEMENTED] = { "the transfer coding is not known (RFC 9112 section 6.1)", 501 },
	[H1_ERR_VERSION_NOT_SUPPORTED] = { "the major version is not 1 (RFC 9110 section 15.6.6)", 505 },
	[H1_ERR_CONNECTION] = { "Connection is not a list of tokens (RFC 9110 section 7.6.1)", 400 },
};

const char *h1_error_text(enum h1_error e)
{
	return (unsigned)e < H1_ERR_COUNT ? rows[e].text : "unknown error";
}

unsigned h1_error_status(enum h1_error e)
{
	return (unsigned)e < H1_ERR_COUNT ? rows[e].status : 400;
}
