/* `show info` and `show version`: the process as a whole, under the names that tools look for.
 *
 * What lies in the threads (exchanges, buffer pools, time spent waiting) is gathered on a tour through them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ballast/base/buffer.h"
#include "ballast/base/clock.h"
#include "ballast/net/listener.h"
#include "ballast/proxy/exchange.h"
#include "ballast/tls/tls.h"
#include "internal.h"
#include "value.h"

struct info {
	struct tour tour;
	bool typed, json, desc, real;
	/* gathered in the threads */
	uint64_t exchanges, pool_allocated, pool_used, wait_ns, work_ns;
	/* summed over the frontends */
	uint64_t connections, requests, bytes_out, conn_rate, conn_rate_max, sess_rate, sess_rate_max, listeners;
	uint64_t files, now_ns;
	char uptime[32];
	const char *comma;
	struct admin *admin;
};

struct info_row {
	unsigned pos; /* number in HAProxy's list; some are left out there too */
	const char *name;
	struct value_kind kind;
	struct value (*get)(const struct info *i);
	const char *desc;
};

static struct value get_none(const struct info *i)
{
	(void)i;
	return value_number(0);
}

static struct tls_counts tls_now(void)
{
	struct tls_counts n;
	tls_counts(&n);
	return n;
}

#define TLS_VALUE(name, number) \
	static struct value name(const struct info *i) \
	{ \
		struct tls_counts n = tls_now(); \
		(void)i; \
		return value_number(number); \
	}

TLS_VALUE(get_tls_limit, n.limit)
TLS_VALUE(get_tls_current, n.current)
TLS_VALUE(get_tls_connections, n.connections)
TLS_VALUE(get_tls_rate_limit, n.rate_limit)
TLS_VALUE(get_tls_reuse_percent, n.client_resumed ? 100 * n.client_resumed / (n.client_resumed + n.client_full) : 0)

static struct value get_one(const struct info *i)
{
	(void)i;
	return value_number(1);
}

static struct value get_name(const struct info *i)
{
	(void)i;
	return value_text("Ballast");
}

static struct value get_version(const struct info *i)
{
	return value_text(i->admin->options.version);
}

static struct value get_release_date(const struct info *i)
{
	return value_text(i->admin->options.release_date);
}

static struct value get_threads(const struct info *i)
{
	(void)i;
	return value_number(loop_count() ? loop_count() : 1);
}

static struct value get_pid(const struct info *i)
{
	(void)i;
	return value_number((uint64_t)getpid());
}

static struct value get_uptime(const struct info *i)
{
	return value_text(i->uptime);
}

static struct value get_uptime_sec(const struct info *i)
{
	uint64_t ns = i->now_ns - i->admin->started_ns;

	return i->real ? value_real((double)ns / 1e9) : value_number(ns / 1000000000);
}

static struct value get_start_time(const struct info *i)
{
	uint64_t us = i->admin->started_us;

	return i->real ? value_real((double)us / 1e6) : value_number(us / 1000000);
}

static struct value get_pool_allocated(const struct info *i)
{
	return value_number(i->pool_allocated);
}

static struct value get_pool_used(const struct info *i)
{
	return value_number(i->pool_used);
}

static struct value get_pool_allocated_mb(const struct info *i)
{
	return value_number(i->pool_allocated >> 20);
}

static struct value get_pool_used_mb(const struct info *i)
{
	return value_number(i->pool_used >> 20);
}

static struct value get_files(const struct info *i)
{
	return value_number(i->files);
}

static struct value get_maxconn(const struct info *i)
{
	(void)i;
	return value_number(frontend_process_maxconn());
}

static struct value get_hard_maxconn(const struct info *i)
{
	return value_number(i->admin->maxconn_start);
}

static struct value get_connections_now(const struct info *i)
{
	(void)i;
	return value_number(frontend_process_connections());
}

static struct value get_connections(const struct info *i)
{
	return value_number(i->connections);
}

static struct value get_requests(const struct info *i)
{
	return value_number(i->requests);
}

static struct value get_conn_rate(const struct info *i)
{
	return value_number(i->conn_rate);
}

static struct value get_conn_rate_limit(const struct info *i)
{
	(void)i;
	return value_number(rate_gate_limit(frontend_connection_rate()));
}

static struct value get_sess_rate_limit(const struct info *i)
{
	(void)i;
	return value_number(rate_gate_limit(frontend_session_rate()));
}

static struct value get_conn_rate_max(const struct info *i)
{
	return value_number(i->conn_rate_max);
}

