/* check_http: an HTTP request of a health check, and its response.
 *
 * The response is read into one buffer and, with each new piece, parsed from its beginning: it is small, and nothing has
 * to be remembered in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_private.h"

enum { PARSE_MORE = 1 };

static const struct h1_limits limits = {
	.head_bytes = CHECK_INPUT_BYTES,
	.fields = CHECK_INPUT_FIELDS,
	.trailer_bytes = CHECK_INPUT_BYTES,
};

static enum step_state fail(struct check_result *r, enum check_status status, const char *text)
{
	check_result_set(r, status, text);
	return STEP_FAILED;
}

static enum step_state fail_errno(struct check_result *r, int err)
{
	check_result_errno(r, err);
	return STEP_FAILED;
}

/* --- the request --- */

enum step_state check_step_http_send(struct check_run *run, const struct check_step *step, struct check_result *r)
{
	const struct http_send *send = &step->http_send;
	struct sample_ctx ctx = check_run_context(run, NULL);
	int err;

	if (!run->begun) {
		run->begun = true;
		run->sent = 0;
		run->request = send;
		run->out = send->request;
		check_run_forget(run);
		if (!run->out.ptr || run->pooled)
			run->out = http_send_render(send, run->pooled, &ctx);
		if (!run->out.ptr)
			return fail_errno(r, -ENOMEM);
	}
	err = check_run_send(run);
	if (err == -EAGAIN)
		return STEP_WAITS;
	/* A server may answer and close without reading all: so its answer counts more than a failed send. */
	run->send_error = err;
	return STEP_DONE;
}

/* --- the response --- */

/* The final head, behind any 1xx. 0, PARSE_MORE, or -EPROTO with a result. */
static int parse_head(struct check_run *run, struct check_response *got, uint32_t *head_len, struct check_result *r)
{
	struct slice method = slice_from_str(http_send_method(run->request));
	struct check_input *in = run->in;
	struct h1_parser p;
	uint32_t at = 0;

	do {
		got->msg = (struct msg){ .fields = in->fields, .field_max = CHECK_INPUT_FIELDS };
		msg_reset(&got->msg);
		h1_response_init(&p, &got->msg, method_of(method), &limits);
		switch (h1_parse_head(&p, in->bytes + at, in->received - at)) {
		case H1_MORE: return PARSE_MORE;
		case H1_ERROR: check_result_set(r, CHECK_L7RSP, h1_error_text(p.error)); return -EPROTO;
		case H1_DONE: break;
		}
		at += p.head_len;
	} while (got->msg.status < 200 && got->msg.status != 101);
	*head_len = at;
	return 0;
}

/* The body so far, unframed, into in->payload. */
static int parse_body(struct check_run *run, struct check_response *got, uint32_t head_len, struct check_result *r)
{
	struct check_input *in = run->in;
	const char *at = in->bytes + head_len;
	size_t left = in->received - head_len, used = 0, payload = 0;
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
			memcpy(in->payload + payload, data.ptr, data.len);
		payload += data.len;
		complete = result == H1_DONE;
		if (!used)
			break;
	}
	run->reusable = complete && !left && got->msg.flags & MSG_KEEP_ALIVE;
	got->payload = slice_of(in->payload, payload);
	got->ended = complete || run->ended || check_run_is_full(run);
	return 0;
}

/* --- what it must be --- */

static enum step_state end_incomplete(const struct check_run *run, struct check_result *r)
{
	if (check_run_is_full(run))
		return fail(r, CHECK_L7RSP, "the head of the response is too large");
	if (!run->ended)
		return STEP_WAITS;
	return run->in->received ? fail(r, CHECK_L7RSP, "the connection ended within the head of the response")
	                         : fail(r, CHECK_SOCKERR, "");
}

static enum step_state judge(struct check_run *run, const struct check_step *step, struct check_result *r)
{
	struct check_response got = { 0 };
	struct sample_ctx ctx = check_run_context(run, &got.msg);
	uint32_t head_len = 0;
	bool needs_body = step->expect.kind == EXPECT_BODY || run->pooled;
	int state = parse_head(run, &got, &head_len, r);

	if (state)
		return state < 0 ? STEP_FAILED : end_incomplete(run, r);
	if (needs_body && parse_body(run, &got, head_len, r) < 0)
		return STEP_FAILED;
	/* A connection that is kept must be at the end of the response. */
	if (run->pooled && !got.ended)
		return STEP_WAITS;
	switch (check_expect_judge(step, &got, run, &ctx, r)) {
	case VERDICT_PENDING: return STEP_WAITS;
	case VERDICT_FAILED: return STEP_FAILED;
	case VERDICT_PASSED: break;
	}
	check_expect_success(step, &got, &ctx, r);
	run->send_error = 0;
	return STEP_DONE;
}

enum step_state check_step_http_expect(struct check_run *run, const struct check_step *step, struct check_result *r)
{
	enum step_state state;
	int err;

	if (!check_run_input(run))
		return fail_errno(r, -ENOMEM);
	for (;;) {
		state = judge(run, step, r);
		if (state != STEP_WAITS)
			return state;
		err = check_run_read(run);
		if (err == -EAGAIN)
			return STEP_WAITS;
		if (err)
			return fail_errno(r, err);
	}
}
