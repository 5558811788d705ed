/* log: log lines to where `log` directives send them (RFC 5424, RFC 3164; UDP, unix datagram, stdout, stderr, fd).
 *
 * Never blocks a loop: a target that does not take a line at once loses it, and the loss is counted.  A line is
 * rendered once and framed for each target.  Sending is safe from any thread.  SIGPIPE must be ignored by the process.
 */
#ifndef BALLAST_NET_LOG_H
#define BALLAST_NET_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ballast/base/list.h"
#include "ballast/net/addr.h"

enum log_level {
	LOG_L_EMERG,
	LOG_L_ALERT,
	LOG_L_CRIT,
	LOG_L_ERR,
	LOG_L_WARNING,
	LOG_L_NOTICE,
	LOG_L_INFO,
	LOG_L_DEBUG,
	LOG_L_COUNT
};
enum log_format_kind {
	LOG_RFC3164,
	LOG_RFC5424,
	LOG_LOCAL,
	LOG_PRIORITY,
	LOG_SHORT,
	LOG_TIMED,
	LOG_ISO,
	LOG_RAW,
	LOG_FORMAT_COUNT
};
extern const char *const log_level_names[], *const log_facility_names[], *const log_format_names[]; /* NULL-ended */

struct log_target {
	struct list link;
	struct endpoint at;     /* datagram address, or fd */
	_Atomic int fd;         /* opened on first use; -1 before */
	uint8_t format;         /* enum log_format_kind */
	uint8_t facility;       /* 0..23 */
	uint8_t max_level;      /* least important level that is sent */
	uint8_t min_level;      /* more important ones are sent as this one */
	uint16_t max_length;    /* bytes of a line with header and LF, default 1024 */
	bool stream;            /* fd, stdout, stderr: a line ends with LF */
	bool default_format;    /* none was named: LOG_LOCAL, or LOG_RFC3164 where a host name is sent */
	_Atomic uint8_t way;    /* how its descriptor takes a line without blocking (log.c) */
	atomic_bool cut;        /* the last line went out without its end */
	uint16_t sample_size;   /* `sample`: lines a round, at most 64; 0 none */
	uint64_t sample_ranges; /* bit i: line i of each round is sent */
	_Atomic uint64_t sent, dropped, sample_at;
};

/* A proxy's list of targets, or the process's. */
struct log_targets {
	struct list list; /* of log_target */
	bool use_global;  /* `log global` */
	const char *tag;  /* log-tag, or NULL */
};

/* An empty list. */
void log_targets_init(struct log_targets *t);
/* Opens what is sent to now, so that running out of descriptors later costs no line; what cannot be opened is tried
 * again with each line. */
void log_targets_open(struct log_targets *t);
/* Whether anything would be sent at all: asked before a line is rendered. */
bool log_wanted(const struct log_targets *t, enum log_level level);
/* `log TARGET [len N] [format F] [sample RANGES:SIZE] FACILITY [LEVEL [MINLEVEL]]` from word `from`, or `global`.
 * Memory from the arena. 0, or -EINVAL after a diagnosis. */
int log_target_parse(const struct line *l, size_t from, struct log_targets *into, struct arena *a, struct diag *d);
/* The process's: targets of the global section (used by `log global` and log_event), tag (NULL: "ballast"), host name
 * to send (NULL: none).  Strings and targets live as long as logging does.  Before threads start. */
void log_set_global(struct log_targets *t, const char *tag, const char *hostname);
/* Sends one line (without its end) to every target that wants this level; cut to the target's max_length. */
void log_send(const struct log_targets *t, enum log_level level, struct slice text);
/* The same; the first `structured` bytes, behind which a space stands, are structured data (RFC 5424 section 6.3), which only
 * targets of that format get. 0: there are none. */
void log_send_structured(const struct log_targets *t, enum log_level level, struct slice text, size_t structured);
/* Formats and sends an event of the process or a server; `t` NULL: the global targets. */
void log_event(const struct log_targets *t, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Lines lost by all targets since the start. */
/* Sees each event of a proxy or server as well (a process in the foreground shows them); NULL: nobody.  Set before the
 * threads start; called from any. */
void log_set_witness(void (*witness)(enum log_level level, const char *text));
uint64_t log_dropped_total(void);

#endif
