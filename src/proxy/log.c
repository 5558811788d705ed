/* log: whether an exchange is logged, with which level, and the line itself. Its variables are in log_vars.c and
 * log_time.c. */
#include "ballast/proxy/log.h"

#include <string.h>

#include "internal.h"
#include "log_private.h"

enum { LINE_BYTES = 16384 };

const char log_format_tcp[] = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
const char log_format_tcp_clf[] =
	"%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U "
	"%ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";
const char log_format_http[] =
	"%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq "
	"%hr %hs %{+Q}r";
const char log_format_http_clf[] =
	"%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc "
	"%ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

static struct {
	struct arena arena;
	struct format *http, *tcp;
} defaults;

static int compile_defaults(void)
{
	struct diag d;
	unsigned phases = PHASE_LOG;

	diag_init(&d);
	arena_init_heap(&defaults.arena);
	defaults.http = format_parse("Connect from %ci:%cp to %fi:%fp (%f/HTTP)", NULL, FORMAT_LOG, phases,
		&defaults.arena, &d);
	defaults.tcp =
		format_parse("Connect from %ci:%cp to %fi:%fp (%f/TCP)", NULL, FORMAT_LOG, phases, &defaults.arena, &d);
	diag_free(&d);
	return defaults.http && defaults.tcp ? 0 : -ENOMEM;
}

int exchange_log_register(void)
{
	int rc = log_register_vars(log_vars, log_var_count);
	if (rc == 0)
		rc = log_register_vars(log_times, log_time_count);
	if (rc == 0)
		rc = log_register_vars(log_capture_vars, log_capture_var_count);
	return rc ? rc : compile_defaults();
}

uint64_t frontend_log_count(const struct frontend *f)
{
	unsigned threads = loop_count() ? loop_count() : 1;
	uint64_t sum = 0;

	for (unsigned i = 0; i < threads; i++)
		sum += atomic_load_explicit(&f->thread[i].logged, memory_order_relaxed);
	return sum;
}

static void count_line(const struct frontend *f)
{
	_Atomic uint64_t *n = &f->thread[loop_self->index].logged;
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* ---- whether ---- */

/* Without error, timeout, retry, redispatch or 5xx (HAProxy's manual, section 8.3.4). */
static bool is_normal(const struct exchange *x)
{
	return (x->cause == CAUSE_NONE || x->cause == CAUSE_LOCAL) && !x->retries && !(x->flags & XF_REDISPATCHED) &&
	       x->status < 500;
}

static bool is_logged(const struct exchange *x)
{
	const struct frontend_settings *set = &x->frontend->set;

	if (x->flags & (XF_NO_LOG | XF_LOGGED) || x->log_level == LOG_SILENT_SET)
		return false;
	if (set->dontlog_null && !x->bytes_in && !x->bytes_out)
		return false;
	return !(set->dontlog_normal && is_normal(x));
}

/* ---- the line ---- */

/* What went wrong may have a format of its own. */
static void render_line(struct exchange *x, struct strbuf *line)
{
	const struct frontend_settings *set = &x->frontend->set;
	const struct format *format = set->log_format;

	if (set->log_error_format && !is_normal(x)) {
		format_render(set->log_error_format, &x->sample, line);
	} else if (set->log_json) {
		struct strbuf json;
		strbuf_init_fixed(&json, line->ptr + line->len, LINE_BYTES - line->len);
		log_json(x, &json);
		strbuf_commit(line, json.len);
	} else {
		if (!format)
			format = x->frontend->mode == MODE_HTTP ? defaults.http : defaults.tcp;
		format_render(format, &x->sample, line);
	}
}

/* Apart, so that its stack is taken only where there is a line. */
__attribute__((noinline)) static void send_line(struct exchange *x, enum log_level level)
{
	const struct frontend *f = x->frontend;
	size_t structured = 0;
	unsigned phase = x->sample.phase;
	char text[LINE_BYTES];
	struct strbuf line;

	x->sample.phase = PHASE_LOG;
	x->sample.now_ms = loop_self->now_ms;
	x->sample.wall_us = loop_self->wall_us;
	strbuf_init_fixed(&line, text, sizeof text);
	if (f->set.log_structured) {
		format_render(f->set.log_structured, &x->sample, &line);
		structured = line.len;
		strbuf_byte(&line, ' ');
	}
	render_line(x, &line);
	x->sample.phase = phase;
	log_send_structured(&f->log, level, strbuf_slice(&line), structured);
	count_line(f);
}

static void log_line(struct exchange *x)
{
	enum log_level level = x->log_level ? (enum log_level)(x->log_level - 1) : LOG_L_INFO;

	if (log_wanted(&x->frontend->log, level))
		send_line(x, level);
}

/* What a server sent is no longer there when the exchange ends: only its status is known. */
static void keep_status_only(struct exchange *x)
{
	if (!(x->flags & XF_LOCAL))
		x->response.field_count = 0;
	else if (x->flags & XF_RESPONSE_HEAD)
		x->sample.res = &x->response;
}

void exchange_log(struct exchange *x)
{
	if (!is_logged(x))
		return;
	keep_status_only(x);
	log_line(x);
}

void exchange_log_early(struct exchange *x)
{
	uint64_t sent = x->bytes_out;

	if (BL_LIKELY(!x->frontend->set.log_asap) || !is_logged(x))
		return;
	x->bytes_out += proxy_thread()->to_client.bytes; /* the head, about to go out */
	log_line(x);
	x->bytes_out = sent;
	x->flags |= XF_LOGGED;
}
