/* `show errors`: the last refused request of each frontend and response of each backend, byte by byte. */
#include <inttypes.h>
#include <string.h>

#include "ballast/base/clock.h"
#include "ballast/proxy/capture.h"
#include "ballast/proxy/frontend.h"
#include "internal.h"
#include "value.h"

enum { DUMP_COLUMNS = 72 };

struct errors_shown {
	struct strbuf *out;
	int64_t iid; /* -1: any */
	bool requests, responses;
	uint32_t total;
	bool count_only;
};

/* One byte as it is shown; how many columns it took. */
static size_t write_byte(struct strbuf *to, unsigned char c)
{
	static const char named[] = "\aa\bb\tt\nn\vv\ff\rr\\\\";
	size_t before = to->len;
	const char *found = c ? memchr(named, c, sizeof named - 1) : NULL;

	if (found && (found - named) % 2 == 0)
		strbuf_printf(to, "\\%c", found[1]);
	else if (c < ' ' || c >= 127)
		strbuf_printf(to, "\\x%02X", c);
	else
		strbuf_byte(to, (char)c);
	return to->len - before;
}

/* Lines of text with the offset of their first byte; one that goes on is marked with '+'. */
static void write_bytes(struct strbuf *to, const char *bytes, uint32_t len)
{
	bool goes_on = false;

	for (uint32_t at = 0; at < len;) {
		size_t columns = 0;
		unsigned char c = 0;
		strbuf_printf(to, "  %05u%c ", at, goes_on ? '+' : ' ');
		while (at < len && columns < DUMP_COLUMNS && c != '\n') {
			c = (unsigned char)bytes[at++];
			columns += write_byte(to, c);
		}
		goes_on = c != '\n';
		strbuf_byte(to, '\n');
	}
}

static void write_head(struct strbuf *to, const struct error_capture *k)
{
	const struct backend *b = k->backend;
	char ip[ADDR_TEXT_MAX];

	value_print_date(to, k->wall_us, 3);
	if (k->response)
		strbuf_printf(to, " backend %s (#%u): invalid response\n  frontend %s (#%u)", b->name, b->id,
			k->frontend->name, k->frontend->id);
	else if (b)
		strbuf_printf(to, " frontend %s (#%u): invalid request\n  backend %s (#%u)", k->frontend->name,
			k->frontend->id, b->name, b->id);
	else
		strbuf_printf(to, " frontend %s (#%u): invalid request\n  backend <NONE> (#-1)", k->frontend->name,
			k->frontend->id);
	if (k->server)
		strbuf_printf(to, ", server %s (#%u)", k->server->name, k->server->id);
	else
		strbuf_str(to, ", server <NONE> (#-1)");
	addr_ip_text(&k->peer, ip);
	strbuf_printf(to, ", event #%u, src %s:%u\n", k->number, ip, addr_port(&k->peer));
}

static void show(const struct error_capture *k, void *arg)
{
	struct errors_shown *q = arg;
	struct strbuf *to = q->out;

	if (k->number >= q->total)
		q->total = k->number + 1;
	if (q->count_only || (k->response ? !q->responses : !q->requests))
		return;
	if (q->iid >= 0 && k->frontend->id != q->iid && (!k->backend || k->backend->id != q->iid))
		return;
	strbuf_str(to, " \n");
	write_head(to, k);
	strbuf_printf(to, "  session #%" PRIu64 ", len %" PRIu64 ", error at position %u: %s\n  \n", k->exchange_id,
		k->total, k->error_at, h1_error_text(k->error));
	write_bytes(to, k->bytes, k->len);
}

static void run_show_errors(struct admin_session *s, char **args, int count)
{
	struct errors_shown q = { .out = command_out(s), .iid = -1, .requests = true, .responses = true };
	int at = 0;

	if (count && strcmp(args[0], "request") != 0 && strcmp(args[0], "response") != 0) {
		if (!find_proxy_id(s, args[0], &q.iid))
			return;
		at = 1;
	}
	if (!strcmp(args[at], "request"))
		q.responses = false;
	else if (!strcmp(args[at], "response"))
		q.requests = false;
	q.count_only = true;
	capture_each(show, &q);
	q.count_only = false;
	strbuf_str(q.out, "Total events captured on ");
	value_print_date(q.out, clock_wall_us(), 3);
	strbuf_printf(q.out, " : %u\n", q.total);
	capture_each(show, &q);
}

static const struct command_row rows[] = {
	{ { "show", "errors" }, "[<px>] [request|response]",
		"report last request and/or response errors for each proxy", LEVEL_OPERATOR, run_show_errors },
};
const struct command_table error_commands = { rows, sizeof rows / sizeof *rows };
