/* msg: one HTTP message, in the same form for every version of HTTP (RFC 9110).
 *
 * A message is slices: into the buffer that it was read into (marked FIELD_RAW), or into the
 * exchange's arena where a rule made them.  Nothing is copied to parse, and nothing to forward: see
 * msg_serialize_*.  A message belongs to its exchange's thread.
 */
#ifndef BALLAST_HTTP_MSG_H
#define BALLAST_HTTP_MSG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "ballast/base/arena.h"
#include "ballast/base/slice.h"

enum { MSG_FIELDS_DEFAULT = 101, MSG_FIELDS_MAX = 32767 };

/* Methods that the code speaks of; any other token is METHOD_OTHER (its name is in msg.method_name). */
enum http_method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_TRACE,
	METHOD_CONNECT,
	METHOD_PATCH,
	METHOD_COUNT
};

/* Fields that the code speaks of, found once while parsing; FIELD_OTHER for the rest. */
enum field_id {
	FIELD_OTHER,
	FIELD_HOST,
	FIELD_CONNECTION,
	FIELD_CONTENT_LENGTH,
	FIELD_TRANSFER_ENCODING,
	FIELD_TE,
	FIELD_TRAILER,
	FIELD_UPGRADE,
	FIELD_KEEP_ALIVE,
	FIELD_PROXY_CONNECTION,
	FIELD_EXPECT,
	FIELD_COOKIE,
	FIELD_SET_COOKIE,
	FIELD_DATE,
	FIELD_SERVER,
	FIELD_VIA,
	FIELD_X_FORWARDED_FOR,
	FIELD_AUTHORIZATION,
	FIELD_LOCATION,
	FIELD_CONTENT_TYPE,
	FIELD_CONTENT_ENCODING,
	FIELD_ACCEPT_ENCODING,
	FIELD_CACHE_CONTROL,
	FIELD_RETRY_AFTER,
	FIELD_USER_AGENT,
	FIELD_REFERER,
	FIELD_HTTP2_SETTINGS,
	FIELD_ID_COUNT
};

enum {
	FIELD_RAW = 1,     /* its whole line lies unchanged in the head, CRLF included */
	FIELD_DELETED = 2, /* not sent; kept so that raw runs can be found */
};

struct field {
	const char *name;
	const char *value; /* without OWS around it */
	uint32_t value_len;
	uint16_t name_len;
	uint8_t id;    /* enum field_id */
	uint8_t flags; /* FIELD_* */
};

static inline struct slice field_name(const struct field *f)
{
	return slice_of(f->name, f->name_len);
}

static inline struct slice field_value(const struct field *f)
{
	return slice_of(f->value, f->value_len);
}

enum msg_flags {
	MSG_RESPONSE = 1u << 0,
	MSG_HTTP10 = 1u << 1, /* HTTP/1.0; otherwise 1.1 or, with MSG_H2, 2 */
	MSG_H2 = 1u << 2,
	MSG_KEEP_ALIVE = 1u << 3,  /* the sender would keep its connection after this message */
	MSG_CHUNKED = 1u << 4,     /* Transfer-Encoding: chunked */
	MSG_LENGTH = 1u << 5,      /* content_length is valid */
	MSG_UNTIL_CLOSE = 1u << 6, /* a response that ends with its connection */
	MSG_NO_BODY = 1u << 7,     /* none can follow (HEAD, 1xx, 204, 304, request without length, CONNECT) */
	MSG_UPGRADE = 1u << 8,     /* HTTP/1.1, Connection names Upgrade, and Upgrade names protocols (not h2, h2c) */
	MSG_EXPECT_CONTINUE = 1u << 9,    /* Expect: 100-continue, of an HTTP/1.1 request with a body to come */
	MSG_START_LINE_EDITED = 1u << 10, /* start_line is not to be sent raw: edited, or of another form or version */
	MSG_TE_TRAILERS = 1u << 11,       /* TE: trailers */
	MSG_ABSOLUTE_FORM = 1u << 12,     /* the request target was absolute-form (RFC 9112 section 3.2.2) */
	MSG_AUTHORITY_FORM = 1u << 13,    /* CONNECT host:port */
	MSG_ASTERISK_FORM = 1u << 14,     /* OPTIONS * */
};

