/* answer: responses from files.
 *
 * An errorfile is a raw HTTP/1 response.  It is parsed by the same strict parser as a server's, while loading, so that
 * nothing which clients could frame in two ways is ever sent; its length is that of what lies behind its head.
 */
#include "ballast/proxy/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ballast/base/file_list.h"
#include "ballast/http/h1.h"

enum { LIMIT_DEFAULT = 16384 };

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
	file_list_note(path);
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
