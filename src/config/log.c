/* log: where logs of a proxy or the process go, and what their lines look like.
 *
 * Formats are only noted here: they are compiled when all is read and the mode is known (format.c).
 */
#include <errno.h>

#include "ballast/proxy/log.h"
#include "directive.h"

static struct log_targets *targets(struct cfg_context *c)
{
	return c->proxy ? &c->proxy->set.log : &c->graph->global.log;
}

static int parse_log(struct cfg_context *c, const struct line *l)
{
	struct log_targets *into = targets(c);
	const char *tag = into->tag;

	if (c->negated) {
		log_targets_init(into);
		into->tag = tag;
		return no_more_words(c, l, 0);
	}
	if (!c->proxy && l->count > 1 && token_is(&l->words[1], "global")) {
		diag_error(c->diag, &l->words[1].at, NULL, "'log global' is for proxies: here its targets are named");
		return -EINVAL;
	}
	/* A proxy that has got it from `defaults` may say it again. */
	if (l->count == 2 && token_is(&l->words[1], "global") && into->use_global)
		return 0;
	return log_target_parse(l, 1, into, c->arena, c->diag);
}

static int parse_log_tag(struct cfg_context *c, const struct line *l)
{
	if (c->proxy)
		return value_string(c, l, 1, "a text", &c->proxy->set.log.tag);
	return value_string(c, l, 1, "a text", &c->graph->global.log_tag);
}

static int parse_log_send_hostname(struct cfg_context *c, const struct line *l)
{
	struct global_settings *g = &c->graph->global;

	if (l->count > 1)
		return value_string(c, l, 1, "a name", &g->log_send_hostname);
	g->log_send_hostname = "";
	return 0;
}

static int parse_log_format(struct cfg_context *c, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;

	if (c->section == SECTION_BACKEND) {
		diag_warn(c->diag, &l->words[0].at, NULL, "'log-format' is ignored in a backend: its frontends log");
		return 0;
	}
	int err = value_string(c, l, 1, "a format", &s->log_text);
	if (err)
		return err;
	s->log_choice = LOG_CHOICE_CUSTOM;
	s->log_at = l->words[1].at;
	return 0;
}

static int parse_error_log_format(struct cfg_context *c, const struct line *l)
{
	int err = value_string(c, l, 1, "a format", &c->proxy->set.log_error_text);

	if (!err)
		c->proxy->set.log_error_at = l->words[1].at;
	return err;
}

static int parse_log_format_sd(struct cfg_context *c, const struct line *l)
{
	int err = value_string(c, l, 1, "a format", &c->proxy->set.log_structured_text);

	if (err)
		return err;
	c->proxy->set.log_structured_at = l->words[1].at;
	if (l->words[1].text[0] == '[')
		return 0;
	diag_error(c->diag, &l->words[1].at, "[name@32473 status=\"%ST\"]", "structured data stands in brackets");
	return -EINVAL;
}

static int parse_unique_id_format(struct cfg_context *c, const struct line *l)
{
	int err = value_string(c, l, 1, "a format", &c->proxy->set.unique_id_text);

	if (!err)
		c->proxy->set.unique_id_at = l->words[1].at;
	return err;
}

static int parse_unique_id_header(struct cfg_context *c, const struct line *l)
{
	int err = value_string(c, l, 1, "the name of a header field", &c->proxy->set.front.unique_id_header);

	if (err)
		return err;
	c->proxy->set.unique_id_header_at = l->words[1].at;
	for (const char *at = l->words[1].text; *at; at++)
		if (!(*at == '-' || *at == '_' || (unsigned char)(*at - '0') < 10 ||
			    (unsigned char)((*at | 0x20) - 'a') < 26)) {
			diag_error(c->diag, &l->words[1].at, NULL, "'%s' cannot be the name of a header field",
				l->words[1].text);
			return -EINVAL;
		}
	return 0;
}

/* --- formats, when all is read --- */

/* A format from a defaults section is compiled once, so that its faults are told once. */
struct compiled {
	struct compiled *next;
	const char *text;
	struct format *format; /* NULL: it is wrong */
};

static struct format *compile(struct cfg_context *c, struct compiled **known, const char *text, const struct place *at)
{
	bool depends = strstr(text, "%["); /* an expression may be about its section's own stick-table */

	for (const struct compiled *k = *known; k && !depends; k = k->next)
		if (k->text == text)
			return k->format;
	struct compiled *k = arena_alloc(c->arena, sizeof(*k));
	if (!k) {
		out_of_memory(c, at);
		return NULL;
	}
	*k = (struct compiled){ *known, text, format_parse(text, at, FORMAT_LOG, PHASE_LOG, c->arena, c->diag) };
	*known = k;
	return k->format;
}

