/* Fetches of header fields (HAProxy's manual, section 7.3.6): hdr splits values at commas, fhdr does not.
 *
 * A quoted string keeps its commas; an empty member counts as a value.  Without an occurrence the one value is the
 * last, and an ACL looks at all. */
#include "private.h"

enum { OCCURRENCES_MAX = 10, RESPONSE = PHASE_RESPONSE | PHASE_CHECK };

enum { ARG_NAME, ARG_OCC };

/* The field's id, found at load: what the parser knows is found by number. */
static const char *prepare_name(struct args *args, struct arena *a)
{
	(void)a;
	args->data = (void *)(uintptr_t)field_id_of(args->v[ARG_NAME].str);
	if (args->v[ARG_OCC].type == ARG_NONE)
		args->v[ARG_OCC].num = 0;
	if (args->v[ARG_OCC].num < -OCCURRENCES_MAX)
		return "goes back 10 values at most";
	return NULL;
}

/* Index of the next field with the name that the arguments give, or of any without one; -1. */
static int next_field(const struct msg *m, const struct args *args, int from)
{
	enum field_id id = (enum field_id)(uintptr_t)args->data;
	if (args->v[ARG_NAME].type == ARG_NONE) {
		for (int i = from; i < m->field_count; i++)
			if (!(m->fields[i].flags & FIELD_DELETED))
				return i;
		return -1;
	}
	return id != FIELD_OTHER ? msg_find_id(m, id, from) : msg_find(m, args->v[ARG_NAME].str, from);
}

/* End of the list member that starts at `at`: a comma outside quotes, or `end`. */
static const char *member_end(const char *at, const char *end)
{
	bool quoted = false;
	for (; at < end && (quoted || *at != ','); at++) {
		if (quoted && *at == '\\' && at + 1 < end)
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	return at;
}

/* The next value at the cursor (`at`: rest of the field that it is in, NULL between fields). */
static bool next_value(const struct msg *m, const struct args *args, bool split, struct sample_cursor *c,
	struct slice *out)
{
	if (!c->at) {
		int i = next_field(m, args, c->field);
		if (i < 0)
			return false;
		c->field = i + 1;
		*out = field_value(&m->fields[i]);
		if (!split)
			return true;
		c->at = out->ptr;
		c->end = out->ptr + out->len;
		if (!c->at)
			return true;
	}
	const char *from = c->at, *end = member_end(from, c->end);
	*out = slice_trim_ows(slice_of(from, (size_t)(end - from)));
	c->at = end < c->end ? end + 1 : NULL;
	return true;
}

/* The value of an occurrence: n from the first (1), or from the last (-1). */
static bool nth_value(const struct msg *m, const struct args *args, bool split, int64_t n, struct slice *out)
{
	struct slice kept[OCCURRENCES_MAX];
	struct sample_cursor c = { 0 };
	struct slice v;
	int64_t seen = 0;
	while (next_value(m, args, split, &c, &v)) {
		if (++seen == n) {
			*out = v;
			return true;
		}
		kept[seen % OCCURRENCES_MAX] = v;
	}
	if (n > 0 || seen < -n)
		return false;
	*out = kept[(seen + n + 1) % OCCURRENCES_MAX];
	return true;
}

static int fetch_value(const struct msg *m, const struct args *args, bool split, struct sample_cursor *cursor,
	struct slice *out)
{
	int64_t n = args->v[ARG_OCC].num;
	if (!m)
		return -ENOENT;
	if (cursor && n == 0)
		return next_value(m, args, split, cursor, out) ? 0 : -ENOENT;
	if (cursor && cursor->count)
		return -ENOENT;
	return nth_value(m, args, split, n ? n : -1, out) ? 0 : -ENOENT;
}

static int set_value(const struct msg *m, const struct args *args, bool split, struct sample *out,
	struct sample_cursor *cursor)
{
	struct slice v;
	int err = fetch_value(m, args, split, cursor, &v);
	return err ? err : sample_set_str(out, v);
}

static int set_count(const struct msg *m, const struct args *args, bool split, struct sample *out)
{
	struct sample_cursor c = { 0 };
	struct slice v;
	int64_t count = 0;
	if (!m)
		return -ENOENT;
	while (next_value(m, args, split, &c, &v))
		count++;
	return sample_set_int(out, count);
}

static int set_number(const struct msg *m, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct slice v;
	int err = fetch_value(m, args, true, cursor, &v);
	return err ? err : sample_set_int(out, text_to_int(v));
}

/* RFC 7239 section 6 without names: an IPv4 address with or without port, an IPv6 address with or without
 * brackets. */
static int address_of(struct slice v, struct sample *out)
{
	ptrdiff_t colon = slice_find_byte(v, ':');
	uint64_t port;
	if (v.len > 2 && v.ptr[0] == '[' && v.ptr[v.len - 1] == ']') {
		int err = text_to_addr(slice_of(v.ptr + 1, v.len - 2), out);
		return !err && out->type == SAMPLE_IPV6 ? 0 : -ENOENT;
	}
	if (colon > 0 && slice_find_byte(slice_skip(v, (size_t)colon + 1), ':') < 0) {
		if (slice_to_u64(slice_skip(v, (size_t)colon + 1), &port) || port > 65535)
			return -ENOENT;
		v.len = (size_t)colon;
	}
	return text_to_addr(v, out);
}

/* With a cursor values which are no address are passed over. */
static int set_address(const struct msg *m, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	struct slice v;
	int err;
	while (!(err = fetch_value(m, args, true, cursor, &v)) && (err = address_of(v, out)) && cursor &&
		args->v[ARG_OCC].num == 0)
		;
	return err;
}

/* `hdr` alone speaks of the message that is at hand. */
static const struct msg *message_at_hand(const struct sample_ctx *ctx)
{
	return ctx->phase & RESPONSE ? ctx->res : ctx->req;
}

#define RUN(name, message, set, ...) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		(void)cursor; \
		return set(message, args, __VA_ARGS__); \
	}

