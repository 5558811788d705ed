/* check_private: between the files that read, run and judge health checks. */
#ifndef BALLAST_SERVER_CHECK_PRIVATE_H
#define BALLAST_SERVER_CHECK_PRIVATE_H

#include "ballast/sample/sample.h"
#include "ballast/server/check.h"

/* What a check found. */
struct check_result {
	enum check_status status;
	uint16_t code; /* HTTP status; 0 none */
	bool own_lack; /* this machine had no memory or descriptor for it: nothing is known of the server */
	char text[CHECK_TEXT_MAX];
};

void check_result_set(struct check_result *r, enum check_status status, const char *text);
/* SOCKERR with the error's text. */
void check_result_errno(struct check_result *r, int err);
/* Is that negative errno one that says nothing of the server? */
bool check_is_own_lack(int err);

/* ---- check.c ---- */

/* What a check is for: the server's own health, or its agent. */
struct check_role {
	const char *name; /* "Health check" */
	bool of_server;   /* it connects as the server is used: TLS, PROXY protocol */
	/* Where it connects to, with a port. 0 or -EADDRNOTAVAIL. */
	int (*target)(const struct check *c, struct endpoint *to);
	const struct check_script *(*script)(const struct check *c);
	uint32_t (*inter_ms)(const struct check *c);
	/* Under backend.lock. */
	bool (*is_paused)(const struct check *c);
	uint32_t (*interval_ms)(const struct check *c); /* until the next one */
	void (*apply)(struct check *c, const struct check_result *r);
};

/* For whoever embeds one: not yet running. */
void check_prepare(struct check *c, struct server *s, const struct check_role *role);
/* Under backend.lock: keeps a result; ", reason: ..." of it; the line of `option log-health-checks`, where `count` of
 * rise + fall - 1 is reached. */
void check_store(struct check *c, const struct check_result *r);
void check_describe(const struct check *c, char *to, size_t room);
void check_log(const struct check *c, const char *what, unsigned count, unsigned rise, unsigned fall);

/* The run is over: frees it, applies the result, and sets the time of the next one. */
void check_finish(struct check *c, const struct check_result *r);

/* ---- check_run.c: one run of a script ---- */

enum { CHECK_INPUT_BYTES = 16384, CHECK_INPUT_FIELDS = 101 };

/* What came, and room for what is made of it. */
struct check_input {
	uint32_t received, payload_len;
	char bytes[CHECK_INPUT_BYTES];
	char payload[CHECK_INPUT_BYTES];
	struct field fields[CHECK_INPUT_FIELDS];
};

/* What a check has in hand while it goes on; a call of malloc, freed when the check ends. */
struct check_run {
	struct check *check;
	const struct check_script *script;
	uint32_t at;                /* step */
	bool begun;                 /* the present step was entered before */
	struct conn *conn;          /* the check's own, or that of `pooled` */
	struct server_conn *pooled; /* of the server's pool (check-reuse-pool) */
	bool reused;                /* it carried something before */
	bool fresh;                 /* none such is to be taken: one was closed just then */
	bool connected;             /* TCP stands */
	bool reusable;              /* and can carry the next request */
	bool linger;                /* the connection is to end without a reset */
	bool ended;                 /* the server ended its side */
	bool talked;                /* something was sent or expected: the result is layer 7's */
	int send_error;             /* negative errno; an answer counts more */
	struct slice out;           /* of the present send step */
	size_t sent;
	const struct http_send *request; /* the last one */
	const struct check_step *passed; /* the last step, where it was an expectation */
	struct check_input *in;          /* NULL: nothing was to be read yet */
	struct arena arena;              /* what formats and expressions make */
	struct vars vars, session_vars;
	struct check_result found; /* by EXPECT_OTHER, which makes its own */
};

enum step_state { STEP_DONE, STEP_WAITS, STEP_FAILED };

/* NULL where memory is out. */
struct check_run *check_run_new(struct check *c, const struct check_script *script);
/* Closes its connection, too. `r`: how it ended; NULL: it was stopped. */
void check_run_free(struct check_run *run, const struct check_result *r);
/* Does what can be done by now. True: it is over, *r tells how. */
bool check_run_go(struct check_run *run, struct check_result *r);
/* No more time is left. */
void check_run_timeout(struct check_run *run, struct check_result *r);
/* For texts and expressions; `response` may be NULL. */
struct sample_ctx check_run_context(struct check_run *run, struct msg *response);
/* Adds " at step 2 of tcp-check (expect string 'x') comment: 'y'", of scripts that tell their steps. */
void check_run_tell_step(const struct check_run *run, struct check_result *r);
/* Room to read into; NULL where memory is out. */
struct check_input *check_run_input(struct check_run *run);
/* Forgets what came: a new question is asked. */
void check_run_forget(struct check_run *run);
/* Sends run->out. 0, -EAGAIN, or what went wrong. */
int check_run_send(struct check_run *run);
/* 0: something new; -EAGAIN: nothing; else what went wrong. */
int check_run_read(struct check_run *run);
static inline bool check_run_is_full(const struct check_run *run)
{
	return run->in && run->in->received == CHECK_INPUT_BYTES;
}
static inline const struct check_step *check_run_step(const struct check_run *run)
{
	return &run->script->sealed[run->at];
}

