/* The loop of the soak driver, and what it reports: one line a second with -v, a summary at the end; status 1 where
 * anything was seen that must not be.
 *
 *     soak -f HTTP_PORT -t TCP_PORT -o ORIGIN_PORT... -e ECHO_PORT [-s SEED] [-d SECONDS] [-n REQUESTS] [-c CLIENTS] [-v]
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "soak.h"

enum { PEERS_MAX = 8192, EVENTS = 256, VIOLATIONS_SHOWN = 20, READ_BYTES = 65536 };

static int epoll_fd;
static struct peer *peers[PEERS_MAX];
static unsigned peer_count;
static uint64_t clock_ms;

uint64_t now_ms(void)
{
	return clock_ms;
}

static void read_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	clock_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void violation(const char *format, ...)
{
	va_list args;

	if (client_stats.violations++ >= VIOLATIONS_SHOWN)
		return;
	va_start(args, format);
	fputs("VIOLATION: ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
}

/* Listeners are told by the lowest bit of what epoll keeps. */
int loop_watch(int fd, unsigned events, void *what, bool is_listener)
{
	struct epoll_event e = { .events = events, .data.u64 = (uintptr_t)what | is_listener };
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

void loop_change(int fd, unsigned events, void *what)
{
	struct epoll_event e = { .events = events, .data.u64 = (uintptr_t)what };
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &e);
}

/* ---- peers ---- */

void peer_start(struct peer *p, int fd)
{
	p->fd = fd;
	p->may_read = p->read_each_tick;
	p->may_write = p->write_each_tick;
	if (peer_count == PEERS_MAX || fd < 0 || loop_watch(fd, EPOLLIN | EPOLLOUT, p, false) < 0) {
		fprintf(stderr, "too many connections: %s\n", strerror(errno));
		exit(2);
	}
	p->wants_write = true;
	peers[peer_count++] = p;
}

void peer_close(struct peer *p, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (p->dead)
		return;
	if (reset)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(p->fd);
	p->dead = true;
}

static void watch_for(struct peer *p)
{
	bool writes = p->out.start < p->out.end && !(p->write_each_tick && !p->may_write) &&
	              !(p->hold_at && p->out.start >= p->hold_at);
	bool reads = !(p->read_each_tick && !p->may_read) && !p->ended;

	loop_change(p->fd, (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u), p);
}

static void all_sent(struct peer *p)
{
	if (p->close_when_sent || p->reset_when_sent)
		peer_close(p, p->reset_when_sent);
	else if (p->shut_when_sent) {
		shutdown(p->fd, SHUT_WR);
		p->shut_when_sent = false;
	}
}

static size_t sendable(const struct peer *p)
{
	size_t n = p->out.end - p->out.start;

	if (p->hold_at && p->out.start + n > p->hold_at)
		n = p->hold_at > p->out.start ? p->hold_at - p->out.start : 0;
	if (p->write_each_tick && n > p->may_write)
		n = p->may_write;
	return n;
}

void peer_flush(struct peer *p)
{
	size_t n;

	while ((n = sendable(p)) > 0) {
		ssize_t sent = send(p->fd, p->out.at + p->out.start, n, MSG_NOSIGNAL);
		if (sent < 0)
			break; /* what it means, reading tells */
		p->out.start += (size_t)sent;
		p->sent += (size_t)sent;
		if (p->write_each_tick)
			p->may_write -= (unsigned)sent;
	}
	if (p->out.start == p->out.end)
		all_sent(p);
	if (!p->dead)
		watch_for(p);
}

static void peer_read(struct peer *p)
{
	static char buffer[READ_BYTES];
	size_t most = p->read_each_tick && p->may_read < sizeof buffer ? p->may_read : sizeof buffer;

	if (!most || p->ended)
		return;
	ssize_t n = recv(p->fd, buffer, most, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		bytes_add(&p->in, buffer, (size_t)n);
		p->received += (size_t)n;
		if (p->read_each_tick)
			p->may_read -= (unsigned)n;
	} else {
		p->ended = true;
	}
	p->heard(p);
}

