/* uri: the parts of a URI that HTTP speaks of (RFC 3986, RFC 9110 section 4, RFC 9112 section 3.2). */
#ifndef BALLAST_HTTP_URI_H
#define BALLAST_HTTP_URI_H

#include "ballast/http/msg.h"

/* First byte in [at, end) that may not stand in the path and query of a URI: end where there is none.  A '%'
 * that two hex digits do not follow is such a byte; one too near to `end` to tell is returned too.
 * '[' and ']' pass, although RFC 3986 allows them in an authority only: browsers and PHP's forms send them bare,
 * and no one reads them in two ways. */
const char *uri_find_bad(const char *at, const char *end);

/* uri-host [ ":" port ] as in a Host field (RFC 9110 section 7.2): a name, an IPv4 address or an IPv6 address in
 * brackets; no userinfo, no comma; a port of at most 65535, or none behind its colon.  An empty one is valid. */
bool uri_host_valid(struct slice host_port);
/* The same with a port that is neither empty nor 0, as CONNECT wants (RFC 9110 section 9.3.6). */
bool uri_authority_with_port_valid(struct slice host_port);

/* Splits `target` into the parts of m: target, path, query, scheme, authority and the MSG_*_FORM flags, by the
 * forms that m->method may have (RFC 9112 section 3.2).  0, or -EINVAL where it has none of them.  Bytes are not
 * looked at beyond what tells the form and the authority. */
int uri_split_target(struct msg *m, struct slice target);

#endif
