/* global: the process's own settings (manual, section 3), but for the environment, CPUs, logs and the stats socket. */
#include <errno.h>

#include "ballast/proxy/answer.h"
#include "directive.h"

static struct global_settings *global(struct cfg_context *c)
{
	return &c->graph->global;
}

static int parse_daemon(struct cfg_context *c, const struct line *l)
{
	global(c)->daemon = true;
	return line_args(l, 0, 0, c->diag);
}

static int parse_master_worker(struct cfg_context *c, const struct line *l)
{
	global(c)->master_worker = true;
	if (l->count > 1 && token_is(&l->words[1], "no-exit-on-failure"))
		return unsupported_word(c, &l->words[1].at,
			&(struct unsupported){ "no-exit-on-failure", "a worker that dies is always replaced" });
	return line_args(l, 0, 0, c->diag);
}

static int parse_config_watch(struct cfg_context *c, const struct line *l)
{
	global(c)->config_watch = true;
	return line_args(l, 0, 0, c->diag);
}

static int parse_quiet(struct cfg_context *c, const struct line *l)
{
	global(c)->quiet = true;
	return line_args(l, 0, 0, c->diag);
}

static int parse_zero_warning(struct cfg_context *c, const struct line *l)
{
	global(c)->zero_warning = true;
	return line_args(l, 0, 0, c->diag);
}

static int parse_nosplice(struct cfg_context *c, const struct line *l)
{
	global(c)->nosplice = true;
	return line_args(l, 0, 0, c->diag);
}

static int parse_experimental(struct cfg_context *c, const struct line *l)
{
	global(c)->experimental = true;
	return line_args(l, 0, 0, c->diag);
}

static int parse_maxconn(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "maxconn", 0, INT32_MAX, &global(c)->maxconn);
}

static int parse_connection_rate(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "maxconnrate", 0, INT32_MAX, &global(c)->connection_rate);
}

static int parse_session_rate(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "maxsessrate", 0, INT32_MAX, &global(c)->session_rate);
}

static int parse_nbthread(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "nbthread", 1, LOOP_THREADS_MAX, &global(c)->nbthread);
}

static int parse_thread_groups(struct cfg_context *c, const struct line *l)
{
	c->thread_groups_at = l->words[l->count > 1 ? 1 : 0].at;
	return value_u32(c, l, 1, "thread-groups", 1, 16, &global(c)->thread_groups);
}

static int parse_uid(struct cfg_context *c, const struct line *l)
{
	uint32_t id = 0;
	int err = value_u32(c, l, 1, "uid", 0, INT32_MAX, &id);

	if (!err)
		global(c)->uid = id;
	return err;
}

static int parse_gid(struct cfg_context *c, const struct line *l)
{
	uint32_t id = 0;
	int err = value_u32(c, l, 1, "gid", 0, INT32_MAX, &id);

	if (!err)
		global(c)->gid = id;
	return err;
}

static int parse_user(struct cfg_context *c, const struct line *l)
{
	if (need_word(c, l, 1, "user", "the name of a user") || no_more_words(c, l, 1))
		return -EINVAL;
	return value_user(c, &l->words[1], &global(c)->uid);
}

static int parse_group(struct cfg_context *c, const struct line *l)
{
	if (need_word(c, l, 1, "group", "the name of a group") || no_more_words(c, l, 1))
		return -EINVAL;
	return value_group(c, &l->words[1], &global(c)->gid);
}

static int parse_chroot(struct cfg_context *c, const struct line *l)
{
	return value_string(c, l, 1, "a directory", &global(c)->chroot);
}

static int parse_pidfile(struct cfg_context *c, const struct line *l)
{
	return value_string(c, l, 1, "the name of a file", &global(c)->pidfile);
}

static int parse_localpeer(struct cfg_context *c, const struct line *l)
{
	if (value_string(c, l, 1, "a name", &global(c)->localpeer))
		return -EINVAL;
	return config_env_set(&c->graph->env, "HAPROXY_LOCALPEER", global(c)->localpeer);
}

static int parse_node(struct cfg_context *c, const struct line *l)
{
	const char *name = NULL;
	int err = value_string(c, l, 1, "a name", &name);

	if (err)
		return err;
	if (!is_name(name) || strchr(name, ':')) {
		diag_error(c->diag, &l->words[1].at, "letters, digits, '-', '_' and '.' may be in it",
			"'%s' cannot be the name of a node", name);
		return -EINVAL;
	}
	global(c)->node = name;
	return 0;
}

/* All words, with single spaces between them. */
static int parse_description(struct cfg_context *c, const struct line *l)
{
	struct slice text = { "", 0 };

	if (need_word(c, l, 1, "description", "a text"))
		return -EINVAL;
	for (size_t i = 1; i < l->count && text.ptr; i++)
		text = arena_printf(c->arena, "%s%s%s", text.ptr, i > 1 ? " " : "", l->words[i].text);
	global(c)->description = text.ptr;
	return text.ptr ? 0 : out_of_memory(c, &l->words[0].at);
}

static int parse_ulimit(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "ulimit-n", 0, INT32_MAX, &global(c)->ulimit_n);
}

static int parse_hard_stop(struct cfg_context *c, const struct line *l)
{
	return value_time(c, l, 1, "hard-stop-after", "ms", &global(c)->hard_stop_after_ms);
}

