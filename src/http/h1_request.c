/* h1_request: the request line and what a request's fields mean together (RFC 9112 sections 3, 6 and 9). */
#include "ballast/base/simd.h"
#include "ballast/http/uri.h"
#include "h1_private.h"
#include "http_private.h"

static enum h1_result method(struct h1_parser *p, const char *buf, const char *end, const char **next)
{
	const char *line = buf + p->line_start;
	const char *at = simd_find_non_token(line, end);

	if (at == end)
		return H1_MORE;
	if (at == line || *at != ' ')
		return h1_refuse_byte(p, *at == '\r' || *at == '\n' ? H1_ERR_START_LINE : H1_ERR_METHOD, buf, at);
	p->msg->method_name = slice_of(line, (size_t)(at - line));
	p->msg->method = (uint8_t)method_of(p->msg->method_name);
	*next = at + 1;
	return H1_DONE;
}

static enum h1_result target(struct h1_parser *p, const char *buf, const char *start, const char *end,
	const char **next)
{
	const char *scanned = buf + p->pos;
	const char *at = uri_find_bad(scanned > start ? scanned : start, end);

	if (at == end || (*at == '%' && end - at < 3)) {
		p->pos = (uint32_t)(at - buf);
		return H1_MORE;
	}
	if (*at != ' ' || at == start) {
		/* A line that ends here is HTTP/0.9's. */
		bool line_end = *at == '\r' || *at == '\n';
		return h1_refuse_byte(p, line_end ? H1_ERR_VERSION : H1_ERR_TARGET, buf, at);
	}
	if (uri_split_target(p->msg, slice_of(start, (size_t)(at - start))) != 0)
		return h1_refuse(p, H1_ERR_TARGET, buf, start);
	if (p->msg->flags & MSG_ABSOLUTE_FORM)
		p->msg->flags |= MSG_START_LINE_EDITED;
	*next = at + 1;
	return H1_DONE;
}

enum h1_result h1_request_line(struct h1_parser *p, const char *buf, const char *end)
{
	const char *line = buf + p->line_start, *at = line, *next;
	enum h1_result r;

	p->msg->flags = 0;
	if ((r = method(p, buf, end, &at)) != H1_DONE || (r = target(p, buf, at, end, &at)) != H1_DONE ||
		(r = h1_version(p, buf, at, end)) != H1_DONE)
		return r;
	at += 8;
	if (at == end)
		return H1_MORE;
	r = h1_line_end(p, H1_ERR_VERSION, buf, at, end, &next);
	if (r != H1_DONE)
		return r;
	p->msg->start_line = slice_of(line, (size_t)(at - line));
	p->line_start = (uint32_t)(next - buf);
	return H1_DONE;
}

/* RFC 9112 section 6.3; a CONNECT has no body (RFC 9110 section 9.3.6), and one that announces it is read in two ways. */
static enum h1_error framing(struct h1_parser *p)
{
	struct msg *m = p->msg;

	if (p->seen & SEEN_CODING) {
		if (p->seen & SEEN_LENGTH)
			return H1_ERR_LENGTH_AND_CHUNKED;
		if (m->flags & MSG_HTTP10 || m->method == METHOD_CONNECT || !(p->seen & SEEN_CHUNKED))
			return H1_ERR_TRANSFER_ENCODING;
		if (p->seen & SEEN_OTHER_CODING)
			return H1_ERR_TE_NOT_IMPLEMENTED;
		m->flags |= MSG_CHUNKED;
	} else if (p->seen & SEEN_LENGTH && m->method != METHOD_CONNECT) {
		m->flags |= MSG_LENGTH;
	} else {
		if (m->content_length)
			return H1_ERR_CONTENT_LENGTH;
		m->flags |= MSG_NO_BODY;
	}
	return H1_OK;
}

static enum h1_error host(struct h1_parser *p)
{
	struct msg *m = p->msg;

	if (!(p->seen & SEEN_HOST) && !(m->flags & MSG_HTTP10))
		return H1_ERR_HOST;
	if (m->flags & (MSG_ABSOLUTE_FORM | MSG_AUTHORITY_FORM) && http_reconcile_host(m) != 0)
		return H1_ERR_TOO_MANY_FIELDS;
	return H1_OK;
}

enum h1_error h1_request_finish(struct h1_parser *p)
{
	struct msg *m = p->msg;
	bool http10 = m->flags & MSG_HTTP10;
	enum h1_error e = host(p);

	if (e == H1_OK)
		e = framing(p);
	if (e != H1_OK)
		return e;
	if (!(p->seen & SEEN_CLOSE) && (!http10 || p->seen & SEEN_KEEP_ALIVE))
		m->flags |= MSG_KEEP_ALIVE;
	if (!http10 && p->seen & SEEN_CONTINUE && (m->flags & MSG_CHUNKED || m->content_length))
		m->flags |= MSG_EXPECT_CONTINUE;
	if (p->seen & SEEN_TE_TRAILERS)
		m->flags |= MSG_TE_TRAILERS;
	if (!http10 &&
		(p->seen & (SEEN_UPGRADE | SEEN_UPGRADE_OPTION | SEEN_H2C)) == (SEEN_UPGRADE | SEEN_UPGRADE_OPTION))
		m->flags |= MSG_UPGRADE;
	return H1_OK;
}