static struct value get_sess_rate(const struct info *i)
{
	return value_number(i->sess_rate);
}

static struct value get_sess_rate_max(const struct info *i)
{
	return value_number(i->sess_rate_max);
}

/* There are no tasks here: what comes nearest is what runs by itself, connections and exchanges. */
static struct value get_tasks(const struct info *i)
{
	return value_number(frontend_process_connections() + i->exchanges);
}

static struct value get_idle_percent(const struct info *i)
{
	return value_number(i->admin->idle_percent);
}

static struct value get_node(const struct info *i)
{
	const char *node = i->admin->graph->global.node;
	static char host[256];

	if (node)
		return value_text(node);
	return value_text(gethostname(host, sizeof host - 1) ? "" : host);
}

static struct value get_description(const struct info *i)
{
	const char *text = i->admin->graph->global.description;

	return text ? value_text(text) : (struct value){ .set = false };
}

static struct value get_stopping(const struct info *i)
{
	(void)i;
	return value_number(frontend_is_stopping());
}

static struct value get_jobs(const struct info *i)
{
	return value_number(frontend_process_connections() + i->listeners);
}

static struct value get_listeners(const struct info *i)
{
	return value_number(i->listeners);
}

static struct value get_dropped_logs(const struct info *i)
{
	(void)i;
	return value_number(log_dropped_total());
}

static struct value get_bytes_out(const struct info *i)
{
	return value_number(i->bytes_out);
}

static struct value get_byte_rate(const struct info *i)
{
	return value_number(i->admin->byte_rate);
}

static struct value get_tainted(const struct info *i)
{
	(void)i;
	return value_text("0");
}

static struct value get_warnings(const struct info *i)
{
	return value_number(i->admin->options.warnings);
}

static struct value get_boot_ms(const struct info *i)
{
	return value_number((i->admin->started_ns - i->admin->options.begun_ns) / 1000000);
}

static struct value get_exchanges_now(const struct info *i)
{
	return value_number(i->exchanges);
}

