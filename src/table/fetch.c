/* Fetches and converters that look into tables (HAProxy's manual, sections 7.3.1 to 7.3.3).
 *
 * One list of values, VALUES below, makes the rows of all their forms: sc_X(<n>), sc0_X to sc2_X for what the exchange
 * follows, src_X for the client's address, and the converter table_X.  Each row's `prepare` writes down what is asked
 * for, so that three functions serve them all.  A key that is not in the table reads as 0; data which the table does not
 * store is no value at all.
 */
#include <errno.h>

#include "ballast/table/reference.h"
#include "ballast/table/register.h"
#include "ballast/table/track.h"

enum op {
	OP_READ,
	OP_KBYTES,
	OP_INC, /* of gpc0 or gpc1, with its rate; makes the entry */
	OP_CLEAR,
	OP_EXISTS,
	OP_TRACKERS,
	OP_EXPIRE,
	OP_IDLE,
	OP_UPDATE, /* counts a connection; makes the entry */
};

enum source { FROM_SC, FROM_KEY };

struct lookup {
	const struct table_ref *ref; /* NULL: the table of the entry that is followed */
	uint8_t data, op, counter;
	bool has_default;
	int64_t fallback;
};

/* ---- prepared ---- */

static const char *prepare_lookup(struct args *args, struct arena *a, struct lookup what, enum source source,
	unsigned table_at)
{
	const struct arg *name = &args->v[table_at];
	struct lookup *l = arena_alloc(a, sizeof *l);

	if (!l)
		return "has no memory left";
	if (source == FROM_KEY || name->type == ARG_STR) {
		what.ref = table_refer(name->type == ARG_STR ? name->str.ptr : NULL, NULL,
			what.op == OP_READ || what.op == OP_KBYTES ? what.data : DATA_NONE, SAMPLE_ANY, a);
		if (!what.ref)
			return "can name a stick-table in a configuration only";
	}
	*l = what;
	args->data = l;
	return NULL;
}

static const char *prepare_counter(struct args *args, struct arena *a, struct lookup what)
{
	if (args->v[0].num < 0 || args->v[0].num >= TRACK_MAX)
		return "takes a counter from 0 to 2";
	what.counter = (uint8_t)args->v[0].num;
	return prepare_lookup(args, a, what, FROM_SC, 1);
}

/* table_expire(<table>,<default>) */
static const char *prepare_time(struct args *args, struct arena *a, struct lookup what)
{
	what.has_default = args->v[1].type == ARG_INT;
	what.fallback = what.has_default ? args->v[1].num : 0;
	return prepare_lookup(args, a, what, FROM_KEY, 0);
}

/* ---- looked up ---- */

static int value_of(const struct lookup *l, struct table *t, struct table_entry *e, uint64_t now_ms)
{
	int64_t left = e->expire_ms == UINT64_MAX ? 0 : (int64_t)(e->expire_ms - now_ms);

	switch ((enum op)l->op) {
	case OP_TRACKERS: return (int)e->holders;
	case OP_EXPIRE: return left > 0 ? (int)left : 0;
	case OP_IDLE: return e->expire_ms == UINT64_MAX || left > t->set.expire_ms ? 0 : (int)(t->set.expire_ms - left);
	default: return 1;
	}
}

static int64_t increase(struct table *t, struct table_entry *e, enum table_data total, uint64_t now_ms)
{
	enum table_data rate = total == DATA_GPC0 ? DATA_GPC0_RATE : DATA_GPC1_RATE;

	table_add(t, e, total, 1, now_ms);
	table_add(t, e, rate, 1, now_ms);
	return (int64_t)table_value(t, e, table_stores(t, total) ? total : rate, now_ms);
}

static int64_t clear(struct table *t, struct table_entry *e, enum table_data total, uint64_t now_ms)
{
	enum table_data rate = total == DATA_GPC0 ? DATA_GPC0_RATE : DATA_GPC1_RATE;
	int64_t before = (int64_t)table_value(t, e, table_stores(t, total) ? total : rate, now_ms);

	table_set(t, e, total, 0, now_ms);
	table_set(t, e, rate, 0, now_ms);
	return before;
}

/* The entry's shard is locked. */
static int64_t apply(const struct lookup *l, struct table *t, struct table_entry *e, uint64_t now_ms)
{
	enum table_data d = l->data;

	switch ((enum op)l->op) {
	case OP_READ: return (int64_t)table_value(t, e, d, now_ms);
	case OP_KBYTES: return (int64_t)(table_value(t, e, d, now_ms) >> 10);
	case OP_INC: return increase(t, e, d, now_ms);
	case OP_CLEAR: return clear(t, e, d, now_ms);
	case OP_UPDATE:
		table_add(t, e, DATA_CONN_CNT, 1, now_ms);
		table_add(t, e, DATA_CONN_RATE, 1, now_ms);
		return (int64_t)table_value(t, e, DATA_CONN_CNT, now_ms);
	default: return value_of(l, t, e, now_ms);
	}
}

