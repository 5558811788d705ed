/* option jsonlog: a line that is one JSON object (RFC 8259), with keys that stay as they are.  doc/logs.md lists them: who
 * adds one adds it there, and none is ever taken away or given another meaning.
 *
 * What is not there is null.  Bytes that are no UTF-8 are written as if they were Latin-1, so that each line is valid.
 */
#include <time.h>

#include "ballast/tls/tls.h"
#include "internal.h"
#include "log_private.h"
#include "persist.h"

/* ---- values ---- */

/* Bytes of the UTF-8 sequence at `at`; 0: it is none. */
static size_t sequence(const unsigned char *at, size_t left)
{
	size_t len = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
		(at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return len;
}

static void add_string(struct strbuf *out, struct slice s)
{
	strbuf_byte(out, '"');
	for (size_t i = 0; i < s.len;) {
		const unsigned char *at = (const unsigned char *)s.ptr + i;
		size_t len = *at < 0x80 ? 1 : sequence(at, s.len - i);
		bool escaped = !len || *at < 0x20 || *at == 0x7f;
		if (escaped)
			strbuf_printf(out, "\\u%04x", *at);
		else if (*at == '"' || *at == '\\')
			strbuf_printf(out, "\\%c", *at);
		else
			strbuf_add(out, slice_of((const char *)at, len));
		i += len ? len : 1;
	}
	strbuf_byte(out, '"');
}

static void key(struct strbuf *out, const char *name)
{
	strbuf_printf(out, "%c\"%s\":", out->len ? ',' : '{', name);
}

static void text(struct strbuf *out, const char *name, struct slice value)
{
	key(out, name);
	if (value.ptr && value.len)
		add_string(out, value);
	else
		strbuf_str(out, "null");
}

static void words(struct strbuf *out, const char *name, const char *value)
{
	text(out, name, value ? slice_from_str(value) : slice_of(NULL, 0));
}

/* Below 0: there is none. */
static void number(struct strbuf *out, const char *name, int64_t value)
{
	key(out, name);
	if (value < 0)
		strbuf_str(out, "null");
	else
		strbuf_i64(out, value);
}

static void address(struct strbuf *out, const char *ip, const char *port, const union addr *a)
{
	char buf[ADDR_TEXT_MAX];
	bool inet = a->family == AF_INET || a->family == AF_INET6;

	text(out, ip, inet ? addr_ip_text(a, buf) : slice_of(NULL, 0));
	number(out, port, inet ? addr_port(a) : -1);
}

/* "2026-11-25T04:30:51.123Z" */
static void date(struct strbuf *out, const char *name, uint64_t us)
{
	time_t second = (time_t)(us / 1000000);
	struct tm tm;
	char buf[32];

	gmtime_r(&second, &tm);
	strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%S", &tm);
	key(out, name);
	strbuf_printf(out, "\"%s.%03uZ\"", buf, (unsigned)(us / 1000 % 1000));
}

/* ---- the line ---- */

static void add_names(struct strbuf *out, const struct exchange *x)
{
	char state[2] = { (char)x->cause, x->phase_letter };

	words(out, "frontend", x->frontend->name);
	words(out, "backend", x->backend ? x->backend->name : NULL);
	words(out, "server", x->server ? x->server->name : NULL);
	text(out, "state", slice_of(state, 2));
}

static void add_request(struct strbuf *out, const struct exchange *x)
{
	if (x->flags & XF_TCP)
		return;
	text(out, "method", x->log_method);
	text(out, "uri", x->log_target);
	text(out, "version", log_version(x->log_request));
	number(out, "status", x->status ? x->status : -1);
}

static void add_counts(struct strbuf *out, const struct exchange *x)
{
	number(out, "bytes_in", (int64_t)x->bytes_in);
	number(out, "bytes_out", (int64_t)x->bytes_out);
	number(out, "retries", x->retries);
	key(out, "redispatched");
	strbuf_str(out, x->flags & XF_REDISPATCHED ? "true" : "false");
	number(out, "queue_server", x->queue_server);
	number(out, "queue_backend", x->queue_backend);
}

static void add_times(struct strbuf *out, const struct exchange *x)
{
	static const struct {
		const char *name;
		enum log_timer timer;
		bool http;
	} rows[] = {
		{ "ms_handshake", LOG_TIMER_HANDSHAKE, false },
		{ "ms_idle", LOG_TIMER_IDLE, true },
		{ "ms_request", LOG_TIMER_REQUEST, true },
		{ "ms_queue", LOG_TIMER_QUEUE, false },
		{ "ms_connect", LOG_TIMER_CONNECT, false },
		{ "ms_response", LOG_TIMER_RESPONSE, true },
		{ "ms_data", LOG_TIMER_DATA, false },
		{ "ms_active", LOG_TIMER_ACTIVE, true },
		{ "ms_total", LOG_TIMER_TOTAL, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!rows[i].http || !(x->flags & XF_TCP))
			number(out, rows[i].name, log_timer_ms(x, rows[i].timer));
}

void log_json(struct exchange *x, struct strbuf *out)
{
	date(out, "time", log_wall_us(x->t_first ? x->t_first : x->t_accept));
	number(out, "id", (int64_t)x->id);
	text(out, "unique_id", exchange_unique_id(x));
	address(out, "client_ip", "client_port", &x->client->peer);
	add_names(out, x);
	add_request(out, x);
	add_counts(out, x);
	add_times(out, x);
	words(out, "tls_version", tls_version_name(&x->client->conn));
	words(out, "tls_cipher", tls_cipher_name(&x->client->conn));
	strbuf_byte(out, '}');
}
