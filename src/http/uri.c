/* uri: which bytes a target may hold, what a host may be, and the four forms of a target.
 *
 * The grammar is that of RFC 3986; the forms are those of RFC 9112 section 3.2.  Nothing is decoded or
 * normalised: a proxy forwards a path as it came (RFC 9110 section 4.2.3 leaves that to the origin).
 */
#include "ballast/http/uri.h"

#include <arpa/inet.h>
#include <errno.h>

enum {
	URI_PATH = 1, /* pchar, '/' and '?' (and brackets); not '%' */
	URI_NAME = 2, /* reg-name: unreserved and sub-delims without the comma; not '%' */
	URI_HEX = 4,
};

#define PN (URI_PATH | URI_NAME)
#define PNH (URI_PATH | URI_NAME | URI_HEX)

static const unsigned char uri_class[256] = {
	['0' ... '9'] = PNH,
	['a' ... 'f'] = PNH,
	['A' ... 'F'] = PNH,
	['g' ... 'z'] = PN,
	['G' ... 'Z'] = PN,
	['-'] = PN,
	['.'] = PN,
	['_'] = PN,
	['~'] = PN,
	['!'] = PN,
	['$'] = PN,
	['&'] = PN,
	['\''] = PN,
	['('] = PN,
	[')'] = PN,
	['*'] = PN,
	['+'] = PN,
	[';'] = PN,
	['='] = PN,
	[','] = URI_PATH,
	[':'] = URI_PATH,
	['@'] = URI_PATH,
	['/'] = URI_PATH,
	['?'] = URI_PATH,
	['['] = URI_PATH,
	[']'] = URI_PATH,
};

static bool is_hex(char c)
{
	return uri_class[(unsigned char)c] & URI_HEX;
}

static bool is_pct(const char *at, const char *end)
{
	return end - at >= 3 && *at == '%' && is_hex(at[1]) && is_hex(at[2]);
}

const char *uri_find_bad(const char *at, const char *end)
{
	for (;;) {
		while (at < end && uri_class[(unsigned char)*at] & URI_PATH)
			at++;
		if (at == end || !is_pct(at, end))
			return at;
		at += 3;
	}
}

static bool ipv6_valid(struct slice s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (s.len == 0 || s.len >= sizeof(text) || memchr(s.ptr, 0, s.len))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = 0;
	return inet_pton(AF_INET6, text, &addr) == 1;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool ipvfuture_valid(struct slice s)
{
	size_t i = 1;

	if (s.len < 4 || (s.ptr[0] | 0x20) != 'v')
		return false;
	while (i < s.len && is_hex(s.ptr[i]))
		i++;
	if (i == 1 || i + 1 >= s.len || s.ptr[i] != '.')
		return false;
	for (i++; i < s.len; i++)
		if (!(uri_class[(unsigned char)s.ptr[i]] & URI_NAME) && s.ptr[i] != ':' && s.ptr[i] != ',')
			return false;
	return true;
}

/* Where the host of `s` ends (its port's colon, or s.len), or -1 where it is none. */
static ptrdiff_t host_end(struct slice s)
{
	if (s.len == 0)
		return 0;
	if (s.ptr[0] == '[') {
		ptrdiff_t close = slice_find_byte(s, ']');
		if (close < 0)
			return -1;
		struct slice inner = slice_of(s.ptr + 1, (size_t)close - 1);
		return ipv6_valid(inner) || ipvfuture_valid(inner) ? close + 1 : -1;
	}
	const char *at = s.ptr, *end = s.ptr + s.len;
	while (at < end && *at != ':') {
		if (uri_class[(unsigned char)*at] & URI_NAME)
			at++;
		else if (is_pct(at, end))
			at += 3;
		else
			return -1;
	}
	return at - s.ptr;
}

/* The number behind the colon, 0 where there is none; -1 where it is no port. */
static int port_of(struct slice digits)
{
	int port = 0;

	for (size_t i = 0; i < digits.len; i++) {
		unsigned d = (unsigned char)digits.ptr[i] - '0';
		if (d > 9)
			return -1;
		port = port * 10 + (int)d;
		if (port > 65535)
			return -1;
	}
	return port;
}

static bool host_port_valid(struct slice s, bool port_wanted)
{
	ptrdiff_t end = host_end(s);

	if (end < 0)
		return false;
	if ((size_t)end == s.len)
		return !port_wanted;
	if (s.ptr[end] != ':' || end == 0)
		return false;
	int port = port_of(slice_skip(s, (size_t)end + 1));
	return port_wanted ? port > 0 : port >= 0;
}

bool uri_host_valid(struct slice host_port)
{
	return host_port_valid(host_port, false);
}

bool uri_authority_with_port_valid(struct slice host_port)
{
	return host_port_valid(host_port, true);
}

static void split_path(struct msg *m, struct slice s)
{
	const char *mark = s.len ? memchr(s.ptr, '?', s.len) : NULL;

	m->path = mark ? slice_of(s.ptr, (size_t)(mark - s.ptr)) : s;
	m->query = mark ? slice_of(mark + 1, (size_t)(s.ptr + s.len - mark - 1)) : slice_of(NULL, 0);
}

/* Bytes of "http://" or "https://" at the start of a target, 0 where there are none. */
static size_t scheme_bytes(struct slice target)
{
	struct slice http = SLICE("http://"), https = SLICE("https://");

	if (target.len > http.len && slice_eq_icase(slice_of(target.ptr, http.len), http))
		return http.len;
	if (target.len > https.len && slice_eq_icase(slice_of(target.ptr, https.len), https))
		return https.len;
	return 0;
}

static int split_absolute(struct msg *m, struct slice target)
{
	size_t scheme = scheme_bytes(target), len = 0;
	struct slice rest = slice_skip(target, scheme);

	while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
		len++;
	if (!scheme || !len || !uri_host_valid(slice_of(rest.ptr, len)))
		return -EINVAL;
	m->flags |= MSG_ABSOLUTE_FORM;
	m->scheme = slice_of(target.ptr, scheme - 3);
	m->authority = slice_of(rest.ptr, len);
	split_path(m, slice_skip(rest, len));
	if (m->path.len == 0)
		m->path = m->method == METHOD_OPTIONS && !m->query.ptr ? SLICE("*") : SLICE("/");
	return 0;
}

int uri_split_target(struct msg *m, struct slice target)
{
	if (target.len == 0)
		return -EINVAL;
	m->target = target;
	if (m->method == METHOD_CONNECT) {
		if (!uri_authority_with_port_valid(target))
			return -EINVAL;
		m->flags |= MSG_AUTHORITY_FORM;
		m->authority = target;
		return 0;
	}
	if (target.ptr[0] == '/') {
		split_path(m, target);
		return 0;
	}
	if (target.len == 1 && target.ptr[0] == '*') {
		if (m->method != METHOD_OPTIONS)
			return -EINVAL;
		m->flags |= MSG_ASTERISK_FORM;
		m->path = target;
		return 0;
	}
	return split_absolute(m, target);
}
