/* Counts and limits of TLS in this process; a handshake costs so much more that shared counters do not matter. */
#include <string.h>

#include "ballast/base/clock.h"
#include "ballast/base/rate_gate.h"
#include "private.h"

uint32_t tls_cache_sessions = 20000, tls_lifetime_s = 300;

static uint32_t limit;
static struct rate_gate rate;
static _Atomic uint64_t connections, failed, full[2], resumed[2];
static _Atomic uint32_t current;

void tls_set_sessions(uint32_t count, uint32_t lifetime_s)
{
	tls_cache_sessions = count;
	tls_lifetime_s = lifetime_s;
}

void tls_set_limits(uint32_t max, uint32_t per_second)
{
	limit = max;
	rate_gate_set(&rate, per_second);
}

void tls_set_rate_limit(uint32_t per_second)
{
	rate_gate_set(&rate, per_second);
}

static void add(_Atomic uint64_t *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

bool tls_count_in(bool accepts)
{
	uint32_t before = atomic_fetch_add_explicit(&current, 1, memory_order_relaxed);

	if ((limit && before >= limit) ||
		(accepts && !rate_gate_pass(&rate, loop_self ? loop_self->now_ns : clock_mono_ns()))) {
		tls_count_out();
		return false;
	}
	if (accepts)
		add(&connections);
	return true;
}

void tls_count_out(void)
{
	atomic_fetch_sub_explicit(&current, 1, memory_order_relaxed);
}

void tls_count_handshake(const struct tls_conn *t, bool good)
{
	if (!good)
		add(&failed);
	else
		add(SSL_session_reused(t->ssl) ? &resumed[t->is_server] : &full[t->is_server]);
}

void tls_counts(struct tls_counts *out)
{
	*out = (struct tls_counts){
		.connections = atomic_load(&connections),
		.failed = atomic_load(&failed),
		.client_full = atomic_load(&full[1]),
		.client_resumed = atomic_load(&resumed[1]),
		.server_full = atomic_load(&full[0]),
		.server_resumed = atomic_load(&resumed[0]),
		.current = atomic_load(&current),
		.limit = limit,
		.rate_limit = rate_gate_limit(&rate),
	};
}
