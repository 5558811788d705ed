/* h1_transcript: feeds one message to the HTTP/1 parser, cut where one likes, and writes down all that came out.
 *
 * The unit test of the corpus compares transcripts with what a file expects; it and the fuzz targets
 * compare the transcripts of differently cut input with one another: they must be the same.
 */
#ifndef TESTS_LIB_H1_TRANSCRIPT_H
#define TESTS_LIB_H1_TRANSCRIPT_H

#include "ballast/http/h1.h"

enum h1_kind { H1_KIND_REQUEST, H1_KIND_RESPONSE, H1_KIND_CHUNKED /* a chunked body without a head */ };

struct h1_input {
	enum h1_kind kind;
	enum http_method to; /* responses: the method asked with */
	struct h1_limits limits;
	const char *bytes;
	size_t len;
};

/* How the input is cut: whole, into single bytes, or once behind `at` bytes (0 < at < len). */
enum h1_cut { H1_CUT_WHOLE, H1_CUT_BYTES, H1_CUT_AT };

struct h1_transcript {
	char *text; /* NUL-terminated words, escaped as h1_escape does; freed with h1_transcript_free */
	size_t len, room;
};

/* Words: `more`, or `error NAME STATUS at=N`, or `done` with the flags' words and key=value for all else, the body
 * included: body-done, body-more or body-error=NAME.  The heads are also serialised (`sent=`). */
void h1_transcribe(struct h1_transcript *t, const struct h1_input *in, enum h1_cut cut, size_t at);
void h1_transcript_free(struct h1_transcript *t);

/* Name of an error without its prefix, as the corpus writes it. */
const char *h1_error_name(enum h1_error e);

#endif