struct msg {
	uint32_t flags;
	uint16_t status; /* responses: 100..999 */
	uint8_t method;  /* requests: enum http_method */
	uint8_t fields_spare;
	uint16_t field_count;
	uint16_t field_max;      /* room in fields[] */
	struct slice start_line; /* raw, without its CRLF; empty where there is none (HTTP/2, made here) */
	struct slice method_name;
	struct slice target; /* as received: path?query, absolute-form, *, or host:port */
	struct slice path;   /* of target, before '?'; "/" for an absolute-form without one; "*" for OPTIONS of a
	                          * whole server (RFC 9112 section 3.2.4); empty for CONNECT */
	struct slice query;  /* of target, after '?'; ptr NULL where there is no '?' */
	struct slice scheme; /* absolute-form and HTTP/2 only */
	struct slice
		authority;   /* from absolute-form, CONNECT or :authority, else the Host field's value; ptr NULL where
	                          * there is neither (HTTP/1.0): the Host field to send is then the exchange's to add */
	struct slice reason; /* responses; ptr NULL: status_reason(status) */
	uint64_t content_length;  /* with MSG_LENGTH */
	const char *fields_start; /* raw head: first byte of the first field line */
	const char *fields_end;   /* raw head: the byte behind the last field line (where the empty line begins) */
	struct field *fields;     /* [field_max], owned by the exchange */
};

/* Empty message; keeps fields and field_max. */
void msg_reset(struct msg *m);

/* First live field with this id / name (any case) at or after index `from`; its index, or -1. */
int msg_find_id(const struct msg *m, enum field_id id, int from);
int msg_find(const struct msg *m, struct slice name, int from);
/* FIELD_* id of a name in any case. */
enum field_id field_id_of(struct slice name);
enum http_method method_of(struct slice name);
const char *method_name(enum http_method m);

/* Adds a field behind the others; name and value must outlive the message (arena or literal).
 * 0, or -ENOSPC where field_max is reached. */
int msg_add(struct msg *m, struct slice name, struct slice value);
/* Deletes the field at `index`. */
void msg_delete_at(struct msg *m, int index);
/* Gives the field at `index` a value that outlives the message (arena or literal). */
void msg_set_value_at(struct msg *m, int index, struct slice value);
/* Deletes all fields of that name; how many. */
int msg_delete(struct msg *m, struct slice name);
/* Removes what concerns one connection only (RFC 9110 section 7.6.1): Connection, all that it names,
 * Keep-Alive, Proxy-Connection, TE, Transfer-Encoding, and Upgrade unless MSG_UPGRADE is set.
 * Fields that framing and routing need (Host, Content-Length, ...) are never removed because
 * Connection names them. */
void msg_remove_hop_by_hop(struct msg *m);

/* Replace parts of the request line; slices must outlive the message.  set_path and set_query keep the
 * other part, and an absolute-form target's scheme and authority.  All keep target, path and query
 * consistent and set MSG_START_LINE_EDITED.  A `?` in a new path begins the query.  An empty query keeps a `?`
 * that was there and adds none.  set_target with an absolute-form makes its authority the Host field's value.
 * 0 or -ENOMEM; -EINVAL where the value holds bytes that a target must not hold (controls, space, '#', above
 * 0x7e), where a path does not begin with '/', where a target is of no form that the method allows, or for the
 * path and query of CONNECT; -ENOSPC where a Host field was to be added and field_max is reached. */
int msg_set_path(struct msg *m, struct slice path, struct arena *a);
int msg_set_query(struct msg *m, struct slice query, struct arena *a);
int msg_set_target(struct msg *m, struct slice target, struct arena *a);
void msg_set_method(struct msg *m, struct slice method);
void msg_set_status(struct msg *m, unsigned status, struct slice reason);

/* Writes the head as HTTP/1.1 (start line, fields) WITHOUT the final empty line, as pieces that point
 * into the raw head where it is unchanged and into `a` elsewhere.  Consecutive unchanged lines become one
 * piece.  The caller appends its own framing fields and CRLF.  Requests go out in origin-form (asterisk
 * and authority forms as they are).  Returns the number of pieces, or -ENOSPC (over `max`), -ENOMEM. */
int msg_serialize_head(const struct msg *m, struct iovec *out, int max, struct arena *a);
/* The same for the fields alone (a trailer section). */
int msg_serialize_fields(const struct msg *m, struct iovec *out, int max, struct arena *a);

/* Moves every slice that points into [old, old+len) to the same offset in `now` (the head was copied). */
void msg_rebase(struct msg *m, const char *old, size_t len, const char *now);

/* Reason phrase of a status, "Unknown" where there is none. */
const char *status_reason(unsigned status);
/* The same as a slice. */
struct slice status_reason_slice(unsigned status);

#endif