RUN(run_hdr, message_at_hand(ctx), set_value, true, out, cursor)
RUN(run_req_hdr, ctx->req, set_value, true, out, cursor)
RUN(run_res_hdr, ctx->res, set_value, true, out, cursor)
RUN(run_req_fhdr, ctx->req, set_value, false, out, cursor)
RUN(run_res_fhdr, ctx->res, set_value, false, out, cursor)
RUN(run_req_hdr_cnt, ctx->req, set_count, true, out)
RUN(run_res_hdr_cnt, ctx->res, set_count, true, out)
RUN(run_req_fhdr_cnt, ctx->req, set_count, false, out)
RUN(run_res_fhdr_cnt, ctx->res, set_count, false, out)
RUN(run_req_hdr_val, ctx->req, set_number, out, cursor)
RUN(run_res_hdr_val, ctx->res, set_number, out, cursor)
RUN(run_req_hdr_ip, ctx->req, set_address, out, cursor)
RUN(run_res_hdr_ip, ctx->res, set_address, out, cursor)

#define VALUE(name, type, phases, run, help) \
	{ \
		name, { "[<name>[,<occ>]]", 0, 2, { ARG_STR, ARG_INT } }, type, phases, FETCH_MANY, run, prepare_name, \
			help \
	}
#define COUNT(name, phases, run, help) \
	{ \
		name, { "[<name>]", 0, 1, { ARG_STR } }, SAMPLE_INT, phases, 0, run, prepare_name, help \
	}

const struct fetch_row fetch_header_rows[] = {
	VALUE("hdr", SAMPLE_STR, PHASE_REQUEST | RESPONSE, run_hdr,
		"last value of a field of the message at hand, split at commas"),
	VALUE("req.hdr", SAMPLE_STR, PHASE_REQUEST, run_req_hdr, "last value of a request field, split at commas"),
	VALUE("req.fhdr", SAMPLE_STR, PHASE_REQUEST, run_req_fhdr, "last whole value of a request field"),
	VALUE("res.hdr", SAMPLE_STR, RESPONSE, run_res_hdr, "last value of a response field, split at commas"),
	VALUE("res.fhdr", SAMPLE_STR, RESPONSE, run_res_fhdr, "last whole value of a response field"),
	VALUE("shdr", SAMPLE_STR, RESPONSE, run_res_hdr, "res.hdr"),
	COUNT("hdr_cnt", PHASE_REQUEST, run_req_hdr_cnt, "req.hdr_cnt"),
	COUNT("req.hdr_cnt", PHASE_REQUEST, run_req_hdr_cnt, "number of values of a request field"),
	COUNT("req.fhdr_cnt", PHASE_REQUEST, run_req_fhdr_cnt, "number of lines of a request field"),
	COUNT("res.hdr_cnt", RESPONSE, run_res_hdr_cnt, "number of values of a response field"),
	COUNT("res.fhdr_cnt", RESPONSE, run_res_fhdr_cnt, "number of lines of a response field"),
	COUNT("shdr_cnt", RESPONSE, run_res_hdr_cnt, "res.hdr_cnt"),
	VALUE("hdr_val", SAMPLE_INT, PHASE_REQUEST, run_req_hdr_val, "req.hdr_val"),
	VALUE("req.hdr_val", SAMPLE_INT, PHASE_REQUEST, run_req_hdr_val, "last value of a request field as an integer"),
	VALUE("res.hdr_val", SAMPLE_INT, RESPONSE, run_res_hdr_val, "last value of a response field as an integer"),
	VALUE("shdr_val", SAMPLE_INT, RESPONSE, run_res_hdr_val, "res.hdr_val"),
	VALUE("hdr_ip", SAMPLE_ADDR, PHASE_REQUEST, run_req_hdr_ip, "req.hdr_ip"),
	VALUE("req.hdr_ip", SAMPLE_ADDR, PHASE_REQUEST, run_req_hdr_ip, "last value of a request field as an address"),
	VALUE("res.hdr_ip", SAMPLE_ADDR, RESPONSE, run_res_hdr_ip, "last value of a response field as an address"),
	VALUE("shdr_ip", SAMPLE_ADDR, RESPONSE, run_res_hdr_ip, "res.hdr_ip"),
	{ 0 },
};
