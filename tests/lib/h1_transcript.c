/* h1_transcript: see its header.  Where AddressSanitizer runs, the bytes that were not fed yet are
 * poisoned, so a parser that looks ahead of its input dies there. */
#include "h1_transcript.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

enum { FIELDS_MAX = 128, PIECES_MAX = 2 * FIELDS_MAX + 2 };

static const char *const error_names[H1_ERR_COUNT] = {
	[H1_OK] = "OK",
	[H1_ERR_EMPTY] = "EMPTY",
	[H1_ERR_METHOD] = "METHOD",
	[H1_ERR_TARGET] = "TARGET",
	[H1_ERR_VERSION] = "VERSION",
	[H1_ERR_START_LINE] = "START_LINE",
	[H1_ERR_STATUS] = "STATUS",
	[H1_ERR_FIELD_NAME] = "FIELD_NAME",
	[H1_ERR_FIELD_VALUE] = "FIELD_VALUE",
	[H1_ERR_OBS_FOLD] = "OBS_FOLD",
	[H1_ERR_BARE_CR] = "BARE_CR",
	[H1_ERR_BARE_LF] = "BARE_LF",
	[H1_ERR_NUL] = "NUL",
	[H1_ERR_CONTENT_LENGTH] = "CONTENT_LENGTH",
	[H1_ERR_TRANSFER_ENCODING] = "TRANSFER_ENCODING",
	[H1_ERR_LENGTH_AND_CHUNKED] = "LENGTH_AND_CHUNKED",
	[H1_ERR_HOST] = "HOST",
	[H1_ERR_CHUNK_SIZE] = "CHUNK_SIZE",
	[H1_ERR_CHUNK_END] = "CHUNK_END",
	[H1_ERR_TRAILER] = "TRAILER",
	[H1_ERR_TARGET_TOO_LONG] = "TARGET_TOO_LONG",
	[H1_ERR_FIELDS_TOO_LARGE] = "FIELDS_TOO_LARGE",
	[H1_ERR_TOO_MANY_FIELDS] = "TOO_MANY_FIELDS",
	[H1_ERR_TE_NOT_IMPLEMENTED] = "TE_NOT_IMPLEMENTED",
	[H1_ERR_VERSION_NOT_SUPPORTED] = "VERSION_NOT_SUPPORTED",
	[H1_ERR_CONNECTION] = "CONNECTION",
};

static const struct {
	uint32_t flag;
	const char *word;
} flag_words[] = {
	{ MSG_NO_BODY, "no-body" },
	{ MSG_LENGTH, "length" },
	{ MSG_CHUNKED, "chunked" },
	{ MSG_UNTIL_CLOSE, "until-close" },
	{ MSG_KEEP_ALIVE, "keep-alive" },
	{ MSG_HTTP10, "1.0" },
	{ MSG_UPGRADE, "upgrade" },
	{ MSG_EXPECT_CONTINUE, "continue" },
	{ MSG_TE_TRAILERS, "te-trailers" },
	{ MSG_ABSOLUTE_FORM, "absolute" },
	{ MSG_AUTHORITY_FORM, "authority" },
	{ MSG_ASTERISK_FORM, "asterisk" },
};

const char *h1_error_name(enum h1_error e)
{
	return (unsigned)e < H1_ERR_COUNT ? error_names[e] : "?";
}

static char *room_for(struct h1_transcript *t, size_t more)
{
	if (t->len + more + 1 > t->room) {
		t->room = (t->len + more + 1) * 2;
		t->text = realloc(t->text, t->room);
		BL_ASSERT(t->text);
	}
	return t->text + t->len;
}

__attribute__((format(printf, 2, 3))) static void add(struct h1_transcript *t, const char *fmt, ...)
{
	va_list ap;
	char text[256];

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	BL_ASSERT(n >= 0 && (size_t)n < sizeof(text));
	memcpy(room_for(t, (size_t)n), text, (size_t)n + 1);
	t->len += (size_t)n;
}

static void add_bytes(struct h1_transcript *t, const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)at[i];
		char *to = room_for(t, 5);
		if (c == '\r' || c == '\n' || c == '\t' || c == ' ' || c == '\\')
			t->len += (size_t)sprintf(to, "\\%c",
				c == '\r'   ? 'r'
				: c == '\n' ? 'n'
				: c == '\t' ? 't'
				: c == ' '  ? 's'
					    : '\\');
		else if (c < 0x21 || c > 0x7e || c == '|')
			t->len += (size_t)sprintf(to, "\\x%02x", c);
		else
			t->len += (size_t)sprintf(to, "%c", c);
	}
}

static void add_slice(struct h1_transcript *t, const char *key, struct slice s)
{
	if (!s.ptr)
		return;
	add(t, " %s=", key);
	add_bytes(t, s.ptr, s.len);
}

