/* Byte strings that grow, and a small reader of HTTP/1 messages: strict enough to see that one is broken. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "soak.h"

static void make_room(struct bytes *b, size_t len)
{
	if (b->start == b->end)
		b->start = b->end = 0;
	if (b->start > 65536) {
		memmove(b->at, b->at + b->start, b->end - b->start);
		b->end -= b->start;
		b->start = 0;
	}
	if (b->end + len <= b->room)
		return;
	b->room = (b->end + len) * 2;
	b->at = realloc(b->at, b->room);
	if (!b->at)
		abort();
}

void bytes_add(struct bytes *b, const void *from, size_t len)
{
	make_room(b, len + 1);
	memcpy(b->at + b->end, from, len);
	b->end += len;
}

void bytes_text(struct bytes *b, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	bytes_add(b, text, (size_t)len);
}

void bytes_pattern(struct bytes *b, const char *token, size_t len)
{
	make_room(b, len + TOKEN_LEN);
	for (size_t i = 0; i < len; i += TOKEN_LEN)
		memcpy(b->at + b->end + i, token, TOKEN_LEN);
	b->end += len;
}

void bytes_chunked(struct bytes *b, const char *token, size_t len, uint64_t *random)
{
	char turned[TOKEN_LEN + 1] = "";
	size_t done = 0;

	while (done < len) {
		size_t n = 1 + below(random, below(random, 2) ? 100 : 40000);
		if (n > len - done)
			n = len - done;
		for (size_t i = 0; i < TOKEN_LEN; i++)
			turned[i] = token[(done + i) % TOKEN_LEN];
		bytes_text(b, "%zx%s\r\n", n, below(random, 20) ? "" : ";ext=\"1\"");
		bytes_pattern(b, turned, n);
		bytes_add(b, "\r\n", 2);
		done += n;
	}
	bytes_text(b, "0\r\n%s\r\n", below(random, 5) ? "" : "X-Trailer: t\r\n");
}

void bytes_free(struct bytes *b)
{
	free(b->at);
	*b = (struct bytes){ 0 };
}

/* ---- messages ---- */

static bool bad(struct message *m, const char *why)
{
	m->bad = true;
	snprintf(m->why, sizeof m->why, "%s", why);
	return true;
}

static bool field(struct message *m, const char *line, bool *chunked, bool *has_length)
{
	const char *value = strchr(line, ':');

	if (!value)
		return !bad(m, "a field without a colon");
	size_t name = (size_t)(value++ - line);
	while (*value == ' ')
		value++;
	if (name == 14 && !strncasecmp(line, "Content-Length", 14)) {
		m->left = strtoull(value, NULL, 10);
		*has_length = true;
	} else if (name == 17 && !strncasecmp(line, "Transfer-Encoding", 17)) {
		*chunked = !strncasecmp(value, "chunked", 7);
	} else if (name == 10 && !strncasecmp(line, "Connection", 10)) {
		m->close |= !strncasecmp(value, "close", 5);
	} else if (name == 7 && !strncasecmp(line, "Upgrade", 7)) {
		m->upgrade = true;
	} else if (name == 7 && !strncasecmp(line, "X-Token", 7)) {
		snprintf(m->token, sizeof m->token, "%.16s", value);
	}
	return true;
}

static bool start_line(struct message *m, const char *line, bool is_request)
{
	if (is_request) {
		if (sscanf(line, "%7s %63s HTTP/1.1", m->method, m->target) != 2)
			return !bad(m, "no request line");
		const char *token = strrchr(m->target, '/');
		snprintf(m->token, sizeof m->token, "%.16s", token ? token + 1 : "");
		return true;
	}
	if (sscanf(line, "HTTP/1.1 %3u ", &m->status) != 1)
		return !bad(m, "no status line");
	return true;
}

static void frame(struct message *m, bool is_request, bool chunked, bool has_length)
{
	if (m->no_body || m->status == 204 || m->status == 304 || m->status / 100 == 1)
		m->part = PART_DONE;
	else if (chunked)
		m->part = PART_SIZE;
	else if (has_length)
		m->part = m->left ? PART_LENGTH : PART_DONE;
	else
		m->part = is_request ? PART_DONE : PART_UNTIL_CLOSE;
}

static bool head(struct message *m, struct bytes *in, bool is_request)
{
	char *at = in->at + in->start, *end;
	bool chunked = false, has_length = false, first = true;

	if (in->start == in->end)
		return false;
	in->at[in->end] = '\0'; /* bytes_add leaves room for it */
	end = memmem(at, in->end - in->start, "\r\n\r\n", 4);
	if (!end)
		return in->end - in->start > 20000 && bad(m, "an endless head");
	while (at < end + 2) {
		char *eol = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
		*eol = '\0';
		if (first ? !start_line(m, at, is_request) : !field(m, at, &chunked, &has_length))
			return true;
		first = false;
		at = eol + 2;
	}
	in->start += (size_t)(end + 4 - (in->at + in->start));
	frame(m, is_request, chunked, has_length);
	return m->part == PART_DONE;
}

/* Payload must go on where the token's repetition was. */
static bool payload(struct message *m, struct bytes *in)
{
	size_t n = in->end - in->start;
	const char *at = in->at + in->start;

	if (m->part != PART_UNTIL_CLOSE && n > m->left)
		n = m->left;
	if (m->token[0])
		for (size_t i = 0; i < n; i++)
			if (at[i] != m->token[(m->body + i) % TOKEN_LEN])
				return bad(m, "a foreign byte in the body");
	m->body += n;
	in->start += n;
	if (m->part == PART_UNTIL_CLOSE)
		return false;
	m->left -= n;
	if (m->left == 0)
		m->part = m->part == PART_LENGTH ? PART_DONE : PART_CHUNK_END;
	return m->part == PART_DONE;
}

/* A line of the chunked framing; NULL where it is not whole. */
static char *framing_line(struct bytes *in)
{
	char *at = in->at + in->start, *eol = memmem(at, in->end - in->start, "\r\n", 2);

	if (!eol)
		return NULL;
	*eol = '\0';
	in->start += (size_t)(eol + 2 - at);
	return at;
}

static bool framing(struct message *m, struct bytes *in)
{
	const char *line = framing_line(in);

	if (!line)
		return in->end - in->start > 20000 && bad(m, "an endless line");
	switch (m->part) {
	case PART_CHUNK_END:
		if (*line)
			return bad(m, "no line end behind a chunk");
		m->part = PART_SIZE;
		return false;
	case PART_SIZE:
		if (!isxdigit((unsigned char)*line))
			return bad(m, "no chunk size");
		m->left = strtoull(line, NULL, 16);
		m->part = m->left ? PART_CHUNK : PART_TRAILER;
		return false;
	default:
		if (!*line)
			m->part = PART_DONE;
		return m->part == PART_DONE;
	}
}

bool message_take(struct message *m, struct bytes *in, bool is_request)
{
	size_t before;
	enum part part;

	do {
		before = in->start;
		part = m->part;
		if (m->part == PART_HEAD) {
			if (head(m, in, is_request))
				return true;
		} else if (m->part == PART_LENGTH || m->part == PART_CHUNK || m->part == PART_UNTIL_CLOSE) {
			if (payload(m, in))
				return true;
		} else if (framing(m, in)) {
			return true;
		}
	} while (in->start != before || m->part != part);
	return false;
}
