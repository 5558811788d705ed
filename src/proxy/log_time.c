/* Dates and timers of log lines (HAProxy's manual, sections 8.2.6 and 8.4).
 *
 * Timers are differences of the loop's monotonic time, in milliseconds; -1 where what ends them was not reached.  Dates
 * are taken back from the wall clock of now by the monotonic time since then, so that a line is consistent in itself.
 */
#include <time.h>

#include "internal.h"
#include "log_private.h"

/* ---- timers ---- */

static int64_t ms_from_to(uint64_t from_ns, uint64_t to_ns)
{
	if (!from_ns || !to_ns)
		return -1;
	return to_ns > from_ns ? (int64_t)((to_ns - from_ns) / 1000000) : 0;
}

static uint64_t end_ns(const struct exchange *x)
{
	return x->t_end ? x->t_end : loop_self->now_ns;
}

/* Of the connection's first exchange. */
static int64_t handshake_ms(const struct exchange *x)
{
	return x->t_handshake ? ms_from_to(x->t_accept, x->t_handshake) : 0;
}

static int64_t idle_ms(const struct exchange *x)
{
	return x->flags & XF_TCP ? 0 : ms_from_to(x->t_handshake ? x->t_handshake : x->t_accept, x->t_first);
}

/* A head that was refused does not count. */
static int64_t request_ms(const struct exchange *x)
{
	return x->log_request.ptr ? ms_from_to(x->t_first, x->t_head) : -1;
}

/* Of a TCP session the time for which rules withheld its bytes counts, too. */
static int64_t queue_ms(const struct exchange *x)
{
	uint64_t from_ns = !(x->flags & XF_TCP) ? x->t_queue : x->t_handshake ? x->t_handshake : x->t_accept;

	if (x->t_connect_start)
		return ms_from_to(from_ns, x->t_connect_start);
	return x->phase_letter == 'Q' || x->phase_letter == 'T' ? ms_from_to(from_ns, end_ns(x)) : -1;
}

static int64_t connect_ms(const struct exchange *x)
{
	return ms_from_to(x->t_connect_start, x->t_connected);
}

static int64_t response_ms(const struct exchange *x)
{
	return ms_from_to(x->t_connected, x->t_response);
}

static int64_t data_ms(const struct exchange *x)
{
	if (x->flags & XF_TCP)
		return ms_from_to(x->t_connected, end_ns(x));
	return response_ms(x) < 0 ? -1 : ms_from_to(x->t_response, end_ns(x));
}

static int64_t total_ms(const struct exchange *x)
{
	return ms_from_to(x->t_accept, end_ns(x));
}

static int64_t active_ms(const struct exchange *x)
{
	return ms_from_to(x->t_first ? x->t_first : x->t_accept, end_ns(x));
}

static int64_t user_ms(const struct exchange *x)
{
	return total_ms(x) - (idle_ms(x) > 0 ? idle_ms(x) : 0);
}

static int64_t idle_and_request_ms(const struct exchange *x)
{
	return idle_ms(x) < 0 || request_ms(x) < 0 ? -1 : ms_from_to(x->t_accept, x->t_head);
}

int64_t log_timer_ms(const struct exchange *x, enum log_timer which)
{
	static int64_t (*const timers[])(const struct exchange *x) = {
		[LOG_TIMER_HANDSHAKE] = handshake_ms,
		[LOG_TIMER_IDLE] = idle_ms,
		[LOG_TIMER_REQUEST] = request_ms,
		[LOG_TIMER_IDLE_AND_REQUEST] = idle_and_request_ms,
		[LOG_TIMER_QUEUE] = queue_ms,
		[LOG_TIMER_CONNECT] = connect_ms,
		[LOG_TIMER_RESPONSE] = response_ms,
		[LOG_TIMER_DATA] = data_ms,
		[LOG_TIMER_ACTIVE] = active_ms,
		[LOG_TIMER_TOTAL] = total_ms,
		[LOG_TIMER_USER] = user_ms,
	};
	return timers[which](x);
}

