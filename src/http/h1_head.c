/* h1_head: a head, line by line (RFC 9112 sections 2.2, 3, 4 and 5).
 *
 *     EMPTY_LINES -> START_LINE -> FIELDS -> DONE         any of them -> REFUSED
 *
 * A line is scanned from its start whenever more bytes came, except that its long part (value, target,
 * reason) goes on where the scan ended; so a head that is there whole is read in one pass, and one that
 * trickles in costs little more.  The head's limit is a wall: bytes behind it are never looked at, so the
 * answer to a head that is too large does not depend on how it was cut.
 */
#include "ballast/base/simd.h"
#include "h1_private.h"

enum { STATE_EMPTY_LINES, STATE_START_LINE, STATE_FIELDS, STATE_DONE, STATE_REFUSED };

enum { EMPTY_LINES_MAX = 4 };

static void init(struct h1_parser *p, struct msg *m, const struct h1_limits *limits)
{
	*p = (struct h1_parser){ .msg = m, .limits = limits };
	msg_reset(m);
}

void h1_request_init(struct h1_parser *p, struct msg *m, const struct h1_limits *limits)
{
	init(p, m, limits);
}

void h1_response_init(struct h1_parser *p, struct msg *m, enum http_method to, const struct h1_limits *limits)
{
	init(p, m, limits);
	m->flags = MSG_RESPONSE;
	p->request_method = to;
	p->state = STATE_START_LINE;
}

enum h1_result h1_refuse(struct h1_parser *p, enum h1_error e, const char *buf, const char *at)
{
	p->error = (uint16_t)e;
	p->error_pos = (uint32_t)(at - buf);
	p->state = STATE_REFUSED;
	return H1_ERROR;
}

enum h1_result h1_refuse_byte(struct h1_parser *p, enum h1_error e, const char *buf, const char *at)
{
	return h1_refuse(p, *at == 0 ? H1_ERR_NUL : e, buf, at);
}

