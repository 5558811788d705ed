/* options: the command line (HAProxy's management manual, section 3): one row an option.
 *
 * Options are words of their own; several letters behind one dash are not several options.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

/* What follows the flag. */
enum takes {
	TAKES_NOTHING,
	TAKES_WORD,
	TAKES_WORDS, /* none or more, up to the next option */
	TAKES_REST,  /* all that follow */
	TAKES_SUFFIX /* the rest of the flag's own word */
};

struct option_row {
	const char *flag;
	enum takes takes;
	const char *argument; /* its name in the help */
	const char *help;     /* NULL: not shown */
	/* `word` is the argument; NULL where it takes nothing. 0, or -EINVAL after a message. */
	int (*take)(struct options *o, const char *word);
};

static int take_config(struct options *o, const char *word)
{
	const char **more = realloc(o->configs, (o->config_count + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	o->configs = more;
	o->configs[o->config_count++] = word;
	return 0;
}

static int take_check(struct options *o, const char *word)
{
	(void)word;
	o->action = ACTION_CHECK;
	return 0;
}

static int take_condition(struct options *o, const char *word)
{
	o->action = ACTION_CONDITION;
	o->condition = word;
	return 0;
}

static int take_version(struct options *o, const char *word)
{
	(void)word;
	o->action = ACTION_VERSION;
	return 0;
}

static int take_build(struct options *o, const char *word)
{
	(void)word;
	o->action = ACTION_BUILD;
	return 0;
}

static int take_help(struct options *o, const char *word)
{
	(void)word;
	o->action = ACTION_HELP;
	return 0;
}

static int take_convert(struct options *o, const char *word)
{
	o->action = ACTION_CONVERT;
	o->convert = word;
	return 0;
}

static int take_schema(struct options *o, const char *word)
{
	(void)word;
	o->action = ACTION_SCHEMA;
	return 0;
}

static int take_print(struct options *o, const char *word)
{
	(void)word;
	o->action = ACTION_PRINT;
	return 0;
}

static int take_directory(struct options *o, const char *word)
{
	o->directory = word;
	return 0;
}

static int take_pidfile(struct options *o, const char *word)
{
	o->pidfile = word;
	return 0;
}

static int take_localpeer(struct options *o, const char *word)
{
	o->localpeer = word;
	return 0;
}

static int take_handover(struct options *o, const char *word)
{
	o->handover = word;
	return 0;
}

static int take_daemon(struct options *o, const char *word)
{
	(void)word;
	o->daemon = true;
	return 0;
}

static int take_master(struct options *o, const char *word)
{
	(void)word;
	o->master_worker = true;
	return 0;
}

static int take_debug(struct options *o, const char *word)
{
	(void)word;
	o->debug = true;
	return 0;
}

static int take_foreground(struct options *o, const char *word)
{
	(void)word;
	o->foreground = true;
	return 0;
}

static int take_diagnostics(struct options *o, const char *word)
{
	(void)word;
	o->diagnostics = true;
	return 0;
}

static int take_allow_fork(struct options *o, const char *word)
{
	(void)word;
	o->allow_fork = true;
	return 0;
}

static int take_no_splice(struct options *o, const char *word)
{
	(void)word;
	o->no_splice = true;
	return 0;
}

static int take_keywords(struct options *o, const char *word)
{
	o->action = ACTION_KEYWORDS;
	o->keywords = word;
	return 0;
}

static int take_zero_warning(struct options *o, const char *word)
{
	(void)word;
	o->zero_warning = true;
	return 0;
}

static int take_verbose(struct options *o, const char *word)
{
	(void)word;
	o->verbose = true;
	return 0;
}

static int take_watch(struct options *o, const char *word)
{
	(void)word;
	o->watch = true;
	return 0;
}

static int take_quiet(struct options *o, const char *word)
{
	(void)word;
	o->quiet = true;
	return 0;
}

static int take_number(const char *flag, const char *word, int base, long min, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(word, &end, base);
	if (!errno && end != word && !*end && *out >= min && *out <= max)
		return 0;
	say(SAY_ALERT, "%s: '%s' is not a number from %ld to %ld.", flag, word, min, max);
	return -EINVAL;
}

static int take_maxconn(struct options *o, const char *word)
{
	long n;
	int err = take_number("-n", word, 10, 1, INT32_MAX, &n);
	if (!err)
		o->maxconn = (uint32_t)n;
	return err;
}

static int take_poison(struct options *o, const char *word)
{
	long n = 'P';
	int err = *word ? take_number("-dM", word, 0, 0, 255, &n) : 0;
	if (!err)
		o->poison = (int)n;
	return err;
}

static int take_old_pid(struct options *o, const char *flag, const char *word, int number)
{
	long pid;
	int err = take_number(flag, word, 10, 1, INT32_MAX, &pid);
	if (err)
		return err;
	pid_t *more = realloc(o->old_pids, (o->old_pid_count + 1) * sizeof *more);
	if (!more)
		return -ENOMEM;
	o->old_pids = more;
	o->old_pids[o->old_pid_count++] = (pid_t)pid;
	o->old_signal = number;
	return 0;
}

static int take_finish(struct options *o, const char *word)
{
	return take_old_pid(o, "-sf", word, SIGUSR1);
}

static int take_terminate(struct options *o, const char *word)
{
	return take_old_pid(o, "-st", word, SIGTERM);
}

static const struct option_row rows[] = {
	{ "-f", TAKES_WORD, "FILE|DIR",
		"read this file, or all *.cfg, *.yaml and *.yml of this directory; again for more; '-': standard input",
		take_config },
	{ "--", TAKES_REST, "FILE...", "all further words are files to read", take_config },
	{ "-c", TAKES_NOTHING, NULL, "check the configuration, tell all its errors, and exit: 0 where it is valid",
		take_check },
	{ "-cc", TAKES_WORD, "CONDITION", "evaluate a condition as in .if, and exit: 0 true, 1 false, 2 error",
		take_condition },
	{ "-D", TAKES_NOTHING, NULL, "run as a daemon; returns once it serves", take_daemon },
	{ "-W", TAKES_NOTHING, NULL, "run a master that replaces a worker which dies", take_master },
	{ "-db", TAKES_NOTHING, NULL, "stay in the foreground, without a master, whatever the configuration says",
		take_foreground },
	{ "-d", TAKES_NOTHING, NULL, "debug: as -db, and every log line goes to standard error too", take_debug },
	{ "-n", TAKES_WORD, "N", "at most N connections (`maxconn`)", take_maxconn },
	{ "-p", TAKES_WORD, "FILE", "write the process's number to FILE (`pidfile`)", take_pidfile },
	{ "-C", TAKES_WORD, "DIR", "change to DIR before files are read", take_directory },
	{ "-L", TAKES_WORD, "NAME", "the local peer's name; default: the host's", take_localpeer },
	{ "-sf", TAKES_WORDS, "PID...", "once bound, ask these processes to finish and leave (SIGUSR1)", take_finish },
	{ "-st", TAKES_WORDS, "PID...", "once bound, end these processes at once (SIGTERM)", take_terminate },
	{ "-x", TAKES_WORD, "SOCKET", "take over the listening sockets of the process behind this stats socket",
		take_handover },
	{ "--watch", TAKES_NOTHING, NULL, "reload when a file of the configuration changes (`config-watch`)",
		take_watch },
	{ "-V", TAKES_NOTHING, NULL, "verbose: undoes -q and `quiet`", take_verbose },
	{ "-q", TAKES_NOTHING, NULL, "quiet: no messages", take_quiet },
	{ "-dD", TAKES_NOTHING, NULL, "diagnostics: lets .diag speak", take_diagnostics },
	{ "-dI", TAKES_NOTHING, NULL, "let the process make further processes", take_allow_fork },
	{ "-dM", TAKES_SUFFIX, "[BYTE]", "fill buffers with BYTE (default 0x50) to find misuse of memory",
		take_poison },
	{ "-dK", TAKES_SUFFIX, "CLASS,...", "list the words of a class: cfg, smp, cnv, alg, cli; all; help",
		take_keywords },
	{ "-dS", TAKES_NOTHING, NULL, "bodies are never moved in the kernel (`nosplice`)", take_no_splice },
	{ "-dW", TAKES_NOTHING, NULL, "warnings are errors (`zero-warning`)", take_zero_warning },
	{ "-v", TAKES_NOTHING, NULL, "tell the version", take_version },
	{ "-vv", TAKES_NOTHING, NULL, "tell how it was built, its libraries, features and algorithms", take_build },
	{ "--listen", TAKES_WORD, "ADDRESS", "without a file: accept HTTP here (':8080'); again for more",
		brief_listen },
	{ "--backend", TAKES_WORD, "HOST:PORT[,KEYWORD[=VALUE]...]",
		"a server, with keywords of `server` (weight=2); again for more", brief_backend },
	{ "--strategy", TAKES_WORD, "ALGORITHM", "how to balance, as `balance` has it", brief_strategy },
	{ "--health", TAKES_WORD, "PATH", "check the servers by HTTP with this path, or by connecting ('connect')",
		brief_health },
	{ "--tls", TAKES_WORD, "FILE", "speak TLS to clients, with this certificate and its key", brief_tls },
	{ "--sticky", TAKES_NOTHING, NULL, "each client stays at his server, by a cookie", brief_sticky },
	{ "--print-config", TAKES_NOTHING, NULL, "write the lb.cfg that these options amount to", take_print },
	{ "convert", TAKES_WORD, "FILE", "write FILE in the other form: lb.cfg as YAML, YAML as lb.cfg", take_convert },
	{ "schema", TAKES_NOTHING, NULL, "write a JSON Schema of the YAML form", take_schema },
	{ "--help", TAKES_NOTHING, NULL, "this text", take_help },
	{ "-h", TAKES_NOTHING, NULL, NULL, take_help },
};

enum { ROWS = sizeof rows / sizeof rows[0] };

/* HAProxy's others, so that who moves over is not told that they are misspelt. */
static const char *const unsupported[] = { "-N", "-S", "-Ws", "-m", "-4", "-dC", "-dF", "-dG", "-dL", "-dR", "-dV",
	"-dZ", "-dc", "-de", "-dk", "-dp", "-dr", "-dt", "-dv" };

static const struct option_row *find_row(const char *word)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		if (strcmp(word, r->flag) == 0)
			return r;
		if (r->takes == TAKES_SUFFIX && strncmp(word, r->flag, strlen(r->flag)) == 0)
			return r;
	}
	return NULL;
}

