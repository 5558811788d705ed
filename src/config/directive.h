/* directive: what a configuration's lines are read into, and the tables that say which line may stand where.
 *
 * A row a directive, an option, a keyword of `bind` or of `server`; each family has a file with its functions and its
 * table.  Sections are read into a `struct proxy` each, which starts as a copy of a defaults section's settings;
 * finish_proxies() makes frontends and backends of them when all files were read.  All memory is the graph's arena.
 */
#ifndef SRC_CONFIG_DIRECTIVE_H
#define SRC_CONFIG_DIRECTIVE_H

#include "ballast/balance/hash_key.h"
#include "ballast/balance/pick.h"
#include "ballast/base/strmap.h"
#include "ballast/config/directives.h"
#include "ballast/config/graph.h"
#include "ballast/net/listener.h"
#include "ballast/server/check.h"
#include "ballast/server/persist.h"
#include "ballast/table/reference.h"
#include "tls.h"

/* `option tcplog`, `option httplog`, `log-format`: the last one counts. */
enum log_choice {
	LOG_CHOICE_DEFAULT,
	LOG_CHOICE_TCP,
	LOG_CHOICE_TCP_CLF,
	LOG_CHOICE_HTTP,
	LOG_CHOICE_HTTP_CLF,
	LOG_CHOICE_CUSTOM,
	LOG_CHOICE_JSON
};

enum { INIT_ADDR_MAX = 8 };
enum init_addr_kind { INIT_ADDR_LAST, INIT_ADDR_LIBC, INIT_ADDR_NONE, INIT_ADDR_IP };

struct init_addr {
	enum init_addr_kind kind;
	union addr ip;
};

/* Where connections to servers come from. */
struct outgoing {
	struct endpoint at; /* len 0: the system's choice */
	const char *interface;
	uint16_t port_low, port_high; /* a range of ports, where one was given */
};

/* Those about its health beyond its own checks (server_health.c). */
struct health_settings {
	uint32_t slowstart_ms, error_limit;
	uint8_t observe, on_error; /* enum observe, on_error */
	bool end_sessions_when_down, end_backup_sessions_when_up;
	const char *track; /* "[backend/]server"; NULL: none */
	const char *check_alpn, *check_proto;
	bool agent;
	uint32_t agent_inter_ms;
	uint16_t agent_port;
	struct endpoint agent_addr;
	const char *agent_send; /* "": nothing */
	bool check_reuse;
	struct place observe_at, track_at, check_proto_at;
};

/* A server's parameters: of its line, or of `default-server`. */
struct server_settings {
	struct tls_words tls; /* first: its keywords write there */
	bool check_tls, no_check_tls, check_send_proxy, no_check_send_proxy;
	uint8_t send_proxy; /* version; 0: none */
	const char *check_sni;
	struct expr *sni;
	uint16_t weight, rise, fall;
	bool backup, disabled, check;
	uint32_t maxconn, minconn, maxqueue, pool_max_conn, pool_purge_delay_ms, inter_ms, fastinter_ms, downinter_ms;
	bool has_check_port;
	uint16_t check_port;
	struct endpoint check_addr;
	struct outgoing source;
	uint32_t tcp_user_timeout_ms;
	const char *cookie;
	struct health_settings health;
	struct init_addr init_addr[INIT_ADDR_MAX];
	unsigned init_addr_count;
	uint32_t id; /* 0: given in order */
	struct place id_at;
};

/* What a defaults section presets, and what every proxy has. */
struct proxy_settings {
	enum proxy_mode mode;
	bool disabled;
	struct frontend_settings front;
	struct backend_settings back;
	struct log_targets log;
	struct errors *errors;
	const char *default_backend;
	struct place default_backend_at;
	enum log_choice log_choice;
	const char *log_text;                             /* of LOG_CHOICE_CUSTOM */
	struct place log_at;                              /* of whatever chose it */
	const char *log_error_text, *log_structured_text; /* NULL: none */
	struct place log_error_at, log_structured_at;
	const char *unique_id_text; /* NULL: none */
	struct place unique_id_at, unique_id_header_at;
	struct place monitor_at, forwardfor_at; /* where they were set, for warnings */
	const struct pick_algorithm *algorithm;
	int64_t algorithm_param;
	const struct persist_cookie *cookie; /* `cookie`; NULL: none */
	enum hash_key hash_key;
	struct expr *hash_expr;
	const struct pick_algorithm *fallback; /* NULL: roundrobin */
	int64_t fallback_param;
	uint32_t balance_factor;
	struct place balance_at, balance_factor_at;
	struct hash_options hash;
	struct server_settings server;
};

