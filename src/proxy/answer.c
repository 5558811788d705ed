/* answer: responses from files, and the pages that Ballast sends where nobody gave it others.
 *
 * An errorfile is a raw HTTP/1 response.  It is parsed by the same strict parser as a server's, while loading, so that
 * nothing which clients could frame in two ways is ever sent; its length is that of what lies behind its head.
 */
#include "ballast/proxy/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ballast/http/h1.h"

#define PAGE(code, title, text) \
	{ \
		.status = code, .content_type = { "text/html", 9 }, .field_count = 1, \
		.field = { { { "Cache-Control", 13 }, { "no-cache", 8 } } }, .body = { \
			"<html><body><h1>" #code " " title "</h1>\n" text "\n</body></html>\n", \
			sizeof("<html><body><h1>" #code " " title "</h1>\n" text "\n</body></html>\n") - 1 \
		} \
	}

static const struct answer pages[] = {
	PAGE(200, "OK", "Service ready."),
	PAGE(400, "Bad Request", "The request could not be understood."),
	PAGE(401, "Unauthorized", "A valid user name and password are needed to see this."),
	PAGE(403, "Forbidden", "The rules of this service do not allow this request."),
	PAGE(404, "Not Found", "There is nothing at this address."),
	PAGE(405, "Method Not Allowed", "What this address names does not support the method of this request."),
	PAGE(407, "Proxy Authentication Required", "A valid user name and password are needed to use this proxy."),
	PAGE(408, "Request Timeout", "The request was not complete in time."),
	PAGE(410, "Gone", "What was at this address is no longer available."),
	PAGE(413, "Content Too Large", "The content of the request is larger than is accepted here."),
	PAGE(414, "URI Too Long", "The address is longer than is accepted here."),
	PAGE(425, "Too Early", "The request came as early data."),
	PAGE(429, "Too Many Requests", "Too many requests came in too short a time."),
	PAGE(431, "Request Header Fields Too Large", "The header of the request is larger than is accepted here."),
	PAGE(500, "Internal Server Error", "Something went wrong here."),
	PAGE(501, "Not Implemented", "The request needs something that is not supported here."),
	PAGE(502, "Bad Gateway", "The server's response was invalid or incomplete."),
	PAGE(503, "Service Unavailable", "No server is available to handle this request."),
	PAGE(504, "Gateway Timeout", "The server did not respond in time."),
	/* those below have no errorfile */
	PAGE(505, "HTTP Version Not Supported", "This version of HTTP is not supported here."),
};

enum {
	PAGE_COUNT = sizeof pages / sizeof pages[0],
	ERRORFILE_COUNT = PAGE_COUNT - 1,
	LIMIT_DEFAULT = 16384,
};

struct errors {
	const struct answer *page[ERRORFILE_COUNT]; /* NULL: the one of `pages` */
};

static size_t limit_bytes = LIMIT_DEFAULT;

void answer_set_limit(size_t bytes)
{
	limit_bytes = bytes;
}

size_t answer_limit(void)
{
	return limit_bytes;
}

/* ---- files ---- */

static int read_all(FILE *from, char *into, size_t room, size_t *len)
{
	*len = fread(into, 1, room, from);
	return ferror(from) ? -EIO : 0;
}

int answer_read_file(const char *path, const struct token *t, struct arena *a, struct slice *out, struct diag *d)
{
	size_t room = limit_bytes + 1, len = 0;
	char *text = arena_alloc(a, room + 1);
	FILE *from = fopen(path, "rbe");
	int rc;

	if (!text || !from) {
		diag_error(d, &t->at, NULL, "cannot open '%s': %s", path, text ? strerror(errno) : "out of memory");
		rc = -EINVAL;
		goto out;
	}
	errno = 0;
	rc = read_all(from, text, room, &len);
	if (rc < 0) {
		diag_error(d, &t->at, NULL, "cannot read '%s': %s", path, strerror(errno ? errno : EIO));
		rc = -EINVAL;
	} else if (len == room) {
		diag_error(d, &t->at, NULL, "'%s' is larger than a buffer (%zu bytes, tune.bufsize)", path,
			limit_bytes);
		rc = -EINVAL;
	}
	text[len] = '\0';
	*out = slice_of(text, len);
out:
	if (from)
		fclose(from);
	return rc;
}

static unsigned line_of(struct slice text, size_t pos)
{
	unsigned line = 1;
	for (size_t i = 0; i < pos && i < text.len; i++)
		line += text.ptr[i] == '\n';
	return line;
}

static int refuse(const char *path, const struct token *t, unsigned line, const char *why, struct diag *d)
{
	if (line)
		diag_error(d, &t->at, NULL, "'%s', line %u, is no valid HTTP/1 response: %s", path, line, why);
	else
		diag_error(d, &t->at, NULL, "'%s' is no valid HTTP/1 response: %s", path, why);
	return -EINVAL;
}

/* Fields about the connection and the framing are ours to send. */
static bool is_carried(const struct field *f)
{
	switch ((enum field_id)f->id) {
	case FIELD_CONTENT_LENGTH:
	case FIELD_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_PROXY_CONNECTION: return false;
	default: return true;
	}
}

static int take_fields(struct answer *to, const struct msg *m)
{
	for (unsigned i = 0; i < m->field_count; i++) {
		const struct field *f = &m->fields[i];
		if (f->flags & FIELD_DELETED || !is_carried(f))
			continue;
		if (to->field_count == ANSWER_FIELDS_MAX)
			return -ENOSPC;
		to->field[to->field_count++] = (struct answer_field){ field_name(f), field_value(f) };
	}
	return 0;
}

bool answer_says_close(struct slice connection)
{
	struct slice member;

	while (slice_next_member(&connection, &member))
		if (slice_eq_icase(member, SLICE("close")))
			return true;
	return false;
}

static bool says_close(const struct msg *m)
{
	for (int i = msg_find_id(m, FIELD_CONNECTION, 0); i >= 0; i = msg_find_id(m, FIELD_CONNECTION, i + 1))
		if (answer_says_close(field_value(&m->fields[i])))
			return true;
	return false;
}

static int check_framing(const struct msg *m, struct slice body, const char *path, const struct token *t,
	struct diag *d)
{
	if (m->status < 200 || m->status > 599)
		return refuse(path, t, 1, "its status is not from 200 to 599", d);
	if (m->flags & MSG_CHUNKED)
		return refuse(path, t, 0, "it must not be chunked", d);
	if (m->flags & MSG_NO_BODY && body.len)
		return refuse(path, t, 0, "its status does not allow a body", d);
	if (m->flags & MSG_LENGTH && m->content_length != body.len) {
		diag_error(d, &t->at, NULL, "'%s' says Content-Length: %llu, but %zu bytes follow its header", path,
			(unsigned long long)m->content_length, body.len);
		return -EINVAL;
	}
	return 0;
}

static int parse_answer(struct slice text, const char *path, const struct token *t, struct answer *to, struct diag *d)
{
	struct field room[2 * ANSWER_FIELDS_MAX];
	struct msg m = { .fields = room, .field_max = 2 * ANSWER_FIELDS_MAX };
	struct h1_limits limits = { .head_bytes = (uint32_t)limit_bytes, .fields = 2 * ANSWER_FIELDS_MAX };
	struct h1_parser p;
	struct slice body;
	enum h1_result result;
	int rc;

	h1_response_init(&p, &m, METHOD_GET, &limits);
	result = h1_parse_head(&p, text.ptr, text.len);
	if (result == H1_ERROR)
		return refuse(path, t, line_of(text, p.error_pos), h1_error_text(p.error), d);
	if (result == H1_MORE)
		return refuse(path, t, 0, "no empty line ends its header", d);
	body = slice_skip(text, p.head_len);
	rc = check_framing(&m, body, path, t, d);
	if (rc < 0)
		return rc;
	*to = (struct answer){ .status = m.status, .reason = m.reason, .body = body, .close = says_close(&m) };
	if (take_fields(to, &m) < 0)
		return refuse(path, t, 0, "it has too many header fields", d);
	return 0;
}

int answer_load(const char *path, const struct token *t, struct answer **out, struct arena *a, struct diag *d)
{
	struct answer *to = arena_zalloc(a, sizeof *to);
	struct slice text;

	if (!to)
		return -ENOMEM;
	*out = to;
	if (answer_read_file(path, t, a, &text, d) < 0)
		return -EINVAL;
	return text.len ? parse_answer(text, path, t, to, d) : 0;
}

/* ---- pages by status ---- */

static int find_page(unsigned status)
{
	for (int i = 0; i < PAGE_COUNT; i++)
		if (pages[i].status == status)
			return i;
	return -1;
}

bool errors_has(unsigned status)
{
	int i = find_page(status);
	return i >= 0 && i < ERRORFILE_COUNT;
}

const char *errors_status_list(void)
{
	return "200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 425, 429, 431, 500, 501, 502, 503 and 504";
}

int errors_load(struct errors **into, unsigned status, const char *path, const struct token *t, struct arena *a,
	struct diag *d)
{
	struct answer *answer;

	if (!errors_has(status)) {
		struct slice hint = arena_printf(&d->arena, "statuses with an error page are %s", errors_status_list());
		diag_error(d, &t->at, hint.ptr, "there is no error page for status %u", status);
		return -EINVAL;
	}
	if (!*into)
		*into = arena_zalloc(a, sizeof **into);
	if (!*into)
		return -ENOMEM;
	int rc = answer_load(path, t, &answer, a, d);
	if (rc == 0)
		(*into)->page[find_page(status)] = answer;
	return rc;
}

struct errors *errors_inherit(const struct errors *from, struct arena *a)
{
	struct errors *copy = from ? arena_alloc(a, sizeof *copy) : NULL;
	if (copy)
		*copy = *from;
	return copy;
}

const struct answer *errors_answer(const struct errors *first, const struct errors *second, unsigned status)
{
	int i = find_page(status);

	if (i < 0)
		i = find_page(status >= 400 && status < 500 ? 400 : 500);
	if (i < ERRORFILE_COUNT && first && first->page[i])
		return first->page[i];
	if (i < ERRORFILE_COUNT && second && second->page[i])
		return second->page[i];
	return &pages[i];
}
