/* exchange: one request and its response, from the first byte to the log line; or one TCP session.
 *
 *      HEAD -> RULES -> CHOOSE -> (QUEUE) -> CONNECT -> SEND -> WAIT -> ANSWERING -> DONE
 *                |                                                         ^
 *                +------------- LOCAL: an answer of our own ---------------+
 *      and TUNNEL, for TCP sessions, CONNECT and upgrades, instead of SEND .. ANSWERING.
 *
 * Both halves stream at once: the request's body goes on while the response comes.  An exchange belongs to the thread
 * of its client connection.  It is made when the first byte of a request is there (HTTP) or on accept (TCP), and goes
 * back to the thread's pool after its log line.
 */
#ifndef BALLAST_PROXY_EXCHANGE_H
#define BALLAST_PROXY_EXCHANGE_H

#include "ballast/base/arena.h"
#include "ballast/http/h1.h"
#include "ballast/proxy/answer.h"
#include "ballast/proxy/frontend.h"
#include "ballast/sample/sample.h"

enum exchange_state {
	X_HEAD,      /* the request's head is coming */
	X_RULES,     /* rules run, or are suspended */
	X_QUEUE,     /* waits for a place on a server */
	X_CONNECT,   /* the connection to the server is being made, or a retry waits its second */
	X_SEND,      /* the request is being sent, no byte of the answer yet */
	X_ANSWERING, /* the response's head was taken */
	X_TUNNEL,
	X_DONE,
	X_STATE_COUNT
};

/* Why it ended, the first letter of HAProxy's termination state (manual, section 8.5). */
enum exchange_cause {
	CAUSE_NONE = '-',
	CAUSE_CLIENT_ABORT = 'C',
	CAUSE_SERVER_ABORT = 'S',
	CAUSE_PROXY = 'P',
	CAUSE_RESOURCE = 'R',
	CAUSE_INTERNAL = 'I',
	CAUSE_CLIENT_TIMEOUT = 'c',
	CAUSE_SERVER_TIMEOUT = 's',
	CAUSE_LOCAL = 'L',
	CAUSE_DOWN = 'D',
	CAUSE_KILLED = 'K',
	CAUSE_UP = 'U',
};

enum exchange_flags {
	XF_TCP = 1u << 0,           /* a TCP session: no HTTP */
	XF_REQUEST_DONE = 1u << 1,  /* the request's body was read to its end */
	XF_REQUEST_SENT = 1u << 2,  /* all of it was given to the server's connection */
	XF_RESPONSE_HEAD = 1u << 3, /* a final response head was received or made */
	XF_RESPONSE_DONE = 1u << 4, /* the response's body was read to its end */
	XF_HEAD_SENT = 1u << 5,     /* the final head was given to the client's connection */
	XF_LOCAL = 1u << 6,         /* answered by Ballast itself */
	XF_CLOSE_CLIENT = 1u << 7,  /* the client's connection ends behind the response */
	XF_CLOSE_SERVER = 1u << 8,  /* the server's connection is not kept */
	XF_REUSED = 1u << 9,        /* sent on a kept server connection */
	XF_REDISPATCHED = 1u << 10,
	XF_HOLDS_PLACE = 1u << 11,  /* counted as served by `server` */
	XF_BODY_STARTED = 1u << 12, /* body bytes that are no longer held went to the server: it cannot be sent again */
	XF_NO_LOG = 1u << 13,       /* monitor-uri, null connections */
	XF_CHUNK_TO_SERVER = 1u << 14,
	XF_CHUNK_TO_CLIENT = 1u << 15,
	XF_PREPARED = 1u << 16,  /* the request's head was edited for sending */
	XF_SUSPENDED = 1u << 17, /* a rule waits; exchange_resume() goes on */
	XF_CUT = 1u << 18,       /* the client must see that the response is not whole */
	XF_COUNTED = 1u << 19,   /* counted as current by its backend and server */
	XF_LOGGED = 1u << 20,
	XF_EXPECTS_UPGRADE = 1u << 21, /* a 101 is an answer to this request */
	XF_CLIENT_ENDED = 1u << 22,    /* the client ended its sending side */
	XF_SEND_BROKEN = 1u << 24,     /* the server takes no more; its answer may still come */
	XF_CLIENT_SLOW = 1u << 23,     /* the client was behind once: smaller reads */
	XF_ANSWER_BEGAN = 1u << 26,    /* a byte of an answer came: the request must not be sent again */
	XF_NO_L7_RETRY = 1u << 27,     /* `disable-l7-retry` */
	XF_AWAITS_BYTES = 1u << 28,    /* suspended by `tcp-request content`, until more comes or its time is over */
	XF_LENIENT = 1u << 25,         /* `strict-mode off`: rewrites may fail, to the end of this list of rules */
	XF_WAITS_BODY = 1u << 29,      /* suspended by a rule that waits for a body */
};

enum { LOG_SILENT_SET = 255 };

struct client;
struct captured;
struct hints;
struct persist_state;
struct server_ops;
struct tunnel;
struct splice_pipe;
struct out_chunk;
struct collected_body;

/* Bytes that a connection did not take yet, in pooled chunks (outbuf.c). */
struct outbuf {
	struct out_chunk *first, *last;
	size_t bytes;
};