static void add_timer(struct strbuf *out, int64_t ms)
{
	strbuf_i64(out, ms);
}

/* A total: '+' says that it will be larger. */
static void add_total(struct sample_ctx *ctx, const struct exchange *x, struct strbuf *out, int64_t ms)
{
	if (log_is_early(ctx, x))
		strbuf_byte(out, '+');
	strbuf_i64(out, ms);
}

#define TIMER(name, value) \
	static void name(struct sample_ctx *ctx, unsigned flags, struct strbuf *out) \
	{ \
		const struct exchange *x = log_exchange(ctx); \
		(void)flags; \
		value; \
	}

TIMER(run_handshake, add_timer(out, handshake_ms(x)))
TIMER(run_idle, add_timer(out, idle_ms(x)))
TIMER(run_request, add_timer(out, request_ms(x)))
TIMER(run_queue, add_timer(out, queue_ms(x)))
TIMER(run_connect, add_timer(out, connect_ms(x)))
TIMER(run_response, add_timer(out, response_ms(x)))
TIMER(run_data, add_total(ctx, x, out, data_ms(x)))
TIMER(run_active, add_total(ctx, x, out, active_ms(x)))
TIMER(run_total, add_total(ctx, x, out, total_ms(x)))
TIMER(run_user, add_total(ctx, x, out, user_ms(x)))
TIMER(run_idle_and_request, add_timer(out, idle_and_request_ms(x)))

/* ---- dates ---- */

uint64_t log_wall_us(uint64_t mono_ns)
{
	return loop_self->wall_us - (loop_self->now_ns - mono_ns) / 1000;
}

static uint64_t accept_us(struct sample_ctx *ctx)
{
	return log_wall_us(log_exchange(ctx)->t_accept);
}

static uint64_t request_us(struct sample_ctx *ctx)
{
	const struct exchange *x = log_exchange(ctx);
	return log_wall_us(x->t_first ? x->t_first : x->t_accept);
}

enum { DATE_BYTES = 20, ZONE_BYTES = 6 };

/* "24/Nov/2026:23:00:36" and " +0100" of one second; the last one of each thread is kept. */
struct second_text {
	time_t second;
	bool known;
	char date[DATE_BYTES + 1], zone[ZONE_BYTES + 1];
};

