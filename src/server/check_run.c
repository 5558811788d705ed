/* check_run: goes through the steps of a check's script.
 *
 * Each kind of step is a function that does what can be done by now and is called again when the connection has
 * something new; where it is done the next one is entered at once.  A check that only connects needs no buffer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"
#include "ballast/sample/var.h"
#include "check_private.h"

struct check_run *check_run_new(struct check *c, const struct check_script *script)
{
	struct check_run *run = calloc(1, sizeof *run);

	if (!run)
		return NULL;
	run->check = c;
	run->script = script;
	run->conn = &c->conn;
	arena_init_heap(&run->arena);
	return run;
}

void check_run_free(struct check_run *run, const struct check_result *r)
{
	check_run_disconnect(run, r && check_status_passed(r->status));
	var_session_free(&run->session_vars);
	arena_reset(&run->arena);
	free(run->in);
	free(run);
}

struct sample_ctx check_run_context(struct check_run *run, struct msg *response)
{
	return (struct sample_ctx){
		.arena = &run->arena,
		.res = response,
		.now_ms = loop_self->now_ms,
		.wall_us = loop_self->wall_us,
		.server = run->check->server,
		.vars = &run->vars,
		.session_vars = &run->session_vars,
		.phase = PHASE_CHECK,
	};
}

/* --- what is told of a step --- */

static void tell_kind(const struct check_step *step, char *to, size_t room)
{
	switch (step->kind) {
	case STEP_CONNECT:
		if (step->connect.port)
			snprintf(to, room, "connect port %u", step->connect.port);
		else
			snprintf(to, room, "connect");
		break;
	case STEP_SEND: snprintf(to, room, "send"); break;
	case STEP_EXPECT: snprintf(to, room, "expect %s", step->expect.what); break;
	default: *to = 0;
	}
}

void check_run_tell_step(const struct check_run *run, struct check_result *r)
{
	const struct check_step *step = check_run_step(run);
	size_t len = strlen(r->text);
	char *to = r->text + len, kind[80];

	if (run->script->http || run->script->ready || !run->script->rules_owner)
		return;
	if (!step->number) {
		snprintf(to, sizeof r->text - len, " at initial connection step of tcp-check");
		return;
	}
	tell_kind(step, kind, sizeof kind);
	snprintf(to, sizeof r->text - len, " at step %u of tcp-check (%s)%s%s%s", step->number, kind,
		step->comment ? " comment: '" : "", step->comment ? step->comment : "", step->comment ? "'" : "");
}

/* --- bytes --- */

struct check_input *check_run_input(struct check_run *run)
{
	if (!run->in && (run->in = malloc(sizeof *run->in)))
		run->in->received = 0;
	return run->in;
}

void check_run_forget(struct check_run *run)
{
	if (run->in)
		run->in->received = 0;
}

int check_run_send(struct check_run *run)
{
	while (run->sent < run->out.len) {
		ssize_t n = conn_send(run->conn, run->out.ptr + run->sent, run->out.len - run->sent);
		if (n < 0)
			return (int)n;
		run->sent += (size_t)n;
	}
	return 0;
}

int check_run_read(struct check_run *run)
{
	struct check_input *in = run->in;
	ssize_t n;

	if (!(run->conn->flags & CONN_READABLE) || run->ended || in->received == sizeof in->bytes)
		return -EAGAIN;
	n = conn_recv(run->conn, in->bytes + in->received, sizeof in->bytes - in->received);
	if (n < 0)
		return (int)n;
	if (n == 0)
		run->ended = true;
	in->received += (uint32_t)n;
	return 0;
}

/* --- variables --- */

static bool evaluate(const struct check_variable *v, struct sample_ctx *ctx, struct sample *out)
{
	struct strbuf b;

	if (v->expr)
		return expr_eval(v->expr, ctx, SAMPLE_ANY, out);
	strbuf_init(&b);
	format_render(v->format, ctx, &b);
	sample_set_str(out, arena_copy(ctx->arena, strbuf_slice(&b)));
	strbuf_free(&b);
	return out->str.ptr != NULL;
}

static enum step_state set_variable(struct check_run *run, const struct check_step *step, struct check_result *r)
{
	const struct check_variable *v = &step->variable;
	struct sample_ctx ctx = check_run_context(run, NULL);
	struct sample s;

	(void)r;
	if (!v->expr && !v->format)
		var_unset(&ctx, v->name);
	else if (evaluate(v, &ctx, &s))
		var_set(&ctx, v->name, v->conditions, &s);
	return STEP_DONE;
}

/* --- the run --- */

static enum step_state (*const kinds[STEP_KINDS])(struct check_run *run, const struct check_step *step,
	struct check_result *r) = {
	[STEP_CONNECT] = check_step_connect,
	[STEP_SEND] = check_step_send,
	[STEP_EXPECT] = check_step_expect,
	[STEP_HTTP_SEND] = check_step_http_send,
	[STEP_HTTP_EXPECT] = check_step_http_expect,
	[STEP_VARIABLE] = set_variable,
};

/* All steps were gone through; an expectation that is the last one has told the result. */
static void succeed(struct check_run *run, struct check_result *r)
{
	const char *text = run->script->lines && !run->script->http && !run->script->ready ? "(tcp-check)" : "";

	if (run->send_error) {
		check_result_set(r, CHECK_SOCKERR, strerror(-run->send_error));
		return;
	}
	if (run->passed)
		return;
	check_result_set(r, run->talked ? CHECK_L7OK : run->conn->transport ? CHECK_L6OK : CHECK_L4OK, text);
}

/* A connection of the pool may be closed by the server at any time: then a new one is opened instead. */
static bool begin_anew(struct check_run *run)
{
	if (!run->pooled || !run->reused || (run->in && run->in->received))
		return false;
	run->fresh = true;
	run->reused = run->begun = run->ended = run->talked = false;
	run->send_error = 0;
	run->at = 0;
	server_conn_drop(run->pooled, false);
	run->pooled = NULL;
	run->conn = &run->check->conn;
	return true;
}

bool check_run_go(struct check_run *run, struct check_result *r)
{
	while (run->at < run->script->sealed_count) {
		const struct check_step *step = check_run_step(run);
		switch (kinds[step->kind](run, step, &run->found)) {
		case STEP_WAITS: return false;
		case STEP_FAILED:
			if (begin_anew(run))
				continue;
			*r = run->found;
			return true;
		case STEP_DONE: break;
		}
		if (step->kind != STEP_VARIABLE)
			run->passed = step->kind == STEP_EXPECT || step->kind == STEP_HTTP_EXPECT ? step : NULL;
		run->talked |= step->kind != STEP_VARIABLE && step->kind != STEP_CONNECT;
		run->begun = false;
		run->at++;
	}
	succeed(run, &run->found);
	*r = run->found;
	return true;
}

void check_run_timeout(struct check_run *run, struct check_result *r)
{
	const struct check_step *step = check_run_step(run);
	enum check_status status = CHECK_L7TOUT;

	if (run->conn->flags & CONN_CONNECTING)
		status = CHECK_L4TOUT;
	else if (step->kind == STEP_CONNECT)
		status = CHECK_L6TOUT;
	else if (step->kind == STEP_EXPECT || step->kind == STEP_HTTP_EXPECT)
		status = step->expect.timeout;
	check_result_set(r, status, "");
	check_run_tell_step(run, r);
}
