/* daemon: -D returns when the child serves, and not before; the pid file.
 *
 * Parent and child share a pipe.  A byte in it says that all went well; its end without one, that the child died, and
 * its exit status becomes the parent's.  Until then the child keeps the terminal, so its errors are seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

static void await_child(int fd, pid_t child)
{
	char byte;
	int status = 0;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EXIT_FINE);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_REFUSED);
}

int daemon_fork(int *ready_fd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		say(SAY_ALERT, "cannot make a pipe: %s.", strerror(errno));
		return -errno;
	}
	pid_t child = fork();
	if (child < 0) {
		int err = -errno;
		say(SAY_ALERT, "cannot fork: %s.", strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (child > 0) {
		close(fds[1]);
		await_child(fds[0], child);
	}
	close(fds[0]);
	setsid();
	*ready_fd = fds[1];
	return 0;
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	if (null > 2)
		close(null);
}

void daemon_ready(struct run *r)
{
	if (r->daemon)
		leave_terminal();
	if (r->ready_fd >= 0) {
		if (write(r->ready_fd, "+", 1) < 0 && errno != EPIPE)
			say(SAY_WARNING, "cannot tell that it runs: %s.", strerror(errno));
		close(r->ready_fd);
		r->ready_fd = -1;
	}
}

int pidfile_write(const char *path)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	int err = 0;

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}
