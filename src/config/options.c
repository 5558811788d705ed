/* options: `option NAME`, `no option NAME`, `default option NAME`.
 *
 * Most are switches of the frontend's or the backend's settings and need no more than their row.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "directive.h"

static int parse_connection(struct cfg_context *c, const struct line *l)
{
	static const char *const names[] = { "http-keep-alive", "http-server-close", "httpclose", NULL };
	struct proxy_settings *s = &c->proxy->set;
	unsigned mode = 0;

	while (strcmp(names[mode], l->words[1].text) != 0)
		mode++;
	if (no_more_words(c, l, 1))
		return -EINVAL;
	if (c->negated && s->front.connection != mode)
		return 0;
	s->front.connection = s->back.connection = c->negated ? CONNECTION_KEEP_ALIVE : (enum http_connection)mode;
	return 0;
}

static int parse_redispatch(struct cfg_context *c, const struct line *l)
{
	struct backend_settings *s = &c->proxy->set.back;
	int64_t interval = -1;

	if (no_more_words(c, l, 2))
		return -EINVAL;
	if (l->count > 2 && token_int(&l->words[2], "option redispatch", -1000, 1000, &interval, c->diag))
		return -EINVAL;
	s->redispatch = !c->negated && interval != 0;
	s->redispatch_interval = s->redispatch ? (int32_t)interval : -1;
	return 0;
}

/* The value behind `except` or `header`. */
static const struct token *forwardfor_value(struct cfg_context *c, const struct line *l, size_t at)
{
	const char *what = token_is(&l->words[at], "except") ? "a network" : "the name of a header field";

	return need_word(c, l, at + 1, l->words[at].text, what) ? NULL : &l->words[at + 1];
}

static bool is_field_name(const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;
		bool alnum = (unsigned char)(ch - '0') < 10 || (unsigned char)((ch | 0x20) - 'a') < 26;
		if (!alnum && !strchr("!#$%&'*+-.^_`|~", ch))
			return false;
	}
	return true;
}

static int forwardfor_word(struct cfg_context *c, const struct line *l, size_t *at, struct forwardfor *f)
{
	static const char *const words[] = { "except", "header", "if-none", NULL };
	unsigned word;

	if (token_choice(&l->words[*at], "argument of option forwardfor", words, &word, c->diag))
		return -EINVAL;
	if (word == 2) {
		f->if_none = true;
		*at += 1;
		return 0;
	}
	const struct token *value = forwardfor_value(c, l, *at);
	if (!value)
		return -EINVAL;
	*at += 2;
	if (word == 0) {
		f->has_except = true;
		if (net_prefix_parse(token_slice(value), &f->except) == 0)
			return 0;
		diag_error(c->diag, &value->at, "10.0.0.0/8, 2001:db8::/32", "'%s' is not a network", value->text);
		return -EINVAL;
	}
	if (!is_field_name(value->text)) {
		diag_error(c->diag, &value->at, NULL, "'%s' cannot be the name of a header field", value->text);
		return -EINVAL;
	}
	f->header = value->text;
	return 0;
}

static int parse_forwardfor(struct cfg_context *c, const struct line *l)
{
	struct forwardfor f = { .on = !c->negated, .header = "X-Forwarded-For" };
	size_t at = 2;

	while (at < l->count)
		if (forwardfor_word(c, l, &at, &f))
			return -EINVAL;
	if (c->negated)
		f = (struct forwardfor){ .header = "X-Forwarded-For" };
	c->proxy->set.front.forwardfor = c->proxy->set.back.forwardfor = f;
	c->proxy->set.forwardfor_at = two_words(l, 0);
	return 0;
}

static int parse_jsonlog(struct cfg_context *c, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;

	if (no_more_words(c, l, 1))
		return -EINVAL;
	if (c->negated && s->log_choice != LOG_CHOICE_JSON)
		return 0;
	s->log_choice = c->negated ? LOG_CHOICE_DEFAULT : LOG_CHOICE_JSON;
	s->log_at = two_words(l, 0);
	return 0;
}

/* `option httplog [clf]`, `option tcplog [clf]` */
static int parse_log_option(struct cfg_context *c, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;
	bool http = token_is(&l->words[1], "httplog"), clf = l->count > 2 && token_is(&l->words[2], "clf");
	enum log_choice choice = http ? LOG_CHOICE_HTTP : LOG_CHOICE_TCP;

	if (no_more_words(c, l, clf ? 2 : 1))
		return -EINVAL;
	if (c->negated && s->log_choice != choice && s->log_choice != choice + 1)
		return 0;
	s->log_choice = c->negated ? LOG_CHOICE_DEFAULT : choice + clf;
	s->log_at = two_words(l, 0);
	return 0;
}

