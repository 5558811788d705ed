/* http_parse: a parsed message for the tests of this room, and what it is sent as. Include after cmocka.h. */
#ifndef TESTS_HTTP_PARSE_H
#define TESTS_HTTP_PARSE_H

#include "ballast/http/h1.h"

enum { PARSED_BYTES = 4096, PARSED_FIELDS = 64 };

struct parsed {
	struct msg msg;
	struct field fields[PARSED_FIELDS];
	char buf[PARSED_BYTES];
	size_t len;
};

static const struct h1_limits parsed_limits = { .head_bytes = PARSED_BYTES,
	.fields = PARSED_FIELDS,
	.trailer_bytes = 1024 };

static inline void parsed_init(struct parsed *p, const char *text)
{
	p->len = strlen(text);
	memcpy(p->buf, text, p->len);
	p->msg = (struct msg){ .fields = p->fields, .field_max = PARSED_FIELDS };
}

static inline void parse_request(struct parsed *p, const char *text)
{
	struct h1_parser parser;

	parsed_init(p, text);
	h1_request_init(&parser, &p->msg, &parsed_limits);
	assert_int_equal(h1_parse_head(&parser, p->buf, p->len), H1_DONE);
}

static inline void parse_response(struct parsed *p, const char *text)
{
	struct h1_parser parser;

	parsed_init(p, text);
	h1_response_init(&parser, &p->msg, METHOD_GET, &parsed_limits);
	assert_int_equal(h1_parse_head(&parser, p->buf, p->len), H1_DONE);
}

/* The head is sent as `text`, in `pieces` pieces. */
static inline void assert_sent(const struct parsed *p, const char *text, int pieces)
{
	struct iovec out[PARSED_FIELDS * 2 + 2];
	char all[PARSED_BYTES + 1];
	size_t len = 0;
	struct arena a;

	arena_init(&a);
	int n = msg_serialize_head(&p->msg, out, PARSED_FIELDS * 2 + 2, &a);
	for (int i = 0; i < n; i++) {
		memcpy(all + len, out[i].iov_base, out[i].iov_len);
		len += out[i].iov_len;
	}
	all[len] = 0;
	arena_reset(&a);
	assert_string_equal(all, text);
	assert_int_equal(n, pieces);
}

#endif
