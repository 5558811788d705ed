/* check_script: how a script grows line by line while loading, and what is made of it to be run.
 *
 * Each line makes an extended copy, so what other backends got from the same `defaults` stays as it is; what came from
 * `defaults` is put aside by the first line of a backend's own.
 */
#include <errno.h>
#include <string.h>

#include "check_private.h"

static const struct check_step connect_step = {
	.kind = STEP_CONNECT,
	.implied = true,
	.connect = { .use_default = true, .addr.fd = -1 },
};

static const struct check_script connect_script = { .sealed = &connect_step, .sealed_count = 1 };

/* Where no rule says what to expect. */
static const struct status_range good_statuses = { 200, 399 };
static const struct check_step implied_expect = {
	.kind = STEP_HTTP_EXPECT,
	.implied = true,
	.expect = {
		.kind = EXPECT_STATUS,
		.ok = CHECK_L7OK,
		.error = CHECK_L7STS,
		.timeout = CHECK_L7TOUT,
		.min_recv = -1,
		.ranges = &good_statuses,
		.range_count = 1,
	},
};

const struct check_script *check_script_of(const struct check_setup *setup)
{
	const struct check_script *s = NULL;

	switch (setup->method) {
	case CHECK_HTTP: s = setup->http; break;
	case CHECK_TCP: s = setup->tcp; break;
	case CHECK_READY: s = setup->ready; break;
	}
	return s ? s : &connect_script;
}

bool check_script_needs_tls(const struct check_script *s)
{
	for (uint32_t i = 0; i < s->sealed_count; i++)
		if (s->sealed[i].kind == STEP_CONNECT && s->sealed[i].connect.tls)
			return true;
	return false;
}

bool check_script_names_ports(const struct check_script *s)
{
	for (uint32_t i = 0; i < s->sealed_count; i++)
		if (s->sealed[i].kind == STEP_CONNECT && !s->sealed[i].connect.port && !s->sealed[i].connect.port_expr)
			return false;
	return true;
}

/* --- copies --- */

struct check_step *check_script_add(struct check_script *s, enum check_step_kind kind, struct arena *a)
{
	struct check_step *all = arena_alloc(a, (s->step_count + 1) * sizeof *all);

	if (!all)
		return NULL;
	if (s->step_count)
		memcpy(all, s->steps, s->step_count * sizeof *all);
	s->steps = all;
	all[s->step_count] = (struct check_step){ .kind = (uint8_t)kind, .comment = s->comment, .number = ++s->lines };
	s->comment = NULL;
	return &all[s->step_count++];
}

struct check_step *check_script_add_before(struct check_script *s, enum check_step_kind kind, struct arena *a)
{
	struct check_step *step = check_script_add(s, kind, a), swap;

	if (!step || step == s->steps || !step[-1].implied)
		return step;
	swap = step[-1];
	step[-1] = step[0];
	step[0] = swap;
	return step - 1;
}

const struct check_step *check_script_last(const struct check_script *s)
{
	for (uint32_t i = s->step_count; i > 0; i--)
		if (s->steps[i - 1].kind != STEP_VARIABLE)
			return &s->steps[i - 1];
	return NULL;
}

static int add_implied_send(struct check_script *s, struct arena *a)
{
	struct check_step *send = check_script_add(s, STEP_HTTP_SEND, a);

	if (!send)
		return -ENOMEM;
	send->implied = true;
	send->number = s->lines = 0;
	return 0;
}

struct check_script *check_script_extend(const struct backend *b, bool http, struct arena *a)
{
	const struct check_script *before = http ? b->checks.http : b->checks.tcp;
	struct check_script *s = arena_zalloc(a, sizeof *s);

	if (!s)
		return NULL;
	if (before) {
		*s = *before;
		return s;
	}
	s->http = http;
	return http && add_implied_send(s, a) ? NULL : s;
}

struct check_script *check_script_extend_rules(const struct backend *b, bool http, struct arena *a)
{
	struct check_script *s = check_script_extend(b, http, a);

	if (!s || s->rules_owner == b)
		return s;
	s->rules_owner = b;
	s->comment = NULL;
	s->step_count = 0;
	s->lines = 0;
	s->disable_on_404 = false;
	return http && add_implied_send(s, a) ? NULL : s;
}

/* --- sealing --- */

/* The first request is completed by `option httpchk`. */
static int seal_send(struct check_step *step, const struct http_send *option, struct arena *a)
{
	struct sample_ctx ctx = { .arena = a };
	struct http_send *send = &step->http_send;

	send->option = option;
	send->request = slice_of(NULL, 0);
	if (!http_send_is_literal(send))
		return 0;
	send->request = http_send_render(send, false, &ctx);
	return send->request.ptr ? 0 : -ENOMEM;
}

static int seal_sends(struct check_script *s, struct check_step *sealed, struct arena *a)
{
	const struct http_send *option = &s->option;
	int err = 0;

	for (uint32_t i = 0; i < s->sealed_count && !err; i++) {
		if (sealed[i].kind != STEP_HTTP_SEND)
			continue;
		err = seal_send(&sealed[i], option, a);
		option = NULL;
	}
	return err;
}

int check_script_seal(struct check_script *s, struct arena *a)
{
	struct check_step *sealed = arena_alloc(a, (s->step_count + 2) * sizeof *sealed), *to = sealed;
	uint32_t i = 0;

	if (!sealed)
		return -ENOMEM;
	while (i < s->step_count && s->steps[i].kind == STEP_VARIABLE)
		*to++ = s->steps[i++];
	if (i == s->step_count || s->steps[i].kind != STEP_CONNECT)
		*to++ = connect_step;
	while (i < s->step_count)
		*to++ = s->steps[i++];
	if (s->http && to[-1].kind == STEP_HTTP_SEND)
		*to++ = implied_expect;
	s->sealed = sealed;
	s->sealed_count = (uint32_t)(to - sealed);
	return seal_sends(s, sealed, a);
}

int check_script_commit(struct backend *b, struct check_script *s, struct arena *a)
{
	int err = check_script_seal(s, a);

	if (err)
		return err;
	if (s->http)
		b->checks.http = s;
	else
		b->checks.tcp = s;
	return 0;
}
