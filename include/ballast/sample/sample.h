/* sample: typed values, and the tables of fetches (where a value comes from) and converters (what is made of it).
 *
 * HAProxy's manual, section 7.3, says what each word means.  A word is a row: its function, the types and number
 * of its arguments, the types that it takes and gives, and where it can be used; expr.h compiles chains of them.
 * Samples never own memory: bytes lie in the message, the configuration or the exchange's arena, and are valid
 * until the rule that asked has run (arena: until the exchange ends).
 * Rows are registered before any thread starts and never change; everything else here is for one thread.
 */
#ifndef BALLAST_SAMPLE_SAMPLE_H
#define BALLAST_SAMPLE_SAMPLE_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "ballast/base/arena.h"
#include "ballast/base/slice.h"
#include "ballast/http/msg.h"
#include "ballast/net/addr.h"
#include "ballast/net/conn.h"

struct tracking;

enum sample_type {
	SAMPLE_BOOL,   /* num: 0 or 1 */
	SAMPLE_INT,    /* num */
	SAMPLE_STR,    /* str: holds no NUL */
	SAMPLE_BIN,    /* str: any bytes */
	SAMPLE_IPV4,   /* ip4 */
	SAMPLE_IPV6,   /* ip6 */
	SAMPLE_METHOD, /* str: its name, as sent */
	SAMPLE_TYPE_COUNT,
	/* Only in the tables: an IPv4 or IPv6 address; every type; the type that came in. */
	SAMPLE_ADDR = SAMPLE_TYPE_COUNT,
	SAMPLE_ANY,
	SAMPLE_SAME,
};

struct sample {
	uint8_t type;   /* enum sample_type, below SAMPLE_TYPE_COUNT */
	uint8_t method; /* SAMPLE_METHOD: enum http_method, METHOD_OTHER where only the name tells */
	union {
		int64_t num;
		struct slice str;
		struct in_addr ip4;
		struct in6_addr ip6;
	};
};

/* Where an expression stands.  A row tells in which of these its value is there; bits. */
enum sample_phase {
	PHASE_CONNECTION = 1, /* a connection was accepted: addresses only */
	PHASE_REQUEST = 2,    /* request head parsed, or first bytes of a TCP session: rules, use_backend, balancing */
	PHASE_RESPONSE = 4,   /* the same of the server's side */
	PHASE_LOG = 8,        /* the exchange is over */
	PHASE_CHECK = 16,     /* a health check's answer is in `res` */
	PHASE_ALL = 31,
};

/* Variables of one life (var.h): the array is made with the first that is set. */
struct var;
struct vars {
	struct var *slot;
	uint32_t count;
};

/* What an expression may look at.  Filled by whoever evaluates (the exchange keeps one). */
struct sample_ctx {
	struct arena *arena;   /* for what converters make */
	struct msg *req;       /* NULL where there is none (any more) */
	struct msg *res;       /* the same */
	struct conn *client;   /* client's connection; NULL in checks */
	const union addr *src; /* client's address; AF_UNSPEC: none (unix) */
	const union addr *dst; /* address that it connected to; NULL: conn_local_addr(client) is asked when needed */
	uint64_t now_ms;       /* loop's monotonic time */
	uint64_t wall_us;      /* loop's wall time, microseconds since 1970 */
	void *exchange;        /* for rows which the rooms below register */
	const void *server;    /* in a check: the struct server that is checked, for them too */
	struct vars *vars;     /* of the exchange: txn, req, res; NULL: none can be set */
	struct vars *session_vars; /* of the client's connection; NULL: none can be set */
	struct tracking *tracking; /* entries of stick tables that it follows; NULL: none */
	/* What a TCP session's sides sent and was withheld so far; ptr NULL: not a TCP session, or it was let go. */
	struct slice req_bytes, res_bytes;
	bool http_pending; /* req (or res) is NULL, but the bytes may still become such a message */
	bool final;        /* no more will come, or is to be waited for */
	bool undecided;    /* set by a fetch whose value may be another one once more came; never where `final` */
	unsigned phase;    /* the one enum sample_phase now */
};

/* ---- arguments ---- */

enum { ARGS_MAX = 5 };

struct var_name;

enum arg_type {
	ARG_NONE, /* not given */
	ARG_STR,
	ARG_INT,
	ARG_IPV4,
	ARG_IPV6,
	ARG_MASK4, /* "24" or "255.255.255.0"; in ip4 */
	ARG_MASK6, /* "64" or "ffff:ffff::"; in ip6 */
	ARG_VAR,   /* "txn.name"; in var */
	/* In rows only: what is given tells which of the two it is. */
	ARG_INT_OR_VAR,
	ARG_STR_OR_VAR,
};

