/* `show stat`: counters and states of all proxies and servers, as CSV, typed lines or JSON. */
#include <string.h>

#include "ballast/base/clock.h"
#include "internal.h"
#include "proxies.h"
#include "stat.h"

struct request {
	enum stat_format format;
	bool desc, only_up, no_maint;
	int64_t iid, type, sid; /* -1: any */
	struct stat_view view;
	struct strbuf *out;
	bool any; /* a row was written */
};

static void write_row(struct request *q, const struct stat_row *r)
{
	switch (q->format) {
	case STAT_CSV: stat_print_csv(q->out, r); break;
	case STAT_TYPED: stat_print_typed(q->out, r, q->desc); break;
	case STAT_JSON: stat_print_json(q->out, r, !q->any); break;
	}
	q->any = true;
}

static bool wants(const struct request *q, enum stat_object object, uint32_t iid, uint32_t sid)
{
	static const int64_t bits[] = { [STAT_FRONTEND] = 1, [STAT_BACKEND] = 2, [STAT_SERVER] = 4 };

	return (q->iid < 0 || q->iid == iid) && (q->type < 0 || q->type & bits[object]) &&
	       (q->sid < 0 || q->sid == sid);
}

static bool wants_server(const struct request *q, const struct server *s)
{
	if (!wants(q, STAT_SERVER, s->backend->id, s->id))
		return false;
	if (q->only_up && !server_alive(s))
		return false;
	return !q->no_maint || !(atomic_load(&s->admin) & (SERVER_ANY_MAINT | SERVER_UNRESOLVED));
}

static void write_backend(struct request *q, struct backend *b, struct stat_row *r)
{
	for (uint32_t i = 0; i < b->server_count; i++) {
		if (!wants_server(q, b->servers[i]))
			continue;
		stat_fill_server(r, b->servers[i], &q->view);
		write_row(q, r);
	}
	if (wants(q, STAT_BACKEND, b->id, 0)) {
		stat_fill_backend(r, b, &q->view);
		write_row(q, r);
	}
}

static void write_all(struct request *q, const struct graph *g)
{
	struct proxies p;
	struct stat_row r;

	proxies_start(&p, g);
	while (proxies_next(&p)) {
		if (p.backend) {
			write_backend(q, p.backend, &r);
		} else if (wants(q, STAT_FRONTEND, p.frontend->id, 0)) {
			stat_fill_frontend(&r, p.frontend, &q->view);
			write_row(q, &r);
		}
	}
}

static bool parse_option(struct request *q, const char *word)
{
	if (!strcmp(word, "typed"))
		q->format = STAT_TYPED;
	else if (!strcmp(word, "json"))
		q->format = STAT_JSON;
	else if (!strcmp(word, "desc"))
		q->desc = true;
	else if (!strcmp(word, "up"))
		q->only_up = true;
	else if (!strcmp(word, "no-maint"))
		q->no_maint = true;
	else
		return false;
	return true;
}

/* "domain proxy": how many words that took; -1 where another domain was asked for. */
static int parse_domain(struct admin_session *s, char **args)
{
	if (strcmp(args[0], "domain") != 0)
		return 0;
	if (!strcmp(args[1], "proxy"))
		return 2;
	command_say(s, "Invalid statistics domain.");
	return -1;
}

/* "{<iid>|<proxy>} <type> <sid>", then words that HAProxy too passes over where it does not know them. */
static bool parse_request(struct admin_session *s, struct request *q, char **args, int count)
{
	int at = parse_domain(s, args);

	if (at < 0)
		return false;
	if (count - at >= 3 && parse_number(args[at + 1], &q->type) && parse_number(args[at + 2], &q->sid)) {
		if (!find_proxy_id(s, args[at], &q->iid))
			return false;
		at += 3;
	}
	for (; at < count; at++)
		parse_option(q, args[at]);
	return true;
}

static void run_show_stat(struct admin_session *s, char **args, int count)
{
	struct request q = { .iid = -1, .type = -1, .sid = -1, .out = command_out(s) };

	if (!parse_request(s, &q, args, count))
		return;
	q.view = (struct stat_view){
		.threads = loop_count() ? loop_count() : 1,
		.second = (uint32_t)(clock_wall_us() / 1000000),
		.private_too = command_level(s) >= LEVEL_OPERATOR,
	};
	if (q.format == STAT_CSV)
		stat_print_header(q.out);
	if (q.format == STAT_JSON)
		strbuf_byte(q.out, '[');
	write_all(&q, command_graph(s));
	if (q.format == STAT_JSON)
		strbuf_str(q.out, "]\n");
}

static const struct command_row rows[] = {
	{ { "show", "stat" }, "[desc|json|no-maint|typed|up]*", "report counters for each proxy and server", LEVEL_USER,
		run_show_stat },
};
const struct command_table stat_commands = { rows, sizeof rows / sizeof *rows };
