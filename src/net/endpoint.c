/* endpoint: reading the address forms of HAProxy's manual (configuration.txt section 2.9).
 *
 *     [PREFIX@][HOST][:PORT]   PREFIX@/path   abns@name   fd@N   /path
 *
 * An IPv6 address stands in brackets, or the part behind its last colon is the port.  What must stay true: each error
 * points at the bytes that are wrong, inside the token that was given.
 */
#include "ballast/net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>

/* What stands behind a prefix, and which kind of socket it demands. */
enum form { FORM_IP, FORM_UNIX, FORM_ABSTRACT, FORM_FD, FORM_UNSUPPORTED };
enum kind { KIND_ANY, KIND_STREAM, KIND_DATAGRAM };

struct prefix {
	const char *name;
	enum form form;
	sa_family_t family;
	enum kind kind;
};

static const struct prefix prefixes[] = {
	{ "ip", FORM_IP, AF_UNSPEC, KIND_ANY },
	{ "ipv4", FORM_IP, AF_INET, KIND_ANY },
	{ "ipv6", FORM_IP, AF_INET6, KIND_ANY },
	{ "unix", FORM_UNIX, AF_UNIX, KIND_ANY },
	{ "abns", FORM_ABSTRACT, AF_UNIX, KIND_ANY },
	{ "fd", FORM_FD, AF_UNSPEC, KIND_ANY },
	{ "tcp", FORM_IP, AF_UNSPEC, KIND_STREAM },
	{ "tcp4", FORM_IP, AF_INET, KIND_STREAM },
	{ "tcp6", FORM_IP, AF_INET6, KIND_STREAM },
	{ "uxst", FORM_UNIX, AF_UNIX, KIND_STREAM },
	{ "udp", FORM_IP, AF_UNSPEC, KIND_DATAGRAM },
	{ "udp4", FORM_IP, AF_INET, KIND_DATAGRAM },
	{ "udp6", FORM_IP, AF_INET6, KIND_DATAGRAM },
	{ "uxdg", FORM_UNIX, AF_UNIX, KIND_DATAGRAM },
	{ "abnsz", FORM_UNSUPPORTED, AF_UNIX, KIND_ANY },
	{ "sockpair", FORM_UNSUPPORTED, AF_UNIX, KIND_ANY },
	{ "mptcp", FORM_UNSUPPORTED, AF_UNSPEC, KIND_ANY },
	{ "mptcp4", FORM_UNSUPPORTED, AF_INET, KIND_ANY },
	{ "mptcp6", FORM_UNSUPPORTED, AF_INET6, KIND_ANY },
	{ "quic4", FORM_UNSUPPORTED, AF_INET, KIND_ANY },
	{ "quic6", FORM_UNSUPPORTED, AF_INET6, KIND_ANY },
	{ "rhttp", FORM_UNSUPPORTED, AF_UNSPEC, KIND_ANY },
};
enum { PREFIX_COUNT = sizeof prefixes / sizeof *prefixes };

struct parser {
	const struct token *token;
	struct slice text; /* all of the address */
	unsigned flags;
	struct endpoint_spec *out;
	struct arena *arena;
	struct diag *diag;
};

/* Where `part` stands in the file.  Where quotes or escapes made the written word longer than the token, the place
 * is that of the whole word. */
static struct place place_of(const struct parser *p, struct slice part)
{
	struct place at = p->token->at;
	const char *begin = p->token->text, *end = begin + p->token->len;
	if (at.width != p->token->len || part.ptr < begin || part.ptr + part.len > end)
		return at;
	at.column += (unsigned)(part.ptr - begin);
	at.width = part.len ? (unsigned)part.len : 1;
	return at;
}

