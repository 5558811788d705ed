/* start: from the command line to a worker or a master: load, check, bind, serve.
 *
 * What can be refused is refused before anything outside is touched; what is bound is bound before anyone is told to
 * leave; errors are all told at once, on a terminal that is still there.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ballast/balance/attach.h"
#include "ballast/base/buffer.h"
#include "ballast/base/clock.h"
#include "ballast/base/simd.h"
#include "ballast/net/splice.h"
#include "ballast/proxy/exchange.h"
#include "ballast/proxy/register.h"
#include "ballast/table/register.h"
#include "ballast/server/check.h"
#include "ballast/tls/tls.h"
#include "process.h"

enum { PAUSE_TRIES = 20, PAUSE_MS = 20 }; /* while old processes let go of a port */

bool run_report(struct run *r)
{
	bool failed = r->diag.count[DIAG_ALERT] > 0;

	if (!say_is_quiet())
		diag_print(&r->diag, stderr, DIAG_NOTE);
	diag_free(&r->diag);
	diag_init(&r->diag);
	return failed;
}

/* What lines may ask about the command line. */
static int set_variables(struct run *r)
{
	const struct options *o = r->options;
	char host[256] = "localhost";

	gethostname(host, sizeof host - 1);
	int err = config_env_set(&r->env, "HAPROXY_LOCALPEER", o->localpeer ? o->localpeer : host);
	if (!err && o->master_worker)
		err = config_env_set(&r->env, "HAPROXY_MWORKER", "1");
	return err;
}

static int add_sources(struct run *r)
{
	int err = 0;

	config_source_init(&r->source, &r->env);
	r->source.diagnostics = r->options->diagnostics;
	for (size_t i = 0; i < r->options->config_count && !err; i++)
		err = config_source_add(&r->source, r->options->configs[i]);
	if (!err && r->options->brief)
		err = brief_add(r->options, &r->source);
	return err;
}

static int prepare(struct run *r)
{
	simd_init();
	balance_attach();
	int err = table_register();
	if (!err)
		err = proxy_register();
	if (!err)
		err = config_env_init(&r->env, environ);
	if (!err)
		err = set_variables(r);
	if (!err)
		err = add_sources(r);
	if (err)
		say(SAY_ALERT, "cannot start: %s.", strerror(-err));
	return err;
}

/* The configuration, with its warnings and errors told. 0 or an exit status. */
static int load(struct run *r)
{
	r->graph = graph_load(&r->source, &r->diag);
	if (r->options->zero_warning || (r->graph && r->graph->global.zero_warning))
		if (r->diag.count[DIAG_WARNING] && !r->diag.count[DIAG_ALERT])
			diag_error(&r->diag, NULL, NULL, "some warnings were found and zero-warning is set");
	r->warnings = r->diag.count[DIAG_WARNING];
	if (run_report(r) || !r->graph)
		return EXIT_REFUSED;
	if (r->warnings && r->options->action == ACTION_CHECK && !say_is_quiet())
		puts("Warnings were found.");
	if (sockets_collect(&r->sockets, r->graph) < 0)
		return EXIT_REFUSED;
	return 0;
}

static int check(const struct run *r)
{
	bool bound = r->sockets.count > 0;

	if (!say_is_quiet())
		puts(bound ? "Configuration file is valid"
			   : "Configuration file has no error but will not start (no listener) => exit(2).");
	return bound ? EXIT_FINE : EXIT_NOTHING_BOUND;
}

/* The command line has precedence over the configuration. */
static void decide(struct run *r)
{
	const struct options *o = r->options;
	const struct global_settings *g = &r->graph->global;
	bool foreground = o->foreground || o->debug;

	r->daemon = !foreground && (o->daemon || g->daemon);
	r->master_worker = !foreground && (o->master_worker || g->master_worker);
	r->threads = limits_threads(g);
	if (g->quiet && !o->verbose)
		say_set_quiet(true);
}

/* Settings that rooms keep for the whole process. */
static void configure_rooms(const struct run *r)
{
	const struct global_settings *g = &r->graph->global;
	struct exchange_limits limits = {
		.head_bytes = g->bufsize - g->maxrewrite,
		.fields_max = (uint16_t)g->maxhdr,
	};

	buffer_set_largest(g->bufsize);
	if (r->options->poison >= 0)
		buffer_set_poison(r->options->poison);
	if (r->options->no_splice || g->nosplice)
		splice_disable();
	exchange_set_limits(&limits);
	checks_set_spread(g->spread_checks);
	frontend_set_process_maxconn(r->maxconn);
	graph_set_maxconn(r->graph, r->maxconn);
	rate_gate_set(frontend_connection_rate(), g->connection_rate);
	rate_gate_set(frontend_session_rate(), g->session_rate);
	tls_set_limits(g->tls_maxconn, g->tls_maxrate);
	say_show_events();
	log_set_global(&r->graph->global.log, g->log_tag, g->log_send_hostname);
}

