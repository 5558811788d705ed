/* Fetches of a message as a whole: hashes of what it asks for, the names of its fields and cookies, its header (HAProxy's
 * manual, section 7.3.6).
 */
#include <arpa/inet.h>

#include "ballast/base/hash.h"
#include "ballast/http/cookie.h"
#include "private.h"

enum { RESPONSE = PHASE_RESPONSE | PHASE_CHECK };

#define RUN(name, value) \
	static int name(struct sample_ctx *ctx, const struct args *args, struct sample *out, \
		struct sample_cursor *cursor) \
	{ \
		(void)args, (void)cursor; \
		value; \
	}

/* ---- base32, url32 ---- */

static struct slice host_of(const struct msg *m)
{
	int i = msg_find_id(m, FIELD_HOST, 0);
	return i >= 0 ? field_value(&m->fields[i]) : m->authority;
}

static int set_hash(struct sample_ctx *ctx, struct slice rest, struct sample *out)
{
	struct slice host, text;
	if (!ctx->req)
		return -ENOENT;
	host = host_of(ctx->req);
	text = arena_printf(ctx->arena, "%.*s%.*s", (int)host.len, host.len ? host.ptr : "", (int)rest.len,
		rest.len ? rest.ptr : "");
	return text.ptr ? sample_set_int(out, hash_avalanche(hash_sdbm(text))) : -ENOMEM;
}

static int base_hash(struct sample_ctx *ctx, struct sample *out)
{
	const struct msg *m = ctx->req;
	return set_hash(ctx, m && m->path.len && m->path.ptr[0] == '/' ? m->path : SLICE(""), out);
}

static int url_hash(struct sample_ctx *ctx, struct sample *out)
{
	return set_hash(ctx, ctx->req ? ctx->req->target : SLICE(""), out);
}

/* The hash in network byte order and the client's address behind it. */
static int with_source(struct sample_ctx *ctx, int err, struct sample *out)
{
	uint32_t hash = htonl((uint32_t)out->num);
	const union addr *src = ctx->src;
	char text[4 + 16];
	size_t len;
	if (err || !src || (src->family != AF_INET && src->family != AF_INET6))
		return err ? err : -ENOENT;
	memcpy(text, &hash, 4);
	if (src->family == AF_INET)
		memcpy(text + 4, &src->v4.sin_addr, len = 4);
	else
		memcpy(text + 4, &src->v6.sin6_addr, len = 16);
	struct slice copy = arena_copy(ctx->arena, slice_of(text, 4 + len));
	if (!copy.ptr)
		return -ENOMEM;
	out->type = SAMPLE_BIN;
	out->str = copy;
	return 0;
}

RUN(run_base32, return base_hash(ctx, out))
RUN(run_base32_src, return with_source(ctx, base_hash(ctx, out), out))
RUN(run_url32, return url_hash(ctx, out))
RUN(run_url32_src, return with_source(ctx, url_hash(ctx, out), out))

/* ---- url_ip, url_port: of an absolute target whose host is an address ---- */

static int url_address(struct sample_ctx *ctx, bool port, struct sample *out)
{
	struct slice host;
	ptrdiff_t colon;
	if (!ctx->req || !ctx->req->authority.len)
		return -ENOENT;
	host = ctx->req->authority;
	colon = slice_find_byte(host, ':');
	struct slice number = colon < 0 ? SLICE("80") : slice_skip(host, (size_t)colon + 1);
	if (colon >= 0)
		host.len = (size_t)colon;
	int err = text_to_addr(host, out);
	return err || !port ? err : sample_set_int(out, text_to_int(number));
}

RUN(run_url_ip, return url_address(ctx, false, out))
RUN(run_url_port, return url_address(ctx, true, out))

/* ---- names ---- */

struct joined {
	char *text, *at;
	char delim;
};

static void join(struct joined *j, struct slice name)
{
	if (j->at != j->text)
		*j->at++ = j->delim;
	j->at = mempcpy(j->at, name.ptr, name.len);
}

static size_t header_bytes(const struct msg *m)
{
	size_t bytes = 2;
	for (unsigned i = 0; i < m->field_count; i++)
		if (!(m->fields[i].flags & FIELD_DELETED))
			bytes += field_name(&m->fields[i]).len + field_value(&m->fields[i]).len + 4;
	return bytes;
}

/* Room for all names of a message, which are shorter than its header. */
static int begin(struct sample_ctx *ctx, const struct msg *m, const struct args *args, struct joined *j)
{
	j->delim = args->v[0].str.len ? args->v[0].str.ptr[0] : ',';
	j->text = j->at = m ? arena_alloc(ctx->arena, header_bytes(m)) : NULL;
	return j->text ? 0 : m ? -ENOMEM : -ENOENT;
}

