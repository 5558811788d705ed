/* addr: IP addresses as values: comparing, printing, prefixes.  Reading the configuration's forms is endpoint.c. */
#include "ballast/net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

uint16_t addr_port(const union addr *a)
{
	return a->family == AF_INET ? ntohs(a->v4.sin_port) : a->family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

void addr_set_port(union addr *a, uint16_t port)
{
	if (a->family == AF_INET)
		a->v4.sin_port = htons(port);
	else if (a->family == AF_INET6)
		a->v6.sin6_port = htons(port);
}

/* The address's bytes in network order; NULL where it is not IP. */
static const uint8_t *ip_bytes(const union addr *a, size_t *len)
{
	*len = a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
	if (a->family == AF_INET)
		return (const uint8_t *)&a->v4.sin_addr;
	return a->family == AF_INET6 ? a->v6.sin6_addr.s6_addr : NULL;
}

bool addr_equal(const union addr *a, const union addr *b, bool with_port)
{
	size_t len_a, len_b;
	const uint8_t *bytes_a = ip_bytes(a, &len_a), *bytes_b = ip_bytes(b, &len_b);
	if (a->family != b->family || (len_a && memcmp(bytes_a, bytes_b, len_a) != 0))
		return false;
	return !with_port || addr_port(a) == addr_port(b);
}

/* Dotted decimals by hand: each log line has some, and inet_ntop goes through printf for them. */
static struct slice v4_text(const uint8_t *bytes, char *text)
{
	char *at = text;
	for (int i = 0; i < 4; i++) {
		unsigned n = bytes[i];
		if (n >= 100)
			*at++ = (char)('0' + n / 100);
		if (n >= 10)
			*at++ = (char)('0' + n / 10 % 10);
		*at++ = (char)('0' + n % 10);
		*at++ = i < 3 ? '.' : '\0';
	}
	return slice_of(text, (size_t)(at - text) - 1);
}

struct slice addr_ip_text(const union addr *a, char *text)
{
	size_t len;
	const uint8_t *bytes = ip_bytes(a, &len);
	if (a->family == AF_INET)
		return v4_text(bytes, text);
	if (!bytes)
		memcpy(text, "unix", sizeof "unix");
	else if (!inet_ntop(a->family, bytes, text, ADDR_TEXT_MAX))
		text[0] = '\0';
	return slice_from_str(text);
}

static int unix_text(const struct endpoint *e, char *text)
{
	size_t len =
		e->len > offsetof(struct sockaddr_un, sun_path) ? e->len - offsetof(struct sockaddr_un, sun_path) : 0;
	if (len && !e->un.sun_path[0])
		return snprintf(text, ADDR_TEXT_MAX, "abns@%.*s", (int)len - 1, e->un.sun_path + 1);
	return snprintf(text, ADDR_TEXT_MAX, "unix@%.*s", (int)strnlen(e->un.sun_path, len), e->un.sun_path);
}

struct slice endpoint_text(const struct endpoint *e, char *text)
{
	char ip[ADDR_TEXT_MAX];
	int n;
	if (!e->len)
		n = snprintf(text, ADDR_TEXT_MAX, "fd@%d", e->fd);
	else if (e->sa.sa_family == AF_UNIX)
		n = unix_text(e, text);
	else
		n = snprintf(text, ADDR_TEXT_MAX, e->sa.sa_family == AF_INET6 ? "[%.64s]:%u" : "%.64s:%u",
			addr_ip_text(&e->ip, ip).ptr, addr_port(&e->ip));
	return slice_of(text, n < ADDR_TEXT_MAX ? (size_t)n : ADDR_TEXT_MAX - 1);
}

/* An IP address of `text`, which is no longer than one can be. */
static int parse_ip(struct slice text, union addr *out)
{
	char copy[INET6_ADDRSTRLEN];
	if (!text.len || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
		return -EINVAL;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*out = (union addr){ .family = AF_UNSPEC };
	if (inet_pton(AF_INET, copy, &out->v4.sin_addr) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, copy, &out->v6.sin6_addr) == 1)
		out->family = AF_INET6;
	return out->family == AF_UNSPEC ? -EINVAL : 0;
}

/* The length of a dotted mask; -EINVAL where its ones are not all in front. */
static int mask_bits(struct slice text)
{
	union addr mask;
	if (parse_ip(text, &mask) || mask.family != AF_INET)
		return -EINVAL;
	uint32_t bits = ntohl(mask.v4.sin_addr.s_addr);
	uint32_t zeros = ~bits;
	return zeros & (zeros + 1) ? -EINVAL : __builtin_popcount(bits);
}

int net_prefix_parse(struct slice text, struct net_prefix *out)
{
	ptrdiff_t slash = slice_find_byte(text, '/');
	struct slice ip = slash < 0 ? text : slice_of(text.ptr, (size_t)slash);
	if (parse_ip(ip, &out->addr))
		return -EINVAL;
	int most = out->addr.family == AF_INET ? 32 : 128;
	out->bits = (uint8_t)most;
	if (slash < 0)
		return 0;
	struct slice length = slice_skip(text, (size_t)slash + 1);
	uint64_t bits;
	if (slice_to_u64(length, &bits)) {
		int mask = out->addr.family == AF_INET ? mask_bits(length) : -EINVAL;
		if (mask < 0)
			return -EINVAL;
		bits = (uint64_t)mask;
	}
	if (bits > (uint64_t)most)
		return -EINVAL;
	out->bits = (uint8_t)bits;
	return 0;
}

/* The IPv4 address inside ::ffff:0:0/96, where `a` is one; else `a` itself. */
static const union addr *unmapped(const union addr *a, union addr *space)
{
	if (a->family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return a;
	*space = (union addr){ .family = AF_INET };
	memcpy(&space->v4.sin_addr, a->v6.sin6_addr.s6_addr + 12, 4);
	return space;
}

bool net_prefix_match(const struct net_prefix *p, const union addr *a)
{
	union addr space;
	size_t len, len_p;
	const uint8_t *want = ip_bytes(&p->addr, &len_p);
	const uint8_t *have = ip_bytes(p->addr.family == AF_INET ? unmapped(a, &space) : a, &len);
	if (!want || len != len_p)
		return false;
	size_t whole = p->bits / 8;
	if (memcmp(want, have, whole) != 0)
		return false;
	unsigned rest = p->bits % 8;
	return !rest || (want[whole] ^ have[whole]) >> (8 - rest) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (a->len != b->len)
		return false;
	return a->len ? memcmp(&a->sa, &b->sa, a->len) == 0 : a->fd == b->fd;
}
