/* timeouts: `timeout NAME TIME` of proxies; a number without a unit is in milliseconds. */
#include <errno.h>
#include <stdio.h>

#include "directive.h"

/* Milliseconds below this without a unit are likely meant as seconds (HAProxy warns alike). */
enum { SUSPICIOUS_MS = 100 };

static int read_time(struct cfg_context *c, const struct line *l, uint32_t *out)
{
	char what[64], hint[64];
	uint32_t ms = 0;

	snprintf(what, sizeof(what), "timeout %s", l->words[1].text);
	int err = value_time(c, l, 2, what, "ms", &ms);
	if (err)
		return err;
	const struct token *t = &l->words[2];
	bool plain = t->text[strspn(t->text, "0123456789")] == '\0';
	if (plain && ms > 0 && ms < SUSPICIOUS_MS) {
		snprintf(hint, sizeof(hint), "write %ums if that is meant, or %us", ms, ms);
		diag_warn(c->diag, &t->at, hint, "%s of %s is in milliseconds, which is very short", what, t->text);
	}
	*out = ms;
	return 0;
}

static int parse_client(struct cfg_context *c, const struct line *l)
{
	return read_time(c, l, &c->proxy->set.front.timeout_client_ms);
}

static int parse_client_fin(struct cfg_context *c, const struct line *l)
{
	return read_time(c, l, &c->proxy->set.front.timeout_client_fin_ms);
}

/* These two exist in backends for frontends in mode tcp that hand over to HTTP, which Ballast has not. */
static bool has_no_effect(struct cfg_context *c, const struct line *l)
{
	if (c->section != SECTION_BACKEND)
		return false;
	struct place at = two_words(l, 0);
	diag_warn(c->diag, &at, "it belongs to the frontend", "'timeout %s' has no effect in a backend",
		l->words[1].text);
	return true;
}

static int parse_http_request(struct cfg_context *c, const struct line *l)
{
	struct frontend_settings *s = &c->proxy->set.front;

	if (has_no_effect(c, l))
		return 0;
	int err = read_time(c, l, &s->timeout_http_request_ms);
	s->has_timeout_http_request |= !err;
	return err;
}

static int parse_http_keep_alive(struct cfg_context *c, const struct line *l)
{
	struct frontend_settings *s = &c->proxy->set.front;

	if (has_no_effect(c, l))
		return 0;
	int err = read_time(c, l, &s->timeout_http_keep_alive_ms);
	s->has_timeout_http_keep_alive |= !err;
	return err;
}

static int parse_tunnel(struct cfg_context *c, const struct line *l)
{
	int err = read_time(c, l, &c->proxy->set.back.timeout_tunnel_ms);

	c->proxy->set.front.timeout_tunnel_ms = c->proxy->set.back.timeout_tunnel_ms;
	return err;
}

static int parse_connect(struct cfg_context *c, const struct line *l)
{
	return read_time(c, l, &c->proxy->set.back.timeout_connect_ms);
}

static int parse_server(struct cfg_context *c, const struct line *l)
{
	return read_time(c, l, &c->proxy->set.back.timeout_server_ms);
}

static int parse_server_fin(struct cfg_context *c, const struct line *l)
{
	return read_time(c, l, &c->proxy->set.back.timeout_server_fin_ms);
}

static int parse_queue(struct cfg_context *c, const struct line *l)
{
	return read_time(c, l, &c->proxy->set.back.timeout_queue_ms);
}

static int parse_tarpit(struct cfg_context *c, const struct line *l)
{
	int err = read_time(c, l, &c->proxy->set.back.timeout_tarpit_ms);

	c->proxy->set.front.timeout_tarpit_ms = c->proxy->set.back.timeout_tarpit_ms;
	return err;
}

static int parse_check(struct cfg_context *c, const struct line *l)
{
	return read_time(c, l, &c->proxy->set.back.timeout_check_ms);
}

const struct directive timeout_directives[] = {
	{ "timeout client", SECTION_FRONT, "<time>", "inactivity of the client", parse_client, false, false },
	{ "timeout client-fin", SECTION_FRONT, "<time>", "inactivity of a client which one side ended",
		parse_client_fin, false, false },
	{ "timeout http-request", SECTION_PROXY, "<time>", "time for a whole request head", parse_http_request, false,
		false },
	{ "timeout http-keep-alive", SECTION_PROXY, "<time>", "wait for the next request", parse_http_keep_alive, false,
		false },
	{ "timeout tunnel", SECTION_BACK, "<time>", "inactivity of either side of a tunnel", parse_tunnel, false,
		false },
	{ "timeout connect", SECTION_BACK, "<time>", "time to connect to a server", parse_connect, false, false },
	{ "timeout server", SECTION_BACK, "<time>", "inactivity of the server", parse_server, false, false },
	{ "timeout server-fin", SECTION_BACK, "<time>", "inactivity of a server which one side ended", parse_server_fin,
		false, false },
	{ "timeout queue", SECTION_BACK, "<time>", "wait for a place on a server", parse_queue, false, false },
	{ "timeout tarpit", SECTION_PROXY, "<time>", "delay of 'http-request tarpit'; that of connect by default",
		parse_tarpit, false, false },
	{ "timeout check", SECTION_BACK, "<time>", "time for a health check, once connected", parse_check, false,
		false },
	{ 0 },
};
