/* Origins: what a request's KIND says is done to it.
 *
 *     l length   c chunked   u until close   x closes behind the answer   i interim responses before it
 *     s pauses amid the body   r resets amid it   d dies before it   g answers garbage   w never answers
 *     e answers without waiting for the request's body, then closes   k switches protocols, then echoes
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "soak.h"

struct origin_stats origin_stats;

struct origin {
	struct peer peer; /* first */
	struct message m;
	bool echoes, answered; /* answered: before the request's body is there */
	uint64_t random;
};

static char kind_of(const struct origin *o)
{
	return o->m.target[0] == '/' ? o->m.target[1] : '?';
}

static size_t size_of(const struct origin *o)
{
	return strlen(o->m.target) > 3 ? strtoull(o->m.target + 3, NULL, 10) : 0;
}

static void answer_with(struct origin *o, const char *more, bool chunked)
{
	struct bytes *out = &o->peer.out;
	bool head = !strcmp(o->m.method, "HEAD");
	size_t size = size_of(o);

	bytes_text(out, "HTTP/1.1 200 OK\r\nX-Token: %s\r\nX-Got: %zu\r\n%s", o->m.token, o->m.body, more);
	if (chunked)
		bytes_text(out, "Transfer-Encoding: chunked\r\n\r\n");
	else if (*more && strstr(more, "close-delimited"))
		bytes_text(out, "\r\n");
	else
		bytes_text(out, "Content-Length: %zu\r\n\r\n", size);
	if (head)
		return;
	if (chunked)
		bytes_chunked(out, o->m.token, size, &o->random);
	else
		bytes_pattern(out, o->m.token, size);
}

/* Stops the output amid what is there now. */
static size_t middle(const struct origin *o, size_t begin)
{
	return begin + (o->peer.out.end - begin) / 2;
}

static void answer_kind(struct origin *o)
{
	struct peer *p = &o->peer;
	size_t begin = p->out.end;

	if (p->out.start == p->out.end) /* as it will be with the first byte */
		begin = p->out.start = p->out.end = 0;

	switch (kind_of(o)) {
	case 'c': answer_with(o, "", true); break;
	case 'u':
		answer_with(o, "X-Framing: close-delimited\r\nConnection: close\r\n", false);
		p->close_when_sent = true;
		break;
	case 'x':
		answer_with(o, "", false);
		p->close_when_sent = true;
		break;
	case 'i':
		for (unsigned n = 1 + below(&o->random, 5); n; n--)
			bytes_text(&p->out, "HTTP/1.1 103 Early Hints\r\nLink: </%u>\r\n\r\n", n);
		answer_with(o, "", below(&o->random, 2));
		break;
	case 's':
		answer_with(o, "", below(&o->random, 2));
		p->hold_at = middle(o, begin);
		p->hold_until_ms = now_ms() + 5 + below(&o->random, 20);
		break;
	case 'r':
		answer_with(o, "", below(&o->random, 2));
		p->out.end = middle(o, begin);
		p->reset_when_sent = true;
		break;
	case 'd': peer_close(p, below(&o->random, 2)); break;
	case 'g':
		bytes_text(&p->out, "HTTP/1.1 2x0 OK\r\nX-Token %s\r\n\r\n\001\002\003", o->m.token);
		p->close_when_sent = true;
		break;
	case 'w': break;
	case 'k':
		bytes_text(&p->out,
			"HTTP/1.1 101 Switching Protocols\r\nX-Token: %s\r\nConnection: upgrade\r\n"
			"Upgrade: echo\r\n\r\n",
			o->m.token);
		o->echoes = true;
		break;
	default: answer_with(o, "", false); break;
	}
}

static void echo(struct peer *p)
{
	bytes_add(&p->out, p->in.at + p->in.start, p->in.end - p->in.start);
	p->in.start = p->in.end;
	if (p->ended)
		p->close_when_sent = true;
	peer_flush(p);
}

static void reset_message(struct origin *o)
{
	o->m = (struct message){ 0 };
}

static void early(struct origin *o)
{
	if (o->answered || o->m.part == PART_HEAD || kind_of(o) != 'e')
		return;
	o->answered = true;
	answer_with(o, "Connection: close\r\n", false);
	o->peer.close_when_sent = true;
}

static void origin_heard(struct peer *p)
{
	struct origin *o = (struct origin *)p;

	while (!p->dead && !p->close_when_sent && !p->reset_when_sent && !o->echoes) {
		bool whole = message_take(&o->m, &p->in, true);
		if (o->m.bad) {
			violation("an origin got a bad request: %s, %s %s", o->m.why, o->m.method, o->m.target);
			origin_stats.bad++;
			peer_close(p, true);
			return;
		}
		early(o);
		if (!whole)
			break;
		origin_stats.requests++;
		answer_kind(o);
		if (!o->echoes)
			reset_message(o);
	}
	if (p->dead)
		return;
	if (o->echoes) {
		echo(p);
		return;
	}
	peer_flush(p);
	if (!p->dead && p->ended && !p->close_when_sent)
		peer_close(p, false);
}

static struct origin *origin_new(bool echoes)
{
	struct origin *o = calloc(1, sizeof *o);

	if (!o)
		abort();
	o->peer.heard = origin_heard;
	o->echoes = echoes;
	o->random = (origin_stats.connections++ + 1) * 0x9e3779b97f4a7c15u;
	return o;
}

/* ---- listening ---- */

struct listener {
	struct watch watch;
	int fd;
	bool echo;
};

static void accepting(struct watch *w, unsigned events)
{
	struct listener *l = (struct listener *)w;
	int fd, one = 1;

	(void)events;
	while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		peer_start(&origin_new(l->echo)->peer, fd);
	}
}

int origin_listen(unsigned port, bool echo)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct listener *l = calloc(1, sizeof *l);
	int one = 1;

	if (!l)
		abort();
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->watch.ready = accepting;
	l->echo = echo;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(l->fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(l->fd, 1024) < 0)
		return -1;
	return loop_watch(l->fd, EPOLLIN, &l->watch, true);
}