static int refuse(const char *word)
{
	const char *flags[ROWS];

	for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
		if (strncmp(word, unsupported[i], strlen(unsupported[i])) == 0) {
			say(SAY_ALERT, "option '%s' is not supported by Ballast (yet).", word);
			return -EINVAL;
		}
	if (word[0] != '-') {
		say(SAY_ALERT, "'%s' is not an option; a configuration file needs -f before it.", word);
		return -EINVAL;
	}
	for (size_t i = 0; i < ROWS; i++)
		flags[i] = rows[i].flag;
	const char *near = diag_nearest(slice_from_str(word), flags, ROWS);
	say(SAY_ALERT, near ? "unknown option '%s'; did you mean '%s'?" : "unknown option '%s'.", word, near);
	return -EINVAL;
}

/* Gives the row its words, argv[*at] being the flag; leaves *at at the last word used. */
static int take_words(struct options *o, const struct option_row *r, int argc, char **argv, int *at)
{
	int err = 0;

	switch (r->takes) {
	case TAKES_NOTHING: return r->take(o, NULL);
	case TAKES_SUFFIX: return r->take(o, argv[*at] + strlen(r->flag));
	case TAKES_WORD:
		if (*at + 1 < argc)
			return r->take(o, argv[++*at]);
		say(SAY_ALERT, "option '%s' needs an argument: %s.", r->flag, r->argument);
		return -EINVAL;
	case TAKES_WORDS:
	case TAKES_REST:
		while (!err && *at + 1 < argc && (r->takes == TAKES_REST || argv[*at + 1][0] != '-'))
			err = r->take(o, argv[++*at]);
		return err;
	}
	return -EINVAL;
}

