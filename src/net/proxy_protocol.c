/* The PROXY protocol: "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n", or version 2's binary form.
 *
 * Version 2: 12 bytes of signature, version and command, family, the length of the rest, addresses, extensions.  A
 * header whose family is unknown is valid and says nothing, so that later families may come.
 */
#include "ballast/net/proxy_protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_TCP4 = 0x11, V2_TCP6 = 0x21, V2_EXTENSION_ALPN = 1 };

/* ---- reading ---- */

static void set_addr4(union addr *a, const void *ip, const void *port)
{
	a->v4 = (struct sockaddr_in){ .sin_family = AF_INET };
	memcpy(&a->v4.sin_addr, ip, 4);
	memcpy(&a->v4.sin_port, port, 2);
}

static void set_addr6(union addr *a, const void *ip, const void *port)
{
	a->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	memcpy(&a->v6.sin6_addr, ip, 16);
	memcpy(&a->v6.sin6_port, port, 2);
}

static ssize_t parse_v2(const unsigned char *at, size_t len, struct proxy_header *out)
{
	const unsigned char *data = at + 16;
	size_t rest;

	if (len < 16)
		return 0;
	if (at[12] != V2_LOCAL && at[12] != V2_PROXY)
		return -EPROTONOSUPPORT;
	rest = (size_t)(at[14] << 8 | at[15]);
	if (len < 16 + rest)
		return 0;
	if (at[12] == V2_LOCAL)
		return (ssize_t)(16 + rest);
	if ((at[13] == V2_TCP4 && rest < 12) || (at[13] == V2_TCP6 && rest < 36))
		return -EINVAL;
	if (at[13] == V2_TCP4) {
		set_addr4(&out->src, data, data + 8);
		set_addr4(&out->dst, data + 4, data + 10);
		out->has_addresses = true;
	} else if (at[13] == V2_TCP6) {
		set_addr6(&out->src, data, data + 32);
		set_addr6(&out->dst, data + 16, data + 34);
		out->has_addresses = true;
	}
	return (ssize_t)(16 + rest);
}

/* The next word up to a single space or the end. */
static bool next_word(struct slice *rest, char *to, size_t room)
{
	ptrdiff_t space = slice_find_byte(*rest, ' ');
	size_t len = space < 0 ? rest->len : (size_t)space;

	if (!len || len >= room)
		return false;
	memcpy(to, rest->ptr, len);
	to[len] = '\0';
	*rest = slice_skip(*rest, space < 0 ? len : len + 1);
	return true;
}

static bool read_port(const char *text, in_port_t *out)
{
	unsigned n = 0;

	if ((text[0] == '0' && text[1]) || !text[0])
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || (n = n * 10 + (unsigned)(*text - '0')) > 65535)
			return false;
	}
	*out = htons((uint16_t)n);
	return true;
}

/* "192.0.2.1 192.0.2.2 4711 443" */
static bool read_addresses(struct slice rest, int family, struct proxy_header *out)
{
	char src[48], dst[48], src_port[8], dst_port[8];
	unsigned char src_ip[16], dst_ip[16];
	in_port_t from, to;

	if (rest.len && rest.ptr[rest.len - 1] == ' ')
		return false;
	if (!next_word(&rest, src, sizeof src) || !next_word(&rest, dst, sizeof dst) ||
		!next_word(&rest, src_port, sizeof src_port) || !next_word(&rest, dst_port, sizeof dst_port) ||
		rest.len)
		return false;
	if (inet_pton(family, src, src_ip) != 1 || inet_pton(family, dst, dst_ip) != 1 || !read_port(src_port, &from) ||
		!read_port(dst_port, &to))
		return false;
	(family == AF_INET ? set_addr4 : set_addr6)(&out->src, src_ip, &from);
	(family == AF_INET ? set_addr4 : set_addr6)(&out->dst, dst_ip, &to);
	out->has_addresses = true;
	return true;
}

