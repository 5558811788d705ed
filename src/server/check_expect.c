/* check_expect: judges the response to an HTTP health check by one `http-check expect` rule.
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

	if (m->how == MATCH_REG)
		return regex_match(m->regex, text);
	pattern = check_text_render(&m->text, ctx);
	if (!pattern.ptr || (m->text.format && !pattern.len))
		return false;
	switch (m->how) {
	case MATCH_STR: return same(text, pattern, ignore_case);
	case MATCH_SUB: return contains(text, pattern, ignore_case);
	case MATCH_BEG: return text.len >= pattern.len && same(slice_of(text.ptr, pattern.len), pattern, ignore_case);
	case MATCH_END:
		return text.len >= pattern.len && same(slice_skip(text, text.len - pattern.len), pattern, ignore_case);
	}
	return false;
}

static bool value_matches(const struct http_expect *e, struct slice value, struct sample_ctx *ctx)
{
	struct slice rest = value, member;

	if (e->value.how == MATCH_NONE)
		return true;
	if (e->kind == EXPECT_FHDR)
		return text_matches(&e->value, value, false, ctx);
	while (slice_next_member(&rest, &member))
		if (text_matches(&e->value, member, false, ctx))
			return true;
	return false;
}

static bool field_matches(const struct http_expect *e, const struct msg *m, struct sample_ctx *ctx)
{
	for (int i = 0; i < m->field_count; i++)
		if (text_matches(&e->name, field_name(&m->fields[i]), true, ctx) &&
			value_matches(e, field_value(&m->fields[i]), ctx))
			return true;
	return false;
}

static bool status_matches(const struct http_expect *e, unsigned status)
{
	char text[8];

	if (e->kind == EXPECT_RSTATUS)
		return regex_match(e->value.regex, slice_of(text, (size_t)snprintf(text, sizeof text, "%u", status)));
	for (uint32_t i = 0; i < e->range_count; i++)
		if (status >= e->ranges[i].low && status <= e->ranges[i].high)
			return true;
	return false;
}

/* --- results --- */

static void set_code(const struct http_expect *e, const struct check_response *got, struct sample_ctx *ctx,
	struct check_result *r)
{
	struct sample s;

	if (e->status_code) {
		r->code = expr_eval(e->status_code, ctx, SAMPLE_INT, &s) && s.num > 0 ? (uint16_t)s.num : 0;
		return;
	}
	r->code = r->status == CHECK_L7OK || r->status == CHECK_L7STS ? got->msg.status : 0;
}

static void format_into(const struct format *f, struct sample_ctx *ctx, struct check_result *r)
{
	struct strbuf b;

	strbuf_init_fixed(&b, r->text, sizeof r->text);
	format_render(f, ctx, &b);
}

static const char *reason_of_failure(const struct http_expect *e, const struct check_response *got, bool matched,
	char *room, size_t bytes)
{
	if (e->kind != EXPECT_BODY) {
		snprintf(room, bytes, "%.*s", (int)got->msg.reason.len, got->msg.reason.len ? got->msg.reason.ptr : "");
		return room;
	}
	if (matched)
		return "HTTP check matched unwanted content";
	return got->payload.len ? "HTTP content check did not match"
	                        : "HTTP content check could not find a response body";
}

static void fail(const struct http_expect *e, const char *comment, const struct check_response *got, bool matched,
	struct sample_ctx *ctx, struct check_result *r)
{
	char reason[CHECK_TEXT_MAX];

	check_result_set(r, e->error, reason_of_failure(e, got, matched, reason, sizeof reason));
	if (e->on_error) {
		format_into(e->on_error, ctx, r);
	} else if (comment) {
		size_t len = strlen(r->text);
		snprintf(r->text + len, sizeof r->text - len, " comment: %s", comment);
	}
	set_code(e, got, ctx, r);
}

void http_expect_success(const struct http_expect *e, struct sample_ctx *ctx, struct check_result *r)
{
	const struct check_response got = { .msg.status = ctx->res->status };

	check_result_set(r, e->ok, "");
	if (e->on_success)
		format_into(e->on_success, ctx, r);
	set_code(e, &got, ctx, r);
}

/* --- one rule --- */

/* A body that may grow: only a text that is in it decides now, or as many bytes as were asked for. */
static bool body_decides(const struct http_expect *e, const struct check_response *got, bool matched)
{
	bool enough = e->min_recv >= 0 && got->payload.len >= (size_t)e->min_recv;

	if (got->ended || enough)
		return true;
	return matched && (e->min_recv < 0 || e->value.how != MATCH_REG);
}

enum expect_verdict http_expect_judge(const struct http_expect *e, const char *comment,
	const struct check_response *got, struct sample_ctx *ctx, struct check_result *r)
{
	bool matched = false;

	switch (e->kind) {
	case EXPECT_STATUS:
	case EXPECT_RSTATUS: matched = status_matches(e, got->msg.status); break;
	case EXPECT_HDR:
	case EXPECT_FHDR: matched = field_matches(e, &got->msg, ctx); break;
	case EXPECT_BODY:
		matched = text_matches(&e->value, got->payload, false, ctx);
		if (!body_decides(e, got, matched))
			return VERDICT_PENDING;
		break;
	}
	if (matched != e->negate)
		return VERDICT_PASSED;
	fail(e, comment, got, matched, ctx, r);
	return VERDICT_FAILED;
}
