/* frontend: what listens for clients, and the settings of their side.
 *
 * Made while loading; settings never change afterwards.  Live: the listeners' state and the counters.
 */
#ifndef BALLAST_PROXY_FRONTEND_H
#define BALLAST_PROXY_FRONTEND_H

#include "ballast/base/rate_gate.h"
#include "ballast/net/log.h"
#include "ballast/proxy/rules.h"
#include "ballast/sample/format.h"
#include "ballast/server/backend.h"

struct client;
struct strmap;
struct errors;
struct listener;

struct frontend_settings {
	uint32_t timeout_client_ms, timeout_http_request_ms, timeout_http_keep_alive_ms, timeout_client_fin_ms,
		timeout_tunnel_ms,
		timeout_tarpit_ms; /* 0: none; http-request and keep-alive then fall back as in HAProxy's manual */
	bool has_timeout_http_request, has_timeout_http_keep_alive;
	uint32_t maxconn;      /* 0: the process's */
	uint32_t session_rate; /* `rate-limit sessions`: a second; 0: no limit */
	enum http_connection connection;
	bool dontlog_null, dontlog_normal, log_asap, no_linger, tcp_keepalive_client, http_no_delay, splice_request,
		splice_response, splice_auto, abort_on_close, buffer_request;
	struct forwardfor forwardfor;
	const char *via;
	struct slice monitor_uri;        /* len 0: none */
	struct format *log_format;       /* NULL: the default format (or none where no target) */
	const char *log_format_text;     /* as written, for messages; NULL default */
	struct format *log_error_format; /* NULL: none of its own */
	struct format *log_structured;   /* log-format-sd; NULL: none */
	bool log_json;                   /* option jsonlog, where log_format is NULL */
	struct format *unique_id;        /* NULL: none */
	const char *unique_id_header;    /* NULL: none */
};

/* `use_backend NAME [if|unless COND]` */
struct use_backend {
	const char *name;         /* as written */
	struct backend *backend;  /* resolved after loading; NULL with a format */
	struct format *format;    /* NULL, or what the name is made of for each request */
	const struct strmap *all; /* where such a name is looked up: backends of the same mode */
	struct cond *cond;        /* NULL: always */
	struct place at;
};

/* What outlives the configuration that it came with: handed on to the frontend of that name in the next one. */
struct frontend_live {
	_Atomic uint32_t connections;  /* now, all threads (changed once per connection, not per request) */
	_Atomic uint32_t maxconn;      /* now: of the configuration, or `set maxconn frontend` */
	atomic_bool paused;            /* `disable frontend` */
	struct rate_gate session_rate; /* `rate-limit sessions` */
};

struct frontend_thread {
	struct counters counters;
	struct list clients;     /* of client.link: all client connections of this thread */
	_Atomic uint64_t logged; /* lines logged by this thread */
} __attribute__((aligned(64)));

struct frontend {
	const char *name, *description;
	uint32_t id;
	enum proxy_mode mode;
	bool disabled;
	struct place at;
	struct frontend_settings set;
	struct log_targets log;
	struct listener **listeners;
	uint32_t listener_count;
	struct acl_set *acls;
	const struct rule_lists *rules;      /* NULL: none */
	const struct log_captures *captures; /* NULL: none */
	struct use_backend *use_backends;
	uint32_t use_backend_count;
	const char *default_backend_name;
	struct place default_backend_at;
	struct backend *default_backend; /* NULL: 503 */
	struct errors *errors;
	unsigned threads;
	struct frontend_live *live;     /* shared with its lineage (base/lines.h), as is: */
	struct frontend_thread *thread; /* [threads] */
	struct lineage lineage;         /* with those of its name in other configurations */
	struct generation *generation;  /* that it belongs to, or NULL */
	bool retired;                   /* no newer configuration has it: its connections end with their next answer */
	struct frontend *next;
};

/* Made by the configuration: without listeners, in mode tcp; NULL where memory is out. `name` must outlive it. */
struct frontend *frontend_new(const char *name);
/* After loading: allocates per-thread parts. 0 or negative errno. Listeners are opened by the process. */
int frontend_start(struct frontend *f, unsigned threads);
void frontend_free(struct frontend *f);
/* Makes the frontend the owner of a listener that is in its list: connections come to it, its limits hold. */
void frontend_adopt_listener(struct frontend *f, struct listener *l);
/* `disable frontend`, `enable frontend`: stops and resumes accepting, in every thread. From any thread. */
void frontend_pause(struct frontend *f);
void frontend_resume(struct frontend *f);
/* `set maxconn frontend`. */
void frontend_set_maxconn(struct frontend *f, uint32_t maxconn);

/* Limit of the process (global maxconn; 0: none), counted by connection. */
void frontend_set_process_maxconn(uint32_t maxconn);
uint32_t frontend_process_maxconn(void);
uint32_t frontend_process_connections(void);
/* `maxconnrate` and `maxsessrate` of the process: a second; 0, as at first: no limit. Beyond it connections wait. */
struct rate_gate *frontend_connection_rate(void);
struct rate_gate *frontend_session_rate(void);
/* The connection that was just accepted becomes no session (tcp-request connection reject): it counts for the first only. */
void frontend_no_session(struct frontend *f);
/* Soft stop, once the listeners are closed: client connections of this thread that wait for a further request are ended;
 * others say `Connection: close` with their next response. */
void frontend_soft_stop_thread(struct frontend *all);
/* At a thread's end: client connections without an exchange are ended, whatever they wait for (those with one:
 * exchange_kill). */
void frontend_hard_stop_thread(struct frontend *all);
bool frontend_is_stopping(void);
/* The process stops softly, or this frontend is in no configuration any more. */
static inline bool frontend_is_leaving(const struct frontend *f)
{
	return BL_UNLIKELY(f->retired) || frontend_is_stopping();
}
/* From any thread; for good. */
void frontend_set_stopping(void);

#endif
