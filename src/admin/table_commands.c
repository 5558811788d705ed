/* Commands about stick tables: show, set, clear (HAProxy's management guide).
 *
 * A table may have millions of entries: they are walked a few at a time, so that no lock is held for long, and a listing
 * goes on in steps of a timer while the client takes what is there.  Everything runs on thread 0.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/table/reference.h"
#include "internal.h"

enum {
	FILTERS_MAX = 4,
	WALK_AT_ONCE = 32,        /* entries between two holds of a lock */
	STEP_BYTES = 128 * 1024,  /* of output in one step */
	STEP_ENTRIES = 64 * 1024, /* looked at in one step */
	STEP_MS = 1,
};

enum { OP_EQ, OP_NE, OP_LE, OP_GE, OP_LT, OP_GT, OP_COUNT };

struct filter {
	uint8_t data, op;
	int64_t value;
};

/* A listing or a clearing.  Freed when it is through; the session is held meanwhile. */
struct listing {
	struct tour tour; /* only for its free(): what a session that ends early frees */
	struct timer timer;
	struct admin_session *session;
	struct table *table;
	struct table_cursor cursor;
	struct filter filter[FILTERS_MAX];
	unsigned filter_count;
	const void *entry; /* `ptr`: this one only; NULL: any */
	bool clears, found;
	uint64_t now_ms;
	struct strbuf *out;
};

static uint64_t now_ms(void)
{
	return loop_self ? loop_self->now_ms : 0;
}

static struct table *find_table(struct admin_session *s, const char *name)
{
	struct table *t = tables_find(command_graph(s)->tables, slice_from_str(name));

	if (!t)
		command_say(s, "No such table");
	return t;
}

/* ---- shown ---- */

static void show_head(struct admin_session *s, struct table *t)
{
	command_say(s, "# table: %s, type: %s, size:%u, used:%u", t->name, table_type_name(t->set.type), t->set.size,
		table_used(t, now_ms()));
}

static void show_entry(struct strbuf *to, const struct table *t, const struct table_entry *e, uint64_t now)
{
	uint64_t left = e->expire_ms != UINT64_MAX && e->expire_ms > now ? e->expire_ms - now : 0;

	strbuf_printf(to, "%p: key=", (const void *)e);
	table_entry_key_text(t, e, to);
	strbuf_printf(to, " use=%u exp=%" PRIu64 " shard=0", e->holders, left);
	for (unsigned d = 0; d < DATA_COUNT; d++) {
		if (!table_stores(t, d))
			continue;
		strbuf_printf(to, " %s", table_data_rows[d].name);
		if (table_data_rows[d].kind == DATA_RATE)
			strbuf_printf(to, "(%u)", t->set.period_ms[d]);
		strbuf_printf(to, "=%" PRIu64, table_value(t, e, d, now));
	}
	strbuf_byte(to, '\n');
}

/* Its shard is locked: what has expired elsewhere is still counted. */
static void show_one(struct admin_session *s, struct table *t, struct table_entry *e)
{
	command_say(s, "# table: %s, type: %s, size:%u, used:%u", t->name, table_type_name(t->set.type), t->set.size,
		atomic_load_explicit(&t->store->used, memory_order_relaxed));
	show_entry(command_out(s), t, e, now_ms());
}

/* ---- chosen ---- */

static bool compare(int64_t a, int64_t b, unsigned op)
{
	switch (op) {
	case OP_EQ: return a == b;
	case OP_NE: return a != b;
	case OP_LE: return a <= b;
	case OP_GE: return a >= b;
	case OP_LT: return a < b;
	default: return a > b;
	}
}

static bool is_chosen(const struct listing *q, const struct table_entry *e)
{
	if (q->entry && e != q->entry)
		return false;
	for (unsigned i = 0; i < q->filter_count; i++) {
		const struct filter *f = &q->filter[i];
		if (!compare((int64_t)table_value(q->table, e, f->data, q->now_ms), f->value, f->op))
			return false;
	}
	return true;
}

static enum table_walk visit(struct table *t, struct table_entry *e, void *arg)
{
	struct listing *q = arg;

	if (!is_chosen(q, e))
		return WALK_KEEP;
	q->found = true;
	if (q->clears)
		return WALK_REMOVE;
	if (q->entry)
		show_one(q->session, t, e);
	else
		show_entry(q->out, t, e, q->now_ms);
	return WALK_KEEP;
}

/* ---- in steps ---- */

