/* h1_body: where a body ends (RFC 9112 sections 6 and 7).
 *
 * The chunked coding is a state machine over single bytes; a run of payload is passed over in one step.
 *
 *     SIZE -> DIGITS -> [EXT ...] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE
 *                                        `-> (size 0) TRAILERS -> done
 *     EXT: BWS ; BWS name [ BWS = BWS ( token | quoted-string ) ], as often as it comes
 *
 * Lines end with CRLF and nothing else.  A size line and the sum of all extensions are bounded: extensions
 * cost a sender nothing and would make a small body endless.
 */
#include "ballast/base/simd.h"
#include "h1_private.h"

enum {
	STATE_SIZE, /* first digit */
	STATE_DIGITS,
	STATE_EXT_BEFORE, /* white space before a ';' that must come */
	STATE_EXT_NAME,   /* white space or the first byte of a name */
	STATE_EXT_IN_NAME,
	STATE_EXT_EQUALS, /* white space behind a name: '=' or ';' must come */
	STATE_EXT_VALUE,  /* white space or the first byte of a value */
	STATE_EXT_TOKEN,
	STATE_EXT_QUOTED,
	STATE_EXT_ESCAPED, /* behind a backslash */
	STATE_EXT_AFTER,   /* behind the closing quote */
	STATE_SIZE_LF,
	STATE_DATA,
	STATE_DATA_CR,
	STATE_DATA_LF,
	STATE_TRAILERS,
	STATE_REFUSED,
};

enum { SIZE_LINE_BYTES_MAX = 4096, EXTENSION_BYTES_MAX = 16384 };

void h1_body_init(struct h1_body *b, const struct msg *m, const struct h1_limits *limits)
{
	*b = (struct h1_body){ .limits = limits };
	if (m->flags & MSG_NO_BODY)
		return;
	if (m->flags & MSG_CHUNKED) {
		b->kind = H1_BODY_CHUNKED;
	} else if (m->flags & MSG_LENGTH) {
		b->kind = m->content_length ? H1_BODY_LENGTH : H1_BODY_NONE;
		b->left = m->content_length;
	} else if (m->flags & MSG_UNTIL_CLOSE) {
		b->kind = H1_BODY_UNTIL_CLOSE;
	}
}

static enum h1_result refuse(struct h1_body *b, enum h1_error e)
{
	b->error = (uint16_t)e;
	b->state = STATE_REFUSED;
	return H1_ERROR;
}

