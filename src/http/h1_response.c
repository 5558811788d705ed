/* h1_response: the status line and what a response's fields mean together (RFC 9112 sections 4, 6 and 9). */
#include "ballast/base/simd.h"
#include "h1_private.h"

/* Three digits of 100 to 999 at `at`. */
static enum h1_result status(struct h1_parser *p, const char *buf, const char *at, const char *end)
{
	unsigned code = 0;

	for (int i = 0; i < 3; i++, at++) {
		if (at == end)
			return H1_MORE;
		if (*at < (i == 0 ? '1' : '0') || *at > '9')
			return h1_refuse_byte(p, H1_ERR_STATUS, buf, at);
		code = code * 10 + (unsigned)(*at - '0');
	}
	p->msg->status = (uint16_t)code;
	return H1_DONE;
}

/* SP [ reason ] and the line's end.  Many servers leave out the SP where there is no reason; that is read in one
 * way only, and mended. */
static enum h1_result reason(struct h1_parser *p, const char *buf, const char *at, const char *end, const char **next)
{
	const char *line = buf + p->line_start, *scanned = buf + p->pos, *stop = at;

	if (at == end)
		return H1_MORE;
	if (*at == ' ') {
		at++;
		stop = simd_find_ctl(scanned > at ? scanned : at, end);
		if (stop == end) {
			p->pos = (uint32_t)(stop - buf);
			return H1_MORE;
		}
	} else if (*at != '\r' && *at != '\n') {
		return h1_refuse_byte(p, H1_ERR_STATUS, buf, at);
	} else {
		p->msg->flags |= MSG_START_LINE_EDITED;
	}
	enum h1_result r = h1_line_end(p, H1_ERR_START_LINE, buf, stop, end, next);
	if (r != H1_DONE)
		return r;
	p->msg->reason = slice_of(at, (size_t)(stop - at));
	p->msg->start_line = slice_of(line, (size_t)(stop - line));
	return H1_DONE;
}

enum h1_result h1_status_line(struct h1_parser *p, const char *buf, const char *end)
{
	const char *at = buf + p->line_start, *next;
	enum h1_result r;

	p->msg->flags = MSG_RESPONSE;
	if ((r = h1_version(p, buf, at, end)) != H1_DONE)
		return r;
	at += 8;
	if (at == end)
		return H1_MORE;
	if (*at != ' ')
		return h1_refuse_byte(p, H1_ERR_START_LINE, buf, at);
	at++;
	if ((r = status(p, buf, at, end)) != H1_DONE || (r = reason(p, buf, at + 3, end, &next)) != H1_DONE)
		return r;
	p->line_start = (uint32_t)(next - buf);
	return H1_DONE;
}

static void delete_length(struct msg *m)
{
	for (int i = msg_find_id(m, FIELD_CONTENT_LENGTH, 0); i >= 0; i = msg_find_id(m, FIELD_CONTENT_LENGTH, i + 1))
		msg_delete_at(m, i);
	m->content_length = 0;
}

/* Statuses whose answer has no body and must not announce one (RFC 9110 sections 8.6 and 15.2, 15.3.5).  One that
 * does is framed in two ways by those who believe it and those who do not. */
static enum h1_error never_a_body(struct h1_parser *p)
{
	if (p->seen & SEEN_CODING)
		return H1_ERR_TRANSFER_ENCODING;
	if (p->msg->content_length)
		return H1_ERR_CONTENT_LENGTH;
	delete_length(p->msg);
	p->msg->flags |= MSG_NO_BODY;
	return H1_OK;
}

/* RFC 9112 section 6.1 and 6.3 */
static enum h1_error codings(struct h1_parser *p)
{
	if (!(p->seen & SEEN_CODING))
		return H1_OK;
	if (p->seen & SEEN_LENGTH)
		return H1_ERR_LENGTH_AND_CHUNKED;
	if (p->msg->flags & MSG_HTTP10 || !(p->seen & SEEN_CHUNKED))
		return H1_ERR_TRANSFER_ENCODING;
	return p->seen & SEEN_OTHER_CODING ? H1_ERR_TE_NOT_IMPLEMENTED : H1_OK;
}

static enum h1_error framing(struct h1_parser *p)
{
	struct msg *m = p->msg;

	if (m->status < 200 || m->status == 204)
		return never_a_body(p);
	if (p->request_method == METHOD_CONNECT && m->status < 300) {
		/* To be ignored by a client (RFC 9110 section 9.3.6), so not passed on. */
		delete_length(m);
		m->flags |= MSG_NO_BODY;
		return H1_OK;
	}
	enum h1_error e = codings(p);
	if (e != H1_OK)
		return e;
	if (p->request_method == METHOD_HEAD || m->status == 304) {
		m->flags |= MSG_NO_BODY;
	} else if (p->seen & SEEN_CHUNKED) {
		m->flags |= MSG_CHUNKED;
	} else {
		m->flags |= p->seen & SEEN_LENGTH ? MSG_LENGTH : MSG_UNTIL_CLOSE;
	}
	return H1_OK;
}

enum h1_error h1_response_finish(struct h1_parser *p)
{
	struct msg *m = p->msg;
	bool http10 = m->flags & MSG_HTTP10;
	enum h1_error e = framing(p);

	if (e != H1_OK)
		return e;
	if (!(p->seen & SEEN_CLOSE) && !(m->flags & MSG_UNTIL_CLOSE) && (!http10 || p->seen & SEEN_KEEP_ALIVE))
		m->flags |= MSG_KEEP_ALIVE;
	if (!http10 && (p->seen & (SEEN_UPGRADE | SEEN_UPGRADE_OPTION)) == (SEEN_UPGRADE | SEEN_UPGRADE_OPTION))
		m->flags |= MSG_UPGRADE;
	return H1_OK;
}
