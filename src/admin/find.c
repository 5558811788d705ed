/* What the arguments of commands name: proxies and servers, by name, or by number behind a '#'. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

bool parse_number(const char *word, int64_t *out)
{
	const char *digits = word[0] == '-' ? word + 1 : word;
	size_t len = strlen(digits);

	if (!len || len > 18 || strspn(digits, "0123456789") != len)
		return false;
	*out = strtoll(word, NULL, 10);
	return true;
}

/* "#12" */
static bool parse_id(struct slice word, uint32_t *id)
{
	int64_t n;
	char text[16];

	if (word.len < 2 || word.len >= sizeof text || word.ptr[0] != '#')
		return false;
	memcpy(text, word.ptr + 1, word.len - 1);
	text[word.len - 1] = '\0';
	if (!parse_number(text, &n) || n < 0 || n > UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

static struct backend *lookup_backend(struct admin_session *s, struct slice word)
{
	uint32_t id;
	bool by_id = parse_id(word, &id);

	for (struct backend *b = command_graph(s)->backends; b; b = b->next)
		if (by_id ? b->id == id : slice_eq(word, slice_from_str(b->name)))
			return b;
	return NULL;
}

static struct frontend *lookup_frontend(struct admin_session *s, struct slice word)
{
	uint32_t id;
	bool by_id = parse_id(word, &id);

	for (struct frontend *f = command_graph(s)->frontends; f; f = f->next)
		if (by_id ? f->id == id : slice_eq(word, slice_from_str(f->name)))
			return f;
	return NULL;
}

static struct server *lookup_server(const struct backend *b, struct slice word)
{
	uint32_t id;

	if (!parse_id(word, &id))
		return backend_find_server(b, word);
	for (uint32_t i = 0; i < b->server_count; i++)
		if (b->servers[i]->id == id)
			return b->servers[i];
	return NULL;
}

struct server *find_server(struct admin_session *s, const char *word)
{
	const char *slash = strchr(word, '/');
	struct backend *b;
	struct server *found;

	if (!slash || slash == word || !slash[1]) {
		command_say(s, "Require 'backend/server'.");
		return NULL;
	}
	b = lookup_backend(s, slice_of(word, (size_t)(slash - word)));
	if (!b) {
		command_say(s, "No such backend.");
		return NULL;
	}
	found = lookup_server(b, slice_from_str(slash + 1));
	if (!found)
		command_say(s, "No such server.");
	return found;
}

struct frontend *find_frontend(struct admin_session *s, const char *word)
{
	struct frontend *f;

	if (!*word) {
		command_say(s, "A frontend name is expected.");
		return NULL;
	}
	f = lookup_frontend(s, slice_from_str(word));
	if (!f)
		command_say(s, "No such frontend.");
	return f;
}

struct backend *find_backend(struct admin_session *s, const char *word)
{
	struct backend *b = lookup_backend(s, slice_from_str(word));

	if (!b)
		command_say(s, "Can't find backend.");
	return b;
}

bool find_proxy_id(struct admin_session *s, const char *word, int64_t *iid)
{
	const struct frontend *f;
	const struct backend *b;

	if (parse_number(word, iid))
		return true;
	f = lookup_frontend(s, slice_from_str(word));
	b = f ? NULL : lookup_backend(s, slice_from_str(word));
	if (!f && !b) {
		command_say(s, "No such proxy.");
		return false;
	}
	*iid = f ? f->id : b->id;
	return true;
}
