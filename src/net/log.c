/* log: framing a line and handing it to the kernel, without ever waiting.
 *
 * Header formats as HAProxy 3.2 writes them (RFC 3164, RFC 5424, and short ones for local collectors).  A datagram
 * socket is never connected: a restarted syslogd is found again.  A descriptor is shared with whoever gave it to us, so
 * it is not made non-blocking: a socket takes MSG_DONTWAIT, a pipe RWF_NOWAIT, and where the kernel has not that, it
 * is asked by poll() first, which for a pipe means that PIPE_BUF bytes fit.
 */
#include "ballast/net/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "ballast/base/clock.h"
#include "ballast/event/loop.h"

enum { HEADER_MAX = 768, EVENT_MAX = 2048 };
enum way { WAY_UNKNOWN, WAY_SOCKET, WAY_NOWAIT, WAY_POLL };

#define LOG_TAG_DEFAULT "ballast"

static struct log_targets *global_targets;
static const char *global_tag, *global_hostname;
static _Atomic uint64_t dropped_total;

/* Texts of the present second, of this thread. */
static __thread struct {
	uint64_t second;
	char rfc3164[32]; /* "Nov 25 04:30:51" */
	char iso[32];     /* "2026-11-25T04:30:51" */
	char zone[16];    /* "+05:30" */
} date;

/* getpid() is a system call. */
static _Atomic int own_pid;
static pthread_once_t own_pid_once = PTHREAD_ONCE_INIT;

static void refresh_pid(void)
{
	atomic_store(&own_pid, (int)getpid());
}

static void watch_pid(void)
{
	pthread_atfork(NULL, NULL, refresh_pid);
	refresh_pid();
}

static uint64_t wall_us(void)
{
	return loop_self ? loop_self->wall_us : clock_wall_us();
}

static void refresh_date(uint64_t second)
{
	/* Not %b: these are English whatever the locale is. */
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	time_t t = (time_t)second;
	struct tm tm;
	if (second == date.second)
		return;
	date.second = second;
	localtime_r(&t, &tm);
	memcpy(date.rfc3164, months[tm.tm_mon], 3);
	strftime(date.rfc3164 + 3, sizeof date.rfc3164 - 3, " %e %H:%M:%S", &tm);
	strftime(date.iso, sizeof date.iso, "%Y-%m-%dT%H:%M:%S", &tm);
	if (strftime(date.zone, sizeof date.zone, "%z", &tm) == 5) { /* +0530 */
		memmove(date.zone + 4, date.zone + 3, 3);
		date.zone[3] = ':';
	}
}

static size_t render_header(const struct log_target *t, const char *tag, unsigned level, bool structured, char *out)
{
	unsigned format = t->default_format && global_hostname ? LOG_RFC3164 : t->format;
	unsigned priority = t->facility * 8u + level;
	uint64_t now_us = wall_us();
	unsigned us = (unsigned)(now_us % 1000000);
	int pid = atomic_load_explicit(&own_pid, memory_order_relaxed), n = 0;
	refresh_date(now_us / 1000000);
	switch (format) {
	case LOG_RFC3164:
		n = snprintf(out, HEADER_MAX, "<%u>%s %s %s[%d]: ", priority, date.rfc3164,
			global_hostname ? global_hostname : "localhost", tag, pid);
		break;
	case LOG_RFC5424:
		n = snprintf(out, HEADER_MAX, "<%u>1 %s.%06u%s %s %s %d - %s", priority, date.iso, us, date.zone,
			global_hostname ? global_hostname : "-", tag, pid, structured ? "" : "- ");
		break;
	case LOG_LOCAL: n = snprintf(out, HEADER_MAX, "<%u>%s %s[%d]: ", priority, date.rfc3164, tag, pid); break;
	case LOG_PRIORITY: n = snprintf(out, HEADER_MAX, "<%u>", priority); break;
	case LOG_SHORT: n = snprintf(out, HEADER_MAX, "<%u>", level); break;
	case LOG_TIMED: n = snprintf(out, HEADER_MAX, "<%u>%s.%06u%s ", level, date.iso, us, date.zone); break;
	case LOG_ISO: n = snprintf(out, HEADER_MAX, "%s.%06u%s ", date.iso, us, date.zone); break;
	default: break;
	}
	return n < HEADER_MAX ? (size_t)n : HEADER_MAX - 1;
}

/* The target's descriptor, opened on first use at the latest; two threads that open it at once keep one. */
static int target_fd(struct log_target *t)
{
	int fd = atomic_load_explicit(&t->fd, memory_order_acquire), none = -1;
	if (fd >= 0)
		return fd;
	fd = socket(t->at.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || atomic_compare_exchange_strong(&t->fd, &none, fd))
		return fd;
	close(fd);
	return none;
}

static ssize_t send_socket(int fd, const struct log_target *t, struct iovec *iov, int count)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)count };
	if (t->at.len) {
		m.msg_name = (void *)&t->at.sa;
		m.msg_namelen = t->at.len;
	}
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t write_when_free(int fd, const struct iovec *iov, int count)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
		errno = EAGAIN;
		return -1;
	}
	return writev(fd, iov, count);
}

