/* Clients: one session each, of a temper that its number gives it.  What must stay true of every answer: it belongs to the
 * next request that waits for one, its body is that request's token throughout, and it is only ever whole where the origin
 * sent it whole. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "soak.h"

struct client_stats client_stats;
unsigned clients_now;

enum temper {
	T_KEEP_ALIVE, /* one request after the other */
	T_PIPELINE,
	T_CLOSE,
	T_CHUNKED,
	T_LARGE,
	T_SLOW_READER,
	T_DRIP,
	T_ABORT,
	T_HALF_CLOSE,
	T_GARBAGE,
	T_UPGRADE,
	T_TCP,
	T_COUNT
};

enum { WAITING_MAX = 16, BIG = 400000 };

struct waiting {
	char kind;
	bool head, idempotent;
	size_t size;
	char token[TOKEN_LEN + 1];
};

struct client {
	struct peer peer; /* first */
	enum temper temper;
	uint64_t number, random;
	struct message m;
	struct waiting waiting[WAITING_MAX];
	unsigned first, count;             /* in waiting */
	unsigned left;                     /* requests still to be sent */
	bool last_closes;                  /* an answer said that the connection ends */
	size_t abort_sent, abort_received; /* 0: never */
	uint64_t since_ms;                 /* of the last byte that moved */
	size_t moved;
	/* echo sessions */
	bool echo;
	char token[TOKEN_LEN + 1];
	size_t echo_size, echoed;
};

enum { HANGS_MS = 20000 };

static void make_token(struct client *c, char *token)
{
	snprintf(token, TOKEN_LEN + 1, "%08x%08x", (unsigned)c->number & 0xffffffff, (unsigned)chance(&c->random));
}

static size_t random_size(struct client *c)
{
	static const unsigned size[] = { 0, 1, 64, 500, 5000, 30000, 70000 };
	if (c->temper == T_DRIP)
		return below(&c->random, 600);
	if (c->temper == T_LARGE || below(&c->random, 100) == 0)
		return 1 + below(&c->random, BIG);
	return size[below(&c->random, sizeof size / sizeof size[0])];
}

/* Nearly always something that works; now and then what does not. */
static char random_kind(struct client *c)
{
	static const char good[] = "llllllcccuxis", odd[] = "rdgwe";
	if (below(&c->random, 25) == 0)
		return odd[below(&c->random, c->temper == T_CLOSE ? 5 : 3)];
	return good[below(&c->random, sizeof good - 1)];
}

/* ---- sending ---- */

static void add_body(struct client *c, const struct waiting *w, bool chunked)
{
	struct bytes *out = &c->peer.out;
	size_t size = random_size(c);

	if (chunked) {
		bytes_text(out, "Transfer-Encoding: chunked\r\n\r\n");
		bytes_chunked(out, w->token, size, &c->random);
	} else {
		bytes_text(out, "Content-Length: %zu\r\n\r\n", size);
		bytes_pattern(out, w->token, size);
	}
}

static void add_request(struct client *c, bool last)
{
	struct waiting *w = &c->waiting[(c->first + c->count++) % WAITING_MAX];
	unsigned sort = below(&c->random, 10);
	bool posts = c->temper == T_CHUNKED || c->temper == T_LARGE || sort == 0;

	*w = (struct waiting){ .kind = random_kind(c), .size = random_size(c) };
	make_token(c, w->token);
	w->head = !posts && sort == 1 && strchr("lcs", w->kind);
	w->idempotent = !posts;
	bytes_text(&c->peer.out, "%s /%c/%zu/%s HTTP/1.1\r\nHost: soak.test\r\nUser-Agent: soak\r\n%s",
		posts     ? "POST"
		: w->head ? "HEAD"
			  : "GET",
		w->kind, w->size, w->token, last ? "Connection: close\r\n" : "");
	if (posts)
		add_body(c, w, c->temper == T_CHUNKED || below(&c->random, 2));
	else
		bytes_text(&c->peer.out, "\r\n");
	client_stats.requests++;
}

