/* signals: read from a descriptor like any other event, so that no work is ever done in a handler. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "process.h"

static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTTOU, SIGTTIN, SIGCHLD };

static void fill(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
		sigaddset(set, handled[i]);
}

void signals_block(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	fill(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

int signals_open(void)
{
	sigset_t set;

	fill(&set);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int signals_next(int fd)
{
	struct signalfd_siginfo info;
	ssize_t n = read(fd, &info, sizeof info);

	return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

const char *signals_text(int number)
{
	const char *text = sigdescr_np(number);

	return text ? text : "unknown signal";
}

void signals_send_old(const struct options *o, int number)
{
	for (size_t i = 0; i < o->old_pid_count; i++)
		if (kill(o->old_pids[i], number) < 0 && errno != ESRCH)
			say(SAY_WARNING, "cannot send signal %d to process %d: %s.", number, (int)o->old_pids[i],
				strerror(errno));
}