static ssize_t write_stream(int fd, struct log_target *t, struct iovec *iov, int count)
{
	unsigned way = atomic_load_explicit(&t->way, memory_order_relaxed);
	struct stat file;
	if (way == WAY_UNKNOWN) {
		way = fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode) ? WAY_SOCKET : WAY_NOWAIT;
		atomic_store_explicit(&t->way, (uint8_t)way, memory_order_relaxed);
	}
	if (way == WAY_SOCKET)
		return send_socket(fd, t, iov, count);
	if (way == WAY_NOWAIT) {
		ssize_t n = pwritev2(fd, iov, count, -1, RWF_NOWAIT);
		if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
			return n;
		atomic_store_explicit(&t->way, WAY_POLL, memory_order_relaxed);
	}
	return write_when_free(fd, iov, count);
}

static void count(struct log_target *t, bool sent)
{
	atomic_fetch_add_explicit(sent ? &t->sent : &t->dropped, 1, memory_order_relaxed);
	if (!sent)
		atomic_fetch_add_explicit(&dropped_total, 1, memory_order_relaxed);
}

/* Hands over header and text, and to a stream the line's end; all cut to max_length. */
static void send_line(struct log_target *t, struct slice header, struct slice text)
{
	size_t most = t->max_length - (t->stream ? 1u : 0u);
	header.len = header.len < most ? header.len : most;
	text.len = text.len < most - header.len ? text.len : most - header.len;
	struct iovec iov[4] = { { "\n", 1 }, { (void *)header.ptr, header.len }, { (void *)text.ptr, text.len },
		{ "\n", 1 } };
	int fd = target_fd(t);
	if (fd < 0) {
		count(t, false);
		return;
	}
	if (!t->stream) {
		count(t, send_socket(fd, t, iov + 1, 2) >= 0);
		return;
	}
	bool was_cut = atomic_load_explicit(&t->cut, memory_order_relaxed);
	ssize_t n = write_stream(fd, t, was_cut ? iov : iov + 1, was_cut ? 4 : 3);
	bool whole = n == (ssize_t)(header.len + text.len + (was_cut ? 2 : 1));
	if (n > 0 && was_cut == whole)
		atomic_store_explicit(&t->cut, !whole, memory_order_relaxed);
	count(t, whole);
}

static bool sampled(struct log_target *t)
{
	if (!t->sample_size)
		return true;
	uint64_t at = atomic_fetch_add_explicit(&t->sample_at, 1, memory_order_relaxed) % t->sample_size;
	return t->sample_ranges >> at & 1;
}

/* The first `structured` bytes of the text, and a space, are for RFC 5424 only. */
static void send_to_list(struct list *list, const char *tag, unsigned level, struct slice text, size_t structured)
{
	char header[HEADER_MAX];
	list_for_each(it, list) {
		struct log_target *t = list_entry(it, struct log_target, link);
		if (level > t->max_level || !sampled(t))
			continue;
		bool takes_it = structured && t->format == LOG_RFC5424;
		size_t len = render_header(t, tag, level < t->min_level ? t->min_level : level, takes_it, header);
		send_line(t, slice_of(header, len), structured && !takes_it ? slice_skip(text, structured + 1) : text);
	}
}

void log_targets_init(struct log_targets *t)
{
	*t = (struct log_targets){ .tag = NULL };
	list_init(&t->list);
}

void log_targets_open(struct log_targets *t)
{
	list_for_each(it, &t->list)
		target_fd(list_entry(it, struct log_target, link));
}

static bool list_wants(const struct list *list, enum log_level level)
{
	list_for_each(it, list)
		if (level <= list_entry(it, struct log_target, link)->max_level)
			return true;
	return false;
}

bool log_wanted(const struct log_targets *t, enum log_level level)
{
	return list_wants(&t->list, level) ||
	       (t->use_global && global_targets && list_wants(&global_targets->list, level));
}

void log_set_global(struct log_targets *t, const char *tag, const char *hostname)
{
	global_targets = t;
	global_tag = tag;
	global_hostname = hostname;
}

void log_send(const struct log_targets *t, enum log_level level, struct slice text)
{
	log_send_structured(t, level, text, 0);
}

void log_send_structured(const struct log_targets *t, enum log_level level, struct slice text, size_t structured)
{
	const char *tag = t->tag ? t->tag : global_tag ? global_tag : LOG_TAG_DEFAULT;
	pthread_once(&own_pid_once, watch_pid);
	send_to_list((struct list *)&t->list, tag, level, text, structured);
	if (t->use_global && global_targets && t != global_targets)
		send_to_list(&global_targets->list, tag, level, text, structured);
}

static void (*witness)(enum log_level level, const char *text);

void log_set_witness(void (*w)(enum log_level level, const char *text))
{
	witness = w;
}

void log_event(const struct log_targets *t, enum log_level level, const char *fmt, ...)
{
	char text[EVENT_MAX];
	va_list ap;
	bool seen = t && witness;
	if (!t)
		t = global_targets;
	bool sent = t && log_wanted(t, level);
	if (!seen && !sent)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (seen && n > 0)
		witness(level, text);
	if (sent && n > 0)
		log_send(t, level, slice_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

uint64_t log_dropped_total(void)
{
	return atomic_load_explicit(&dropped_total, memory_order_relaxed);
}