int options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .poison = -1 };
	for (int i = 1; i < argc; i++) {
		const struct option_row *r = find_row(argv[i]);
		int err = r ? take_words(o, r, argc, argv, &i) : refuse(argv[i]);
		if (err)
			return err;
		if (o->action >= ACTION_CONDITION) /* as HAProxy: answered at once, whatever follows */
			return 0;
	}
	if (o->brief || o->action == ACTION_PRINT)
		return brief_check(o);
	if (o->config_count)
		return 0;
	if (argc > 1)
		say(SAY_ALERT, "no configuration: name a file or directory with -f, or use --listen and --backend.");
	return -EINVAL;
}

void options_free(struct options *o)
{
	free(o->configs);
	brief_free(o);
	free(o->old_pids);
}

void options_help(FILE *to)
{
	fputs("Usage: ballast -f FILE|DIR [-f ...] [OPTION]...\n"
	      "       ballast --listen ADDRESS --backend HOST:PORT [--backend ...] [OPTION]...\n"
	      "A load balancer and reverse proxy for HTTP and TCP, in HAProxy's configuration dialect.\n\n",
		to);
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		char left[64];
		if (!r->help)
			continue;
		snprintf(left, sizeof left, "%s%s%s", r->flag, r->argument && r->takes != TAKES_SUFFIX ? " " : "",
			r->argument ? r->argument : "");
		fprintf(to, "  %-16s %s\n", left, r->help);
	}
	fputs("\nSignals: SIGUSR1 finishes what runs, then ends; SIGTERM and SIGINT end at once; SIGHUP reads the "
	      "configuration anew; SIGQUIT logs the servers' states.\n",
		to);
}
