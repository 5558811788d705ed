/* check_http: the HTTP exchange of a health check: `option httpchk`, `http-check send`, `http-check expect`.
 *
 * The request is rendered once while loading.  The response is read into one buffer and, with each new piece, parsed
 * from its beginning: it is small, and nothing has to be remembered in between.  Words of the results are HAProxy's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/sample/regex.h"
#include "check_private.h"

enum { RESPONSE_BYTES = 16384, RESPONSE_FIELDS = 101 };

struct http_check_run {
	const struct http_check *http;
	uint32_t sent, received;
	bool ended; /* the server closed its side */
	char buffer[RESPONSE_BYTES];
	char payload[RESPONSE_BYTES];
	uint32_t payload_len;
	struct field fields[RESPONSE_FIELDS];
};

/* What is known of the response so far. */
struct response {
	struct msg msg;
	uint32_t head_len;
	bool complete;
};

enum { PARSE_MORE = 1 };

static const struct h1_limits limits = {
	.head_bytes = RESPONSE_BYTES,
	.fields = RESPONSE_FIELDS,
	.trailer_bytes = RESPONSE_BYTES,
};

struct http_check_run *http_check_run_new(const struct http_check *http)
{
	struct http_check_run *run = malloc(sizeof *run);

	if (run) {
		run->http = http;
		run->sent = run->received = run->payload_len = 0;
		run->ended = false;
	}
	return run;
}

void http_check_run_free(struct http_check_run *run)
{
	free(run);
}

/* --- the response --- */

static bool is_full(const struct http_check_run *run)
{
	return run->received == sizeof run->buffer;
}

/* The final head, behind any 1xx. 0, PARSE_MORE, or -EPROTO with a result. */
static int parse_head(struct http_check_run *run, struct response *got, struct check_result *r)
{
	struct h1_parser p;
	uint32_t at = 0;

	do {
		got->msg = (struct msg){ .fields = run->fields, .field_max = RESPONSE_FIELDS };
		msg_reset(&got->msg);
		h1_response_init(&p, &got->msg, method_of(slice_from_str(run->http->method)), &limits);
		switch (h1_parse_head(&p, run->buffer + at, run->received - at)) {
		case H1_MORE: return PARSE_MORE;
		case H1_ERROR: check_result_set(r, CHECK_L7RSP, h1_error_text(p.error)); return -EPROTO;
		case H1_DONE: break;
		}
		at += p.head_len;
	} while (got->msg.status < 200 && got->msg.status != 101);
	got->head_len = at;
	return 0;
}

/* The body so far, unframed, into run->payload. */
static int parse_body(struct http_check_run *run, struct response *got, struct check_result *r)
{
	const char *at = run->buffer + got->head_len;
	size_t left = run->received - got->head_len, used = 0;
	struct h1_body body;
	struct slice data;
	enum h1_result result = H1_MORE;

	h1_body_init(&body, &got->msg, &limits);
	run->payload_len = 0;
	got->complete = h1_body_done(&body);
	for (; !got->complete && left; at += used, left -= used) {
		data = (struct slice){ 0 };
		result = h1_body_next(&body, at, left, &data, &used, NULL);
		if (result == H1_ERROR) {
			check_result_set(r, CHECK_L7RSP, h1_error_text(body.error));
			return -EPROTO;
		}
		if (data.len)
			memcpy(run->payload + run->payload_len, data.ptr, data.len);
		run->payload_len += (uint32_t)data.len;
		got->complete = result == H1_DONE;
		if (!used)
			break;
	}
	if (!got->complete && run->ended)
		got->complete = h1_body_end_of_input(&body);
	return 0;
}

/* --- what is expected --- */

static bool status_in(const struct http_check *h, unsigned status)
{
	char text[8];
	if (h->expect == EXPECT_RSTATUS)
		return regex_match(h->regex, slice_of(text, (size_t)snprintf(text, sizeof text, "%u", status)));
	if (h->expect != EXPECT_STATUS)
		return status >= 200 && status < 400;
	for (uint32_t i = 0; i < h->range_count; i++)
		if (status >= h->ranges[i].low && status <= h->ranges[i].high)
			return true;
	return false;
}

