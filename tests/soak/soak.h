/* soak: clients and origins of every temper in one thread, on both sides of a Ballast, for as long as one likes.
 *
 * A request names what its origin shall do: "/KIND/SIZE/TOKEN".  Bodies of both directions repeat the token, so a byte that
 * belongs to anybody else is seen.  What a client does follows from the seed and its number alone.  Sockets are polled
 * level-triggered, and every millisecond each connection has its tick: slow ones move only then.
 */
#ifndef SOAK_H
#define SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_LEN = 16 };

/* ---- chance ---- */

static inline uint64_t chance(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1du >> 11;
}

/* 0..n-1 */
static inline unsigned below(uint64_t *state, unsigned n)
{
	return (unsigned)(chance(state) % n);
}

/* ---- bytes ---- */

struct bytes {
	char *at;
	size_t start, end, room;
};
void bytes_add(struct bytes *b, const void *from, size_t len);
void bytes_text(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `len` bytes that repeat the token. */
void bytes_pattern(struct bytes *b, const char *token, size_t len);
/* The same in chunks of random sizes, with the last chunk. */
void bytes_chunked(struct bytes *b, const char *token, size_t len, uint64_t *random);
void bytes_free(struct bytes *b);

/* ---- messages ---- */

enum part { PART_HEAD, PART_LENGTH, PART_SIZE, PART_CHUNK, PART_CHUNK_END, PART_TRAILER, PART_UNTIL_CLOSE, PART_DONE };

struct message {
	enum part part;
	unsigned status; /* 0: a request */
	char method[8], target[64];
	char token[TOKEN_LEN + 1];         /* X-Token, or the target's; "" none */
	size_t left;                       /* of the body or chunk */
	size_t body;                       /* bytes of it so far */
	bool no_body, close, upgrade, bad; /* bad: no message, or a byte of its body is not its token's */
	char why[64];                      /* where bad */
};
/* Takes what it can of in->at[start..end). True where it is whole (part is PART_DONE) or bad. */
bool message_take(struct message *m, struct bytes *in, bool is_request);

/* ---- connections ---- */

struct peer {
	int fd;
	bool ended, dead; /* their side ended; to be freed */
	bool wants_write; /* epoll knows */
	struct bytes in, out;
	size_t hold_at; /* out.start stops here until hold_until_ms; 0: nowhere */
	uint64_t hold_until_ms;
	unsigned read_each_tick, write_each_tick; /* bytes; 0: all that comes */
	unsigned may_read, may_write;
	bool close_when_sent, reset_when_sent, shut_when_sent;
	size_t received, sent;         /* in all */
	void (*heard)(struct peer *p); /* bytes came, or its end, or an error */
	void (*tick)(struct peer *p);
	void (*gone)(struct peer *p); /* about to be freed */
};

void peer_start(struct peer *p, int fd);
void peer_flush(struct peer *p);
/* Closes at once, in an orderly way or with a reset. */
void peer_close(struct peer *p, bool reset);
uint64_t now_ms(void);

/* ---- the two sides ---- */

struct origin_stats {
	uint64_t requests, connections, bad;
};
extern struct origin_stats origin_stats;
/* Listens; `echo`: sends back whatever comes (TCP sessions). */
int origin_listen(unsigned port, bool echo);

struct client_stats {
	uint64_t sessions, requests, ok, refused, failed, cut, aborted, violations;
};
extern struct client_stats client_stats;
struct client_plan {
	unsigned http_port, tcp_port;
	uint64_t seed;
};
/* Begins the session with that number. */
void client_start(const struct client_plan *plan, uint64_t number);
extern unsigned clients_now;
void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* main's */
struct watch {
	void (*ready)(struct watch *w, unsigned events);
};
int loop_watch(int fd, unsigned events, void *what, bool is_listener);
void loop_change(int fd, unsigned events, void *what);

#endif
