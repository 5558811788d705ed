/* check_script: what health checks do beyond connecting (`option httpchk`, `http-check`, `option tcp-check`, `tcp-check`,
 * `option redis-check` and its kin).
 *
 * A script is a list of steps that are gone through in order: connections, what is sent on them, what must come back,
 * variables.  Made while loading, immutable after, run by check_run.c; each kind of step is one function there and a row
 * in its table.
 */
#ifndef BALLAST_SERVER_CHECK_SCRIPT_H
#define BALLAST_SERVER_CHECK_SCRIPT_H

#include "ballast/base/diag.h"
#include "ballast/base/token.h"
#include "ballast/http/h1.h"
#include "ballast/net/addr.h"

struct backend;
struct check_response;
struct check_result;
struct check_run;
struct expr;
struct format;
struct regex;
struct var_name;

/* A text of the configuration, or, where `format` is not NULL, one that is made anew for each check. */
struct check_text {
	struct slice text;
	const struct format *format;
	bool hex; /* what the format makes are hexadecimal digits of the bytes meant */
};

enum match_how {
	CHECK_MATCH_NONE,
	CHECK_MATCH_STR,
	CHECK_MATCH_BEG,
	CHECK_MATCH_END,
	CHECK_MATCH_SUB,
	CHECK_MATCH_REG
};

struct check_match {
	uint8_t how; /* enum match_how; CHECK_MATCH_NONE: anything */
	struct check_text text;
	const struct regex *regex; /* CHECK_MATCH_REG */
};

enum expect_kind {
	EXPECT_STATUS,
	EXPECT_RSTATUS,
	EXPECT_HDR,
	EXPECT_FHDR,
	EXPECT_BODY, /* of a TCP check: all that came */
	EXPECT_HEX,  /* its hexadecimal form (rbinary) */
	EXPECT_OTHER /* `judge` decides */
};

enum expect_verdict { VERDICT_PENDING, VERDICT_PASSED, VERDICT_FAILED };

struct status_range {
	uint16_t low, high;
};

struct check_expect {
	uint8_t kind; /* enum expect_kind */
	bool negate;
	uint8_t ok, error, timeout; /* enum check_status */
	int32_t min_recv;           /* bytes of the body to wait for; -1: as long as it may still match */
	const struct status_range *ranges;
	uint32_t range_count;
	struct check_match name;  /* of a field */
	struct check_match value; /* of a field or the status; of the body: is somewhere in it */
	const char *what;         /* of TCP checks: "string '+PONG'", "regex", as messages name it */
	const struct format *on_success, *on_error;
	const struct expr *status_code;
	/* EXPECT_OTHER: looks at what came; sets *r unless it is pending. */
	enum expect_verdict (*judge)(struct check_run *run, const struct check_response *got, struct check_result *r);
};

struct check_field {
	const char *name;
	struct check_text value;
};

/* Of `http-check send`, and, as what completes it, of `option httpchk`.  NULL: not given. */
struct http_send {
	const char *method, *version;
	struct check_text uri, body;
	struct slice raw; /* "Name: value\r\n"..., written behind the version */
	const struct check_field *fields;
	uint32_t field_count;
	/* in a sealed step */
	const struct http_send *option; /* what completes it */
	struct slice request;           /* all of it; ptr NULL: it is made anew for each check */
};

/* `tcp-check connect`, `http-check connect` */
struct check_connect {
	bool use_default; /* the server's own words about TLS and the PROXY protocol hold */
	bool send_proxy, tls, linger;
	uint16_t port;                /* 0: that of the server */
	const struct expr *port_expr; /* NULL: none */
	struct endpoint addr;         /* len 0: that of the server */
	const char *sni, *alpn;
};

/* `tcp-check set-var`, `unset-var` */
struct check_variable {
	const struct var_name *name;
	unsigned conditions;
	const struct expr *expr; /* one of the two; both NULL: unset-var */
	const struct format *format;
};

enum check_step_kind {
	STEP_CONNECT,
	STEP_SEND,
	STEP_EXPECT,
	STEP_HTTP_SEND,
	STEP_HTTP_EXPECT,
	STEP_VARIABLE,
	STEP_KINDS
};

struct check_step {
	uint8_t kind;    /* enum check_step_kind */
	bool implied;    /* nobody wrote it; a written one replaces it */
	uint16_t number; /* among the lines of the script, from 1; 0: implied */
	const char *comment;
	union {
		struct check_connect connect;
		struct check_text send;
		struct check_expect expect; /* STEP_EXPECT, STEP_HTTP_EXPECT */
		struct http_send http_send;
		struct check_variable variable;
	};
};

struct check_script {
	const struct backend *rules_owner; /* whose lines these are; those from `defaults` are replaced */
	bool http;                         /* http-check: it has a request, and the last one an expectation */
	bool ready;                        /* `option redis-check` and its kin: messages do not tell its steps */
	bool disable_on_404;
	struct http_send option;
	struct check_step *steps; /* as written; of http the first request is there from the start */
	uint32_t step_count;
	uint16_t lines;      /* so many were written */
	const char *comment; /* of the next rule (`http-check comment`) */
	/* what is run: begins with a connection, behind variables */
	const struct check_step *sealed;
	uint32_t sealed_count;
};

enum check_method { CHECK_CONNECTS, CHECK_HTTP, CHECK_TCP, CHECK_READY };

/* What a backend says of its checks; sections share those from `defaults`. */
struct check_setup {
	uint8_t method;                                /* enum check_method: the last `option` counts */
	const struct check_script *http, *tcp, *ready; /* NULL: nothing was said */
};

/* The script that a backend's checks run. */
const struct check_script *check_script_of(const struct check_setup *setup);
/* Whether one of its steps asks for TLS whatever the servers say. */
bool check_script_needs_tls(const struct check_script *s);
/* Whether all of its connections name their port. */
bool check_script_names_ports(const struct check_script *s);

/* All of these replace a script by an extended copy, so that backends may share one that they got from `defaults`.
 * `option httpchk [URI | METHOD URI [VERSION [HOST]]]` from line->words[2]. 0, or -EINVAL after a diagnosis. */
int http_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d);
/* `http-check send|expect|connect|comment|... ...`. Without `option httpchk` before or after it has no effect, as in
 * HAProxy. */
int http_check_parse_rule(struct backend *b, const struct line *l, struct arena *a, struct diag *d);
/* `option tcp-check`, and `option NAME` of the ready scripts below. */
int tcp_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d);
int ready_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d);
/* `tcp-check connect|send|expect|comment|... ...`; no effect without `option tcp-check`. */
int tcp_check_parse_rule(struct backend *b, const struct line *l, struct arena *a, struct diag *d);

#endif