static void send_next(struct client *c)
{
	bool closes = c->temper == T_CLOSE || below(&c->random, 3) == 0;

	if (!c->left)
		return;
	do
		add_request(c, --c->left == 0 && closes);
	while (c->left && c->temper == T_PIPELINE && c->count < WAITING_MAX - 1);
	if (!c->left && c->temper == T_HALF_CLOSE)
		c->peer.shut_when_sent = true;
}

static void send_garbage(struct client *c)
{
	unsigned len = 1 + below(&c->random, 3000);

	if (below(&c->random, 2))
		bytes_text(&c->peer.out, "GET / HTTP/1.1\r\nHost: a\r\n");
	while (len--) {
		char byte = (char)below(&c->random, 256);
		bytes_add(&c->peer.out, &byte, 1);
	}
	bytes_text(&c->peer.out, "\r\n\r\n");
	c->peer.shut_when_sent = true;
}

static void send_upgrade(struct client *c)
{
	struct waiting *w = &c->waiting[c->count++];

	*w = (struct waiting){ .kind = 'k', .idempotent = true };
	make_token(c, w->token);
	bytes_text(&c->peer.out,
		"GET /k/0/%s HTTP/1.1\r\nHost: soak.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n", w->token);
	client_stats.requests++;
}

static void send_echo(struct client *c)
{
	c->echo = true;
	make_token(c, c->token);
	c->echo_size = 1 + below(&c->random, below(&c->random, 4) ? 3000 : BIG);
	bytes_pattern(&c->peer.out, c->token, c->echo_size);
	c->peer.shut_when_sent = below(&c->random, 2);
}

/* ---- answers ---- */

static void refuse(struct client *c, const struct waiting *w, const char *why)
{
	violation("session %llu (temper %d), request /%c/%zu/%s: %s (status %u, %zu bytes, part %d)",
		(unsigned long long)c->number, c->temper, w->kind, w->size, w->token, why, c->m.status, c->m.body,
		c->m.part);
}

static bool may_fail(const struct waiting *w)
{
	return strchr("rdgwe", w->kind) || !w->idempotent;
}

/* A whole answer. */
static void judge(struct client *c, const struct waiting *w)
{
	const struct message *m = &c->m;

	if (m->status == 200 || m->status == 101) {
		if (strcmp(m->token, w->token))
			refuse(c, w, "the answer to another request");
		else if (strchr("rdgw", w->kind))
			refuse(c, w, "whole, though its origin did not send it so");
		else if (m->status == 200 && m->body != (w->head ? 0 : w->size))
			refuse(c, w, "not its size");
		else
			client_stats.ok++;
	} else if (m->status >= 500) {
		if (!may_fail(w))
			refuse(c, w, "failed for no reason");
		client_stats.failed++;
	} else {
		refuse(c, w, "an answer that nobody gave");
	}
}

static void begin_message(struct client *c)
{
	c->m = (struct message){ 0 };
}

static void next_answer(struct client *c)
{
	if (c->m.status / 100 == 1 && c->m.status != 101) {
		begin_message(c);
		return;
	}
	judge(c, &c->waiting[c->first]);
	c->last_closes |= c->m.close;
	c->first = (c->first + 1) % WAITING_MAX;
	c->count--;
	if (c->m.status == 101)
		send_echo(c);
	begin_message(c);
}

static void take_answers(struct client *c)
{
	while (c->count && !c->echo) {
		c->m.no_body = c->waiting[c->first].head;
		bool whole = message_take(&c->m, &c->peer.in, false);
		if (c->m.bad) {
			refuse(c, &c->waiting[c->first], c->m.why);
			peer_close(&c->peer, true);
			return;
		}
		if (!whole)
			return;
		next_answer(c);
	}
}

static void take_echo(struct client *c)
{
	struct bytes *in = &c->peer.in;

	for (; in->start < in->end; in->start++, c->echoed++) {
		if (in->at[in->start] != c->token[c->echoed % TOKEN_LEN] || c->echoed >= c->echo_size) {
			violation("session %llu: a foreign byte in an echo", (unsigned long long)c->number);
			peer_close(&c->peer, true);
			return;
		}
	}
	if (c->echoed == c->echo_size) {
		client_stats.ok++;
		peer_close(&c->peer, false);
	}
}

