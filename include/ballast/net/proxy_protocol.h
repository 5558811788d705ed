/* proxy_protocol: the header with which a proxy tells the next one whose connection this is (HAProxy's
 * doc/proxy-protocol.txt, versions 1 and 2). Pure functions over bytes. */
#ifndef BALLAST_NET_PROXY_PROTOCOL_H
#define BALLAST_NET_PROXY_PROTOCOL_H

#include <stdbool.h>
#include <sys/types.h>

#include "ballast/net/addr.h"

enum {
	PROXY_V1_BYTES_MAX = 107,
	PROXY_V2_BYTES_MAX = 16 + 65535,
	PROXY_WRITE_BYTES = 512, /* room that proxy_write() may need */
};

struct proxy_header {
	bool has_addresses; /* false: the connection's own hold (LOCAL, UNKNOWN, unix) */
	union addr src, dst;
};

/* Reads a header of either version at the start of `at`. Its bytes (> 0); 0: more are needed; -EPROTO: this is no such
 * header; -EINVAL: it is one, with a fault; -EPROTONOSUPPORT: version 2 with an unknown command. */
ssize_t proxy_parse(const char *at, size_t len, struct proxy_header *out);

/* Writes a header for a connection from `src` to `dst` (AF_UNSPEC, or different families: nothing is said of the
 * addresses) into to[PROXY_WRITE_BYTES]; bytes.  Version 2 adds the agreed protocol where alpn.len is 1 to 255, and
 * with `local` says that the connection is its own (a health check). */
size_t proxy_write(char *to, unsigned version, const union addr *src, const union addr *dst, struct slice alpn,
	bool local);

#endif