static const struct second_text *second_text(uint64_t us, bool local)
{
	static _Thread_local struct second_text kept[2];
	static const char month[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	struct second_text *s = &kept[local];
	time_t second = (time_t)(us / 1000000);
	struct tm tm;
	char text[64];

	if (s->known && s->second == second)
		return s;
	s->known = true;
	s->second = second;
	if (local)
		localtime_r(&second, &tm);
	else
		gmtime_r(&second, &tm);
	snprintf(text, sizeof text, "%02d/%s/%04d:%02d:%02d:%02d", tm.tm_mday, month[tm.tm_mon % 12], tm.tm_year + 1900,
		tm.tm_hour, tm.tm_min, tm.tm_sec);
	memcpy(s->date, text, DATE_BYTES);
	strftime(s->zone, sizeof s->zone, " %z", &tm);
	return s;
}

static void add_date_zone(struct strbuf *out, uint64_t us, bool local)
{
	const struct second_text *s = second_text(us, local);
	strbuf_str(out, s->date);
	strbuf_str(out, s->zone);
}

static void add_ms(struct strbuf *out, uint64_t us)
{
	unsigned ms = (unsigned)(us / 1000 % 1000);
	char text[3] = { (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10) };
	strbuf_add(out, slice_of(text, 3));
}

static void add_date_ms(struct strbuf *out, uint64_t us)
{
	strbuf_str(out, second_text(us, true)->date);
	strbuf_byte(out, '.');
	add_ms(out, us);
}

void log_add_date(struct strbuf *out, uint64_t mono_ns)
{
	add_date_ms(out, log_wall_us(mono_ns));
}

static void add_accept_ms(struct strbuf *out, unsigned flags, uint64_t us)
{
	if (flags & FORMAT_HEX)
		strbuf_printf(out, "%02X", (unsigned)(us / 1000 % 1000));
	else
		add_ms(out, us);
}

static void add_seconds(struct strbuf *out, unsigned flags, uint64_t us)
{
	if (flags & FORMAT_HEX)
		strbuf_printf(out, "%04llX", (unsigned long long)(us / 1000000));
	else
		strbuf_u64(out, us / 1000000);
}

#define DATE(name, value) \
	static void name(struct sample_ctx *ctx, unsigned flags, struct strbuf *out) \
	{ \
		(void)flags; \
		value; \
	}

DATE(run_accept_utc, add_date_zone(out, accept_us(ctx), false))
DATE(run_accept_local, add_date_zone(out, accept_us(ctx), true))
DATE(run_accept_seconds, add_seconds(out, flags, accept_us(ctx)))
DATE(run_accept, add_date_ms(out, accept_us(ctx)))
DATE(run_accept_ms, add_accept_ms(out, flags, accept_us(ctx)))
DATE(run_request_date, add_date_ms(out, request_us(ctx)))
DATE(run_request_utc, add_date_zone(out, request_us(ctx), false))
DATE(run_request_local, add_date_zone(out, request_us(ctx), true))

const struct log_var_row log_times[] = {
	{ "T", LOG_VAR_PLAIN, LOG_ANY, false, run_accept_utc, "date of the accept in UTC, with its zone" },
	{ "Tl", LOG_VAR_PLAIN, LOG_ANY, false, run_accept_local, "local date of the accept, with its zone" },
	{ "Ts", LOG_VAR_PLAIN, LOG_ANY, false, run_accept_seconds, "date of the accept in seconds since 1970" },
	{ "t", LOG_VAR_PLAIN, LOG_ANY, false, run_accept, "local date of the accept, with milliseconds" },
	{ "ms", LOG_VAR_PLAIN, LOG_ANY, false, run_accept_ms, "milliseconds of the date of the accept" },
	{ "tr", LOG_VAR_PLAIN, LOG_ANY, true, run_request_date,
		"local date of the request's first byte, with milliseconds" },
	{ "trg", LOG_VAR_PLAIN, LOG_ANY, true, run_request_utc,
		"date of the request's first byte in UTC, with its zone" },
	{ "trl", LOG_VAR_PLAIN, LOG_ANY, true, run_request_local,
		"local date of the request's first byte, with its zone" },
	{ "Th", LOG_VAR_PLAIN, LOG_ANY, false, run_handshake, "ms of the connection's handshakes" },
	{ "Ti", LOG_VAR_PLAIN, LOG_ANY, true, run_idle, "ms until the request's first byte" },
	{ "TR", LOG_VAR_PLAIN, LOG_ANY, true, run_request,
		"ms from the request's first byte to the end of its header" },
	{ "Tq", LOG_VAR_PLAIN, LOG_ANY, true, run_idle_and_request, "Th + Ti + TR" },
	{ "Tw", LOG_VAR_PLAIN, LOG_ANY, false, run_queue, "ms in queues" },
	{ "Tc", LOG_VAR_PLAIN, LOG_ANY, false, run_connect, "ms until the connection to the server was made" },
	{ "Tr", LOG_VAR_PLAIN, LOG_ANY, true, run_response, "ms until the server's response header was there" },
	{ "Td", LOG_VAR_PLAIN, LOG_ANY, false, run_data, "ms from there to the end of the data" },
	{ "Ta", LOG_VAR_PLAIN, LOG_ANY, true, run_active, "ms from the request's first byte to the end" },
	{ "Tt", LOG_VAR_PLAIN, LOG_ANY, false, run_total,
		"ms from the accept, or the end of the last response, to the end" },
	{ "Tu", LOG_VAR_PLAIN, LOG_ANY, false, run_user, "Tt without idle time" },
};
const unsigned log_time_count = sizeof log_times / sizeof log_times[0];
