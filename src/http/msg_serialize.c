/* msg_serialize: a message as the bytes of HTTP/1.1, with as few pieces and copies as there can be.
 *
 * Lines that lie unchanged in the head are sent from there; neighbours become one piece, so a message that
 * no rule touched is a single piece, its start line included.  Only what was edited or added is written
 * out, each run of such lines into one allocation of the arena.
 */
#include "ballast/http/msg.h"

#include <errno.h>

struct pieces {
	struct iovec *out;
	int count, max; /* count > max: there were too many */
};

static void put(struct pieces *p, const char *at, size_t len)
{
	struct iovec *last = p->count > 0 && p->count <= p->max ? &p->out[p->count - 1] : NULL;

	if (last && (const char *)last->iov_base + last->iov_len == at)
		last->iov_len += len;
	else if (p->count++ < p->max)
		p->out[p->count - 1] = (struct iovec){ (void *)(uintptr_t)at, len };
}

static char *append(char *at, struct slice s)
{
	if (s.len)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

/* Behind the line of a raw field: its value, trailing white space, CRLF. */
static const char *raw_line_end(const struct field *f)
{
	const char *at = f->value + f->value_len;

	while (*at != '\n')
		at++;
	return at + 1;
}

static size_t made_line_bytes(const struct field *f)
{
	return (size_t)f->name_len + 2 + f->value_len + 2;
}

static char *write_line(char *at, const struct field *f)
{
	at = append(at, field_name(f));
	at = append(at, SLICE(": "));
	at = append(at, field_value(f));
	return append(at, SLICE("\r\n"));
}

/* Writes the fields from `i` on that are not raw, up to the next raw one: its index, or -ENOMEM. */
static int put_made_lines(const struct msg *m, int i, struct pieces *p, struct arena *a)
{
	size_t bytes = 0;
	int end;

	for (end = i; end < m->field_count && (m->fields[end].flags & (FIELD_RAW | FIELD_DELETED)) != FIELD_RAW; end++)
		if (!(m->fields[end].flags & FIELD_DELETED))
			bytes += made_line_bytes(&m->fields[end]);
	char *text = arena_alloc(a, bytes), *at = text;
	if (!text)
		return -ENOMEM;
	for (; i < end; i++)
		if (!(m->fields[i].flags & FIELD_DELETED))
			at = write_line(at, &m->fields[i]);
	put(p, text, bytes);
	return end;
}

static int put_fields(const struct msg *m, struct pieces *p, struct arena *a)
{
	for (int i = 0; i < m->field_count;) {
		const struct field *f = &m->fields[i];
		if (f->flags & FIELD_DELETED) {
			i++;
		} else if (f->flags & FIELD_RAW) {
			put(p, f->name, (size_t)(raw_line_end(f) - f->name));
			i++;
		} else {
			i = put_made_lines(m, i, p, a);
			if (i < 0)
				return i;
		}
	}
	return p->count > p->max ? -ENOSPC : p->count;
}

/* METHOD SP origin-form SP HTTP/1.1; the other forms keep their target. */
static struct slice request_line(const struct msg *m, struct arena *a)
{
	struct slice path = m->flags & MSG_AUTHORITY_FORM ? m->target : m->path;
	char *text = arena_alloc(a, m->method_name.len + path.len + m->query.len + 16), *at = text;

	if (!text)
		return slice_of(NULL, 0);
	at = append(at, m->method_name);
	at = append(at, SLICE(" "));
	at = append(at, path);
	if (m->query.ptr) {
		at = append(at, SLICE("?"));
		at = append(at, m->query);
	}
	at = append(at, SLICE(" HTTP/1.1\r\n"));
	return slice_of(text, (size_t)(at - text));
}

static struct slice status_line(const struct msg *m, struct arena *a)
{
	struct slice reason = m->reason.ptr ? m->reason : status_reason_slice(m->status);
	char code[5] = { (char)('0' + m->status / 100 % 10), (char)('0' + m->status / 10 % 10),
		(char)('0' + m->status % 10), ' ' };
	char *text = arena_alloc(a, reason.len + 16), *at = text;

	if (!text)
		return slice_of(NULL, 0);
	at = append(at, SLICE("HTTP/1.1 "));
	at = append(at, slice_of(code, 4));
	at = append(at, reason);
	at = append(at, SLICE("\r\n"));
	return slice_of(text, (size_t)(at - text));
}

/* The start line as it was read serves where nobody changed it and it ended with CRLF. */
static bool start_line_is_raw(const struct msg *m)
{
	return m->start_line.len && !(m->flags & (MSG_START_LINE_EDITED | MSG_H2)) &&
	       m->start_line.ptr[m->start_line.len] == '\r';
}

int msg_serialize_head(const struct msg *m, struct iovec *out, int max, struct arena *a)
{
	struct pieces p = { .out = out, .max = max };

	if (start_line_is_raw(m)) {
		put(&p, m->start_line.ptr, m->start_line.len + 2);
	} else {
		struct slice line = m->flags & MSG_RESPONSE ? status_line(m, a) : request_line(m, a);
		if (!line.ptr)
			return -ENOMEM;
		put(&p, line.ptr, line.len);
	}
	return put_fields(m, &p, a);
}

int msg_serialize_fields(const struct msg *m, struct iovec *out, int max, struct arena *a)
{
	struct pieces p = { .out = out, .max = max };

	return put_fields(m, &p, a);
}