static const struct info_row info_rows[] = {
	{ 0, "Name", { "POS", VALUE_STR }, get_name, "Name of the program" },
	{ 1, "Version", { "POS", VALUE_STR }, get_version, "Version of the program" },
	{ 2, "Release_date", { "POS", VALUE_STR }, get_release_date, "Date of that version" },
	{ 3, "Nbthread", { "CGS", VALUE_U32 }, get_threads, "Threads that serve" },
	{ 4, "Nbproc", { "CGS", VALUE_U32 }, get_one, "Worker processes, always 1" },
	{ 5, "Process_num", { "KGP", VALUE_U32 }, get_one, "Number of this worker process, always 1" },
	{ 6, "Pid", { "SGP", VALUE_U32 }, get_pid, "Process id" },
	{ 7, "Uptime", { "MDP", VALUE_STR }, get_uptime, "Time since the start" },
	{ 8, "Uptime_sec", { "MDP", VALUE_U32 }, get_uptime_sec, "Seconds since the start" },
	{ 9, "Memmax_MB", { "CLP", VALUE_U32 }, get_none, "Limit of memory in MB; 0: none" },
	{ 10, "PoolAlloc_MB", { "MGP", VALUE_U32 }, get_pool_allocated_mb, "MB allocated by the buffer pools" },
	{ 11, "PoolUsed_MB", { "MGP", VALUE_U32 }, get_pool_used_mb, "MB of them in use" },
	{ 12, "PoolFailed", { "MCP", VALUE_U32 }, get_none, "Failed allocations of the pools" },
	{ 13, "Ulimit-n", { "CLP", VALUE_U32 }, get_files, "Limit of open files" },
	{ 14, "Maxsock", { "CLP", VALUE_U32 }, get_files, "Limit of open sockets" },
	{ 15, "Maxconn", { "CLP", VALUE_U32 }, get_maxconn, "Limit of client connections now" },
	{ 16, "Hard_maxconn", { "CLP", VALUE_U32 }, get_hard_maxconn, "Limit of client connections as started" },
	{ 17, "CurrConns", { "MGP", VALUE_U32 }, get_connections_now, "Client connections now" },
	{ 18, "CumConns", { "MCP", VALUE_U32 }, get_connections, "Client connections in all" },
	{ 19, "CumReq", { "MCP", VALUE_U32 }, get_requests, "Requests in all" },
	{ 20, "MaxSslConns", { "MMP", VALUE_U32 }, get_tls_limit, "Limit of TLS connections; 0: none" },
	{ 21, "CurrSslConns", { "MGP", VALUE_U32 }, get_tls_current, "TLS connections now" },
	{ 22, "CumSslConns", { "MCP", VALUE_U32 }, get_tls_connections, "TLS connections in all" },
	{ 23, "Maxpipes", { "CLP", VALUE_U32 }, get_none, "Limit of pipes for splicing; 0: none" },
	{ 24, "PipesUsed", { "MGP", VALUE_U32 }, get_none, "Pipes in use" },
	{ 25, "PipesFree", { "MGP", VALUE_U32 }, get_none, "Pipes kept for later" },
	{ 26, "ConnRate", { "MRP", VALUE_U32 }, get_conn_rate, "Client connections in the last second" },
	{ 27, "ConnRateLimit", { "CLP", VALUE_U32 }, get_conn_rate_limit, "Limit of ConnRate; 0: none" },
	{ 28, "MaxConnRate", { "MMP", VALUE_U32 }, get_conn_rate_max, "Highest ConnRate so far" },
	{ 29, "SessRate", { "MRP", VALUE_U32 }, get_sess_rate, "Sessions in the last second" },
	{ 30, "SessRateLimit", { "CLP", VALUE_U32 }, get_sess_rate_limit, "Limit of SessRate; 0: none" },
	{ 31, "MaxSessRate", { "MRP", VALUE_U32 }, get_sess_rate_max, "Highest SessRate so far" },
	{ 32, "SslRate", { "MRP", VALUE_U32 }, get_none, "TLS connections in the last second" },
	{ 33, "SslRateLimit", { "CLP", VALUE_U32 }, get_tls_rate_limit, "Limit of SslRate; 0: none" },
	{ 34, "MaxSslRate", { "MMP", VALUE_U32 }, get_none, "Highest SslRate so far" },
	{ 35, "SslFrontendKeyRate", { "MGP", VALUE_U32 }, get_none, "Keys made for clients in the last second" },
	{ 36, "SslFrontendMaxKeyRate", { "MMP", VALUE_U32 }, get_none, "Highest SslFrontendKeyRate so far" },
	{ 37, "SslFrontendSessionReuse_pct", { "MGP", VALUE_U32 }, get_tls_reuse_percent,
		"Percent of TLS sessions resumed by clients" },
	{ 38, "SslBackendKeyRate", { "MRP", VALUE_U32 }, get_none, "Keys made for servers in the last second" },
	{ 39, "SslBackendMaxKeyRate", { "MMP", VALUE_U32 }, get_none, "Highest SslBackendKeyRate so far" },
	{ 40, "SslCacheLookups", { "MCP", VALUE_U32 }, get_none, "Lookups of TLS sessions" },
	{ 41, "SslCacheMisses", { "MCP", VALUE_U32 }, get_none, "Lookups of TLS sessions that found none" },
	{ 42, "CompressBpsIn", { "MRP", VALUE_U32 }, get_none, "Bytes given to compression in the last second" },
	{ 43, "CompressBpsOut", { "MRP", VALUE_U32 }, get_none,
		"Bytes that came out of compression in the last second" },
	{ 44, "CompressBpsRateLim", { "CLP", VALUE_U32 }, get_none, "Limit of CompressBpsOut; 0: none" },
	{ 47, "Tasks", { "MGP", VALUE_U32 }, get_tasks, "Client connections and exchanges now" },
	{ 48, "Run_queue", { "MGP", VALUE_U32 }, get_none, "Exchanges that wait for the CPU, always 0" },
	{ 49, "Idle_pct", { "MaP", VALUE_U32 }, get_idle_percent,
		"Percent of the time since the last look that threads waited" },
	{ 50, "node", { "COS", VALUE_STR }, get_node, "Name of the node" },
	{ 51, "description", { "COS", VALUE_STR }, get_description, "Description of the node" },
	{ 52, "Stopping", { "MGP", VALUE_U32 }, get_stopping, "1 while the process is stopping" },
	{ 53, "Jobs", { "MGP", VALUE_U32 }, get_jobs, "Client connections and listeners now" },
	{ 54, "Unstoppable Jobs", { "MGP", VALUE_U32 }, get_none, "Jobs that a stop does not wait for" },
	{ 55, "Listeners", { "MGP", VALUE_U32 }, get_listeners, "Listeners that are open" },
	{ 56, "ActivePeers", { "MGP", VALUE_U32 }, get_none, "Peers that are in touch" },
	{ 57, "ConnectedPeers", { "MGP", VALUE_U32 }, get_none, "Peers that are connected" },
	{ 58, "DroppedLogs", { "MGP", VALUE_U32 }, get_dropped_logs, "Log lines that no target took" },
	{ 59, "BusyPolling", { "MGP", VALUE_U32 }, get_none, "1 where threads never wait" },
	{ 60, "FailedResolutions", { "MGP", VALUE_U32 }, get_none, "Names that could not be resolved" },
	{ 61, "TotalBytesOut", { "MGP", VALUE_U64 }, get_bytes_out, "Bytes sent to clients" },
	{ 62, "TotalSplicedBytesOut", { "MGP", VALUE_U64 }, get_none,
		"Bytes of them that the kernel spliced, not counted" },
	{ 63, "BytesOutRate", { "MRP", VALUE_U64 }, get_byte_rate,
		"Bytes sent to clients a second since the last look" },
	{ 64, "DebugCommandsIssued", { "MGP", VALUE_U32 }, get_none, "Commands for debugging that were given" },
	{ 65, "CumRecvLogs", { "MCP", VALUE_U32 }, get_none, "Log lines received" },
	{ 66, "Build info", { "POS", VALUE_STR }, get_version, "Version of the program" },
	{ 67, "Memmax_bytes", { "CLP", VALUE_U32 }, get_none, "Limit of memory in bytes; 0: none" },
	{ 68, "PoolAlloc_bytes", { "MGP", VALUE_U64 }, get_pool_allocated, "Bytes allocated by the buffer pools" },
	{ 69, "PoolUsed_bytes", { "MGP", VALUE_U64 }, get_pool_used, "Bytes of them in use" },
	{ 70, "Start_time_sec", { "MDP", VALUE_U32 }, get_start_time, "Time of the start in seconds since 1970" },
	{ 71, "Tainted", { "SGP", VALUE_STR }, get_tainted, "Experimental features in use" },
	{ 72, "TotalWarnings", { "MCP", VALUE_U32 }, get_warnings, "Warnings of the configuration" },
	{ 73, "MaxconnReached", { "MCP", VALUE_U32 }, get_none, "Connections that reached Maxconn, not counted" },
	{ 74, "BootTime_ms", { "MDP", VALUE_U32 }, get_boot_ms, "Milliseconds from the start until it was ready" },
	{ 75, "Niced_tasks", { "MGP", VALUE_U32 }, get_none, "Tasks of low priority, always 0" },
	{ 76, "CurrStreams", { "MGP", VALUE_U64 }, get_exchanges_now, "Exchanges now" },
	{ 77, "CumStreams", { "MGP", VALUE_U64 }, get_requests, "Exchanges in all" },
	{ 78, "BlockedTrafficWarnings", { "MGP", VALUE_U32 }, get_none, "Warnings of a thread that was stuck" },
};
enum { INFO_COUNT = sizeof info_rows / sizeof *info_rows };

