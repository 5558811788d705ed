/* proxy: what a proxy is: mode, id, description, disabled, monitor-uri, http-reuse. */
#include <errno.h>

#include "directive.h"

static int parse_mode(struct cfg_context *c, const struct line *l)
{
	static const char *const modes[] = { "tcp", "http", NULL };
	static const struct unsupported others[] = {
		{ "log", NULL },
		{ "spop", NULL },
		{ "haterm", NULL },
		{ "health", "http-request return status 200" },
		{ 0 },
	};
	unsigned mode;
	const struct unsupported *u = l->count > 1 ? unsupported_find(others, l->words[1].text) : NULL;

	if (u) {
		diag_error(c->diag, &l->words[1].at, u->instead, "mode '%s' is not supported by Ballast (yet)",
			u->name);
		return -EINVAL;
	}
	if (token_choice(&l->words[l->count > 1 ? 1 : l->count], "mode", modes, &mode, c->diag) ||
		no_more_words(c, l, 1))
		return -EINVAL;
	c->proxy->set.mode = mode ? MODE_HTTP : MODE_TCP;
	return 0;
}

static int parse_disabled(struct cfg_context *c, const struct line *l)
{
	c->proxy->set.disabled = true;
	return line_args(l, 0, 0, c->diag);
}

static int parse_enabled(struct cfg_context *c, const struct line *l)
{
	c->proxy->set.disabled = false;
	return line_args(l, 0, 0, c->diag);
}

static int parse_id(struct cfg_context *c, const struct line *l)
{
	int err = value_u32(c, l, 1, "id", 1, INT32_MAX, &c->proxy->id);

	if (!err)
		c->proxy->id_at = l->words[1].at;
	return err;
}

static int parse_description(struct cfg_context *c, const struct line *l)
{
	struct slice text = { "", 0 };

	if (need_word(c, l, 1, "description", "a text"))
		return -EINVAL;
	for (size_t i = 1; i < l->count && text.ptr; i++)
		text = arena_printf(c->arena, "%s%s%s", text.ptr, i > 1 ? " " : "", l->words[i].text);
	c->proxy->description = text.ptr;
	return text.ptr ? 0 : out_of_memory(c, &l->words[0].at);
}

static int parse_monitor_uri(struct cfg_context *c, const struct line *l)
{
	const char *uri = NULL;
	int err = value_string(c, l, 1, "a path", &uri);

	if (err)
		return err;
	if (strpbrk(uri, " \t\r\n#")) {
		diag_error(c->diag, &l->words[1].at, "a path such as /alive", "'%s' cannot be a request's URI", uri);
		return -EINVAL;
	}
	c->proxy->set.front.monitor_uri = slice_from_str(uri);
	c->proxy->set.monitor_at = l->words[0].at;
	return 0;
}

static int parse_http_reuse(struct cfg_context *c, const struct line *l)
{
	static const char *const names[] = { "never", "safe", "aggressive", "always", NULL };
	unsigned reuse;

	if (token_choice(&l->words[l->count > 1 ? 1 : l->count], "http-reuse", names, &reuse, c->diag) ||
		no_more_words(c, l, 1))
		return -EINVAL;
	c->proxy->set.back.reuse = (enum http_reuse)reuse;
	return 0;
}

const struct directive proxy_directives[] = {
	{ "mode", SECTION_PROXY, "tcp|http", "what is spoken", parse_mode, false, false },
	{ "disabled", SECTION_PROXY, "", "the section is read and not used", parse_disabled, false, false },
	{ "enabled", SECTION_PROXY, "", "the section is used, whatever its defaults say", parse_enabled, false, false },
	{ "id", SECTION_FRONTEND | SECTION_LISTEN | SECTION_BACKEND, "<number>", "its number in statistics", parse_id,
		false, false },
	{ "description", SECTION_FRONTEND | SECTION_LISTEN | SECTION_BACKEND, "<text>", "text shown in statistics",
		parse_description, false, false },
	{ "monitor-uri", SECTION_FRONT, "<path>", "answered with 200 by Ballast itself", parse_monitor_uri, false,
		false },
	{ "http-reuse", SECTION_BACK, "never|safe|aggressive|always",
		"when a server connection may serve other clients", parse_http_reuse, false, false },
	{ 0 },
};