static int parse_spread_checks(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "spread-checks", 0, 50, &global(c)->spread_checks);
}

/* One size as value_u32 is one number. */
static int value_size(struct cfg_context *c, const struct line *l, const char *what, uint64_t min, uint32_t *out)
{
	const struct token *t = &l->words[l->count > 1 ? 1 : l->count];
	uint64_t bytes;

	if (token_size(t, what, 256u << 20, &bytes, c->diag) || no_more_words(c, l, 1))
		return -EINVAL;
	if (bytes < min) {
		diag_error(c->diag, &t->at, NULL, "%s must be at least %llu bytes, not %s", what,
			(unsigned long long)min, t->text);
		return -EINVAL;
	}
	*out = (uint32_t)bytes;
	return 0;
}

enum { BUFSIZE_MAX = 1 << 20 };

static int parse_bufsize(struct cfg_context *c, const struct line *l)
{
	uint32_t bytes = 0;
	int err = value_size(c, l, "tune.bufsize", 2048, &bytes);

	if (err)
		return err;
	if (bytes > BUFSIZE_MAX) {
		diag_error(c->diag, &l->words[1].at, NULL, "tune.bufsize is at most %u", BUFSIZE_MAX);
		return -EINVAL;
	}
	global(c)->bufsize = (bytes + 15) & ~15u;
	answer_set_limit(global(c)->bufsize); /* of the files that later lines name */
	return 0;
}

static int parse_maxrewrite(struct cfg_context *c, const struct line *l)
{
	return value_size(c, l, "tune.maxrewrite", 0, &global(c)->maxrewrite);
}

static int parse_maxhdr(struct cfg_context *c, const struct line *l)
{
	return value_u32(c, l, 1, "tune.http.maxhdr", 1, 32767, &global(c)->maxhdr);
}

const struct directive global_directives[] = {
	{ "daemon", SECTION_GLOBAL, "", "detach and run in the background", parse_daemon, false, false },
	{ "master-worker", SECTION_GLOBAL, "", "a master that keeps a worker running", parse_master_worker, false,
		false },
	{ "quiet", SECTION_GLOBAL, "", "no messages while starting", parse_quiet, false, false },
	{ "zero-warning", SECTION_GLOBAL, "", "do not start where there are warnings", parse_zero_warning, false,
		false },
	{ "expose-experimental-directives", SECTION_GLOBAL, "", "allow directives that may still change",
		parse_experimental, false, false },
	{ "nosplice", SECTION_GLOBAL, NULL, "bodies are never moved in the kernel", parse_nosplice, false, false },
	{ "maxconnrate", SECTION_GLOBAL, "<number>", "client connections a second", parse_connection_rate, false,
		false },
	{ "maxsessrate", SECTION_GLOBAL, "<number>", "sessions of clients a second", parse_session_rate, false, false },
	{ "maxconn", SECTION_GLOBAL, "<connections>", "client connections of the process at a time", parse_maxconn,
		false, false },
	{ "nbthread", SECTION_GLOBAL, "<threads>", "worker threads", parse_nbthread, false, false },
	{ "thread-groups", SECTION_GLOBAL, "<groups>", "groups that cpu-map numbers the threads in",
		parse_thread_groups, false, false },
	{ "uid", SECTION_GLOBAL, "<number>", "user to run as, once sockets are bound", parse_uid, false, false },
	{ "gid", SECTION_GLOBAL, "<number>", "group to run as, once sockets are bound", parse_gid, false, false },
	{ "user", SECTION_GLOBAL, "<name>", "user to run as, once sockets are bound", parse_user, false, false },
	{ "group", SECTION_GLOBAL, "<name>", "group to run as, once sockets are bound", parse_group, false, false },
	{ "chroot", SECTION_GLOBAL, "<directory>", "directory to be confined to", parse_chroot, false, false },
	{ "pidfile", SECTION_GLOBAL, "<file>", "file for the process's number", parse_pidfile, false, false },
	{ "localpeer", SECTION_GLOBAL, "<name>", "this instance's name among its peers", parse_localpeer, false,
		false },
	{ "node", SECTION_GLOBAL, "<name>", "this machine's name in statistics", parse_node, false, false },
	{ "description", SECTION_GLOBAL, "<text>", "text shown in statistics", parse_description, false, false },
	{ "ulimit-n", SECTION_GLOBAL, "<files>", "file descriptors to ask the system for", parse_ulimit, false, false },
	{ "config-watch", SECTION_GLOBAL, NULL, "reload when a file of the configuration changes (Ballast's own)",
		parse_config_watch, false, false },
	{ "hard-stop-after", SECTION_GLOBAL, "<time>", "longest time that a soft stop may take", parse_hard_stop, false,
		false },
	{ "spread-checks", SECTION_GLOBAL, "<percent>", "randomness in the interval of health checks",
		parse_spread_checks, false, false },
	{ "tune.bufsize", SECTION_GLOBAL, "<size>", "buffer of a message's head", parse_bufsize, false, false },
	{ "tune.maxrewrite", SECTION_GLOBAL, "<size>", "part of it kept free for what rules add", parse_maxrewrite,
		false, false },
	{ "tune.http.maxhdr", SECTION_GLOBAL, "<number>", "header fields of a message", parse_maxhdr, false, false },
	{ 0 },
};