/* --- gathered --- */

static void visit(struct tour *t)
{
	struct info *i = container_of(t, struct info, tour);
	struct buffer_stats k;

	for (unsigned c = 0; c < BUFFER_CLASS_COUNT; c++) {
		buffer_stats(c, &k);
		i->pool_allocated += (k.from_malloc - k.to_malloc) * buffer_class_bytes(c);
		i->pool_used += (k.taken - k.given) * buffer_class_bytes(c);
	}
	if (!loop_self)
		return;
	i->wait_ns += counter_get(&loop_self->wait_ns);
	i->work_ns += counter_get(&loop_self->turn_ns);
	list_for_each(it, exchange_list())
		i->exchanges++;
}

static void sum_frontend(struct info *i, const struct frontend *f)
{
	const struct counters *c = &f->thread[0].counters;
	size_t stride = sizeof f->thread[0];
	unsigned threads = f->threads;
	uint32_t second = (uint32_t)(clock_wall_us() / 1000000);

	i->connections += counters_sum(c, stride, threads, COUNT_CONN);
	i->requests += counters_sum(c, stride, threads, f->mode == MODE_HTTP ? COUNT_REQ : COUNT_SESS);
	i->bytes_out += counters_sum(c, stride, threads, COUNT_BYTES_OUT);
	i->conn_rate += counters_rate(c, stride, threads, offsetof(struct counters, conn_rate), second);
	i->conn_rate_max += counters_rate_max(c, stride, threads, offsetof(struct counters, conn_rate));
	i->sess_rate += counters_rate(c, stride, threads, offsetof(struct counters, sess_rate), second);
	i->sess_rate_max += counters_rate_max(c, stride, threads, offsetof(struct counters, sess_rate));
	for (uint32_t k = 0; k < f->listener_count; k++)
		i->listeners += !atomic_load(&f->listeners[k]->closed) && !atomic_load(&f->listeners[k]->paused);
}