/* Whether the table can answer at all. */
static bool has_data(const struct lookup *l, const struct table *t)
{
	if (l->op == OP_INC || l->op == OP_CLEAR)
		return table_stores(t, l->data) ||
		       table_stores(t, l->data == DATA_GPC0 ? DATA_GPC0_RATE : DATA_GPC1_RATE);
	return l->data == DATA_NONE || table_stores(t, l->data);
}

static bool makes_entry(const struct lookup *l)
{
	return l->op == OP_INC || l->op == OP_CLEAR || l->op == OP_UPDATE;
}

static int set_result(const struct lookup *l, struct sample *out, int64_t n)
{
	return l->op == OP_EXISTS ? sample_set_bool(out, n != 0) : sample_set_int(out, n);
}

static int look_up_key(const struct lookup *l, struct table *t, struct slice key, uint64_t now_ms, struct sample *out)
{
	struct table_entry *e;

	if (!has_data(l, t))
		return -ENOENT;
	e = makes_entry(l) ? table_get(t, key, now_ms) : table_find(t, key, now_ms);
	if (!e && l->has_default)
		return set_result(l, out, l->fallback);
	if (!e && (makes_entry(l) || l->op == OP_EXPIRE || l->op == OP_IDLE))
		return -ENOENT;
	if (!e)
		return set_result(l, out, 0);
	int64_t n = apply(l, t, e, now_ms);
	table_unlock(t, e);
	return set_result(l, out, n);
}

/* The key of an entry that is followed, in another table of the same type. */
static int look_up_elsewhere(const struct lookup *l, const struct tracked *k, uint64_t now_ms, struct sample *out)
{
	struct table *t = l->ref->table;

	if (t->set.type != k->table->set.type || t->set.key_bytes != k->table->set.key_bytes)
		return -ENOENT;
	return look_up_key(l, t, slice_of(k->entry->bytes, k->entry->key_len), now_ms, out);
}

static int run_sc(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	const struct lookup *l = args->data;
	const struct tracked *k = track_slot(ctx->tracking, l->counter);
	bool elsewhere = k && l->ref && l->ref->table != k->table;

	(void)cursor;
	if (l->op == OP_EXISTS)
		return sample_set_bool(out, k && !elsewhere);
	if (!k)
		return -ENOENT;
	if (elsewhere)
		return look_up_elsewhere(l, k, ctx->now_ms, out);
	if (!has_data(l, k->table))
		return -ENOENT;
	table_lock(k->table, k->entry);
	int64_t n = apply(l, k->table, k->entry, ctx->now_ms);
	table_unlock(k->table, k->entry);
	return set_result(l, out, n);
}

static int run_table(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	const struct lookup *l = args->data;
	struct table *t = l->ref->table;
	struct sample of = *s; /* the key may lie in it */
	struct slice key;
	int rc = table_key_of(t, &of, ctx->arena, &key);

	return rc ? rc : look_up_key(l, t, key, ctx->now_ms, s);
}

static int run_src(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	const union addr *src = ctx->src;

	(void)cursor;
	if (!src || (src->family != AF_INET && src->family != AF_INET6))
		return -ENOENT;
	if (src->family == AF_INET) {
		out->type = SAMPLE_IPV4;
		out->ip4 = src->v4.sin_addr;
	} else {
		out->type = SAMPLE_IPV6;
		out->ip6 = src->v6.sin6_addr;
	}
	return run_table(ctx, args, out);
}

/* ---- other questions ---- */

static int run_sc_key(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	const struct lookup *l = args->data;
	const struct tracked *k = track_slot(ctx->tracking, l->counter);

	(void)cursor;
	if (!k)
		return -ENOENT;
	table_entry_key(k->table, k->entry, out);
	return 0;
}

static int run_table_cnt(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	const struct lookup *l = args->data;

	(void)cursor;
	return sample_set_int(out, table_used(l->ref->table, ctx->now_ms));
}

static int run_table_avl(struct sample_ctx *ctx, const struct args *args, struct sample *out,
	struct sample_cursor *cursor)
{
	const struct lookup *l = args->data;
	struct table *t = l->ref->table;
	uint32_t used = table_used(t, ctx->now_ms);

	(void)cursor;
	return sample_set_int(out, t->set.size > used ? t->set.size - used : 0);
}

