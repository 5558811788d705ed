/* A session of the runtime API: one connection, its line editor of sorts, and the pace of its answers.
 *
 *      INPUT --line--> COMMANDS --answers--> OUTPUT --(single line, quit, client's end)--> LINGER --> closed
 *        ^                 |    (held: a command goes on in other threads)
 *        +--- interactive -+
 *
 * Answers are rendered as a whole and sent as the client takes them; while more than SESSION_OUTPUT_HIGH bytes wait,
 * no further command runs and nothing is read.  What must stay true: session_step() is the only one that runs commands,
 * and a session that is held is not freed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ballast/base/clock.h"
#include "ballast/net/listener.h"
#include "internal.h"

enum { LINGER_READS = 64 };

/* --- made and freed --- */

static void session_expired(struct timer *t)
{
	session_close(container_of(t, struct admin_session, timer));
}

static void session_again(struct timer *t)
{
	session_step(container_of(t, struct admin_session, again));
}

static void session_ready(struct watch *w, unsigned bits)
{
	struct admin_session *s = (struct admin_session *)w;

	conn_note(&s->conn, bits);
	session_step(s);
}

static const struct stats_socket *socket_of(const struct admin *a, const struct listener *l)
{
	for (uint32_t i = 0; i < a->listener_count; i++)
		if (a->listeners[i] == l)
			return &a->sockets[i];
	return NULL;
}

void session_accept(struct listener *l, int fd, const union addr *peer)
{
	struct admin *a = l->owner;
	struct admin_session *s = calloc(1, sizeof *s);

	if (!s || conn_open(&s->conn, fd, session_ready)) {
		free(s);
		close(fd);
		admin_release(a, l);
		return;
	}
	s->admin = a;
	s->listener = l;
	s->peer = *peer;
	s->since_us = clock_wall_us();
	s->level = (uint8_t)socket_of(a, l)->level;
	s->expose_listeners = socket_of(a, l)->expose_listeners;
	s->timeout_ms = a->graph->global.stats_timeout_ms;
	strbuf_init(&s->out);
	timer_init(&s->timer, session_expired);
	timer_init(&s->again, session_again);
	list_push_back(&a->sessions, &s->link);
	session_step(s);
}

void session_free(struct admin_session *s)
{
	if (s->tour)
		s->tour->free(s->tour);
	handout_free(s);
	list_remove(&s->link);
	strbuf_free(&s->out);
	if (loop_self)
		loop_free_later(loop_self, &s->conn.watch); /* an event of this turn may still name it */
	else
		free(s);
}

void session_close(struct admin_session *s)
{
	if (!s->closed) {
		s->closed = true;
		loop_timer_clear(&s->timer);
		loop_timer_clear(&s->again);
		conn_close(&s->conn);
		admin_release(s->admin, s->listener);
	}
	if (!s->held && !s->running)
		session_free(s);
}

void session_set_timeout(struct admin_session *s, uint32_t ms)
{
	s->timeout_ms = ms;
}

/* --- what commands use --- */

struct strbuf *command_out(struct admin_session *s)
{
	return &s->out;
}

void command_say(struct admin_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&s->out, fmt, ap);
	va_end(ap);
	strbuf_byte(&s->out, '\n');
}

const struct graph *command_graph(struct admin_session *s)
{
	return s->held ? s->graph : s->admin->graph;
}

enum admin_level command_level(const struct admin_session *s)
{
	return s->level;
}

void command_hold(struct admin_session *s)
{
	if (!s->held++) {
		s->graph = s->admin->graph;
		generation_enter(s->graph->generation);
	}
}

static void answer_ends(struct admin_session *s);

void command_release(struct admin_session *s)
{
	if (--s->held)
		return;
	generation_leave(s->graph->generation);
	if (s->closed) {
		session_close(s);
		return;
	}
	if (s->running) /* it was through before its function returned */
		return;
	answer_ends(s);
	session_step(s);
}

/* --- output --- */

void session_prompt(struct admin_session *s)
{
	uint64_t up = admin_uptime_s(s->admin);

	if (s->mode != MODE_PROMPT)
		return;
	if (s->timed)
		strbuf_printf(&s->out, "[%u:%02u:%02u:%02u]", (unsigned)(up / 86400), (unsigned)(up / 3600 % 24),
			(unsigned)(up / 60 % 60), (unsigned)(up % 60));
	strbuf_str(&s->out, "> ");
}

static size_t output_waiting(const struct admin_session *s)
{
	return s->out.len - s->sent;
}

/* Sends what the client takes; false where it is gone. */
static bool send_output(struct admin_session *s)
{
	while (output_waiting(s) && s->conn.flags & CONN_WRITABLE) {
		ssize_t n = conn_send(&s->conn, s->out.ptr + s->sent, output_waiting(s));
		if (n < 0 && n != -EAGAIN)
			return false;
		if (n > 0)
			s->sent += (size_t)n;
	}
	if (s->sent && !output_waiting(s)) {
		s->sent = 0;
		if (s->out.cap > SESSION_OUTPUT_HIGH)
			strbuf_free(&s->out);
		else
			strbuf_clear(&s->out);
	}
	return true;
}

/* --- commands --- */

static void line_ends(struct admin_session *s)
{
	if (s->mode == MODE_SINGLE)
		s->ending = true;
	else
		session_prompt(s);
}