/* A defaults, frontend, listen or backend section while it is read. */
struct proxy {
	struct proxy *next;
	unsigned kind;            /* one SECTION_* */
	const char *name;         /* "" where it has none */
	struct place at;          /* its name */
	bool nameless, duplicate; /* it takes no part in what is checked between sections */
	bool used_by_name, used_as_last, mix_told, used_by_front, used_by_back; /* a defaults section */
	struct proxy_settings set;
	struct frontend *front; /* frontend, listen */
	struct backend *back;   /* backend, listen; of a defaults section only one to hold its checks */
	struct acl_set *acls;
	struct rule_lists *rules;
	unsigned rules_seen; /* bits of enum rule_order */
	struct stick *stick;
	struct persist *persist; /* use-server, force-persist, ignore-persist; NULL: none */
	struct use_backend *use_backends;
	uint32_t use_backend_count, use_backend_room;
	struct listener **listeners;
	uint32_t listener_count, listener_room;
	bool has_bind; /* even a faulty one */
	const char *description;
	uint32_t id; /* 0: given in order */
	struct place id_at;
	struct place balance_uri_at;
};

struct cpu_map_line;
struct health_note;
struct tls_note;
struct userlist;

struct cfg_context {
	struct graph *graph;
	struct arena *arena;
	struct diag *diag;
	unsigned section;                        /* SECTION_*; 0: none, or one whose lines are passed over */
	bool skip;                               /* lines are passed over without a message */
	bool negated;                            /* the line began with `no` or `default` */
	const char *file;                        /* whose lines come */
	struct proxy *proxy;                     /* section that is read; NULL in global */
	struct userlist *userlist;               /* the same, of that kind */
	struct errors *http_errors;              /* the same */
	struct proxy *proxies, **last_proxy;     /* frontends, listens, backends */
	struct proxy *defaults, **last_defaults; /* all defaults sections */
	struct proxy *current_defaults;          /* the last one */
	struct strmap *backends_by_name[2];      /* by enum proxy_mode, where names are made while running */
	struct cpu_map_line *cpu_map, **last_cpu_map;
	struct table_loading tables;
	struct place thread_groups_at;
	struct tls_defaults tls;
	struct tls_note *tls_notes;                           /* lines that spoke of TLS, last one first */
	struct health_note *health_notes, **last_health_note; /* servers that track or observe */
};

struct directive {
	const char *name;  /* "maxconn", "timeout client": two words where the first alone says nothing */
	unsigned sections; /* SECTION_* bits */
	const char *args;
	const char *help; /* one line */
	/* 0, or -EINVAL after a diagnosis, -ENOMEM. */
	int (*parse)(struct cfg_context *c, const struct line *l);
	bool negatable; /* `no NAME` and `default NAME` exist */
	bool strict;    /* an error, not a warning, in a section of the other side */
};

/* One row an option; `option NAME`. */
struct option_row {
	const char *name;
	unsigned sections; /* where it has a meaning */
	const char *args;  /* NULL: none */
	const char *help;
	/* Plain switches: offset + 1 of a bool in frontend_settings and backend_settings, 0: none. */
	size_t front, back;
	/* Others. c->negated tells `no` and `default`. */
	int (*parse)(struct cfg_context *c, const struct line *l);
};

/* A word behind `bind ADDR`, `server NAME ADDR`, `stats socket ADDR`. */
struct keyword_row {
	const char *name;
	const char *args; /* NULL: it stands alone */
	const char *help;
	/* words[*at] is the first word behind it, and *at moves on behind its arguments; `into` is what is filled. */
	int (*parse)(struct cfg_context *c, void *into, const struct line *l, size_t *at);
};

/* A word of HAProxy's that Ballast has not. */
struct unsupported {
	const char *name;
	const char *instead; /* hint, or NULL */
};

/* Tables; ended by a row without a name. */
extern const struct directive global_directives[], environment_directives[], proxy_directives[], timeout_directives[],
	limit_directives[], bind_directives[], server_directives[], balance_directives[], routing_directives[],
	rule_directives[], capture_directives[], persist_directives[], log_directives[], check_directives[],
	option_directives[], outgoing_directives[], stats_directives[], cpu_directives[], variable_directives[],
	tls_directives[], table_directives[], userlist_directives[], error_directives[], resilience_directives[];
extern const struct option_row option_rows[];
extern const struct keyword_row bind_keywords[], server_keywords[], stats_keywords[];
extern const struct unsupported unsupported_global[], unsupported_proxy[], unsupported_options[], unsupported_bind[],
	unsupported_server[], unsupported_algorithms[], unsupported_sections[];

/* --- lookup.c: finding words, and what to say where there is none --- */

