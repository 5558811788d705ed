/* tls_hello: the first message of TLS as it lies in a stream: what a client asks for, before anybody decrypts.
 *
 * RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3 (server names), RFC 7301 (ALPN); also the hello of SSLv2 (RFC 5246
 * appendix E.2).  A hello may come in any number of records; where it does, its parts are put together in room of the
 * caller.  Whatever a peer sends is only looked at, and nothing outside of what was given.
 */
#ifndef BALLAST_NET_TLS_HELLO_H
#define BALLAST_NET_TLS_HELLO_H

#include <sys/types.h>

#include "ballast/base/slice.h"

enum { TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO = 2 };

/* Longer ones are nobody's. */
enum { TLS_HELLO_BYTES_MAX = 16384 };

struct tls_hello {
	uint8_t type;            /* TLS_CLIENT_HELLO or TLS_SERVER_HELLO */
	uint16_t record_version; /* of the first record: 0x0301; of the hello where it is of SSLv2 */
	uint16_t version;        /* legacy_version of the hello: 0x0303 */
	/* What is not there has ptr NULL.  All of these lie in the bytes that were given, or in `room`. */
	struct slice session_id;
	struct slice ciphers;   /* pairs of bytes */
	struct slice sni;       /* host name, as sent; NUL and other bytes that no name has are possible */
	struct slice alpn;      /* list of names, each behind its length */
	struct slice groups;    /* supported_groups: pairs of bytes */
	struct slice sigalgs;   /* signature_algorithms: pairs of bytes */
	struct slice key_share; /* client_shares as sent */
	struct slice ticket;    /* session_ticket; len 0: asked for */
	bool is_sslv2;
};

/* What the first bytes of a stream say.  1: *out is the whole hello; 0: more bytes are needed; -EPROTO: they do not begin
 * with a hello.  `room` of TLS_HELLO_BYTES_MAX bytes is written only where the hello came in several records. */
int tls_hello_parse(const char *at, size_t len, char *room, struct tls_hello *out);

#endif
