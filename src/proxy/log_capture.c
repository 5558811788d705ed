/* What is kept of requests and responses for the log: slots filled, told by log variables, fetches and converters.  See
 * log_capture.h. */
#include "ballast/proxy/log_capture.h"

#include <errno.h>
#include <string.h>

#include "ballast/http/cookie.h"
#include "fetch.h"
#include "internal.h"
#include "log_private.h"

/* Of one exchange, in its arena; a slice with ptr NULL: nothing was captured. */
struct captured {
	struct slice *request, *response;
	struct slice request_cookie, response_cookie;
};

/* ---- while loading ---- */

int capture_slot_add(struct capture_slots *slots, struct slice field, uint32_t len_max, struct arena *a)
{
	if (slots->count == slots->room) {
		uint32_t room = slots->room ? slots->room * 2 : 4;
		struct capture_slot *more = arena_alloc(a, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		if (slots->count)
			memcpy(more, slots->slot, slots->count * sizeof *more);
		slots->slot = more;
		slots->room = room;
	}
	slots->slot[slots->count] = (struct capture_slot){ field, len_max };
	return (int)slots->count++;
}

/* ---- filled ---- */

static struct captured *captured_of(struct exchange *x)
{
	const struct log_captures *all = x->frontend->captures;
	struct captured *c = x->captured;

	if (c)
		return c;
	c = arena_zalloc(&x->arena, sizeof *c);
	if (!c)
		return NULL;
	c->request = arena_zalloc(&x->arena, (all->request.count + 1) * sizeof *c->request);
	c->response = arena_zalloc(&x->arena, (all->response.count + 1) * sizeof *c->response);
	if (c->request && c->response)
		x->captured = c;
	return x->captured;
}

static struct slice shortened(struct exchange *x, struct slice text, uint32_t len_max)
{
	return arena_copy(&x->arena, slice_of(text.ptr, text.len < len_max ? text.len : len_max));
}

void log_capture_store(struct exchange *x, bool response, uint32_t number, struct slice text)
{
	const struct log_captures *all = x->frontend->captures;
	const struct capture_slots *slots = all ? response ? &all->response : &all->request : NULL;
	struct captured *c;

	if (!slots || number >= slots->count || !(c = captured_of(x)))
		return;
	(response ? c->response : c->request)[number] = shortened(x, text, slots->slot[number].len_max);
}

static void store_fields(struct exchange *x, const struct msg *m, const struct capture_slots *slots, bool response)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		int last = -1;
		if (!slots->slot[i].field.len)
			continue;
		for (int at = msg_find(m, slots->slot[i].field, 0); at >= 0;
			at = msg_find(m, slots->slot[i].field, at + 1))
			last = at;
		if (last >= 0)
			log_capture_store(x, response, i, field_value(&m->fields[last]));
	}
}

static struct slice find_cookie(const struct msg *m, struct slice begins_with)
{
	for (int at = msg_find_id(m, FIELD_COOKIE, 0); at >= 0; at = msg_find_id(m, FIELD_COOKIE, at + 1)) {
		struct slice list = field_value(&m->fields[at]);
		struct cookie_pair pair;
		while (cookie_next(&list, &pair))
			if (pair.name.ptr && slice_starts_with(pair.whole, begins_with))
				return pair.whole;
	}
	return (struct slice){ 0 };
}

static struct slice find_set_cookie(const struct msg *m, struct slice begins_with)
{
	for (int at = msg_find_id(m, FIELD_SET_COOKIE, 0); at >= 0; at = msg_find_id(m, FIELD_SET_COOKIE, at + 1)) {
		struct cookie_pair pair;
		if (cookie_of_set_cookie(field_value(&m->fields[at]), &pair) &&
			slice_starts_with(pair.whole, begins_with))
			return pair.whole;
	}
	return (struct slice){ 0 };
}

static void store_cookie(struct exchange *x, bool response)
{
	const struct log_captures *all = x->frontend->captures;
	struct slice pair =
		response ? find_set_cookie(&x->response, all->cookie) : find_cookie(&x->request, all->cookie);
	struct captured *c = pair.ptr ? captured_of(x) : NULL;

	if (c)
		*(response ? &c->response_cookie : &c->request_cookie) = shortened(x, pair, all->cookie_len_max);
}

void log_capture_request(struct exchange *x)
{
	store_fields(x, &x->request, &x->frontend->captures->request, false);
	if (x->frontend->captures->cookie.len)
		store_cookie(x, false);
}

void log_capture_response(struct exchange *x)
{
	store_fields(x, &x->response, &x->frontend->captures->response, true);
	if (x->frontend->captures->cookie.len)
		store_cookie(x, true);
}

/* ---- told ---- */

static struct slice text_of(const struct exchange *x, bool response, uint32_t number)
{
	return x->captured ? (response ? x->captured->response : x->captured->request)[number] : (struct slice){ 0 };
}

static uint32_t slot_count(const struct exchange *x, bool response)
{
	const struct log_captures *all = x->frontend->captures;
	return !all ? 0 : response ? all->response.count : all->request.count;
}

/* Neither ends a line, nor looks like the brackets and bars of a list. */
static void add_escaped(struct strbuf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c < 0x20 || c > 0x7e || strchr("\"#{|}", c))
			strbuf_printf(out, "#%02X", c);
		else
			strbuf_byte(out, (char)c);
	}
}