/* The empty line that tells the reader that the answer is whole. */
static void answer_ends(struct admin_session *s)
{
	if (s->out.incomplete) { /* memory is out: a part would look like all of it */
		s->out.incomplete = false;
		s->ending = true;
		return;
	}
	if (s->ending || s->handout)
		return;
	strbuf_byte(&s->out, '\n');
	if (!s->rest)
		line_ends(s);
}

static void run_next(struct admin_session *s)
{
	char *words[COMMAND_ARGS_MAX + COMMAND_WORDS];
	static char none[] = "";
	int count = line_next_command(&s->rest, words, COMMAND_ARGS_MAX);

	for (int i = count < 0 ? 0 : count; i < COMMAND_ARGS_MAX + COMMAND_WORDS; i++)
		words[i] = none;
	if (count < 0) {
		command_say(s, "Too many arguments.");
		s->rest = NULL;
	} else if (count) {
		command_run(s, words, count);
	}
	if (!s->held)
		answer_ends(s);
}

/* --- input --- */

/* Takes the next line out of the input, without its end; NULL: it is not there yet. */
static char *next_line(struct admin_session *s)
{
	char *line = s->in + s->in_start, *end;

	end = memchr(s->in + s->scanned, '\n', s->in_end - s->scanned);
	if (!end) {
		s->scanned = s->in_end;
		return NULL;
	}
	*end = '\0';
	s->in_start = s->scanned = (size_t)(end + 1 - s->in);
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return line;
}

/* No command takes a payload yet: its lines are passed over, up to the pattern. */
static bool take_payload(struct admin_session *s)
{
	char *line;

	while ((line = next_line(s))) {
		if (strcmp(line, s->pattern) != 0)
			continue;
		s->in_payload = false;
		return true;
	}
	if (s->mode == MODE_PROMPT && !s->payload_asked)
		strbuf_str(&s->out, "+ ");
	s->payload_asked = true;
	return false;
}

/* The next line is to be run; false: it is not whole yet. */
static bool take_line(struct admin_session *s)
{
	char *line;

	if (!s->in_payload) {
		line = next_line(s);
		if (!line)
			return false;
		s->rest = line;
		s->in_payload = line_takes_payload(line, s->pattern);
		s->payload_asked = false;
	}
	return !s->in_payload || take_payload(s);
}

static void make_room(struct admin_session *s)
{
	size_t keep_from = s->in_payload ? (size_t)(s->rest - s->in) : s->in_start;

	if (!keep_from)
		return;
	memmove(s->in, s->in + keep_from, s->in_end - keep_from);
	s->in_end -= keep_from;
	s->in_start -= keep_from;
	s->scanned -= keep_from;
	if (s->in_payload)
		s->rest -= keep_from;
}

/* Reads once; false: there is nothing now, or nothing is wanted any more. */
static bool read_input(struct admin_session *s)
{
	ssize_t n;

	if (s->eof) {
		s->ending = true;
		return true;
	}
	if (!(s->conn.flags & CONN_READABLE))
		return false;
	make_room(s);
	if (s->in_end == SESSION_INPUT_MAX) {
		command_say(s, "The command is too long.");
		s->ending = true;
		return true;
	}
	n = conn_recv(&s->conn, s->in + s->in_end, SESSION_INPUT_MAX - s->in_end);
	if (n == -EAGAIN)
		return false;
	if (n <= 0)
		s->eof = true;
	else
		s->in_end += (size_t)n;
	return true;
}

/* --- the end --- */

/* Closing with unread bytes would reset the connection and may take the answer away with it.  Who goes on sending is
 * not waited for any longer than others. */
static bool linger(struct admin_session *s)
{
	char scrap[4096];
	ssize_t n = 1;

	if (!s->lingers) {
		s->lingers = true;
		conn_shut_write(&s->conn);
		s->timeout_ms = 0;
		loop_timer_set(&s->timer, SESSION_LINGER_MS);
	}
	for (int reads = 0; reads < LINGER_READS && !s->eof && n > 0 && s->conn.flags & CONN_READABLE; reads++)
		n = conn_recv(&s->conn, scrap, sizeof scrap);
	return !s->eof && (n > 0 || n == -EAGAIN);
}

/* One step; false: wait for the next event. */
static bool step(struct admin_session *s)
{
	if (!send_output(s)) {
		session_close(s);
		return false;
	}
	if (s->held || output_waiting(s) > SESSION_OUTPUT_HIGH)
		return false;
	if (s->handout)
		handout_step(s);
	if (s->handout)
		return false;
	if (s->ending) {
		if (!output_waiting(s) && !linger(s))
			session_close(s);
		return false;
	}
	if ((s->rest && !s->in_payload) || take_line(s)) {
		run_next(s);
		return true;
	}
	if (send_output(s))
		return read_input(s);
	session_close(s);
	return false;
}

void session_step(struct admin_session *s)
{
	uint64_t start = clock_mono_ns();

	s->running = true;
	while (step(s))
		if (clock_mono_ns() - start > SESSION_TURN_NS) { /* the turn of others */
			loop_timer_set(&s->again, 0);
			break;
		}
	s->running = false;
	if (s->closed) {
		session_close(s);
		return;
	}
	if (s->timeout_ms)
		loop_timer_set(&s->timer, s->timeout_ms);
}