static ssize_t parse_v1(const char *at, size_t len, struct proxy_header *out)
{
	const char *end = memmem(at, len < PROXY_V1_BYTES_MAX ? len : PROXY_V1_BYTES_MAX, "\r\n", 2);
	struct slice line;

	if (!end)
		return len < PROXY_V1_BYTES_MAX ? 0 : -EINVAL;
	line = slice_skip(slice_of(at, (size_t)(end - at)), 6);
	if (line.len >= 7 && memcmp(line.ptr, "UNKNOWN", 7) == 0)
		return end + 2 - at;
	if (line.len < 5 || (memcmp(line.ptr, "TCP4 ", 5) != 0 && memcmp(line.ptr, "TCP6 ", 5) != 0))
		return -EINVAL;
	if (!read_addresses(slice_skip(line, 5), line.ptr[3] == '4' ? AF_INET : AF_INET6, out))
		return -EINVAL;
	return end + 2 - at;
}

ssize_t proxy_parse(const char *at, size_t len, struct proxy_header *out)
{
	*out = (struct proxy_header){ .src.family = AF_UNSPEC, .dst.family = AF_UNSPEC };
	if (!len)
		return 0;
	if (memcmp(at, signature, len < 12 ? len : 12) == 0)
		return parse_v2((const unsigned char *)at, len, out);
	if (memcmp(at, "PROXY ", len < 6 ? len : 6) == 0)
		return len < 6 ? 0 : parse_v1(at, len, out);
	return -EPROTO;
}

/* ---- writing ---- */

static int family_of(const union addr *src, const union addr *dst)
{
	bool is_ip = src->family == AF_INET || src->family == AF_INET6;
	return is_ip && src->family == dst->family ? src->family : AF_UNSPEC;
}

static size_t write_v1(char *to, const union addr *src, const union addr *dst)
{
	char from[ADDR_TEXT_MAX], into[ADDR_TEXT_MAX];
	int family = family_of(src, dst), n;

	if (family == AF_UNSPEC)
		return (size_t)snprintf(to, PROXY_WRITE_BYTES, "PROXY UNKNOWN\r\n");
	addr_ip_text(src, from);
	addr_ip_text(dst, into);
	n = snprintf(to, PROXY_WRITE_BYTES, "PROXY TCP%c %s %s %u %u\r\n", family == AF_INET ? '4' : '6', from, into,
		addr_port(src), addr_port(dst));
	return (size_t)n;
}

static char *put(char *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

static char *put_addresses(char *at, int family, const union addr *src, const union addr *dst)
{
	if (family == AF_INET) {
		at = put(at, &src->v4.sin_addr, 4);
		at = put(at, &dst->v4.sin_addr, 4);
		at = put(at, &src->v4.sin_port, 2);
		return put(at, &dst->v4.sin_port, 2);
	}
	at = put(at, &src->v6.sin6_addr, 16);
	at = put(at, &dst->v6.sin6_addr, 16);
	at = put(at, &src->v6.sin6_port, 2);
	return put(at, &dst->v6.sin6_port, 2);
}

static size_t write_v2(char *to, const union addr *src, const union addr *dst, struct slice alpn, bool local)
{
	int family = local ? AF_UNSPEC : family_of(src, dst);
	char *at = put(to, signature, sizeof signature);

	*at++ = local ? V2_LOCAL : V2_PROXY;
	*at++ = family == AF_INET ? V2_TCP4 : family == AF_INET6 ? V2_TCP6 : 0;
	at += 2; /* the length */
	if (family != AF_UNSPEC)
		at = put_addresses(at, family, src, dst);
	if (alpn.len && alpn.len <= 255 && !local) {
		*at++ = V2_EXTENSION_ALPN;
		*at++ = 0;
		*at++ = (char)alpn.len;
		at = put(at, alpn.ptr, alpn.len);
	}
	to[14] = (char)((at - to - 16) >> 8);
	to[15] = (char)(at - to - 16);
	return (size_t)(at - to);
}

size_t proxy_write(char *to, unsigned version, const union addr *src, const union addr *dst, struct slice alpn,
	bool local)
{
	return version == 1 ? write_v1(to, src, dst) : write_v2(to, src, dst, alpn, local);
}
