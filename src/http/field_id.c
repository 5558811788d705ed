/* field_id: the names that the code speaks of, found by length and one comparison.
 *
 * A name is compared with at most the few candidates of its length whose first letter is the same, so that
 * most names of a head cost a look into one table.  Names are case-insensitive (RFC 9110 section 5.1),
 * methods are not (section 9.1).
 */
#include "ballast/http/msg.h"

static const struct slice field_names[FIELD_ID_COUNT] = {
	[FIELD_HOST] = { "host", 4 },
	[FIELD_CONNECTION] = { "connection", 10 },
	[FIELD_CONTENT_LENGTH] = { "content-length", 14 },
	[FIELD_TRANSFER_ENCODING] = { "transfer-encoding", 17 },
	[FIELD_TE] = { "te", 2 },
	[FIELD_TRAILER] = { "trailer", 7 },
	[FIELD_UPGRADE] = { "upgrade", 7 },
	[FIELD_KEEP_ALIVE] = { "keep-alive", 10 },
	[FIELD_PROXY_CONNECTION] = { "proxy-connection", 16 },
	[FIELD_EXPECT] = { "expect", 6 },
	[FIELD_COOKIE] = { "cookie", 6 },
	[FIELD_SET_COOKIE] = { "set-cookie", 10 },
	[FIELD_DATE] = { "date", 4 },
	[FIELD_SERVER] = { "server", 6 },
	[FIELD_VIA] = { "via", 3 },
	[FIELD_X_FORWARDED_FOR] = { "x-forwarded-for", 15 },
	[FIELD_AUTHORIZATION] = { "authorization", 13 },
	[FIELD_LOCATION] = { "location", 8 },
	[FIELD_CONTENT_TYPE] = { "content-type", 12 },
	[FIELD_CONTENT_ENCODING] = { "content-encoding", 16 },
	[FIELD_ACCEPT_ENCODING] = { "accept-encoding", 15 },
	[FIELD_CACHE_CONTROL] = { "cache-control", 13 },
	[FIELD_RETRY_AFTER] = { "retry-after", 11 },
	[FIELD_USER_AGENT] = { "user-agent", 10 },
	[FIELD_REFERER] = { "referer", 7 },
	[FIELD_HTTP2_SETTINGS] = { "http2-settings", 14 },
};

static bool same_name(const char *name, struct slice lower)
{
	for (size_t i = 0; i < lower.len; i++)
		if ((name[i] | (lower.ptr[i] >= 'a' ? 0x20 : 0)) != lower.ptr[i])
			return false;
	return true;
}

static enum field_id is(const char *name, enum field_id id)
{
	return same_name(name, field_names[id]) ? id : FIELD_OTHER;
}

/* The candidate by length and one telling letter; it may still be another name. */
static enum field_id candidate(const char *n, size_t len)
{
	char first = (char)(n[0] | 0x20);

	switch (len) {
	case 2: return FIELD_TE;
	case 3: return FIELD_VIA;
	case 4: return first == 'h' ? FIELD_HOST : FIELD_DATE;
	case 6: return first == 'c' ? FIELD_COOKIE : first == 'e' ? FIELD_EXPECT : FIELD_SERVER;
	case 7: return first == 'u' ? FIELD_UPGRADE : first == 'r' ? FIELD_REFERER : FIELD_TRAILER;
	case 8: return FIELD_LOCATION;
	case 10:
		switch (first) {
		case 'c': return FIELD_CONNECTION;
		case 'u': return FIELD_USER_AGENT;
		case 'k': return FIELD_KEEP_ALIVE;
		default: return FIELD_SET_COOKIE;
		}
	case 11: return FIELD_RETRY_AFTER;
	case 12: return FIELD_CONTENT_TYPE;
	case 13: return first == 'c' ? FIELD_CACHE_CONTROL : FIELD_AUTHORIZATION;
	case 14: return first == 'c' ? FIELD_CONTENT_LENGTH : FIELD_HTTP2_SETTINGS;
	case 15: return first == 'a' ? FIELD_ACCEPT_ENCODING : FIELD_X_FORWARDED_FOR;
	case 16: return first == 'c' ? FIELD_CONTENT_ENCODING : FIELD_PROXY_CONNECTION;
	case 17: return FIELD_TRANSFER_ENCODING;
	default: return FIELD_OTHER;
	}
}

enum field_id field_id_of(struct slice name)
{
	if (name.len < 2 || name.len > 17)
		return FIELD_OTHER;
	enum field_id id = candidate(name.ptr, name.len);
	return id == FIELD_OTHER ? id : is(name.ptr, id);
}

static const struct slice method_names[METHOD_COUNT] = {
	[METHOD_GET] = { "GET", 3 },
	[METHOD_HEAD] = { "HEAD", 4 },
	[METHOD_POST] = { "POST", 4 },
	[METHOD_PUT] = { "PUT", 3 },
	[METHOD_DELETE] = { "DELETE", 6 },
	[METHOD_OPTIONS] = { "OPTIONS", 7 },
	[METHOD_TRACE] = { "TRACE", 5 },
	[METHOD_CONNECT] = { "CONNECT", 7 },
	[METHOD_PATCH] = { "PATCH", 5 },
};

enum http_method method_of(struct slice name)
{
	for (enum http_method m = METHOD_GET; m < METHOD_COUNT; m++)
		if (slice_eq(name, method_names[m]))
			return m;
	return METHOD_OTHER;
}

const char *method_name(enum http_method m)
{
	return m > METHOD_OTHER && m < METHOD_COUNT ? method_names[m].ptr : "OTHER";
}
