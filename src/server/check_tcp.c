/* check_tcp: what TCP checks send and expect: bytes, as they are. */
#include <errno.h>

#include "check_private.h"

enum step_state check_step_send(struct check_run *run, const struct check_step *step, struct check_result *r)
{
	struct sample_ctx ctx = check_run_context(run, NULL);
	int err;

	if (!run->begun) {
		run->begun = true;
		run->sent = 0;
		run->out = check_text_render(&step->send, &ctx);
		check_run_forget(run);
		if (!run->out.ptr) {
			check_result_set(r, CHECK_SOCKERR,
				step->send.hex ? "no hexadecimal digits to send" : strerror(ENOMEM));
			check_run_tell_step(run, r);
			return STEP_FAILED;
		}
	}
	err = check_run_send(run);
	if (err == -EAGAIN)
		return STEP_WAITS;
	if (err)
		run->send_error = err; /* what the server said before it closed still counts */
	return STEP_DONE;
}

static enum step_state fail(struct check_run *run, int err, struct check_result *r)
{
	check_result_errno(r, err);
	check_run_tell_step(run, r);
	return STEP_FAILED;
}

enum step_state check_step_expect(struct check_run *run, const struct check_step *step, struct check_result *r)
{
	struct check_response got = { .raw = true };
	struct sample_ctx ctx = check_run_context(run, NULL);
	int err;

	if (!check_run_input(run))
		return fail(run, -ENOMEM, r);
	for (;;) {
		got.payload = slice_of(run->in->bytes, run->in->received);
		got.ended = run->ended || check_run_is_full(run);
		if (got.payload.len || got.ended) {
			switch (check_expect_judge(step, &got, run, &ctx, r)) {
			case VERDICT_PENDING: break;
			case VERDICT_FAILED: return STEP_FAILED;
			case VERDICT_PASSED:
				if (step->expect.kind != EXPECT_OTHER)
					check_expect_success(step, &got, &ctx, r);
				run->send_error = 0;
				return STEP_DONE;
			}
		}
		err = check_run_read(run);
		if (err == -EAGAIN)
			return STEP_WAITS;
		if (err)
			return fail(run, err, r);
	}
}