/* What is sent on must be read by others as we read it: it parses again, to the same framing and path, and is sent on
 * unchanged, as one piece. */
static void check_sent(const struct msg *m, const struct h1_input *in, char *sent, size_t len)
{
	struct field fields[FIELDS_MAX + 2];
	struct msg again = { .fields = fields, .field_max = FIELDS_MAX + 2 };
	struct h1_limits limits = { .head_bytes = (uint32_t)len, .fields = FIELDS_MAX + 2 };
	struct iovec piece;
	struct h1_parser p;
	struct arena a;

	arena_init(&a);
	if (m->flags & MSG_RESPONSE)
		h1_response_init(&p, &again, in->to, &limits);
	else
		h1_request_init(&p, &again, &limits);
	BL_ASSERT(h1_parse_head(&p, sent, len) == H1_DONE);
	BL_ASSERT(p.head_len == len);
	BL_ASSERT(again.content_length == m->content_length && again.status == m->status && again.method == m->method);
	BL_ASSERT((again.flags & MSG_LENGTH) == (m->flags & MSG_LENGTH));
	BL_ASSERT(slice_eq(again.path, m->path) && slice_eq(again.query, m->query));
	BL_ASSERT(msg_serialize_head(&again, &piece, 1, &a) == 1 && piece.iov_len == len - 2);
	arena_reset(&a);
}

/* Pieces that a sender writes: what the head became, without hop-by-hop fields. */
static void add_sent(struct h1_transcript *t, struct msg *m, const struct h1_input *in)
{
	static const char host[] = "Host: h\r\n\r\n";
	struct iovec pieces[PIECES_MAX];
	struct arena a;

	arena_init(&a);
	msg_remove_hop_by_hop(m);
	int n = msg_serialize_head(m, pieces, PIECES_MAX, &a);
	BL_ASSERT(n > 0);
	add(t, " pieces=%d sent=", n);
	size_t len = 0;
	for (int i = 0; i < n; i++) {
		add_bytes(t, pieces[i].iov_base, pieces[i].iov_len);
		len += pieces[i].iov_len;
	}
	char *sent = arena_alloc(&a, len + sizeof(host)), *to = sent;
	for (int i = 0; i < n; to += pieces[i++].iov_len)
		memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
	/* An HTTP/1.0 request may lack its Host, which the exchange adds. */
	bool no_host = !(m->flags & MSG_RESPONSE) && !m->authority.ptr;
	const char *tail = no_host ? host : "\r\n";
	memcpy(to, tail, strlen(tail));
	check_sent(m, in, sent, len + strlen(tail));
	arena_reset(&a);
}

static void check_message(const struct msg *m, const struct h1_input *in, uint32_t head_len)
{
	uint32_t framing = m->flags & (MSG_NO_BODY | MSG_LENGTH | MSG_CHUNKED | MSG_UNTIL_CLOSE);

	BL_ASSERT(framing && !(framing & (framing - 1)));
	BL_ASSERT(head_len <= in->len && head_len <= in->limits.head_bytes);
	BL_ASSERT(m->fields_start <= m->fields_end && m->fields_end < in->bytes + head_len);
	int lengths = 0;
	for (int i = msg_find_id(m, FIELD_CONTENT_LENGTH, 0); i >= 0; i = msg_find_id(m, FIELD_CONTENT_LENGTH, i + 1))
		lengths++;
	BL_ASSERT(lengths <= 1);
	BL_ASSERT(!(m->flags & MSG_LENGTH) || lengths == 1);
	BL_ASSERT(!(m->flags & MSG_CHUNKED) || lengths == 0);
}

static void add_message(struct h1_transcript *t, struct msg *m, uint32_t head_len, const struct h1_input *in)
{
	int live = 0;

	add(t, "done");
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++)
		if (m->flags & flag_words[i].flag)
			add(t, " %s", flag_words[i].word);
	if (m->flags & MSG_RESPONSE)
		add(t, " status=%u", m->status);
	else
		add(t, " method=%s", method_name(m->method));
	for (int i = 0; i < m->field_count; i++)
		live += !(m->fields[i].flags & FIELD_DELETED);
	add(t, " head=%u fields=%d cl=%llu", head_len, live, (unsigned long long)m->content_length);
	add_slice(t, "method-name", m->method_name);
	add_slice(t, "target", m->target);
	add_slice(t, "path", m->path);
	add_slice(t, "query", m->query);
	add_slice(t, "scheme", m->scheme);
	add_slice(t, "authority", m->authority);
	add_slice(t, "reason", m->reason);
	for (int i = 0; i < m->field_count; i++) {
		if (m->fields[i].flags & FIELD_DELETED)
			continue;
		add(t, " ");
		add_bytes(t, m->fields[i].name, m->fields[i].name_len);
		add(t, ":=");
		add_bytes(t, m->fields[i].value, m->fields[i].value_len);
	}
	add_sent(t, m, in);
}

