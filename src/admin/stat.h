/* stat: the rows of `show stat`: their columns, and the values of one object. */
#ifndef BALLAST_ADMIN_STAT_H
#define BALLAST_ADMIN_STAT_H

#include "ballast/proxy/frontend.h"
#include "value.h"

/* In the order of the output, as management guide section 9.1 numbers them. */
enum stat_column_id {
	ST_PXNAME,
	ST_SVNAME,
	ST_QCUR,
	ST_QMAX,
	ST_SCUR,
	ST_SMAX,
	ST_SLIM,
	ST_STOT,
	ST_BIN,
	ST_BOUT,
	ST_DREQ,
	ST_DRESP,
	ST_EREQ,
	ST_ECON,
	ST_ERESP,
	ST_WRETR,
	ST_WREDIS,
	ST_STATUS,
	ST_WEIGHT,
	ST_ACT,
	ST_BCK,
	ST_CHKFAIL,
	ST_CHKDOWN,
	ST_LASTCHG,
	ST_DOWNTIME,
	ST_QLIMIT,
	ST_PID,
	ST_IID,
	ST_SID,
	ST_THROTTLE,
	ST_LBTOT,
	ST_TRACKED,
	ST_TYPE,
	ST_RATE,
	ST_RATE_LIM,
	ST_RATE_MAX,
	ST_CHECK_STATUS,
	ST_CHECK_CODE,
	ST_CHECK_DURATION,
	ST_HRSP_1XX,
	ST_HRSP_2XX,
	ST_HRSP_3XX,
	ST_HRSP_4XX,
	ST_HRSP_5XX,
	ST_HRSP_OTHER,
	ST_HANAFAIL,
	ST_REQ_RATE,
	ST_REQ_RATE_MAX,
	ST_REQ_TOT,
	ST_CLI_ABRT,
	ST_SRV_ABRT,
	ST_COMP_IN,
	ST_COMP_OUT,
	ST_COMP_BYP,
	ST_COMP_RSP,
	ST_LASTSESS,
	ST_LAST_CHK,
	ST_LAST_AGT,
	ST_QTIME,
	ST_CTIME,
	ST_RTIME,
	ST_TTIME,
	ST_AGENT_STATUS,
	ST_AGENT_CODE,
	ST_AGENT_DURATION,
	ST_CHECK_DESC,
	ST_AGENT_DESC,
	ST_CHECK_RISE,
	ST_CHECK_FALL,
	ST_CHECK_HEALTH,
	ST_AGENT_RISE,
	ST_AGENT_FALL,
	ST_AGENT_HEALTH,
	ST_ADDR,
	ST_COOKIE,
	ST_MODE,
	ST_ALGO,
	ST_CONN_RATE,
	ST_CONN_RATE_MAX,
	ST_CONN_TOT,
	ST_INTERCEPTED,
	ST_DCON,
	ST_DSES,
	ST_WREW,
	ST_CONNECT,
	ST_REUSE,
	ST_CACHE_LOOKUPS,
	ST_CACHE_HITS,
	ST_SRV_ICUR,
	ST_SRC_ILIM,
	ST_QTIME_MAX,
	ST_CTIME_MAX,
	ST_RTIME_MAX,
	ST_TTIME_MAX,
	ST_EINT,
	ST_IDLE_CONN_CUR,
	ST_SAFE_CONN_CUR,
	ST_USED_CONN_CUR,
	ST_NEED_CONN_EST,
	ST_UWEIGHT,
	ST_AGG_SERVER_STATUS,
	ST_AGG_SERVER_CHECK_STATUS,
	ST_AGG_CHECK_STATUS,
	ST_SRID,
	ST_SESS_OTHER,
	ST_H1SESS,
	ST_H2SESS,
	ST_H3SESS,
	ST_REQ_OTHER,
	ST_H1REQ,
	ST_H2REQ,
	ST_H3REQ,
	ST_PROTO,
	ST_HAPROXY_COUNT,
	/* Ballast's own, behind all of HAProxy's, those of its modules included */
	ST_BREAKER = ST_HAPROXY_COUNT,
	ST_BREAKER_OPENED,
	ST_EJECTED,
	ST_EJECTIONS,
	ST_PANIC,
	ST_PANICS,
	ST_RETRIES_REFUSED,
	ST_COUNT
};

/* Numbers as the column `type`, and as bits those of the selector: 1 frontends, 2 backends, 4 servers. */
enum stat_object { STAT_FRONTEND, STAT_BACKEND, STAT_SERVER };

struct stat_column {
	const char *name;
	struct value_kind kind;
	const char *desc;
};
extern const struct stat_column stat_columns[ST_COUNT];
/* Columns behind the "-" that HAProxy's protocol modules fill, in its order; always empty here. Ours follow. */
extern const char *const stat_module_columns[]; /* NULL-ended */

struct stat_row {
	enum stat_object object;
	uint32_t iid, sid;
	struct value v[ST_COUNT];
	/* where texts of `v` lie that are not constant */
	char status[160], addr[ADDR_TEXT_MAX], check_text[128], agent_text[128], tracked[128];
};

/* `second`: wall time, for rates.  `private_too`: addresses and algorithms, not for everybody's eyes. */
struct stat_view {
	unsigned threads;
	uint32_t second;
	bool private_too;
};

void stat_fill_frontend(struct stat_row *r, const struct frontend *f, const struct stat_view *view);
/* Both take backend.lock for a moment. */
void stat_fill_backend(struct stat_row *r, struct backend *b, const struct stat_view *view);
void stat_fill_server(struct stat_row *r, struct server *s, const struct stat_view *view);

/* How rows are written. */
enum stat_format { STAT_CSV, STAT_TYPED, STAT_JSON };
void stat_print_header(struct strbuf *to);
void stat_print_csv(struct strbuf *to, const struct stat_row *r);
void stat_print_typed(struct strbuf *to, const struct stat_row *r, bool desc);
void stat_print_json(struct strbuf *to, const struct stat_row *r, bool first);

#endif