/* ---- the rows ---- */

/* name of sc and src, name of table_, data, what is done, help */
#define VALUES(V) \
	V(bytes_in_rate, bytes_in_rate, DATA_BYTES_IN_RATE, OP_READ, "bytes from clients in the period") \
	V(bytes_out_rate, bytes_out_rate, DATA_BYTES_OUT_RATE, OP_READ, "bytes to clients in the period") \
	V(clr_gpc0, clr_gpc0, DATA_GPC0, OP_CLEAR, "value of gpc0, which becomes 0") \
	V(clr_gpc1, clr_gpc1, DATA_GPC1, OP_CLEAR, "value of gpc1, which becomes 0") \
	V(conn_cnt, conn_cnt, DATA_CONN_CNT, OP_READ, "connections counted") \
	V(conn_cur, conn_cur, DATA_CONN_CUR, OP_READ, "connections now") \
	V(conn_rate, conn_rate, DATA_CONN_RATE, OP_READ, "connections in the period") \
	V(get_gpc0, gpc0, DATA_GPC0, OP_READ, "value of gpc0") \
	V(get_gpc1, gpc1, DATA_GPC1, OP_READ, "value of gpc1") \
	V(get_gpt0, gpt0, DATA_GPT0, OP_READ, "value of the tag gpt0") \
	V(gpc0_rate, gpc0_rate, DATA_GPC0_RATE, OP_READ, "increases of gpc0 in the period") \
	V(gpc1_rate, gpc1_rate, DATA_GPC1_RATE, OP_READ, "increases of gpc1 in the period") \
	V(http_err_cnt, http_err_cnt, DATA_HTTP_ERR_CNT, OP_READ, "requests that were the client's error") \
	V(http_err_rate, http_err_rate, DATA_HTTP_ERR_RATE, OP_READ, "client's errors in the period") \
	V(http_fail_cnt, http_fail_cnt, DATA_HTTP_FAIL_CNT, OP_READ, "responses that were the server's failure") \
	V(http_fail_rate, http_fail_rate, DATA_HTTP_FAIL_RATE, OP_READ, "server's failures in the period") \
	V(http_req_cnt, http_req_cnt, DATA_HTTP_REQ_CNT, OP_READ, "requests counted") \
	V(http_req_rate, http_req_rate, DATA_HTTP_REQ_RATE, OP_READ, "requests in the period") \
	V(inc_gpc0, inc_gpc0, DATA_GPC0, OP_INC, "value of gpc0, after one more") \
	V(inc_gpc1, inc_gpc1, DATA_GPC1, OP_INC, "value of gpc1, after one more") \
	V(kbytes_in, kbytes_in, DATA_BYTES_IN_CNT, OP_KBYTES, "KiB from clients") \
	V(kbytes_out, kbytes_out, DATA_BYTES_OUT_CNT, OP_KBYTES, "KiB to clients") \
	V(sess_cnt, sess_cnt, DATA_SESS_CNT, OP_READ, "sessions counted") \
	V(sess_rate, sess_rate, DATA_SESS_RATE, OP_READ, "sessions in the period") \
	V(trackers, trackers, DATA_NONE, OP_TRACKERS, "exchanges and connections that follow the entry")

