/* main: which of the program's answers the command line asks for. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ballast/config/cond.h"
#include "ballast/config/convert.h"
#include "process.h"

/* 0 true, 1 false, 2 error: as HAProxy's -cc. */
static int evaluate(const char *text)
{
	struct config_env env;
	struct arena arena;
	struct diag diag;

	diag_init(&diag);
	arena_init(&arena);
	int result = config_env_init(&env, environ);
	if (!result) {
		struct cond_facts facts = cond_facts_here(&env);
		result = cond_evaluate(text, &facts, &arena, &diag);
		config_env_free(&env);
	}
	diag_print(&diag, stderr, DIAG_NOTE);
	arena_reset(&arena);
	diag_free(&diag);
	return result < 0 ? 2 : !result;
}

static int convert(const char *path)
{
	struct diag diag;

	diag_init(&diag);
	int err = config_convert(path, stdout, &diag);
	diag_print(&diag, stderr, DIAG_NOTE);
	diag_free(&diag);
	return err || fflush(stdout) ? EXIT_REFUSED : EXIT_FINE;
}

static int schema(void)
{
	return config_schema(stdout) || fflush(stdout) ? EXIT_REFUSED : EXIT_FINE;
}

static int answer(struct options *o)
{
	switch (o->action) {
	case ACTION_HELP: options_help(stdout); return EXIT_FINE;
	case ACTION_VERSION: about_version(stdout); return EXIT_FINE;
	case ACTION_BUILD: about_build(stdout); return EXIT_FINE;
	case ACTION_CONDITION: return evaluate(o->condition);
	case ACTION_KEYWORDS: return keywords_print(o->keywords, stdout) ? EXIT_REFUSED : EXIT_FINE;
	case ACTION_CONVERT: return convert(o->convert);
	case ACTION_SCHEMA: return schema();
	case ACTION_PRINT: brief_print(o, stdout); return fflush(stdout) ? EXIT_REFUSED : EXIT_FINE;
	case ACTION_RUN:
	case ACTION_CHECK: break;
	}
	return run_start(o);
}

/* Where it was started without them, no socket may come to stand where messages are written to. */
static void have_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct options o;
	int status = EXIT_REFUSED;

	have_standard_files();
	if (options_parse(&o, argc, argv) == 0)
		status = answer(&o);
	else if (argc == 1)
		options_help(stderr);
	else
		fputs("Usage: ballast -f FILE|DIR [-f ...] [OPTION]...; `ballast --help` tells them all.\n", stderr);
	options_free(&o);
	return status;
}