/* `option httpchk`, `option tcp-check`, `option redis-check`, ...: the last one counts; `no` before the one that is on
 * leaves connecting. */
static int parse_check_method(struct cfg_context *c, const struct line *l, enum check_method method,
	int (*parse)(struct backend *b, const struct line *l, struct arena *a, struct diag *d))
{
	struct check_setup *setup = &c->proxy->back->checks;

	if (!c->negated)
		return parse(c->proxy->back, l, c->arena, c->diag);
	if (setup->method == method)
		setup->method = CHECK_CONNECTS;
	return 0;
}

static int parse_httpchk(struct cfg_context *c, const struct line *l)
{
	return parse_check_method(c, l, CHECK_HTTP, http_check_parse_option);
}

static int parse_tcp_check(struct cfg_context *c, const struct line *l)
{
	return parse_check_method(c, l, CHECK_TCP, tcp_check_parse_option);
}

static int parse_ready_check(struct cfg_context *c, const struct line *l)
{
	return parse_check_method(c, l, CHECK_READY, ready_check_parse_option);
}

static int parse_via(struct cfg_context *c, const struct line *l)
{
	const char *name = NULL;

	if (!c->negated) {
		if (need_word(c, l, 2, "option via", "the name to give in Via") || no_more_words(c, l, 2))
			return -EINVAL;
		name = l->words[2].text;
		if (!is_name(name)) {
			diag_error(c->diag, &l->words[2].at, "letters, digits, '-', '_', '.' and ':' may be in it",
				"'%s' cannot be a name in Via", name);
			return -EINVAL;
		}
	}
	c->proxy->set.front.via = c->proxy->set.back.via = name;
	return 0;
}

