/* say: messages of the process itself, in HAProxy's form, so that what reads its output goes on doing so. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "process.h"

enum { SAY_MAX = 1024 };

static bool is_quiet;

void say_set_quiet(bool quiet)
{
	is_quiet = quiet;
}

bool say_is_quiet(void)
{
	return is_quiet;
}

/* One write, so that lines of several processes do not mix. */
static void print(enum say_level level, const char *text)
{
	static const char *const names[] = { "[NOTICE]  ", "[WARNING] ", "[ALERT]   " };
	char line[SAY_MAX + 64];

	if (is_quiet)
		return;
	int n = snprintf(line, sizeof line, "%s (%d) : %s\n", names[level], (int)getpid(), text);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* the terminal is gone: nobody to tell */
}

void say(enum say_level level, const char *fmt, ...)
{
	char text[SAY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	print(level, text);
}

/* An event of a proxy or server, as HAProxy shows it in the foreground. A loop must not wait for a terminal: what it does
 * not take is only in the log. */
static void show_event(enum log_level level, const char *text)
{
	struct pollfd to = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&to, 1, 0) == 1 && to.revents & POLLOUT)
		print(level == LOG_L_EMERG ? SAY_ALERT : SAY_WARNING, text);
}

void say_show_events(void)
{
	log_set_witness(show_event);
}

void say_and_log(enum say_level level, const char *fmt, ...)
{
	static const enum log_level log_levels[] = { LOG_L_NOTICE, LOG_L_WARNING, LOG_L_ALERT };
	char text[SAY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	print(level, text);
	log_event(NULL, log_levels[level], "%s", text);
}
