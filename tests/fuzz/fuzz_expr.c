/* fuzz_expr: any text as an expression, a log-format, a condition or an ACL; what can be read is evaluated.
 *
 * The first byte picks which.  Besides memory, it is proved that a refusal always says why and where in the word, and
 * that a log line holds no control that the format itself does not. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/assert.h"
#include "ballast/http/h1.h"
#include "ballast/sample/acl.h"
#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names in patterns of addresses are not asked for. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	(void)node, (void)service, (void)hints;
	*found = NULL;
	return EAI_FAIL;
}

static const char head[] = "GET /a/b;s=1?p=1&q=%41 HTTP/1.1\r\nHost: www.example.com:80\r\nX: 1, \"a,b\", \t\r\n"
			   "X-Forwarded-For: 10.0.0.1, 2001:db8::1\r\nCookie: a=1; b=\"x;y\"; c\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX: 1, 2\r\n\r\n";

static struct field req_fields[16], res_fields[16];
static struct msg req = { .fields = req_fields, .field_max = 16 }, res = { .fields = res_fields, .field_max = 16 };
static union addr src = { .family = AF_INET };
static const struct h1_limits limits = { .head_bytes = 16384, .fields = 16, .trailer_bytes = 1024 };

static void parse_messages(void)
{
	struct h1_parser p;
	h1_request_init(&p, &req, &limits);
	BL_ASSERT(h1_parse_head(&p, head, sizeof head - 1) == H1_DONE);
	h1_response_init(&p, &res, METHOD_GET, &limits);
	BL_ASSERT(h1_parse_head(&p, answer, sizeof answer - 1) == H1_DONE);
}

struct run {
	struct arena config, exchange;
	struct diag diag;
	struct sample_ctx ctx;
	struct place place;
	const char *text;
};

static void must_explain(const struct run *r)
{
	BL_ASSERT(r->diag.count[DIAG_ALERT]);
	size_t len = strlen(r->place.line_text);
	for (const struct diag_entry *e = r->diag.first; e; e = e->next)
		BL_ASSERT(e->text && e->at.column >= 1 && e->at.column - 1 + e->at.width <= len + 1);
}

static void run_expr(struct run *r)
{
	struct token t = { r->text, strlen(r->text), r->place };
	struct sample_cursor cursor = { 0 };
	struct sample s;
	struct expr *e = expr_parse_token(&t, r->ctx.phase, &r->config, &r->diag);
	if (!e) {
		must_explain(r);
		return;
	}
	for (unsigned type = 0; type <= SAMPLE_ANY; type++)
		if (expr_eval(e, &r->ctx, type, &s))
			BL_ASSERT(s.type == type || type >= SAMPLE_ADDR);
	while (expr_eval_next(e, &r->ctx, SAMPLE_STR, &s, &cursor))
		BL_ASSERT(!s.str.len || !memchr(s.str.ptr, 0, s.str.len));
}

static size_t controls(struct slice s)
{
	size_t count = 0;
	for (size_t i = 0; i < s.len; i++)
		count += (unsigned char)s.ptr[i] < 32 || (unsigned char)s.ptr[i] > 126;
	return count;
}

static void run_format(struct run *r, enum format_kind kind)
{
	struct strbuf out;
	struct format *f = format_parse(r->text, &r->place, kind, r->ctx.phase, &r->config, &r->diag);
	if (!f) {
		must_explain(r);
		return;
	}
	strbuf_init(&out);
	format_render(f, &r->ctx, &out);
	if (kind == FORMAT_LOG)
		BL_ASSERT(controls(strbuf_slice(&out)) <= controls(slice_from_str(r->text)));
	strbuf_free(&out);
}

/* Cuts the text at spaces. */
static struct line line_of(struct run *r)
{
	char *copy = arena_strdup(&r->config, r->text), *at = copy;
	struct line l = { arena_zalloc(&r->config, (strlen(copy) + 2) * sizeof *l.words), 0 };
	for (;;) {
		at += strspn(at, " ");
		size_t len = strcspn(at, " ");
		struct place place = { "fuzz", r->place.line_text, 1, (unsigned)(at - copy) + 1,
			len ? (unsigned)len : 1 };
		l.words[l.count] = (struct token){ at, len, place };
		if (!len)
			return l;
		l.count++;
		at += len;
		if (*at)
			*at++ = 0;
	}
}

static void run_cond(struct run *r, struct acl_set *set)
{
	struct line l = line_of(r);
	bool value;
	if (l.count == 0)
		return;
	struct cond *c = cond_parse(&l, 0, set, r->ctx.phase, &r->config, &r->diag);
	if (!c) {
		must_explain(r);
		return;
	}
	bool holds = cond_eval(c, &r->ctx);
	if (cond_is_constant(c, &value))
		BL_ASSERT(value == holds);
}

static void run_acl(struct run *r)
{
	struct line l = line_of(r), use;
	struct acl_set set;
	acl_set_init(&set);
	if (l.count == 0)
		return;
	if (acl_parse(&l, &set, &r->config, &r->diag)) {
		must_explain(r);
		return;
	}
	use = (struct line){ (struct token[]){ { "if", 2, l.words[0].at }, l.words[1], l.words[l.count] }, 2 };
	struct cond *c = cond_parse(&use, 0, &set, r->ctx.phase, &r->config, &r->diag);
	BL_ASSERT(c);
	cond_eval(c, &r->ctx);
}

static void run_kind(struct run *r, unsigned kind)
{
	switch (kind % 5) {
	case 0: run_expr(r); break;
	case 1: run_format(r, FORMAT_LOG); break;
	case 2: run_format(r, FORMAT_VALUE); break;
	case 3: run_cond(r, NULL); break;
	default: run_acl(r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned phases[] = { PHASE_REQUEST, PHASE_RESPONSE, PHASE_LOG };
	struct run r = { .ctx = { .req = &req, .res = &res, .src = &src, .dst = &src } };
	if (size == 0 || size > 4096)
		return 0;
	char *text = calloc(size, 1);
	memcpy(text, data + 1, size - 1);
	/* Files are not read: the name could be a pipe. */
	if (strstr(text, "-f"))
		text[0] = 0;
	parse_messages();
	arena_init_heap(&r.config);
	arena_init_heap(&r.exchange);
	diag_init(&r.diag);
	r.ctx.arena = &r.exchange;
	r.ctx.phase = phases[data[0] / 5 % 3];
	r.text = text;
	r.place = (struct place){ "fuzz", text, 1, 1, (unsigned)strlen(text) };
	run_kind(&r, data[0]);
	diag_render(&r.diag, DIAG_NOTE);
	arena_reset(&r.config);
	arena_reset(&r.exchange);
	diag_free(&r.diag);
	free(text);
	return 0;
}
