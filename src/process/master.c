/* master: -W: keeps the listening sockets and, behind them, a worker.
 *
 * It never loads anything into a loop and has one thread, so it can fork whenever a worker dies: the new one has the
 * same sockets, with the connections that wait in them, and the same configuration as it was loaded.
 *
 *     STARTING --ready--> SERVING --died--> WAITING (back-off) --> STARTING
 *        any of them --SIGTERM, SIGINT, SIGUSR1--> LEAVING --worker gone--> ends
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ballast/base/clock.h"
#include "reload.h"

enum {
	STEADY_MS = 10000, /* a worker that lived so long was well: its death is not one in a row */
	BACKOFF_MS = 100,  /* before the second restart in a row; doubled with each */
	BACKOFF_MAX_MS = 10000,
};

enum master_state { MASTER_STARTING, MASTER_SERVING, MASTER_WAITING, MASTER_LEAVING };

struct master {
	struct run *run;
	enum master_state state;
	int signal_fd;
	pid_t worker;    /* 0: none */
	int word_fd;     /* a byte comes when the worker is ready; -1 */
	bool served;     /* there was a worker that was ready */
	unsigned deaths; /* in a row */
	uint64_t started_ms, restart_ms;
	bool reloaded; /* the files were to be read anew since it loaded them */
	int status;
};

static uint64_t now_ms(void)
{
	return clock_mono_ns() / 1000000;
}

/* In the child: what the master alone needs is let go. */
static int become_worker(struct master *m, int word_fd, pid_t parent)
{
	struct run *r = m->run;

	close(m->signal_fd);
	if (r->ready_fd >= 0)
		close(r->ready_fd);
	r->ready_fd = word_fd;
	r->master = parent;
	if (m->reloaded)
		worker_renew(r);
	return worker_run(r);
}

/* True in the child, with its exit status in m->status once it ended. */
static bool start_worker(struct master *m)
{
	int fds[2];
	pid_t parent = getpid();

	if (pipe2(fds, O_CLOEXEC) < 0)
		fds[0] = fds[1] = -1;
	pid_t child = fork();
	if (child == 0) {
		close(fds[0]);
		m->status = become_worker(m, fds[1], parent);
		return true;
	}
	close(fds[1]);
	m->state = MASTER_STARTING;
	m->started_ms = now_ms();
	m->word_fd = fds[0];
	m->worker = child > 0 ? child : 0;
	if (child > 0)
		say_and_log(SAY_NOTICE, "New worker (%d) forked", (int)child);
	return false;
}

/* ---- the end of a worker ---- */

static int code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BY_SIGNAL + WTERMSIG(status);
}

static void schedule_restart(struct master *m)
{
	uint64_t now = now_ms(), delay = 0;

	m->deaths = now - m->started_ms >= STEADY_MS ? 1 : m->deaths + 1;
	if (m->deaths > 1)
		delay = m->deaths > 8 ? BACKOFF_MAX_MS : (uint64_t)BACKOFF_MS << (m->deaths - 2);
	m->state = MASTER_WAITING;
	m->restart_ms = now + (delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS);
	say_and_log(SAY_ALERT, "The worker died unexpectedly; a new one takes its place in %u ms.",
		(unsigned)(m->restart_ms - now));
}

static void leave(struct master *m, int status)
{
	m->state = MASTER_LEAVING;
	m->status = status;
	say_and_log(SAY_WARNING, "All workers exited. Exiting... (%d)", status);
}

static void on_worker_end(struct master *m, int status)
{
	int code = code_of(status);
	bool asked = code == EXIT_FINE || code == EXIT_BY_SIGNAL + SIGTERM || code == EXIT_BY_SIGNAL + SIGINT;

	say_and_log(code ? SAY_ALERT : SAY_WARNING, "Current worker (%d) exited with code %d (%s)", (int)m->worker,
		code, code > EXIT_BY_SIGNAL ? signals_text(code - EXIT_BY_SIGNAL) : "Exit");
	m->worker = 0;
	if (m->word_fd >= 0)
		close(m->word_fd);
	m->word_fd = -1;
	if (asked || m->state == MASTER_LEAVING)
		leave(m, code == EXIT_BY_SIGNAL + SIGTERM ? EXIT_FINE : code); /* as HAProxy's */
	else if (!m->served)
		leave(m, EXIT_REFUSED); /* it could not even start: why is on the terminal */
	else
		schedule_restart(m);
}

static void reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == m->worker)
			on_worker_end(m, status);
}

/* ---- signals ---- */

/* The sockets go too: else clients would wait in queues that nobody empties. */
static void send_away(struct master *m, int number)
{
	say_and_log(SAY_WARNING, "Exiting Master process...");
	sockets_drop(&m->run->sockets);
	admin_free(m->run->admin);
	m->run->admin = NULL;
	m->state = MASTER_LEAVING;
	if (m->worker)
		kill(m->worker, number);
	else
		leave(m, EXIT_FINE);
}

static void on_signal(struct master *m, int number)
{
	switch (number) {
	case SIGTERM:
	case SIGINT:
	case SIGUSR1: send_away(m, number); break;
	case SIGTTOU:
	case SIGTTIN:
		if (m->worker)
			kill(m->worker, number);
		break;
	case SIGHUP: /* done inside the worker */
		m->reloaded = true;
		if (m->worker)
			kill(m->worker, number);
		break;
	case SIGUSR2: say_and_log(SAY_WARNING, "Upgrade is not supported by Ballast (yet)."); break;
	case SIGCHLD: reap(m); break;
	default: break;
	}
}

/* ---- the master's turn ---- */

static void on_word(struct master *m)
{
	char byte;
	ssize_t n = read(m->word_fd, &byte, 1);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	close(m->word_fd); /* without a byte it is dying, and SIGCHLD tells the rest */
	m->word_fd = -1;
	if (n != 1 || m->state != MASTER_STARTING)
		return;
	m->state = MASTER_SERVING;
	say_and_log(SAY_NOTICE, m->served ? "The new worker serves." : "Loading success.");
	if (m->served)
		return;
	m->served = true;
	signals_send_old(m->run->options, m->run->options->old_signal);
	daemon_ready(m->run);
}

static int timeout_of(const struct master *m)
{
	if (m->state != MASTER_WAITING)
		return -1;
	uint64_t now = now_ms();
	return m->restart_ms > now ? (int)(m->restart_ms - now) : 0;
}

static void turn(struct master *m)
{
	struct pollfd p[] = { { .fd = m->signal_fd, .events = POLLIN }, { .fd = m->word_fd, .events = POLLIN } };
	int number;

	if (poll(p, 2, timeout_of(m)) < 0)
		return;
	if (p[1].revents)
		on_word(m);
	while (p[0].revents && (number = signals_next(m->signal_fd)))
		on_signal(m, number);
}

static bool is_over(const struct master *m)
{
	return m->state == MASTER_LEAVING && !m->worker;
}

int master_run(struct run *r)
{
	struct master m = { .run = r, .signal_fd = signals_open(), .word_fd = -1 };

	if (m.signal_fd < 0) {
		say(SAY_ALERT, "cannot start: signals: %s.", strerror(-m.signal_fd));
		return EXIT_REFUSED;
	}
	if (start_worker(&m))
		return m.status;
	while (!is_over(&m)) {
		if (m.state == MASTER_WAITING && !timeout_of(&m) && start_worker(&m))
			return m.status;
		if (!m.worker && m.state == MASTER_STARTING)
			schedule_restart(&m); /* fork failed */
		turn(&m);
	}
	close(m.signal_fd);
	return m.status;
}
