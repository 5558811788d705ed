/* tls_hello: see the header.  A cursor that cannot leave its bytes reads it all. */
#include "ballast/net/tls_hello.h"

#include <errno.h>
#include <string.h>

enum {
	RECORD_HEADER = 5,
	RECORD_HANDSHAKE = 22,
	RECORD_BYTES_MAX = 16384 + 2048, /* with what may be added to it */
	MESSAGE_HEADER = 4,
	RECORDS_MAX = 64, /* nobody cuts a hello into more, but to waste our time */
};

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_SUPPORTED_GROUPS = 10,
	EXT_SIGNATURE_ALGORITHMS = 13,
	EXT_ALPN = 16,
	EXT_SESSION_TICKET = 35,
	EXT_KEY_SHARE = 51,
};

/* ---- reading ---- */

/* What is left of something whose length is known.  `bad` once more was asked for than there is. */
struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static struct slice take(struct cursor *c, size_t len)
{
	struct slice s = { (const char *)c->at, len };

	if (c->bad || len > (size_t)(c->end - c->at)) {
		c->bad = true;
		return (struct slice){ 0 };
	}
	c->at += len;
	return s;
}

static unsigned number(struct cursor *c, unsigned bytes)
{
	struct slice s = take(c, bytes);
	unsigned n = 0;

	for (size_t i = 0; i < s.len; i++)
		n = n << 8 | (uint8_t)s.ptr[i];
	return n;
}

/* What stands behind its length of so many bytes. */
static struct slice vector(struct cursor *c, unsigned length_bytes)
{
	return take(c, number(c, length_bytes));
}

static struct cursor inside(struct slice s)
{
	const uint8_t *at = (const uint8_t *)s.ptr;
	return (struct cursor){ at, at ? at + s.len : NULL, false };
}

/* ---- extensions ---- */

/* The first name of type host_name; there is one at most. */
static bool read_server_name(struct slice body, struct tls_hello *out)
{
	struct cursor c = inside(body), list;

	if (!body.len) /* a server's, which says that it used the name */
		return true;
	list = inside(vector(&c, 2));
	while (!c.bad && list.at < list.end) {
		bool is_host = number(&list, 1) == 0;
		struct slice name = vector(&list, 2);
		if (list.bad)
			return false;
		if (is_host && !out->sni.ptr)
			out->sni = name;
	}
	return !c.bad;
}

static bool read_list(struct slice body, struct slice *out)
{
	struct cursor c = inside(body);

	*out = vector(&c, 2);
	return !c.bad;
}

/* Names of at least one byte each. */
static bool read_alpn(struct slice body, struct tls_hello *out)
{
	struct cursor c;

	if (!read_list(body, &out->alpn))
		return false;
	for (c = inside(out->alpn); c.at < c.end && !c.bad;)
		if (!vector(&c, 1).len)
			return false;
	return !c.bad;
}

static bool read_extension(unsigned type, struct slice body, struct tls_hello *out)
{
	switch (type) {
	case EXT_SERVER_NAME: return read_server_name(body, out);
	case EXT_SUPPORTED_GROUPS: return read_list(body, &out->groups);
	case EXT_SIGNATURE_ALGORITHMS: return read_list(body, &out->sigalgs);
	case EXT_ALPN: return read_alpn(body, out);
	case EXT_SESSION_TICKET: out->ticket = body; return true;
	case EXT_KEY_SHARE: return out->type != TLS_CLIENT_HELLO || read_list(body, &out->key_share);
	default: return true;
	}
}

static int read_extensions(struct cursor *c, struct tls_hello *out)
{
	struct cursor list;

	if (c->at == c->end) /* before TLS 1.2 there need be none */
		return 1;
	list = inside(vector(c, 2));
	while (!c->bad && list.at < list.end) {
		unsigned type = number(&list, 2);
		struct slice body = vector(&list, 2);
		if (list.bad || !read_extension(type, body, out))
			return -EPROTO;
	}
	return c->bad ? -EPROTO : 1;
}

/* ---- the message ---- */

static int read_hello(struct slice body, struct tls_hello *out)
{
	enum { RANDOM_BYTES = 32, SESSION_ID_MAX = 32 };
	struct cursor c = inside(body);

	out->version = (uint16_t)number(&c, 2);
	take(&c, RANDOM_BYTES);
	out->session_id = vector(&c, 1);
	if (out->session_id.len > SESSION_ID_MAX)
		return -EPROTO;
	if (out->type == TLS_CLIENT_HELLO) {
		out->ciphers = vector(&c, 2);
		vector(&c, 1); /* compression methods */
	} else {
		out->ciphers = take(&c, 2);
		take(&c, 1);
	}
	if (c.bad || out->version >> 8 != 3)
		return -EPROTO;
	return read_extensions(&c, out);
}