/* The text that was chosen; NULL: the default format. */
static const char *chosen_text(struct cfg_context *c, const struct proxy *p)
{
	bool clf = p->set.log_choice == LOG_CHOICE_HTTP_CLF || p->set.log_choice == LOG_CHOICE_TCP_CLF;
	char name[96];

	switch (p->set.log_choice) {
	case LOG_CHOICE_JSON:
	case LOG_CHOICE_DEFAULT: return NULL;
	case LOG_CHOICE_CUSTOM: return p->set.log_text;
	case LOG_CHOICE_HTTP:
	case LOG_CHOICE_HTTP_CLF:
		if (p->set.mode == MODE_HTTP)
			return clf ? log_format_http_clf : log_format_http;
		diag_warn(c->diag, &p->set.log_at, NULL,
			"'option httplog' needs mode http: %s uses 'option tcplog' instead",
			proxy_text(p, name, sizeof(name)));
		break;
	default: break;
	}
	return clf ? log_format_tcp_clf : log_format_tcp;
}

static void compile_log(struct cfg_context *c, const struct proxy *p, struct compiled **known)
{
	struct frontend_settings *set = &p->front->set;
	const char *text = chosen_text(c, p);
	char name[96];

	tables_at(p->name, &p->set.log_at);
	if (p->set.log_error_text)
		set->log_error_format = compile(c, known, p->set.log_error_text, &p->set.log_error_at);
	if (p->set.log_structured_text)
		set->log_structured = compile(c, known, p->set.log_structured_text, &p->set.log_structured_at);
	set->log_json = p->set.log_choice == LOG_CHOICE_JSON;
	if (!text)
		return;
	set->log_format_text = text;
	set->log_format = compile(c, known, text, p->set.log_choice == LOG_CHOICE_CUSTOM ? &p->set.log_at : NULL);
	proxy_text(p, name, sizeof(name));
	if (set->log_format && p->set.mode == MODE_TCP && format_needs_http(set->log_format))
		diag_warn(c->diag, &p->set.log_at, NULL, "log-format of %s has variables that need mode http", name);
	if (!p->set.log.use_global && list_empty(&p->set.log.list))
		diag_warn(c->diag, &p->at, "log global", "%s has a log format, but no 'log' that says where to", name);
}

static void compile_unique_id(struct cfg_context *c, const struct proxy *p)
{
	struct frontend_settings *set = &p->front->set;
	unsigned phases = p->set.mode == MODE_HTTP ? PHASE_REQUEST : PHASE_CONNECTION;

	if (!p->set.unique_id_text) {
		if (set->unique_id_header)
			diag_warn(c->diag, &p->set.unique_id_header_at, NULL,
				"there is no unique-id-format: no field is added");
		return;
	}
	set->unique_id =
		format_parse(p->set.unique_id_text, &p->set.unique_id_at, FORMAT_LOG, phases, c->arena, c->diag);
}

void compile_logs(struct cfg_context *c)
{
	struct compiled *known = NULL;

	for (const struct proxy *p = c->proxies; p; p = p->next)
		if (p->front && !p->set.disabled) {
			compile_log(c, p, &known);
			compile_unique_id(c, p);
		}
}

const struct directive log_directives[] = {
	{ "log", SECTION_GLOBAL | SECTION_PROXY,
		"global | <target> [len <bytes>] [format <format>] [sample <ranges>:<size>] <facility> [<level> "
		"[<minlevel>]]",
		"where log lines go", parse_log, true, false },
	{ "log-tag", SECTION_GLOBAL | SECTION_PROXY, "<text>", "name of the program in log lines", parse_log_tag, false,
		false },
	{ "log-send-hostname", SECTION_GLOBAL, "[<name>]", "host name in log lines", parse_log_send_hostname, false,
		false },
	{ "error-log-format", SECTION_FRONT, "<format>", "what the line of something that went wrong says",
		parse_error_log_format, false, false },
	{ "log-format-sd", SECTION_FRONT, "<format>", "structured data for targets of format rfc5424",
		parse_log_format_sd, false, false },
	{ "unique-id-format", SECTION_FRONT, "<format>", "a name for each request", parse_unique_id_format, false,
		false },
	{ "unique-id-header", SECTION_FRONT, "<name>", "field in which servers get it", parse_unique_id_header, false,
		false },
	{ "log-format", SECTION_PROXY, "<format>", "what a log line says", parse_log_format, false, false },
	{ 0 },
};