__attribute__((format(printf, 4, 5))) static int refuse(const struct parser *p, struct slice part, const char *hint,
	const char *fmt, ...)
{
	struct place at = place_of(p, part);
	va_list ap;
	va_start(ap, fmt);
	diag_vadd(p->diag, DIAG_ALERT, &at, hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static const struct prefix *find_prefix(struct slice name)
{
	for (unsigned i = 0; i < PREFIX_COUNT; i++)
		if (slice_eq(name, slice_from_str(prefixes[i].name)))
			return &prefixes[i];
	return NULL;
}

static int unknown_prefix(const struct parser *p, struct slice name)
{
	const char *names[PREFIX_COUNT];
	for (unsigned i = 0; i < PREFIX_COUNT; i++)
		names[i] = prefixes[i].name;
	const char *near = diag_nearest(name, names, PREFIX_COUNT);
	const char *hint = "known are ipv4@, ipv6@, unix@, abns@, fd@, tcp4@, tcp6@, udp4@ and udp6@";
	if (near)
		hint = arena_printf(p->arena, "did you mean '%s@'?", near).ptr;
	return refuse(p, name, hint, "unknown address prefix '%.*s@'", (int)name.len, name.ptr);
}

static int check_kind(const struct parser *p, struct slice written, enum kind kind)
{
	bool datagram = p->flags & ENDPOINT_DATAGRAM;
	if (kind == KIND_DATAGRAM && !datagram)
		return refuse(p, written, NULL, "a datagram address ('%.*s@') cannot stand here", (int)written.len,
			written.ptr);
	if (kind == KIND_STREAM && datagram)
		return refuse(p, written, NULL, "a stream address ('%.*s@') is not supported here by Ballast (yet)",
			(int)written.len, written.ptr);
	return 0;
}

/* Splits "stream+ipv4@" and its like off `*rest`; *out is the one that a plain IP address means where there is none. */
static int take_prefix(const struct parser *p, struct slice *rest, const struct prefix **out)
{
	ptrdiff_t at = slice_find_byte(*rest, '@');
	*out = &prefixes[0];
	if (at < 0)
		return 0;
	struct slice written = slice_of(rest->ptr, (size_t)at), name = written;
	enum kind kind = KIND_ANY;
	ptrdiff_t plus = slice_find_byte(name, '+');
	if (plus >= 0) {
		struct slice word = slice_of(name.ptr, (size_t)plus);
		name = slice_skip(name, (size_t)plus + 1);
		if (slice_eq(word, SLICE("quic")))
			return refuse(p, written, NULL, "'%.*s@' is not supported by Ballast (yet)", (int)written.len,
				written.ptr);
		kind = slice_eq(word, SLICE("stream")) ? KIND_STREAM : KIND_DATAGRAM;
		if (kind == KIND_DATAGRAM && !slice_eq(word, SLICE("dgram")))
			return refuse(p, word, "'stream+' or 'dgram+'", "unknown socket type '%.*s+'", (int)word.len,
				word.ptr);
	}
	const struct prefix *found = find_prefix(name);
	if (!found || (plus >= 0 && found->kind != KIND_ANY))
		return unknown_prefix(p, name);
	if (found->form == FORM_UNSUPPORTED)
		return refuse(p, written, NULL, "'%.*s@' is not supported by Ballast (yet)", (int)written.len,
			written.ptr);
	*out = found;
	*rest = slice_skip(*rest, (size_t)at + 1);
	return check_kind(p, written, found->kind != KIND_ANY ? found->kind : kind);
}

static int parse_unix(const struct parser *p, struct slice path)
{
	struct sockaddr_un *un = &p->out->at.un;
	if (!path.len)
		return refuse(p, p->text, NULL, "the path of the socket is missing");
	if (path.len >= sizeof un->sun_path)
		return refuse(p, path, NULL, "the path of a socket has at most %zu bytes, this one has %zu",
			sizeof un->sun_path - 1, path.len);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path.ptr, path.len);
	p->out->at.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
	return 0;
}

/* As HAProxy does it, the name is padded with NULs to the whole of sun_path: they are part of it. */
static int parse_abstract(const struct parser *p, struct slice name)
{
	struct sockaddr_un *un = &p->out->at.un;
	if (!name.len)
		return refuse(p, p->text, NULL, "the name of the abstract socket is missing");
	if (name.len >= sizeof un->sun_path)
		return refuse(p, name, NULL, "the name of an abstract socket has at most %zu bytes, this one has %zu",
			sizeof un->sun_path - 1, name.len);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + 1, name.ptr, name.len);
	p->out->at.len = sizeof *un;
	return 0;
}

static int parse_fd(const struct parser *p, struct slice number)
{
	uint64_t fd;
	if (slice_to_u64(number, &fd) || fd > INT32_MAX)
		return refuse(p, number, "fd@ takes the number of an inherited descriptor, as in fd@3",
			"'%.*s' is not a file descriptor's number", (int)number.len, number.ptr);
	p->out->at.fd = (int)fd;
	return 0;
}

