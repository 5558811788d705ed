/* sample_test: a request, a response and a client to evaluate against, and words with places as the lexer gives them. */
#ifndef SAMPLE_TEST_H
#define SAMPLE_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/http/h1.h"
#include "ballast/sample/acl.h"
#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"

struct world {
	struct arena config, exchange;
	struct diag diag;
	struct sample_ctx ctx;
	union addr src, dst;
	struct msg req, res;
	struct field req_fields[64], res_fields[64];
	char text[4096]; /* of the last result */
};

static struct world world;

static const struct h1_limits world_limits = { .head_bytes = 16384, .fields = 64, .trailer_bytes = 1024 };

static inline void set_request(const char *head)
{
	struct h1_parser p;
	world.req = (struct msg){ .fields = world.req_fields, .field_max = 64 };
	h1_request_init(&p, &world.req, &world_limits);
	assert_int_equal(h1_parse_head(&p, head, strlen(head)), H1_DONE);
	world.ctx.req = &world.req;
	world.ctx.phase = PHASE_REQUEST;
}

static inline void set_response(const char *head)
{
	struct h1_parser p;
	world.res = (struct msg){ .fields = world.res_fields, .field_max = 64 };
	h1_response_init(&p, &world.res, METHOD_GET, &world_limits);
	assert_int_equal(h1_parse_head(&p, head, strlen(head)), H1_DONE);
	world.ctx.res = &world.res;
	world.ctx.phase = PHASE_RESPONSE;
}

static inline void set_source(const char *ip, uint16_t port)
{
	world.src = (union addr){ 0 };
	if (inet_pton(AF_INET6, ip, &world.src.v6.sin6_addr) == 1) {
		world.src.family = AF_INET6;
		world.src.v6.sin6_port = htons(port);
		return;
	}
	world.src.family = AF_INET;
	world.src.v4.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, ip, &world.src.v4.sin_addr), 1);
}

static int world_setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	arena_init_heap(&world.config);
	arena_init_heap(&world.exchange);
	diag_init(&world.diag);
	world.ctx.arena = &world.exchange;
	world.ctx.wall_us = UINT64_C(1700000000123456);
	world.ctx.src = &world.src;
	set_source("192.0.2.7", 40000);
	world.dst.family = AF_INET;
	world.dst.v4.sin_port = htons(8080);
	inet_pton(AF_INET, "198.51.100.1", &world.dst.v4.sin_addr);
	world.ctx.dst = &world.dst;
	world.ctx.phase = PHASE_REQUEST;
	return 0;
}

static int world_teardown(void **state)
{
	(void)state;
	arena_reset(&world.config);
	arena_reset(&world.exchange);
	diag_free(&world.diag);
	return 0;
}

/* The first error or warning, or "". */
static inline const char *first_message(void)
{
	return world.diag.first ? world.diag.first->text : "";
}

static inline void forget_messages(void)
{
	diag_free(&world.diag);
	diag_init(&world.diag);
}

/* A line cut at spaces; '...' keeps its spaces, as in the configuration. */
static inline struct line line_of(const char *text)
{
	struct line l = { NULL, 0 };
	const char *copy = arena_strdup(&world.config, text), *at = copy;
	struct token *words = arena_alloc(&world.config, (strlen(text) + 2) * sizeof *words);
	l.words = words;
	for (;;) {
		while (*at == ' ')
			at++;
		const char *from = at;
		char *word = arena_alloc(&world.config, strlen(at) + 1);
		size_t n = 0;
		bool quoted = false;
		for (; *at && (quoted || *at != ' '); at++) {
			if (*at == '\'')
				quoted = !quoted;
			else
				word[n++] = *at;
		}
		word[n] = 0;
		struct place place = { "test.cfg", copy, 1, (unsigned)(from - copy) + 1, (unsigned)(at - from) };
		l.words[l.count] = (struct token){ word, n, place };
		if (at == from)
			return l;
		l.count++;
	}
}

static inline struct token token_of(const char *text)
{
	struct place place = { "test.cfg", text, 1, 1, (unsigned)strlen(text) };
	return (struct token){ text, strlen(text), place };
}

static inline const char *keep_text(struct slice s)
{
	assert_true(s.len < sizeof world.text);
	if (s.len)
		memcpy(world.text, s.ptr, s.len);
	world.text[s.len] = 0;
	return world.text;
}

/* The expression's value as text, "(none)", or "error: ..." */
static inline const char *eval(const char *text)
{
	struct token t = token_of(arena_strdup(&world.config, text));
	struct sample s;
	forget_messages();
	struct expr *e = expr_parse_token(&t, world.ctx.phase, &world.config, &world.diag);
	if (!e) {
		snprintf(world.text, sizeof world.text, "error: %s", first_message());
		return world.text;
	}
	if (!expr_eval(e, &world.ctx, SAMPLE_STR, &s))
		return "(none)";
	return keep_text(s.str);
}

/* All values, joined by '|'. */
static inline const char *eval_all(const char *text)
{
	struct token t = token_of(arena_strdup(&world.config, text));
	struct sample_cursor cursor = { 0 };
	struct sample s;
	size_t n = 0;
	struct expr *e = expr_parse_token(&t, world.ctx.phase, &world.config, &world.diag);
	assert_non_null(e);
	while (expr_eval_next(e, &world.ctx, SAMPLE_STR, &s, &cursor))
		n += (size_t)snprintf(world.text + n, sizeof world.text - n, "%.*s|", (int)s.str.len, s.str.ptr);
	world.text[n] = 0;
	return world.text;
}

#define assert_eval(text, value) assert_string_equal(eval(text), value)

/* Whether `{ text }` matches; a failed assertion where it cannot be read. */
static inline bool matches_in(const char *condition, struct acl_set *set)
{
	struct line l = line_of(arena_printf(&world.config, "if %s", condition).ptr);
	forget_messages();
	struct cond *c = cond_parse(&l, 0, set, world.ctx.phase, &world.config, &world.diag);
	if (!c)
		fail_msg("%s: %s", condition, first_message());
	return cond_eval(c, &world.ctx);
}

static inline bool matches(const char *test)
{
	return matches_in(arena_printf(&world.config, "{ %s }", test).ptr, NULL);
}

/* The message that reading this condition gives; "" for none. */
static inline const char *condition_error(const char *condition, struct acl_set *set)
{
	struct line l = line_of(condition);
	forget_messages();
	struct cond *c = cond_parse(&l, 0, set, world.ctx.phase, &world.config, &world.diag);
	assert_true(c || world.diag.count[DIAG_ALERT]);
	return first_message();
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