struct exchange {
	uint8_t state;      /* enum exchange_state */
	uint8_t cause;      /* enum exchange_cause: first letter */
	char phase_letter;  /* second letter: R Q C H D L T I or '-' */
	uint8_t rule_stage; /* whose rules run, and which of their sets */
	uint8_t rule_set;
	bool after_rules_ran; /* http-after-response */
	bool rule_resumes;    /* the rule at rule_at was begun: its condition held */
	bool tarpitted;       /* the delay of `tarpit` began */
	uint8_t log_level;    /* `set-log-level`: 0 not set, LOG_SILENT_SET, else 1 + enum log_level */
	uint32_t flags;       /* XF_* */
	struct client *client;
	struct frontend *frontend;
	struct backend *backend;     /* NULL until chosen */
	struct generation *moved_to; /* of `backend`, where it is not that of `frontend` */
	struct server *server;       /* NULL until chosen, or where none could be */
	struct server_conn *sc;      /* NULL while there is none */
	struct arena arena;
	struct msg request, response;
	struct h1_parser parser; /* of the head that is being read */
	struct h1_body request_body, response_body;
	struct timer timer;                 /* queue, connect, server, pause, tarpit: one at a time */
	struct timer again;                 /* it gave way to others in the midst of a large body */
	void (*resume)(struct exchange *x); /* set while suspended */
	uint32_t rule_at;                   /* where rules go on */
	uint64_t inspect_until_ms;          /* loop time at which rules on contents no longer wait; 0: they do not */
	uint64_t id;                        /* number in this process, for `show sess` and unique ids */
	/* the request's head, held until it cannot be needed again */
	char *head;                  /* buffer of class BUFFER_16K */
	uint32_t head_len, head_end; /* bytes of the head; bytes in the buffer */
	uint32_t body_at;            /* bytes of the buffer whose body part was taken */
	/* what the server sent and was not used yet (an incomplete head or framing) */
	char *server_in; /* buffer of class BUFFER_16K, or NULL */
	uint32_t server_in_end;
	char *held; /* malloc: response head and what came behind it, while a rule waits; NULL */
	uint32_t held_len, held_used, held_room;
	struct slice behind;                 /* what came behind the response's head, while its rules run; not `held` */
	struct collected_body *collected[2]; /* request, response: bodies that rules look at; in the arena, or NULL */
	struct outbuf server_out;            /* what the server did not take yet */
	/* trying servers */
	uint32_t retries;  /* done so far */
	bool tried_fresh;  /* only new connections from now on */
	bool nothing_sent; /* the server's socket took no byte of this try */
	uint64_t *avoid;   /* bitmap of servers that were full or failed, in the arena */
	uint64_t *failed;  /* those of them to which no connection could be made; never without `avoid` */
	struct server_wait wait;
	uint32_t queue_server, queue_backend; /* positions for the log */
	uint16_t status;                      /* sent to the client; 0 none (log: -1) */
	uint64_t bytes_in, bytes_out;         /* from the client; to the client, heads included (log: %U, %B) */
	uint64_t counted_in, counted_out;     /* of these, already in the counters */
	uint64_t accept_wall_us;              /* wall time at which it began (log: %t, %tr) */
	/* ns of the loop's clock; 0 not reached */
	uint64_t t_accept, t_handshake, t_first, t_head, t_queue, t_connect_start, t_try /* the last one */,
		t_connected, t_response /* the server's head */, t_end;
	/* as received, for the log; point into `head` */
	struct slice log_request; /* "GET /x HTTP/1.1" */
	struct slice log_method, log_target;
	struct slice unique_id;           /* in the arena; ptr NULL: not made yet */
	union addr *source;               /* of the last connection to a server; NULL: none, or nobody wants it */
	struct hints *hints;              /* fields of a 103 that is being gathered; NULL: none */
	struct captured *captured;        /* in the arena, what is kept for the log line; NULL: nothing yet */
	struct persist_state *persist;    /* in the arena, of a backend with such rules once a server was looked for */
	char length_text[24];             /* Content-Length of an own answer: shedding load must not need memory */
	struct vars vars;                 /* txn, req, res; in the arena */
	struct sample_ctx sample;         /* prepared once; req and res are set as they come */
	struct list link;                 /* all exchanges of this thread, for `show sess` */
	struct tunnel *tunnel;            /* X_TUNNEL */
	struct splice_pipe *pipe;         /* of a response body that is spliced */
	struct splice_pipe *request_pipe; /* of a request body */
	const struct server_ops *server_ops;
	struct exchange *next_spare;
};

/* Gives the exchange its own answer; the rest of the request is drained or the connection closed. The answer's memory
 * must live in x->arena, the graph or literals.  To be called from rules (then return RULE_ANSWER) and services. */
void exchange_answer(struct exchange *x, const struct answer *a);
/* The error page of a status, with the cause for the log ("PR", "SC", ...). */
void exchange_fail(struct exchange *x, unsigned status, enum exchange_cause cause, char phase);
/* For a rule that returns RULE_SUSPEND: resumes by itself after `ms`. */
void exchange_pause(struct exchange *x, uint32_t ms);
/* Goes on after RULE_SUSPEND. On the exchange's thread. */
void exchange_resume(struct exchange *x);
/* `shutdown session`, or another cause: ends it at once. On its thread. */
void exchange_kill(struct exchange *x, enum exchange_cause cause);
/* The same for all of this thread that are chosen; how many. */
unsigned exchange_kill_where(bool (*chosen)(const struct exchange *x, const void *arg), const void *arg,
	enum exchange_cause cause);
/* For server_set_ender: ends all on that server, in every thread. */
void exchange_end_on_server(struct server *s, bool up);

/* What a person sees of an exchange. */
const char *exchange_state_name(enum exchange_state s);
/* All exchanges of the calling thread (list of exchange.link). */
struct list *exchange_list(void);

/* Once at start, before threads: limits of messages. */
struct exchange_limits {
	uint32_t head_bytes; /* tune.bufsize - tune.maxrewrite */
	uint16_t fields_max; /* tune.http.maxhdr */
};
void exchange_set_limits(const struct exchange_limits *l);
/* Each thread, after loop_enter. */
int exchange_thread_init(void);
void exchange_thread_free(void);

#endif