struct feed {
	const struct h1_input *in;
	char *buf; /* the bytes, those behind `avail` poisoned */
	size_t avail, cut_at;
	enum h1_cut cut;
};

/* Makes more bytes visible; false where all are. */
static bool feed_more(struct feed *f)
{
	size_t len = f->in->len;

	if (f->avail == len)
		return false;
	if (f->cut == H1_CUT_BYTES)
		f->avail++;
	else
		f->avail = f->cut == H1_CUT_AT && f->avail < f->cut_at ? f->cut_at : len;
	ASAN_UNPOISON_MEMORY_REGION(f->buf, f->avail);
	return true;
}

static void add_trailers(struct h1_transcript *t, const struct msg *trailers)
{
	struct iovec pieces[PIECES_MAX];
	struct arena a;

	if (!trailers->field_count)
		return;
	arena_init(&a);
	int n = msg_serialize_fields(trailers, pieces, PIECES_MAX, &a);
	add(t, " trailers=");
	for (int i = 0; i < n; i++)
		add_bytes(t, pieces[i].iov_base, pieces[i].iov_len);
	arena_reset(&a);
}

/* All bodies' payload, then how they ended and how many bytes were left for the next message. */
static void transcribe_body(struct h1_transcript *t, struct feed *f, struct h1_body *b, size_t pos)
{
	struct field fields[FIELDS_MAX];
	struct msg trailers = { .fields = fields, .field_max = FIELDS_MAX };
	size_t body_bytes = 0, used;
	enum h1_result r;
	struct slice data;

	add(t, " body=");
	for (;;) {
		r = h1_body_next(b, f->buf + pos, f->avail - pos, &data, &used, &trailers);
		BL_ASSERT(used <= f->avail - pos && data.len <= used);
		add_bytes(t, data.ptr, data.len);
		body_bytes += data.len;
		pos += used;
		if (r == H1_MORE && used && pos < f->avail)
			continue;
		if (r != H1_MORE || !feed_more(f))
			break;
	}
	BL_ASSERT(b->total == body_bytes);
	if (r == H1_ERROR) {
		add(t, " body-error=%s", h1_error_name(b->error));
		BL_ASSERT(h1_body_next(b, f->buf + pos, f->avail - pos, &data, &used, NULL) == H1_ERROR);
		return;
	}
	add_trailers(t, &trailers);
	BL_ASSERT((r == H1_DONE) == h1_body_done(b));
	bool complete = h1_body_end_of_input(b);
	add(t, complete ? " body-done left=%zu" : " body-more", f->in->len - pos);
}

static void transcribe_head(struct h1_transcript *t, struct feed *f, struct msg *m)
{
	struct h1_parser p;
	enum h1_result r;
	struct h1_body b;

	if (f->in->kind == H1_KIND_REQUEST)
		h1_request_init(&p, m, &f->in->limits);
	else
		h1_response_init(&p, m, f->in->to, &f->in->limits);
	do
		r = h1_parse_head(&p, f->buf, f->avail);
	while (r == H1_MORE && feed_more(f));
	if (r == H1_MORE) {
		add(t, "more");
	} else if (r == H1_ERROR) {
		BL_ASSERT(p.error_pos <= f->avail && p.error != H1_OK);
		add(t, "error %s %u at=%u", h1_error_name(p.error), h1_error_status(p.error), p.error_pos);
	} else {
		struct h1_input seen = *f->in;
		seen.bytes = f->buf;
		check_message(m, &seen, p.head_len);
		h1_body_init(&b, m, &f->in->limits);
		add_message(t, m, p.head_len, f->in);
		transcribe_body(t, f, &b, p.head_len);
	}
}

void h1_transcribe(struct h1_transcript *t, const struct h1_input *in, enum h1_cut cut, size_t at)
{
	struct field fields[FIELDS_MAX];
	struct msg m = { .fields = fields, .field_max = FIELDS_MAX };
	struct feed f = { .in = in, .cut = cut, .cut_at = at };

	*t = (struct h1_transcript){ 0 };
	f.buf = malloc(in->len + 1);
	BL_ASSERT(f.buf);
	memcpy(f.buf, in->bytes, in->len);
	ASAN_POISON_MEMORY_REGION(f.buf, in->len + 1);
	feed_more(&f);
	if (in->kind == H1_KIND_CHUNKED) {
		struct msg chunked = { .flags = MSG_CHUNKED };
		struct h1_body b;
		h1_body_init(&b, &chunked, &in->limits);
		add(t, "chunked");
		transcribe_body(t, &f, &b, 0);
	} else {
		transcribe_head(t, &f, &m);
	}
	ASAN_UNPOISON_MEMORY_REGION(f.buf, in->len + 1);
	free(f.buf);
}

void h1_transcript_free(struct h1_transcript *t)
{
	free(t->text);
	*t = (struct h1_transcript){ 0 };
}