static int parse_port_number(const struct parser *p, struct slice text, uint16_t *out)
{
	bool may_be_zero = !(p->flags & ENDPOINT_PORT_REQUIRED);
	const char *hint = may_be_zero ? "a port is a number from 0 to 65535" : "a port is a number from 1 to 65535";
	uint64_t port;
	int err = slice_to_u64(text, &port);
	if (err == -EINVAL)
		return refuse(p, text, hint, "'%.*s' is not a port", (int)text.len, text.ptr);
	if (err || port > 65535 || (!port && !may_be_zero))
		return refuse(p, text, hint, "port %.*s is out of range", (int)text.len, text.ptr);
	*out = (uint16_t)port;
	return 0;
}

static int parse_port_offset(const struct parser *p, struct slice text)
{
	struct slice digits = slice_skip(text, 1);
	uint64_t offset;
	if (!(p->flags & ENDPOINT_PORT_OFFSET))
		return refuse(p, text, NULL, "a port relative to the client's ('%.*s') cannot stand here",
			(int)text.len, text.ptr);
	if (slice_to_u64(digits, &offset) || offset > 65535)
		return refuse(p, text, "it is a number from 0 to 65535 behind '+' or '-'",
			"'%.*s' is not a port offset", (int)text.len, text.ptr);
	p->out->has_port_offset = true;
	p->out->port_offset = text.ptr[0] == '-' ? -(int32_t)offset : (int32_t)offset;
	return 0;
}

static int parse_port_range(const struct parser *p, struct slice text, size_t dash)
{
	if (!(p->flags & ENDPOINT_PORT_RANGE))
		return refuse(p, text, NULL, "a range of ports ('%.*s') cannot stand here", (int)text.len, text.ptr);
	if (parse_port_number(p, slice_of(text.ptr, dash), &p->out->port_low) ||
		parse_port_number(p, slice_skip(text, dash + 1), &p->out->port_high))
		return -EINVAL;
	if (p->out->port_high < p->out->port_low)
		return refuse(p, text, NULL, "the range of ports '%.*s' ends before it begins", (int)text.len,
			text.ptr);
	return 0;
}

static int parse_port(const struct parser *p, struct slice text)
{
	if (!text.len) {
		const char *hint = "it stands behind the last colon: 192.0.2.1:80, [2001:db8::1]:80, :80";
		if (p->flags & ENDPOINT_PORT_REQUIRED)
			return refuse(p, p->text, hint, "'%.*s' has no port", (int)p->text.len, p->text.ptr);
		return 0;
	}
	if (text.ptr[0] == '+' || text.ptr[0] == '-')
		return parse_port_offset(p, text);
	ptrdiff_t dash = slice_find_byte(text, '-');
	if (dash > 0)
		return parse_port_range(p, text, (size_t)dash);
	if (parse_port_number(p, text, &p->out->port_low))
		return -EINVAL;
	p->out->port_high = p->out->port_low;
	return 0;
}

static void set_ip(struct endpoint *e, sa_family_t family, const void *bytes)
{
	e->ip = (union addr){ .family = family };
	if (family == AF_INET)
		memcpy(&e->ip.v4.sin_addr, bytes, 4);
	else
		memcpy(&e->ip.v6.sin6_addr, bytes, 16);
	e->len = addr_len(&e->ip);
}

/* True where `host` is an address of that family, or of either with AF_UNSPEC. */
static bool try_ip(const char *host, sa_family_t family, struct endpoint *out)
{
	uint8_t bytes[16];
	if (family != AF_INET6 && inet_pton(AF_INET, host, bytes) == 1) {
		set_ip(out, AF_INET, bytes);
		return true;
	}
	if (family != AF_INET && inet_pton(AF_INET6, host, bytes) == 1) {
		set_ip(out, AF_INET6, bytes);
		return true;
	}
	return false;
}

/* 'localhost' is the loopback address even where no hosts file says so (RFC 6761 section 6.3). */
static bool is_localhost(const char *host, sa_family_t family, union addr *out)
{
	if (!slice_eq_icase(slice_from_str(host), SLICE("localhost")))
		return false;
	*out = (union addr){ 0 };
	out->family = family == AF_INET6 ? AF_INET6 : AF_INET;
	if (family == AF_INET6)
		out->v6.sin6_addr = in6addr_loopback;
	else
		out->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return true;
}

