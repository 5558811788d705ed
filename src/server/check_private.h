/* check_private: between the files that read, run and judge health checks. */
#ifndef BALLAST_SERVER_CHECK_PRIVATE_H
#define BALLAST_SERVER_CHECK_PRIVATE_H

#include "ballast/sample/sample.h"
#include "ballast/server/check.h"

/* What a check found. */
struct check_result {
	enum check_status status;
	uint16_t code; /* HTTP status; 0 none */
	char text[CHECK_TEXT_MAX];
};

void check_result_set(struct check_result *r, enum check_status status, const char *text);

/* ---- check_http.c: one running HTTP check ---- */

/* The exchange of one check of `s`; NULL where memory is out. */
struct http_check_run *http_check_run_new(const struct http_check *http, struct server *s);
void http_check_run_free(struct http_check_run *run);
/* Sends and reads what can be by now. True: it is over, *r tells how. */
bool http_check_run_step(struct http_check_run *run, struct conn *c, struct check_result *r);
/* What it means that no more time is left. */
enum check_status http_check_run_timeout(const struct http_check_run *run);

/* ---- check_expect.c: is a response as expected? ---- */

/* What is known of it so far. */
struct check_response {
	struct msg msg;
	struct slice payload;
	bool ended; /* no more will come: its body is complete, cut, or as long as can be looked at */
};

enum expect_verdict { VERDICT_PENDING, VERDICT_PASSED, VERDICT_FAILED };

/* VERDICT_FAILED: *r tells why.  `ctx` is for texts and expressions. */
enum expect_verdict http_expect_judge(const struct http_expect *e, const char *comment,
	const struct check_response *got, struct sample_ctx *ctx, struct check_result *r);
/* The last one has passed. */
void http_expect_success(const struct http_expect *e, struct sample_ctx *ctx, struct check_result *r);
/* The text, or what its format makes of this check; ptr NULL where memory is out. Lives as long as ctx->arena. */
struct slice check_text_render(const struct check_text *t, struct sample_ctx *ctx);

/* ---- check_request.c ---- */

/* The request: what `send` says, completed by `option httpchk`.  ctx->arena keeps it; ptr NULL where memory is out. */
struct slice http_send_render(const struct http_send *send, const struct http_send *option, struct sample_ctx *ctx);
/* Whether it is the same for every check. */
bool http_send_is_literal(const struct http_send *send, const struct http_send *option);
const char *http_send_method(const struct http_send *send, const struct http_send *option);

/* ---- check_parse.c, check_parse_expect.c ---- */

/* A copy of the backend's check to be changed, without the rules that came from `defaults`; NULL: no memory. */
struct http_check *http_check_extend_rules(const struct backend *b, struct arena *a);
/* Appends a step, with the comment that waits for one; NULL: no memory. */
struct http_step *http_check_add_step(struct http_check *h, enum http_step_kind kind, struct arena *a);
/* Makes the copy the backend's. 0 or -ENOMEM. */
int http_check_commit(struct backend *b, struct http_check *h, struct arena *a);
/* Error: `of`, the last word, needs something behind it. -EINVAL. */
int http_check_missing(const struct line *l, const struct token *of, struct diag *d);
int http_check_parse_expect(struct backend *b, const struct line *l, struct arena *a, struct diag *d);

#endif