/* The connection ended while answers were awaited. */
static void judge_end(struct client *c)
{
	const struct waiting *w = &c->waiting[c->first];

	if (!c->count && !c->echo)
		return;
	client_stats.cut++;
	if (c->echo) {
		violation("session %llu: an echo cut at %zu of %zu", (unsigned long long)c->number, c->echoed,
			c->echo_size);
		return;
	}
	if (c->m.part == PART_UNTIL_CLOSE)
		refuse(c, w, "an end that looks whole");
	else if (!c->last_closes && !may_fail(w))
		refuse(c, w, "cut for no reason");
}

static bool aborts_now(struct client *c)
{
	const struct peer *p = &c->peer;
	return (c->abort_sent && p->sent >= c->abort_sent) || (c->abort_received && p->received >= c->abort_received);
}

static void go_on(struct client *c)
{
	if (c->peer.dead)
		return;
	if (!c->count && !c->echo) {
		if (c->left && !c->last_closes)
			send_next(c);
		else
			peer_close(&c->peer, below(&c->random, 50) == 0);
	}
	if (!c->peer.dead)
		peer_flush(&c->peer);
}

static void client_heard(struct peer *p)
{
	struct client *c = (struct client *)p;

	if (c->temper == T_GARBAGE) {
		p->in.start = p->in.end;
		if (p->ended)
			peer_close(p, false);
		return;
	}
	take_answers(c);
	if (!p->dead && c->echo)
		take_echo(c);
	if (p->dead)
		return;
	if (p->ended) {
		judge_end(c);
		peer_close(p, false);
		return;
	}
	go_on(c);
}

static void client_tick(struct peer *p)
{
	struct client *c = (struct client *)p;

	if (p->sent + p->received != c->moved) {
		c->moved = p->sent + p->received;
		c->since_ms = now_ms();
	}
	if (aborts_now(c)) {
		client_stats.aborted++;
		peer_close(p, below(&c->random, 2));
	} else if (now_ms() - c->since_ms > HANGS_MS) {
		violation("session %llu (temper %d) hangs; %u answers awaited, next /%c/%zu/%s",
			(unsigned long long)c->number, c->temper, c->count, c->waiting[c->first].kind,
			c->waiting[c->first].size, c->waiting[c->first].token);
		peer_close(p, true);
	}
}

static void client_gone(struct peer *p)
{
	(void)p;
	clients_now--;
}

/* ---- begun ---- */

static void set_temper(struct client *c)
{
	switch (c->temper) {
	case T_SLOW_READER: c->peer.read_each_tick = 200 + below(&c->random, 5000); break;
	case T_DRIP: c->peer.write_each_tick = 1 + below(&c->random, 40); break;
	case T_ABORT:
		if (below(&c->random, 2))
			c->abort_sent = 1 + below(&c->random, 3000);
		else
			c->abort_received = 1 + below(&c->random, 40000);
		break;
	default: break;
	}
	c->left = c->temper == T_CLOSE ? 1 : 1 + below(&c->random, c->temper == T_PIPELINE ? 60 : 12);
}

static int connect_to(unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	connect(fd, (struct sockaddr *)&at, sizeof at);
	return fd;
}

void client_start(const struct client_plan *plan, uint64_t number)
{
	struct client *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->number = number;
	c->random = (plan->seed + 1) * 0x9e3779b97f4a7c15u ^ (number + 1) * 0xbf58476d1ce4e5b9u;
	chance(&c->random);
	c->temper = below(&c->random, 3) ? T_KEEP_ALIVE : below(&c->random, T_COUNT);
	c->since_ms = now_ms();
	c->peer.heard = client_heard;
	c->peer.tick = client_tick;
	c->peer.gone = client_gone;
	clients_now++;
	client_stats.sessions++;
	set_temper(c);
	peer_start(&c->peer, connect_to(c->temper == T_TCP ? plan->tcp_port : plan->http_port));
	if (c->temper == T_GARBAGE)
		send_garbage(c);
	else if (c->temper == T_UPGRADE)
		send_upgrade(c);
	else if (c->temper == T_TCP)
		send_echo(c);
	else
		send_next(c);
	begin_message(c);
}