int addr_look_up(const char *host, sa_family_t family, union addr *out)
{
	struct addrinfo want = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *found;
	int rc = -ENOENT;

	if (getaddrinfo(host, NULL, &want, &found))
		return is_localhost(host, family, out) ? 0 : -ENOENT;
	if (found->ai_family == AF_INET || found->ai_family == AF_INET6) {
		memcpy(out, found->ai_addr, found->ai_addrlen);
		rc = 0;
	}
	freeaddrinfo(found);
	return rc;
}

static bool look_up(const char *host, sa_family_t family, struct endpoint *out)
{
	if (addr_look_up(host, family, &out->ip) < 0)
		return false;
	out->len = addr_len(&out->ip);
	return true;
}

/* A host name, as far as one can tell; an IPv6 address that was cut at a wrong colon is none. */
static bool may_be_name(struct slice host)
{
	if (host.len > 255)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		unsigned char c = (unsigned char)host.ptr[i];
		bool alnum = (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
		if (!alnum && c != '-' && c != '_' && c != '.' && c < 0x80)
			return false;
	}
	return true;
}

static int bad_host(const struct parser *p, struct slice host)
{
	const char *hint = NULL;
	if (slice_find_byte(host, ':') >= 0 && host.ptr[0] != '[')
		hint = "an IPv6 address stands in brackets, with the port behind them: [2001:db8::1]:80";
	else if (host.ptr[0] == '[')
		hint = "an IPv6 address in brackets looks like [2001:db8::1]";
	return refuse(p, host, hint, "'%.*s' is not an address", (int)host.len, host.ptr);
}

static int parse_host(const struct parser *p, struct slice written, sa_family_t family)
{
	static const uint8_t zeros[16];
	struct endpoint_spec *out = p->out;
	struct slice host = written;
	if (!host.len || slice_eq(host, SLICE("*"))) {
		out->any = true;
		set_ip(&out->at, family == AF_INET6 ? AF_INET6 : AF_INET, zeros);
		return 0;
	}
	bool brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (brackets)
		host = slice_of(host.ptr + 1, host.len - 2);
	const char *text = arena_copy(p->arena, host).ptr;
	if (!text)
		return refuse(p, written, NULL, "out of memory");
	if (try_ip(text, brackets && family == AF_UNSPEC ? AF_INET6 : family, &out->at))
		return 0;
	struct endpoint other;
	if (!brackets && family != AF_UNSPEC && try_ip(text, AF_UNSPEC, &other))
		return refuse(p, written, NULL, "'%s' is not an %s address", text, family == AF_INET ? "IPv4" : "IPv6");
	if (brackets || !may_be_name(host))
		return bad_host(p, written);
	if (!(p->flags & ENDPOINT_RESOLVE))
		return refuse(p, written, "a host name cannot stand here", "'%s' is not an IP address", text);
	out->host = text;
	out->unresolved = !look_up(text, family, &out->at);
	return 0;
}

static int parse_ip_and_port(const struct parser *p, struct slice text, sa_family_t family)
{
	struct slice host = text, port = slice_of(text.ptr + text.len, 0);
	for (size_t i = text.len; i && text.ptr[i - 1] != ']'; i--)
		if (text.ptr[i - 1] == ':') {
			host = slice_of(text.ptr, i - 1);
			port = slice_skip(text, i);
			break;
		}
	if (parse_host(p, host, family) || parse_port(p, port))
		return -EINVAL;
	if (p->out->at.len)
		addr_set_port(&p->out->at.ip, p->out->port_low);
	return 0;
}

int endpoint_parse(struct slice text, const struct token *t, unsigned flags, struct endpoint_spec *out, struct arena *a,
	struct diag *d)
{
	struct parser p = { .token = t, .text = text, .flags = flags, .out = out, .arena = a, .diag = d };
	const struct prefix *prefix;
	*out = (struct endpoint_spec){ .at.fd = -1 };
	if (!text.len)
		return refuse(&p, text, NULL, "an address is missing");
	if (text.ptr[0] == '/')
		return parse_unix(&p, text);
	if (take_prefix(&p, &text, &prefix))
		return -EINVAL;
	switch (prefix->form) {
	case FORM_UNIX: return parse_unix(&p, text);
	case FORM_ABSTRACT: return parse_abstract(&p, text);
	case FORM_FD: return parse_fd(&p, text);
	case FORM_IP:
	case FORM_UNSUPPORTED: break;
	}
	return parse_ip_and_port(&p, text, prefix->family);
}