static const struct option_row *find_option(const char *name)
{
	for (const struct option_row *o = option_rows; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static int unknown_option(struct cfg_context *c, const struct line *l)
{
	const struct unsupported *u = unsupported_find(unsupported_options, l->words[1].text);
	struct names n = { .count = 0 };
	char name[96];

	if (u) {
		struct place at = two_words(l, 0);
		snprintf(name, sizeof(name), "option %s", u->name);
		return unsupported_word(c, &at, &(struct unsupported){ name, u->instead });
	}
	for (const struct option_row *o = option_rows; o->name; o++)
		names_add(&n, o->name);
	return unknown_word(c, &l->words[1], "option", &n);
}

static int set_switch(struct cfg_context *c, const struct option_row *o, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;

	if (no_more_words(c, l, 1))
		return -EINVAL;
	if (o->front)
		*(bool *)((char *)&s->front + o->front - 1) = !c->negated;
	if (o->back)
		*(bool *)((char *)&s->back + o->back - 1) = !c->negated;
	return 0;
}

static int parse_option(struct cfg_context *c, const struct line *l)
{
	char list[64];

	if (need_word(c, l, 1, "option", "a name"))
		return -EINVAL;
	const struct option_row *o = find_option(l->words[1].text);
	if (!o)
		return unknown_option(c, l);
	if (!(o->sections & c->section)) {
		struct place at = two_words(l, 0);
		diag_warn(c->diag, &at, NULL, "'option %s' is ignored in a %s section: it belongs to %s", o->name,
			section_name(c->section), section_list(o->sections, list, sizeof(list)));
		return 0;
	}
	return o->parse ? o->parse(c, l) : set_switch(c, o, l);
}

#define FRONT(field) (offsetof(struct frontend_settings, field) + 1)
#define BACK(field) (offsetof(struct backend_settings, field) + 1)

const struct option_row option_rows[] = {
	{ "abortonclose", SECTION_BACK, NULL, "drop requests whose client has gone away", 0, BACK(abort_on_close),
		NULL },
	{ "allbackups", SECTION_BACK, NULL, "use all backup servers together, not the first", 0, BACK(all_backups),
		NULL },
	{ "clitcpka", SECTION_FRONT, NULL, "TCP keep-alive towards clients", FRONT(tcp_keepalive_client), 0, NULL },
	{ "dontlog-normal", SECTION_FRONT, NULL, "log failures only", FRONT(dontlog_normal), 0, NULL },
	{ "dontlognull", SECTION_FRONT, NULL, "do not log connections without a byte", FRONT(dontlog_null), 0, NULL },
	{ "forwardfor", SECTION_PROXY, "[except <network>] [header <name>] [if-none]",
		"tell servers the client's address", 0, 0, parse_forwardfor },
	{ "http-buffer-request", SECTION_PROXY, NULL,
		"wait for a request's body, or as much of it as has room, before its rules run", FRONT(buffer_request),
		BACK(buffer_request), NULL },
	{ "http-keep-alive", SECTION_PROXY, NULL, "keep both connections (the default)", 0, 0, parse_connection },
	{ "http-no-delay", SECTION_PROXY, NULL, "send each piece of a body at once", FRONT(http_no_delay),
		BACK(http_no_delay), NULL },
	{ "http-server-close", SECTION_PROXY, NULL, "close the server's connection behind each response", 0, 0,
		parse_connection },
	{ "httpchk", SECTION_BACK, "[[<method>] <uri> [<version> [<host>]]]", "health checks are HTTP requests", 0, 0,
		parse_httpchk },
	{ "httpclose", SECTION_PROXY, NULL, "close both connections behind each response", 0, 0, parse_connection },
	{ "httplog", SECTION_FRONT, "[clf]", "log requests with their timings", 0, 0, parse_log_option },
	{ "ldap-check", SECTION_BACK, NULL, "health checks bind at an LDAP server", 0, 0, parse_ready_check },
	{ "jsonlog", SECTION_FRONT, NULL, "log JSON objects (doc/logs.md); Ballast's own", 0, 0, parse_jsonlog },
	{ "log-health-checks", SECTION_BACK, NULL, "log what health checks find", 0, BACK(log_health_checks), NULL },
	{ "logasap", SECTION_FRONT, NULL, "log as soon as the response's head is there", FRONT(log_asap), 0, NULL },
	{ "mysql-check", SECTION_BACK, "[user <name> [post-41|pre-41]]",
		"health checks read a MySQL server's greeting, or log in", 0, 0, parse_ready_check },
	{ "nolinger", SECTION_PROXY, NULL, "reset connections instead of closing them", FRONT(no_linger),
		BACK(no_linger), NULL },
	{ "persist", SECTION_BACK, NULL, "send requests to the server of their cookie even where it is down", 0,
		BACK(persist_dead), NULL },
	{ "pgsql-check", SECTION_BACK, "user <name>", "health checks greet a PostgreSQL server", 0, 0,
		parse_ready_check },
	{ "prefer-last-server", SECTION_BACK, NULL, "stay at the server of the last request", 0,
		BACK(prefer_last_server), NULL },
	{ "redispatch", SECTION_BACK, "[<interval>]", "retry on another server", 0, 0, parse_redispatch },
	{ "redis-check", SECTION_BACK, NULL, "health checks ping a Redis server", 0, 0, parse_ready_check },
	{ "smtpchk", SECTION_BACK, "[HELO|EHLO <domain>]", "health checks greet a mail server", 0, 0,
		parse_ready_check },
	{ "splice-auto", SECTION_PROXY, NULL, "move bodies in the kernel where it pays", FRONT(splice_auto),
		BACK(splice_auto), NULL },
	{ "splice-request", SECTION_PROXY, NULL, "move request bodies in the kernel", FRONT(splice_request),
		BACK(splice_request), NULL },
	{ "splice-response", SECTION_PROXY, NULL, "move response bodies in the kernel", FRONT(splice_response),
		BACK(splice_response), NULL },
	{ "srvtcpka", SECTION_BACK, NULL, "TCP keep-alive towards servers", 0, BACK(tcp_keepalive_server), NULL },
	{ "ssl-hello-chk", SECTION_BACK, NULL, "health checks look for an answer to a greeting of SSL 3.0", 0, 0,
		parse_ready_check },
	{ "tcp-check", SECTION_BACK, NULL, "health checks are what tcp-check lines say", 0, 0, parse_tcp_check },
	{ "tcpka", SECTION_PROXY, NULL, "TCP keep-alive on both sides", FRONT(tcp_keepalive_client),
		BACK(tcp_keepalive_server), NULL },
	{ "tcplog", SECTION_FRONT, "[clf]", "log connections with their timings", 0, 0, parse_log_option },
	{ "via", SECTION_PROXY, "<name>", "add a Via field (RFC 9110 section 7.6.3); Ballast's own", 0, 0, parse_via },
	{ 0 },
};

const struct directive option_directives[] = {
	{ "option", SECTION_PROXY, "<name> [<argument>...]", "switch something on", parse_option, true, false },
	{ 0 },
};
