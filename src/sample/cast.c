/* The types of samples and the casts between them (HAProxy's manual, section 7.3).
 *
 * Which casts exist is known at load; whether one works may depend on the value (a text that is no address). */
#include <arpa/inet.h>

#include "private.h"

static const char *const type_names[] = {
	[SAMPLE_BOOL] = "bool",
	[SAMPLE_INT] = "int",
	[SAMPLE_STR] = "str",
	[SAMPLE_BIN] = "bin",
	[SAMPLE_IPV4] = "ipv4",
	[SAMPLE_IPV6] = "ipv6",
	[SAMPLE_METHOD] = "method",
	[SAMPLE_ADDR] = "address",
	[SAMPLE_ANY] = "any",
	[SAMPLE_SAME] = "the same",
};

#define TO(type) (1u << (type))
#define TO_ADDR (TO(SAMPLE_IPV4) | TO(SAMPLE_IPV6))
/* Bit t: a cast to type t exists. */
static const uint8_t casts[SAMPLE_TYPE_COUNT] = {
	[SAMPLE_BOOL] = TO(SAMPLE_BOOL) | TO(SAMPLE_INT) | TO(SAMPLE_STR) | TO(SAMPLE_BIN),
	[SAMPLE_INT] = TO(SAMPLE_BOOL) | TO(SAMPLE_INT) | TO(SAMPLE_STR) | TO(SAMPLE_BIN) | TO_ADDR,
	[SAMPLE_STR] = TO(SAMPLE_BOOL) | TO(SAMPLE_INT) | TO(SAMPLE_STR) | TO(SAMPLE_BIN) | TO_ADDR | TO(SAMPLE_METHOD),
	[SAMPLE_BIN] = TO(SAMPLE_STR) | TO(SAMPLE_BIN),
	[SAMPLE_IPV4] = TO(SAMPLE_INT) | TO(SAMPLE_STR) | TO(SAMPLE_BIN) | TO_ADDR,
	[SAMPLE_IPV6] = TO(SAMPLE_STR) | TO(SAMPLE_BIN) | TO_ADDR,
	[SAMPLE_METHOD] = TO(SAMPLE_STR) | TO(SAMPLE_BIN) | TO(SAMPLE_METHOD),
};

const char *sample_type_name(unsigned type)
{
	return type <= SAMPLE_SAME ? type_names[type] : "?";
}

bool sample_can_cast(unsigned from, unsigned to)
{
	if (from == to || from >= SAMPLE_ANY || to >= SAMPLE_ANY)
		return true;
	if (from == SAMPLE_ADDR)
		return sample_can_cast(SAMPLE_IPV4, to) || sample_can_cast(SAMPLE_IPV6, to);
	unsigned wanted = to == SAMPLE_ADDR ? TO_ADDR : TO(to);
	return casts[from] & wanted;
}

int64_t text_to_int(struct slice s)
{
	size_t at = 0;
	bool negative = s.len && s.ptr[0] == '-';
	int64_t value = 0;
	if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
		at++;
	for (; at < s.len && (unsigned char)(s.ptr[at] - '0') < 10; at++) {
		int digit = s.ptr[at] - '0';
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, negative ? -digit : digit, &value))
			return negative ? INT64_MIN : INT64_MAX;
	}
	return value;
}

struct slice int_to_text(int64_t v, char *buf)
{
	char *at = buf + INT_TEXT_MAX;
	uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;
	do {
		*--at = (char)('0' + left % 10);
	} while (left /= 10);
	if (v < 0)
		*--at = '-';
	return slice_of(at, (size_t)(buf + INT_TEXT_MAX - at));
}

int text_to_addr(struct slice s, struct sample *out)
{
	char text[INET6_ADDRSTRLEN];
	if (!s.len || s.len >= sizeof text || memchr(s.ptr, 0, s.len))
		return -ENOENT;
	memcpy(text, s.ptr, s.len);
	text[s.len] = 0;
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		out->type = SAMPLE_IPV4;
		out->ip4 = v4;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return -ENOENT;
	out->type = SAMPLE_IPV6;
	out->ip6 = v6;
	return 0;
}

bool ipv6_to_ipv4(const struct in6_addr *in, struct in_addr *out)
{
	static const uint8_t zeros[12], mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *b = in->s6_addr;
	if (memcmp(b, zeros, 12) == 0 || memcmp(b, mapped, 12) == 0)
		memcpy(out, b + 12, 4);
	else if (b[0] == 0x20 && b[1] == 0x02)
		memcpy(out, b + 2, 4);
	else
		return false;
	return true;
}