/* ---- the kinds of steps; each is called until it is done ---- */

enum step_state check_step_connect(struct check_run *run, const struct check_step *step, struct check_result *r);
enum step_state check_step_send(struct check_run *run, const struct check_step *step, struct check_result *r);
enum step_state check_step_expect(struct check_run *run, const struct check_step *step, struct check_result *r);
enum step_state check_step_http_send(struct check_run *run, const struct check_step *step, struct check_result *r);
enum step_state check_step_http_expect(struct check_run *run, const struct check_step *step, struct check_result *r);
/* Ends the present connection (check_connect.c). */
void check_run_disconnect(struct check_run *run, bool passed);

/* ---- check_expect.c: is a response as expected? ---- */

/* What is known of it so far. */
struct check_response {
	struct msg msg; /* of HTTP */
	struct slice payload;
	bool ended; /* no more will come: its body is complete, cut, or as long as can be looked at */
	bool raw;   /* of a TCP check: payload is all that came */
};

/* VERDICT_FAILED: *r tells why. */
enum expect_verdict check_expect_judge(const struct check_step *step, const struct check_response *got,
	struct check_run *run, struct sample_ctx *ctx, struct check_result *r);
/* The last one has passed. */
void check_expect_success(const struct check_step *step, const struct check_response *got, struct sample_ctx *ctx,
	struct check_result *r);
/* The text, or what its format makes of this check; ptr NULL where memory is out, or no hexadecimal digits were made
 * where they should. Lives as long as ctx->arena. */
struct slice check_text_render(const struct check_text *t, struct sample_ctx *ctx);
/* The bytes that pairs of hexadecimal digits mean; ptr NULL where they are none, or memory is out. */
struct slice check_unhex(struct slice digits, struct arena *a);

/* ---- check_request.c ---- */

/* The request: what `send` says, completed by its option. `keep`: the connection is to carry others after it.
 * ctx->arena keeps it; ptr NULL where memory is out. */
struct slice http_send_render(const struct http_send *send, bool keep, struct sample_ctx *ctx);
/* Whether it is the same for every check. */
bool http_send_is_literal(const struct http_send *send);
const char *http_send_method(const struct http_send *send);

/* ---- reading lines ---- */

/* A copy of the backend's script to be changed; the second one without the rules that came from `defaults`. NULL: no
 * memory. */
struct check_script *check_script_extend(const struct backend *b, bool http, struct arena *a);
struct check_script *check_script_extend_rules(const struct backend *b, bool http, struct arena *a);
/* Appends a step, with the comment that waits for one; NULL: no memory. */
struct check_step *check_script_add(struct check_script *s, enum check_step_kind kind, struct arena *a);
/* The same before the request that is still implied, where that is the last step: a connection, a variable. */
struct check_step *check_script_add_before(struct check_script *s, enum check_step_kind kind, struct arena *a);
/* The last step but variables; NULL: none. */
const struct check_step *check_script_last(const struct check_script *s);
/* Makes what is run. 0 or -ENOMEM. */
int check_script_seal(struct check_script *s, struct arena *a);
/* The same, and the copy is the backend's. 0 or -ENOMEM. */
int check_script_commit(struct backend *b, struct check_script *s, struct arena *a);
/* Error: `of`, the last word, needs something behind it. -EINVAL. */
int check_word_missing(const struct line *l, const struct token *of, struct diag *d);
/* Lines that http-check and tcp-check have in common: 0, or negative errno after a diagnosis; the step is added to `s`. */
int check_parse_expect(struct check_script *s, const struct line *l, struct arena *a, struct diag *d);
int check_parse_connect(struct check_script *s, const struct line *l, struct arena *a, struct diag *d);
int check_parse_comment(struct check_script *s, const struct line *l, struct arena *a, struct diag *d);
/* `set-var(NAME[,COND...]) EXPR`, `set-var-fmt(...) FORMAT`, `unset-var(NAME)` */
int check_parse_variable(struct check_script *s, const struct line *l, struct arena *a, struct diag *d);
/* Whether words[1] begins such a line. */
bool check_is_variable(const struct line *l);
/* A pattern that is hexadecimal digits. 0, or -EINVAL after a diagnosis. */
int check_parse_hex(const struct token *t, struct slice *out, struct arena *a, struct diag *d);

#endif
