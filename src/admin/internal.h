/* internal: the sessions of the runtime API, and what the files of this room share. */
#ifndef BALLAST_ADMIN_INTERNAL_H
#define BALLAST_ADMIN_INTERNAL_H

#include "ballast/admin/admin.h"
#include "ballast/admin/command.h"
#include "ballast/event/loop.h"
#include "ballast/net/conn.h"

struct handout;
struct listener;
struct tour;

enum {
	SESSION_INPUT_MAX = 16384,        /* bytes of a line with its payload */
	SESSION_OUTPUT_HIGH = 256 * 1024, /* bytes not taken by the client, beyond which no further command runs */
	SESSION_LINGER_MS = 2000,
	SESSION_TURN_NS =
		2 * 1000 * 1000, /* of commands one after the other, before other connections have their turn */
};

enum session_mode {
	MODE_SINGLE,      /* one line, then the connection ends */
	MODE_INTERACTIVE, /* further lines, no prompt */
	MODE_PROMPT,
};

/* One connection.  Made when it is accepted, freed when it is closed and no command holds it; thread 0 only. */
struct admin_session {
	struct conn conn; /* first: the watch finds it */
	struct list link; /* in admin.sessions */
	struct admin *admin;
	struct listener *listener;
	struct timer timer;
	struct timer again; /* goes on in the loop's next turn */
	uint64_t since_us;  /* wall time */
	union addr peer;
	uint32_t timeout_ms;
	uint8_t level; /* enum admin_level */
	uint8_t mode;  /* enum session_mode */
	bool expose_listeners;
	bool timed;   /* the prompt shows the uptime */
	bool running; /* session_step is on the stack */
	bool closed, ending, lingers, eof;
	unsigned held;             /* commands that go on */
	const struct graph *graph; /* that they began with */
	struct handout *handout;   /* sockets are being given away; instead of commands */
	struct tour *tour;         /* of the command that goes on; freed with the session where the loops ended first */
	struct strbuf out;
	size_t sent; /* bytes of `out` that the client took */
	char *rest;  /* commands of the line that are still to run; NULL: none */
	size_t in_start, in_end, scanned;
	bool in_payload;    /* the line ended in "<<": lines until `pattern` belong to it */
	bool payload_asked; /* the prompt of the payload was shown */
	char pattern[8];
	char in[SESSION_INPUT_MAX + 1];
};

struct admin {
	const struct graph *graph;
	struct admin_options options;
	struct listener **listeners;
	uint32_t listener_count;
	struct stats_socket *sockets; /* [listener_count]: the line of each */
	struct admin_reload reload;
	struct list sessions;
	uint32_t connections;   /* of all sockets, against `stats maxconn` */
	uint64_t started_us;    /* wall time */
	uint64_t started_ns;    /* clock_mono_ns */
	uint32_t maxconn_start; /* global maxconn as configured: the most that `set maxconn global` allows */
	/* the previous `show info`: rates and shares are those since then */
	uint64_t sampled_ns, sampled_bytes, sampled_wait_ns, sampled_work_ns, byte_rate;
	unsigned idle_percent;
};

/* --- session.c --- */
/* A session ended: its place on the sockets is free. */
void admin_release(struct admin *a, struct listener *l);
void session_accept(struct listener *l, int fd, const union addr *peer);
void session_close(struct admin_session *s);
/* Runs what is there: commands, output, input. */
void session_step(struct admin_session *s);
/* Frees it at once; after the loops ended. */
void session_free(struct admin_session *s);
/* `set timeout cli` */
void session_set_timeout(struct admin_session *s, uint32_t ms);
/* What ends an answer, and asks for the next line. */
void session_prompt(struct admin_session *s);

/* --- line.c: a line to commands to words, in place --- */

/* Cuts the next command from *rest: writes its words, unescaped and NUL-terminated in place, to words[0..room).  *rest is
 * what stands behind its ';', or NULL at the end.  The number of words, or -1 where there are more than `room`. */
int line_next_command(char **rest, char **words, int room);
/* Does a line end in "<<" or "<<PATTERN" (7 bytes at most), as a word of its own?  Then cuts it off and copies the
 * pattern. */
bool line_takes_payload(char *line, char pattern[8]);

/* --- command.c --- */
/* Runs one command of the session. */
void command_run(struct admin_session *s, char **words, int count);
/* `help`, and the answer to a command that does not exist: lists those that fit the words. */
void command_list(struct admin_session *s, char *const *words, int count);

/* --- handout.c --- */
/* Goes on giving sockets away; the session ends when that is done. */
void handout_step(struct admin_session *s);
void handout_free(struct admin_session *s);

/* --- unsupported.c --- */
/* The command of HAProxy's that these words name and Ballast has not; NULL: none. */
const char *command_unsupported(char *const *words, int count);

/* --- find.c: what arguments name; each answers in HAProxy's words where it is not there --- */
struct server *find_server(struct admin_session *s, const char *word);     /* "b/s", "#2/#1" */
struct frontend *find_frontend(struct admin_session *s, const char *word); /* "f", "#2" */
struct backend *find_backend(struct admin_session *s, const char *word);
/* Frontend and backend of that name or number ("f", "2", "-1": any) in *iid; false (and "No such proxy.") where none. */
bool find_proxy_id(struct admin_session *s, const char *word, int64_t *iid);
/* A whole decimal number with an optional minus. */
bool parse_number(const char *word, int64_t *out);

/* --- tour.c: something to be done in each thread in turn --- */

/* Embedded in what the command needs, which `done` frees.  visit() runs on each loop, in order of index; `stop` ends the
 * tour early.  done() runs on thread 0 and may then add to the session's answer. */
struct tour {
	struct post post;
	struct admin_session *session;
	unsigned at;
	bool stop;
	void (*visit)(struct tour *t);
	void (*done)(struct tour *t); /* must not free */
	void (*free)(struct tour *t);
};
void tour_start(struct tour *t, struct admin_session *s);

/* --- show_stat.c and others --- */
uint64_t admin_uptime_s(const struct admin *a);

/* The tables of commands, one of each file. */
extern const struct command_table session_commands, info_commands, stat_commands, server_list_commands,
	exchange_commands, error_commands, process_commands, server_commands, limit_commands, var_commands,
	map_commands, frontend_commands, counter_commands, handout_commands, table_commands, breaker_commands,
	reload_commands;

#endif
