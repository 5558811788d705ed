/* h1_trailer: the trailer section of a chunked body (RFC 9112 section 7.1.2).
 *
 * It is read only when it is whole: its slices must lie in one piece for the caller to forward them.  Lines
 * follow the rules of header fields, with CRLF only.  Fields that frame, route, authenticate or control a
 * message mean nothing once its body was read, and are dropped (RFC 9110 section 6.5.1).
 */
#include "ballast/base/simd.h"
#include "h1_private.h"

static const struct slice not_in_trailers[] = {
	{ "age", 3 },
	{ "authorization", 13 },
	{ "cache-control", 13 },
	{ "connection", 10 },
	{ "content-encoding", 16 },
	{ "content-length", 14 },
	{ "content-range", 13 },
	{ "content-type", 12 },
	{ "cookie", 6 },
	{ "date", 4 },
	{ "expect", 6 },
	{ "expires", 7 },
	{ "host", 4 },
	{ "if-match", 8 },
	{ "if-modified-since", 17 },
	{ "if-none-match", 13 },
	{ "if-range", 8 },
	{ "if-unmodified-since", 19 },
	{ "keep-alive", 10 },
	{ "location", 8 },
	{ "max-forwards", 12 },
	{ "pragma", 6 },
	{ "proxy-authenticate", 18 },
	{ "proxy-authorization", 19 },
	{ "proxy-connection", 16 },
	{ "range", 5 },
	{ "retry-after", 11 },
	{ "set-cookie", 10 },
	{ "te", 2 },
	{ "trailer", 7 },
	{ "transfer-encoding", 17 },
	{ "upgrade", 7 },
	{ "vary", 4 },
	{ "via", 3 },
	{ "www-authenticate", 16 },
};

static bool may_be_trailer(struct slice name)
{
	for (size_t i = 0; i < sizeof(not_in_trailers) / sizeof(not_in_trailers[0]); i++)
		if (slice_eq_icase(name, not_in_trailers[i]))
			return false;
	return true;
}

static int add(struct msg *trailers, struct slice name, struct slice value)
{
	if (!trailers || !may_be_trailer(name))
		return 0;
	int err = msg_add(trailers, name, value);
	if (err == 0)
		trailers->fields[trailers->field_count - 1].flags = FIELD_RAW;
	return err;
}

/* One line at `line` (< end): H1_DONE and *next behind it. */
static enum h1_result trailer_line(const char *line, const char *end, const char **next, struct msg *trailers)
{
	const char *colon = simd_find_non_token(line, end);

	if (colon == end)
		return H1_MORE;
	if (*colon != ':' || colon == line)
		return H1_ERROR;
	const char *stop = simd_find_ctl(colon + 1, end);
	if (stop == end)
		return H1_MORE;
	if (*stop != '\r')
		return H1_ERROR;
	if (end - stop < 2)
		return H1_MORE;
	if (stop[1] != '\n')
		return H1_ERROR;
	*next = stop + 2;
	struct slice value = slice_trim_ows(slice_of(colon + 1, (size_t)(stop - colon - 1)));
	return add(trailers, slice_of(line, (size_t)(colon - line)), value) == 0 ? H1_DONE : H1_ERROR;
}

static enum h1_result section(const char *at, const char *end, size_t *used, struct msg *trailers, unsigned lines_max)
{
	const char *start = at;
	enum h1_result r = H1_DONE;

	for (unsigned lines = 0; at < end && *at != '\r'; lines++) {
		r = lines < lines_max ? trailer_line(at, end, &at, trailers) : H1_ERROR;
		if (r != H1_DONE)
			return r;
	}
	if (end - at < 2)
		return H1_MORE;
	*used = (size_t)(at + 2 - start);
	return at[1] == '\n' ? H1_DONE : H1_ERROR;
}

enum h1_result h1_trailers(struct h1_body *b, const char *buf, size_t len, size_t *used, struct msg *trailers)
{
	size_t max = b->limits->trailer_bytes < 2 ? 2 : b->limits->trailer_bytes;
	uint16_t before = trailers ? trailers->field_count : 0;
	enum h1_result r = section(buf, buf + (len < max ? len : max), used, trailers, b->limits->fields);

	if (r == H1_MORE && len >= max)
		r = H1_ERROR;
	if (r == H1_DONE)
		return r;
	*used = 0;
	if (trailers)
		trailers->field_count = before;
	if (r == H1_ERROR)
		b->error = H1_ERR_TRAILER;
	return r;
}