static void free_listing(struct tour *t)
{
	struct listing *q = container_of(t, struct listing, tour);

	if (loop_self)
		loop_timer_clear(&q->timer);
	free(q);
}

/* Part of it; false: that was all. */
static bool step(struct listing *q)
{
	size_t before = q->out->len;
	bool more = true;

	q->now_ms = now_ms();
	for (unsigned seen = 0; more && seen < STEP_ENTRIES && q->out->len - before < STEP_BYTES; seen += WALK_AT_ONCE)
		more = table_walk(q->table, &q->cursor, WALK_AT_ONCE, q->now_ms, visit, q);
	if (!more && q->entry && !q->found)
		command_say(q->session, "No entry can be found matching ptr.");
	return more;
}

static void on_timer(struct timer *t)
{
	struct listing *q = container_of(t, struct listing, timer);
	struct admin_session *s = q->session;
	bool more = !s->closed;

	if (more)
		session_step(s); /* sends */
	if (more && s->out.len - s->sent <= SESSION_OUTPUT_HIGH)
		more = step(q);
	if (more) {
		loop_timer_set(&q->timer, STEP_MS);
		return;
	}
	s->tour = NULL;
	free(q);
	command_release(s);
}

/* Runs it; most are through at once. */
static void list(struct listing *q)
{
	struct admin_session *s = q->session;

	if (!q->clears && !q->entry)
		show_head(s, q->table);
	if (!step(q)) {
		free(q);
		return;
	}
	q->tour.free = free_listing;
	s->tour = &q->tour;
	timer_init(&q->timer, on_timer);
	command_hold(s);
	loop_timer_set(&q->timer, STEP_MS);
}

/* ---- what is asked for ---- */

static bool parse_filter(struct admin_session *s, struct listing *q, char **args)
{
	static const char *const ops[OP_COUNT] = { "eq", "ne", "le", "ge", "lt", "gt" };
	struct filter *f = &q->filter[q->filter_count++];
	const char *name = args[0] + strlen("data.");
	unsigned op = 0;

	f->data = strncmp(args[0], "data.", strlen("data.")) == 0 ? table_data_find(slice_from_str(name)) : DATA_NONE;
	if (f->data == DATA_NONE) {
		command_say(s, "Filter entry #%u: Unknown data type", q->filter_count);
		return false;
	}
	if (!table_stores(q->table, f->data)) {
		command_say(s, "Filter entry #%u: Data type not stored in this table", q->filter_count);
		return false;
	}
	while (op < OP_COUNT && strcmp(args[1], ops[op]) != 0)
		op++;
	if (op == OP_COUNT) {
		command_say(s,
			"Filter entry #%u: Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"",
			q->filter_count);
		return false;
	}
	f->op = (uint8_t)op;
	if (parse_number(args[2], &f->value))
		return true;
	command_say(s, "Filter entry #%u: Require a valid integer value to compare against", q->filter_count);
	return false;
}

static bool parse_filters(struct admin_session *s, struct listing *q, char **args, int count)
{
	for (int i = 0; i < count; i += 3) {
		if (q->filter_count == FILTERS_MAX) {
			command_say(s, "At most %d filters are taken", FILTERS_MAX);
			return false;
		}
		if (!parse_filter(s, q, args + i))
			return false;
	}
	return true;
}

static bool parse_pointer(const char *word, const void **out)
{
	char *end;
	unsigned long long n = strtoull(word, &end, 16);

	if (strncmp(word, "0x", 2) != 0 || end == word || *end || !n)
		return false;
	*out = (const void *)(uintptr_t)n;
	return true;
}

/* Runs `use` on the entry of the key that `text` stands for; false (and a message) where it is none. */
static bool with_key(struct admin_session *s, struct table *t, const char *text, bool make,
	void (*use)(struct admin_session *s, struct table *t, struct table_entry *e))
{
	struct arena a;
	struct slice key;
	bool ok = false;

	arena_init_heap(&a);
	if (!*text) {
		command_say(s, "Key value expected");
	} else if (table_key_of_text(t, text, &a, &key) < 0) {
		command_say(s, "Invalid key");
	} else {
		struct table_entry *e = make ? table_get(t, key, now_ms()) : table_find(t, key, now_ms());
		ok = e || !make;
		if (e)
			use(s, t, e);
		else if (make)
			command_say(s, "Unable to allocate a new entry");
		if (e)
			table_unlock(t, e);
	}
	arena_reset(&a);
	return ok;
}

