/* check_http: runs one HTTP health check: goes through its steps on an open connection.
 *
 * The response is read into one buffer and, with each new piece, parsed from its beginning: it is small, and nothing has
 * to be remembered in between but how many of the rules about it were passed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_private.h"

enum { RESPONSE_BYTES = 16384, RESPONSE_FIELDS = 101 };

struct http_check_run {
	const struct http_check *http;
	struct server *server;
	struct arena arena; /* what its formats and expressions make */
	uint32_t step;      /* the rule that the response waits for; step_count: the implied one */
	struct slice request;
	uint32_t sent, received;
	bool ended; /* the server closed its side */
	char buffer[RESPONSE_BYTES];
	char payload[RESPONSE_BYTES];
	struct field fields[RESPONSE_FIELDS];
};

enum { PARSE_MORE = 1 };

static const struct h1_limits limits = {
	.head_bytes = RESPONSE_BYTES,
	.fields = RESPONSE_FIELDS,
	.trailer_bytes = RESPONSE_BYTES,
};

/* Where no rule says what to expect. */
static const struct status_range good_statuses = { 200, 399 };
static const struct http_expect implied_expect = {
	.kind = EXPECT_STATUS,
	.ok = CHECK_L7OK,
	.error = CHECK_L7STS,
	.timeout = CHECK_L7TOUT,
	.min_recv = -1,
	.ranges = &good_statuses,
	.range_count = 1,
};

static struct sample_ctx context_of(struct http_check_run *run, struct msg *response)
{
	return (struct sample_ctx){
		.arena = &run->arena,
		.res = response,
		.now_ms = loop_self->now_ms,
		.wall_us = loop_self->wall_us,
		.server = run->server,
		.phase = PHASE_CHECK,
	};
}

static const struct http_step *first_step(const struct http_check_run *run)
{
	return &run->http->steps[0];
}

struct http_check_run *http_check_run_new(const struct http_check *http, struct server *s)
{
	struct http_check_run *run = malloc(sizeof *run);
	struct sample_ctx ctx;

	if (!run)
		return NULL;
	run->http = http;
	run->server = s;
	run->step = 1;
	run->sent = run->received = 0;
	run->ended = false;
	arena_init_heap(&run->arena);
	run->request = http->request;
	if (!run->request.ptr) {
		ctx = context_of(run, NULL);
		run->request = http_send_render(&first_step(run)->send, &http->option, &ctx);
	}
	if (run->request.ptr)
		return run;
	http_check_run_free(run);
	return NULL;
}

void http_check_run_free(struct http_check_run *run)
{
	if (!run)
		return;
	arena_reset(&run->arena);
	free(run);
}

static const struct http_expect *present_expect(const struct http_check_run *run)
{
	return run->step < run->http->step_count ? &run->http->steps[run->step].expect : &implied_expect;
}

enum check_status http_check_run_timeout(const struct http_check_run *run)
{
	return present_expect(run)->timeout;
}

/* --- the response --- */

static bool is_full(const struct http_check_run *run)
{
	return run->received == sizeof run->buffer;
}

/* The final head, behind any 1xx. 0, PARSE_MORE, or -EPROTO with a result. */
static int parse_head(struct http_check_run *run, struct check_response *got, uint32_t *head_len,
	struct check_result *r)
{
	struct slice method = slice_from_str(http_send_method(&first_step(run)->send, &run->http->option));
	struct h1_parser p;
	uint32_t at = 0;

	do {
		got->msg = (struct msg){ .fields = run->fields, .field_max = RESPONSE_FIELDS };
		msg_reset(&got->msg);
		h1_response_init(&p, &got->msg, method_of(method), &limits);
		switch (h1_parse_head(&p, run->buffer + at, run->received - at)) {
		case H1_MORE: return PARSE_MORE;
		case H1_ERROR: check_result_set(r, CHECK_L7RSP, h1_error_text(p.error)); return -EPROTO;
		case H1_DONE: break;
		}
		at += p.head_len;
	} while (got->msg.status < 200 && got->msg.status != 101);
	*head_len = at;
	return 0;
}

/* The body so far, unframed, into run->payload. */
static int parse_body(struct http_check_run *run, struct check_response *got, uint32_t head_len, struct check_result *r)
{
	const char *at = run->buffer + head_len;
	size_t left = run->received - head_len, used = 0, payload = 0;
	struct h1_body body;
	struct slice data;
	enum h1_result result = H1_MORE;
	bool complete;

	h1_body_init(&body, &got->msg, &limits);
	complete = h1_body_done(&body);
	for (; !complete && left; at += used, left -= used) {
		data = (struct slice){ 0 };
		result = h1_body_next(&body, at, left, &data, &used, NULL);
		if (result == H1_ERROR) {
			check_result_set(r, CHECK_L7RSP, h1_error_text(body.error));
			return -EPROTO;
		}
		if (data.len)
			memcpy(run->payload + payload, data.ptr, data.len);
		payload += data.len;
		complete = result == H1_DONE;
		if (!used)
			break;
	}
	got->payload = slice_of(run->payload, payload);
	got->ended = complete || run->ended || is_full(run);
	return 0;
}

/* --- what it must be --- */

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

/* Goes through the rules that can be decided by now. True: it is over. */
static bool judge(struct http_check_run *run, struct check_result *r)
{
	struct check_response got = { 0 };
	struct sample_ctx ctx = context_of(run, &got.msg);
	uint32_t head_len = 0, count = run->http->step_count;
	int state = parse_head(run, &got, &head_len, r);
	bool has_body = false;

	if (state)
		return state < 0 || end_incomplete(run, r);
	do {
		const struct http_expect *e = present_expect(run);
		const char *comment = e == &implied_expect ? NULL : run->http->steps[run->step].comment;
		if (e->kind == EXPECT_BODY && !has_body && parse_body(run, &got, head_len, r) < 0)
			return true;
		has_body |= e->kind == EXPECT_BODY;
		switch (http_expect_judge(e, comment, &got, &ctx, r)) {
		case VERDICT_PENDING: return false;
		case VERDICT_FAILED: return true;
		case VERDICT_PASSED: break;
		}
		if (run->step + 1 >= count)
			http_expect_success(e, &ctx, r);
	} while (++run->step < count);
	return true;
}

/* --- moving bytes --- */

static int send_request(struct http_check_run *run, struct conn *c)
{
	struct slice request = run->request;

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
