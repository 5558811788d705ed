/* outgoing: `source ADDR[:PORT[-PORT]] [interface NAME]`: where connections to servers come from. */
#include <errno.h>

#include "directive.h"

int outgoing_address(struct cfg_context *c, const struct line *l, size_t *at, bool range, struct outgoing *out)
{
	struct endpoint_spec spec;

	if (need_word(c, l, *at, "source", "an address"))
		return -EINVAL;
	const struct token *t = &l->words[(*at)++];
	if (endpoint_parse(token_slice(t), t, range ? ENDPOINT_PORT_RANGE : 0, &spec, c->arena, c->diag))
		return -EINVAL;
	if (spec.port_high > spec.port_low && !spec.port_low) {
		diag_error(c->diag, &t->at, NULL, "a range of ports begins at 1 or above");
		return -EINVAL;
	}
	if (*at < l->count && token_is(&l->words[*at], "usesrc"))
		return unsupported_word(c, &l->words[*at].at, &(struct unsupported){ "usesrc", NULL });
	*out = (struct outgoing){ .port_low = spec.port_low, .port_high = spec.port_high };
	if (*at < l->count && token_is(&l->words[*at], "interface")) {
		if (need_word(c, l, *at + 1, "interface", "the name of a network interface"))
			return -EINVAL;
		out->interface = l->words[*at + 1].text;
		*at += 2;
	}
	/* The system's choice, as 0.0.0.0 says, is the same as none. */
	bool none = spec.any || (spec.at.len == sizeof(struct sockaddr_in) && spec.at.ip.family == AF_INET &&
					spec.at.ip.v4.sin_addr.s_addr == INADDR_ANY);
	out->at = none && !spec.port_low ? (struct endpoint){ .fd = -1 } : spec.at;
	return 0;
}

static int parse_source(struct cfg_context *c, const struct line *l)
{
	struct backend_settings *s = &c->proxy->set.back;
	struct outgoing from;
	size_t at = 1;

	if (outgoing_address(c, l, &at, false, &from))
		return -EINVAL;
	s->source = from.at;
	s->source_interface = from.interface;
	return no_more_words(c, l, at - 1);
}

const struct directive outgoing_directives[] = {
	{ "source", SECTION_BACK, "<address>[:<port>] [interface <name>]", "address of connections to servers",
		parse_source, false, false },
	{ 0 },
};
