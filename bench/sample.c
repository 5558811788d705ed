/* sample: what conditions and formats cost on the hot path, in ns an evaluation, best of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/clock.h"
#include "ballast/http/h1.h"
#include "ballast/sample/acl.h"
#include "ballast/sample/format.h"

enum { ROUNDS = 7, ROUND_NS = 5000000, WORDS_MAX = 32 };

static const char head[] = "GET /static/img/logo.png?v=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\n"
			   "Accept: */*\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n\r\n";
static struct field fields[16];
static struct msg req = { .fields = fields, .field_max = 16 };
static union addr src = { .family = AF_INET };
static struct arena config, exchange;
static struct diag diag;
static struct sample_ctx ctx = { .arena = &exchange, .req = &req, .src = &src, .dst = &src, .phase = PHASE_REQUEST };

static void fail(const char *text)
{
	fprintf(stderr, "%s\n", text);
	diag_print(&diag, stderr, DIAG_NOTE);
	exit(1);
}

static struct line line_of(const char *text)
{
	static struct token words[WORDS_MAX];
	struct line l = { words, 0 };
	char *at = arena_strdup(&config, text);
	for (char *word = strtok(at, " "); word; word = strtok(NULL, " "))
		words[l.count++] = (struct token){ word, strlen(word), { .column = 1, .width = 1 } };
	words[l.count] = (struct token){ "", 0, { .column = 1 } };
	return l;
}

static double best_ns(void (*once)(const void *), const void *what)
{
	double best = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_ns(), now, n = 0;
		do {
			for (int i = 0; i < 1000; i++, n++)
				once(what);
			arena_reset(&exchange);
			now = clock_mono_ns();
		} while (now - start < ROUND_NS);
		double ns = (double)(now - start) / (double)n;
		best = ns < best ? ns : best;
	}
	return best;
}

static void eval_once(const void *c)
{
	bool holds = cond_eval(c, &ctx);
	/* Must not be optimised away. */
	__asm__ volatile("" : : "r"(holds));
}

static void render_once(const void *f)
{
	char text[512];
	struct strbuf out;
	strbuf_init_fixed(&out, text, sizeof text);
	format_render(f, &ctx, &out);
	__asm__ volatile("" : : "r"(out.len) : "memory");
}

static void condition(const char *text)
{
	struct line l = line_of(text);
	struct cond *c = cond_parse(&l, 0, NULL, PHASE_REQUEST, &config, &diag);
	if (!c)
		fail(text);
	printf("%8.1f ns  %s\n", best_ns(eval_once, c), text);
}

static void format(const char *text, enum format_kind kind)
{
	struct format *f = format_parse(text, NULL, kind, PHASE_REQUEST, &config, &diag);
	if (!f)
		fail(text);
	printf("%8.1f ns  %s\n", best_ns(render_once, f), text);
}

int main(void)
{
	static const struct h1_limits limits = { .head_bytes = 16384, .fields = 16, .trailer_bytes = 1024 };
	struct h1_parser p;
	arena_init_heap(&config);
	arena_init_heap(&exchange);
	diag_init(&diag);
	h1_request_init(&p, &req, &limits);
	if (h1_parse_head(&p, head, sizeof head - 1) != H1_DONE)
		fail("the request cannot be parsed");
	condition("if TRUE");
	condition("if METH_POST");
	condition("if { path_beg /api }");
	condition("if METH_GET { path_beg /static }");
	condition("if { path_end .css .js .png .gif .jpg }");
	condition("if { hdr(host) -i www.example.org }");
	condition("if { hdr_beg(host) img. static. www. }");
	condition("if { src 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 }");
	condition("if { dst_port 80 443 }");
	condition("if { url_param(v) 1 }");
	format("%[src]", FORMAT_VALUE);
	format("%[req.hdr(host)]%[path,lower]", FORMAT_VALUE);
	format("%[src]:%[src_port] %{+Q}[req.hdr(user-agent)]", FORMAT_LOG);
	arena_reset(&config);
	diag_free(&diag);
	return 0;
}