enum h1_result h1_line_end(struct h1_parser *p, enum h1_error e, const char *buf, const char *at, const char *end,
	const char **next)
{
	bool cr = *at == '\r';
	uint8_t kind = cr ? LINE_END_CRLF : LINE_END_LF;

	if (!cr && *at != '\n')
		return h1_refuse_byte(p, e, buf, at);
	if (cr && end - at < 2)
		return H1_MORE;
	if (cr && at[1] != '\n')
		return h1_refuse(p, H1_ERR_BARE_CR, buf, at);
	if (p->line_end != kind && p->line_end != LINE_END_UNKNOWN)
		return h1_refuse(p, H1_ERR_BARE_LF, buf, at);
	p->line_end = kind;
	*next = at + (cr ? 2 : 1);
	return H1_DONE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum h1_result h1_version(struct h1_parser *p, const char *buf, const char *at, const char *end)
{
	static const char form[8] = { 'H', 'T', 'T', 'P', '/', '1', '.', '1' };

	if (BL_LIKELY(end - at >= 8 && memcmp(at, form, 8) == 0))
		return H1_DONE;
	for (int i = 0; i < 8; i++, at++) {
		if (at == end)
			return H1_MORE;
		if (form[i] == '1' ? !is_digit(*at) : *at != form[i])
			return h1_refuse_byte(p, H1_ERR_VERSION, buf, at);
		if (i == 5 && *at == '0')
			return h1_refuse(p, H1_ERR_VERSION, buf, at);
	}
	if (at[-3] != '1')
		return h1_refuse(p, H1_ERR_VERSION_NOT_SUPPORTED, buf, at - 3);
	if (at[-1] == '0')
		p->msg->flags |= MSG_HTTP10;
	p->msg->flags |= MSG_START_LINE_EDITED; /* a proxy sends its own version (RFC 9110 section 6.2) */
	return H1_DONE;
}

static enum h1_result empty_lines(struct h1_parser *p, const char *buf, const char *end)
{
	const char *at = buf + p->line_start, *next;

	if (at == end)
		return H1_MORE;
	if (*at != '\r' && *at != '\n') {
		p->state = STATE_START_LINE;
		return H1_DONE;
	}
	if (p->empty_lines == EMPTY_LINES_MAX)
		return h1_refuse(p, H1_ERR_EMPTY, buf, at);
	enum h1_result r = h1_line_end(p, H1_ERR_EMPTY, buf, at, end, &next);
	if (r == H1_DONE) {
		p->empty_lines++;
		p->line_start = (uint32_t)(next - buf);
	}
	return r;
}

static enum h1_result start_line(struct h1_parser *p, const char *buf, const char *end)
{
	bool response = p->msg->flags & MSG_RESPONSE;
	enum h1_result r = response ? h1_status_line(p, buf, end) : h1_request_line(p, buf, end);

	if (r == H1_DONE) {
		p->msg->fields_start = buf + p->line_start;
		p->state = STATE_FIELDS;
	}
	return r;
}

/* The byte at `at` ended a field name but is no colon, or there is no name. */
static enum h1_result refuse_name(struct h1_parser *p, const char *buf, const char *line, const char *at)
{
	bool blank = *at == ' ' || *at == '\t';

	if (at == line && blank && p->msg->field_count)
		return h1_refuse(p, H1_ERR_OBS_FOLD, buf, at);
	return h1_refuse_byte(p, H1_ERR_FIELD_NAME, buf, at);
}

static enum h1_result add_field(struct h1_parser *p, const char *buf, struct slice name, const char *value,
	const char *value_end)
{
	struct msg *m = p->msg;
	int index = m->field_count;

	if (index >= m->field_max || index >= p->limits->fields)
		return h1_refuse(p, H1_ERR_TOO_MANY_FIELDS, buf, name.ptr);
	if (name.len > UINT16_MAX)
		return h1_refuse(p, H1_ERR_FIELDS_TOO_LARGE, buf, name.ptr);
	enum field_id id = field_id_of(name);
	m->fields[index] = (struct field){
		.name = name.ptr,
		.name_len = (uint16_t)name.len,
		.value = value,
		.value_len = (uint32_t)(value_end - value),
		.id = (uint8_t)id,
		.flags = p->line_end == LINE_END_CRLF ? FIELD_RAW : 0,
	};
	m->field_count = (uint16_t)(index + 1);
	if (id == FIELD_OTHER)
		return H1_DONE;
	enum h1_error e = h1_field_read(p, index);
	return BL_LIKELY(e == H1_OK) ? H1_DONE : h1_refuse(p, e, buf, value);
}

/* One field line at `line` (< end). */
static enum h1_result field_line(struct h1_parser *p, const char *buf, const char *line, const char *end)
{
	const char *colon = simd_find_non_token(line, end), *next;

	if (colon == end)
		return H1_MORE;
	if (BL_UNLIKELY(*colon != ':' || colon == line))
		return refuse_name(p, buf, line, colon);
	const char *value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	const char *scanned = buf + p->pos;
	const char *stop = simd_find_ctl(scanned > value ? scanned : value, end);
	if (stop == end) {
		p->pos = (uint32_t)(stop - buf);
		return H1_MORE;
	}
	enum h1_result r = h1_line_end(p, H1_ERR_FIELD_VALUE, buf, stop, end, &next);
	if (BL_UNLIKELY(r != H1_DONE))
		return r;
	while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
		stop--;
	p->line_start = (uint32_t)(next - buf);
	return add_field(p, buf, slice_of(line, (size_t)(colon - line)), value, stop);
}

static enum h1_result finish(struct h1_parser *p, const char *buf, const char *at, const char *end)
{
	const char *next;
	enum h1_result r = h1_line_end(p, H1_ERR_FIELD_NAME, buf, at, end, &next);

	if (r != H1_DONE)
		return r;
	p->msg->fields_end = at;
	enum h1_error e = p->msg->flags & MSG_RESPONSE ? h1_response_finish(p) : h1_request_finish(p);
	if (e != H1_OK)
		return h1_refuse(p, e, buf, at);
	p->head_len = (uint32_t)(next - buf);
	p->state = STATE_DONE;
	return H1_DONE;
}

static enum h1_result fields(struct h1_parser *p, const char *buf, const char *end)
{
	enum h1_result r;

	do {
		const char *at = buf + p->line_start;
		if (at == end)
			return H1_MORE;
		if (*at == '\r' || *at == '\n')
			return finish(p, buf, at, end);
		r = field_line(p, buf, at, end);
	} while (r == H1_DONE);
	return r;
}

static enum h1_result step(struct h1_parser *p, const char *buf, const char *end)
{
	switch (p->state) {
	case STATE_EMPTY_LINES: return empty_lines(p, buf, end);
	case STATE_START_LINE: return start_line(p, buf, end);
	case STATE_FIELDS: return fields(p, buf, end);
	case STATE_REFUSED: return H1_ERROR;
	default: return H1_DONE;
	}
}

enum h1_result h1_parse_head(struct h1_parser *p, const char *buf, size_t len)
{
	uint32_t max = p->limits->head_bytes;
	const char *end = buf + (len < max ? len : max);
	enum h1_result r;

	do
		r = step(p, buf, end);
	while (r == H1_DONE && p->state != STATE_DONE);
	if (r != H1_MORE || len < max)
		return r;
	bool in_target = p->state != STATE_FIELDS && !(p->msg->flags & MSG_RESPONSE);
	return h1_refuse(p, in_target ? H1_ERR_TARGET_TOO_LONG : H1_ERR_FIELDS_TOO_LARGE, buf, end);
}
