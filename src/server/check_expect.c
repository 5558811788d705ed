/* check_expect: judges the response to a health check by one `http-check expect` or `tcp-check expect` rule.
 *
 * A rule about the body is open until its body is there, or until what came decides.  Words of the results are
 * HAProxy's.
 */
#include <stdio.h>
#include <string.h>

#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"
#include "ballast/sample/regex.h"
#include "check_private.h"

/* --- does it match? --- */

static bool same(struct slice a, struct slice b, bool ignore_case)
{
	return ignore_case ? slice_eq_icase(a, b) : slice_eq(a, b);
}

static bool contains(struct slice text, struct slice part, bool ignore_case)
{
	if (!ignore_case)
		return text.len >= part.len && (!part.len || memmem(text.ptr, text.len, part.ptr, part.len));
	for (size_t at = 0; at + part.len <= text.len; at++)
		if (slice_eq_icase(slice_of(text.ptr + at, part.len), part))
			return true;
	return false;
}

/* A text that is empty by what its expression gave matches nothing: it would be found everywhere. */
static bool text_matches(const struct check_match *m, struct slice text, bool ignore_case, struct sample_ctx *ctx)
{
	struct slice pattern;

	if (m->how == CHECK_MATCH_REG)
		return regex_match(m->regex, text);
	pattern = check_text_render(&m->text, ctx);
	if (!pattern.ptr || (m->text.format && !pattern.len))
		return false;
	switch (m->how) {
	case CHECK_MATCH_STR: return same(text, pattern, ignore_case);
	case CHECK_MATCH_SUB: return contains(text, pattern, ignore_case);
	case CHECK_MATCH_BEG:
		return text.len >= pattern.len && same(slice_of(text.ptr, pattern.len), pattern, ignore_case);
	case CHECK_MATCH_END:
		return text.len >= pattern.len && same(slice_skip(text, text.len - pattern.len), pattern, ignore_case);
	}
	return false;
}

static bool value_matches(const struct check_expect *e, struct slice value, struct sample_ctx *ctx)
{
	struct slice rest = value, member;

	if (e->value.how == CHECK_MATCH_NONE)
		return true;
	if (e->kind == EXPECT_FHDR)
		return text_matches(&e->value, value, false, ctx);
	while (slice_next_member(&rest, &member))
		if (text_matches(&e->value, member, false, ctx))
			return true;
	return false;
}

static bool field_matches(const struct check_expect *e, const struct msg *m, struct sample_ctx *ctx)
{
	for (int i = 0; i < m->field_count; i++)
		if (text_matches(&e->name, field_name(&m->fields[i]), true, ctx) &&
			value_matches(e, field_value(&m->fields[i]), ctx))
			return true;
	return false;
}

static bool status_matches(const struct check_expect *e, unsigned status)
{
	char text[8];

	if (e->kind == EXPECT_RSTATUS)
		return regex_match(e->value.regex, slice_of(text, (size_t)snprintf(text, sizeof text, "%u", status)));
	for (uint32_t i = 0; i < e->range_count; i++)
		if (status >= e->ranges[i].low && status <= e->ranges[i].high)
			return true;
	return false;
}

/* rbinary looks at hexadecimal digits, so that every byte can be named. */
static bool hex_matches(const struct check_match *m, struct slice bytes, struct sample_ctx *ctx)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = arena_alloc(ctx->arena, 2 * bytes.len + 1);

	for (size_t i = 0; text && i < bytes.len; i++) {
		text[2 * i] = digits[(unsigned char)bytes.ptr[i] >> 4];
		text[2 * i + 1] = digits[(unsigned char)bytes.ptr[i] & 15];
	}
	return text && regex_match(m->regex, slice_of(text, 2 * bytes.len));
}

/* --- results --- */

static void set_code(const struct check_expect *e, const struct check_response *got, struct sample_ctx *ctx,
	struct check_result *r)
{
	struct sample s;

	if (e->status_code) {
		r->code = expr_eval(e->status_code, ctx, SAMPLE_INT, &s) && s.num > 0 ? (uint16_t)s.num : 0;
		return;
	}
	r->code = !got->raw && check_status_has_code(r->status) ? got->msg.status : 0;
}

static void format_into(const struct format *f, struct sample_ctx *ctx, struct check_result *r)
{
	struct strbuf b;

	strbuf_init_fixed(&b, r->text, sizeof r->text);
	format_render(f, ctx, &b);
}

