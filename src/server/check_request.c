/* check_request: the request that an HTTP health check sends.
 *
 * Most are the same for each check and rendered once while loading; one with expressions in it is made each time.
 * The check closes the connection itself, and says so unless told otherwise.
 */
#include <stdio.h>

#include "ballast/base/strbuf.h"
#include "ballast/sample/format.h"
#include "check_private.h"

static struct slice keep(struct strbuf *b, struct arena *a)
{
	struct slice text = b->incomplete ? slice_of(NULL, 0) : arena_copy(a, strbuf_slice(b));

	strbuf_free(b);
	return text;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct slice check_unhex(struct slice digits, struct arena *a)
{
	char *out = digits.len % 2 ? NULL : arena_alloc(a, digits.len / 2 + 1);

	for (size_t i = 0; out && i < digits.len; i += 2) {
		int high = digit_of(digits.ptr[i]), low = digit_of(digits.ptr[i + 1]);
		if (high < 0 || low < 0)
			return slice_of(NULL, 0);
		out[i / 2] = (char)(high << 4 | low);
	}
	return slice_of(out, out ? digits.len / 2 : 0);
}

struct slice check_text_render(const struct check_text *t, struct sample_ctx *ctx)
{
	struct slice text;
	struct strbuf b;

	if (!t->format)
		return t->text.ptr ? t->text : SLICE("");
	strbuf_init(&b);
	format_render(t->format, ctx, &b);
	text = keep(&b, ctx->arena);
	return t->hex && text.ptr ? check_unhex(text, ctx->arena) : text;
}

/* Of a request that nothing completes. */
static const struct http_send no_option;

static const struct http_send *option_of(const struct http_send *send)
{
	return send->option ? send->option : &no_option;
}

const char *http_send_method(const struct http_send *send)
{
	const char *option = option_of(send)->method;

	return send->method ? send->method : option ? option : "OPTIONS";
}

/* Values may hold spaces, a request line's target may not. */
static void add_uri(struct strbuf *b, struct slice uri)
{
	for (size_t i = 0; i < uri.len; i++) {
		if (uri.ptr[i] == ' ' || uri.ptr[i] == '\t')
			strbuf_printf(b, "%%%02X", (unsigned)uri.ptr[i]);
		else
			strbuf_byte(b, uri.ptr[i]);
	}
}

static bool given(const struct check_text *t)
{
	return t->text.ptr || t->format;
}

static void add_line(struct strbuf *b, const struct http_send *send, struct sample_ctx *ctx)
{
	const struct http_send *option = option_of(send);
	struct slice uri = check_text_render(given(&send->uri) ? &send->uri : &option->uri, ctx);
	const char *version = send->version ? send->version : option->version ? option->version : "HTTP/1.0";

	strbuf_printf(b, "%s ", http_send_method(send));
	add_uri(b, uri.len ? uri : SLICE("/"));
	strbuf_printf(b, " %s\r\n", version);
}

static bool is_host(const struct check_field *f)
{
	return slice_eq_icase(slice_from_str(f->name), SLICE("host"));
}

static bool names_connection(const struct http_send *send)
{
	for (uint32_t i = 0; i < send->field_count; i++)
		if (slice_eq_icase(slice_from_str(send->fields[i].name), SLICE("connection")))
			return true;
	return false;
}

static bool names_host(const struct http_send *send)
{
	for (uint32_t i = 0; i < send->field_count; i++)
		if (is_host(&send->fields[i]))
			return true;
	return false;
}

static void add_fields(struct strbuf *b, const struct http_send *of, bool without_host, struct sample_ctx *ctx)
{
	for (uint32_t i = 0; i < of->field_count; i++) {
		struct slice value;
		if (without_host && is_host(&of->fields[i]))
			continue;
		value = check_text_render(&of->fields[i].value, ctx);
		strbuf_printf(b, "%s: ", of->fields[i].name);
		strbuf_add(b, value);
		strbuf_str(b, "\r\n");
	}
	strbuf_add(b, of->raw);
}

struct slice http_send_render(const struct http_send *send, bool keep_open, struct sample_ctx *ctx)
{
	const struct http_send *option = option_of(send);
	struct slice body = check_text_render(given(&send->body) ? &send->body : &option->body, ctx);
	struct strbuf b;

	strbuf_init(&b);
	add_line(&b, send, ctx);
	add_fields(&b, option, names_host(send), ctx);
	add_fields(&b, send, false, ctx);
	if (body.len)
		strbuf_printf(&b, "Content-Length: %zu\r\n", body.len);
	if (!names_connection(send))
		strbuf_str(&b, keep_open ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
	strbuf_str(&b, "\r\n");
	strbuf_add(&b, body);
	return keep(&b, ctx->arena);
}

static bool is_literal(const struct http_send *s)
{
	for (uint32_t i = 0; i < s->field_count; i++)
		if (s->fields[i].value.format)
			return false;
	return !s->uri.format && !s->body.format;
}

bool http_send_is_literal(const struct http_send *send)
{
	return is_literal(send) && is_literal(option_of(send));
}