struct in6_addr ipv4_to_ipv6(struct in_addr in)
{
	struct in6_addr out = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(out.s6_addr + 12, &in, 4);
	return out;
}

struct slice sample_addr_text(const struct sample *s, char *text)
{
	union addr a = { 0 };
	a.family = s->type == SAMPLE_IPV4 ? AF_INET : AF_INET6;
	if (s->type == SAMPLE_IPV4)
		a.v4.sin_addr = s->ip4;
	else
		a.v6.sin6_addr = s->ip6;
	return addr_ip_text(&a, text);
}

static int set_copy(struct sample *s, unsigned type, const void *bytes, size_t len, struct arena *a)
{
	struct slice copy = arena_copy(a, slice_of(bytes, len));
	if (!copy.ptr)
		return -ENOMEM;
	s->type = (uint8_t)type;
	s->str = copy;
	return 0;
}

static int cast_to_str(struct sample *s, struct arena *a)
{
	char text[ADDR_TEXT_MAX];
	struct slice t;
	switch (s->type) {
	case SAMPLE_BOOL:
	case SAMPLE_INT: t = int_to_text(s->num, text); break;
	case SAMPLE_BIN: {
		ptrdiff_t nul = slice_find_byte(s->str, 0);
		if (nul >= 0)
			s->str.len = (size_t)nul;
		s->type = SAMPLE_STR;
		return 0;
	}
	case SAMPLE_METHOD: s->type = SAMPLE_STR; return 0;
	default: t = sample_addr_text(s, text);
	}
	return set_copy(s, SAMPLE_STR, t.ptr, t.len, a);
}

static int cast_to_bin(struct sample *s, struct arena *a)
{
	struct sample was = *s;
	uint64_t big;
	switch (s->type) {
	case SAMPLE_BOOL:
	case SAMPLE_INT: big = htobe64((uint64_t)was.num); return set_copy(s, SAMPLE_BIN, &big, sizeof big, a);
	case SAMPLE_IPV4: return set_copy(s, SAMPLE_BIN, &was.ip4, sizeof was.ip4, a);
	case SAMPLE_IPV6: return set_copy(s, SAMPLE_BIN, &was.ip6, sizeof was.ip6, a);
	default: s->type = SAMPLE_BIN; return 0;
	}
}

static int cast_to_int(struct sample *s)
{
	switch (s->type) {
	case SAMPLE_STR:
		if (!s->str.len)
			return -ENOENT;
		s->num = text_to_int(s->str);
		break;
	case SAMPLE_IPV4: s->num = (int64_t)ntohl(s->ip4.s_addr); break;
	case SAMPLE_BOOL:
	case SAMPLE_INT: break;
	default: return -ENOENT;
	}
	s->type = SAMPLE_INT;
	return 0;
}

static int cast_to_addr(struct sample *s)
{
	switch (s->type) {
	case SAMPLE_STR: return text_to_addr(s->str, s);
	case SAMPLE_INT:
		s->ip4.s_addr = htonl((uint32_t)s->num);
		s->type = SAMPLE_IPV4;
		return 0;
	case SAMPLE_IPV4:
	case SAMPLE_IPV6: return 0;
	default: return -ENOENT;
	}
}

static int cast_to_ip(struct sample *s, unsigned to)
{
	int err = cast_to_addr(s);
	if (err || s->type == to)
		return err;
	struct sample was = *s;
	if (to == SAMPLE_IPV4 && !ipv6_to_ipv4(&was.ip6, &s->ip4))
		return -ENOENT;
	if (to == SAMPLE_IPV6)
		s->ip6 = ipv4_to_ipv6(was.ip4);
	s->type = (uint8_t)to;
	return 0;
}

int sample_cast(struct sample *s, unsigned to, struct arena *a)
{
	int err;
	if (s->type == to || to >= SAMPLE_ANY)
		return 0;
	switch (to) {
	case SAMPLE_BOOL: err = cast_to_int(s); return err ? err : sample_set_bool(s, s->num != 0);
	case SAMPLE_INT: return cast_to_int(s);
	case SAMPLE_STR: return cast_to_str(s, a);
	case SAMPLE_BIN: return cast_to_bin(s, a);
	case SAMPLE_ADDR: return cast_to_addr(s);
	case SAMPLE_METHOD:
		if (s->type != SAMPLE_STR)
			return -ENOENT;
		s->method = (uint8_t)method_of(s->str);
		s->type = SAMPLE_METHOD;
		return 0;
	default: return cast_to_ip(s, to);
	}
}
