/* What the files of the log share. */
#ifndef PROXY_LOG_PRIVATE_H
#define PROXY_LOG_PRIVATE_H

#include "ballast/proxy/exchange.h"
#include "ballast/sample/format.h"

/* A log variable has a value from the accepted connection on; timers and counts are those of the moment. */
enum { LOG_ANY = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG };

extern const struct log_var_row log_vars[], log_times[], log_capture_vars[];
extern const unsigned log_var_count, log_time_count, log_capture_var_count;

static inline struct exchange *log_exchange(struct sample_ctx *ctx)
{
	return ctx->exchange;
}

/* "24/Nov/2026:23:00:36.123" of a moment of the loop's clock. */
void log_add_date(struct strbuf *out, uint64_t mono_ns);
/* "HTTP/1.1" of a request line. */
struct slice log_version(struct slice request);

enum log_timer {
	LOG_TIMER_HANDSHAKE,
	LOG_TIMER_IDLE,
	LOG_TIMER_REQUEST,
	LOG_TIMER_IDLE_AND_REQUEST,
	LOG_TIMER_QUEUE,
	LOG_TIMER_CONNECT,
	LOG_TIMER_RESPONSE,
	LOG_TIMER_DATA,
	LOG_TIMER_ACTIVE,
	LOG_TIMER_TOTAL,
	LOG_TIMER_USER,
};
/* Milliseconds; -1 where it was not reached. */
int64_t log_timer_ms(const struct exchange *x, enum log_timer which);
/* Wall time, us since 1970, of a moment of the loop's clock. */
uint64_t log_wall_us(uint64_t mono_ns);

/* The line of `option jsonlog`. */
void log_json(struct exchange *x, struct strbuf *out);

/* Logged before its end (`option logasap`): totals are not final. */
static inline bool log_is_early(const struct sample_ctx *ctx, const struct exchange *x)
{
	return ctx->phase == PHASE_LOG && !x->t_end;
}

#endif
