/* h1_fuzz: what the three HTTP/1 fuzz targets share.  The input is transcribed whole, byte by byte and cut
 * once: transcripts that differ abort.  The transcript itself asserts what must hold of any accepted message. */
#ifndef TESTS_LIB_H1_FUZZ_H
#define TESTS_LIB_H1_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "h1_transcript.h"

/* A cut that depends on all bytes, so that the engine reaches each. */
static inline size_t h1_fuzz_cut(const struct h1_input *in)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < in->len; i++)
		hash = (hash ^ (unsigned char)in->bytes[i]) * 16777619u;
	return 1 + hash % (in->len - 1);
}

static inline void h1_fuzz_compare(const struct h1_input *in, const char *whole, enum h1_cut cut, size_t at)
{
	struct h1_transcript t;

	h1_transcribe(&t, in, cut, at);
	if (strcmp(t.text, whole) != 0) {
		fprintf(stderr, "whole: %s\ncut %d at %zu: %s\n", whole, cut, at, t.text);
		abort();
	}
	h1_transcript_free(&t);
}

static inline void h1_fuzz(struct h1_input *in)
{
	struct h1_transcript whole;

	in->limits = (struct h1_limits){ .head_bytes = 2048, .fields = 24, .trailer_bytes = 256 };
	h1_transcribe(&whole, in, H1_CUT_WHOLE, 0);
	h1_fuzz_compare(in, whole.text, H1_CUT_BYTES, 0);
	if (in->len > 1)
		h1_fuzz_compare(in, whole.text, H1_CUT_AT, h1_fuzz_cut(in));
	h1_transcript_free(&whole);
}

#endif
