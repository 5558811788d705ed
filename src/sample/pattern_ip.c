/* The texts of addresses and networks in ACLs (HAProxy's manual, section 7.1.6).
 *
 * "127.1" is 127.0.0.1 as the old BSD resolver read it, which is not what RFC 4632 would make of it. */
#include <arpa/inet.h>

#include "pattern.h"
#include "private.h"

unsigned __int128 ipv6_number(const struct in6_addr *a)
{
	unsigned __int128 n = 0;
	for (int i = 0; i < 16; i++)
		n = n << 8 | a->s6_addr[i];
	return n;
}

/* One to four numbers; the last is the last byte, missing ones before it are 0. */
static int parse_v4(struct slice text, uint32_t *out)
{
	uint32_t addr = 0, octet = 0;
	unsigned shift = 24, digits = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '.') {
			if (!digits || shift == 0)
				return -EINVAL;
			addr |= octet << shift;
			shift -= 8;
			octet = digits = 0;
			continue;
		}
		if ((unsigned char)(c - '0') > 9 || ++digits > 3)
			return -EINVAL;
		octet = octet * 10 + (uint32_t)(c - '0');
		if (octet > 255)
			return -EINVAL;
	}
	if (!digits)
		return -EINVAL;
	*out = addr | octet;
	return 0;
}

static int parse_v4_mask(struct slice text, uint32_t *out)
{
	uint64_t bits;
	if (slice_find_byte(text, '.') >= 0)
		return parse_v4(text, out);
	if (slice_to_u64(text, &bits) || bits > 32)
		return -EINVAL;
	*out = bits ? ~0u << (32 - bits) : 0;
	return 0;
}

static int parse_v6(struct slice text, struct slice bits_text, bool has_bits, struct ip_pattern *out)
{
	struct sample s;
	uint64_t bits = 128;
	if (text_to_addr(text, &s) || s.type != SAMPLE_IPV6)
		return -EINVAL;
	if (has_bits && (slice_to_u64(bits_text, &bits) || bits > 128))
		return -EINVAL;
	unsigned __int128 mask = bits ? ~(unsigned __int128)0 << (128 - bits) : 0;
	out->v6 = true;
	out->v6_low = ipv6_number(&s.ip6) & mask;
	out->v6_high = out->v6_low | ~mask;
	return 0;
}

int ip_pattern_parse(struct slice text, struct ip_pattern *out)
{
	ptrdiff_t slash = slice_find_byte(text, '/');
	struct slice addr = slash < 0 ? text : slice_of(text.ptr, (size_t)slash);
	struct slice mask = slice_skip(text, addr.len + 1);
	*out = (struct ip_pattern){ .v4_mask = ~0u };
	if (slice_find_byte(addr, ':') >= 0)
		return parse_v6(addr, mask, slash >= 0, out);
	if (parse_v4(addr, &out->v4_addr) || (slash >= 0 && parse_v4_mask(mask, &out->v4_mask)))
		return -EINVAL;
	out->v4_addr &= out->v4_mask;
	return 0;
}