static void clear_key(struct admin_session *s, struct table *t, struct table_entry *e)
{
	if (!table_remove(t, e))
		command_say(s, "Entry currently in use, cannot remove");
}

/* Everything that `show` and `clear` have in common. */
static void run_listing(struct admin_session *s, struct table *t, char **args, int count, bool clears)
{
	struct listing *q = calloc(1, sizeof *q);
	bool ok;

	if (!q) {
		command_say(s, "Out of memory.");
		return;
	}
	*q = (struct listing){ .session = s, .table = t, .clears = clears, .out = command_out(s) };
	if (!strcmp(args[0], "ptr")) {
		ok = parse_pointer(args[1], &q->entry);
		if (!ok)
			command_say(s, "Pointer expected (0xffff notation)");
	} else {
		ok = parse_filters(s, q, args, count);
	}
	if (ok)
		list(q);
	else
		free(q);
}

static bool is_filter(const char *word)
{
	return !*word || !strncmp(word, "data.", 5) || !strcmp(word, "ptr");
}

static void run_show_table(struct admin_session *s, char **args, int count)
{
	struct table *t;

	if (!count) {
		for (t = command_graph(s)->tables; t; t = t->next)
			show_head(s, t);
		return;
	}
	t = find_table(s, args[0]);
	if (!t)
		return;
	if (!strcmp(args[1], "key"))
		with_key(s, t, args[2], false, show_one);
	else if (is_filter(args[1]))
		run_listing(s, t, args + 1, count - 1, false);
	else
		command_say(s,
			"Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key> or "
			"ptr <ptr>");
}

static void run_clear_table(struct admin_session *s, char **args, int count)
{
	struct table *t = *args[0] ? find_table(s, args[0]) : NULL;

	if (!*args[0] || (t && !is_filter(args[1]) && strcmp(args[1], "key") != 0)) {
		command_say(s, "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> "
			       "key <key> "
			       "or <table> ptr <ptr>");
		return;
	}
	if (!t)
		return;
	if (!strcmp(args[1], "key"))
		with_key(s, t, args[2], false, clear_key);
	else
		run_listing(s, t, args + 1, count - 1, true);
}

/* ---- set ---- */

struct values {
	unsigned count;
	uint8_t data[DATA_COUNT];
	int64_t value[DATA_COUNT];
};
static struct values values; /* of the command that runs */

/* `data.<type> <value>` pairs. */
static bool parse_values(struct admin_session *s, const struct table *t, char **args)
{
	values.count = 0;
	for (; **args && values.count < DATA_COUNT; args += 2) {
		enum table_data d;
		if (strncmp(args[0], "data.", 5) != 0) {
			command_say(s, "\"data.<type>\" followed by a value expected");
			return false;
		}
		d = table_data_find(slice_from_str(args[0] + 5));
		if (d == DATA_NONE || !table_stores(t, d)) {
			command_say(s, d == DATA_NONE ? "Unknown data type" : "Data type not stored in this table");
			return false;
		}
		if (!parse_number(args[1], &values.value[values.count])) {
			command_say(s, "Require a valid integer value to store");
			return false;
		}
		values.data[values.count++] = (uint8_t)d;
	}
	return true;
}

static void set_values(struct admin_session *s, struct table *t, struct table_entry *e)
{
	(void)s;
	for (unsigned i = 0; i < values.count; i++)
		table_set(t, e, values.data[i], (uint64_t)values.value[i], now_ms());
	table_touch(t, e, now_ms());
}

static void run_set_table(struct admin_session *s, char **args, int count)
{
	struct table *t = *args[0] ? find_table(s, args[0]) : NULL;

	if (*args[0] && !t)
		return;
	if (!t || count < 2 || strcmp(args[1], "key") != 0) {
		command_say(s, "Required arguments: <table> key <key> [data.<store_data_type> <value>]*");
		return;
	}
	if (parse_values(s, t, args + 3))
		with_key(s, t, args[2], true, set_values);
}

static const struct command_row rows[] = {
	{ { "clear", "table" }, "<table> [<filter>]*", "remove an entry from a table (filter: data/key/ptr)",
		LEVEL_ADMIN, run_clear_table },
	{ { "set", "table" }, "<table> key <k> [data.* <v>]*", "update or create a table entry's data", LEVEL_ADMIN,
		run_set_table },
	{ { "show", "table" }, "<table> [<filter>]*",
		"report table usage stats or dump this table's contents (filter: data/key/ptr)", LEVEL_USER,
		run_show_table },
};
const struct command_table table_commands = { rows, sizeof rows / sizeof *rows };