/* Shares and rates are those since the look before, at least a second ago. */
static void sample(struct info *i)
{
	struct admin *a = i->admin;
	uint64_t past = i->now_ns - a->sampled_ns, wait = i->wait_ns - a->sampled_wait_ns;
	uint64_t all = wait + i->work_ns - a->sampled_work_ns;

	if (past < 1000000000 && a->sampled_wait_ns)
		return;
	a->byte_rate = past ? (uint64_t)((double)(i->bytes_out - a->sampled_bytes) * 1e9 / (double)past) : 0;
	a->idle_percent = all ? (unsigned)(wait * 100 / all) : 100;
	a->sampled_ns = i->now_ns;
	a->sampled_bytes = i->bytes_out;
	a->sampled_wait_ns = i->wait_ns;
	a->sampled_work_ns = i->work_ns;
}

static void complete(struct info *i)
{
	struct rlimit files;
	unsigned up;

	i->now_ns = clock_mono_ns();
	up = (unsigned)((i->now_ns - i->admin->started_ns) / 1000000000);
	snprintf(i->uptime, sizeof i->uptime, "%ud %uh%02um%02us", up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	i->files = getrlimit(RLIMIT_NOFILE, &files) ? 0 : files.rlim_cur;
	for (const struct frontend *f = i->admin->graph->frontends; f; f = f->next)
		sum_frontend(i, f);
	i->listeners += i->admin->listener_count;
	sample(i);
}

/* --- written --- */

static void write_row(struct info *i, struct strbuf *to, const struct info_row *r)
{
	struct value v = r->get(i);
	struct value_kind kind = r->kind;

	if (!v.set)
		return;
	if (i->real && (r->get == get_uptime_sec || r->get == get_start_time))
		kind.type = VALUE_FLT;
	if (i->json) {
		strbuf_printf(to, "%s{\"field\":{\"pos\":%u,\"name\":\"%s\"},", i->comma, r->pos, r->name);
		value_print_json(to, kind, v);
		strbuf_byte(to, '}');
		i->comma = ",";
		return;
	}
	if (i->typed) {
		strbuf_printf(to, "%u.%s.1", r->pos, r->name);
		value_print_typed(to, kind, v);
	} else {
		strbuf_printf(to, "%s: ", r->name);
		value_print(to, kind, v);
	}
	if (i->desc)
		strbuf_printf(to, ":\"%s\"", r->desc);
	strbuf_byte(to, '\n');
}

static void done(struct tour *t)
{
	struct info *i = container_of(t, struct info, tour);
	struct strbuf *to = command_out(t->session);

	complete(i);
	i->comma = "";
	if (i->json)
		strbuf_byte(to, '[');
	for (unsigned k = 0; k < INFO_COUNT; k++)
		write_row(i, to, &info_rows[k]);
	if (i->json)
		strbuf_str(to, "]\n");
}

static void free_info(struct tour *t)
{
	free(container_of(t, struct info, tour));
}

static void run_show_info(struct admin_session *s, char **args, int count)
{
	struct info *i = calloc(1, sizeof *i);

	if (!i) {
		command_say(s, "Out of memory.");
		return;
	}
	for (int k = 0; k < count; k++) {
		i->typed |= !strcmp(args[k], "typed");
		i->json |= !strcmp(args[k], "json");
		i->desc |= !strcmp(args[k], "desc");
		i->real |= !strcmp(args[k], "float");
	}
	i->admin = s->admin;
	i->tour.visit = visit;
	i->tour.done = done;
	i->tour.free = free_info;
	tour_start(&i->tour, s);
}

static void run_show_version(struct admin_session *s, char **args, int count)
{
	(void)args, (void)count;
	command_say(s, "%s", s->admin->options.version);
}

static const struct command_row rows[] = {
	{ { "show", "info" }, "[desc|json|typed|float]*", "report information about the running process", LEVEL_USER,
		run_show_info },
	{ { "show", "version" }, NULL, "show the version of this process", LEVEL_USER, run_show_version },
};
const struct command_table info_commands = { rows, sizeof rows / sizeof *rows };
