/* What the files of the log share. */
#ifndef PROXY_LOG_PRIVATE_H
#define PROXY_LOG_PRIVATE_H

#include "ballast/proxy/exchange.h"
#include "ballast/sample/format.h"

/* A log variable has a value from the accepted connection on; timers and counts are those of the moment. */
enum { LOG_ANY = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG };

extern const struct log_var_row log_vars[], log_times[];
extern const unsigned log_var_count, log_time_count;

static inline struct exchange *log_exchange(struct sample_ctx *ctx)
{
	return ctx->exchange;
}

/* "24/Nov/2026:23:00:36.123" of a moment of the loop's clock. */
void log_add_date(struct strbuf *out, uint64_t mono_ns);
/* "HTTP/1.1" of a request line. */
struct slice log_version(struct slice request);

/* Logged before its end (`option logasap`): totals are not final. */
static inline bool log_is_early(const struct sample_ctx *ctx, const struct exchange *x)
{
	return ctx->phase == PHASE_LOG && !x->t_end;
}

#endif