const struct unsupported *unsupported_find(const struct unsupported *list, const char *name);
/* Candidates for 'did you mean'. */
struct names {
	const char *name[768];
	size_t count;
};
void names_add(struct names *n, const char *name);
/* Adds "unknown WHAT 'WORD'" with the nearest of `n`; -EINVAL. */
int unknown_word(struct cfg_context *c, const struct token *t, const char *what, const struct names *n);
/* Adds "'NAME' is not supported by Ballast (yet)"; -EINVAL. */
int unsupported_word(struct cfg_context *c, const struct place *at, const struct unsupported *u);
/* Reads all keywords from words[at] on.  0 or -EINVAL; a bad keyword ends the line. */
int keywords_parse(struct cfg_context *c, const struct keyword_row *rows, const struct unsupported *unsupported,
	const char *what, void *into, const struct line *l, size_t at);
/* "frontend and listen" of SECTION_* bits, into buf; returns buf. */
const char *section_list(unsigned sections, char *buf, size_t len);
const char *section_name(unsigned section);
/* A place that covers two neighbouring words. */
struct place two_words(const struct line *l, size_t first);

/* --- directive.c --- */

int directive_run(struct cfg_context *c, struct line *l);

/* --- section.c --- */

unsigned section_kind(const char *word);
int section_begin(struct cfg_context *c, unsigned kind, const struct line *l);
void section_end(struct cfg_context *c);

/* Of the other kinds of sections, each in its file: reads the line that begins one. 0, or -EINVAL after a diagnosis. */
int userlist_begin(struct cfg_context *c, const struct line *l);
int http_errors_begin(struct cfg_context *c, const struct line *l);

/* --- settings.c --- */

void proxy_settings_init(struct proxy_settings *s);
/* Deep where a list is appended to later. */
int proxy_settings_copy(struct proxy_settings *to, const struct proxy_settings *from, struct arena *a);
int log_targets_copy(struct log_targets *to, const struct log_targets *from, struct arena *a);
void server_settings_init(struct server_settings *s);

/* --- values.c: arguments that several directives share --- */

/* One argument exactly: a string, a number, a time. */
int value_string(struct cfg_context *c, const struct line *l, size_t at, const char *what, const char **out);
int value_u32(struct cfg_context *c, const struct line *l, size_t at, const char *what, uint32_t min, uint32_t max,
	uint32_t *out);
int value_time(struct cfg_context *c, const struct line *l, size_t at, const char *what, const char *unit,
	uint32_t *out_ms);
/* Of a keyword: the time at words[*at], which moves on; in ms, 0 is an error. */
int value_interval(struct cfg_context *c, const struct line *l, size_t *at, uint32_t *out_ms);
int value_user(struct cfg_context *c, const struct token *t, uid_t *out);
int value_group(struct cfg_context *c, const struct token *t, gid_t *out);
int value_file_mode(struct cfg_context *c, const struct token *t, mode_t *out);
/* No word behind words[last]. */
int no_more_words(struct cfg_context *c, const struct line *l, size_t last);
/* A word must stand at words[at]. */
int need_word(struct cfg_context *c, const struct line *l, size_t at, const char *of, const char *what);
bool is_name(const char *text);
int out_of_memory(struct cfg_context *c, const struct place *at);

/* Grows an array of the arena by doubling. */
void *array_room(struct arena *a, void *array, uint32_t count, uint32_t *room, size_t size);

/* --- the rest --- */

/* Reads the address at words[*at] and what may follow it. `range`: it may have a range of ports. */
int outgoing_address(struct cfg_context *c, const struct line *l, size_t *at, bool range, struct outgoing *out);
/* What of a request is looked at before what, however the lines stand. */
enum rule_order {
	ORDER_TCP_CONNECTION,
	ORDER_TCP_SESSION,
	ORDER_TCP_CONTENT,
	ORDER_HTTP_REQUEST,
	ORDER_REDIRECT,
	ORDER_USE_BACKEND,
	ORDER_USE_SERVER,
	ORDER_COUNT
};
/* Notes such a line; warns where it stands behind what it comes before. */
void note_rule_order(struct cfg_context *c, const struct line *l, enum rule_order order);
int cpu_map_resolve(struct cfg_context *c);
/* When all files were read: fills the graph's lists, checks what lies between sections. 0 or -ENOMEM. */
int finish_proxies(struct cfg_context *c);
/* Its steps. Their faults are in the diag only. */
void assign_ids(struct cfg_context *c); /* identity.c */
void check_addresses(struct cfg_context *c);
void resolve_backends(struct cfg_context *c); /* reference.c */
void check_persist(struct cfg_context *c);    /* persist.c */
void check_servers(struct cfg_context *c);    /* finish.c */
void check_modes(struct cfg_context *c);      /* modes.c */
void check_timeouts(struct cfg_context *c);
void compile_logs(struct cfg_context *c); /* log.c */

/* "frontend 'web'", "listen 'web'" */
const char *proxy_text(const struct proxy *p, char *buf, size_t len);

#endif