struct arg {
	uint8_t type; /* enum arg_type; ARG_NONE where the word was left out */
	union {
		int64_t num;
		struct slice str; /* NUL-terminated */
		struct in_addr ip4;
		struct in6_addr ip6;
		const struct var_name *var;
	};
};

struct args {
	unsigned count; /* given; those behind are ARG_NONE */
	struct arg v[ARGS_MAX];
	void *data; /* whatever the row's `prepare` made */
};

struct arg_spec {
	const char *text; /* as in the manual: "<name>[,<occ>]"; NULL: takes none */
	uint8_t min, max;
	uint8_t types[ARGS_MAX];
};

/* Checks and prepares arguments at load; NULL, or what is wrong (static or in `a`; one sentence without full stop,
 * such as "expects a number of fields from 1"). */
typedef const char *args_prepare(struct args *args, struct arena *a);

/* ---- rows ---- */

/* How far a fetch of several values has come.  Zeroed before the first; its function keeps what it likes. */
struct sample_cursor {
	unsigned count; /* values given so far; kept by the engine */
	int field;
	const char *at, *end;
};

enum {
	FETCH_MANY = 1,   /* an ACL looks at all of its values (hdr, cook, url_param without a name) */
	FETCH_NO_ACL = 2, /* makes no sense as a criterion */
};

struct fetch_row {
	const char *name;
	struct arg_spec args;
	uint8_t type;   /* enum sample_type, SAMPLE_ADDR, or SAMPLE_ANY */
	uint8_t phases; /* PHASE_* in which it is there */
	uint8_t flags;  /* FETCH_* */
	/* 0 with *out filled, or -ENOENT where there is no such value (now).  What more bytes of a session could change
	 * is told with sample_set_undecided().
	 * `cursor` NULL: the one value that the manual names (hdr: the last); else, with FETCH_MANY, the next. */
	int (*run)(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor);
	args_prepare *prepare; /* NULL: nothing to prepare */
	const char *help;      /* one line */
};

struct converter_row {
	const char *name;
	struct arg_spec args;
	uint8_t in;  /* enum sample_type, SAMPLE_ADDR, SAMPLE_ANY: the engine casts to it before */
	uint8_t out; /* enum sample_type, SAMPLE_ADDR, SAMPLE_SAME */
	/* Changes *s in place: 0, or -ENOENT where it has no result, -ENOMEM. */
	int (*run)(struct sample_ctx *ctx, const struct args *args, struct sample *s);
	args_prepare *prepare;
	const char *help;
};

/* The tables of this room are always there; the rooms below add theirs at start, before any thread. A name that is
 * there already is replaced.  0 or -ENOMEM. */
int sample_register_fetches(const struct fetch_row *rows, unsigned count);
int sample_register_converters(const struct converter_row *rows, unsigned count);

/* Row of that name; NULL where there is none. */
const struct fetch_row *sample_fetch_find(struct slice name);
const struct converter_row *sample_converter_find(struct slice name);
/* The i-th row of all, NULL behind the last (help, completion, 'did you mean'). */
const struct fetch_row *sample_fetch_at(unsigned i);
const struct converter_row *sample_converter_at(unsigned i);

/* ---- types ---- */

/* "bool", "int", "str", "bin", "ipv4", "ipv6", "method", "address", "any". */
const char *sample_type_name(unsigned type);
/* Whether a cast exists; it may still fail for some values. SAMPLE_ADDR and SAMPLE_ANY allowed on both sides. */
bool sample_can_cast(unsigned from, unsigned to);
/* Casts *s to `to` as section 7.3 of the manual says.  0, -ENOENT where this value has no such form, -ENOMEM. */
int sample_cast(struct sample *s, unsigned to, struct arena *a);

/* For fetches: more bytes may give another value, or one at all. Returns -ENOENT. */
static inline int sample_set_undecided(struct sample_ctx *ctx)
{
	ctx->undecided = !ctx->final;
	return -ENOENT;
}

/* Shorthand for rows. */
static inline int sample_set_int(struct sample *out, int64_t value)
{
	out->type = SAMPLE_INT;
	out->num = value;
	return 0;
}
static inline int sample_set_bool(struct sample *out, bool value)
{
	out->type = SAMPLE_BOOL;
	out->num = value;
	return 0;
}
static inline int sample_set_str(struct sample *out, struct slice value)
{
	out->type = SAMPLE_STR;
	out->str = value;
	return 0;
}

#endif
