/* addr: socket addresses as one small value, and their text forms. */
#ifndef BALLAST_NET_ADDR_H
#define BALLAST_NET_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ballast/base/diag.h"
#include "ballast/base/slice.h"
#include "ballast/base/token.h"

/* An IP address with port, 28 bytes: what each connection remembers of its peer. AF_UNSPEC: none (unix). */
union addr {
	sa_family_t family;
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Any address that can be listened on or connected to. */
struct endpoint {
	socklen_t len; /* of the sockaddr; 0 with fd@N */
	int fd;        /* fd@N: inherited descriptor; -1 else */
	union {
		struct sockaddr sa;
		union addr ip;
		struct sockaddr_un un; /* a path, or abstract with a leading NUL (abns@) */
	};
};

enum { ADDR_TEXT_MAX = 128 };

static inline socklen_t addr_len(const union addr *a)
{
	return a->family == AF_INET ? sizeof a->v4 : a->family == AF_INET6 ? sizeof a->v6 : 0;
}
uint16_t addr_port(const union addr *a); /* host order; 0 without */
void addr_set_port(union addr *a, uint16_t port);
/* The same address, or the same fd@N. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
bool addr_equal(const union addr *a, const union addr *b, bool with_port);
/* IP only ("192.0.2.1", "2001:db8::1", "unix") into text[ADDR_TEXT_MAX], NUL-terminated. */
struct slice addr_ip_text(const union addr *a, char *text);
/* "192.0.2.1:80", "[2001:db8::1]:80", "unix@/path", "abns@name", "fd@3". */
struct slice endpoint_text(const struct endpoint *e, char *text);

enum {
	ENDPOINT_PORT_REQUIRED = 1, /* error where an IP address or host has no port, or port 0 */
	ENDPOINT_PORT_RANGE = 2,    /* "80-90" allowed (bind) */
	ENDPOINT_RESOLVE = 4,       /* a host name may stand here: looked up with getaddrinfo */
	ENDPOINT_PORT_OFFSET = 8,   /* "+n", "-n" ports (server: relative to the client's) */
	ENDPOINT_DATAGRAM = 16,     /* for datagrams (log): "udp@" is right and "tcp@" wrong; else the reverse */
};

struct endpoint_spec {
	struct endpoint at;           /* with port_low; its len is 0 where `unresolved` or with fd@N */
	uint16_t port_low, port_high; /* range; equal where there is one port; 0 none */
	int32_t port_offset;
	bool has_port_offset;
	bool any;         /* "*" or ":port" */
	bool unresolved;  /* ENDPOINT_RESOLVE: the name was not found (the caller decides: init-addr) */
	const char *host; /* the name as written, or NULL where an address stood there */
};

/* HAProxy's address forms: ipv4@, ipv6@, unix@, abns@, fd@N, tcp4@, udp4@ and so on, "*", ":port", "[v6]", host names, a
 * path that begins with '/'.  As in HAProxy, the last colon begins the port, unless brackets close behind it; without
 * ENDPOINT_PORT_REQUIRED a port may be left out.  `text` is all or a part of token `t`; errors name the place inside it. 0 or -EINVAL. */
int endpoint_parse(struct slice text, const struct token *t, unsigned flags, struct endpoint_spec *out, struct arena *a,
	struct diag *d);

/* The first address of a host name, by getaddrinfo: it may block, so at load only. `family`: AF_UNSPEC for any. 0 or
 * -ENOENT. */
int addr_look_up(const char *host, sa_family_t family, union addr *out);

struct net_prefix {
	union addr addr;
	uint8_t bits;
};
/* "10.0.0.0/8", "10.0.0.0/255.0.0.0", "::1", "2001:db8::/32". 0 or -EINVAL. */
int net_prefix_parse(struct slice text, struct net_prefix *out);
bool net_prefix_match(const struct net_prefix *p, const union addr *a);

#endif
