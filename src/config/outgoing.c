/* outgoing: `source ADDR[:PORT] [interface NAME]`: where connections to servers come from. */
#include <errno.h>

#include "directive.h"

/* Reads the address at words[*at] and what may follow it; also of the keyword `source` of servers. */
int outgoing_address(struct cfg_context *c, const struct line *l, size_t *at, struct endpoint *source,
	const char **interface)
{
	struct endpoint_spec spec;

	if (need_word(c, l, *at, "source", "an address"))
		return -EINVAL;
	const struct token *t = &l->words[(*at)++];
	if (endpoint_parse(token_slice(t), t, 0, &spec, c->arena, c->diag))
		return -EINVAL;
	if (*at < l->count && token_is(&l->words[*at], "usesrc"))
		return unsupported_word(c, &l->words[*at].at, &(struct unsupported){ "usesrc", NULL });
	*interface = NULL;
	if (*at < l->count && token_is(&l->words[*at], "interface")) {
		if (need_word(c, l, *at + 1, "interface", "the name of a network interface"))
			return -EINVAL;
		*interface = l->words[*at + 1].text;
		*at += 2;
	}
	/* The system's choice, as 0.0.0.0 says, is the same as none. */
	bool none = spec.any || (spec.at.len == sizeof(struct sockaddr_in) && spec.at.ip.family == AF_INET &&
					spec.at.ip.v4.sin_addr.s_addr == INADDR_ANY);
	*source = none && !spec.port_low ? (struct endpoint){ .fd = -1 } : spec.at;
	return 0;
}

static int parse_source(struct cfg_context *c, const struct line *l)
{
	struct backend_settings *s = &c->proxy->set.back;
	size_t at = 1;

	if (outgoing_address(c, l, &at, &s->source, &s->source_interface))
		return -EINVAL;
	return no_more_words(c, l, at - 1);
}

const struct directive outgoing_directives[] = {
	{ "source", SECTION_BACK, "<address>[:<port>] [interface <name>]", "address of connections to servers",
		parse_source, false, false },
	{ 0 },
};