static int set_names(struct sample_ctx *ctx, const struct msg *m, const struct args *args, struct sample *out)
{
	struct joined j;
	int err = begin(ctx, m, args, &j);
	for (unsigned i = 0; !err && i < m->field_count; i++)
		if (!(m->fields[i].flags & FIELD_DELETED)) {
			char *from = j.at;
			join(&j, field_name(&m->fields[i]));
			for (; from < j.at; from++)
				*from = (char)ascii_lower((unsigned char)*from);
		}
	return err ? err : sample_set_str(out, slice_of(j.text, (size_t)(j.at - j.text)));
}

static int set_cookie_names(struct sample_ctx *ctx, const struct msg *m, const struct args *args, struct sample *out)
{
	enum field_id id = m && m->flags & MSG_RESPONSE ? FIELD_SET_COOKIE : FIELD_COOKIE;
	struct cookie_pair pair;
	struct joined j;
	int err = begin(ctx, m, args, &j);
	for (int i = err ? -1 : msg_find_id(m, id, 0); i >= 0; i = msg_find_id(m, id, i + 1)) {
		struct slice v = field_value(&m->fields[i]);
		if (id == FIELD_SET_COOKIE && cookie_of_set_cookie(v, &pair))
			join(&j, pair.name);
		while (id == FIELD_COOKIE && cookie_next(&v, &pair))
			join(&j, pair.name);
	}
	return err ? err : sample_set_str(out, slice_of(j.text, (size_t)(j.at - j.text)));
}

RUN(run_req_names, return set_names(ctx, ctx->req, args, out))
RUN(run_res_names, return set_names(ctx, ctx->res, args, out))
RUN(run_req_cookies, return set_cookie_names(ctx, ctx->req, args, out))
RUN(run_res_cookies, return set_cookie_names(ctx, ctx->res, args, out))

/* ---- the header ---- */

static int set_header(struct sample_ctx *ctx, const struct msg *m, struct sample *out)
{
	char *text = m ? arena_alloc(ctx->arena, header_bytes(m)) : NULL, *at = text;
	if (!text)
		return m ? -ENOMEM : -ENOENT;
	for (unsigned i = 0; i < m->field_count; i++) {
		struct slice name = field_name(&m->fields[i]), value = field_value(&m->fields[i]);
		if (m->fields[i].flags & FIELD_DELETED)
			continue;
		for (size_t k = 0; k < name.len; k++)
			*at++ = (char)ascii_lower((unsigned char)name.ptr[k]);
		at = mempcpy(at, ": ", 2);
		at = value.len ? mempcpy(at, value.ptr, value.len) : at;
		at = mempcpy(at, "\r\n", 2);
	}
	at = mempcpy(at, "\r\n", 2);
	return sample_set_str(out, slice_of(text, (size_t)(at - text)));
}

RUN(run_req_header, return set_header(ctx, ctx->req, out))
RUN(run_res_header, return set_header(ctx, ctx->res, out))

#define NAMES(name, phases, run, help) \
	{ \
		name, { "[<delim>]", 0, 1, { ARG_STR } }, SAMPLE_STR, phases, 0, run, NULL, help \
	}

const struct fetch_row fetch_whole_rows[] = {
	{ "base32", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_base32, NULL, "base,sdbm(1)" },
	{ "base32+src", { 0 }, SAMPLE_BIN, PHASE_REQUEST, 0, run_base32_src, NULL, "base32 and the client's address" },
	NAMES("req.cook_names", PHASE_REQUEST, run_req_cookies, "names of the request's cookies"),
	NAMES("req.hdr_names", PHASE_REQUEST, run_req_names, "names of the request's fields"),
	{ "req.hdrs", { 0 }, SAMPLE_STR, PHASE_REQUEST, 0, run_req_header, NULL,
		"the request's fields, and an empty line" },
	NAMES("res.cook_names", RESPONSE, run_res_cookies, "names of the cookies that the response sets"),
	NAMES("res.hdr_names", RESPONSE, run_res_names, "names of the response's fields"),
	{ "res.hdrs", { 0 }, SAMPLE_STR, RESPONSE, 0, run_res_header, NULL,
		"the response's fields, and an empty line" },
	{ "url32", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_url32, NULL, "hash of the Host field and the whole URL" },
	{ "url32+src", { 0 }, SAMPLE_BIN, PHASE_REQUEST, 0, run_url32_src, NULL, "url32 and the client's address" },
	{ "url_ip", { 0 }, SAMPLE_ADDR, PHASE_REQUEST, 0, run_url_ip, NULL, "address in an absolute URL" },
	{ "url_port", { 0 }, SAMPLE_INT, PHASE_REQUEST, 0, run_url_port, NULL,
		"port of such a URL; 80 where it has none" },
	{ 0 },
};