static void peer_tick(struct peer *p)
{
	p->may_read = p->read_each_tick;
	p->may_write = p->write_each_tick;
	if (p->hold_at && clock_ms >= p->hold_until_ms)
		p->hold_at = 0;
	if (p->tick)
		p->tick(p);
	if (!p->dead && (p->read_each_tick || p->write_each_tick || p->hold_until_ms))
		peer_flush(p);
}

static void bury_the_dead(void)
{
	for (unsigned i = 0; i < peer_count;) {
		struct peer *p = peers[i];
		if (!p->dead) {
			i++;
			continue;
		}
		if (p->gone)
			p->gone(p);
		bytes_free(&p->in);
		bytes_free(&p->out);
		free(p);
		peers[i] = peers[--peer_count];
	}
}

/* ---- the run ---- */

struct run {
	struct client_plan plan;
	unsigned clients, seconds;
	uint64_t requests, next;
	bool verbose;
};

static void turn(void)
{
	static uint64_t ticked_ms;
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, 1);

	read_clock();
	for (int i = 0; i < n; i++) {
		uintptr_t what = (uintptr_t)events[i].data.u64;
		if (what & 1) {
			struct watch *w = (struct watch *)(what & ~(uintptr_t)1);
			w->ready(w, events[i].events);
			continue;
		}
		struct peer *p = (struct peer *)what;
		if (!p->dead && events[i].events & EPOLLOUT)
			peer_flush(p);
		if (!p->dead && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			peer_read(p);
	}
	if (clock_ms != ticked_ms) {
		ticked_ms = clock_ms;
		for (unsigned i = 0; i < peer_count; i++)
			if (!peers[i]->dead)
				peer_tick(peers[i]);
	}
	bury_the_dead();
}

static void report(const char *when)
{
	const struct client_stats *c = &client_stats;

	printf("%s: %llu sessions, %llu requests, %llu ok, %llu failed, %llu cut, %llu aborted; origins: %llu requests "
	       "on "
	       "%llu connections; %llu violations\n",
		when, (unsigned long long)c->sessions, (unsigned long long)c->requests, (unsigned long long)c->ok,
		(unsigned long long)c->failed, (unsigned long long)c->cut, (unsigned long long)c->aborted,
		(unsigned long long)origin_stats.requests, (unsigned long long)origin_stats.connections,
		(unsigned long long)c->violations);
	fflush(stdout);
}

static void run(struct run *r)
{
	read_clock();
	uint64_t end_ms = clock_ms + r->seconds * 1000ull, told_ms = clock_ms;

	while (clock_ms < end_ms && client_stats.requests < r->requests) {
		while (clients_now < r->clients)
			client_start(&r->plan, r->next++);
		turn();
		if (r->verbose && clock_ms - told_ms >= 1000) {
			told_ms = clock_ms;
			report("now");
		}
	}
	end_ms = clock_ms + 30000;
	while (clients_now && clock_ms < end_ms) /* what has begun comes to its end */
		turn();
	if (clients_now)
		violation("%u clients do not come to an end", clients_now);
}

static int listen_on(const char *port, bool echo)
{
	if (origin_listen((unsigned)atoi(port), echo) == 0)
		return 0;
	fprintf(stderr, "cannot listen on %s: %s\n", port, strerror(errno));
	return 2;
}

int main(int argc, char **argv)
{
	struct run r = { .clients = 50, .seconds = 10, .requests = UINT64_MAX };
	int option, rc = 0;

	signal(SIGPIPE, SIG_IGN);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	while (!rc && (option = getopt(argc, argv, "f:t:o:e:s:d:n:c:v")) >= 0) {
		switch (option) {
		case 'f': r.plan.http_port = (unsigned)atoi(optarg); break;
		case 't': r.plan.tcp_port = (unsigned)atoi(optarg); break;
		case 'o':
		case 'e': rc = listen_on(optarg, option == 'e'); break;
		case 's': r.plan.seed = strtoull(optarg, NULL, 10); break;
		case 'd': r.seconds = (unsigned)atoi(optarg); break;
		case 'n': r.requests = strtoull(optarg, NULL, 10); break;
		case 'c': r.clients = (unsigned)atoi(optarg); break;
		case 'v': r.verbose = true; break;
		default: rc = 2; break;
		}
	}
	if (rc)
		return rc;
	run(&r);
	report("in all");
	return client_stats.violations ? 1 : 0;
}