static void judge_status(const struct http_check *h, const struct msg *m, struct check_result *r)
{
	char reason[CHECK_TEXT_MAX];

	r->code = m->status;
	if (status_in(h, m->status) != h->negate) {
		check_result_set(r, CHECK_L7OK, "");
		return;
	}
	snprintf(reason, sizeof reason, "%.*s", (int)m->reason.len, m->reason.len ? m->reason.ptr : "");
	check_result_set(r, CHECK_L7STS, reason);
}

static bool payload_matches(const struct http_check_run *run)
{
	const struct http_check *h = run->http;

	if (h->expect == EXPECT_RSTRING)
		return regex_match(h->regex, slice_of((const char *)run->payload, run->payload_len));
	return memmem(run->payload, run->payload_len, h->string.ptr, h->string.len);
}

/* True: decided. As long as more may come, only a found string decides. */
static bool judge_string(const struct http_check_run *run, const struct response *got, struct check_result *r)
{
	const struct http_check *h = run->http;
	bool whole = got->complete || run->ended || is_full(run);
	bool found = payload_matches(run);

	if (!whole && !found && (h->min_recv < 0 || run->payload_len < (uint32_t)h->min_recv))
		return false;
	if (!found && !h->negate && !run->payload_len)
		check_result_set(r, CHECK_L7RSP, "HTTP content check could not find a response body");
	else if (found == h->negate)
		check_result_set(r, CHECK_L7RSP,
			found ? "HTTP check matched unwanted content" : "HTTP content check did not match");
	else
		check_result_set(r, CHECK_L7OK, "");
	if (r->status == CHECK_L7OK)
		r->code = got->msg.status;
	return true;
}

static bool end_incomplete(const struct http_check_run *run, struct check_result *r)
{
	if (is_full(run)) {
		check_result_set(r, CHECK_L7RSP, "the head of the response is too large");
		return true;
	}
	if (!run->ended)
		return false;
	check_result_set(r, run->received ? CHECK_L7RSP : CHECK_SOCKERR,
		run->received ? "the connection ended within the head of the response" : "");
	return true;
}

static bool judge(struct http_check_run *run, struct check_result *r)
{
	struct response got = { 0 };
	int state = parse_head(run, &got, r);

	if (state == PARSE_MORE)
		return end_incomplete(run, r);
	if (state < 0)
		return true;
	if (run->http->expect < EXPECT_STRING) {
		judge_status(run->http, &got.msg, r);
		return true;
	}
	return parse_body(run, &got, r) < 0 || judge_string(run, &got, r);
}

/* --- moving bytes --- */

static int send_request(struct http_check_run *run, struct conn *c)
{
	struct slice request = run->http->request;

	while (run->sent < request.len) {
		ssize_t n = conn_send(c, request.ptr + run->sent, request.len - run->sent);
		if (n < 0)
			return (int)n;
		run->sent += (uint32_t)n;
	}
	return 0;
}

/* 0: something new; -EAGAIN: nothing; else what went wrong. */
static int read_response(struct http_check_run *run, struct conn *c)
{
	ssize_t n = conn_recv(c, run->buffer + run->received, sizeof run->buffer - run->received);

	if (n < 0)
		return (int)n;
	if (n == 0)
		run->ended = true;
	run->received += (uint32_t)n;
	return 0;
}

bool http_check_run_step(struct http_check_run *run, struct conn *c, struct check_result *r)
{
	int err = send_request(run, c);

	/* A server may answer and close without reading all: so its answer counts more than a failed send. */
	while (c->flags & CONN_READABLE) {
		err = read_response(run, c);
		if (err)
			break;
		if (judge(run, r))
			return true;
	}
	if (!err || err == -EAGAIN)
		return false;
	check_result_set(r, CHECK_SOCKERR, strerror(-err));
	return true;
}
