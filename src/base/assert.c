/* assert: how a failed assertion ends the process.
 *
 * Nothing here allocates or takes a stdio lock: the heap may be what is broken.  The backtrace names
 * addresses and exported functions; addr2line turns the rest into lines.
 */
#include "ballast/base/assert.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FRAMES_MAX 64

void assert_failed(const char *what, const char *file, int line, const char *func)
{
	static __thread int failing;
	char text[512];
	void *frames[FRAMES_MAX];

	if (failing++)
		abort();
	int len = snprintf(text, sizeof(text), "ballast: assertion failed: %s (%s:%d, %s)\n", what, file, line, func);
	if (len > (int)sizeof(text) - 1) {
		len = (int)sizeof(text) - 1;
		text[len - 1] = '\n';
	}
	ssize_t written = write(STDERR_FILENO, text, (size_t)len);
	(void)written;
	backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
	abort();
}