static void tell_http_failure(const struct check_expect *e, const struct check_response *got, bool matched,
	struct check_result *r)
{
	if (e->kind != EXPECT_BODY)
		snprintf(r->text, sizeof r->text, "%.*s", (int)got->msg.reason.len,
			got->msg.reason.len ? got->msg.reason.ptr : "");
	else if (matched)
		snprintf(r->text, sizeof r->text, "HTTP check matched unwanted content");
	else
		snprintf(r->text, sizeof r->text, "HTTP content check %s",
			got->payload.len ? "did not match" : "could not find a response body");
}

/* "string 'x'" is told as 'x', every other kind by its name. */
static void tell_tcp_failure(const struct check_step *step, const struct check_response *got, bool matched,
	struct check_result *r)
{
	const char *what = step->expect.what, *quoted = strncmp(what, "string '", 8) ? NULL : what + 7;
	const char *name = strncmp(what, "binary '", 8) ? what : "binary";

	if (!got->payload.len)
		snprintf(r->text, sizeof r->text, "TCPCHK got an empty response at step %u", step->number);
	else
		snprintf(r->text, sizeof r->text, "TCPCHK %s content %s%s%s at step %u",
			matched ? "matched unwanted" : "did not match", quoted ? "" : "(", quoted ? quoted : name,
			quoted ? "" : ")", step->number);
}

static void fail(const struct check_step *step, const struct check_response *got, bool matched, struct sample_ctx *ctx,
	struct check_result *r)
{
	const struct check_expect *e = &step->expect;
	size_t len;

	check_result_set(r, e->error, "");
	if (e->on_error)
		format_into(e->on_error, ctx, r);
	else if (got->raw)
		tell_tcp_failure(step, got, matched, r);
	else
		tell_http_failure(e, got, matched, r);
	len = strlen(r->text);
	if (step->comment)
		snprintf(r->text + len, sizeof r->text - len, " comment: %s", step->comment);
	set_code(e, got, ctx, r);
}

void check_expect_success(const struct check_step *step, const struct check_response *got, struct sample_ctx *ctx,
	struct check_result *r)
{
	const struct check_expect *e = &step->expect;

	check_result_set(r, e->ok, got->raw ? "(tcp-check)" : "");
	if (e->on_success)
		format_into(e->on_success, ctx, r);
	set_code(e, got, ctx, r);
}

/* --- one rule --- */

/* A body that may grow: only a text that is in it decides now, or as many bytes as were asked for. */
static bool body_decides(const struct check_expect *e, const struct check_response *got, bool matched)
{
	bool enough = e->min_recv >= 0 && got->payload.len >= (size_t)e->min_recv;

	if (got->ended || enough)
		return true;
	return matched && (e->min_recv < 0 || e->value.how != CHECK_MATCH_REG);
}

/* A script's own function; what broke off before it could decide is no answer. */
static enum expect_verdict judge_other(const struct check_step *step, const struct check_response *got,
	struct check_run *run, struct sample_ctx *ctx, struct check_result *r)
{
	enum expect_verdict v = VERDICT_FAILED;

	if (!got->payload.len)
		fail(step, got, false, ctx, r);
	else
		v = step->expect.judge(run, got, r);
	if (v != VERDICT_PENDING || !got->ended)
		return v;
	check_result_set(r, step->expect.error, "the response broke off");
	return VERDICT_FAILED;
}

/* Whatever else is expected, it tells that the server is about to leave. */
static bool is_leaving(const struct check_run *run, const struct check_response *got)
{
	return run->script->disable_on_404 && !got->raw && got->msg.status == 404;
}

enum expect_verdict check_expect_judge(const struct check_step *step, const struct check_response *got,
	struct check_run *run, struct sample_ctx *ctx, struct check_result *r)
{
	const struct check_expect *e = &step->expect;
	bool matched = false;

	if (is_leaving(run, got)) {
		check_result_set(r, CHECK_L7OKC, "");
		r->code = 404;
		return VERDICT_FAILED;
	}
	switch (e->kind) {
	case EXPECT_STATUS:
	case EXPECT_RSTATUS: matched = status_matches(e, got->msg.status); break;
	case EXPECT_HDR:
	case EXPECT_FHDR: matched = field_matches(e, &got->msg, ctx); break;
	case EXPECT_BODY:
	case EXPECT_HEX:
		matched = e->kind == EXPECT_HEX ? hex_matches(&e->value, got->payload, ctx)
		                                : text_matches(&e->value, got->payload, false, ctx);
		if (!body_decides(e, got, matched))
			return VERDICT_PENDING;
		break;
	case EXPECT_OTHER: return judge_other(step, got, run, ctx, r);
	}
	if (matched != e->negate && (!got->raw || got->payload.len))
		return VERDICT_PASSED;
	fail(step, got, matched, ctx, r);
	return VERDICT_FAILED;
}