/* "{a|b}" */
static void add_list(const struct exchange *x, bool response, unsigned flags, struct strbuf *out)
{
	uint32_t count = slot_count(x, response);
	bool quoted = count && flags & FORMAT_QUOTE;

	if (quoted)
		strbuf_byte(out, '"');
	for (uint32_t i = 0; i < count; i++) {
		strbuf_byte(out, i ? '|' : '{');
		add_escaped(out, text_of(x, response, i));
	}
	if (count)
		strbuf_byte(out, '}');
	if (quoted)
		strbuf_byte(out, '"');
}

/* Words of their own: "a" "b" with +Q, else a b, and - for none. */
static void add_words(const struct exchange *x, bool response, unsigned flags, struct strbuf *out)
{
	const char *quote = flags & FORMAT_QUOTE ? "\"" : "";

	for (uint32_t i = 0; i < slot_count(x, response); i++) {
		struct slice text = text_of(x, response, i);
		if (i)
			strbuf_byte(out, ' ');
		strbuf_str(out, quote);
		if (text.len)
			add_escaped(out, text);
		else if (!*quote)
			strbuf_byte(out, '-');
		strbuf_str(out, quote);
	}
}

#define VAR(name, value) \
	static void name(struct sample_ctx *ctx, unsigned flags, struct strbuf *out) \
	{ \
		const struct exchange *x = log_exchange(ctx); \
		(void)flags; \
		value; \
	}

VAR(run_request_list, add_list(x, false, flags, out))
VAR(run_response_list, add_list(x, true, flags, out))
VAR(run_request_words, add_words(x, false, flags, out))
VAR(run_response_words, add_words(x, true, flags, out))
VAR(run_request_cookie, strbuf_add(out, x->captured ? x->captured->request_cookie : SLICE("")))
VAR(run_response_cookie, strbuf_add(out, x->captured ? x->captured->response_cookie : SLICE("")))

const struct log_var_row log_capture_vars[] = {
	{ "CC", LOG_VAR_TEXT, LOG_ANY, true, run_request_cookie, "captured cookie of the request" },
	{ "CS", LOG_VAR_TEXT, LOG_ANY, true, run_response_cookie, "captured cookie of the response" },
	{ "hr", LOG_VAR_WORDS, LOG_ANY, true, run_request_list, "captures of the request: {a|b}" },
	{ "hrl", LOG_VAR_WORDS, LOG_ANY, true, run_request_words, "captures of the request, for CLF" },
	{ "hs", LOG_VAR_WORDS, LOG_ANY, true, run_response_list, "captures of the response: {a|b}" },
	{ "hsl", LOG_VAR_WORDS, LOG_ANY, true, run_response_words, "captures of the response, for CLF" },
};
const unsigned log_capture_var_count = sizeof log_capture_vars / sizeof log_capture_vars[0];

/* ---- fetches and converters ---- */

static int fetch(struct sample_ctx *ctx, const struct args *args, bool response, struct sample *out)
{
	const struct exchange *x = ctx->exchange;
	int64_t number = args->v[0].num;
	struct slice text;

	if (!x || number < 0 || number >= slot_count(x, response))
		return -ENOENT;
	text = text_of(x, response, (uint32_t)number);
	return text.ptr ? sample_set_str(out, text) : -ENOENT;
}

static int run_request(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)cursor;
	return fetch(ctx, args, false, out);
}

static int run_response(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	(void)cursor;
	return fetch(ctx, args, true, out);
}

static int convert(struct sample_ctx *ctx, const struct args *args, bool response, const struct sample *s)
{
	struct exchange *x = ctx->exchange;

	if (x && args->v[0].num >= 0 && args->v[0].num < UINT32_MAX)
		log_capture_store(x, response, (uint32_t)args->v[0].num, s->str);
	return 0;
}

static int convert_request(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return convert(ctx, args, false, s);
}

static int convert_response(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return convert(ctx, args, true, s);
}

enum { CAPTURED = PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG };

const struct fetch_row capture_fetch_rows[] = {
	{ "capture.req.hdr", { "<number>", 1, 1, { ARG_INT } }, SAMPLE_STR, CAPTURED, 0, run_request, NULL,
		"what the request's capture slot of that number holds" },
	{ "capture.res.hdr", { "<number>", 1, 1, { ARG_INT } }, SAMPLE_STR, PHASE_RESPONSE | PHASE_LOG, 0, run_response,
		NULL, "what the response's capture slot of that number holds" },
};
const unsigned capture_fetch_count = sizeof capture_fetch_rows / sizeof capture_fetch_rows[0];

const struct converter_row capture_converter_rows[] = {
	{ "capture-req", { "<number>", 1, 1, { ARG_INT } }, SAMPLE_STR, SAMPLE_STR, convert_request, NULL,
		"keeps the text in the request's capture slot of that number, too" },
	{ "capture-res", { "<number>", 1, 1, { ARG_INT } }, SAMPLE_STR, SAMPLE_STR, convert_response, NULL,
		"keeps the text in the response's capture slot of that number, too" },
};
const unsigned capture_converter_count = sizeof capture_converter_rows / sizeof capture_converter_rows[0];