/* ---- records ---- */

/* One more record: 1, and its payload, whole or as far as it came; 0: its header is not there. */
static int next_record(struct cursor *c, struct slice *payload, struct tls_hello *out)
{
	size_t there = (size_t)(c->end - c->at), len;
	unsigned version;

	if (there && c->at[0] != RECORD_HANDSHAKE)
		return -EPROTO;
	if (there > 1 && c->at[1] != 3)
		return -EPROTO;
	if (there < RECORD_HEADER)
		return 0;
	take(c, 1);
	version = number(c, 2);
	len = number(c, 2);
	if (!len || len > RECORD_BYTES_MAX)
		return -EPROTO;
	if (!out->record_version)
		out->record_version = (uint16_t)version;
	there -= RECORD_HEADER;
	*payload = take(c, len < there ? len : there);
	return 1;
}

/* Type and length of the message. 0 where more bytes are needed. */
static int read_header(const char *at, size_t len, struct tls_hello *out, size_t *body_bytes)
{
	struct cursor c = inside(slice_of(at, len));

	if (len && at[0] != TLS_CLIENT_HELLO && at[0] != TLS_SERVER_HELLO)
		return -EPROTO;
	out->type = (uint8_t)number(&c, 1);
	*body_bytes = number(&c, 3);
	if (c.bad)
		return 0;
	return *body_bytes > TLS_HELLO_BYTES_MAX - MESSAGE_HEADER ? -EPROTO : 1;
}

/* The message, from one record where it lies in one. */
static int gather(struct cursor *c, char *room, struct tls_hello *out, struct slice *body)
{
	struct slice message = { 0 }, part;
	size_t body_bytes;
	int rc;

	for (unsigned records = 0; records < RECORDS_MAX; records++) {
		rc = next_record(c, &part, out);
		if (rc <= 0)
			return rc;
		if (message.len + part.len > TLS_HELLO_BYTES_MAX)
			part.len = TLS_HELLO_BYTES_MAX - message.len;
		if (message.len) {
			if (message.ptr != room)
				memcpy(room, message.ptr, message.len);
			memcpy(room + message.len, part.ptr, part.len);
			message = slice_of(room, message.len + part.len);
		} else {
			message = part;
		}
		rc = read_header(message.ptr, message.len, out, &body_bytes);
		if (rc < 0)
			return rc;
		if (rc == 1 && message.len - MESSAGE_HEADER >= body_bytes) {
			*body = slice_of(message.ptr + MESSAGE_HEADER, body_bytes);
			return 1;
		}
	}
	return -EPROTO;
}

/* ---- SSLv2 ---- */

/* Two bytes of length whose highest bit is set, then a client's hello for SSL 3 or TLS. */
static int read_sslv2(struct cursor *c, struct tls_hello *out)
{
	enum { HEADER = 2, FIXED = 9, CHALLENGE_MIN = 16, CHALLENGE_MAX = 32 };
	size_t there = (size_t)(c->end - c->at), len, ciphers, id, challenge;

	if ((there > 2 && c->at[2] != TLS_CLIENT_HELLO) || (there > 3 && c->at[3] != 3))
		return -EPROTO;
	if (there < HEADER + FIXED)
		return 0;
	len = number(c, 2) & 0x7fff;
	out->type = (uint8_t)number(c, 1);
	out->record_version = out->version = (uint16_t)number(c, 2);
	ciphers = number(c, 2);
	id = number(c, 2);
	challenge = number(c, 2);
	if (!ciphers || ciphers % 3 || (id && id != 16) || challenge < CHALLENGE_MIN || challenge > CHALLENGE_MAX ||
		len != FIXED + ciphers + id + challenge)
		return -EPROTO;
	out->is_sslv2 = true;
	out->ciphers = take(c, ciphers);
	out->session_id = take(c, id);
	take(c, challenge);
	return c->bad ? 0 : 1;
}

int tls_hello_parse(const char *at, size_t len, char *room, struct tls_hello *out)
{
	struct cursor c = inside(slice_of(at, len));
	struct slice body;
	int rc;

	memset(out, 0, sizeof *out);
	if (!len)
		return 0;
	if ((uint8_t)at[0] & 0x80)
		return read_sslv2(&c, out);
	rc = gather(&c, room, out, &body);
	return rc == 1 ? read_hello(body, out) : rc;
}