/* Opens all; where that fails and old processes are named, once more while they pause (SIGTTOU): the manual's section 4.
 * They go on (SIGTTIN) where it was in vain. */
static int open_or_pause(struct run *r, struct inherited_fds *from)
{
	const struct options *o = r->options;
	int err = sockets_open(&r->sockets, r->threads, from, &r->diag);

	if (!err || !o->old_pid_count)
		return err;
	signals_send_old(o, SIGTTOU);
	for (unsigned i = 0; i < PAUSE_TRIES && err; i++) {
		struct timespec wait = { .tv_nsec = PAUSE_MS * 1000000L };
		nanosleep(&wait, NULL);
		sockets_drop(&r->sockets);
		diag_free(&r->diag);
		diag_init(&r->diag);
		err = sockets_open(&r->sockets, r->threads, from, &r->diag);
	}
	if (err)
		signals_send_old(o, SIGTTIN);
	return err;
}

static int open_admin(struct run *r, struct inherited_fds *from)
{
	struct admin_options o = {
		.version = PACKAGE_VERSION,
		.release_date = RELEASE_DATE,
		.warnings = r->warnings,
		.begun_ns = r->begun_ns,
	};

	r->admin = admin_open(r->graph, &o, from, &r->diag);
	return r->admin ? 0 : -EADDRINUSE;
}

static int open_sockets(struct run *r)
{
	const char *path = r->options->handover;
	struct inherited_fds from = { 0 };

	if (path && strcmp(path, "/dev/null") != 0 && handover_take(path, &from) < 0)
		return -ECONNREFUSED;
	int err = open_or_pause(r, &from);
	int admin_err = open_admin(r, &from);
	handover_done(&from);
	if (!err)
		err = admin_err;
	if (!err)
		err = sockets_publish(&r->sockets, &r->diag);
	if (!err)
		err = admin_publish(r->admin, &r->diag);
	return run_report(r) || err ? -EADDRINUSE : 0;
}

static int write_pid(const struct run *r)
{
	const char *path = r->options->pidfile ? r->options->pidfile : r->graph->global.pidfile;
	bool must = r->daemon || r->master_worker;
	int err = path ? pidfile_write(path) : 0;

	if (!err)
		return 0;
	say(must ? SAY_ALERT : SAY_WARNING, "cannot write the pid file %s: %s.", path, strerror(-err));
	return must ? err : 0;
}

static int serve(struct run *r)
{
	if (!r->sockets.count && !r->graph->global.stats_sockets) {
		say(SAY_ALERT, "No enabled listener found (check for 'bind' directives) ! Exiting.");
		return EXIT_REFUSED;
	}
	if (limits_apply(r) < 0)
		return EXIT_REFUSED;
	if (r->daemon && daemon_fork(&r->ready_fd) < 0)
		return EXIT_REFUSED;
	signals_block(); /* not in a daemon's parent, which a person may interrupt */
	if (r->options->debug && debug_add_targets(r->graph, &r->diag) < 0)
		return EXIT_REFUSED;
	if (open_sockets(r) < 0 || write_pid(r) < 0)
		return EXIT_REFUSED;
	configure_rooms(r);
	if (r->master_worker)
		return master_run(r);
	signals_send_old(r->options, r->options->old_signal);
	return worker_run(r);
}

static int load_and_serve(struct run *r)
{
	int status = load(r);
	if (status)
		return status;
	if (r->options->action == ACTION_CHECK)
		return check(r);
	decide(r);
	return serve(r);
}

int run_start(struct options *o)
{
	struct run r = { .options = o, .ready_fd = -1, .begun_ns = clock_mono_ns() };
	int status = EXIT_REFUSED;

	say_set_quiet(o->quiet && !o->verbose);
	if (o->directory && chdir(o->directory) < 0) {
		say(SAY_ALERT, "Could not change to directory %s : %s", o->directory, strerror(errno));
		return EXIT_REFUSED;
	}
	diag_init(&r.diag);
	if (prepare(&r) == 0)
		status = load_and_serve(&r);
	admin_free(r.admin);
	graph_free(r.graph);
	free(r.sockets.list);
	config_source_free(&r.source);
	config_env_free(&r.env);
	diag_free(&r.diag);
	return status;
}