static enum h1_result done(struct h1_body *b)
{
	b->kind = H1_BODY_NONE;
	return H1_DONE;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_token_byte(const char *at)
{
	return simd_find_non_token(at, at + 1) != at;
}

/* qdtext and what may stand behind a backslash: no control but HTAB. */
static bool is_quoted_byte(const char *at)
{
	return simd_find_ctl(at, at + 1) != at;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The state behind a byte of an extension, -1 where it may not stand there. */
static int extension_state(uint8_t state, const char *at)
{
	switch (state) {
	case STATE_EXT_BEFORE: return *at == ';' ? STATE_EXT_NAME : is_blank(*at) ? STATE_EXT_BEFORE : -1;
	case STATE_EXT_NAME: return is_blank(*at) ? STATE_EXT_NAME : is_token_byte(at) ? STATE_EXT_IN_NAME : -1;
	case STATE_EXT_IN_NAME:
		if (is_token_byte(at))
			return STATE_EXT_IN_NAME;
		if (*at == '\r')
			return STATE_SIZE_LF;
		/* fall through */
	case STATE_EXT_EQUALS:
		if (*at == '=')
			return STATE_EXT_VALUE;
		return *at == ';' ? STATE_EXT_NAME : is_blank(*at) ? STATE_EXT_EQUALS : -1;
	case STATE_EXT_VALUE:
		if (*at == '"')
			return STATE_EXT_QUOTED;
		return is_blank(*at) ? STATE_EXT_VALUE : is_token_byte(at) ? STATE_EXT_TOKEN : -1;
	case STATE_EXT_QUOTED:
		if (*at == '"')
			return STATE_EXT_AFTER;
		return *at == '\\' ? STATE_EXT_ESCAPED : is_quoted_byte(at) ? STATE_EXT_QUOTED : -1;
	case STATE_EXT_ESCAPED: return is_quoted_byte(at) ? STATE_EXT_QUOTED : -1;
	case STATE_EXT_TOKEN:
		if (is_token_byte(at))
			return STATE_EXT_TOKEN;
		/* fall through */
	default: /* STATE_EXT_AFTER */
		if (*at == '\r')
			return STATE_SIZE_LF;
		return *at == ';' ? STATE_EXT_NAME : is_blank(*at) ? STATE_EXT_BEFORE : -1;
	}
}

/* A byte of the size itself, or the first one behind it. */
static int size_state(struct h1_body *b, const char *at)
{
	int digit = hex_digit(*at);

	if (digit >= 0) {
		if (b->left > (uint64_t)INT64_MAX >> 4)
			return -1;
		b->left = b->left << 4 | (unsigned)digit;
		return STATE_DIGITS;
	}
	if (b->state == STATE_SIZE)
		return -1;
	if (*at == '\r')
		return STATE_SIZE_LF;
	return *at == ';' ? STATE_EXT_NAME : is_blank(*at) ? STATE_EXT_BEFORE : -1;
}

static enum h1_error size_line_byte(struct h1_body *b, const char *at)
{
	bool in_size = b->state == STATE_SIZE || b->state == STATE_DIGITS;
	int next = in_size ? size_state(b, at) : extension_state(b->state, at);

	if (next < 0 || ++b->line_bytes > SIZE_LINE_BYTES_MAX)
		return H1_ERR_CHUNK_SIZE;
	if (next >= STATE_EXT_BEFORE && next <= STATE_EXT_AFTER && ++b->extension_bytes > EXTENSION_BYTES_MAX)
		return H1_ERR_CHUNK_SIZE;
	b->state = (uint8_t)next;
	return H1_OK;
}

/* One byte of framing. */
static enum h1_error framing_byte(struct h1_body *b, const char *at)
{
	switch (b->state) {
	case STATE_SIZE_LF:
		if (*at != '\n')
			return H1_ERR_CHUNK_SIZE;
		b->state = b->left ? STATE_DATA : STATE_TRAILERS;
		b->line_bytes = 0;
		return H1_OK;
	case STATE_DATA_CR: b->state = STATE_DATA_LF; return *at == '\r' ? H1_OK : H1_ERR_CHUNK_END;
	case STATE_DATA_LF: b->state = STATE_SIZE; return *at == '\n' ? H1_OK : H1_ERR_CHUNK_END;
	default: return size_line_byte(b, at);
	}
}

static void take_data(struct h1_body *b, const char *at, size_t n, struct slice *data)
{
	*data = slice_of(at, n);
	b->left -= n;
	b->total += n;
}

/* Framing, one run of payload, and the framing behind it. */
static enum h1_result next_chunked(struct h1_body *b, const char *buf, size_t len, struct slice *data, size_t *used,
	struct msg *trailers)
{
	size_t at = 0;
	bool have_data = false;

	for (; at < len && b->state != STATE_TRAILERS; *used = at) {
		if (b->state != STATE_DATA) {
			enum h1_error e = framing_byte(b, buf + at);
			if (e != H1_OK)
				return refuse(b, e);
			at++;
			continue;
		}
		if (have_data)
			return H1_MORE;
		size_t n = len - at < b->left ? len - at : (size_t)b->left;
		take_data(b, buf + at, n, data);
		at += n;
		have_data = true;
		if (b->left == 0)
			b->state = STATE_DATA_CR;
	}
	if (b->state != STATE_TRAILERS)
		return H1_MORE;
	size_t section = 0;
	enum h1_result r = h1_trailers(b, buf + at, len - at, &section, trailers);
	*used = at + section;
	if (r == H1_ERROR)
		return refuse(b, b->error);
	return r == H1_DONE ? done(b) : r;
}

enum h1_result h1_body_next(struct h1_body *b, const char *buf, size_t len, struct slice *data, size_t *used,
	struct msg *trailers)
{
	*data = slice_of(buf, 0);
	*used = 0;
	if (b->state == STATE_REFUSED)
		return H1_ERROR;
	switch (b->kind) {
	case H1_BODY_NONE: return H1_DONE;
	case H1_BODY_CHUNKED: return next_chunked(b, buf, len, data, used, trailers);
	case H1_BODY_LENGTH:
		*used = len < b->left ? len : (size_t)b->left;
		take_data(b, buf, *used, data);
		return b->left ? H1_MORE : done(b);
	default:
		*used = len;
		*data = slice_of(buf, len);
		b->total += len;
		return H1_MORE;
	}
}

bool h1_body_end_of_input(struct h1_body *b)
{
	if (b->kind == H1_BODY_UNTIL_CLOSE)
		b->kind = H1_BODY_NONE;
	return b->kind == H1_BODY_NONE;
}

void h1_body_skip(struct h1_body *b, uint64_t n)
{
	b->total += n;
	if (b->kind != H1_BODY_LENGTH)
		return;
	BL_ASSERT(n <= b->left);
	b->left -= n;
	if (b->left == 0)
		b->kind = H1_BODY_NONE;
}