#define PREPARE(form, name, what_data, what_op, what_counter, call, ...) \
	static const char *prepare_##form##_##name(struct args *args, struct arena *a) \
	{ \
		struct lookup what = { .data = (what_data), .op = (what_op), .counter = (what_counter) }; \
		return call(args, a, what, ##__VA_ARGS__); \
	}
#define PREPARE_ALL(name, table_name, data, op, help) \
	PREPARE(sc, name, data, op, 0, prepare_counter) \
	PREPARE(sc0, name, data, op, 0, prepare_lookup, FROM_SC, 0) \
	PREPARE(sc1, name, data, op, 1, prepare_lookup, FROM_SC, 0) \
	PREPARE(sc2, name, data, op, 2, prepare_lookup, FROM_SC, 0) \
	PREPARE(table, name, data, op, 0, prepare_lookup, FROM_KEY, 0)

VALUES(PREPARE_ALL)
PREPARE_ALL(tracked, exists, DATA_NONE, OP_EXISTS, "")
PREPARE_ALL(key, key, DATA_NONE, OP_READ, "")
PREPARE(table, server_id, DATA_SERVER_ID, OP_READ, 0, prepare_lookup, FROM_KEY, 0)
PREPARE(table, expire, DATA_NONE, OP_EXPIRE, 0, prepare_time)
PREPARE(table, idle, DATA_NONE, OP_IDLE, 0, prepare_time)
PREPARE(table, updt_conn_cnt, DATA_CONN_CNT, OP_UPDATE, 0, prepare_lookup, FROM_KEY, 0)

enum { ANY_PHASE = PHASE_CONNECTION | PHASE_REQUEST | PHASE_RESPONSE | PHASE_LOG };

#define COUNTER_ARGS \
	{ \
		"<counter>[,<table>]", 1, 2, \
		{ \
			ARG_INT, ARG_STR \
		} \
	}
#define TABLE_ARGS \
	{ \
		"[<table>]", 0, 1, \
		{ \
			ARG_STR \
		} \
	}
#define TIME_ARGS \
	{ \
		"[<table>[,<default>]]", 0, 2, \
		{ \
			ARG_STR, ARG_INT \
		} \
	}

#define SC_ROWS(name, table_name, data, op, help) \
	{ "sc_" #name, COUNTER_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_sc, prepare_sc_##name, help }, \
		{ "sc0_" #name, TABLE_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_sc, prepare_sc0_##name, help }, \
		{ "sc1_" #name, TABLE_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_sc, prepare_sc1_##name, help }, \
		{ "sc2_" #name, TABLE_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_sc, prepare_sc2_##name, help },
#define SRC_ROW(name, table_name, data, op, help) \
	{ "src_" #name, TABLE_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_src, prepare_table_##name, \
		help " of the client's address" },
#define CONVERTER_ROW(name, table_name, data, op, help) \
	{ "table_" #table_name, TABLE_ARGS, SAMPLE_ANY, SAMPLE_INT, run_table, prepare_table_##name, \
		help " of the key" },

static const struct fetch_row fetch_rows[] = {
	VALUES(SC_ROWS) VALUES(SRC_ROW){ "sc_tracked", COUNTER_ARGS, SAMPLE_BOOL, ANY_PHASE, 0, run_sc,
		prepare_sc_tracked, "whether it follows an entry" },
	{ "sc0_tracked", TABLE_ARGS, SAMPLE_BOOL, ANY_PHASE, 0, run_sc, prepare_sc0_tracked,
		"whether it follows an entry" },
	{ "sc1_tracked", TABLE_ARGS, SAMPLE_BOOL, ANY_PHASE, 0, run_sc, prepare_sc1_tracked,
		"whether it follows an entry" },
	{ "sc2_tracked", TABLE_ARGS, SAMPLE_BOOL, ANY_PHASE, 0, run_sc, prepare_sc2_tracked,
		"whether it follows an entry" },
	{ "sc_key", { "<counter>", 1, 1, { ARG_INT } }, SAMPLE_ANY, ANY_PHASE, 0, run_sc_key, prepare_sc_key,
		"key of the entry" },
	{ "sc0_key", { 0 }, SAMPLE_ANY, ANY_PHASE, 0, run_sc_key, prepare_sc0_key, "key of the entry" },
	{ "sc1_key", { 0 }, SAMPLE_ANY, ANY_PHASE, 0, run_sc_key, prepare_sc1_key, "key of the entry" },
	{ "sc2_key", { 0 }, SAMPLE_ANY, ANY_PHASE, 0, run_sc_key, prepare_sc2_key, "key of the entry" },
	{ "src_updt_conn_cnt", TABLE_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_src, prepare_table_updt_conn_cnt,
		"connections of the client's address, after one more" },
	{ "table_avl", TABLE_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_table_avl, prepare_table_key, "entries that fit yet" },
	{ "table_cnt", TABLE_ARGS, SAMPLE_INT, ANY_PHASE, 0, run_table_cnt, prepare_table_key, "entries in use" },
};

static const struct converter_row converter_rows[] = {
	VALUES(CONVERTER_ROW){ "in_table", TABLE_ARGS, SAMPLE_ANY, SAMPLE_BOOL, run_table, prepare_table_tracked,
		"whether the key is there" },
	{ "table_expire", TIME_ARGS, SAMPLE_ANY, SAMPLE_INT, run_table, prepare_table_expire,
		"milliseconds until the key expires" },
	{ "table_idle", TIME_ARGS, SAMPLE_ANY, SAMPLE_INT, run_table, prepare_table_idle,
		"milliseconds since the key was refreshed" },
	{ "table_server_id", TABLE_ARGS, SAMPLE_ANY, SAMPLE_INT, run_table, prepare_table_server_id,
		"id of the server that the key sticks to" },
};

int table_register(void)
{
	int rc = sample_register_fetches(fetch_rows, sizeof fetch_rows / sizeof fetch_rows[0]);

	return rc ? rc : sample_register_converters(converter_rows, sizeof converter_rows / sizeof converter_rows[0]);
}
